/*
 * The contract net (FIPA SC00029, iterated: SC00030): a call for proposals to many, one choice among what they propose.
 *
 * All are called under one conversation-id; with each of them there is one conversation of troupe/protocol.h, whose rules
 * hold: acts that the protocol does not allow are answered with not-understood, and a proposal that comes after the
 * deadline is rejected. When all have answered, or at the deadline, on_proposals is called once with what was
 * proposed; it accepts as many as it likes. on_end is called once, when nothing of the call is open any more.
 *
 *     static tr_decision_t choose(tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposals,
 *         size_t n, void *arg) {
 *         const tr_proposal_t *best = tr_proposal_least(proposals, n, "price");
 *         if (best)
 *             tr_call_accept(call, best, NULL, 0, NULL);
 *         return TR_DECIDED;
 *     }
 *     ...
 *     tr_contract_net_start(self, &(tr_contract_net_t){.participants = names, .participants_n = 3,
 *         .content = task, .content_len = len, .on_proposals = choose, .on_result = paid}, NULL, &error);
 *
 * A participant says tr_participate for "fipa-contract-net" (and "fipa-iterated-contract-net"): its on_request gets
 * the cfp and proposes or refuses, its on_act gets the accept-proposal and informs or fails; on_end with
 * TR_OUTCOME_REJECTED is a rejection.
 *
 * Ownership: a call belongs to the library until its on_end has returned, a proposal until then or until a revised call.
 * When the agent ends or fails, its calls end with it and nobody is called. Everything given is copied.
 * Threads: as troupe/protocol.h.
 */
#ifndef TROUPE_CONTRACT_NET_H
#define TROUPE_CONTRACT_NET_H

#include "troupe/protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_CALL_PARTICIPANTS_MAX 65536

typedef struct tr_call tr_call_t;

typedef struct tr_proposal {
    const char *from; /* AID */
    tr_value_t value; /* the content decoded; NULL where it is no msgpack */
    const void *content;
    size_t content_len;
    struct tr_member *member; /* the library's */
} tr_proposal_t;

typedef enum tr_decision {
    TR_DECIDED,  /* what was not accepted is rejected now */
    TR_DEFERRED, /* tr_call_accept, _reject, _again and _decided follow; within 30 s, or all is rejected */
} tr_decision_t;

typedef struct tr_contract_net {
    const char *const *participants; /* `name` or `name@platform`, each once */
    size_t participants_n;
    bool iterated; /* tr_call_again may be used */
    const char *ontology;
    const char *conversation_id; /* NULL = one is made */
    const void *content;
    size_t content_len;
    const tr_field_t *fields; /* as tr_initiator_t */
    const char *traceparent;  /* of all that is sent for it; NULL = that of the message in its callback */
    int64_t proposals_ms;     /* how long a proposal may take, as tr_initiator_t.timeout_ms */
    int64_t result_ms;        /* and a result of what was accepted */
    /* How the work at an accepted one goes (tr_message_is_status). */
    void (*on_status)(tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposal,
        const tr_message_t *message, void *arg);
    /* Required. In order of arrival; n = 0: nobody proposed anything. */
    tr_decision_t (*on_proposals)(
        tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposals, size_t n, void *arg);
    /* An accepted one did it; message: its inform. May be NULL, as those below. */
    void (*on_result)(tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposal,
        const tr_message_t *message, void *arg);
    /* An accepted one did not: outcome and last as on_end of a conversation. */
    void (*on_failure)(tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposal,
        tr_outcome_t outcome, const tr_message_t *last, void *arg);
    void (*on_end)(tr_agent_t *self, void *state, tr_call_t *call, void *arg);
    void *arg;
} tr_contract_net_t;

/*
 * Calls. ret_call may be NULL; who asks for it must have an on_end. 0, or -EINVAL (no participants, too many, one that
 * is no agent's name or is there twice, no on_proposals), -EEXIST, -ENOBUFS, -ENOMEM as tr_conversation_start. Of those
 * whom the call cannot be sent to now (as tr_send) the others are called, unless there are none. Callbacks are never
 * called before it returns.
 */
int tr_contract_net_start(
    tr_agent_t *self, const tr_contract_net_t *net, tr_call_t **ret_call, tr_error_t *error);
/* What is said besides with what is accepted from now on: budget and user parameters. Borrowed until that was accepted; NULL: nothing, as in the beginning. */
void tr_call_set_parameters(tr_call_t *self, const tr_acl_t *further);
/* 0; -EPROTO: it has been decided on already, or has withdrawn; errors of tr_send: nothing has changed. */
int tr_call_accept(
    tr_call_t *self, const tr_proposal_t *proposal, const void *content, size_t len, tr_error_t *error);
int tr_call_reject(tr_call_t *self, const tr_proposal_t *proposal, const char *reason, const char *detail);
/* The one with the least (by number) under this key of its content, of equal ones the first; NULL: none has a number there. */
const tr_proposal_t *tr_proposal_least(const tr_proposal_t *proposals, size_t n, const char *key);
/* A revised call to all that have not been accepted or rejected; on_proposals is called again. The proposals end here.
 * -EPROTO: the call is not iterated, or nobody is left; errors of tr_send where it could be sent to none. */
int tr_call_again(tr_call_t *self, const void *content, size_t len, tr_error_t *error);
/* After TR_DEFERRED: what is undecided is rejected. */
void tr_call_decided(tr_call_t *self);
/* Asks all that are open to cancel; on_end follows. */
void tr_call_cancel(tr_call_t *self);

/* Borrowed, as long as the call. */
const char *tr_call_id(const tr_call_t *self);
/* How many were called, and how many have ended so (tr_outcome_t). */
size_t tr_call_called(const tr_call_t *self);
size_t tr_call_ended(const tr_call_t *self, tr_outcome_t outcome);

#ifdef __cplusplus
}
#endif

#endif
