/* The cache in a real Redis: what holds for every store, and what a server does to it. */
#include "lib/cache/cache_conformance.h"
#include "lib/cache/cache_redis.h"
#include "tests/52-lock/redis.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct world {
    cache_world_t base; /* first: it is the state of the common tests */
    redis_t redis;
} world_t;

static tr_cache_t *connect_to(const redis_t *redis) {
    tr_cache_t *cache = NULL;
    tr_redis_options_t options = {
        .host = "127.0.0.1", .port = (uint16_t)atoi(redis->port), .timeout_ms = 10000};
    assert_int_equal(tr_cache_redis(&options, &cache, NULL), 0);
    return cache;
}

static void jump(cache_world_t *base, int64_t ms) {
    *((world_t *)base)->redis.offset_ms += ms;
}

static int setup(void **state) {
    world_t *world = calloc(1, sizeof *world);
    redis_new(&world->redis, NULL);
    world->base = (cache_world_t){connect_to(&world->redis), connect_to(&world->redis), 0, jump};
    *state = world;
    return 0;
}

static int teardown(void **state) {
    world_t *world = *state;
    tr_cache_destroy(&world->base.a);
    tr_cache_destroy(&world->base.b);
    redis_end(&world->redis);
    free(world);
    return 0;
}

/* It has forgotten everything, and goes on; a claim from before is late. */
static void server_forgets(void **state) {
    world_t *world = *state;
    uint64_t claim = cache_expect(world->base.a, "k", TR_CACHE_COMPUTE, NULL);
    redis_restart(&world->redis);
    assert_int_equal(cache_put_text(world->base.a, "k", claim, "one"), TR_CACHE_LATE);
    cache_expect(world->base.b, "k", TR_CACHE_COMPUTE, NULL);
}

static void nobody_there(void **state) {
    world_t *world = *state;
    tr_cache_answer_t answer;
    tr_error_t error = {0};
    process_kill(&world->redis.process);
    assert_int_equal(tr_cache_get(world->base.a, "k", 1, 1000, &answer, &error), -ECONNREFUSED);
    assert_non_null(strstr(error.text, "refused"));
}

typedef struct work {
    const redis_t *redis;
    atomic_int computed;
} work_t;

static void *ask(void *arg) {
    work_t *work = arg;
    tr_cache_t *cache = connect_to(work->redis);
    for (int i = 0; i < 50; i++) {
        tr_cache_answer_t answer = {0};
        char key[16];
        int r;
        snprintf(key, sizeof key, "%d", i);
        while ((r = tr_cache_get(cache, key, strlen(key), 60000, &answer, NULL)) == TR_CACHE_WAIT)
            sched_yield();
        if (r == TR_CACHE_COMPUTE) {
            work->computed++;
            cache_put_text(cache, key, answer.claim, "done");
        }
        free(answer.value);
    }
    tr_cache_destroy(&cache);
    return NULL;
}

static void a_stampede(void **state) {
    world_t *world = *state;
    work_t work = {.redis = &world->redis};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &work), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(work.computed, 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CACHE_CONFORMANCE_TESTS(setup, teardown),
        cmocka_unit_test_setup_teardown(server_forgets, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_there, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stampede, setup, teardown),
    };
    if (access(REDIS_PROGRAM, X_OK) < 0) {
        fprintf(stderr, "no " REDIS_PROGRAM ": install redis-server (tools/setup)\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
