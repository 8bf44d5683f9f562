/* The journal thread over a memory store, and over one with a gate, so that a test decides when the disk is
 * busy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/shell/journal_thread.h"
#include "lib/base/clock.h"
#include "lib/store/journal_batch.h"
#include "lib/store/journal_memory.h"
#include "tests/scratch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#define WAIT_MS 60000 /* until a test fails; nothing takes so long */

/* A store that passes all on to a memory store, but waits at a gate before a write; and counts. */
typedef struct gated {
    tr_journal_t base;
    tr_journal_t *inner;
    struct world *world;
} gated_t;

typedef struct world {
    tr_journal_disk_t *disk;
    tr_journal_thread_t *thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closed;      /* the gate */
    unsigned arrived; /* writes that came to it */
    unsigned writes;  /* that passed */
    size_t largest;   /* write, in ops */
    atomic_uint released;
} world_t;

static int gated_write(
    tr_journal_t *self, const tr_journal_op_t *ops, size_t n, bool sync, tr_error_t *error) {
    gated_t *g = (gated_t *)self;
    world_t *w = g->world;
    pthread_mutex_lock(&w->lock);
    w->arrived++;
    pthread_cond_broadcast(&w->changed);
    while (w->closed)
        pthread_cond_wait(&w->changed, &w->lock);
    w->writes++;
    if (n > w->largest)
        w->largest = n;
    pthread_mutex_unlock(&w->lock);
    return tr_journal_write(g->inner, ops, n, sync, error);
}

static int gated_scan(tr_journal_t *self, const tr_journal_range_t *range, size_t limit,
    tr_journal_scan_fn *fn, void *arg, tr_error_t *error) {
    return tr_journal_scan(((gated_t *)self)->inner, range, limit, fn, arg, error);
}

static int gated_stat(tr_journal_t *self, tr_journal_stat_t *stat) {
    return tr_journal_stat(((gated_t *)self)->inner, stat);
}

static void gated_close(tr_journal_t *self) {
    tr_journal_close(&((gated_t *)self)->inner);
    free(self);
}

static const tr_journal_ops_t gated_ops = {
    .name = "gated", .write = gated_write, .scan = gated_scan, .stat = gated_stat, .close = gated_close};

static void start(world_t *w) {
    tr_error_t error = {0};
    gated_t *g = calloc(1, sizeof *g);
    g->base.ops = &gated_ops;
    g->world = w;
    assert_int_equal(tr_journal_open_memory(w->disk, &g->inner, &error), 0);
    tr_journal_t *journal = &g->base;
    assert_int_equal(tr_journal_thread_new(&journal, &w->thread, &error), 0);
    assert_null(journal);
}

static int world_new(void **state) {
    world_t *w = calloc(1, sizeof *w);
    w->disk = tr_journal_disk_new();
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    start(w);
    *state = w;
    return 0;
}

static int world_end(void **state) {
    world_t *w = *state;
    tr_journal_thread_destroy(&w->thread);
    tr_journal_disk_destroy(&w->disk);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
    return 0;
}

