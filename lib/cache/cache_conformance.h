/* What holds for every store of a cache: run by the test of each. */
#ifndef TR_CACHE_CACHE_CONFORMANCE_H
#define TR_CACHE_CACHE_CONFORMANCE_H

#include "lib/cache/cache.h"

/* Two that ask for the same, and the time, which the test moves. The *state of each test. */
typedef struct cache_world {
    tr_cache_t *a, *b;
    int64_t now_ms;
    void (*advance_store)(struct cache_world *self, int64_t ms); /* NULL = it reads now_ms */
} cache_world_t;

/* Asks, the answer must be this one, with that value, NULL = none. The claim. */
uint64_t cache_expect(tr_cache_t *cache, const char *key, int answer, const char *value);
/* Puts text, fresh and then stale for some minutes: what the cache says. */
int cache_put_text(tr_cache_t *cache, const char *key, uint64_t claim, const char *value);

void cache_ages(void **state);
void cache_lets_one_compute(void **state);
void cache_claim_ends(void **state);
void cache_abandoned(void **state);
void cache_dropped(void **state);
void cache_any_bytes(void **state);
void cache_refuses(void **state);

#define CACHE_CONFORMANCE_TESTS(setup, teardown)                                                             \
    cmocka_unit_test_setup_teardown(cache_ages, setup, teardown),                                            \
        cmocka_unit_test_setup_teardown(cache_lets_one_compute, setup, teardown),                            \
        cmocka_unit_test_setup_teardown(cache_claim_ends, setup, teardown),                                  \
        cmocka_unit_test_setup_teardown(cache_abandoned, setup, teardown),                                   \
        cmocka_unit_test_setup_teardown(cache_dropped, setup, teardown),                                     \
        cmocka_unit_test_setup_teardown(cache_any_bytes, setup, teardown),                                   \
        cmocka_unit_test_setup_teardown(cache_refuses, setup, teardown)

#endif
