#include "broker/shell/journal_work.h"

#include "lib/base/clock.h"
#include "lib/store/journal_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MERGE_BYTES (16u << 20) /* of batches in one write: beyond, latency grows and throughput does not */
#define MERGE_OPS   65536u

struct tr_journal_job {
    tr_journal_job_t *next;
    bool reads;
    tr_journal_batch_t batch; /* of a write */
    size_t limit;             /* of a read */
    tr_journal_range_t range; /* in `keys` */
    tr_journal_done_t done;
    uint8_t keys[];
};

void tr_journal_jobs_init(tr_journal_jobs_t *self) {
    *self = (tr_journal_jobs_t){0};
    self->end = &self->first;
}

void tr_journal_jobs_push(tr_journal_jobs_t *self, tr_journal_job_t *job) {
    job->next = NULL;
    *self->end = job;
    self->end = &job->next;
    self->n++;
    self->bytes += job->batch.len;
}

tr_journal_job_t *tr_journal_jobs_pop(tr_journal_jobs_t *self) {
    tr_journal_job_t *job = self->first;
    if (!job)
        return NULL;
    self->first = job->next;
    if (!self->first)
        self->end = &self->first;
    self->n--;
    self->bytes -= job->batch.len;
    return job;
}

void tr_journal_jobs_move(tr_journal_jobs_t *self, tr_journal_jobs_t *from) {
    tr_journal_job_t *job;
    while ((job = tr_journal_jobs_pop(from)))
        tr_journal_jobs_push(self, job);
}

static void release_batch(tr_journal_batch_t *batch) {
    if (batch->release)
        batch->release(batch->owner);
    batch->release = NULL;
}

void tr_journal_done_finish(tr_journal_done_t *done) {
    free(done->bytes);
    free(done->text);
    done->bytes = NULL;
    done->text = NULL;
}

static void job_free(tr_journal_job_t *job) {
    release_batch(&job->batch);
    tr_journal_done_finish(&job->done);
    free(job);
}

void tr_journal_jobs_free(tr_journal_jobs_t *self) {
    tr_journal_job_t *job;
    while ((job = tr_journal_jobs_pop(self)))
        job_free(job);
}

int tr_journal_job_write(const tr_journal_batch_t *batch, tr_journal_job_t **ret_job) {
    tr_journal_job_t *job = calloc(1, sizeof *job);
    if (!job) {
        tr_journal_batch_t copy = *batch;
        release_batch(&copy);
        return -ENOMEM;
    }
    job->batch = *batch;
    *ret_job = job;
    return 0;
}

static const void *copy_key(tr_journal_job_t *job, size_t at, const void *key, size_t len) {
    if (len)
        memcpy(job->keys + at, key, len);
    return key ? job->keys + at : NULL;
}

int tr_journal_job_read(
    uint64_t number, const tr_journal_range_t *range, size_t limit_bytes, tr_journal_job_t **ret_job) {
    if (limit_bytes == 0)
        return -EINVAL;
    tr_journal_job_t *job = calloc(1, sizeof *job + range->from_len + range->to_len);
    if (!job)
        return -ENOMEM;
    job->reads = true;
    job->limit = limit_bytes;
    job->done.number = number;
    job->range = (tr_journal_range_t){
        .from = copy_key(job, 0, range->from, range->from_len),
        .from_len = range->from_len,
        .to = copy_key(job, range->from_len, range->to, range->to_len),
        .to_len = range->to_len,
    };
    *ret_job = job;
    return 0;
}

const tr_journal_done_t *tr_journal_job_done(const tr_journal_job_t *job) {
    return &job->done;
}

tr_journal_done_t tr_journal_job_take(tr_journal_job_t *job) {
    tr_journal_done_t done = job->done;
    job->done = (tr_journal_done_t){0};
    job_free(job);
    return done;
}

static tr_journal_job_t *answer(tr_journal_job_t *job, tr_journal_done_type_t type, uint64_t number) {
    job->done.type = type;
    job->done.number = number;
    job->batch.len = 0;
    return job;
}

static tr_journal_job_t *answer_error(
    tr_journal_job_t *job, tr_journal_done_type_t type, uint64_t number, const tr_error_t *error) {
    job->done.code = error->code;
    job->done.text = strdup(error->text); /* NULL where memory is out: the code is left */
    return answer(job, type, number);
}

/* Grows the array for one more op. */
static bool op_room(tr_journal_work_t *w) {
    if (w->ops_n < w->ops_cap)
        return true;
    size_t cap = w->ops_cap ? w->ops_cap * 2 : 64;
    tr_journal_op_t *ops = realloc(w->ops, cap * sizeof *ops);
    if (!ops)
        return false;
    w->ops = ops;
    w->ops_cap = cap;
    return true;
}

