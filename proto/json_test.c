#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/json.h"

static int to_json(const void *bytes, size_t len, char **ret_text) {
    return tr_content_to_json(bytes, len, JSON_COMPACT, ret_text);
}

static void assert_renders(const char *bytes, size_t len, const char *expected) {
    char *text = NULL;
    assert_int_equal(to_json(bytes, len, &text), 0);
    assert_string_equal(text, expected);
    free(text);
}
#define ASSERT_RENDERS(bytes, expected) assert_renders(bytes, sizeof(bytes) - 1, expected)

/* JSON -> msgpack -> JSON; fails the test where the result is not `expected`. */
static void assert_round_trip(const char *json, const char *expected) {
    tr_content_writer_t w;
    tr_error_t error = {0};
    const void *bytes;
    size_t len;
    tr_content_writer_init(&w);
    if (tr_json_to_content(json, strlen(json), &w, &error) != 0)
        fail_msg("%s: %s", json, error.text);
    assert_int_equal(tr_content_writer_take(&w, &bytes, &len), 0);
    assert_renders(bytes, len, expected);
    tr_content_writer_finish(&w);
}

static int parse(const char *json, size_t len, tr_error_t *error) {
    tr_content_writer_t w;
    const void *bytes;
    size_t left;
    tr_content_writer_init(&w);
    tr_write_int(&w, 1);
    int r = tr_json_to_content(json, len, &w, error);
    assert_int_equal(tr_content_writer_take(&w, &bytes, &left), 0);
    if (r < 0)
        assert_int_equal(left, 1); /* nothing was appended */
    tr_content_writer_finish(&w);
    return r;
}

