/*
 * Whether and when a process that ended is started again: the rule alone, without processes or clocks.
 *
 * - `always` starts it again however it ended, `on-failure` when it did not exit with 0, `never` not at all.
 * - The first restart waits `backoff_ms`, each further one twice as long, up to `max_backoff_ms`; the wait is
 *   drawn between its half and its whole, so that processes which died together do not come back together. A
 *   run of `period_ms` or longer counts as healthy and begins again with `backoff_ms`.
 * - `intensity` restarts within `period_ms` are tolerated; the process that would need one more has failed
 *   and stays down (the restart intensity of Erlang/OTP's supervisors).
 *
 * Pure: the time (`now_ms`, any monotonic clock) and a random number are passed in.
 */
#ifndef TR_FLEET_RESTART_H
#define TR_FLEET_RESTART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum tr_restart_when {
    TR_RESTART_ALWAYS,
    TR_RESTART_ON_FAILURE,
    TR_RESTART_NEVER,
} tr_restart_when_t;

/* The words of the enum, in its order and ended by NULL. */
extern const char *const tr_restart_words[];

#define TR_RESTART_INTENSITY_MAX 1000

typedef struct tr_restart {
    int when; /* tr_restart_when_t; an int because tables fill it */
    int64_t backoff_ms;
    int64_t max_backoff_ms;
    int64_t intensity; /* 0..TR_RESTART_INTENSITY_MAX */
    int64_t period_ms;
} tr_restart_t;

/* always, 200 ms doubling to 10 s, 5 restarts in 30 s. */
extern const tr_restart_t tr_restart_default;

/* What is remembered of one process. Zeroed = new. */
typedef struct tr_restart_history {
    int64_t *times;     /* a ring of the last `intensity` restarts; allocated with the first one */
    size_t count, next; /* in the ring */
    unsigned doublings;
} tr_restart_history_t;

typedef enum tr_restart_action {
    TR_RESTART_AGAIN,  /* at due_ms */
    TR_RESTART_DONE,   /* it ended and may rest */
    TR_RESTART_FAILED, /* too many restarts, or a failure that may not be restarted */
} tr_restart_action_t;

typedef struct tr_restart_decision {
    tr_restart_action_t action;
    int64_t due_ms; /* of AGAIN */
    bool intense;   /* FAILED because of the intensity limit */
} tr_restart_decision_t;

/* Makes room for what is to be remembered, so that no decision can lack memory. 0 or -ENOMEM. */
int tr_restart_prepare(const tr_restart_t *rule, tr_restart_history_t *history);
/* Decides about a process that was started at started_ms and ended at now_ms, `failed` when not with status
 * 0. 0 or -ENOMEM (only at the first call, and
 * not of a prepared history). A decision of AGAIN is remembered in the history. */
int tr_restart_decide(const tr_restart_t *rule, tr_restart_history_t *history, bool failed,
    int64_t started_ms, int64_t now_ms, uint32_t random, tr_restart_decision_t *ret_decision);
/* Forgets the past: for a process that is started again by hand. */
void tr_restart_forget(tr_restart_history_t *history);
void tr_restart_finish(tr_restart_history_t *history);

#endif
