/* What the coordinator is asked about approvals (docs/tools.md): by agents that have privileged tools, and by persons who decide. */
#ifndef TR_COORDINATOR_APPROVAL_APPROVAL_DESK_H
#define TR_COORDINATOR_APPROVAL_APPROVAL_DESK_H

#include "coordinator/desk.h"

/* 0, or a negative errno with the error. */
int tr_approval_desk_open(tr_coordinator_t *self, tr_error_t *error);
/* The agent is there: from now on what is due expires. */
void tr_approval_desk_begin(tr_coordinator_t *self);
/* Before the host goes away. */
void tr_approval_desk_finish(tr_coordinator_t *self);

void tr_desk_approval_ask(tr_question_t *q);
void tr_desk_approval_wait(tr_question_t *q);
void tr_desk_approval_take(tr_question_t *q);
void tr_desk_approval_withdraw(tr_question_t *q);
void tr_desk_approval_show(tr_question_t *q);
void tr_desk_approval_list(tr_question_t *q);
void tr_desk_grant(tr_question_t *q);
void tr_desk_deny(tr_question_t *q);

#endif
