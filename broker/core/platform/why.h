/*
 * Why an agent does not answer: the AMS's action `why`. The broker knows the agent's life, its mailbox and what it
 * has in hand; what it waits for and in which conversations it is, only its own process knows. So the AMS asks it, as
 * one agent asks another (query-ref, past whatever its mailbox holds back), and answers when it has said so, or
 * without that after a second: then the process is stopped, busy in a behaviour, or does not know the question.
 */
#ifndef TR_BROKER_WHY_H
#define TR_BROKER_WHY_H

#include "broker/core/platform/platform.h"

/* The AMS's action. */
void tr_handle_why(tr_answer_t *a);
/* Whether a message to the AMS is what an agent says of itself: then the question is answered. */
bool tr_why_answered(tr_core_t *core, const tr_record_t *record, const tr_acl_t *acl);
void tr_why_tick(tr_core_t *core);
void tr_why_finish(tr_core_t *core);

#endif