static void json_comes_back(void **state) {
    (void)state;
    static const char *const same[] = {"null", "true", "false", "0", "-1", "9223372036854775807",
        "-9223372036854775808", "0.5", "\"\"", "\"hall\xc3\xb6 \xf0\x9f\x8e\xad\"", "[]", "{}",
        "[1,[2,[3]],{\"a\":null}]", "{\"a\":1,\"b\":[true,\"x\"]}", "\"a\\u0000b\"", "{\"$bin\":\"AP8=\"}",
        "{\"$ext\":-3,\"data\":\"eg==\"}", "{\"$uint\":\"18446744073709551615\"}", "{\"$float\":\"nan\"}",
        "{\"$float\":\"-inf\"}", "{\"$float\":\"inf\"}",
        /* only the exact forms are special */
        "{\"$bin\":1}", "{\"$bin\":\"AP8=\",\"more\":1}", "{\"$ext\":\"a\",\"data\":\"eg==\"}"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_round_trip(same[i], same[i]);
    assert_round_trip(" [ 1.0 , 1e3 ] ", "[1.0,1000.0]");
    assert_round_trip("{\"$uint\":\"7\"}", "7");
}

static void msgpack_without_words_is_rendered(void **state) {
    (void)state;
    ASSERT_RENDERS("\xc4\x02\x00\xff", "{\"$bin\":\"AP8=\"}");
    ASSERT_RENDERS("\xc4\x00", "{\"$bin\":\"\"}");
    ASSERT_RENDERS("\xd4\xffz", "{\"$ext\":-1,\"data\":\"eg==\"}");
    ASSERT_RENDERS("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "{\"$uint\":\"18446744073709551615\"}");
    ASSERT_RENDERS("\xca\x7f\x80\x00\x00", "{\"$float\":\"inf\"}");
    ASSERT_RENDERS("\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "{\"$float\":\"nan\"}");
}

static void keys_become_text(void **state) {
    (void)state;
    ASSERT_RENDERS("\x83\x07\x01\xc0\x02\xc3\x03", "{\"7\":1,\"null\":2,\"true\":3}");
    ASSERT_RENDERS("\x82\xa1k\x01\xa1k\x02", "{\"k\":1}");
    ASSERT_RENDERS("\x81\xa3k\0y\x01", "{\"k\\u0000y\":1}");
    ASSERT_RENDERS("\x81\x91\x01\x02", "{\"$msgpack:kQE=\":2}");
    ASSERT_RENDERS("\x81\xa2k\xff\x01", "{\"k\xef\xbf\xbd\":1}");
}

/* Keys within keys, each quoting the one inside, must not grow with their depth. */
static void nested_keys_do_not_explode(void **state) {
    (void)state;
    uint8_t bytes[2048];
    size_t len = 0;
    for (size_t i = 0; i + 1 < TR_CONTENT_DEPTH_MAX; i++)
        bytes[len++] = 0x81;
    bytes[len++] = 0xda;
    bytes[len++] = 1000 >> 8;
    bytes[len++] = 1000 & 0xff;
    memset(bytes + len, '"', 1000);
    len += 1000;
    for (size_t i = 0; i + 1 < TR_CONTENT_DEPTH_MAX; i++)
        bytes[len++] = 0xc0;
    char *text = NULL;
    assert_int_equal(to_json(bytes, len, &text), 0);
    assert_true(strlen(text) < 2 * len);
    free(text);
}

static void invalid_utf8_is_replaced(void **state) {
    (void)state;
#define FFFD "\xef\xbf\xbd"
    ASSERT_RENDERS("\xa3"
                   "a\xff"
                   "b",
        "\"a" FFFD "b\"");
    ASSERT_RENDERS("\xa2\xc0\x80", "\"" FFFD FFFD "\"");          /* overlong NUL */
    ASSERT_RENDERS("\xa3\xed\xa0\x80", "\"" FFFD FFFD FFFD "\""); /* a surrogate */
    ASSERT_RENDERS("\xa3\xe2\x82"
                   "a",
        "\"" FFFD FFFD "a\"");                                             /* cut short */
    ASSERT_RENDERS("\xa3\xf0\x9f\x8e", "\"" FFFD FFFD FFFD "\"");          /* cut short by the end */
    ASSERT_RENDERS("\xa4\xf4\x90\x80\x80", "\"" FFFD FFFD FFFD FFFD "\""); /* beyond U+10FFFF */
    ASSERT_RENDERS("\xa7\xff\xc3\xb6\xe2\x82\xac"
                   "z",
        "\"" FFFD "\xc3\xb6\xe2\x82\xac"
        "z\"");
    ASSERT_RENDERS("\xa5\xff\xf0\x9f\x8e\xad", "\"" FFFD "\xf0\x9f\x8e\xad\"");
#undef FFFD
}

static void bad_json_names_its_place(void **state) {
    (void)state;
    static const char *const rows[] = {"", " ", "{", "[1,", "[1 2]", "{\"a\":}", "{\"a\":1,\"a\":2}", "nul",
        "\"\xff\"", "\"\\ud800\"", "[1]x", "'a'", "{\"a\\u0000\":1}", "99999999999999999999", "1e999",
        "\"\x01\"", "NaN"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tr_error_t error = {0};
        if (parse(rows[i], strlen(rows[i]), &error) != -EINVAL)
            fail_msg("accepted %s", rows[i]);
        assert_int_equal(error.code, -EINVAL);
        assert_non_null(strstr(error.text, "JSON line "));
        assert_null(strpbrk(error.text, "\n\r\x01"));
    }
    tr_error_t error = {0};
    assert_int_equal(parse("{\n  \"a\": ?\n}", 12, &error), -EINVAL);
    assert_non_null(strstr(error.text, "JSON line 2, column 8"));
    assert_int_equal(parse("[", 1, NULL), -EINVAL);
    assert_int_equal(parse(NULL, 0, NULL), -EINVAL);
}

static void bad_special_objects_are_named(void **state) {
    (void)state;
    static const char *const rows[] = {"{\"$bin\":\"?\"}", "{\"$bin\":\"Zg\"}",
        "{\"$ext\":128,\"data\":\"\"}", "{\"$ext\":1,\"data\":\"=\"}", "{\"$uint\":\"\"}",
        "{\"$uint\":\"-1\"}", "{\"$uint\":\"18446744073709551616\"}", "{\"$uint\":\"1\\u00002\"}",
        "{\"$float\":\"1\"}", "[1,{\"a\":{\"$bin\":\"?\"}}]"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tr_error_t error = {0};
        if (parse(rows[i], strlen(rows[i]), &error) != -EINVAL)
            fail_msg("accepted %s", rows[i]);
        assert_non_null(strstr(error.text, "$bin"));
    }
}

/* `depth` arrays or objects within each other around a null. */
static int parse_nested(const char *open, const char *close, size_t depth, tr_error_t *error) {
    size_t each = strlen(open), len = 0;
    char *text = malloc(depth * (each + 1) + 5);
    assert_non_null(text);
    for (size_t i = 0; i < depth; i++, len += each)
        memcpy(text + len, open, each);
    memcpy(text + len, "null", 4);
    len += 4;
    for (size_t i = 0; i < depth; i++)
        text[len++] = close[0];
    int r = parse(text, len, error);
    free(text);
    return r;
}

static void depth_bombs_are_refused(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"[", "]"}, {"{\"a\":", "}"}};
    for (size_t i = 0; i < 2; i++) {
        tr_error_t error = {0};
        assert_int_equal(parse_nested(pairs[i][0], pairs[i][1], TR_CONTENT_DEPTH_MAX, &error), 0);
        assert_int_equal(parse_nested(pairs[i][0], pairs[i][1], TR_CONTENT_DEPTH_MAX + 1, &error), -E2BIG);
        assert_non_null(strstr(error.text, "16 levels"));
        assert_int_equal(parse_nested(pairs[i][0], pairs[i][1], 1000000, &error), -E2BIG);
        assert_int_equal(error.code, -E2BIG);
    }
}

static void what_was_accepted_can_be_read(void **state) {
    (void)state;
    /* a bin at the greatest depth takes a level in JSON, but none in msgpack */
    char json[256] = "";
    for (size_t i = 0; i < TR_CONTENT_DEPTH_MAX; i++)
        strcat(json, "[");
    strcat(json, "{\"$bin\":\"eg==\"}");
    for (size_t i = 0; i < TR_CONTENT_DEPTH_MAX; i++)
        strcat(json, "]");
    assert_round_trip(json, json);
}

static void bad_msgpack_is_not_rendered(void **state) {
    (void)state;
    char *text = NULL;
    assert_int_equal(to_json("", 0, &text), -EBADMSG);
    assert_int_equal(to_json("\xdd\xff\xff\xff\xff", 5, &text), -EBADMSG);
    uint8_t deep[64];
    memset(deep, 0x91, sizeof deep);
    assert_int_equal(to_json(deep, sizeof deep, &text), -E2BIG);
    assert_null(text);
    json_t *null = tr_value_to_json(NULL);
    assert_true(json_is_null(null));
    json_decref(null);
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    assert_int_equal(tr_json_write(NULL, &w), -EINVAL);
    tr_content_writer_finish(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_comes_back),
        cmocka_unit_test(msgpack_without_words_is_rendered),
        cmocka_unit_test(keys_become_text),
        cmocka_unit_test(nested_keys_do_not_explode),
        cmocka_unit_test(invalid_utf8_is_replaced),
        cmocka_unit_test(bad_json_names_its_place),
        cmocka_unit_test(bad_special_objects_are_named),
        cmocka_unit_test(depth_bombs_are_refused),
        cmocka_unit_test(what_was_accepted_can_be_read),
        cmocka_unit_test(bad_msgpack_is_not_rendered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
