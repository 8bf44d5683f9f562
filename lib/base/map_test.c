#include "lib/base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void put(tr_map_t *map, const char *key, uint64_t value) {
    assert_int_equal(tr_map_put(map, key, strlen(key), value), 0);
}

static void finds_what_was_put(void **state) {
    (void)state;
    tr_map_t map;
    tr_map_init(&map, 1);
    assert_null(tr_map_find(&map, "a", 1));
    put(&map, "a", 1);
    put(&map, "", 2);
    put(&map, "a", 3);
    assert_int_equal(*tr_map_find(&map, "a", 1), 3);
    assert_int_equal(*tr_map_find(&map, "", 0), 2);
    assert_int_equal(map.count, 2);
    assert_null(tr_map_find(&map, "b", 1));
    tr_map_finish(&map);
    assert_null(tr_map_find(&map, "a", 1));
}

/* Deleting shifts probe runs back: every key that is left must still be found, for many patterns
 * of deletion. */
static void deletes_without_losing_others(void **state) {
    (void)state;
    enum { KEYS = 2000 };
    for (uint64_t seed = 0; seed < 5; seed++) {
        tr_map_t map;
        tr_map_init(&map, seed);
        char key[16];
        for (unsigned i = 0; i < KEYS; i++) {
            snprintf(key, sizeof key, "key-%u", i);
            put(&map, key, i);
        }
        for (unsigned i = 0; i < KEYS; i += 3) {
            snprintf(key, sizeof key, "key-%u", i);
            assert_true(tr_map_delete(&map, key, strlen(key)));
            assert_false(tr_map_delete(&map, key, strlen(key)));
        }
        for (unsigned i = 0; i < KEYS; i++) {
            snprintf(key, sizeof key, "key-%u", i);
            const uint64_t *v = tr_map_find(&map, key, strlen(key));
            if (i % 3)
                assert_int_equal(*v, i);
            else
                assert_null(v);
        }
        tr_map_finish(&map);
    }
}

static void iterates_over_each_once(void **state) {
    (void)state;
    tr_map_t map;
    tr_map_init(&map, 9);
    char key[16];
    for (unsigned i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "%u", i);
        put(&map, key, i);
    }
    size_t cursor = 0, n = 0;
    uint64_t sum = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&map, &cursor))) {
        n++;
        sum += slot->value;
    }
    assert_int_equal(n, 100);
    assert_int_equal(sum, 4950);
    tr_map_finish(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_put),
        cmocka_unit_test(deletes_without_losing_others),
        cmocka_unit_test(iterates_over_each_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
