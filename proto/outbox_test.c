#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/outbox.h"

static void add(tr_outbox_t *box, tr_pool_t *pool, uint32_t size, uint64_t id, tr_account_t *account) {
    uint8_t *at = tr_outbox_add(box, pool, TR_RECORD_HEADER + size, account);
    assert_non_null(at);
    memset(at, 0, TR_RECORD_HEADER + size);
    tr_record_header_write(
        &(tr_record_header_t){.length = TR_RECORD_HEADER + size, .kind = TR_KIND_MESSAGE, .id = id}, at);
}

/* Reads a chunk as its receiver would; the ids go on from *id. */
static uint32_t read_chunk(const tr_chunk_t *chunk, uint64_t *id) {
    tr_bundle_reader_t reader;
    tr_record_t record;
    uint32_t n = 0;
    assert_int_equal(tr_bundle_open(&reader, chunk->buf->data, chunk->buf->len, UINT32_MAX), TR_REASON_NONE);
    while (tr_bundle_next(&reader, &record) > 0) {
        assert_int_equal(record.h.id, (*id)++);
        n++;
    }
    assert_int_equal(n, chunk->records);
    return n;
}

static void records_leave_in_order_as_full_bundles(void **state) {
    (void)state;
    tr_pool_t pool;
    tr_pool_init(&pool, 2);
    tr_outbox_t box = {0};
    assert_null(tr_outbox_take(&box));
    for (uint64_t i = 0; i < 3000; i++)
        add(&box, &pool, 16, i, NULL);
    uint64_t id = 0;
    unsigned chunks = 0;
    tr_chunk_t *chunk;
    while ((chunk = tr_outbox_take(&box))) {
        read_chunk(chunk, &id);
        tr_chunk_free(chunk);
        chunks++;
    }
    assert_int_equal(id, 3000);
    assert_int_equal(chunks, (3000 * 64 + TR_BUF_SIZE - 1) / TR_BUF_SIZE);
    tr_pool_finish(&pool);
}

static void a_bundle_holds_no_more_records_than_it_may(void **state) {
    (void)state;
    tr_pool_t pool;
    tr_pool_init(&pool, 2);
    tr_outbox_t box = {.records_max = 64};
    for (uint64_t i = 0; i < 200; i++)
        add(&box, &pool, 16, i, NULL);
    static const uint32_t expected[] = {64, 64, 64, 8};
    uint64_t id = 0;
    for (size_t i = 0; i < 4; i++) {
        tr_chunk_t *chunk = tr_outbox_take(&box);
        assert_non_null(chunk);
        assert_int_equal(read_chunk(chunk, &id), expected[i]);
        tr_chunk_free(chunk);
    }
    assert_null(tr_outbox_take(&box));
    tr_pool_finish(&pool);
}

static void a_bundle_holds_no_more_bytes_than_it_may(void **state) {
    (void)state;
    tr_pool_t pool;
    tr_pool_init(&pool, 2);
    tr_outbox_t box = {.bytes_max = 200};
    for (uint64_t i = 0; i < 7; i++) /* records of 64 bytes: three fit */
        add(&box, &pool, 16, i, NULL);
    add(&box, &pool, 16 + 400, 7, NULL); /* longer than may be: alone */
    add(&box, &pool, 16, 8, NULL);
    static const uint32_t expected[] = {3, 3, 1, 1, 1};
    uint64_t id = 0;
    for (size_t i = 0; i < 5; i++) {
        tr_chunk_t *chunk = tr_outbox_take(&box);
        assert_non_null(chunk);
        assert_int_equal(read_chunk(chunk, &id), expected[i]);
        tr_chunk_free(chunk);
    }
    assert_null(tr_outbox_take(&box));
    tr_pool_finish(&pool);
}

static void accounts_are_charged_and_settled(void **state) {
    (void)state;
    tr_pool_t pool;
    tr_pool_init(&pool, 2);
    tr_outbox_t box = {0};
    tr_account_t accounts[10] = {0};
    for (uint64_t i = 0; i < 100; i++)
        add(&box, &pool, 16, i, i % 11 < 10 ? &accounts[i % 11] : NULL);
    assert_int_equal(accounts[0].records, 10);
    assert_int_equal(accounts[0].bytes, 640);
    assert_non_null(box.head->next); /* more accounts than a chunk has runs for */
    uint64_t id = 0;
    tr_chunk_t *chunk = tr_outbox_take(&box);
    uint32_t first = read_chunk(chunk, &id);
    tr_chunk_free(chunk);
    uint32_t left = 0;
    for (int i = 0; i < 10; i++)
        left += accounts[i].records;
    assert_int_equal(left, 91 - first);
    tr_outbox_finish(&box);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(accounts[i].records, 0);
        assert_int_equal(accounts[i].bytes, 0);
    }
    tr_pool_finish(&pool);
}

static void a_large_record_has_a_bundle_of_its_own(void **state) {
    (void)state;
    tr_pool_t pool;
    tr_pool_init(&pool, 2);
    tr_outbox_t box = {0}, other = {0};
    add(&box, &pool, 10, 0, NULL);
    add(&box, &pool, 1u << 20, 1, NULL);
    add(&other, &pool, 10, 2, NULL);
    tr_outbox_append(&box, &other);
    tr_outbox_append(&box, &other); /* empty: nothing happens */
    assert_null(other.head);
    add(&box, &pool, 10, 3, NULL);
    uint64_t id = 0;
    static const uint32_t want[] = {1, 1, 2};
    for (size_t i = 0; i < 3; i++) {
        tr_chunk_t *chunk = tr_outbox_take(&box);
        assert_non_null(chunk);
        assert_int_equal(read_chunk(chunk, &id), want[i]);
        tr_chunk_free(chunk);
    }
    assert_null(tr_outbox_take(&box));
    assert_null(box.tail);
    tr_outbox_append(&other, &box);
    tr_outbox_finish(&other);
    tr_chunk_free(NULL);
    tr_pool_finish(&pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_leave_in_order_as_full_bundles),
        cmocka_unit_test(a_bundle_holds_no_more_records_than_it_may),
        cmocka_unit_test(a_bundle_holds_no_more_bytes_than_it_may),
        cmocka_unit_test(accounts_are_charged_and_settled),
        cmocka_unit_test(a_large_record_has_a_bundle_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
