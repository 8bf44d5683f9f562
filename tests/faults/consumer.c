/* A consumer: takes numbered durable messages, settles each by returning, and keeps a history of what came. */
#include "tests/faults/role.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

typedef struct options {
    const char *connect, *history, *name;
    int64_t pause_ms, die_at, stop_at, poison, every;
} options_t;

#define O options_t
static const tr_option_t table[] = {
    {"connect", 0, "ENDPOINT", TR_STRING(O, connect), NULL, "The broker.", .flags = TR_OPTION_REQUIRED},
    {"history", 0, "FILE", TR_STRING(O, history), NULL, "Where to say what happens.",
        .flags = TR_OPTION_REQUIRED},
    {"name", 0, "NAME", TR_STRING(O, name), "consumer", "Of the agent, whose mailbox is durable."},
    {"pause", 0, "TIME", TR_DURATION(O, pause_ms), "0", "How long each message is in work."},
    {"die-at", 0, "N", TR_INT(O, die_at), "0", "Kill itself with the N-th message in work.", .min = 0,
        .max = INT32_MAX},
    {"stop-at", 0, "N", TR_INT(O, stop_at), "0", "End after the N-th message.", .min = 0, .max = INT32_MAX},
    {"poison", 0, "NUMBER", TR_INT(O, poison), "0", "Give each message of this number back.", .min = 0,
        .max = INT64_MAX},
    {"poison-every", 0, "N", TR_INT(O, every), "0", "Give each message back whose number N divides.",
        .min = 0, .max = INT64_MAX},
};
static const tr_program_t program = {.name = "consumer",
    .summary = "Take numbered durable messages and keep a history",
    .options = table,
    .option_count = sizeof table / sizeof *table};

typedef struct consumer {
    options_t options;
    tr_options_t *owner;
    role_t role;
    uint64_t received;
} consumer_t;

static void take(consumer_t *c, const tr_message_t *m, char sender[NAME_SIZE], uint64_t *ret_number) {
    size_t size;
    const void *bytes = tr_message_content(m, &size);
    *ret_number = 0;
    bool good = numbered_check(bytes, size, sender, ret_number);
    history_say(&c->role.history, "got %s %" PRIu64 " %s %d %u %s", sender, *ret_number, c->options.name,
        tr_message_redelivered(m), tr_message_attempt(m), good ? "good" : "wrong");
}

static bool is_poison(const options_t *o, uint64_t number) {
    return (o->poison && number == (uint64_t)o->poison) || (o->every && number % (uint64_t)o->every == 0);
}

/* It is not dealt with: somebody else shall try. */
static int give_back(consumer_t *c, const tr_message_t *m, const char *sender, uint64_t number) {
    tr_message_t *kept = tr_message_keep(m);
    if (!kept)
        return -ENOMEM;
    history_say(&c->role.history, "gave %s %" PRIu64 " %s", sender, number, c->options.name);
    tr_message_release(&kept);
    return 0;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *m) {
    consumer_t *c = role_part(state);
    const options_t *o = &c->options;
    char sender[NAME_SIZE] = "?";
    uint64_t number;
    (void)self;
    if (tr_message_type(m) != TR_MESSAGE_DIRECT)
        return 0;
    take(c, m, sender, &number);
    c->received++;
    if (o->die_at && c->received == (uint64_t)o->die_at)
        raise(SIGKILL);
    if (o->pause_ms)
        usleep((useconds_t)o->pause_ms * 1000);
    if (o->stop_at && c->received == (uint64_t)o->stop_at)
        tr_host_stop(c->role.host, 0);
    return is_poison(o, number) ? give_back(c, m, sender, number) : 0;
}

int main(int argc, char **argv) {
    consumer_t c = {0};
    tr_error_t error = {0};
    int r = tr_options_read(&program, argc, argv, &c.options, &c.owner, &error);
    if (r != TR_OPTIONS_RUN) {
        fprintf(stderr, "consumer: %s\n", error.text);
        return 1;
    }
    c.role = (role_t){.host_options = {.endpoint = c.options.connect, .durable = true},
        .name = c.options.name,
        .receive = receive,
        .part = &c};
    r = role_join(&c.role, c.options.history, &error);
    if (r == 0)
        r = tr_host_run(c.role.host);
    else
        fprintf(stderr, "consumer: %s\n", error.text);
    if (c.role.history.file)
        history_say(&c.role.history, "end %s %" PRIu64, c.options.name, c.received);
    role_leave(&c.role);
    tr_options_destroy(&c.owner);
    return r == 0 ? 0 : 2;
}
