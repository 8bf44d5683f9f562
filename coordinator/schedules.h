/* Tasks that are submitted again and again: what is due is put on the board in the transaction that says when it is due next. */
#ifndef TR_COORDINATOR_SCHEDULES_H
#define TR_COORDINATOR_SCHEDULES_H

#include "coordinator/coordinator.h"
#include "coordinator/cron.h"

#define TR_SCHEDULE_NAME_MAX 40u /* of TR_TASK_ID_MAX: the time comes behind it */

typedef struct tr_schedule {
    char name[TR_SCHEDULE_NAME_MAX + 1];
    tr_cron_t cron;
    char *text;        /* of the cron expression */
    bool wished;       /* the wish is there */
    void *bytes;       /* of the wish */
    tr_content_t wish; /* {"task": as it is submitted, "overlap": bool} */
    int64_t next_ms, fired_ms;
    uint64_t fired;
} tr_schedule_t;

/* One out of the store. 0 or a negative errno. */
int tr_schedules_take(tr_coordinator_t *self, const tr_store_schedule_t *stored);
tr_schedule_t *tr_schedules_find(const tr_coordinator_t *self, const char *name);
void tr_schedules_remove(tr_coordinator_t *self, const char *name);
/* Submits what is due, and returns when something is due next; TR_BOARD_NEVER. */
int64_t tr_schedules_turn(tr_coordinator_t *self, int64_t now_ms);
void tr_schedules_finish(tr_coordinator_t *self);

/* The local time of this process, for cron expressions. */
int64_t tr_schedules_offset(void *arg, int64_t unix_s);

#endif
