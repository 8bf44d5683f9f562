/* What a coordinator counts, for Prometheus (docs/operations.md). Zeroed, then tr_meter_init. */
#ifndef TR_COORDINATOR_METER_H
#define TR_COORDINATOR_METER_H

#include "coordinator/board.h"
#include "coordinator/council/motion.h"
#include "lib/base/metrics.h"

typedef struct tr_meter {
    tr_counter_t changes[TR_TASK_STATES]; /* by the state that was entered */
    tr_gauge_t open[TR_TASK_COMPLETED];   /* on this one's board */
    tr_gauge_t agents;
    tr_counter_t statuses;
    tr_counter_t decisions[TR_MOTION_STATES - TR_MOTION_DECIDED]; /* by how they ended */
    tr_histogram_t wait, attempt;
} tr_meter_t;

void tr_meter_init(tr_meter_t *self);
int tr_meter_register(const tr_meter_t *self, tr_metrics_t *metrics, tr_error_t *error);
/* A task has changed, as the board's hook says it. */
void tr_meter_task(tr_meter_t *self, const tr_task_t *task, bool added);
void tr_meter_board(tr_meter_t *self, const tr_board_t *board);

#endif