static void gate(world_t *w, bool closed) {
    pthread_mutex_lock(&w->lock);
    w->closed = closed;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static void wait_at_gate(world_t *w, unsigned arrived) {
    pthread_mutex_lock(&w->lock);
    while (w->arrived < arrived)
        pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

typedef struct block {
    world_t *world;
    tr_buffer_t bytes;
} block_t;

static void release(void *owner) {
    block_t *b = owner;
    atomic_fetch_add(&b->world->released, 1);
    tr_buffer_finish(&b->bytes);
    free(b);
}

static void hand_over_value(
    world_t *w, uint64_t number, const char *key, const void *value, size_t len, bool sync) {
    block_t *b = calloc(1, sizeof *b);
    b->world = w;
    tr_buffer_init(&b->bytes, 0);
    if (key)
        tr_journal_op_put(&b->bytes, TR_JOURNAL_PUT, key, strlen(key), value, len);
    tr_journal_batch_t batch = {.number = number,
        .bytes = b->bytes.data,
        .len = b->bytes.size,
        .sync = sync,
        .release = release,
        .owner = b};
    assert_int_equal(tr_journal_thread_write(w->thread, &batch), 0);
}

static void hand_over(world_t *w, uint64_t number, const char *key, bool sync) {
    hand_over_value(w, number, key, "v", 1, sync);
}

static void ask(world_t *w, uint64_t number, const char *from, size_t limit) {
    tr_journal_range_t range = {.from = from, .from_len = from ? strlen(from) : 0};
    assert_int_equal(tr_journal_thread_read(w->thread, number, &range, limit), 0);
}

static tr_journal_done_t next(world_t *w) {
    tr_journal_done_t done;
    while (!tr_journal_thread_next(w->thread, &done)) {
        struct pollfd fd = {.fd = tr_journal_thread_fd(w->thread), .events = POLLIN};
        assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
    }
    return done;
}

static void expect(world_t *w, tr_journal_done_type_t type, uint64_t number) {
    tr_journal_done_t done = next(w);
    assert_int_equal(done.type, type);
    assert_int_equal(done.number, number);
    assert_int_equal(done.code, 0);
    tr_journal_done_finish(&done);
}

/* A result's keys, one after another. */
static void expect_keys(world_t *w, uint64_t number, const char *keys, bool more) {
    tr_journal_done_t done = next(w);
    tr_journal_reader_t reader;
    tr_journal_op_t op;
    char text[256] = "";
    assert_int_equal(done.type, TR_JOURNAL_READ);
    assert_int_equal(done.number, number);
    assert_int_equal(done.more, more);
    tr_journal_reader_init(&reader, done.bytes, done.len);
    while (tr_journal_reader_next(&reader, &op) > 0) {
        assert_int_equal(op.type, TR_JOURNAL_PUT);
        strncat(text, op.key, op.key_len);
    }
    assert_string_equal(text, keys);
    tr_journal_done_finish(&done);
}

static void what_waits_becomes_one_write(void **state) {
    world_t *w = *state;
    gate(w, true);
    hand_over(w, 1, "a", false);
    wait_at_gate(w, 1);
    hand_over(w, 2, "b", false);
    hand_over(w, 3, "c", true);
    hand_over(w, 7, "d", false);
    gate(w, false);
    expect(w, TR_JOURNAL_WRITTEN, 1);
    expect(w, TR_JOURNAL_SYNCED, 7);
    assert_int_equal(w->writes, 2);
    assert_int_equal(w->largest, 3);
    assert_int_equal(tr_journal_disk_unsynced(w->disk), 0);
    assert_int_equal(atomic_load(&w->released), 4);
    const tr_journal_thread_stats_t *stats = tr_journal_thread_stats(w->thread);
    assert_int_equal(tr_counter_get(&stats->batches), 4);
    assert_int_equal(tr_counter_get(&stats->writes), 2);
    assert_int_equal(tr_counter_get(&stats->syncs), 1);
    assert_int_equal(tr_gauge_get(&stats->queued), 0);
    assert_int_equal(tr_gauge_get(&stats->queued_bytes), 0);
}

static void a_wish_to_sync_needs_no_ops(void **state) {
    world_t *w = *state;
    hand_over(w, 1, "a", false);
    expect(w, TR_JOURNAL_WRITTEN, 1);
    assert_int_equal(tr_journal_disk_unsynced(w->disk), 1);
    hand_over(w, 2, NULL, true);
    expect(w, TR_JOURNAL_SYNCED, 2);
    assert_int_equal(tr_journal_disk_unsynced(w->disk), 0);
}

static void scans_keep_their_place(void **state) {
    world_t *w = *state;
    gate(w, true);
    hand_over(w, 1, "a", true);
    wait_at_gate(w, 1);
    ask(w, 101, NULL, 1000);
    hand_over(w, 2, "b", true);
    ask(w, 102, NULL, 1000);
    hand_over(w, 3, "c", false);
    ask(w, 103, "b", 1);
    ask(w, 104, "c", 1);
    ask(w, 105, "d", 1);
    gate(w, false);
    expect(w, TR_JOURNAL_SYNCED, 1);
    expect_keys(w, 101, "a", false);
    expect(w, TR_JOURNAL_SYNCED, 2);
    expect_keys(w, 102, "ab", false);
    expect(w, TR_JOURNAL_WRITTEN, 3);
    expect_keys(w, 103, "b", true);
    expect_keys(w, 104, "c", false);
    expect_keys(w, 105, "", false);
    assert_int_equal(tr_counter_get(&tr_journal_thread_stats(w->thread)->reads), 5);
    assert_int_equal(tr_journal_thread_read(w->thread, 1, &(tr_journal_range_t){0}, 0), -EINVAL);
}

static void a_scan_that_fails_is_not_the_end(void **state) {
    world_t *w = *state;
    hand_over(w, 1, "a", true);
    expect(w, TR_JOURNAL_SYNCED, 1);
    assert_true(tr_journal_disk_flip(w->disk, 0, true));
    ask(w, 5, NULL, 1000);
    tr_journal_done_t done = next(w);
    assert_int_equal(done.type, TR_JOURNAL_READ_FAILED);
    assert_int_equal(done.number, 5);
    assert_int_equal(done.code, -EBADMSG);
    assert_non_null(done.text);
    tr_journal_done_finish(&done);
    hand_over(w, 2, "a", true);
    expect(w, TR_JOURNAL_SYNCED, 2);
}

static void expect_failed(world_t *w, int code) {
    tr_journal_done_t done = next(w);
    assert_int_equal(done.type, TR_JOURNAL_FAILED);
    assert_int_equal(done.code, code);
    assert_non_null(done.text);
    tr_journal_done_finish(&done);
}

static void nothing_comes_after_a_failure(void **state) {
    world_t *w = *state;
    tr_journal_disk_fail_sync(w->disk, 2, -EIO);
    hand_over(w, 1, "a", true);
    expect(w, TR_JOURNAL_SYNCED, 1);
    gate(w, true);
    hand_over(w, 2, "b", true);
    wait_at_gate(w, 2);
    hand_over(w, 3, "c", true);
    ask(w, 101, NULL, 1000);
    gate(w, false);
    expect_failed(w, -EIO);
    hand_over(w, 4, "d", true);
    ask(w, 102, NULL, 1000);
    tr_journal_done_t done;
    pthread_mutex_lock(&w->lock);
    assert_int_equal(w->arrived, 2);
    pthread_mutex_unlock(&w->lock);
    tr_journal_thread_destroy(&w->thread); /* so that all of it has been looked at */
    assert_int_equal(w->writes, 2);
    assert_int_equal(atomic_load(&w->released), 4);
    start(w);
    assert_false(tr_journal_thread_next(w->thread, &done));
}

static void bytes_that_are_no_batch_fail(void **state) {
    world_t *w = *state;
    tr_journal_batch_t batch = {.number = 1, .bytes = "nonsense", .len = 8, .sync = true};
    assert_int_equal(tr_journal_thread_write(w->thread, &batch), 0);
    expect_failed(w, -EBADMSG);
    assert_int_equal(w->arrived, 0);
}

static void the_end_waits_for_what_was_handed_over(void **state) {
    world_t *w = *state;
    char key[16];
    gate(w, true);
    for (unsigned i = 1; i <= 1000; i++) {
        snprintf(key, sizeof key, "%04u", i);
        hand_over(w, i, key, i == 1000);
    }
    wait_at_gate(w, 1);
    gate(w, false);
    tr_journal_thread_destroy(&w->thread);
    assert_int_equal(atomic_load(&w->released), 1000);
    tr_journal_disk_crash(w->disk, 0);
    start(w);
    ask(w, 1, "0998", 1000);
    expect_keys(w, 1, "099809991000", false);
}

static void a_write_has_a_bound(void **state) {
    world_t *w = *state;
    enum { LEN = 3 << 20, N = 12 };
    char *value = calloc(1, LEN), key[4];
    gate(w, true);
    hand_over(w, 1, "first", false);
    wait_at_gate(w, 1);
    for (unsigned i = 0; i < N; i++) {
        snprintf(key, sizeof key, "%u", i);
        hand_over_value(w, 2 + i, key, value, LEN, true);
    }
    gate(w, false);
    expect(w, TR_JOURNAL_WRITTEN, 1);
    expect(w, TR_JOURNAL_SYNCED, 6);
    expect(w, TR_JOURNAL_SYNCED, 11);
    expect(w, TR_JOURNAL_SYNCED, 13);
    assert_int_equal(w->largest, 5);
    free(value);
}

static bool readable(world_t *w) {
    struct pollfd fd = {.fd = tr_journal_thread_fd(w->thread), .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

static void the_descriptor_is_quiet_when_all_is_taken(void **state) {
    world_t *w = *state;
    tr_journal_done_t done;
    for (unsigned i = 1; i < 100; i++) {
        hand_over(w, i, "a", true);
        expect(w, TR_JOURNAL_SYNCED, i);
    }
    tr_journal_thread_destroy(&w->thread);
    start(w);
    assert_false(readable(w));
    hand_over(w, 1, "a", true);
    struct pollfd fd = {.fd = tr_journal_thread_fd(w->thread), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
    assert_true(tr_journal_thread_next(w->thread, &done));
    assert_false(tr_journal_thread_next(w->thread, &done));
    assert_false(readable(w));
}

/* A disk that answered at once is waited for awake while it owes something; one that was slow is not. */
static void a_fast_disk_is_worth_waiting_for(void **state) {
    world_t *w = *state;
    const tr_journal_thread_stats_t *stats = tr_journal_thread_stats(w->thread);
    gate(w, true);
    hand_over(w, 1, "a", true);
    wait_at_gate(w, 1);
    assert_int_equal(tr_journal_thread_soon_ns(w->thread), 0); /* nothing is known of it */
    for (int64_t until_ns = tr_clock_ns() + 2000000; tr_clock_ns() < until_ns;)
        ; /* the disk is slow */
    gate(w, false);
    expect(w, TR_JOURNAL_SYNCED, 1);
    assert_true(tr_gauge_get(&stats->sync_last_ns) >= 2000000);
    gate(w, true);
    hand_over(w, 2, "b", true);
    assert_int_equal(tr_journal_thread_soon_ns(w->thread), 0);
    gate(w, false);
    expect(w, TR_JOURNAL_SYNCED, 2);
    assert_int_equal(tr_journal_thread_soon_ns(w->thread), 0); /* owes nothing */
    gate(w, true);
    hand_over(w, 3, "c", true);
    int64_t last_ns = tr_gauge_get(
        &stats->sync_last_ns); /* in memory: some microseconds, but where others have the processor */
    assert_true(last_ns > 0);
    assert_int_equal(tr_journal_thread_soon_ns(w->thread), last_ns <= 400000 ? 2 * last_ns : 0);
    gate(w, false);
    expect(w, TR_JOURNAL_SYNCED, 3);
}

#ifdef JOURNAL_ROCKSDB
enum { FLIGHT = 64, LAST = 2000 };

static void open_rocksdb(world_t *w, const char *directory) {
    tr_journal_rocksdb_options_t options = {
        .directory = directory, .memory = 8u << 20, .module = JOURNAL_ROCKSDB};
    tr_journal_t *journal = NULL;
    tr_error_t error = {0};
    tr_journal_thread_destroy(&w->thread);
    if (tr_journal_open_rocksdb(&options, &journal, &error) < 0 ||
        tr_journal_thread_new(&journal, &w->thread, &error) < 0)
        fail_msg("%s", error.text);
}

/* Up to FLIGHT batches wait at a time; what is confirmed rises to the last one. */
static void write_many(world_t *w) {
    char key[16];
    uint64_t confirmed = 0;
    for (uint64_t i = 1; confirmed < LAST;) {
        for (; i <= LAST && i - confirmed <= FLIGHT; i++) {
            snprintf(key, sizeof key, "%06llu", (unsigned long long)i);
            hand_over(w, i, key, i % 3 != 0 || i == LAST);
        }
        tr_journal_done_t done = next(w);
        assert_true(done.type == TR_JOURNAL_SYNCED || done.type == TR_JOURNAL_WRITTEN);
        assert_true(done.number > confirmed && done.number < i);
        confirmed = done.number;
    }
}

static void a_real_disk_does_it_too(void **state) {
    world_t *w = *state;
    char *directory = scratch_new();
    assert_non_null(directory);
    open_rocksdb(w, directory);
    write_many(w);
    const tr_journal_thread_stats_t *stats = tr_journal_thread_stats(w->thread);
    assert_int_equal(tr_counter_get(&stats->batches), LAST);
    assert_true(tr_counter_get(&stats->syncs) < LAST / 2); /* many a sync */
    assert_true(tr_gauge_get(&stats->sync_max_ns) > 0);
    open_rocksdb(w, directory);
    unsigned n = 0;
    for (bool more = true; more;) {
        char from[16];
        snprintf(from, sizeof from, "%06u", n + 1);
        ask(w, 1, from, 3000);
        tr_journal_done_t done = next(w);
        assert_int_equal(done.type, TR_JOURNAL_READ);
        n += (unsigned)(done.len / (TR_JOURNAL_OP_HEAD + 7));
        more = done.more;
        tr_journal_done_finish(&done);
    }
    assert_int_equal(n, LAST);
    tr_journal_thread_destroy(&w->thread);
    scratch_end(directory);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
#ifdef JOURNAL_ROCKSDB
        cmocka_unit_test_setup_teardown(a_real_disk_does_it_too, world_new, world_end),
#endif
        cmocka_unit_test_setup_teardown(what_waits_becomes_one_write, world_new, world_end),
        cmocka_unit_test_setup_teardown(a_wish_to_sync_needs_no_ops, world_new, world_end),
        cmocka_unit_test_setup_teardown(scans_keep_their_place, world_new, world_end),
        cmocka_unit_test_setup_teardown(a_scan_that_fails_is_not_the_end, world_new, world_end),
        cmocka_unit_test_setup_teardown(nothing_comes_after_a_failure, world_new, world_end),
        cmocka_unit_test_setup_teardown(bytes_that_are_no_batch_fail, world_new, world_end),
        cmocka_unit_test_setup_teardown(the_end_waits_for_what_was_handed_over, world_new, world_end),
        cmocka_unit_test_setup_teardown(a_fast_disk_is_worth_waiting_for, world_new, world_end),
        cmocka_unit_test_setup_teardown(a_write_has_a_bound, world_new, world_end),
        cmocka_unit_test_setup_teardown(the_descriptor_is_quiet_when_all_is_taken, world_new, world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
