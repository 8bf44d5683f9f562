/*
 * Conversations under FIPA's interaction protocols, for both roles, each with the cancel meta-protocol and
 * `not-understood`:
 *
 *   fipa-request               SC00026  request: do this
 *   fipa-query                 SC00027  query-if, query-ref: is it so, which is it
 *   fipa-request-when          SC00028  request-when: do this once a condition holds
 *   fipa-request-whenever               request-whenever: do this each time that it holds
 *   fipa-contract-net          SC00029  cfp: who does this, and for what (to many: troupe/contract_net.h)
 *   fipa-iterated-contract-net SC00030  the same, where a proposal may be answered by a revised call
 *   fipa-auction-english       XC00031  auctions (with many: troupe/auction.h)
 *   fipa-auction-dutch         XC00032
 *   fipa-subscribe             SC00035  subscribe: tell me now and each time it changes
 *   fipa-brokering             SC00033  proxy: have others asked this, and relay what they say
 *   fipa-recruiting            SC00034  proxy: have others asked this, who answer me or whom I name
 *   fipa-propose               SC00036  propose: may I do this
 *
 * The initiator starts a conversation with a few callbacks; a participant says once, in its behaviour's table or
 * init, which protocols it takes part in. Each act, sent or received, is checked against the protocol's table: what
 * the protocol does not allow is not sent (-EPROTO, with the acts that are allowed), and is answered, when it
 * comes, with not-understood {reason: "unexpected-act", detail, allowed: [...]}, which ends the conversation.
 * Messages of a conversation go to its callbacks and not to the behaviour's receive.
 *
 *     static void on_result(
 *         tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *m, void *arg);
 *     ...
 *     tr_conversation_start(self, &(tr_initiator_t){.protocol = "fipa-query", .receiver = "oracle",
 *         .performative = TR_QUERY_REF, .fields = TR_FIELDS(TR_FIELD_TEXT("of", "gold")), .on_result = on_result},
 *         NULL, &error);
 *
 * Ownership: a conversation belongs to the library. A pointer to it is valid until its on_end has returned;
 * on_end is called exactly once for each conversation, whoever ended it, but not when the agent itself ends
 * or fails: the agent's state is gone then, and its conversations with it (those that wait for it are told by
 * `failure`; leased requests go to another provider). Everything given to a function is copied, except a
 * tr_participant_t, which is borrowed for the agent's life. Messages given to callbacks are borrowed.
 *
 * Deadlines: the timeout of an initiator travels as reply-by and covers the whole conversation, for a
 * subscription what comes before the first notification or the agree. Both sides keep to it: at the deadline
 * the initiator's on_end is called with TR_OUTCOME_TIMED_OUT and what comes later is dropped; the participant
 * sends `failure` {reason: "timed-out"} and its on_end is called; a request that arrives too late is refused.
 * Of a call for proposals it is the deadline of the proposal: one that comes later is answered with reject-proposal
 * {reason: "late"}. The initiator then has as long again to decide, after which the library rejects the
 * proposal, and an accept-proposal or revised cfp has a reply-by of its own (tr_conversation_set_timeout).
 * A participant waits for the decision TR_CONVERSATION_TIMEOUT longer than the call's deadline. After the
 * agree to a request-when(ever) there is no deadline.
 *
 * Services: a conversation may be started with `svc:NAME`. Its leased request is settled by the participant's
 * final act (a subscription: when it is agreed to), so that another provider gets it when the first one dies;
 * the initiator then sees the conversation begin again (on_agree may be called twice).
 *
 * Threads: all of it belongs to the host's thread, like all that an agent does.
 */
#ifndef TROUPE_PROTOCOL_H
#define TROUPE_PROTOCOL_H

#include "lib/base/error.h"
#include "troupe/agent.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_CONVERSATIONS_MAX    131072 /* open at once, of one agent: the default limit */
#define TR_CONVERSATION_TEXT    512    /* bytes of a conversation-id, reply-with or ontology, at most */
#define TR_CONVERSATION_TIMEOUT 30000  /* milliseconds, where an initiator says none */

typedef struct tr_conversation tr_conversation_t;

