/*
 * Agents and their behaviours.
 *
 * A behaviour is a table of functions; a host (troupe/host.h) runs one agent, or many, with it. Functions of
 * one host all run in one thread, one at a time, so a behaviour needs no locks and must not be shared between
 * hosts through mutable globals. A function may take its time: the link to the broker is kept alive by
 * another thread. It holds up the other agents of the same host meanwhile.
 *
 * ABI: a behaviour loaded from a shared object says which version it was built for; agentd refuses others.
 */
#ifndef TROUPE_AGENT_H
#define TROUPE_AGENT_H

#include "troupe/message.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_BEHAVIOUR_ABI 5u

typedef struct tr_agent tr_agent_t;
typedef struct tr_timer tr_timer_t;

typedef struct tr_behaviour {
    uint32_t abi; /* TR_BEHAVIOUR_ABI */
    const char *name;
    const char *summary; /* one line */
    size_t state_size;   /* bytes of state per agent: zeroed before init, freed after fini */
    uint32_t capacity;   /* requests of a service it takes at once; 0 = 16 */
    /* Before the first message, after the agent is registered. args: the fleet file's map, NULL where none;
     * borrowed. Negative: it cannot start. Also called after a failure, with fresh state. May send. NULL =
     * nothing to do. */
    int (*init)(tr_agent_t *self, void *state, tr_value_t args);
    /* For each message. Negative: the behaviour failed; it is started again by the rules of supervision, and
     * the message, if it was leased, goes to another provider. May be NULL where there are participants: what asks for something
     * outside of their protocols is answered with not-understood then, and the rest is dropped. */
    int (*receive)(tr_agent_t *self, void *state, const tr_message_t *message);
    /* After each interval of tr_agent_tick_every. May be NULL. */
    void (*tick)(tr_agent_t *self, void *state);
    /* Before the state is freed: at shutdown or before a restart. Must not block. May be NULL. */
    void (*fini)(tr_agent_t *self, void *state);
    /*
     * Both or neither: the agent's state outlives its process, where the host has a store (tr_host_options_t.states; troupe-agentd
     * --state). Both run in the host's thread; must not block, send, or finish messages.
     *
     * save writes what is needed to go on from here as one msgpack value, usually a map. It is called after what the agent did (a
     * message, a timer, an answer) and before any of that shows: what it sent meanwhile leaves, and leased messages that it finished
     * are settled, once the value is in the store. Negative: the agent has failed, as if receive had; others that were called in the same turn of the host are saved all
     * the same. Where the store fails, all that were to be saved have failed. Whoever fails loses its turn: what it sent does not leave, and
     * its leased messages come again.
     *
     * restore is called after init, with the value that was saved last, borrowed; not where there is none. Negative: it cannot
     * start. So a leased message (of a service, of a durable mailbox) is in the state exactly once, and what was sent under it is
     * sent, whenever the process is killed. Timers, requests, conversations and kept messages are not part of it: start again in
     * restore what needs to run. What was not leased, or came back from a broker that was killed, is promised no more than without.
     */
    int (*save)(tr_agent_t *self, const void *state, tr_content_writer_t *out);
    int (*restore)(tr_agent_t *self, void *state, tr_value_t saved);
    /* Which protocols its agents take part in: as if init began with a tr_participate (troupe/protocol.h) for each, up to one whose
     * protocol is NULL. Borrowed for as long as the agents live. NULL = none. */
    const struct tr_participant *participants;
    /*
     * With save and restore, or NULL. Its agents' state changes by events, which the behaviour appends (tr_agent_append): a turn is saved by what it
     * appended, and costs as much as it changes; one that appended nothing has not changed the state. The whole state (save) is written
     * in the place of the events from time to time, when the agent moves, and where tr_agent_snapshot asks for it.
     *
     * replay is called after init and restore (where a whole state was saved), once for each event since, in their order, and makes of the
     * state what it was after that event. As restore it must not block, send or append. Negative: the agent cannot start.
     */
    int (*replay)(tr_agent_t *self, void *state, tr_value_t event);
} tr_behaviour_t;

/* A user's shared object exports this function; agentd --load calls it once. */
#define TR_BEHAVIOUR_SYMBOL "troupe_behaviour"
typedef const tr_behaviour_t *(*tr_behaviour_entry_t)(void);
#define TR_EXPORT_BEHAVIOUR(behaviour)                                                                       \
    __attribute__((visibility("default"))) const tr_behaviour_t *troupe_behaviour(void);                     \
    const tr_behaviour_t *troupe_behaviour(void) {                                                           \
        return &(behaviour);                                                                                 \
    }

