/*
 * Supervision trees, as Erlang/OTP's supervisors have them: who is started again, with whom, and when a
 * supervisor gives up and leaves it to the one above. The rules alone, without processes, clocks or I/O.
 *
 * A supervisor has children, which are supervised ones (a process, an agent) or supervisors, in the order in
 * which they were added (or put behind another). When one of them ends and is to come back (its own `when`, lib/fleet/restart.h):
 *
 *   one-for-one   it alone is started again
 *   one-for-all   all others are ended, and then all are started, in their order
 *   rest-for-one  those that were added after it are ended, and then it and they are started, in their order
 *
 * What is ended is asked from the last to the first. One that may `never` be started again is not, also when it
 * was ended for others; one that rests, having ended well, comes back with the others.
 *
 * Restarts are counted by the supervisor, once for each of which it was the cause: the intensity of its rule
 * within the period. The one that would be too many makes it give up: all below it are ended, and when they
 * are gone it has itself failed, which its own supervisor counts and treats as it does any child's failure (a
 * supervisor always comes back, with its past forgotten). One at the top that gives up stays down.
 * Waits are those of lib/fleet/restart.h: doubled for each child by itself, and shared by those started with it.
 *
 *   WAITING --turn: start--> UP --ended--> WAITING | RESTED | FAILED | HELD (its supervisor is giving up)
 *                            |--turn: stop (with others)--> ENDING --ended--> WAITING | HELD
 *                            \--leave--> LEAVING --ended--> OUT
 *
 * Whoever drives it says what happened (ended, leave, bring) and calls turn, which says what to do now and when
 * to call again. Pure and deterministic: time (`now_ms`, any monotonic clock) and the seed are passed in.
 * One thread. Nothing allocates but new and add.
 */
#ifndef TR_FLEET_SUPERVISOR_H
#define TR_FLEET_SUPERVISOR_H

#include "lib/fleet/restart.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_SUPERVISOR_TOP   0         /* the parent of those that have none */
#define TR_SUPERVISOR_NEVER INT64_MAX /* no time */

typedef enum tr_strategy {
    TR_ONE_FOR_ONE,
    TR_ONE_FOR_ALL,
    TR_REST_FOR_ONE,
} tr_strategy_t;

/* The words of the enum, in its order and ended by NULL: "one-for-one" ... */
extern const char *const tr_strategy_words[];

typedef enum tr_supervised {
    TR_SUPERVISED_WAITING, /* to be started, at its time */
    TR_SUPERVISED_UP,
    TR_SUPERVISED_ENDING,  /* was asked to end, and comes back */
    TR_SUPERVISED_LEAVING, /* was asked to end, for good */
    TR_SUPERVISED_OUT,     /* has left */
    TR_SUPERVISED_RESTED,  /* ended well, and needs not come back */
    TR_SUPERVISED_FAILED,  /* may not be started again */
    TR_SUPERVISED_HELD,    /* waits for what its supervisor's supervisor decides */
} tr_supervised_t;

typedef struct tr_supervisor tr_supervisor_t;

/* What turn asks for. The callbacks may call ended (a start that fails at once) and look; nothing else. */
typedef struct tr_supervisor_ops {
    void (*stop)(void *context, size_t child);  /* end it, gently; say `ended` when it has */
    void (*start)(void *context, size_t child); /* it counts as UP from now on */
    /* A supervisor has given up because of this child; `last`: it is at the top, and all below it stays down. */
    void (*gave_up)(void *context, size_t supervisor, size_t culprit, bool last);
} tr_supervisor_ops_t;

int tr_supervisor_new(uint32_t seed, tr_supervisor_t **ret_self);
void tr_supervisor_destroy(tr_supervisor_t **self);

/* A supervisor; `rule->when` is not looked at. -EINVAL: the parent is none; -ENOMEM. */
int tr_supervisor_add(
    tr_supervisor_t *self, size_t parent, tr_strategy_t strategy, const tr_restart_t *rule, size_t *ret_id);
/* A child, which the next turn starts; `when`: tr_restart_when_t. It comes behind its sibling `after`, or, with
 * TR_SUPERVISOR_TOP, behind all. The same errors; -EINVAL: `after` is no child of the parent. */
int tr_supervisor_add_child(tr_supervisor_t *self, size_t parent, size_t after, int when, size_t *ret_id);
/* -EBUSY: it is there, or has children; -ENOENT. Its id may be given again. */
int tr_supervisor_remove(tr_supervisor_t *self, size_t id);

/* A child that was started has ended, `failed` when not well. -EINVAL where it was not there. */
int tr_supervisor_ended(tr_supervisor_t *self, size_t child, bool failed, int64_t now_ms);
/* A child is to go (its driver ends it), or must not come back. -ENOENT. */
int tr_supervisor_leave(tr_supervisor_t *self, size_t child);
/* One that is down for good is to come back with the next turn; its past, and its supervisor's, are forgotten.
 * -EBUSY: it is not down, -ENOENT. */
int tr_supervisor_bring(tr_supervisor_t *self, size_t child);

/* Says what to do: at most `starts` starts. Returns when to call again at the latest; not later than now where
 * there are more to start. */
int64_t tr_supervisor_turn(
    tr_supervisor_t *self, int64_t now_ms, size_t starts, const tr_supervisor_ops_t *ops, void *context);

/* A child's state; *ret_due_ms, where it is WAITING, of its start. OUT where there is no such child. */
tr_supervised_t tr_supervisor_state(const tr_supervisor_t *self, size_t child, int64_t *ret_due_ms);
/* The supervisor of a child or supervisor. */
size_t tr_supervisor_parent(const tr_supervisor_t *self, size_t id);
/* Children of a supervisor, on all levels, that are there: UP, ENDING or LEAVING. */
size_t tr_supervisor_living(const tr_supervisor_t *self, size_t supervisor);

#endif
