/*
 * Which deliveries an agent's saved state has in it, by their delivery numbers, as runs of consecutive ones: a mailbox that is
 * worked off in order is one run however long it is. Of more runs than TR_APPLIED_RUNS that which was added to longest ago is
 * forgotten.
 */
#ifndef TR_AGENT_APPLIED_H
#define TR_AGENT_APPLIED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_APPLIED_RUNS 64u

typedef struct tr_applied_run {
    uint64_t first, last;
} tr_applied_run_t;

typedef struct tr_applied {
    tr_applied_run_t *runs; /* the one that was added to last is the last */
    size_t n, cap;
} tr_applied_t;

void tr_applied_finish(tr_applied_t *self);
bool tr_applied_has(const tr_applied_t *self, uint64_t number);
/* Adding what it has changes nothing. 0 or -ENOMEM. */
int tr_applied_add(tr_applied_t *self, uint64_t number);
/* A whole run, as it was read back. 0, -EINVAL, -ENOMEM. */
int tr_applied_add_run(tr_applied_t *self, tr_applied_run_t run);

#endif
