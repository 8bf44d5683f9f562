/*
 * A behaviour of your own: it counts the messages that it gets, by sender.
 *
 * Build it against the installed library, and let an agent run it (README.md in this folder):
 *
 *   meson setup build && ninja -C build
 *   troupe-agentd --name counter --load build/counter.so --args '{"limit": 3}'
 *
 * and ask it: each request is answered with {"sender": ..., "count": ..., "total": ...}. With "limit" it refuses
 * a sender who asks more often than that. Every ten seconds it publishes its total on the topic counter.total.
 */
#include <troupe/troupe.h>

#include <errno.h>
#include <string.h>

#define SENDERS 64

/* One of these for each agent: zeroed before init, freed after fini. There are no globals: a process may host
 * thousands of agents with this behaviour. */
typedef struct counter {
    int64_t limit;
    uint64_t total;
    size_t known;
    struct {
        char name[TR_AID_MAX + 1];
        uint64_t count;
    } senders[SENDERS];
} counter_t;

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    counter_t *counter = state;
    /* Every accessor takes what is absent, and gives the default then. */
    counter->limit = tr_value_int(tr_value_get(args, "limit"), INT64_MAX);
    if (counter->limit < 1)
        return -EINVAL; /* the agent does not start */
    return tr_agent_tick_every(self, 10000);
}

/* The sender's own count; those who come when the table is full share the last entry. */
static uint64_t *count_of(counter_t *counter, const char *sender) {
    size_t i = 0;
    while (i < counter->known && strcmp(counter->senders[i].name, sender) != 0)
        i++;
    if (i == counter->known && i < SENDERS) {
        strncpy(counter->senders[i].name, sender, TR_AID_MAX);
        counter->known++;
    }
    return &counter->senders[i < SENDERS ? i : SENDERS - 1].count;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    counter_t *counter = state;
    if (tr_message_type(message) != TR_MESSAGE_DIRECT)
        return 0;
    uint64_t *count = count_of(counter, tr_message_sender(message));
    counter->total++;
    ++*count;
    if (tr_message_performative(message) != TR_REQUEST)
        return 0;
    if (*count > (uint64_t)counter->limit)
        tr_reply_reason(self, message, TR_REFUSE, "limit", "you asked too often");
    else {
        tr_content_writer_t answer;
        tr_content_writer_init(&answer);
        tr_write_map(&answer, 3);
        tr_write_kv(&answer, "sender", tr_message_sender(message));
        tr_write_kv_uint(&answer, "count", *count);
        tr_write_kv_uint(&answer, "total", counter->total);
        /* Conversation, protocol and receiver are those of the question. */
        tr_reply_content(self, message, TR_INFORM, &answer);
    }
    return 0; /* negative: the behaviour failed, and is started again with fresh state */
}

static void tick(tr_agent_t *self, void *state) {
    const counter_t *counter = state;
    tr_content_writer_t event;
    tr_content_writer_init(&event);
    tr_write_map(&event, 1);
    tr_write_kv_uint(&event, "total", counter->total);
    tr_publish_content(self, "counter.total", &event);
}

static const tr_behaviour_t counter_behaviour = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "counter",
    .summary = "counts messages by sender",
    .state_size = sizeof(counter_t),
    .init = init,
    .receive = receive,
    .tick = tick,
};
TR_EXPORT_BEHAVIOUR(counter_behaviour)
