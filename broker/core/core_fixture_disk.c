/* The disk of a world: the journal in memory, and what a shell does with it. */
#include "broker/core/core_fixture.h"

#include "lib/store/journal_batch.h"

typedef struct recovery {
    tr_core_t *core;
    int code;
} recovery_t;

static bool recover_one(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    recovery_t *r = arg;
    r->code = tr_core_recover(r->core, key, key_len, value, value_len);
    return r->code == 0;
}

bool world_disk_open(world_t *w) {
    tr_error_t error = {0};
    recovery_t r = {.core = w->core};
    if (!w->config.journal)
        return true;
    if (!w->disk)
        w->disk = tr_journal_disk_new();
    assert_non_null(w->disk);
    assert_int_equal(tr_journal_open_memory(w->disk, &w->journal, &error), 0);
    assert_true(tr_journal_scan(w->journal, &(tr_journal_range_t){0}, 0, recover_one, &r, &error) >= 0);
    return r.code == 0 && tr_core_recovered(w->core, w->now) == 0;
}

static void write_batch(world_t *w, const got_t *job) {
    tr_journal_op_t ops[4096];
    tr_journal_reader_t reader;
    tr_error_t error = {0};
    size_t n = 0;
    tr_journal_reader_init(&reader, job->detail, job->out.len);
    while (n < 4096 && tr_journal_reader_next(&reader, &ops[n]) > 0)
        n++;
    assert_true(n < 4096);
    assert_int_equal(tr_journal_write(w->journal, ops, n, job->out.sync, &error), 0);
    tr_core_written(w->core, job->out.number, job->out.sync, w->now);
}

static bool put_pair(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    tr_journal_op_put(arg, TR_JOURNAL_PUT, key, key_len, value, value_len);
    return true;
}

static void read_range(world_t *w, const got_t *job) {
    tr_buffer_t pairs;
    tr_error_t error = {0};
    tr_journal_range_t range = {.from = job->detail,
        .from_len = job->out.from_len,
        .to = job->detail + job->out.from_len,
        .to_len = job->out.len - job->out.from_len};
    tr_buffer_init(&pairs, 0);
    int r = tr_journal_scan(w->journal, &range, job->out.limit, put_pair, &pairs, &error);
    tr_core_read(w->core, job->out.number, pairs.data, pairs.size, r == 1, r < 0, w->now);
    tr_buffer_finish(&pairs);
}

void world_disk_do(world_t *w, const got_t *job) {
    if (job->out.type == TR_OUT_WRITE)
        write_batch(w, job);
    else
        read_range(w, job);
}
