#include "lib/cache/cache_conformance.h"
#include "lib/cache/cache_local.h"
#include "lib/cache/lru.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t world_now(void *arg) {
    return ((cache_world_t *)arg)->now_ms;
}

static int setup(void **state) {
    cache_world_t *world = calloc(1, sizeof *world);
    tr_cache_clock_t clock = {world_now, world};
    assert_int_equal(tr_cache_local(100000, &clock, &world->a), 0);
    world->b = world->a;
    *state = world;
    return 0;
}

static int teardown(void **state) {
    cache_world_t *world = *state;
    tr_cache_destroy(&world->a);
    tr_cache_destroy(&world->a);
    free(world);
    return 0;
}

/* What was used stays, what was not goes, and there is never more than may be. */
static void bytes_are_bounded(void **state) {
    tr_lru_t lru;
    char key[16], value[400] = {0};
    (void)state;
    tr_lru_init(&lru, SIZE_MAX, 10000);
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_non_null(tr_lru_put(&lru, key, strlen(key), value, sizeof value));
        assert_non_null(tr_lru_use(&lru, "k0", 2));
        assert_true(lru.bytes <= 10000);
    }
    assert_in_range(lru.entries.count, 15, 24);
    assert_null(tr_lru_use(&lru, "k900", 4));
    assert_non_null(tr_lru_use(&lru, "k998", 4));
    tr_lru_finish(&lru);
}

static void what_does_not_fit(void **state) {
    tr_lru_t lru;
    char value[400] = {0};
    (void)state;
    tr_lru_init(&lru, 2, 600);
    assert_non_null(tr_lru_put(&lru, "k", 1, value, 100));
    assert_null(tr_lru_put(&lru, "k", 1, value, 600));
    assert_null(tr_lru_use(&lru, "k", 1)); /* the old one is not the right one any more */
    assert_int_equal(lru.bytes, 0);
    for (int i = 0; i < 3; i++)
        assert_non_null(tr_lru_put(&lru, &"abc"[i], 1, value, 1));
    assert_int_equal(lru.entries.count, 2);
    assert_null(tr_lru_use(&lru, "a", 1));
    tr_lru_finish(&lru);
}

typedef struct work {
    tr_cache_t *cache;
    atomic_int computed;
} work_t;

static void *ask(void *arg) {
    work_t *work = arg;
    for (int i = 0; i < 200; i++) {
        tr_cache_answer_t answer = {0};
        char key[16];
        int r;
        snprintf(key, sizeof key, "%d", i);
        while ((r = tr_cache_get(work->cache, key, strlen(key), 60000, &answer, NULL)) == TR_CACHE_WAIT)
            sched_yield();
        if (r == TR_CACHE_COMPUTE) {
            work->computed++;
            cache_put_text(work->cache, key, answer.claim, "done");
        }
        free(answer.value);
    }
    return NULL;
}

static void a_stampede(void **state) {
    work_t work = {0};
    pthread_t threads[4];
    (void)state;
    assert_int_equal(tr_cache_local(1000000, NULL, &work.cache), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &work), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(work.computed, 200);
    tr_cache_destroy(&work.cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CACHE_CONFORMANCE_TESTS(setup, teardown),
        cmocka_unit_test(bytes_are_bounded),
        cmocka_unit_test(what_does_not_fit),
        cmocka_unit_test(a_stampede),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
