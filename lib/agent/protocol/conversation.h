/*
 * Conversations of one agent: each is where its machine stands, whom it is with, and what its callbacks are.
 *
 * An agent has a store only once it takes part in a protocol (tr_agent_more_t.conversations), so that a
 * message for an agent without one costs a pointer test. The store is a hash table of the conversations
 * themselves, keyed by conversation-id and peer ("" where the receiver is a service, of which any provider
 * may answer): a conversation-id may be shared by many peers, as a call for proposals does. A conversation
 * with its texts is one block of some 250 bytes, its deadline is one timer of the host.
 *
 * A callback may end the conversation that it is called for: `pins` keeps the block until the
 * last one returns.
 */
#ifndef TR_PROTOCOL_CONVERSATION_H
#define TR_PROTOCOL_CONVERSATION_H

#include "lib/agent/host_private.h"
#include "lib/agent/protocol/machine.h"

/* Texts of a conversation, behind it in its block. */
typedef enum tr_text {
    TR_TEXT_ID,
    TR_TEXT_PEER, /* as it is in the key: "" for a service */
    TR_TEXT_SERVICE,
    TR_TEXT_ONTOLOGY,
    TR_TEXT_REPLY_WITH, /* of the act that began it */
    TR_TEXT_TRACEPARENT,
    TR_TEXT_REPLY_TO, /* the participant's acts go there instead */
    TR_TEXTS,
} tr_text_t;

typedef struct tr_brokering tr_brokering_t;

typedef struct tr_callbacks {
    tr_act_fn on_agree, on_refuse, on_failure, on_propose, on_result, on_inform, on_cancel_failed;
    tr_end_fn on_end;
} tr_callbacks_t;

struct tr_conversation {
    tr_conversation_t *next; /* in its bucket */
    tr_agent_t *agent;
    tr_timer_t *deadline;
    int64_t timeout_ms; /* of what this side asks next; negative = for ever */
    int64_t due_ms;     /* of its own deadline, 0 = none; a cancel may have put a nearer one in its place */
    void *arg;
    char *provider; /* of the service, once one has answered; owned */
    char *former;   /* the one before it, which may go on all the same; owned */
    tr_machine_t machine;
    const tr_acl_t *further; /* what is said besides with what this side asks next; borrowed */
    uint64_t position;       /* of the act that began it, where that was sent: as of tr_pending_t */
    uint32_t hash;
    uint16_t pins;
    uint8_t role;
    uint8_t first; /* the act that began it */
    uint8_t hops, priority;
    bool ended;
    bool
        abandoned; /* cancelled before any provider had answered: on_end was called, and it is kept to tell who answers */
    uint16_t at[TR_TEXTS]; /* offsets in text; 0 = absent (there is an empty string) */
    union {
        tr_callbacks_t initiator;
        struct {
            const tr_participant_t *says;
            tr_lease_t lease;
            tr_brokering_t *brokering; /* what was handed on to others; NULL = nothing (proxy.c) */
            char *
                asked; /* the reply-with of a later act of the initiator; NULL = it is still that of the first; owned */
        } participant;
    };
    char text[];
};

typedef struct tr_conversations {
    struct tr_conversations *next, **link; /* in its host's list */
    tr_conversation_t **buckets;
    size_t cap; /* a power of two, or 0 */
    size_t count, limit;
    const tr_participant_t **participants;
    size_t participants_n;
    uint64_t seed;
    struct tr_group *groups; /* the conversations with many */
    bool names_calls;        /* it has called for proposals under conversation-ids of its own */
    uint64_t tag, made;      /* of the conversation-ids that are made here */
} tr_conversations_t;

/* store.c */
/* The agent's store, made where there is none; NULL when out of memory. */
tr_conversations_t *tr_conversations_of(tr_agent_t *agent);
/* Of one that is empty, or whose conversations have been freed. */
void tr_conversations_free(tr_conversations_t *self);
tr_conversation_t *tr_conversations_find(
    const tr_conversations_t *self, tr_role_t role, const char *id, const char *peer);
