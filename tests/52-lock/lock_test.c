/* Locks in a real Redis: what holds for every store, and what servers and clocks do to it. */
#include "lib/lock/lock_conformance.h"
#include "lib/lock/lock_redis.h"
#include "tests/52-lock/redis.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LEASE 60000 /* ms */

typedef struct world {
    lock_world_t base; /* first: it is the state of the common tests */
    redis_t redis;
} world_t;

static tr_lock_store_t *connect_to(const redis_t *redis, const tr_lock_clock_t *clock, int64_t timeout_ms) {
    tr_lock_store_t *store = NULL;
    tr_redis_options_t options = {.host = "127.0.0.1",
        .port = (uint16_t)atoi(redis->port),
        .password = redis->password,
        .timeout_ms = timeout_ms};
    assert_int_equal(tr_lock_redis(&options, clock, &store, NULL), 0);
    return store;
}

static void jump(lock_world_t *base, int64_t ms) {
    *((world_t *)base)->redis.offset_ms += ms;
}

static int setup(void **state) {
    world_t *world = calloc(1, sizeof *world);
    tr_lock_clock_t clock = lock_world_clock(&world->base);
    redis_new(&world->redis, NULL);
    world->base.a = connect_to(&world->redis, &clock, 10000);
    world->base.b = connect_to(&world->redis, &clock, 10000);
    world->base.advance_store = jump;
    *state = world;
    return 0;
}

static int teardown(void **state) {
    world_t *world = *state;
    tr_lock_store_destroy(&world->base.a);
    tr_lock_store_destroy(&world->base.b);
    redis_end(&world->redis);
    free(world);
    return 0;
}

/* The server's clock takes the lease away: two believe in the lock, and the tokens tell them apart. */
static void server_jumps_forward(void **state) {
    lock_world_t *world = *state;
    tr_fence_t resource = {0};
    tr_lock_t first = lock_world_take(world->a, "door", LEASE);
    jump(world, 3600000);
    tr_lock_t second = lock_world_take(world->b, "door", LEASE);
    assert_true(tr_lock_held(world->a, &first));
    assert_true(tr_fence_admit(&resource, second.token));
    assert_false(tr_fence_admit(&resource, first.token));
    assert_int_equal(tr_lock_renew(world->a, &first, LEASE, NULL), TR_LOCK_LOST);
    assert_false(tr_lock_held(world->a, &first));
}

/* Back: a lease lasts longer there than its holder believes, and tokens rise all the same. */
static void server_jumps_back(void **state) {
    lock_world_t *world = *state;
    tr_lock_t lock;
    tr_lock_t first = lock_world_take(world->a, "door", LEASE);
    jump(world, -3600000);
    lock_world_advance(world, LEASE + 1);
    assert_false(tr_lock_held(world->a, &first));
    assert_int_equal(tr_lock_take(world->b, "door", LEASE, &lock, NULL, NULL), TR_LOCK_BUSY);
    assert_int_equal(tr_lock_release(world->a, &first, NULL), 0);
    tr_lock_t second = lock_world_take(world->b, "door", LEASE);
    assert_true(second.token > first.token);
}

/* It forgets the lock and the counter; the clock has gone on. */
static void server_forgets(void **state) {
    world_t *world = *state;
    tr_lock_t first = lock_world_take(world->base.a, "door", LEASE);
    redis_restart(&world->redis);
    tr_lock_t second = lock_world_take(world->base.b, "door", LEASE);
    assert_true(second.token > first.token);
    assert_int_equal(tr_lock_renew(world->base.a, &first, LEASE, NULL), TR_LOCK_LOST);
}

static void connection_is_cut(void **state) {
    world_t *world = *state;
    tr_lock_t lock = lock_world_take(world->base.a, "door", LEASE);
    redisContext *other = redisConnect("127.0.0.1", atoi(world->redis.port));
    redisReply *reply = redisCommand(other, "CLIENT KILL TYPE normal SKIPME yes");
    assert_int_equal(reply->integer, 1);
    freeReplyObject(reply);
    redisFree(other);
    assert_int_equal(tr_lock_renew(world->base.a, &lock, LEASE, NULL), 0);
}