/* How a conversation ended. */
typedef enum tr_outcome {
    TR_OUTCOME_NONE = 0, /* it goes on */
    TR_OUTCOME_DONE,
    TR_OUTCOME_REFUSED,
    TR_OUTCOME_FAILED, /* by a failure; or a message could not be delivered, or the participant ended (not of a
                          service): tr_message_reason(last) */
    TR_OUTCOME_NOT_UNDERSTOOD, /* one side sent not-understood */
    TR_OUTCOME_CANCELLED,
    TR_OUTCOME_TIMED_OUT,
    TR_OUTCOME_REJECTED, /* a proposal was rejected */
    TR_OUTCOME_MAX,
} tr_outcome_t;

/* "done", "timed-out" ...; static. */
const char *tr_outcome_name(unsigned outcome);

/* For an act that came. arg: what the initiator gave, or tr_conversation_set_arg. */
typedef void (*tr_act_fn)(
    tr_agent_t *self, void *state, tr_conversation_t *conversation, const tr_message_t *message, void *arg);
/* last: the message that ended it; NULL where there is none (a deadline, an act of one's own). */
typedef void (*tr_end_fn)(tr_agent_t *self, void *state, tr_conversation_t *conversation,
    tr_outcome_t outcome, const tr_message_t *last, void *arg);

/* What an initiator says. Each callback may be NULL. */
typedef struct tr_initiator {
    const char *protocol;           /* "fipa-request" ... */
    const char *receiver;           /* `name`, `name@platform` or `svc:NAME` */
    tr_performative_t performative; /* TR_ACT_NONE where the protocol has only one that begins it */
    const char *ontology;
    const char *conversation_id; /* NULL = one is made */
    const void *content;
    size_t content_len;
    const tr_field_t *fields; /* the content as a map, instead of content; NULL = none */
    const tr_acl_t
        *parameters;    /* further ones (language, flags, hops, budget, traceparent ...); NULL = none */
    int64_t timeout_ms; /* 0 = TR_CONVERSATION_TIMEOUT, -1 = for ever */
    tr_act_fn on_agree;
    tr_act_fn on_refuse; /* refuse; reject-proposal, where the initiator proposed */
    tr_act_fn on_failure;
    tr_act_fn on_propose; /* answer with accept-proposal, reject-proposal or a revised cfp, now or later */
    tr_act_fn on_result;  /* the inform that ends it; accept-proposal, where the initiator proposed */
    tr_act_fn
        on_inform; /* an inform that does not: a notification, or how the work goes (tr_message_is_status) */
    tr_act_fn on_cancel_failed; /* the participant cannot cancel: the conversation goes on */
    tr_end_fn on_end;
    void *arg;
} tr_initiator_t;

/*
 * Starts a conversation. ret_conversation may be NULL; who asks for it must have an on_end, since the pointer
 * ends there. 0, or
 *   -EINVAL  unknown protocol, no AID, a performative is missing, a text over its limit
 *   -EPROTO  the protocol does not begin with this performative
 *   -EEXIST  there is an open conversation with this id and receiver
 *   -ENOBUFS as many conversations are open as may be
 * and what tr_send returns. Callbacks are never called before it returns.
 */
int tr_conversation_start(tr_agent_t *self, const tr_initiator_t *initiator,
    tr_conversation_t **ret_conversation, tr_error_t *error);
/*
 * Asks the participant to end the conversation; on_end comes with its answer, or when it gives none within
 * 10 s. What the participant had sent before is still handed out. A service none of whose providers has
 * answered yet is not asked: the conversation ends before this returns, and whoever answers it within its time after all is
 * told to cancel it (until then it counts among those that are open). Where another provider answers before the one
 * that was asked, it is asked as well, within the same 10 s. 0; -EPROTO: not this one's to cancel,
 * it has ended, or it is being cancelled already; errors of tr_send (nothing has changed then).
 */
int tr_conversation_cancel(tr_conversation_t *self);

