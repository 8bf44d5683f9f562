#include "lib/lock/lock_conformance.h"
#include "lib/lock/lock_local.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int setup(void **state) {
    lock_world_t *world = calloc(1, sizeof *world);
    tr_lock_clock_t clock = lock_world_clock(world);
    assert_int_equal(tr_lock_local(&clock, &world->a), 0);
    world->b = world->a;
    *state = world;
    return 0;
}

static int teardown(void **state) {
    lock_world_t *world = *state;
    tr_lock_store_destroy(&world->a);
    tr_lock_store_destroy(&world->a);
    free(world);
    return 0;
}

/* A clock that jumps ends leases; that it jumps to and fro gives nobody a smaller token. */
static void tokens_rise_over_jumps(void **state) {
    lock_world_t *world = *state;
    uint64_t last = 0;
    for (int i = 0; i < 100; i++) {
        world->now_ns += (i % 2 ? -3600 : 7200) * INT64_C(1000000000);
        tr_lock_t lock = lock_world_take(world->a, "door", 100);
        assert_true(lock.token > last);
        last = lock.token;
        assert_int_equal(tr_lock_release(world->a, &lock, NULL), 0);
    }
}

/* What was left is forgotten, what is held is not. */
static void many_that_are_left(void **state) {
    lock_world_t *world = *state;
    char name[16];
    tr_lock_t kept = lock_world_take(world->a, "kept", 86400000);
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "n%d", i);
        lock_world_take(world->a, name, 10);
        lock_world_advance(world, 1);
    }
    assert_int_equal(tr_lock_renew(world->a, &kept, 86400000, NULL), 0);
}

typedef struct work {
    tr_lock_store_t *store;
    long count;     /* no atomic: the lock is what keeps it whole */
    uint64_t token; /* of whoever was here last */
} work_t;

static void *count_up(void *arg) {
    work_t *work = arg;
    for (int i = 0; i < 2000; i++) {
        tr_lock_t lock;
        while (tr_lock_take(work->store, "count", 60000, &lock, NULL, NULL) == TR_LOCK_BUSY)
            sched_yield();
        work->count += lock.token > work->token ? 1 : 0;
        work->token = lock.token;
        tr_lock_release(work->store, &lock, NULL);
    }
    return NULL;
}

static void threads_meet(void **state) {
    work_t work = {0};
    pthread_t threads[4];
    (void)state;
    assert_int_equal(tr_lock_local(NULL, &work.store), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, &work), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(work.count, 8000);
    tr_lock_store_destroy(&work.store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LOCK_CONFORMANCE_TESTS(setup, teardown),
        cmocka_unit_test_setup_teardown(tokens_rise_over_jumps, setup, teardown),
        cmocka_unit_test_setup_teardown(many_that_are_left, setup, teardown),
        cmocka_unit_test(threads_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