/* A server that is silent is an error in time, and what one holds is held for as long as it was. */
static void server_is_silent(void **state) {
    world_t *world = *state;
    tr_error_t error = {0};
    tr_lock_clock_t clock = lock_world_clock(&world->base);
    tr_lock_store_t *store = connect_to(&world->redis, &clock, 200);
    tr_lock_t lock = lock_world_take(world->base.a, "door", LEASE);
    process_stop(&world->redis.process);
    assert_int_equal(tr_lock_renew(store, &lock, LEASE, &error), -EIO);
    assert_non_null(strstr(error.text, world->redis.port));
    assert_true(tr_lock_held(store, &lock));
    lock_world_advance(&world->base, LEASE);
    assert_false(tr_lock_held(store, &lock));
    process_continue(&world->redis.process);
    tr_lock_store_destroy(&store);
}

static void nobody_there(void **state) {
    world_t *world = *state;
    tr_error_t error = {0};
    tr_lock_t lock;
    process_kill(&world->redis.process);
    assert_int_equal(tr_lock_take(world->base.a, "door", LEASE, &lock, NULL, &error), -ECONNREFUSED);
    assert_non_null(strstr(error.text, "refused"));
}

static void password(void **state) {
    redis_t redis;
    tr_error_t error = {0};
    tr_lock_t lock;
    (void)state;
    redis_new(&redis, "sesame");
    tr_lock_store_t *store = connect_to(&redis, NULL, 10000);
    lock = lock_world_take(store, "door", LEASE);
    assert_int_equal(tr_lock_release(store, &lock, NULL), 0);
    tr_lock_store_destroy(&store);
    redis.password = "simsim";
    store = connect_to(&redis, NULL, 10000);
    assert_int_equal(tr_lock_take(store, "door", LEASE, &lock, NULL, &error), -EACCES);
    assert_non_null(strstr(error.text, "password"));
    tr_lock_store_destroy(&store);
    redis_end(&redis);
}

typedef struct work {
    const redis_t *redis;
    long inside, count; /* no atomics: the lock is what keeps them whole */
    uint64_t token;
} work_t;

static void *count_up(void *arg) {
    work_t *work = arg;
    tr_lock_store_t *store = connect_to(work->redis, NULL, 10000);
    for (int i = 0; i < 100; i++) {
        tr_lock_t lock;
        int r;
        while ((r = tr_lock_take(store, "count", LEASE, &lock, NULL, NULL)) == TR_LOCK_BUSY)
            sched_yield();
        if (r < 0)
            break;
        work->count += work->inside++ == 0 && lock.token > work->token ? 1 : 0;
        work->token = lock.token;
        work->inside--;
        tr_lock_release(store, &lock, NULL);
    }
    tr_lock_store_destroy(&store);
    return NULL;
}

static void many_compete(void **state) {
    world_t *world = *state;
    work_t work = {.redis = &world->redis};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, &work), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(work.count, 400);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LOCK_CONFORMANCE_TESTS(setup, teardown),
        cmocka_unit_test_setup_teardown(server_jumps_forward, setup, teardown),
        cmocka_unit_test_setup_teardown(server_jumps_back, setup, teardown),
        cmocka_unit_test_setup_teardown(server_forgets, setup, teardown),
        cmocka_unit_test_setup_teardown(connection_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(server_is_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_there, setup, teardown),
        cmocka_unit_test_setup_teardown(many_compete, setup, teardown),
        cmocka_unit_test(password),
    };
    if (access(REDIS_PROGRAM, X_OK) < 0) {
        fprintf(stderr, "no " REDIS_PROGRAM ": install redis-server (tools/setup)\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
