/*
 * echo: answers each request and query with an inform of the same content, in the same language. Takes no
 * arguments. What else asks for an answer is not understood; what asks for nothing (an inform, an event) is
 * ignored.
 */
#include "agentd/behaviours/answer.h"
#include "agentd/behaviours/args.h"
#include "agentd/behaviours/backlog.h"
#include "agentd/behaviours/stateless.h"
#include "agentd/behaviours/table.h"

#include <errno.h>

static int answer(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)state;
    tr_acl_t acl;
    const char *sender;
    if (tr_answer_init(&acl, message, TR_INFORM, &sender) < 0)
        return 0;
    acl.content = tr_message_content(message, &acl.content_len);
    int rc = tr_reply_with(self, message, &acl);
    /* A receiver that is none is its sender's own fault, ignoring. */
    return rc == -EAGAIN || rc == -ENOMEM ? rc : 0;
}

static int not_understood(tr_agent_t *self, const tr_message_t *message) {
    int rc =
        tr_reply_reason(self, message, TR_NOT_UNDERSTOOD, "unsupported-act", "expected a request or a query");
    return rc == -EAGAIN || rc == -ENOMEM ? rc : 0;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    if (tr_message_type(message) != TR_MESSAGE_DIRECT)
        return 0;
    switch (tr_message_performative(message)) {
    case TR_REQUEST:
    case TR_QUERY_IF:
    case TR_QUERY_REF: return tr_backlog_take(state, self, state, message, answer);
    case TR_REQUEST_WHEN:
    case TR_REQUEST_WHENEVER:
    case TR_CFP:
    case TR_PROPOSE:
    case TR_SUBSCRIBE: return not_understood(self, message);
    default: return 0;
    }
}

int tr_echo_check(tr_value_t args, tr_problem_t *problem) {
    return tr_args_read(NULL, 0, args, NULL, problem);
}

static void fini(tr_agent_t *self, void *state) {
    (void)self;
    tr_backlog_finish(state);
}

const tr_behaviour_t tr_behaviour_echo = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "echo",
    .summary = "answers requests and queries with their own content",
    .state_size = sizeof(tr_backlog_t),
    .receive = receive,
    .fini = fini,
    .save = tr_stateless_save,
    .restore = tr_stateless_restore,
};
