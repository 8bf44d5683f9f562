/*
 * The board: all tasks that have not ended, who could do them, and who does which. Pure: no clock, no socket, no disk. What
 * happens to a task is told by calls; what follows from it is said to the hooks, and done by whoever gave them.
 *
 * Order. A task waits in the lane of its skills. Within a lane the next one is that with the highest priority, where
 * having waited for TR_BOARD_AGE_MS counts as much as one step of priority: so nothing waits for ever. Between lanes with
 * agents to spare, the one whose first task comes first by the same measure.
 *
 * Choice. Of the agents that offer all of a task's skills and have room, the one with the smallest part of its room taken;
 * of several the one that was asked least recently; and not the one that had the task last, if there is another.
 *
 * Likeness. Where no agent at all offers all of a task's skills, and there is an `alike` hook, whose skills fit best will do: the mean, over what is
 * wanted, of how alike the best of what it offers is, if that is TR_BOARD_FIT or more. So half of the skills are enough, or others of the same meaning.
 *
 * Bids. A task that goes by contract net is called for instead, once somebody could take it, and given to whose bid was taken;
 * where nobody wants it, it is given away directly.
 *
 * Rates. A lane one of whose skills has a rate gives away no more than that allows.
 *
 * Tries. Each time that a task is given to an agent is a try, and has a number. What is said of an earlier try is dropped:
 * an agent that was given up and comes back with a result does not complete the task a second time. A try that failed is
 * followed by another, later and later, until tries_max; a refusal as well. The last one's reason is the task's.
 *
 * Budgets. A try is granted its share (purse.c); where a task has spent all of something that is limited, no other try follows.
 *
 * One thread. Calls must not be made from hooks.
 */
#ifndef TR_COORDINATOR_BOARD_H
#define TR_COORDINATOR_BOARD_H

#include "coordinator/rates.h"
#include "coordinator/task.h"
#include "lib/base/error.h"

#define TR_BOARD_AGE_MS      INT64_C(10000)
#define TR_BOARD_BACKOFF_MS  INT64_C(200) /* before the second try; twice as long before each further one */
#define TR_BOARD_BACKOFF_MAX INT64_C(30000)
#define TR_BOARD_STATUS_MS   INT64_C(100) /* what an agent says of how it goes counts no more often */
#define TR_BOARD_FIT         0.5
#define TR_BOARD_NEVER       INT64_MAX

typedef struct tr_board tr_board_t;

typedef struct tr_worker {
    char name[257];      /* AID */
    const char **skills; /* sorted */
    char *owned;         /* their texts */
    size_t skill_count;
    uint32_t capacity;
    uint32_t in_hand;
    uint32_t elsewhere; /* what other coordinators have given it, as far as is known */
    uint64_t asked;     /* when it was asked last, as a number that rises */
    bool listed;        /* in the directory; else it gets nothing */
    uint64_t listing;   /* the look at the directory in which it was seen last */
    bool fresh;         /* it has joined since tr_board_spread */
} tr_worker_t;

typedef struct tr_board_hooks {
    void *arg;
    /* It was added, or its state, reason or result is another one. Of one that has ended: it is freed after this. */
    void (*changed)(void *arg, const tr_task_t *task, bool added);
    /* Is to be given to task->agent, as try task->tries. */
    void (*assign)(void *arg, const tr_task_t *task);
    /* Bids for it are to be called for, from tr_board_candidates; tr_board_award or tr_board_no_bids follows, with try
     * task->tries + 1. False: there is no memory for it. */
    bool (*call)(void *arg, const tr_task_t *task);
    /* Its agent is to stop: it is cancelled, or late. */
    void (*withdraw)(void *arg, const tr_task_t *task);
    /* task->status is another one. */
    void (*status)(void *arg, const tr_task_t *task);
    /* The state of a task that is not on the board, by its id: -ENOENT where there is none. One that has not ended is somebody
     * else's, and tr_board_heard says when it has. */
    int (*find)(void *arg, const char *id);
    /* How alike two skills are, from 0 to 1; NULL: not at all, unless they are the same. */
    double (*alike)(void *arg, const char *wanted, const char *offered);
} tr_board_hooks_t;

/* NULL when out of memory. */
tr_board_t *tr_board_new(const tr_board_hooks_t *hooks, uint64_t seed);
void tr_board_destroy(tr_board_t **self); /* NULL-safe */

/* ---- tasks ---- */

/* Takes new tasks, all or none; they may need each other. 0; -EEXIST: an id is taken; -ENOENT: one needs what there is not,
 * or what has failed; -ELOOP: they need each other in a circle; -ENOMEM; each with a text. */
int tr_board_add(
    tr_board_t *self, const tr_task_wish_t *wishes, size_t count, int64_t now_ms, tr_error_t *error);
/* One that was there before this process was. Takes the task, unless it fails. 0, -ENOMEM, -EEXIST. */
int tr_board_restore(tr_board_t *self, tr_task_t *task);
/* All of them are restored: what was assigned is pending again because of `reason`, with the same tries behind it. 0, -ENOMEM. */
int tr_board_resume(tr_board_t *self, const char *reason, int64_t now_ms);
/* Asks the `find` hook for each task that is not on the board and that others here need. */
void tr_board_look(tr_board_t *self, int64_t now_ms);
/* Once more, from the first try on, or from its approval where nobody gave it: one that has failed or was cancelled, and is not on the
 * board any more. Takes the task, unless it fails: -EEXIST, -ENOENT (what it needs has failed), -ETIME (its deadline has passed), -ENOMEM,
 * with a text. */
