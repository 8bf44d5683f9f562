/* An answer is found as long as nothing has changed in its namespace; the least recently used go when there is no room. */
#include "kbd/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first. */
#include <cmocka.h>
#include <sodium.h>
#include <string.h>

static const tr_kb_namespace_t one = {.number = 1, .version = 7}, changed = {.number = 1, .version = 8},
                               other = {.number = 2, .version = 7};

static tr_kb_cache_key_t key_of(const tr_kb_namespace_t *ns, uint64_t vectors, const char *question) {
    tr_kb_cache_key_t key;
    tr_kb_cache_key(ns, vectors, question, strlen(question), &key);
    return key;
}

/* What is found, as a text; "" where there is nothing. */
static const char *find(tr_kb_cache_t *cache, const tr_kb_namespace_t *ns, uint64_t vectors, const char *q) {
    static char text[64];
    size_t len = 0;
    tr_kb_cache_key_t key = key_of(ns, vectors, q);
    const void *value = tr_kb_cache_find(cache, ns, &key, &len);
    assert_true(len < sizeof text);
    memcpy(text, value ? value : "", value ? len : 0);
    text[value ? len : 0] = '\0';
    return text;
}

static void put(tr_kb_cache_t *cache, const tr_kb_namespace_t *ns, const char *q, const char *answer) {
    tr_kb_cache_key_t key = key_of(ns, 0, q);
    tr_kb_cache_put(cache, &key, answer, strlen(answer));
}

static void test_what_has_changed_is_not_found(void **state) {
    tr_kb_cache_t cache;
    (void)state;
    tr_kb_cache_init(&cache, 1 << 20);
    assert_string_equal(find(&cache, &one, 0, "wings"), "");
    put(&cache, &one, "wings", "a");
    assert_string_equal(find(&cache, &one, 0, "wings"), "a");
    assert_string_equal(find(&cache, &one, 0, "wing"), "");
    assert_string_equal(find(&cache, &one, 1, "wings"), "");
    assert_string_equal(find(&cache, &changed, 0, "wings"), "");
    assert_string_equal(find(&cache, &other, 0, "wings"), "");
    put(&cache, &changed, "wings", "b");
    assert_string_equal(find(&cache, &changed, 0, "wings"), "b");
    assert_int_equal(tr_kb_cache_hits(&cache, &one), 2);
    assert_int_equal(tr_kb_cache_hits(&cache, &other), 0);
    assert_int_equal(tr_counter_get(&cache.searches[0]), 2);
    assert_int_equal(tr_counter_get(&cache.searches[1]), 5);
    tr_kb_cache_clear(&cache);
    assert_string_equal(find(&cache, &changed, 0, "wings"), "");
    assert_int_equal(tr_kb_cache_hits(&cache, &one), 2);
    tr_kb_cache_drop(&cache, &one);
    assert_int_equal(tr_kb_cache_hits(&cache, &one), 0);
    tr_kb_cache_finish(&cache);
}

static void test_it_is_bounded(void **state) {
    tr_kb_cache_t cache;
    char question[16];
    (void)state;
    tr_kb_cache_init(&cache, 4096);
    put(&cache, &one, "first", "a");
    for (int i = 0; i < 1000; i++) {
        snprintf(question, sizeof question, "%d", i);
        put(&cache, &one, question, "an answer");
        assert_true(tr_gauge_get(&cache.bytes) <= 4096);
        if (i < 500)
            assert_string_equal(find(&cache, &one, 0, "first"), "a"); /* it is used */
    }
    assert_string_equal(find(&cache, &one, 0, "first"), "");
    assert_string_equal(find(&cache, &one, 0, "999"), "an answer");
    tr_kb_cache_finish(&cache);
    tr_kb_cache_init(&cache, 0);
    put(&cache, &one, "first", "a");
    assert_string_equal(find(&cache, &one, 0, "first"), "");
    tr_kb_cache_finish(&cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_has_changed_is_not_found),
        cmocka_unit_test(test_it_is_bounded),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