/* What a participant says. */
typedef struct tr_participant {
    const char *protocol;
    const char *ontology; /* only conversations with it; NULL = with any */
    /* A conversation begins: agree, refuse, inform or fail, now or later. Negative: the behaviour failed, as
     * from receive. */
    int (*on_request)(
        tr_agent_t *self, void *state, tr_conversation_t *conversation, const tr_message_t *message);
    /* A further act of the initiator that leaves the conversation open: accept-proposal, a revised cfp.
     * Required where the protocol has such acts. Negative: as on_request. */
    int (*on_act)(
        tr_agent_t *self, void *state, tr_conversation_t *conversation, const tr_message_t *message);
    /* The initiator wants to cancel. 0: it is cancelled, and the initiator is told so. Negative (an
     * errno): it cannot be, the initiator is told by `failure`, and the conversation goes on. NULL = it
     * is cancelled. */
    int (*on_cancel)(
        tr_agent_t *self, void *state, tr_conversation_t *conversation, const tr_message_t *message);
    /* An act of this side did not arrive for now (the initiator's mailbox is full, or it was late in a
     * queue); the conversation goes on without it. */
    tr_act_fn on_undelivered;
    /* May be NULL where on_request ends the conversation, or leaves it to the initiator to go on, whose next act on_act is given:
     * who keeps a pointer to it needs to be told when that ends. Without both, one that is still open when on_request returns is
     * failed. */
    tr_end_fn on_end;
} tr_participant_t;

/* From now on conversations of this protocol (and ontology) come to `participant`; one with an ontology goes
 * before one without. 0, -EINVAL (unknown protocol, no on_request or on_act), -EEXIST, -ENOMEM. */
int tr_participate(tr_agent_t *self, const tr_participant_t *participant);

/*
 * An act of one's own in a conversation. Receiver, conversation-id, in-reply-to, protocol, ontology and what
 * a request says of hops are filled in (of a budget, nothing goes back). The act that ends the conversation calls on_end before it
 * returns. 0, or -EPROTO: not allowed now, the text names what is; errors of tr_send: nothing has changed, it
 * may be tried again.
 */
int tr_conversation_act(
    tr_conversation_t *self, tr_performative_t act, const void *content, size_t len, tr_error_t *error);
/* With a content that was just written; finishes the writer. */
int tr_conversation_act_content(
    tr_conversation_t *self, tr_performative_t act, tr_content_writer_t *content, tr_error_t *error);
/* With a map of these fields, NULL = without a content. */
int tr_conversation_say(tr_conversation_t *self, tr_performative_t act, const tr_field_t *fields);
int tr_conversation_agree(tr_conversation_t *self);
int tr_conversation_inform(tr_conversation_t *self, const void *content, size_t len);
int tr_conversation_inform_content(tr_conversation_t *self, tr_content_writer_t *content);
/* With {"reason": reason, "detail": detail}. */
int tr_conversation_refuse(tr_conversation_t *self, const char *reason, const char *detail);
int tr_conversation_failure(tr_conversation_t *self, const char *reason, const char *detail);
int tr_conversation_reject(tr_conversation_t *self, const char *reason, const char *detail);
int tr_conversation_not_understood(tr_conversation_t *self, const char *reason, const char *detail);
/* Tells the initiator how the work goes (TR_STATUS_ONTOLOGY): its on_inform. The conversation stays as it is; the participant's alone: -EPROTO. */
int tr_conversation_status(tr_conversation_t *self, const tr_field_t *fields);
/* What is said besides with what this side asks next, by accept-proposal: budget and user parameters; those of its first act are said there (tr_initiator_t).
 * Borrowed until that is sent; NULL: nothing, as in the beginning. */
void tr_conversation_set_parameters(tr_conversation_t *self, const tr_acl_t *further);
/* The acts that may be sent now, "agree, refuse, inform"; into out, which is returned; "" where none may. */
const char *tr_conversation_allowed(const tr_conversation_t *self, char *out, size_t out_size);

/* Borrowed, as long as the conversation. */
const char *tr_conversation_id(const tr_conversation_t *self);
const char *tr_conversation_protocol(const tr_conversation_t *self);
/* The other one's AID; the service as long as none of its providers has answered. */
const char *tr_conversation_peer(const tr_conversation_t *self);
/* The name of its state in the protocol's table: "requested", "agreed" ... */
const char *tr_conversation_state(const tr_conversation_t *self);
void *tr_conversation_arg(const tr_conversation_t *self);
void tr_conversation_set_arg(tr_conversation_t *self, void *arg);

/* How long what this side asks next (by accept-proposal, or a revised cfp) may take: as
 * tr_initiator_t.timeout_ms. */
void tr_conversation_set_timeout(tr_conversation_t *self, int64_t timeout_ms);

/* How many are open. */
size_t tr_conversation_count(const tr_agent_t *self);
/* How many may be open at once; beyond it tr_conversation_start fails and requests are refused.
 * 0, -ENOMEM. */
int tr_conversation_limit(tr_agent_t *self, size_t limit);

#ifdef __cplusplus
}
#endif

#endif
