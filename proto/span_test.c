/* Packed spans: what is packed is what is written out, and what is none is told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/json.h"
#include "proto/record.h"
#include "proto/span.h"

static const tr_span_packed_t full = {.trace = {0x4bf92f3577b34da6, 0xa3ce929d0e0e4736},
    .span = 0xf067aa0ba902b7,
    .parent = 7,
    .start_us = 1700000000000000,
    .took_us = 350,
    .kind = "consumer",
    .name = {"receive request", 15},
    .agent = {"reader-1@north", 14},
    .error = {"why", 3}};

static char *written(const tr_content_writer_t *packed) {
    tr_content_writer_t w;
    tr_content_t content;
    tr_span_packed_t span;
    const void *bytes;
    size_t len;
    assert_int_equal(tr_content_writer_take(packed, &bytes, &len), 0);
    assert_int_equal(tr_span_unpack(&span, bytes, len), len);
    tr_content_writer_init(&w);
    tr_span_write(&w, &span);
    assert_int_equal(tr_content_writer_take(&w, &bytes, &len), 0);
    assert_int_equal(tr_content_init(&content, bytes, len), 0);
    json_t *json = tr_value_to_json(&content.root);
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    tr_content_finish(&content);
    tr_content_writer_finish(&w);
    return text;
}

static void written_is(const tr_span_packed_t *span, const tr_field_t *attributes, const char *json) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_span_pack(&w, span, attributes);
    char *text = written(&w);
    assert_string_equal(text, json);
    free(text);
    tr_content_writer_finish(&w);
}

static void what_is_packed_is_written_out(void **state) {
    (void)state;
    written_is(&full,
        TR_FIELDS(TR_FIELD_TEXT(tr_span_keys[TR_SPAN_TO], "b"), TR_FIELD_TEXT("none", NULL),
            TR_FIELD_INT("pages", 3)),
        "{\"trace\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"span\":\"00f067aa0ba902b7\",\"parent\":"
        "\"0000000000000007\",\"name\":\"receive "
        "request\",\"kind\":\"consumer\",\"agent\":\"reader-1@north\","
        "\"start_us\":1700000000000000,\"took_us\":350,\"error\":\"why\",\"attributes\":"
        "{\"messaging.destination.name\":\"b\",\"pages\":3}}");
    written_is(&(tr_span_packed_t){.trace = {0, 1}, .span = 2, .name = {"x", 1}, .kind = "odd"}, NULL,
        "{\"trace\":\"00000000000000000000000000000001\",\"span\":\"0000000000000002\",\"name\":\"x\","
        "\"kind\":\"internal\",\"agent\":\"\",\"start_us\":0,\"took_us\":0}");
}

static void a_text_is_cut_between_characters(void **state) {
    (void)state;
    char error[400] = "";
    for (size_t i = 0; i < 150; i++)
        strcat(error, "\xc3\xa4");
    tr_span_packed_t span = full, back;
    span.error = tr_span_text(error);
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_span_pack(&w, &span, NULL);
    assert_true(tr_span_unpack(&back, (const uint8_t *)w.buffer.data, w.buffer.size) > 0);
    assert_int_equal(back.error.len, 254);
    tr_content_writer_finish(&w);
}

static void what_follows_from_others_is_not_believed(void **state) {
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
    } lies[] = {{0, 255}, {0, 20}, {4, 9}, {5, 0}, {5, 200}, {6, 200}, {7, 200}};
    tr_content_writer_t w;
    uint8_t bytes[256];
    size_t n, roots;
    tr_content_writer_init(&w);
    tr_span_pack(&w, &full, TR_FIELDS(TR_FIELD_INT("pages", 3)));
    tr_span_pack(&w, &(tr_span_packed_t){.trace = {1, 1}, .span = 1, .name = {"root", 4}}, NULL);
    size_t len = w.buffer.size;
    memcpy(bytes, w.buffer.data, len);
    assert_int_equal(tr_spans_check(bytes, len, &n, &roots), 0);
    assert_true(n == 2 && roots == 1);
    for (size_t cut = 1; cut < TR_SPAN_HEADER; cut++)
        assert_int_equal(tr_spans_check(bytes, len - cut, &n, &roots), -EBADMSG);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        memcpy(bytes, w.buffer.data, len);
        bytes[lies[i].at] = lies[i].value;
        assert_int_equal(tr_spans_check(bytes, len, &n, &roots), -EBADMSG);
    }
    tr_content_writer_finish(&w);
}

/* Its attributes are looked at only when somebody asks. */
static void attributes_that_are_none_are_left_out(void **state) {
    (void)state;
    static const struct {
        const char *bytes, *json;
    } some[] = {{"\xc1", NULL}, {"\x93", NULL}, {"\x05", NULL}, {"\x81\x63\x01", "{\"?\":1}"},
        {"\x81\x03\x01", "{\"troupe.from\":1}"}};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        tr_content_writer_t w;
        tr_span_packed_t span = full;
        span.attributes = (const uint8_t *)some[i].bytes;
        span.attributes_len = strlen(some[i].bytes);
        tr_content_writer_init(&w);
        tr_span_pack(&w, &span, NULL);
        char *text = written(&w);
        const char *attributes = strstr(text, "\"attributes\":");
        if (some[i].json)
            assert_non_null(strstr(attributes ? attributes : "", some[i].json));
        else
            assert_null(attributes);
        free(text);
        tr_content_writer_finish(&w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_is_written_out),
        cmocka_unit_test(a_text_is_cut_between_characters),
        cmocka_unit_test(what_follows_from_others_is_not_believed),
        cmocka_unit_test(attributes_that_are_none_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
