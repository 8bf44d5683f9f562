#include "lib/llm/dump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_same(json_t *value) {
    tr_buffer_t dumped;
    assert_non_null(value);
    char *wanted = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    tr_buffer_init(&dumped, 0);
    tr_llm_dump(value, &dumped);
    assert_false(dumped.failed);
    assert_string_equal(tr_buffer_string(&dumped), wanted);
    tr_buffer_finish(&dumped);
    free(wanted);
    json_decref(value);
}

static void values_are_as_jansson_writes_them(void **state) {
    static const char *const texts[] = {"{}", "[]", "[[],{},[{}]]", "null", "true", "false", "0", "-7",
        "9223372036854775807", "0.1", "1e300", "-2.5e-7", "1.0", "\"\"",
        "{\"b\":1,\"a\":[1,2.5,\"x\",null,{\"c\":false}],\"\\\"k\\n\":\"v\"}"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_same(json_loads(texts[i], JSON_DECODE_ANY, NULL));
}

static void every_byte_is_escaped_where_it_must_be(void **state) {
    static const char special[] = "\"\\\x1F\x20\x21\x7F";
    char text[130];
    (void)state;
    for (int i = 0; i < 128; i++)
        text[i] = (char)i;
    assert_same(json_stringn(text, 128));
    for (size_t at = 0; at < 24; at++)
        for (size_t i = 0; i < sizeof special - 1; i++) {
            memset(text, 'x', 24);
            text[at] = special[i];
            assert_same(json_stringn(text, 24));
        }
    assert_same(json_string("\"both\" ends\\"));
    assert_same(json_string("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 / \x7F"));
}

static void what_is_too_large_is_marked(void **state) {
    tr_buffer_t dumped;
    json_t *value = json_pack("{s:s}", "key", "a value of some length");
    (void)state;
    tr_buffer_init(&dumped, 10);
    tr_llm_dump(value, &dumped);
    assert_true(dumped.failed);
    tr_buffer_finish(&dumped);
    json_decref(value);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_as_jansson_writes_them),
        cmocka_unit_test(every_byte_is_escaped_where_it_must_be),
        cmocka_unit_test(what_is_too_large_is_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
