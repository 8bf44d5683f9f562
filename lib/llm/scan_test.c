#include "lib/llm/scan.h"

#include "lib/llm/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What the tree says of the same text, where it is taken. */
static void check_same(const tr_llm_scan_t *scan, const tr_llm_node_t *node, const json_t *tree) {
    tr_buffer_t text;
    tr_buffer_init(&text, 0);
    switch (node->kind) {
    case TR_LLM_NODE_STRING:
        assert_true(tr_llm_node_put(node, &text));
        assert_int_equal(text.size, json_string_length(tree));
        assert_memory_equal(tr_buffer_string(&text), json_string_value(tree), text.size);
        break;
    case TR_LLM_NODE_INTEGER:
        assert_true(json_is_integer(tree));
        assert_int_equal(tr_llm_node_integer(node), json_integer_value(tree));
        break;
    case TR_LLM_NODE_REAL: assert_true(json_is_real(tree)); break;
    case TR_LLM_NODE_WORD: assert_int_equal(tr_llm_node_is_none(node), json_is_null(tree)); break;
    case TR_LLM_NODE_ARRAY: assert_true(json_is_array(tree)); break;
    default: assert_true(json_is_object(tree));
    }
    tr_buffer_finish(&text);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)tree, name, value) {
        const tr_llm_node_t *member = tr_llm_scan_member(scan, node, name);
        assert_non_null(member);
        check_same(scan, member, value);
    }
    if (json_array_size(tree) == 1)
        check_same(scan, tr_llm_scan_only(scan, node), json_array_get(tree, 0));
    else
        assert_null(tr_llm_scan_only(scan, node));
}

/* In memory of its own size, so that a byte too many is seen. */
static bool scan_text(tr_llm_scan_t *scan, const char *text, char **ret_copy) {
    size_t len = strlen(text);
    *ret_copy = malloc(len + !len);
    memcpy(*ret_copy, text, len);
    return tr_llm_scan(scan, *ret_copy, len);
}

static void test_what_is_taken_says_what_the_tree_says(void **state) {
    static const char *const texts[] = {
        "{}",
        "[]",
        " null ",
        "-0",
        "-12.5",
        "999999999999999999",
        "\"\"",
        "\"plain, \xC3\xA9 and \xF0\x9F\x98\x80\"",
        "\"\\\"\\\\\\/\\n\\r\\t\\b\\f\\u00e9\\uD83D\\ude00\\u0001.\"",
        "{\"a\": {\"a\": [[{\"b\": true}]]}, \"b\" :\tfalse , \"\": [1, 2]}",
        "{\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"{\\\"reply\\\": "
        "\"},\"finish_reason\":null}]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *copy;
        tr_llm_scan_t scan;
        tr_error_t error = {0};
        json_t *tree = tr_llm_json(texts[i], strlen(texts[i]), &error);
        assert_non_null(tree);
        assert_true(scan_text(&scan, texts[i], &copy));
        check_same(&scan, scan.nodes, tree);
        free(copy);
        json_decref(tree);
    }
}

static void test_what_is_not_taken(void **state) {
    static const char *const texts[] = {"", " ", "{", "}", "[1", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}",
        "{\"a\":1,}", "{a:1}", "{\"a\":1 \"b\":2}", "1 2", "01", "-", "1.", ".5", "1e5", "1.5E5", "+1", "nul",
        "nulls", "True", "\"", "\"\\", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\u0000\"",
        "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\x01\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"",
        "\"\xE2\x82\"", "{\"a\":1,\"a\":2}", "{\"b\":{\"a\":1},\"c\":[2],\"b\":3}", "{\"\\u0061\":1}",
        "1234567890123456789", "[[[[[[[[[1]]]]]]]]]", "[DONE]"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *copy;
        tr_llm_scan_t scan;
        if (scan_text(&scan, texts[i], &copy))
            fail_msg("taken: %s", texts[i]);
        free(copy);
    }
}

static void test_more_values_than_it_has_room_for(void **state) {
    char text[TR_LLM_SCAN_NODES * 2 + 2] = "[";
    tr_llm_scan_t scan;
    (void)state;
    for (int i = 1; i < TR_LLM_SCAN_NODES; i++)
        strcat(text, i == 1 ? "1" : ",1");
    assert_false(tr_llm_scan(&scan, text, strlen(text)));
    strcat(text, "]");
    assert_true(tr_llm_scan(&scan, text, strlen(text)));
    assert_int_equal(scan.count, TR_LLM_SCAN_NODES);
    strcpy(text + strlen(text) - 1, ",1]");
    assert_false(tr_llm_scan(&scan, text, strlen(text)));
}

static void test_nothing_is_put_where_it_might_not_fit(void **state) {
    tr_llm_scan_t scan;
    tr_buffer_t to;
    (void)state;
    tr_buffer_init(&to, 5);
    assert_true(tr_llm_scan(&scan, "\"ab\\n\"", 6));
    assert_true(tr_llm_node_put(scan.nodes, &to));
    assert_string_equal(to.data, "ab\n");
    assert_false(tr_llm_node_put(scan.nodes, &to));
    assert_int_equal(to.size, 3);
    assert_false(to.failed);
    tr_buffer_finish(&to);
}

/* A member of another kind, or none, is asked for without looking first. */
static void test_what_is_not_there(void **state) {
    tr_llm_scan_t scan;
    (void)state;
    assert_true(tr_llm_scan(&scan, "{\"a\": 1.5, \"b\": \"a\"}", 20));
    const tr_llm_node_t *a = tr_llm_scan_member(&scan, scan.nodes, "a"),
                        *b = tr_llm_scan_member(&scan, scan.nodes, "b");
    assert_null(tr_llm_scan_member(&scan, scan.nodes, "c"));
    assert_null(tr_llm_scan_member(&scan, a, "a"));
    assert_null(tr_llm_scan_member(&scan, NULL, "a"));
    assert_null(tr_llm_scan_only(&scan, NULL));
    assert_null(tr_llm_scan_only(&scan, scan.nodes));
    assert_int_equal(tr_llm_node_integer(a), 0);
    assert_int_equal(tr_llm_node_integer(NULL), 0);
    assert_true(tr_llm_node_is(b, "a"));
    assert_false(tr_llm_node_is(a, "1.5"));
    assert_false(tr_llm_node_is(NULL, ""));
    assert_true(tr_llm_node_is_none(NULL));
    assert_false(tr_llm_node_is_none(a));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_taken_says_what_the_tree_says),
        cmocka_unit_test(test_what_is_not_taken),
        cmocka_unit_test(test_more_values_than_it_has_room_for),
        cmocka_unit_test(test_nothing_is_put_where_it_might_not_fit),
        cmocka_unit_test(test_what_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