/*
 * An event, one msgpack value, that is saved with this turn (tr_behaviour_t.replay): before anything of the turn shows, or the agent has failed and
 * the turn with it. Borrowed. Not in init, restore, replay, save or fini. Where the host has no store it does nothing. 0, or
 *   -ENOTSUP   the behaviour has no replay
 *   -EPERM     within one of those
 *   -EBADMSG   not one msgpack value, -E2BIG: nested too deep
 *   -EMSGSIZE  more than 1 MiB
 *   -ENOMEM    then the whole state is saved with the turn
 */
int tr_agent_append(tr_agent_t *self, const void *event, size_t len);
/* The same with one that was just written; finishes the writer. */
int tr_agent_append_content(tr_agent_t *self, tr_content_writer_t *event);
/* The whole state is saved with this turn, in the place of all events. Nothing where the host has no store, or the behaviour no replay: there it
 * always is. */
void tr_agent_snapshot(tr_agent_t *self);

/* Tells the operator: a line in the log of a process that writes one (troupe-agentd). What is not UTF-8, and what is beyond 400 bytes, is cut. */
void tr_agent_warn(const tr_agent_t *self, const char *detail);
/* The same with the trace and the conversation of a message that was kept; in a callback with a message they are that one's by themselves. */
void tr_agent_warn_about(const tr_agent_t *self, const tr_message_t *message, const char *detail);

/* The AID, `name@platform`: into out (TR_AID_MAX + 1 bytes), which is returned. */
const char *tr_agent_aid(const tr_agent_t *self, char out[TR_AID_MAX + 1]);
void *tr_agent_state(const tr_agent_t *self);
struct tr_host *tr_agent_host(const tr_agent_t *self);

/*
 * Sends one ACL message to each of its receivers (`name`, `name@platform` or `svc:NAME`). The sender is
 * filled in. A copy is made before it returns. 0, or
 *   -EAGAIN     the receiver asked to hold back, or the outgoing queue is full, or there is no broker now:
 *               try again later
 *   -EMSGSIZE   larger than a record may be
 *   -EINVAL     no receiver or performative, a receiver that is no AID
 *   -ENOMEM
 * With several receivers the first error is returned and the rest are still tried.
 */
int tr_send(tr_agent_t *self, const tr_acl_t *message);
/*
 * Sends to one receiver, `name` or `svc:NAME`: a message that survives the end of this broker, of the receiver, and (once it is stored)
 * of this process. `on_stored` (may be NULL) is called exactly once, unless the agent ends before: with NULL when the broker has it on
 * disk, or with the TR_MESSAGE_FAILED message that says why it was not taken (its receive is then not called). Errors as tr_send, and
 * -ENOTSUP: the broker keeps no journal. After -EAGAIN try again when something has been stored.
 */
typedef void (*tr_stored_fn)(tr_agent_t *self, void *state, const tr_message_t *failure, void *arg);
int tr_send_durable(tr_agent_t *self, const tr_acl_t *message, tr_stored_fn on_stored, void *arg);
/* The answer to a message: receiver, conversation-id, in-reply-to, protocol, ontology and hop limit are
 * filled in. What the message let it spend, and is left, goes back with it (not with an agree). Errors as
 * tr_send. */
int tr_reply(
    tr_agent_t *self, const tr_message_t *to, tr_performative_t act, const void *content, size_t len);
/* The same with a content that was just written; finishes the writer. */
int tr_reply_content(
    tr_agent_t *self, const tr_message_t *to, tr_performative_t act, tr_content_writer_t *content);
/* The same with {"reason": reason, "detail": detail}. */
int tr_reply_reason(
    tr_agent_t *self, const tr_message_t *to, tr_performative_t act, const char *reason, const char *detail);
/* Tells who waits for the answer how the work goes (TR_STATUS_ONTOLOGY); the answer follows. Of what the message let it spend nothing goes back yet. */
int tr_reply_status(tr_agent_t *self, const tr_message_t *to, tr_content_writer_t *content);
/* The same with all parameters from `message`, which is sent as tr_send does. */
int tr_reply_with(tr_agent_t *self, const tr_message_t *to, const tr_acl_t *message);

/*
 * Hands on what a message asks for, to one receiver: under its conversation-id, with what is left of its hops,
 * and in the name of all who handed it on so far, to whom this agent is added (delegation). Of a budget, the
 * receiver gets what `message` says of it, or all that is left; each message takes one more of each. What he
 * does not use comes back with his answer: tr_message_regain. Errors as tr_send, and
 *   -EDQUOT  `message` says more than is left
 *   -ELOOP   this agent has handed it on before
 *   -E2BIG   TR_DELEGATION_MAX have
 * The broker refuses what would go in a circle (TR_REASON_CYCLE), and a question with nothing left to spend
 * (TR_REASON_BUDGET): that comes back as TR_MESSAGE_FAILED.
 */
