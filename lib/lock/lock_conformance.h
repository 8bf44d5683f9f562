/* What holds for every store of locks: run by the test of each. */
#ifndef TR_LOCK_LOCK_CONFORMANCE_H
#define TR_LOCK_LOCK_CONFORMANCE_H

#include "lib/lock/lock.h"

/* Two that compete, as two processes would, and the time, which the test moves. The *state of each test. */
typedef struct lock_world {
    tr_lock_store_t *a, *b;
    int64_t now_ns; /* the clock of both */
    /* The store's own clock goes on, too. */
    void (*advance_store)(struct lock_world *self, int64_t ms);
} lock_world_t;

tr_lock_clock_t lock_world_clock(lock_world_t *self);
/* Time passes for everybody. */
void lock_world_advance(lock_world_t *self, int64_t ms);
/* Takes it, or fails the test. */
tr_lock_t lock_world_take(tr_lock_store_t *store, const char *name, int64_t lease_ms);

void lock_excludes(void **state);
void lock_lease_ends(void **state);
void lock_renewal_goes_on(void **state);
void lock_belief_ends_first(void **state);
void lock_tokens_fence(void **state);
void lock_names_are_apart(void **state);
void lock_refuses(void **state);

#define LOCK_CONFORMANCE_TESTS(setup, teardown)                                                              \
    cmocka_unit_test_setup_teardown(lock_excludes, setup, teardown),                                         \
        cmocka_unit_test_setup_teardown(lock_lease_ends, setup, teardown),                                   \
        cmocka_unit_test_setup_teardown(lock_renewal_goes_on, setup, teardown),                              \
        cmocka_unit_test_setup_teardown(lock_belief_ends_first, setup, teardown),                            \
        cmocka_unit_test_setup_teardown(lock_tokens_fence, setup, teardown),                                 \
        cmocka_unit_test_setup_teardown(lock_names_are_apart, setup, teardown),                              \
        cmocka_unit_test_setup_teardown(lock_refuses, setup, teardown)

#endif
