/*
 * Examples for a reply: answers that people found good (docs/gateway.md, Feedback), which the knowledge base has in a namespace, the argument `examples`.
 * Before a turn's reply is thought of, those of this agent are asked for whose questions are nearest, and which the user has found good himself, or an admin
 * has approved; the mind gets them as data.
 */
#ifndef TR_AGENTD_BEHAVIOURS_TALK_EXAMPLES_H
#define TR_AGENTD_BEHAVIOURS_TALK_EXAMPLES_H

#include "agentd/behaviours/talk.h"

/* Asks for them; tr_talk_think is called with what was found, also where that is nothing, or nobody answers in time. */
void tr_talk_examples_find(tr_talk_t *self, const tr_message_t *message, json_t *turn);

#endif