int tr_delegate(tr_agent_t *self, const tr_message_t *under, const tr_acl_t *message);
/* The same as tr_send_durable does. */
int tr_delegate_durable(
    tr_agent_t *self, const tr_message_t *under, const tr_acl_t *message, tr_stored_fn on_stored, void *arg);

/* Publishes on a topic. Errors as tr_send; -EINVAL: not a topic, or one that begins with `$`. */
int tr_publish(tr_agent_t *self, const char *topic, const void *content, size_t len);
int tr_publish_content(tr_agent_t *self, const char *topic, tr_content_writer_t *content);
/* The same with parameters: the language of a content that is no msgpack, ontology, conversation ... No
 * performative is inform; receivers and reply-by mean nothing here. */
int tr_publish_message(tr_agent_t *self, const char *topic, const tr_acl_t *message);
/* Anything that was queued leaves now, in the middle of a long-running callback. */
void tr_flush(tr_agent_t *self);

/* Events of topics that match come as messages from now on, also after a reconnect. Of a durable host's agents: also those that were
 * published while the agent was away, until tr_unsubscribe. 0, -EINVAL, -ENOMEM. */
int tr_subscribe(tr_agent_t *self, const char *pattern);
int tr_unsubscribe(tr_agent_t *self, const char *pattern);
/* Offers `svc:NAME` in the DF, with room for `capacity` unfinished requests (0 = the behaviour's). 0,
 * -EINVAL, -ENOMEM. */
int tr_provide(tr_agent_t *self, const char *service, uint32_t capacity);
/*
 * What the DF tells of the agent beside its services: a msgpack map of protocols, ontologies, languages, labels, card ...
 * (docs/protocol.md, section 16). Its `services` add properties to those of tr_provide, by their names. A copy is kept, and told
 * again after a reconnect; it replaces the one before. 0, or -EINVAL (no map, or one with action, name, behaviour or lease-ms),
 * -E2BIG (32 KiB), -ENOMEM. What the DF does not like of it is told as an event of the host.
 */
int tr_describe(tr_agent_t *self, const void *description, size_t len);

/*
 * A request and its one answer. `message` needs receiver, performative and content; conversation-id,
 * reply-with and reply-by are filled in where absent. `on_answer` is called exactly once: with the answer
 * (any performative but agree, which only stops the not-yet-agreed clock), with a TR_MESSAGE_FAILED message (it
 * could not be delivered; or, TR_REASON_AGENT_GONE, the receiver ended before it answered, and may or may not have
 * done what it was asked), or with NULL when timeout_ms passed. Errors as tr_send (then not called).
 */
typedef void (*tr_answer_fn)(tr_agent_t *self, void *state, const tr_message_t *answer, void *arg);
int tr_request(
    tr_agent_t *self, const tr_acl_t *message, int64_t timeout_ms, tr_answer_fn on_answer, void *arg);

/* The same in the name of those who asked for `under`, as tr_delegate; its errors too. */
int tr_delegate_request(tr_agent_t *self, const tr_message_t *under, const tr_acl_t *message,
    int64_t timeout_ms, tr_answer_fn on_answer, void *arg);

/* Timers. A one-shot timer is gone when it fires or is cancelled; a handle must not be used after that. NULL:
 * out of memory. */
typedef void (*tr_timer_fn)(tr_agent_t *self, void *state, void *arg);
tr_timer_t *tr_timer_start(tr_agent_t *self, int64_t after_ms, tr_timer_fn fn, void *arg);
/* Fires as soon as what the turn of the host that goes on has done is saved (where the agent's state is kept) and has left: for what must not begin before
 * it is known, whenever the process is killed, that it was to begin. */
tr_timer_t *tr_timer_start_saved(tr_agent_t *self, tr_timer_fn fn, void *arg);
void tr_timer_cancel(tr_timer_t **timer);
/* Calls tick every so often; 0 stops it. */
int tr_agent_tick_every(tr_agent_t *self, int64_t interval_ms);

/* Watches a file descriptor (poll events) in the host's loop; one watch per fd. events 0 ends it. 0, -ENOMEM.
 * The fd stays the caller's. */
typedef void (*tr_watch_fn)(tr_agent_t *self, void *state, int fd, short events, void *arg);
int tr_watch(tr_agent_t *self, int fd, short events, tr_watch_fn fn, void *arg);

/* Ends this agent (as if its behaviour had failed and must not come back): why is told in the platform's
 * events. */
void tr_agent_stop(tr_agent_t *self);

#ifdef __cplusplus
}
#endif

#endif
