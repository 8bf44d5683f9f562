#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/store/rocksdb_log.h"
#include "tests/log_writer.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BLOCK = LOG_BLOCK, PAGE = LOG_PAGE, HEAD = LOG_HEAD, BATCHES_MAX = 64 };

/* A log as RocksDB writes it, in memory and in a file. */
typedef struct log {
    log_writer_t w;
    int fd;
    uint8_t bytes[8 * BLOCK];
    size_t ends[BATCHES_MAX]; /* of batches */
    size_t batches;
} log_t;

static int log_new(void **state) {
    log_t *log = calloc(1, sizeof *log);
    log_writer_init(&log->w, log->bytes);
    log->fd = memfd_create("log", MFD_CLOEXEC);
    *state = log;
    return log->fd < 0;
}

static int log_end(void **state) {
    log_t *log = *state;
    close(log->fd);
    free(log);
    return 0;
}

static void add_batch(log_t *log, const uint8_t *bytes, size_t len) {
    assert_true(log->w.n + log_writer_room(len) <= sizeof log->bytes);
    log_writer_add(&log->w, bytes, len);
    log->ends[log->batches++] = log->w.n;
}

/* Bytes without zeros, the same for the same seed. */
static void add_noise(log_t *log, size_t len, uint32_t seed) {
    uint8_t *bytes = malloc(len);
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(seed >> 24 | 1);
    }
    add_batch(log, bytes, len);
    free(bytes);
}

static tr_log_check_t check_file(const log_t *log, size_t n) {
    tr_log_check_t check;
    assert_int_equal(tr_rocksdb_log_check(log->fd, &check), 0);
    assert_int_equal(check.size, n);
    return check;
}

static tr_log_check_t check(const log_t *log, const void *bytes, size_t n) {
    assert_int_equal(ftruncate(log->fd, 0), 0);
    assert_int_equal(pwrite(log->fd, bytes, n, 0), n);
    return check_file(log, n);
}

static void sums_are_those_of_the_standard(void **state) {
    log_t *log = *state;
    uint8_t zeros[32] = {0};
    assert_int_equal(tr_crc32c(&log->w.crc, 0, "123456789", 9), 0xe3069283u);
    assert_int_equal(tr_crc32c(&log->w.crc, 0, zeros, 32), 0x8a9136aau); /* RFC 3720, B.4 */
    assert_int_equal(tr_crc32c(&log->w.crc, tr_crc32c(&log->w.crc, 0, "1234", 4), "56789", 5), 0xe3069283u);
    log->w.crc.hardware = false;
    assert_int_equal(tr_crc32c(&log->w.crc, 0, "123456789", 9), 0xe3069283u);
    assert_int_equal(tr_crc32c(&log->w.crc, 0, zeros, 32), 0x8a9136aau);
}

