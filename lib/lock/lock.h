/*
 * Locks that processes share: held for a lease, each time with a fencing token. Where they are kept is a port with two
 * stores: the memory of this process (lock_local.h) and a Redis server (lock_redis.h).
 *
 * What a lock alone gives: at most one holder at a time *as long as* clocks run alike and nobody pauses. A holder that is
 * stopped, or whose answer is late, may believe in its lock when the lease has ended and another one works; no lock with
 * leases can prevent that. tr_lock_held says no in good time (it counts suspension, and leaves a margin for clocks that
 * run unalike), but between that look and the deed any pause may come.
 *
 * What the fencing token gives: each time that a lock changes hands the token is larger. A resource that keeps the largest
 * token that it has seen, on its own disk, and refuses smaller ones (tr_fence_admit) is never written to by an earlier
 * holder *after a later one has written to it*, whatever pauses and clocks did.
 *
 * What it does not give:
 *   - Nothing where the resource does not compare tokens, in the same transaction as the deed. A mail that is sent twice
 *     was sent twice.
 *   - An earlier holder may still write while the later one has not written yet: it is late, not wrong. What it read before
 *     its lease ended may be what somebody has changed since.
 *   - It does not order what several holders do to two different resources.
 *   - Tokens rise as long as the store remembers. The stores here give the larger of "the last plus one" and the wall clock
 *     in microseconds, so that they rise over a store that forgot everything (a Redis without persistence, a failover that
 *     lost the last writes) too, unless its clock went back at the same time by more than it was away.
 *   - A store that forgot its locks gives them away again at once: then two hold one, and only tokens tell them apart.
 *
 * Source: Gray and Cheriton, "Leases" (1989); Kleppmann, "How to do distributed locking" (2016); Redis, "Distributed locks".
 *
 * Threads: a store as its header says; a tr_lock_t is one thread's.
 */
#ifndef TR_LOCK_LOCK_H
#define TR_LOCK_LOCK_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TR_LOCK_NAME_MAX  200u     /* bytes */
#define TR_LOCK_LEASE_MIN 10       /* ms */
#define TR_LOCK_LEASE_MAX 86400000 /* ms: a day */

/* Answers that a caller has to handle; 0 is yes, negative an errno with a text: then nothing is known. */
#define TR_LOCK_BUSY 1 /* another one holds it */
#define TR_LOCK_LOST 2 /* it is not ours any more: it ended, or was released */

/* The clock of leases: nanoseconds that never go back and count while the machine sleeps. */
typedef struct tr_lock_clock {
    int64_t (*now_ns)(void *arg);
    void *arg;
} tr_lock_clock_t;

/* CLOCK_BOOTTIME. */
tr_lock_clock_t tr_lock_clock_boot(void);

/* A lock that is held, or was. Its owner's; no pointers in it. */
typedef struct tr_lock {
    uint64_t token;   /* larger than that of whoever held it before */
    uint64_t nonce;   /* what the store knows us by */
    int64_t until_ns; /* when to stop believing in it, by the store's clock; 0 = not held */
    char name[TR_LOCK_NAME_MAX + 1];
} tr_lock_t;

typedef struct tr_lock_store tr_lock_store_t;

/* What a store does; name, nonce and lease have been checked. Functions repeat safely with the same nonce. */
typedef struct tr_lock_ops {
    /* 0: *ret_token is set. TR_LOCK_BUSY: *ret_left_ms, what is left of the other's lease. */
    int (*take)(tr_lock_store_t *self, const char *name, uint64_t nonce, int64_t lease_ms,
        uint64_t *ret_token, int64_t *ret_left_ms, tr_error_t *error);
    int (*renew)(tr_lock_store_t *self, const tr_lock_t *lock, int64_t lease_ms, tr_error_t *error);
    int (*release)(tr_lock_store_t *self, const tr_lock_t *lock, tr_error_t *error);
    void (*destroy)(tr_lock_store_t *self);
} tr_lock_ops_t;

struct tr_lock_store {
    const tr_lock_ops_t *ops;
    tr_lock_clock_t clock;
};

/* Tries once. 0: *ret_lock is held. TR_LOCK_BUSY: *ret_wait_ms (may be NULL) says when it pays to ask again, at the latest.
 * -EINVAL: name or lease. Another error: the store cannot be reached, and the lock may be taken until the lease ends. */
int tr_lock_take(tr_lock_store_t *store, const char *name, int64_t lease_ms, tr_lock_t *ret_lock,
    int64_t *ret_wait_ms, tr_error_t *error);
/* A lease from now on, with the same token. TR_LOCK_LOST: stop. An error: it may or may not have been renewed, and
 * is believed in for the shorter of both. */
int tr_lock_renew(tr_lock_store_t *store, tr_lock_t *lock, int64_t lease_ms, tr_error_t *error);
/* Not held any more, whatever the answer is. TR_LOCK_LOST: it had ended before, or an answer was lost. */
int tr_lock_release(tr_lock_store_t *store, tr_lock_t *lock, tr_error_t *error);
/* May one still believe in it? False from a little before the store's lease ends (a hundredth of it and 2 ms). */
bool tr_lock_held(const tr_lock_store_t *store, const tr_lock_t *lock);
/* NULL-safe. Frees what it keeps; releases nothing at a server. */
void tr_lock_store_destroy(tr_lock_store_t **self);

/* The resource's side: what it keeps beside its data, and writes with it in one transaction. Zeroed at first. */
typedef struct tr_fence {
    uint64_t highest;
} tr_fence_t;

/* True: do it, and keep the fence. False: whoever asks held the lock before somebody who was here already. */
bool tr_fence_admit(tr_fence_t *self, uint64_t token);

#ifdef __cplusplus
}
#endif

#endif
