#ifndef TR_COORDINATOR_BOARD_PRIVATE_H
#define TR_COORDINATOR_BOARD_PRIVATE_H

#include "coordinator/board.h"
#include "coordinator/heap.h"
#include "lib/base/map.h"

/* The tasks that want the same skills and could be done now. */
typedef struct tr_lane {
    tr_heap_t ready;
    const char **skills; /* borrowed from `owned`, sorted */
    size_t skill_count;
    char *owned; /* the skills, each ended by 0: its key */
    size_t owned_len;
    bool orphan;    /* no agent offers all of it; where likeness counts */
    size_t index;   /* in the board's list */
    size_t tasks;   /* that are in it, ready or not: without one it is gone */
    uint64_t stuck; /* the round of giving away in which nobody could take any of it */
} tr_lane_t;

struct tr_board {
    tr_board_hooks_t hooks;
    tr_map_t tasks; /* by id */
    tr_map_t
        strangers; /* tasks that are not here and that others need, by id: of each only the dependents are known */
    size_t counts[TR_TASK_STATES];
    uint64_t sequence;
    tr_task_t *doomed; /* those that are to fail, the last first */
    bool dooming;
    tr_heap_t later;     /* pending, and not due yet */
    tr_heap_t deadlines; /* of all that have one */
    tr_map_t lane_of;    /* by their keys */
    tr_lane_t **lanes;
    size_t lane_count, lane_room;
    tr_map_t worker_of; /* by name */
    tr_worker_t **workers;
    size_t worker_count, worker_room;
    uint64_t asked, listing, round;
    tr_rates_t rates;
};

/* ---- board.c ---- */

/* Tells the hook; of a task that has ended, tells those that need it, and frees it. */
void tr_board_move(tr_board_t *self, tr_task_t *task, tr_task_state_t to, int64_t now_ms);
/* Into what a pending task waits in: nothing, as long as it needs others. There is always room: it was admitted. */
void tr_board_wait(tr_board_t *self, tr_task_t *task, int64_t now_ms);
/* Its try has not begun after all: nothing was spent, neither of its budget nor of the rates. */
void tr_board_unspend(tr_board_t *self, tr_task_t *task);
/* What follows a try that came to nothing: another one, or it has failed; `reason` is the task's then. */
tr_task_state_t tr_board_after_try(tr_task_t *task, uint32_t tries_max, const char *reason);
tr_task_t *tr_board_find(const tr_board_t *self, const char *id);
/* The task that is called for, for this try; NULL. */
tr_task_t *tr_board_called(const tr_board_t *self, const char *id, uint32_t try);

/* ---- lanes.c ---- */

/* The lane of these skills, made where there is none; NULL when out of memory. */
tr_lane_t *tr_lane_of(tr_board_t *self, const tr_task_t *task);
/* One of its tasks is gone, or did not come. */
void tr_lane_leave(tr_board_t *self, tr_lane_t *lane);
void tr_lanes_finish(tr_board_t *self);
/* Gives away what can be. */
void tr_lanes_assign(tr_board_t *self, int64_t now_ms);
/* When a lane that has something to give away may do so again; TR_BOARD_NEVER. */
int64_t tr_lanes_when(const tr_board_t *self, int64_t now_ms);
void tr_workers_finish(tr_board_t *self);

#endif
