#include "proto/bundle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void add(tr_buf_t *buf, uint8_t kind, const char *envelope, const char *content) {
    size_t e = strlen(envelope), c = strlen(content);
    tr_record_header_t h = {
        .length = (uint32_t)(TR_RECORD_HEADER + e + c), .kind = kind, .envelope_len = (uint16_t)e};
    uint8_t *at = tr_bundle_add(buf, h.length);
    assert_non_null(at);
    tr_record_header_write(&h, at);
    memcpy(at + TR_RECORD_HEADER, envelope, e);
    memcpy(at + TR_RECORD_HEADER + e, content, c);
}

static tr_buf_t *two_records(tr_pool_t *pool) {
    tr_buf_t *buf = tr_pool_get(pool, 0);
    tr_bundle_begin(buf);
    add(buf, TR_KIND_MESSAGE, "envelope", "content");
    add(buf, TR_KIND_PUBLISH, "", "");
    tr_bundle_end(buf, 2);
    return buf;
}

static void header_survives_a_round_trip(void **state) {
    (void)state;
    tr_record_header_t h = {
        .length = 0x01020304,
        .kind = 1,
        .performative = 2,
        .flags = 3,
        .hops = 4,
        .dst = 0x1122334455667788,
        .src = 0x99aabbccddeeff00,
        .id = 5,
        .deadline_ms = 6,
        .envelope_len = 7,
        .reason = 8,
        .priority = 9,
        .attempt = 10,
    };
    uint8_t bytes[TR_RECORD_HEADER];
    tr_record_header_t back = {0};
    tr_record_header_write(&h, bytes);
    assert_int_equal(bytes[0], 4); /* little-endian */
    assert_int_equal(bytes[8], 0x88);
    tr_record_header_read(&back, bytes);
    assert_memory_equal(&h, &back, sizeof h);
}

static void reads_what_was_written(void **state) {
    (void)state;
    tr_pool_t pool;
    tr_pool_init(&pool, 1);
    tr_buf_t *buf = two_records(&pool);
    tr_bundle_reader_t reader;
    tr_record_t r;
    assert_int_equal(tr_bundle_open(&reader, buf->data, buf->len, TR_RECORD_MAX), TR_REASON_NONE);
    assert_int_equal(tr_bundle_next(&reader, &r), 1);
    assert_int_equal(r.h.kind, TR_KIND_MESSAGE);
    assert_memory_equal(r.envelope, "envelope", 8);
    assert_int_equal(r.content_len, 7);
    assert_memory_equal(r.content, "content", 7);
    assert_int_equal(tr_bundle_next(&reader, &r), 1);
    assert_int_equal(r.content_len, 0);
    assert_int_equal(tr_bundle_next(&reader, &r), 0);
    tr_buf_release(buf);
    tr_pool_finish(&pool);
}

/* In a block of exactly that size, so that a read beyond it is seen. */
static int count_good(const uint8_t *bytes, size_t len, uint32_t max_record, int *ret_end) {
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    tr_bundle_reader_t reader;
    tr_record_t r;
    int n = 0;
    tr_reason_t why = tr_bundle_open(&reader, copy, len, max_record);
    *ret_end = -(int)why;
    if (why == TR_REASON_NONE)
        while ((*ret_end = tr_bundle_next(&reader, &r)) > 0)
            n++;
    free(copy);
    return n;
}

static void cut_anywhere_keeps_the_good_records(void **state) {
    (void)state;
    tr_pool_t pool;
    tr_pool_init(&pool, 1);
    tr_buf_t *buf = two_records(&pool);
    size_t first = TR_BUNDLE_HEADER + TR_RECORD_HEADER + 15;
    for (size_t len = 0; len < buf->len; len++) {
        int end;
        int good = count_good(buf->data, len, TR_RECORD_MAX, &end);
        assert_true(end < 0);
        assert_true(good == 0 || (good == 1 && len >= first));
    }
    tr_buf_release(buf);
    tr_pool_finish(&pool);
}

static void lying_lengths_are_refused(void **state) {
    (void)state;
    static const uint32_t lies[] = {0, 1, TR_RECORD_HEADER - 1, 1000, 0x7fffffff, 0xffffffff};
    tr_pool_t pool;
    tr_pool_init(&pool, 1);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        tr_buf_t *buf = two_records(&pool);
        int end;
        tr_put32(buf->data + TR_BUNDLE_HEADER, lies[i]);
        assert_int_equal(count_good(buf->data, buf->len, TR_RECORD_MAX, &end), 0);
        assert_true(end == -TR_REASON_BAD_RECORD || end == -TR_REASON_TOO_LARGE);
        tr_put16(buf->data + TR_BUNDLE_HEADER + 40, UINT16_MAX); /* an envelope longer than its record */
        tr_put32(buf->data + TR_BUNDLE_HEADER, TR_RECORD_HEADER + 15);
        assert_int_equal(count_good(buf->data, buf->len, TR_RECORD_MAX, &end), 0);
        tr_buf_release(buf);
    }
    tr_pool_finish(&pool);
}

static void limits_version_and_trailing_bytes(void **state) {
    (void)state;
    tr_pool_t pool;
    tr_pool_init(&pool, 1);
    tr_buf_t *buf = two_records(&pool);
    int end;
    assert_int_equal(count_good(buf->data, buf->len, 50, &end), 0);
    assert_int_equal(end, -TR_REASON_TOO_LARGE);
    tr_bundle_end(buf, 1);
    assert_int_equal(count_good(buf->data, buf->len, TR_RECORD_MAX, &end), 1);
    assert_int_equal(end, -TR_REASON_BAD_BUNDLE);
    tr_bundle_end(buf, UINT32_MAX);
    assert_int_equal(count_good(buf->data, buf->len, TR_RECORD_MAX, &end), 0);
    assert_int_equal(end, -TR_REASON_BAD_BUNDLE);
    buf->data[2] = 2;
    assert_int_equal(count_good(buf->data, buf->len, TR_RECORD_MAX, &end), 0);
    assert_int_equal(end, -TR_REASON_BAD_VERSION);
    tr_buf_release(buf);
    tr_pool_finish(&pool);
}

static void names_of_kinds_and_reasons(void **state) {
    (void)state;
    assert_string_equal(tr_kind_name(TR_KIND_NACK), "nack");
    assert_string_equal(tr_kind_name(200), "unknown");
    for (unsigned i = 0; i < TR_REASON_MAX; i++)
        assert_string_not_equal(tr_reason_name(i), "unknown");
    assert_string_equal(tr_reason_name(TR_REASON_MAX), "unknown");
}

static void routes_keep_their_parts(void **state) {
    (void)state;
    tr_route_t r = tr_route(TR_ROUTE_AGENT, 0xfffff, 0xffff, 0xffffff);
    assert_int_equal(tr_route_type(r), TR_ROUTE_AGENT);
    assert_int_equal(tr_route_slot(r), 0xfffff);
    assert_int_equal(tr_route_generation(r), 0xffff);
    assert_int_equal(tr_route_agent(r), 0xffffff);
    assert_int_equal(tr_route(TR_ROUTE_TOPIC, 1, 2, 3), UINT64_C(0x3000010002000003));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_survives_a_round_trip),
        cmocka_unit_test(reads_what_was_written),
        cmocka_unit_test(cut_anywhere_keeps_the_good_records),
        cmocka_unit_test(lying_lengths_are_refused),
        cmocka_unit_test(limits_version_and_trailing_bytes),
        cmocka_unit_test(names_of_kinds_and_reasons),
        cmocka_unit_test(routes_keep_their_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
