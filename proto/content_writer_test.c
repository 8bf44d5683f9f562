#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/content.h"

static void assert_written(const tr_content_writer_t *w, const char *expected, size_t expected_len) {
    const void *bytes;
    size_t len;
    assert_int_equal(tr_content_writer_take(w, &bytes, &len), 0);
    assert_int_equal(len, expected_len);
    assert_memory_equal(bytes, expected, len);
}
#define ASSERT_WRITTEN(w, text) assert_written(w, text, sizeof(text) - 1)

static void writes_the_shortest_form(void **state) {
    (void)state;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_array(&w, 13);
    tr_write_int(&w, 1);
    tr_write_int(&w, -1);
    tr_write_int(&w, 300);
    tr_write_uint(&w, UINT64_MAX);
    tr_write_double(&w, 1.0);
    tr_write_bool(&w, true);
    tr_write_bool(&w, false);
    tr_write_nil(&w);
    tr_write_str(&w, "a");
    tr_write_str(&w, NULL);
    tr_write_strn(&w, "xyz", 2);
    tr_write_bin(&w, "\x00\xff", 2);
    tr_write_kv_int(&w, "k", 5);
    ASSERT_WRITTEN(&w,
        "\x9d\x01\xff\xcd\x01\x2c\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"
        "\xc3\xc2\xc0\xa1"
        "a\xc0\xa2xy\xc4\x02\x00\xff\xa1k\x05");
    tr_content_writer_finish(&w);
}

static void nothing_is_nothing(void **state) {
    (void)state;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    ASSERT_WRITTEN(&w, "");
    tr_write_strn(&w, NULL, 0);
    tr_write_bin(&w, NULL, 0);
    ASSERT_WRITTEN(&w, "\xa0\xc4\x00");
    tr_content_writer_finish(&w);
}

static void finish_leaves_it_empty_and_usable(void **state) {
    (void)state;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_str(&w, "before");
    tr_content_writer_finish(&w);
    tr_content_writer_finish(&w);
    tr_write_int(&w, 7);
    ASSERT_WRITTEN(&w, "\x07");
    tr_content_writer_finish(&w);
}

static void a_length_beyond_32_bits_fails_for_good(void **state) {
    (void)state;
    tr_content_writer_t w;
    const void *bytes = NULL;
    size_t len = 99;
    void (*const counts[])(tr_content_writer_t *, size_t) = {tr_write_map, tr_write_array};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        tr_content_writer_init(&w);
        counts[i](&w, (size_t)UINT32_MAX + 1);
        tr_write_int(&w, 1);
        assert_int_equal(tr_content_writer_take(&w, &bytes, &len), -ENOMEM);
        assert_int_equal(len, 99);
        tr_content_writer_finish(&w);
    }
    tr_content_writer_init(&w);
    tr_write_strn(&w, "short", (size_t)UINT32_MAX + 1); /* refused before a byte of it is read */
    assert_int_equal(tr_content_writer_take(&w, &bytes, &len), -ENOMEM);
    tr_content_writer_finish(&w);
}

static void a_decoded_value_is_copied(void **state) {
    (void)state;
    static const char bytes[] = "\x83\xa1"
                                "a\x92\x01\xc0\xa1"
                                "b\xc4\x01z\x07\xd4\x05z";
    tr_content_t content;
    tr_content_writer_t w;
    assert_int_equal(tr_content_init(&content, bytes, sizeof bytes - 1), 0);
    tr_content_writer_init(&w);
    tr_write_value(&w, &content.root);
    tr_content_finish(&content);
    ASSERT_WRITTEN(&w, bytes);
    tr_content_writer_finish(&w);
    tr_write_value(&w, NULL);
    ASSERT_WRITTEN(&w, "\xc0");
    tr_content_writer_finish(&w);
}

static void fields_are_a_map(void **state) {
    (void)state;
    tr_content_writer_t w;
    tr_content_t content;
    tr_content_writer_init(&w);
    assert_int_equal(tr_content_init(&content, "\x92\x01\xc2", 3), 0);
    tr_write_fields(
        &w, TR_FIELDS(TR_FIELD_TEXT("t", "x"), TR_FIELD_TEXT("n", NULL), TR_FIELD_INT("i", -1),
                TR_FIELD_BOOL("b", true), TR_FIELD_DOUBLE("d", 0.5), TR_FIELD_VALUE("v", &content.root)));
    tr_content_finish(&content);
    ASSERT_WRITTEN(&w, "\x86\xa1t\xa1x\xa1n\xc0\xa1i\xff\xa1"
                       "b\xc3\xa1"
                       "d\xcb\x3f\xe0\0\0\0\0\0\0\xa1v\x92\x01\xc2");
    tr_content_writer_finish(&w);
    tr_write_fields(&w, NULL);
    ASSERT_WRITTEN(&w, "");
    tr_content_writer_finish(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_shortest_form),
        cmocka_unit_test(nothing_is_nothing),
        cmocka_unit_test(finish_leaves_it_empty_and_usable),
        cmocka_unit_test(a_length_beyond_32_bits_fails_for_good),
        cmocka_unit_test(a_decoded_value_is_copied),
        cmocka_unit_test(fields_are_a_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
