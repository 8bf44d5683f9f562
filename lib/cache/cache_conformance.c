#include "lib/cache/cache_conformance.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COMPUTE 60000 /* ms, of a time that the test moves: a server's own passes, too */
#define FRESH   100000
#define STALE   200000

static void advance(cache_world_t *self, int64_t ms) {
    self->now_ms += ms;
    if (self->advance_store)
        self->advance_store(self, ms);
}

uint64_t cache_expect(tr_cache_t *cache, const char *key, int expected, const char *value) {
    tr_cache_answer_t answer;
    tr_error_t error = {0};
    int r = tr_cache_get(cache, key, strlen(key), COMPUTE, &answer, &error);
    if (r != expected)
        fail_msg("%s: %d instead of %d %s", key, r, expected, error.text);
    if (value) {
        assert_non_null(answer.value);
        assert_int_equal(answer.len, strlen(value));
        assert_memory_equal(answer.value, value, answer.len);
    } else
        assert_null(answer.value);
    if (r == TR_CACHE_WAIT || r == TR_CACHE_STALE)
        assert_in_range(answer.wait_ms, 1, COMPUTE);
    assert_int_equal(answer.claim != 0, r == TR_CACHE_COMPUTE);
    free(answer.value);
    return answer.claim;
}

int cache_put_text(tr_cache_t *cache, const char *key, uint64_t claim, const char *value) {
    return tr_cache_put(
        cache, key, strlen(key), claim, value, strlen(value), (tr_cache_keep_t){FRESH, STALE}, NULL);
}

void cache_ages(void **state) {
    cache_world_t *world = *state;
    assert_int_equal(cache_put_text(world->a, "k", 0, "one"), 0);
    cache_expect(world->b, "k", TR_CACHE_FRESH, "one");
    advance(world, FRESH + 1);
    uint64_t claim = cache_expect(world->b, "k", TR_CACHE_COMPUTE, "one");
    cache_expect(world->a, "k", TR_CACHE_STALE, "one");
    assert_int_equal(cache_put_text(world->b, "k", claim, "two"), 0);
    cache_expect(world->a, "k", TR_CACHE_FRESH, "two");
    advance(world, FRESH + STALE + 1);
    cache_expect(world->a, "k", TR_CACHE_COMPUTE, NULL);
}

void cache_lets_one_compute(void **state) {
    cache_world_t *world = *state;
    uint64_t claim = cache_expect(world->a, "k", TR_CACHE_COMPUTE, NULL);
    for (int i = 0; i < 3; i++) {
        cache_expect(world->b, "k", TR_CACHE_WAIT, NULL);
        cache_expect(world->a, "k", TR_CACHE_WAIT, NULL); /* whoever asks again is another one */
    }
    cache_expect(world->b, "other", TR_CACHE_COMPUTE, NULL);
    assert_int_equal(cache_put_text(world->a, "k", claim, "one"), 0);
    cache_expect(world->b, "k", TR_CACHE_FRESH, "one");
}

/* Who died, and who was only slow. */
void cache_claim_ends(void **state) {
    cache_world_t *world = *state;
    uint64_t slow = cache_expect(world->a, "k", TR_CACHE_COMPUTE, NULL);
    advance(world, COMPUTE + 1);
    uint64_t next = cache_expect(world->b, "k", TR_CACHE_COMPUTE, NULL);
    assert_int_equal(cache_put_text(world->a, "k", slow, "old"), TR_CACHE_LATE);
    cache_expect(world->a, "k", TR_CACHE_WAIT, NULL);
    assert_int_equal(cache_put_text(world->b, "k", next, "new"), 0);
    assert_int_equal(cache_put_text(world->a, "k", slow, "old"), TR_CACHE_LATE);
    cache_expect(world->a, "k", TR_CACHE_FRESH, "new");
}

void cache_abandoned(void **state) {
    cache_world_t *world = *state;
    uint64_t claim = cache_expect(world->a, "k", TR_CACHE_COMPUTE, NULL);
    assert_int_equal(tr_cache_abandon(world->b, "k", 1, claim + 2, NULL), 0);
    cache_expect(world->b, "k", TR_CACHE_WAIT, NULL);
    assert_int_equal(tr_cache_abandon(world->a, "k", 1, claim, NULL), 0);
    cache_expect(world->b, "k", TR_CACHE_COMPUTE, NULL);
}

/* What is computed from what was so before does not come back. */
void cache_dropped(void **state) {
    cache_world_t *world = *state;
    assert_int_equal(cache_put_text(world->a, "k", 0, "one"), 0);
    assert_int_equal(tr_cache_drop(world->b, "k", 1, NULL), 0);
    uint64_t claim = cache_expect(world->a, "k", TR_CACHE_COMPUTE, NULL);
    assert_int_equal(tr_cache_drop(world->b, "k", 1, NULL), 0);
    assert_int_equal(cache_put_text(world->a, "k", claim, "one"), TR_CACHE_LATE);
    cache_expect(world->a, "k", TR_CACHE_COMPUTE, NULL);
}

void cache_any_bytes(void **state) {
    cache_world_t *world = *state;
    char value[1000], key[] = "a\0b\r\n\xff";
    tr_cache_answer_t answer;
    tr_cache_keep_t keep = {FRESH, 0};
    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (char)i;
    assert_int_equal(tr_cache_put(world->a, key, sizeof key, 0, value, sizeof value, keep, NULL), 0);
    assert_int_equal(tr_cache_get(world->b, key, sizeof key, COMPUTE, &answer, NULL), TR_CACHE_FRESH);
    assert_int_equal(answer.len, sizeof value);
    assert_memory_equal(answer.value, value, sizeof value);
    free(answer.value);
    cache_expect(world->b, "a", TR_CACHE_COMPUTE, NULL);
    assert_int_equal(cache_put_text(world->a, "empty", 0, ""), 0);
    cache_expect(world->b, "empty", TR_CACHE_FRESH, "");
}

void cache_refuses(void **state) {
    cache_world_t *world = *state;
    char key[TR_CACHE_KEY_MAX + 1] = {1};
    tr_cache_answer_t answer;
    tr_error_t error;
    assert_int_equal(tr_cache_get(world->a, key, sizeof key, COMPUTE, &answer, NULL), -EINVAL);
    assert_int_equal(tr_cache_get(world->a, key, 0, COMPUTE, &answer, NULL), -EINVAL);
    assert_int_equal(tr_cache_get(world->a, key, 1, 0, &answer, &error), -EINVAL);
    assert_string_equal(error.text, "to compute within 0 ms: expected 1 to 315360000000");
    assert_int_equal(tr_cache_put(world->a, key, 1, 0, "v", 1, (tr_cache_keep_t){0, 1}, NULL), -EINVAL);
    assert_int_equal(
        tr_cache_put(world->a, key, 1, 0, "v", TR_CACHE_VALUE_MAX + 1, (tr_cache_keep_t){1, 1}, NULL),
        -EMSGSIZE);
    assert_int_equal(tr_cache_get(world->a, key, sizeof key - 1, COMPUTE, &answer, NULL), TR_CACHE_COMPUTE);
}
