/* A producer: numbered durable messages to its receivers in turn, and a history of what became of each. */
#include "tests/faults/role.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    const char *connect, *history, *name;
    tr_strings_t to;
    int64_t rate, count, first, size, linger_ms;
} options_t;

#define O options_t
static const tr_option_t table[] = {
    {"connect", 0, "ENDPOINT", TR_STRING(O, connect), NULL, "The broker.", .flags = TR_OPTION_REQUIRED},
    {"history", 0, "FILE", TR_STRING(O, history), NULL, "Where to say what happens.",
        .flags = TR_OPTION_REQUIRED},
    {"name", 0, "NAME", TR_STRING(O, name), "producer", "Of the agent, 20 bytes at most."},
    {"to", 0, "NAME", TR_LIST(O, to), NULL, "A receiver; several take turns.", .min = 1},
    {"rate", 0, "N", TR_INT(O, rate), "0", "Messages a second; 0 = as fast as they are taken.", .min = 0,
        .max = 10000000},
    {"count", 0, "N", TR_INT(O, count), "0", "How many; 0 = until SIGTERM.", .min = 0, .max = INT32_MAX},
    {"first", 0, "N", TR_INT(O, first), "1", "The number to begin with.", .min = 1, .max = INT64_MAX / 2},
    {"size", 0, "BYTES", TR_INT(O, size), "64", "Of a message's content.", .min = NUMBERED_MIN,
        .max = 1 << 20},
    {"linger", 0, "TIME", TR_DURATION(O, linger_ms), "60s", "How long to wait for answers when all is sent."},
};
static const tr_program_t program = {.name = "producer",
    .summary = "Send numbered durable messages and keep a history",
    .options = table,
    .option_count = sizeof table / sizeof *table};

typedef struct producer {
    options_t options;
    tr_options_t *owner;
    role_t role;
    uint8_t *content;
    uint64_t next, open; /* number of the next message; how many are not answered */
    int64_t begun_ns, ended_ms;
    bool said; /* of the next one, that it is sent: it was tried before */
} producer_t;

static const char *reason_of(const tr_message_t *m) {
    return tr_reason_name(tr_message_reason(m));
}

static void on_stored(tr_agent_t *self, void *state, const tr_message_t *failure, void *arg) {
    producer_t *p = role_part(state);
    (void)self;
    p->open--;
    if (failure)
        history_say(&p->role.history, "refused %s %" PRIuPTR " %s", p->options.name, (uintptr_t)arg,
            reason_of(failure));
    else
        history_say(&p->role.history, "stored %s %" PRIuPTR, p->options.name, (uintptr_t)arg);
}

/* What was stored and given up later. */
static int receive(tr_agent_t *self, void *state, const tr_message_t *m) {
    producer_t *p = role_part(state);
    uint64_t number;
    (void)self;
    if (tr_message_type(m) == TR_MESSAGE_FAILED && numbered_of_failure(m, &number))
        history_say(&p->role.history, "returned %s %" PRIu64 " %s", p->options.name, number, reason_of(m));
    return 0;
}

static void on_end(void *part) {
    producer_t *p = part;
    if (!p->ended_ms)
        p->ended_ms = tr_clock_ms();
}

static int send_next(producer_t *p) {
    char conversation[32];
    const options_t *o = &p->options;
    uint64_t number = p->next;
    const char *to = o->to.items[number % o->to.count];
    snprintf(conversation, sizeof conversation, "%" PRIu64, number);
    numbered_fill(p->content, (size_t)o->size, o->name, number);
    if (!p->said)
        history_say(&p->role.history, "sent %s %" PRIu64 " %s", o->name, number, to);
    p->said = true;
    tr_acl_t acl = {.performative = TR_INFORM,
        .receivers = {.items = &to, .count = 1},
        .language = "bytes",
        .conversation_id = conversation,
        .content = p->content,
        .content_len = (size_t)o->size};
    int r = tr_send_durable(p->role.agent, &acl, on_stored, (void *)(uintptr_t)number);
    if (r < 0)
        return r;
    p->said = false;
    p->next++;
    p->open++;
    return 0;
}

static uint64_t due(const producer_t *p) {
    uint64_t most = p->options.count ? (uint64_t)(p->options.first + p->options.count) : UINT64_MAX;
    if (!p->options.rate)
        return most;
    double seconds = (double)(tr_clock_ns() - p->begun_ns) / 1e9;
    uint64_t now = (uint64_t)p->options.first + (uint64_t)(seconds * (double)p->options.rate) + 1;
    return now < most ? now : most;
}

/* 0: all that is due was sent; -EAGAIN: not all was taken; another error is final. */
static int send_due(producer_t *p) {
    enum { AT_ONCE = 256 }; /* then the host gets its turn */
    uint64_t until = due(p);
    int r = 0;
    for (unsigned i = 0; r == 0 && p->next < until && i < AT_ONCE; i++)
        r = send_next(p);
    return r;
}

static int run(producer_t *p) {
    const options_t *o = &p->options;
    uint64_t last = o->count ? (uint64_t)(o->first + o->count) : UINT64_MAX;
    p->begun_ns = tr_clock_ns();
    while (!p->ended_ms && p->next < last) {
        int r = send_due(p);
        if (r < 0 && r != -EAGAIN && r != -ENOTSUP) /* that too: a broker without a journal came back */
            return r;
        tr_host_step(p->role.host, r < 0 || o->rate ? 1 : 0);
    }
    p->ended_ms = tr_clock_ms();
    while (p->open && tr_clock_ms() - p->ended_ms < o->linger_ms)
        tr_host_step(p->role.host, 20);
    history_say(&p->role.history, "end %s %" PRIu64, o->name, p->open);
    return p->open ? -ETIMEDOUT : 0;
}

static int join(producer_t *p, tr_error_t *error) {
    const options_t *o = &p->options;
    p->next = (uint64_t)o->first;
    p->content = calloc(1, (size_t)o->size);
    if (!p->content || strlen(o->name) > 20)
        return tr_error_set(error, -EINVAL, "out of memory, or --name is too long");
    p->role = (role_t){.host_options = {.endpoint = o->connect},
        .name = o->name,
        .receive = receive,
        .on_end = on_end,
        .part = p};
    return role_join(&p->role, o->history, error);
}

int main(int argc, char **argv) {
    producer_t p = {0};
    tr_error_t error = {0};
    int r = tr_options_read(&program, argc, argv, &p.options, &p.owner, &error);
    if (r != TR_OPTIONS_RUN) {
        fprintf(stderr, "producer: %s\n", error.text);
        return 1;
    }
    r = join(&p, &error);
    if (r == 0)
        r = run(&p);
    if (r < 0)
        fprintf(stderr, "producer: %s\n", error.text[0] ? error.text : strerror(-r));
    role_leave(&p.role);
    free(p.content);
    tr_options_destroy(&p.owner);
    return r == 0 ? 0 : 2;
}
