#include "agentd/behaviours/answer.h"

#include <errno.h>

int tr_answer_init(tr_acl_t *answer, const tr_message_t *to, tr_performative_t act, const char **sender) {
    const tr_acl_t *asked = tr_message_acl(to);
    if (!asked || tr_message_type(to) != TR_MESSAGE_DIRECT || !(asked->reply_to.count || asked->sender))
        return -EINVAL;
    *sender = asked->sender;
    *answer = (tr_acl_t){
        .performative = act,
        .priority = asked->priority,
        .hops = asked->hops,
        .hops_spent = asked->hops_spent,
        .receivers = asked->reply_to.count ? asked->reply_to : (tr_acl_list_t){sender, 1},
        .language = asked->language,
        .encoding = asked->encoding,
        .ontology = asked->ontology,
        .protocol = asked->protocol,
        .conversation_id = asked->conversation_id,
        .in_reply_to = asked->reply_with,
        .traceparent = asked->traceparent,
    };
    return 0;
}

bool tr_answer_asked(const tr_message_t *message) {
    if (tr_message_type(message) != TR_MESSAGE_DIRECT)
        return false;
    tr_performative_t act = tr_message_performative(message);
    if (act == TR_PROPOSE || (act != TR_ACCEPT_PROPOSAL && tr_performative_asks(act)))
        return true;
    const tr_acl_t *acl = tr_message_acl(message);
    return acl && acl->reply_with;
}
