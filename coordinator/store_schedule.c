/* Schedules on the disk. */
#include "coordinator/store_private.h"

void tr_store_add_schedule(tr_store_t *self, const tr_store_schedule_t *schedule) {
    tr_sql_t *db = self->sql;
    const size_t s = ADD_SCHEDULE;
    tr_sql_bind_text(db, s, 1, schedule->name);
    tr_sql_bind_text(db, s, 2, schedule->cron);
    tr_sql_bind_blob(db, s, 3, schedule->task, schedule->task_len);
    tr_sql_bind_int(db, s, 4, schedule->next_ms);
    tr_sql_bind_int(db, s, 5, schedule->fired_ms);
    tr_sql_bind_int(db, s, 6, (int64_t)schedule->fired);
    tr_sql_run(db, s);
}

void tr_store_move_schedule(tr_store_t *self, const tr_store_schedule_t *schedule) {
    tr_sql_t *db = self->sql;
    const size_t s = MOVE_SCHEDULE;
    tr_sql_bind_int(db, s, 1, schedule->next_ms);
    tr_sql_bind_int(db, s, 2, schedule->fired_ms);
    tr_sql_bind_int(db, s, 3, (int64_t)schedule->fired);
    tr_sql_bind_text(db, s, 4, schedule->name);
    tr_sql_run(db, s);
}

void tr_store_remove_schedule(tr_store_t *self, const char *name) {
    tr_sql_bind_text(self->sql, REMOVE_SCHEDULE, 1, name);
    tr_sql_run(self->sql, REMOVE_SCHEDULE);
}

static int give(tr_store_t *self, size_t s, tr_store_schedule_fn each, void *arg) {
    tr_sql_t *db = self->sql;
    int step = 0, rc = 0;
    while (rc >= 0 && (step = tr_sql_step(db, s)) > 0) {
        tr_store_schedule_t schedule = {.name = tr_sql_text(db, s, 0),
            .cron = tr_sql_text(db, s, 1),
            .next_ms = tr_sql_int(db, s, 3),
            .fired_ms = tr_sql_int(db, s, 4),
            .fired = (uint64_t)tr_sql_int(db, s, 5)};
        schedule.task = tr_sql_blob(db, s, 2, &schedule.task_len);
        rc = each(arg, &schedule);
    }
    int ended = tr_store_end(self, s, step);
    return ended < 0 ? ended : rc;
}

int tr_store_schedules(tr_store_t *self, tr_store_schedule_fn each, void *arg) {
    return give(self, SCHEDULES, each, arg);
}

int tr_store_claim_schedules(tr_store_t *self, size_t most, tr_store_schedule_fn each, void *arg) {
    tr_sql_bind_int(self->sql, CLAIM_SCHEDULES, 1, (int64_t)most);
    return give(self, CLAIM_SCHEDULES, each, arg);
}
