/*
 * A behaviour that counts: {"n": N} is added up, and noted in a set, so that a test can tell what was lost and what came twice;
 * where args say {"then": AGENT} it is handed on to that one as a durable message. A request is answered with what there is by now.
 * {"fail": true} is added up, and then fails; {"wait": MS} takes its time.
 *
 * With COUNTER_APPENDS it is the behaviour `logbook`: what it adds up is an event, {"snapshot": true} has all of it saved, and the events that its
 * process has replayed are told, too.
 */
#include "troupe/agent.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NUMBERS 8192u

typedef struct counter {
    int64_t total, count, doubled, replayed;
    char then[TR_AID_MAX + 1];
    uint8_t seen[NUMBERS / 8];
} counter_t;

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    counter_t *c = state;
    (void)self;
    return tr_value_get(args, "then") ? tr_value_copy(tr_value_get(args, "then"), c->then, sizeof c->then)
                                      : 0;
}

static void add(counter_t *c, uint64_t n) {
    uint8_t bit = (uint8_t)(1u << n % 8);
    c->total += (int64_t)n;
    c->count++;
    c->doubled += (c->seen[n / 8 % sizeof c->seen] & bit) != 0;
    c->seen[n / 8 % sizeof c->seen] |= bit;
}

#ifdef COUNTER_APPENDS
static int append(tr_agent_t *self, tr_value_t value, int64_t n) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_int(&w, n);
    if (tr_value_bool(tr_value_get(value, "snapshot"), false))
        tr_agent_snapshot(self);
    return tr_agent_append_content(self, &w);
}

static int replay(tr_agent_t *self, void *state, tr_value_t event) {
    counter_t *c = state;
    int64_t n = tr_value_int(event, 0);
    if (n <= 0 || tr_agent_append(self, "\x01", 1) != -EPERM)
        return -1;
    add(c, (uint64_t)n);
    c->replayed++;
    return 0;
}
#define REPLAY  replay
#define APPENDS true
#define NAME    "logbook"
#else
static int append(tr_agent_t *self, tr_value_t value, int64_t n) {
    (void)value;
    (void)n;
    return tr_agent_append(self, "\x01", 1) == -ENOTSUP ? 0 : -1; /* it has no replay */
}
#define REPLAY  NULL
#define APPENDS false
#define NAME    "counter"
#endif

static int hand_on(tr_agent_t *self, const counter_t *c, const tr_message_t *message) {
    const char *receiver = c->then;
    tr_acl_t acl = {.performative = TR_INFORM, .receivers = {.items = &receiver, .count = 1}};
    acl.content = tr_message_content(message, &acl.content_len);
    return tr_send_durable(self, &acl, NULL, NULL);
}

static int answer(tr_agent_t *self, const counter_t *c, const tr_message_t *message) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, APPENDS ? 4 : 3);
    tr_write_kv_int(&w, "total", c->total);
    tr_write_kv_int(&w, "count", c->count);
    tr_write_kv_int(&w, "doubled", c->doubled);
    if (APPENDS)
        tr_write_kv_int(&w, "replayed", c->replayed);
    return tr_reply_content(self, message, TR_INFORM, &w);
}

static void pause_for(int64_t ms) {
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    counter_t *c = state;
    tr_value_t value = tr_message_value(message);
    int64_t n = tr_value_int(tr_value_get(value, "n"), 0);
    if (n > 0)
        add(c, (uint64_t)n);
    if (n > 0 && append(self, value, n) < 0)
        return -1;
    if (tr_value_bool(tr_value_get(value, "fail"), false) && !tr_message_redelivered(message))
        return -1;
    pause_for(tr_value_int(tr_value_get(value, "wait"), 0));
    if (n > 0 && *c->then) {
        int r = hand_on(self, c, message);
        if (r < 0)
            return r;
    }
    return tr_message_performative(message) == TR_REQUEST ? answer(self, c, message) : 0;
}

static int save(tr_agent_t *self, const void *state, tr_content_writer_t *out) {
    const counter_t *c = state;
    (void)self;
    tr_write_map(out, 4);
    tr_write_kv_int(out, "total", c->total);
    tr_write_kv_int(out, "count", c->count);
    tr_write_kv_int(out, "doubled", c->doubled);
    tr_write_str(out, "seen");
    tr_write_bin(out, c->seen, sizeof c->seen);
    return 0;
}

static int restore(tr_agent_t *self, void *state, tr_value_t saved) {
    counter_t *c = state;
    tr_value_t seen = tr_value_get(saved, "seen");
    (void)self;
    if (!seen || seen->type != MSGPACK_OBJECT_BIN || seen->via.bin.size != sizeof c->seen)
        return -1;
    memcpy(c->seen, seen->via.bin.ptr, sizeof c->seen);
    c->total = tr_value_int(tr_value_get(saved, "total"), 0);
    c->count = tr_value_int(tr_value_get(saved, "count"), 0);
    c->doubled = tr_value_int(tr_value_get(saved, "doubled"), 0);
    return 0;
}

static const tr_behaviour_t counter = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = NAME,
    .summary = "adds up",
    .state_size = sizeof(counter_t),
    .init = init,
    .receive = receive,
    .save = save,
    .restore = restore,
    .replay = REPLAY,
};

TR_EXPORT_BEHAVIOUR(counter)
