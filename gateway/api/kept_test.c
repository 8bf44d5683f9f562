/* Responses that are kept: whose they are, and when they go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/api/kept.h"

static bool put(tr_kept_t *kept, const char *who, const char *id, const char *said, int64_t now_ms) {
    return tr_kept_put(
        kept, who, json_pack("[{s:s}]", "content", said), json_pack("{s:s}", "id", id), now_ms);
}

static void it_belongs_to_who_asked(void **state) {
    (void)state;
    tr_kept_t *kept = tr_kept_new();
    assert_true(put(kept, "ann", "r1", "hello", 0));
    json_t *messages = tr_kept_messages(kept, "ann", "r1", 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(messages, 0), "content")), "hello");
    assert_non_null(tr_kept_response(kept, "ann", "r1", 1));
    assert_null(tr_kept_messages(kept, "bob", "r1", 1));
    assert_null(tr_kept_response(kept, "bob", "r1", 1));
    assert_false(tr_kept_drop(kept, "bob", "r1"));
    assert_null(tr_kept_messages(kept, "ann", "r2", 1));
    assert_false(put(kept, "bob", "r1", "another", 1)); /* an id is of one */
    assert_true(tr_kept_drop(kept, "ann", "r1"));
    assert_null(tr_kept_messages(kept, "ann", "r1", 1));
    assert_int_equal(tr_kept_count(kept), 0);
    tr_kept_destroy(&kept);
}

static void it_is_forgotten_an_hour_after_it_was_used(void **state) {
    (void)state;
    tr_kept_t *kept = tr_kept_new();
    assert_true(put(kept, "ann", "old", "x", 0));
    assert_true(put(kept, "ann", "used", "x", 0));
    assert_non_null(tr_kept_messages(kept, "ann", "used", 10));
    assert_null(tr_kept_messages(kept, "ann", "old", TR_KEPT_MS));
    assert_int_equal(tr_kept_count(kept), 1);
    assert_null(tr_kept_messages(kept, "ann", "used", TR_KEPT_MS + 10));
    tr_kept_destroy(&kept);
}

static void there_is_room_for_so_many(void **state) {
    char id[16];
    (void)state;
    tr_kept_t *kept = tr_kept_new();
    for (int i = 0; i < TR_KEPT_MAX + 2; i++) {
        snprintf(id, sizeof id, "r%d", i);
        assert_true(put(kept, "ann", id, "x", i));
        if (i == 2)
            assert_non_null(tr_kept_messages(kept, "ann", "r0", i)); /* it was used: others go first */
    }
    assert_int_equal(tr_kept_count(kept), TR_KEPT_MAX);
    assert_non_null(tr_kept_messages(kept, "ann", "r0", 9));
    assert_null(tr_kept_messages(kept, "ann", "r1", 9));
    tr_kept_destroy(&kept);
}

static void and_for_so_many_bytes(void **state) {
    (void)state;
    tr_kept_t *kept = tr_kept_new();
    char *text = malloc(TR_KEPT_ONE + 1);
    char id[16];
    memset(text, 'x', TR_KEPT_ONE);
    text[TR_KEPT_ONE] = '\0';
    assert_false(put(kept, "ann", "large", text, 0));
    text[TR_KEPT_ONE - 2000] = '\0';
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "r%d", i);
        assert_true(put(kept, "ann", id, text, 0));
    }
    assert_int_equal(tr_kept_count(kept), TR_KEPT_BYTES / TR_KEPT_ONE);
    assert_non_null(tr_kept_messages(kept, "ann", "r39", 0));
    free(text);
    tr_kept_destroy(&kept);
}

static void what_is_short_costs_more_than_its_text(void **state) {
    (void)state;
    tr_kept_t *kept = tr_kept_new();
    json_t *many = json_array(), *few = json_array();
    for (int i = 0; i < 20000; i++) /* 60 KB of text */
        json_array_append_new(i < 1000 ? few : many, json_object());
    assert_false(tr_kept_put(kept, "ann", many, json_pack("{s:s}", "id", "many"), 0));
    assert_true(tr_kept_put(kept, "ann", few, json_pack("{s:s}", "id", "few"), 0));
    tr_kept_destroy(&kept);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_belongs_to_who_asked),
        cmocka_unit_test(it_is_forgotten_an_hour_after_it_was_used),
        cmocka_unit_test(there_is_room_for_so_many),
        cmocka_unit_test(and_for_so_many_bytes),
        cmocka_unit_test(what_is_short_costs_more_than_its_text),
    };
    return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
