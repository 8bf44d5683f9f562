/* Locks in the memory of this process: between its threads, and for tests. Threads: any, at the same time. */
#ifndef TR_LOCK_LOCK_LOCAL_H
#define TR_LOCK_LOCK_LOCAL_H

#include "lib/lock/lock.h"

#ifdef __cplusplus
extern "C" {
#endif

/* clock NULL = tr_lock_clock_boot. -ENOMEM. */
int tr_lock_local(const tr_lock_clock_t *clock, tr_lock_store_t **ret_store);

#ifdef __cplusplus
}
#endif

#endif
