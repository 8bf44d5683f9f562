/* The queue on the disk: order, bounds, what outlives a restart. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exporter/spool.h"
#include "tests/scratch.h"

static tr_spool_t *open_at(const char *directory, uint64_t most) {
    tr_spool_t *spool = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_spool_open(directory, most, &spool, &error), 0);
    return spool;
}

static void put(tr_spool_t *spool, const char *text) {
    assert_int_equal(tr_spool_put(spool, text, strlen(text)), 0);
}

static void assert_takes(tr_spool_t *spool, const char *text) {
    tr_spooled_t batch;
    assert_true(tr_spool_take(spool, &batch));
    assert_int_equal(batch.len, strlen(text));
    assert_memory_equal(batch.bytes, text, batch.len);
    free(batch.bytes);
    tr_spool_done(spool, batch.number);
}

static void first_in_first_out_over_a_restart(void **state) {
    char *directory = scratch_new();
    (void)state;
    tr_spool_t *spool = open_at(directory, 1000);
    put(spool, "one");
    put(spool, "two");
    assert_takes(spool, "one");
    put(spool, "three");
    tr_spool_close(&spool);
    spool = open_at(directory, 1000);
    assert_takes(spool, "two");
    put(spool, "four");
    assert_takes(spool, "three");
    assert_takes(spool, "four");
    tr_spool_stats_t stats;
    tr_spool_stats(spool, &stats);
    assert_int_equal(stats.batches + stats.bytes + stats.dropped, 0);
    tr_spool_close(&spool);
    scratch_end(directory);
}

static void what_is_not_done_is_taken_again(void **state) {
    char *directory = scratch_new();
    tr_spooled_t batch;
    (void)state;
    tr_spool_t *spool = open_at(directory, 1000);
    put(spool, "one");
    assert_true(tr_spool_take(spool, &batch));
    free(batch.bytes);
    tr_spool_close(&spool);
    spool = open_at(directory, 1000);
    assert_takes(spool, "one");
    tr_spool_close(&spool);
    scratch_end(directory);
}

static void the_oldest_makes_room(void **state) {
    char *directory = scratch_new();
    tr_spool_stats_t stats;
    tr_spooled_t taken;
    (void)state;
    tr_spool_t *spool = open_at(directory, 10);
    put(spool, "aaaa");
    put(spool, "bbbb");
    assert_true(tr_spool_take(spool, &taken)); /* it is with the sender while it makes room */
    put(spool, "cccc");
    free(taken.bytes);
    tr_spool_done(spool, taken.number);
    assert_int_equal(tr_spool_put(spool, "ddddddddddd", 11), -EMSGSIZE);
    tr_spool_stats(spool, &stats);
    assert_int_equal(stats.dropped, 2);
    assert_int_equal(stats.dropped_bytes, 15);
    assert_int_equal(stats.bytes, 8);
    assert_takes(spool, "bbbb");
    assert_takes(spool, "cccc");
    tr_spool_close(&spool);
    scratch_end(directory);
}

static void who_waits_is_told_of_the_end(void **state) {
    char *directory = scratch_new();
    tr_spooled_t batch;
    (void)state;
    tr_spool_t *spool = open_at(directory, 10);
    assert_true(tr_spool_pause(spool, 1));
    tr_spool_end(spool);
    assert_false(tr_spool_pause(spool, 60000));
    assert_false(tr_spool_take(spool, &batch));
    tr_spool_close(&spool);
    scratch_end(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out_over_a_restart),
        cmocka_unit_test(what_is_not_done_is_taken_again),
        cmocka_unit_test(the_oldest_makes_room),
        cmocka_unit_test(who_waits_is_told_of_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