/* Adds a batch's ops, which point into its bytes, to the write. */
static int gather(tr_journal_work_t *w, const tr_journal_batch_t *batch, tr_error_t *error) {
    tr_journal_reader_t reader;
    int r;
    tr_journal_reader_init(&reader, batch->bytes, batch->len);
    do {
        if (!op_room(w))
            return tr_error_set(error, -ENOMEM, "the journal thread: out of memory");
        r = tr_journal_reader_next(&reader, &w->ops[w->ops_n]);
        w->ops_n += r > 0;
    } while (r > 0);
    return r < 0 ? tr_error_set(error, r, "the journal thread: batch %llu is malformed",
                       (unsigned long long)batch->number)
                 : 0;
}

static bool fits(const tr_journal_work_t *w, const tr_journal_jobs_t *group, const tr_journal_job_t *job) {
    return group->n == 0 || (group->bytes + job->batch.len <= MERGE_BYTES && w->ops_n < MERGE_OPS);
}

static int timed_write(tr_journal_work_t *w, bool sync, tr_error_t *error) {
    int64_t begin = tr_clock_ns();
    int r = tr_journal_write(w->journal, w->ops, w->ops_n, sync, error);
    int64_t ns = tr_clock_ns() - begin;
    if (r < 0 || !sync)
        return r;
    tr_counter_inc(&w->stats->syncs);
    tr_histogram_observe(&w->stats->sync, (uint64_t)ns);
    tr_gauge_set(&w->stats->sync_last_ns, ns);
    if (ns > tr_gauge_get(&w->stats->sync_max_ns))
        tr_gauge_set(&w->stats->sync_max_ns, ns);
    return 0;
}

/* The last job of a group, all others freed; its bytes are released. */
static tr_journal_job_t *last_of(tr_journal_jobs_t *group) {
    tr_journal_job_t *job = tr_journal_jobs_pop(group);
    while (group->first) {
        job_free(job);
        job = tr_journal_jobs_pop(group);
    }
    release_batch(&job->batch);
    return job;
}

/* Takes the batches at the head of the list, as many as make one write, and writes them. */
static tr_journal_job_t *write_group(
    tr_journal_work_t *w, tr_journal_jobs_t *list, size_t *ret_n, size_t *ret_bytes) {
    tr_journal_jobs_t group;
    tr_error_t error = {0};
    bool sync = false;
    int r = 0;
    tr_journal_jobs_init(&group);
    w->ops_n = 0;
    while (r == 0 && list->first && !list->first->reads && fits(w, &group, list->first)) {
        tr_journal_job_t *job = tr_journal_jobs_pop(list);
        tr_journal_jobs_push(&group, job);
        sync |= job->batch.sync;
        r = gather(w, &job->batch, &error);
    }
    if (r == 0)
        r = timed_write(w, sync, &error);
    *ret_n = group.n;
    *ret_bytes = group.bytes;
    tr_journal_job_t *last = last_of(&group);
    if (r < 0) {
        w->failed = true;
        return answer_error(last, TR_JOURNAL_FAILED, last->batch.number, &error);
    }
    w->changed = true;
    tr_counter_inc(&w->stats->writes);
    tr_counter_add(&w->stats->batches, *ret_n);
    tr_counter_add(&w->stats->written_bytes, *ret_bytes);
    return answer(last, sync ? TR_JOURNAL_SYNCED : TR_JOURNAL_WRITTEN, last->batch.number);
}

static bool take_pair(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    tr_buffer_t *pairs = arg;
    tr_journal_op_put(pairs, TR_JOURNAL_PUT, key, key_len, value, value_len);
    return !pairs->failed;
}

static tr_journal_job_t *read_one(tr_journal_work_t *w, tr_journal_job_t *job) {
    tr_buffer_t pairs;
    tr_error_t error = {0};
    tr_buffer_init(&pairs, 0);
    int r = tr_journal_scan(w->journal, &job->range, job->limit, take_pair, &pairs, &error);
    if (r >= 0 && pairs.failed)
        r = tr_error_set(&error, -ENOMEM, "the journal thread: out of memory for the result of a scan");
    if (r < 0) {
        tr_buffer_finish(&pairs);
        return answer_error(job, TR_JOURNAL_READ_FAILED, job->done.number, &error);
    }
    tr_counter_inc(&w->stats->reads);
    tr_counter_add(&w->stats->read_bytes, pairs.size);
    job->done.bytes = pairs.data;
    job->done.len = pairs.size;
    job->done.more = r > 0;
    return answer(job, TR_JOURNAL_READ, job->done.number);
}

tr_journal_job_t *tr_journal_work_step(
    tr_journal_work_t *self, tr_journal_jobs_t *jobs, size_t *ret_n, size_t *ret_bytes) {
    if (!jobs->first->reads)
        return write_group(self, jobs, ret_n, ret_bytes);
    *ret_n = 1;
    *ret_bytes = 0;
    return read_one(self, tr_journal_jobs_pop(jobs));
}

bool tr_journal_work_syncs(const tr_journal_jobs_t *jobs) {
    for (const tr_journal_job_t *job = jobs->first; job && !job->reads; job = job->next)
        if (job->batch.sync)
            return true;
    return false;
}

void tr_journal_work_finish(tr_journal_work_t *self) {
    free(self->ops);
    self->ops = NULL;
    self->ops_n = self->ops_cap = 0;
}
