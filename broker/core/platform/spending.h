/*
 * What agents have spent on models, as their processes tell it: calls, tokens and money of each agent and model, whether anything of it was traced or
 * not. Told with the spans (docs/protocol.md, section 15): `spent` is all of one run of a process so far, so that what gets lost on the way is
 * in what is told next, and what is told twice counts once.
 *
 * It lasts as long as the broker: of one that begins anew, each process that is still there tells all of its run again.
 */
#ifndef TR_BROKER_SPENDING_H
#define TR_BROKER_SPENDING_H

#include "broker/core/platform/platform.h"

/* Agents times models, and models of one agent: what is beyond is in no sum, and the answer is not `complete`. */
#define TR_SPENDING_ROWS_MAX 16384u
#define TR_SPENDING_EACH_MAX 64u

/* Of the action spans: its `spent`, where there is one. */
void tr_spending_take(tr_answer_t *a);
/* The AMS's action. */
void tr_handle_spending(tr_answer_t *a);
/* Of spans.c, with whose spans it was told. */
void tr_spending_finish(tr_core_t *core);

#endif
