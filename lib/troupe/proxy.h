/*
 * The one in the middle: brokering (FIPA SC00033), which asks others and relays what they say, and recruiting (SC00034), which has them
 * answer for themselves. Both are what a participant does with a proxy, in its on_request: whom it asks it has looked up (in the DF,
 * mostly), and what it asks them is the proxy's content, or one of its own.
 *
 *     static int broker(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
 *         return tr_broker(c, message, &(tr_proxy_t){.targets = names, .targets_n = 2, .performative = TR_QUERY_REF}, NULL);
 *     }
 *     ...
 *     static const tr_participant_t says[] = {{"fipa-brokering", .on_request = broker}, {0}};
 *
 * On the wire: agree, then one conversation with each target, then inform without a content: it has been handed on. Where none of
 * the targets can be asked, failure {"reason": "no-match", "detail"} ends it instead. Of brokering, each answer of a target follows as
 * inform {"from": AID, "act": "inform", "content": what it said}; "act" is refuse, failure or not-understood where it was that, and a
 * target that does not answer in its time, or ends, is a failure {"reason": "timed-out"} and so on. When who asked cancels, the targets are
 * asked to cancel. Of recruiting the targets' conversation has the id of the proxy's with "recruited/" before it, and the reply-to of the proxy,
 * or its sender: they answer there, to the agent's receive.
 *
 * Ownership and threads: as troupe/protocol.h. Everything given is copied. A participant whose on_request does nothing else needs no
 * on_end.
 */
#ifndef TROUPE_PROXY_H
#define TROUPE_PROXY_H

#include "troupe/protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_proxy {
    const char *const *targets; /* `name` or `name@platform`, each once */
    size_t targets_n;           /* 0: nobody matches */
    const char *protocol;       /* that they are asked under; NULL = fipa-query */
    tr_performative_t performative;
    const void *content; /* NULL = the proxy's */
    size_t content_len;
    int64_t timeout_ms; /* of a target's answer, as tr_initiator_t.timeout_ms */
} tr_proxy_t;

/* 0, also where it ends with no-match; -EPROTO: not the protocol of this, or answered already; -EINVAL, -ENOMEM, errors of tr_send:
 * nothing has been agreed to. */
int tr_broker(tr_conversation_t *self, const tr_message_t *message, const tr_proxy_t *how, tr_error_t *error);
int tr_recruit(
    tr_conversation_t *self, const tr_message_t *message, const tr_proxy_t *how, tr_error_t *error);

#ifdef __cplusplus
}
#endif

#endif