/* 0, -ENOBUFS at the limit, -ENOMEM. */
int tr_conversations_add(tr_conversations_t *self, tr_conversation_t *conversation);
void tr_conversations_remove(tr_conversations_t *self, tr_conversation_t *conversation);
void tr_conversations_make_id(tr_conversations_t *self, const tr_host_t *host, char *out, size_t out_size);
/* Whether the id was made here. */
bool tr_conversations_made_id(const tr_conversations_t *self, const tr_host_t *host, const char *id);

/* conversation.c */
/* Not in the store yet. -EMSGSIZE: a text over its limit; -ENOMEM. NULL texts are absent. */
int tr_conversation_new(tr_agent_t *agent, const tr_protocol_t *protocol, tr_role_t role,
    const char *const texts[TR_TEXTS], tr_conversation_t **ret_conversation);
/* Of one that is not, or no longer, in the store. */
void tr_conversation_free(tr_conversation_t *self);
const char *tr_conversation_text(const tr_conversation_t *self, tr_text_t which); /* NULL = absent */
/* Sets the deadline, or moves it nearer for the time of a cancel, or back to what it was. 0, -ENOMEM. */
int tr_conversation_deadline(tr_conversation_t *self, int64_t after_ms);
int tr_conversation_hurry(tr_conversation_t *self, int64_t within_ms);
int tr_conversation_relax(tr_conversation_t *self);
/* After each change of the machine: a stream has no deadline and holds no lease. */
void tr_conversation_moved(tr_conversation_t *self);
/* After each act, of this side where `received` is NULL, that led to another state: its deadline may begin anew. */
void tr_conversation_renew(tr_conversation_t *self, const tr_acl_t *received);
/* Takes it out of the store and calls on_end. Freed unless pinned. */
void tr_conversation_end(tr_conversation_t *self, tr_outcome_t outcome, const tr_message_t *last);
static inline void tr_conversation_pin(tr_conversation_t *self) {
    self->pins++;
}
void tr_conversation_unpin(tr_conversation_t *self);

/* act.c */
/* Checks an act of this side, sends it and moves the machine; ends nothing. reply_with: NULL = none. */
int tr_conversation_send(tr_conversation_t *self, tr_performative_t act, const char *reply_with,
    const void *content, size_t len, tr_error_t *error);
/* This side ends here. The participant says failure, refuse or not-understood, the first that the protocol allows;
 * the initiator rejects a proposal that it has. What cannot be sent is ignored. */
void tr_conversation_give_up(tr_conversation_t *self, const char *reason, const char *detail);
/* The reply-with of this side's cancel, by which its answer is known. */
/* Why a cancel fails where there is nothing to cancel. */
#define TR_REASON_NOT_IN_PROGRESS "not-in-progress"
#define TR_CANCEL_ID_MAX          (TR_CONVERSATION_TEXT + 16)
const char *tr_conversation_cancel_id(const tr_conversation_t *self, char out[TR_CANCEL_ID_MAX]);
/* not-understood {reason: "unexpected-act", detail, allowed: [...]}; what cannot be sent is ignored. */
void tr_answer_unexpected(
    tr_agent_t *agent, const tr_message_t *message, const char *detail, uint32_t allowed);

/* initiator.c */
void tr_initiator_take(tr_conversation_t *self, const tr_message_t *message);
/* Whether the initiator may be told this now. */
bool tr_initiator_expects(const tr_conversation_t *self, tr_performative_t act);

/* proxy.c */
/* Who asked has ended the conversation: those who were asked are told to cancel. */
void tr_brokering_over(tr_brokering_t *self);

/* participant.c */
/* Whether a conversation that nobody knows is one that a participant takes or answers; *ret_code
 * as receive's. */
bool tr_participant_begin(tr_agent_t *agent, const tr_message_t *message, int *ret_code);
int tr_participant_take(tr_conversation_t *self, const tr_message_t *message);
void tr_participant_undelivered(tr_conversation_t *self, const tr_message_t *message);

#endif
