/* An answer with parameters of its own, where tr_reply's are not enough: a content in another language. */
#ifndef TR_AGENTD_BEHAVIOURS_ANSWER_H
#define TR_AGENTD_BEHAVIOURS_ANSWER_H

#include "troupe/agent.h"

/*
 * Fills in where an answer to `to` goes and what ties it to the question: receivers (the question's reply-to,
 * or its sender), conversation-id, in-reply-to, protocol, ontology, language, encoding, hop limit, priority,
 * traceparent. To be sent by tr_reply_with. `sender` is room for the receiver and must live as long as `answer`. All of it is
 * borrowed from the message. 0, or -EINVAL where nobody can be answered.
 */
int tr_answer_init(tr_acl_t *answer, const tr_message_t *to, tr_performative_t act, const char **sender);

/* Whether its sender asks for an answer: what FIPA's protocols begin with, or a message with reply-with. */
bool tr_answer_asked(const tr_message_t *message);

#endif
