/* Spans as OTLP has them, in both forms. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exporter/otlp.h"
#include "exporter/otlp.pb-c.h"

#define GOOD                                                                                                 \
    "{\"trace\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"span\":\"00f067aa0ba902b7\",\"parent\":"              \
    "\"a3ce929d0e0e4736\",\"name\":\"receive request\","                                                     \
    "\"kind\":\"consumer\",\"agent\":\"reader-1@north\",\"start_us\":1700000000000000,\"took_us\":350,"      \
    "\"error\":\"no\","                                                                                      \
    "\"attributes\":{\"gen_ai.usage.input_tokens\":12,\"ok\":true,\"share\":0.5,\"to\":\"x\",\"list\":[1]}}"

static json_t *spans_of(const char *text) {
    json_t *spans = json_loads(text, 0, NULL);
    assert_non_null(spans);
    return spans;
}

static tr_otlp_body_t written(const char *text, bool as_json) {
    json_t *spans = spans_of(text);
    tr_otlp_body_t body = {0};
    assert_int_equal(tr_otlp_write(spans, as_json, &body), 0);
    json_decref(spans);
    return body;
}

static void a_span_in_protobuf(void **state) {
    tr_otlp_body_t body = written("[" GOOD "]", false);
    (void)state;
    Troupe__Otlp__Traces *t = troupe__otlp__traces__unpack(NULL, body.len, (const uint8_t *)body.bytes);
    assert_non_null(t);
    assert_int_equal(t->n_resource_spans, 1);
    assert_string_equal(t->resource_spans[0]->resource->attributes[0]->value->string_value, "reader");
    assert_string_equal(t->resource_spans[0]->resource->attributes[1]->value->string_value, "north");
    const Troupe__Otlp__Span *s = t->resource_spans[0]->scope_spans[0]->spans[0];
    assert_int_equal(s->trace_id.len, 16);
    assert_int_equal(s->trace_id.data[0], 0x4b);
    assert_int_equal(s->parent_span_id.len, 8);
    assert_int_equal(s->kind, 5);
    assert_int_equal(s->end_time_unix_nano - s->start_time_unix_nano, 350000);
    assert_int_equal(s->n_attributes, 4); /* a list is none */
    assert_int_equal(s->attributes[0]->value->int_value, 12);
    assert_int_equal(s->status->code, 2);
    troupe__otlp__traces__free_unpacked(t, NULL);
    free(body.bytes);
}

static void a_span_in_json(void **state) {
    tr_otlp_body_t body = written("[" GOOD "]", true);
    (void)state;
    json_t *whole = spans_of(body.bytes);
    json_t *group = json_array_get(json_object_get(whole, "resourceSpans"), 0);
    json_t *span =
        json_array_get(json_object_get(json_array_get(json_object_get(group, "scopeSpans"), 0), "spans"), 0);
    assert_string_equal(
        json_string_value(json_object_get(span, "traceId")), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_string_equal(json_string_value(json_object_get(span, "parentSpanId")), "a3ce929d0e0e4736");
    assert_string_equal(json_string_value(json_object_get(span, "startTimeUnixNano")), "1700000000000000000");
    json_t *first = json_array_get(json_object_get(span, "attributes"), 0);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(first, "value"), "intValue")), "12");
    json_decref(whole);
    free(body.bytes);
}

static void agents_are_resources_of_their_own(void **state) {
    tr_otlp_body_t body = written("[" GOOD ",{\"trace\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"span\":"
                                  "\"00f067aa0ba902b8\",\"name\":\"send\",\"agent\":\"df\"},"
                                  "{\"trace\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"span\":"
                                  "\"00f067aa0ba902b9\",\"name\":\"send\",\"agent\":\"reader-1@north\"}]",
        false);
    (void)state;
    assert_int_equal(body.spans, 3);
    Troupe__Otlp__Traces *t = troupe__otlp__traces__unpack(NULL, body.len, (const uint8_t *)body.bytes);
    assert_int_equal(t->n_resource_spans, 2);
    assert_int_equal(t->resource_spans[0]->scope_spans[0]->n_spans, 2);
    assert_string_equal(t->resource_spans[1]->resource->attributes[0]->value->string_value, "df");
    troupe__otlp__traces__free_unpacked(t, NULL);
    free(body.bytes);
}

static void what_is_no_span_is_skipped(void **state) {
    static const char *const bad[] = {"[7]", "[{}]",
        "[{\"trace\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"span\":\"0000000000000000\",\"name\":\"x\"}]",
        "[{\"trace\":\"4BF92F3577B34DA6A3CE929D0E0E4736\",\"span\":\"00f067aa0ba902b7\",\"name\":\"x\"}]",
        "[{\"trace\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"span\":\"00f067aa0ba902\",\"name\":\"x\"}]",
        "[{\"trace\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"span\":\"00f067aa0ba902b7\",\"name\":\"x\","
        "\"start_us\":-1}]",
        "[{\"trace\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"span\":\"00f067aa0ba902b7\",\"name\":\"x\","
        "\"start_us\":9223372036854775807}]",
        "[{\"trace\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"span\":\"00f067aa0ba902b7\"}]", "[]"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tr_otlp_body_t body = written(bad[i], false);
        assert_int_equal(body.spans, 0);
        assert_null(body.bytes);
        assert_int_equal(body.skipped, i < sizeof bad / sizeof *bad - 1);
    }
}

static void a_span_has_so_many_attributes_at_most(void **state) {
    json_t *spans = spans_of("[" GOOD "]"),
           *attributes = json_object_get(json_array_get(spans, 0), "attributes");
    tr_otlp_body_t body = {0};
    char key[16];
    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        json_object_set_new(attributes, key, json_integer(i));
    }
    assert_int_equal(tr_otlp_write(spans, false, &body), 0);
    json_decref(spans);
    Troupe__Otlp__Traces *t = troupe__otlp__traces__unpack(NULL, body.len, (const uint8_t *)body.bytes);
    assert_int_equal(t->resource_spans[0]->scope_spans[0]->spans[0]->n_attributes, TR_OTLP_ATTRIBUTES_MAX);
    troupe__otlp__traces__free_unpacked(t, NULL);
    free(body.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_span_in_protobuf),
        cmocka_unit_test(a_span_in_json),
        cmocka_unit_test(agents_are_resources_of_their_own),
        cmocka_unit_test(what_is_no_span_is_skipped),
        cmocka_unit_test(a_span_has_so_many_attributes_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
