#include "coordinator/meter.h"

static const char *const ends[] = {"decided", "undecided", "cancelled", NULL};
static const char *const open_states[] = {"waiting_approval", "pending", "assigned", "in_progress", NULL};

void tr_meter_init(tr_meter_t *self) {
    tr_histogram_init(&self->wait, tr_work_bounds_ns, TR_WORK_BOUNDS_NS_COUNT);
    tr_histogram_init(&self->attempt, tr_work_bounds_ns, TR_WORK_BOUNDS_NS_COUNT);
}

int tr_meter_register(const tr_meter_t *self, tr_metrics_t *metrics, tr_error_t *error) {
    int rc = tr_metrics_counter(metrics,
        &(tr_metric_t){"troupe_tasks_changes_total", "Changes of tasks, by the state that was entered.",
            {"state"}, {tr_task_state_words}},
        self->changes, error);
    if (rc == 0)
        rc = tr_metrics_gauge(metrics,
            &(tr_metric_t){"troupe_tasks_open", "Tasks that this coordinator has and that have not ended.",
                {"state"}, {open_states}},
            self->open, error);
    if (rc == 0)
        rc = tr_metrics_gauge(metrics,
            &(tr_metric_t){"troupe_tasks_agents", "Agents that are known to offer services."}, &self->agents,
            error);
    if (rc == 0)
        rc = tr_metrics_counter(metrics,
            &(tr_metric_t){"troupe_tasks_statuses_total", "How often agents have told how their work goes."},
            &self->statuses, error);
    if (rc == 0)
        rc = tr_metrics_histogram(metrics,
            &(tr_metric_t){"troupe_tasks_wait_seconds",
                "From when a task could be done until an agent was asked.", .scale = 1e9},
            &self->wait, error);
    if (rc == 0)
        rc = tr_metrics_histogram(metrics,
            &(tr_metric_t){"troupe_tasks_attempt_seconds",
                "From then until the agent had answered, or was given up.", .scale = 1e9},
            &self->attempt, error);
    return rc == 0 ? tr_metrics_counter(metrics,
                         &(tr_metric_t){"troupe_decisions_total", "Decisions that have ended, by how.",
                             {"state"}, {ends}},
                         self->decisions, error)
                   : rc;
}

/* The wall's clock may have been set. */
static void observe(tr_histogram_t *histogram, int64_t from_ms, int64_t to_ms) {
    if (to_ms >= from_ms)
        tr_histogram_observe(histogram, (uint64_t)(to_ms - from_ms) * 1000000u);
}

void tr_meter_task(tr_meter_t *self, const tr_task_t *task, bool added) {
    bool was_with = !added && (task->before == TR_TASK_ASSIGNED || task->before == TR_TASK_IN_PROGRESS);
    tr_counter_inc(&self->changes[task->state]);
    if (task->state == TR_TASK_ASSIGNED)
        observe(
            &self->wait, task->due_ms > task->before_ms ? task->due_ms : task->before_ms, task->changed_ms);
    if (was_with && task->assigned_ms && task->state != TR_TASK_IN_PROGRESS)
        observe(&self->attempt, task->assigned_ms, task->changed_ms);
}

void tr_meter_board(tr_meter_t *self, const tr_board_t *board) {
    for (int i = 0; i < TR_TASK_COMPLETED; i++)
        tr_gauge_set(&self->open[i], (int64_t)tr_board_count(board, (tr_task_state_t)i));
    tr_gauge_set(&self->agents, (int64_t)tr_board_workers(board));
}