static void one_bit_is_known_from_two(void **state) {
    log_t *log = *state;
    uint8_t bytes[500];
    memset(bytes, 0x5a, sizeof bytes);
    uint32_t right = tr_crc32c(&log->w.crc, 0, bytes, sizeof bytes);
    assert_false(tr_crc32c_one_bit(&log->w.crc, right, right, sizeof bytes));
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_true(tr_crc32c_one_bit(
            &log->w.crc, tr_crc32c(&log->w.crc, 0, bytes, sizeof bytes), right, sizeof bytes));
        bytes[7] ^= 0x10;
        if (bit != 7 * 8 + 4)
            assert_false(tr_crc32c_one_bit(
                &log->w.crc, tr_crc32c(&log->w.crc, 0, bytes, sizeof bytes), right, sizeof bytes));
        bytes[7] ^= 0x10;
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void write_some(log_t *log) {
    static const size_t sizes[] = {0, 1, 12, 200, 33000, 27, 900, 10000, 100};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        add_noise(log, sizes[i], (uint32_t)i);
}

static void whole_logs_are_intact(void **state) {
    log_t *log = *state;
    tr_log_check_t c = check(log, log->bytes, 0);
    assert_int_equal(c.state, TR_LOG_INTACT);
    assert_int_equal(c.end, 0);
    write_some(log);
    c = check(log, log->bytes, log->w.n);
    assert_int_equal(c.state, TR_LOG_INTACT);
    assert_int_equal(c.end, log->w.n);
    /* up to the end of a block, with padding and without */
    for (size_t short_by = 0; short_by < 16; short_by++) {
        log->w.n = log->batches = 0;
        add_noise(log, BLOCK - HEAD - short_by, 1);
        add_noise(log, 10, 2);
        c = check(log, log->bytes, log->w.n);
        assert_int_equal(c.state, TR_LOG_INTACT);
        assert_int_equal(c.end, log->w.n);
    }
}

static size_t end_before(const log_t *log, size_t n) {
    size_t end = 0;
    for (size_t i = 0; i < log->batches && log->ends[i] <= n; i++)
        end = log->ends[i];
    return end;
}

static void wherever_a_log_ends_the_whole_batches_are_left(void **state) {
    log_t *log = *state;
    write_some(log);
    check(log, log->bytes, log->w.n);
    for (size_t n = log->w.n; n > 0; n -= n > BLOCK + 100 ? 61 : 1) {
        assert_int_equal(ftruncate(log->fd, (off_t)n), 0);
        tr_log_check_t c = check_file(log, n);
        size_t end = end_before(log, n);
        assert_int_equal(c.end, end);
        /* padding belongs to what comes after it */
        assert_int_equal(
            c.state, n == end || (n % BLOCK == 0 && n - end < HEAD) ? TR_LOG_INTACT : TR_LOG_TORN);
    }
}

static void every_flipped_bit_is_damage(void **state) {
    log_t *log = *state;
    static const size_t sizes[] = {0, 1, 12, 200, 30, BLOCK - 300, 27, 9, 500};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        add_noise(log, sizes[i], (uint32_t)i);
    check(log, log->bytes, log->w.n);
    for (size_t bit = 0; bit < log->w.n * 8; bit += bit < 300 * 8 ? 1 : 3) { /* three: all places in a byte */
        size_t at = bit / 8;
        if (at > 600 && at < BLOCK - 100 && bit % 1999) /* of the long one's bytes some are enough */
            continue;
        uint8_t byte = (uint8_t)(log->bytes[at] ^ 1u << bit % 8);
        assert_int_equal(pwrite(log->fd, &byte, 1, (off_t)at), 1);
        tr_log_check_t c = check_file(log, log->w.n);
        assert_int_equal(pwrite(log->fd, log->bytes + at, 1, (off_t)at), 1);
        assert_int_equal(c.state, TR_LOG_DAMAGED);
        assert_int_equal(c.end, end_before(log, at));
    }
}

static void a_page_that_was_not_written_is_a_torn_end(void **state) {
    log_t *log = *state;
    write_some(log);
    for (size_t page = 0; page < log->w.n / PAGE; page++) {
        uint8_t saved[PAGE], *at = log->bytes + page * PAGE;
        memcpy(saved, at, PAGE);
        memset(at, 0, PAGE);
        tr_log_check_t c = check(log, log->bytes, log->w.n);
        memcpy(at, saved, PAGE);
        assert_int_equal(c.state, TR_LOG_TORN);
        assert_int_equal(c.end, end_before(log, page * PAGE));
    }
}

static void zeros_behind_the_end_are_a_torn_end(void **state) {
    log_t *log = *state;
    add_noise(log, 100, 1);
    size_t end = log->w.n;
    for (size_t zeros = 1; zeros < 3 * BLOCK; zeros += 997) {
        tr_log_check_t c = check(log, log->bytes, end + zeros);
        assert_int_equal(c.state, TR_LOG_TORN);
        assert_int_equal(c.end, end);
    }
}

static void what_nobody_wrote_is_damage(void **state) {
    log_t *log = *state;
    write_some(log);
    size_t at = log->ends[3] + 5000; /* within a batch of 33000 */
    memset(log->bytes + at, 0xa5, 512);
    tr_log_check_t c = check(log, log->bytes, log->w.n);
    assert_int_equal(c.state, TR_LOG_DAMAGED);
    assert_int_equal(c.end, log->ends[3]);
    assert_true(c.at >= c.end && c.at <= at);

    log->w.n = log->batches = 0; /* parts in no order */
    log_writer_add_part(&log->w, 3, "middle", 6);
    assert_int_equal(check(log, log->bytes, log->w.n).state, TR_LOG_DAMAGED);
    log->w.n = 0;
    log_writer_add_part(&log->w, 2, "first", 5);
    log_writer_add_part(&log->w, 1, "full", 4);
    assert_int_equal(check(log, log->bytes, log->w.n).state, TR_LOG_DAMAGED);
}

static void no_file_is_an_error(void **state) {
    tr_log_check_t c;
    (void)state;
    assert_int_equal(tr_rocksdb_log_check(-1, &c), -EBADF);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sums_are_those_of_the_standard, log_new, log_end),
        cmocka_unit_test_setup_teardown(one_bit_is_known_from_two, log_new, log_end),
        cmocka_unit_test_setup_teardown(whole_logs_are_intact, log_new, log_end),
        cmocka_unit_test_setup_teardown(wherever_a_log_ends_the_whole_batches_are_left, log_new, log_end),
        cmocka_unit_test_setup_teardown(every_flipped_bit_is_damage, log_new, log_end),
        cmocka_unit_test_setup_teardown(a_page_that_was_not_written_is_a_torn_end, log_new, log_end),
        cmocka_unit_test_setup_teardown(zeros_behind_the_end_are_a_torn_end, log_new, log_end),
        cmocka_unit_test_setup_teardown(what_nobody_wrote_is_damage, log_new, log_end),
        cmocka_unit_test(no_file_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