int tr_board_revive(tr_board_t *self, tr_task_t *task, int64_t now_ms, tr_error_t *error);
const tr_task_t *tr_board_task(const tr_board_t *self, const char *id);
size_t tr_board_count(const tr_board_t *self, tr_task_state_t state);

/* What an agent says of a try. -ESTALE: it is not the one that goes on; nothing has changed. */
int tr_board_agreed(tr_board_t *self, const char *id, uint32_t try, int64_t now_ms);
/* How it goes, msgpack: whoever says it has agreed. -EAGAIN: it is too long or too soon after the last one, and left out. */
int tr_board_status(
    tr_board_t *self, const char *id, uint32_t try, const void *status, size_t len, int64_t now_ms);
/* What is left of what the try was granted (task->granted); before it ends. */
int tr_board_left(tr_board_t *self, const char *id, uint32_t try, const tr_purse_t *left, int64_t now_ms);
int tr_board_completed(
    tr_board_t *self, const char *id, uint32_t try, const void *result, size_t len, int64_t now_ms);
/* It refused, failed, went away or was late. `again_ms`: not before so long, 0 = by the backoff. */
int tr_board_failed(
    tr_board_t *self, const char *id, uint32_t try, const char *reason, int64_t again_ms, int64_t now_ms);

/* The same, but another try would not be right: nobody knows what the last one has done. */
int tr_board_failed_for_good(
    tr_board_t *self, const char *id, uint32_t try, const char *reason, int64_t now_ms);
/* While it goes on: the next try, whatever ends this one, is this agent's, without bids, while he offers it and has room: only he knows what was done already. */
int tr_board_comes_back(tr_board_t *self, const char *id, uint32_t try);

/* The agent was not asked after all: the try does not count. */
int tr_board_not_asked(
    tr_board_t *self, const char *id, uint32_t try, const char *reason, int64_t again_ms, int64_t now_ms);

/* Nobody knows what came of it, by no fault of its own: the try is over, and there is another one behind it, of the same agent (tr_board_comes_back). */
int tr_board_lost(
    tr_board_t *self, const char *id, uint32_t try, const char *reason, int64_t again_ms, int64_t now_ms);

/* Those who could take a task now, in the order of "Choice"; at most `most`, borrowed until the next change. */
size_t tr_board_candidates(
    const tr_board_t *self, const tr_task_t *task, const tr_worker_t **ret, size_t most);
/* From 0 to 1, how well a worker's services fit a task: 1, or the mean of "Likeness" where nobody offers all of them. 0 of what is not known. */
double tr_board_fit(const tr_board_t *self, const char *id, const char *worker);
/* A bid was the best: the task is assigned to `worker`, for the reason `why`. -ESTALE as above; -ENOENT: it has no room any more. */
int tr_board_award(
    tr_board_t *self, const char *id, uint32_t try, const char *worker, const char *why, int64_t now_ms);
/* There was none that could be taken, which is `why`: it is given away directly. -ESTALE. */
int tr_board_no_bids(tr_board_t *self, const char *id, uint32_t try, const char *why, int64_t now_ms);
/* There were some, but none of who bid has room any more: bids are called for again when somebody has. -ESTALE. */
int tr_board_no_room(tr_board_t *self, const char *id, uint32_t try, int64_t now_ms);

/* What people say. Of one that composes the parts that nobody else needs are cancelled as well. -ENOENT: there is none that has not ended; -EPROTO: its state does not allow that. */
int tr_board_cancel(tr_board_t *self, const char *id, const char *reason, int64_t now_ms);
/* reason: by whom. */
int tr_board_approve(tr_board_t *self, const char *id, const char *reason, int64_t now_ms);

/* ---- agents ---- */

/* As the directory has it now. 0 or -ENOMEM. */
int tr_board_list_worker(
    tr_board_t *self, const char *name, const char *const *skills, size_t skill_count, uint32_t capacity);
/* Begins a new look at the directory: who is not listed again until tr_board_end_listing gets nothing more from then on. One that is
 * never ended changes nothing but for whom it has listed. */
void tr_board_begin_listing(tr_board_t *self);
void tr_board_end_listing(tr_board_t *self);
size_t tr_board_workers(const tr_board_t *self);
/* Takes tasks back from agents that have not agreed to them, for those that have joined and have room: until nobody has two more than they have. A
 * try that was taken back is made up for. */
void tr_board_spread(tr_board_t *self, int64_t now_ms);
/* What all others have given each agent, anew: begins with nothing. */
void tr_board_forget_elsewhere(tr_board_t *self);
void tr_board_note_elsewhere(tr_board_t *self, const char *name, uint32_t count);
/* Each that is listed; skill: only those that offer it, NULL = all. */
void tr_board_each_worker(
    const tr_board_t *self, const char *skill, void (*each)(void *arg, const tr_worker_t *worker), void *arg);
bool tr_worker_offers(const tr_worker_t *worker, const char *skill);

/* How often tasks may be begun. For the life of the board. */
tr_rates_t *tr_board_rates(tr_board_t *self);

/* ---- time ---- */

/* Gives away what can be given away now (with `assign`), and ends what is late. Returns when to be called again though
 * nothing happens. */
int64_t tr_board_turn(tr_board_t *self, bool assign, int64_t now_ms);

#endif
