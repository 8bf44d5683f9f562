/* Answers whatever comes, so that two of them would never end; the hop limit, or a budget, ends it. */
#include "tests/faults/role.h"

#include <inttypes.h>

typedef struct options {
    const char *connect, *history, *name, *to;
    int64_t budget_tokens;
    bool ask;
} options_t;

#define O options_t
static const tr_option_t table[] = {
    {"connect", 0, "ENDPOINT", TR_STRING(O, connect), NULL, "The broker.", .flags = TR_OPTION_REQUIRED},
    {"history", 0, "FILE", TR_STRING(O, history), NULL, "Where to say what happens.",
        .flags = TR_OPTION_REQUIRED},
    {"name", 0, "NAME", TR_STRING(O, name), "bouncer", "Of the agent."},
    {"to", 0, "NAME", TR_STRING(O, to), NULL, "Whom it sends the first message; nobody where it is absent."},
    {"budget-tokens", 0, "N", TR_INT(O, budget_tokens), "0", "Of the first message; 0 is no limit.", .min = 0,
        .max = INT64_MAX},
    {"ask", 0, NULL, TR_BOOL(O, ask), NULL, "Answer with a request, not with an inform."},
};
static const tr_program_t program = {.name = "bouncer",
    .summary = "Answer whatever comes",
    .options = table,
    .option_count = sizeof table / sizeof *table};

typedef struct bouncer {
    options_t options;
    tr_options_t *owner;
    role_t role;
    uint64_t received;
} bouncer_t;

static int receive(tr_agent_t *self, void *state, const tr_message_t *m) {
    bouncer_t *b = role_part(state);
    if (tr_message_type(m) == TR_MESSAGE_FAILED) {
        history_say(&b->role.history, "returned %s %" PRIu64 " %s", b->options.name, b->received,
            tr_reason_name(tr_message_reason(m)));
        return 0;
    }
    history_say(&b->role.history, "bounced %s %" PRIu64, b->options.name, ++b->received);
    return tr_reply(self, m, b->options.ask ? TR_REQUEST : TR_INFORM, NULL, 0);
}

static int send_first(bouncer_t *b) {
    const options_t *o = &b->options;
    tr_acl_t first = {.performative = o->ask ? TR_REQUEST : TR_INFORM,
        .receivers = {.items = &o->to, .count = 1},
        .budget = {.of_tokens = o->budget_tokens > 0, .tokens = (uint64_t)o->budget_tokens}};
    return tr_send(b->role.agent, &first);
}

int main(int argc, char **argv) {
    bouncer_t b = {0};
    tr_error_t error = {0};
    int r = tr_options_read(&program, argc, argv, &b.options, &b.owner, &error);
    if (r != TR_OPTIONS_RUN) {
        fprintf(stderr, "bouncer: %s\n", error.text);
        return 1;
    }
    b.role = (role_t){.host_options = {.endpoint = b.options.connect},
        .name = b.options.name,
        .receive = receive,
        .part = &b};
    r = role_join(&b.role, b.options.history, &error);
    if (r == 0 && b.options.to)
        r = send_first(&b);
    if (r == 0)
        r = tr_host_run(b.role.host);
    else
        fprintf(stderr, "bouncer: %s\n", error.text);
    role_leave(&b.role);
    tr_options_destroy(&b.owner);
    return r == 0 ? 0 : 2;
}
