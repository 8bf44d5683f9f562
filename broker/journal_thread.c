/*
 * Two lists under one lock: jobs that wait, completions that were not taken. The thread takes all that wait
 * at once, and while it is at the disk the next ones gather: so a slow disk makes large writes, and a fast
 * one small latencies, with no timer and no batch size.
 *
 * A job's node becomes its completion, so that nothing has to be allocated for an answer: once a batch is on
 * disk, saying so cannot fail.
 */
#include "broker/journal_thread.h"

#include "lib/base/clock.h"
#include "lib/store/journal_batch.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MERGE_BYTES  (16u << 20) /* of batches in one write: beyond, latency grows and throughput does not */
#define MERGE_OPS    65536u
#define LOOK_MS      1000  /* how often the size of a store that changes is looked at ... */
#define LOOK_IDLE_MS 10000 /* ... and of one that does not: it tidies up by itself */

typedef struct job {
    struct job *next;
    bool reads;
    tr_journal_batch_t batch; /* of a write */
    size_t limit;             /* of a read */
    tr_journal_range_t range; /* in `keys` */
    tr_journal_done_t done;
    uint8_t keys[];
} job_t;

typedef struct jobs {
    job_t *first, **end;
    size_t n, bytes;
} jobs_t;

struct tr_journal_thread {
    tr_journal_t *journal;
    pthread_t thread;
    bool running;
    int fd;
    pthread_mutex_t lock; /* of all up to the next empty line */
    pthread_cond_t wake;
    jobs_t waiting, done;
    bool stopping;

    tr_journal_op_t *ops; /* the thread's own: the ops of one write */
    size_t ops_n, ops_cap;
    bool failed;
    bool changed; /* since its store was looked at ... */
    int64_t looked_ms;

    tr_journal_thread_stats_t stats;
};

static void jobs_init(jobs_t *self) {
    *self = (jobs_t){0};
    self->end = &self->first;
}

static void jobs_push(jobs_t *self, job_t *job) {
    job->next = NULL;
    *self->end = job;
    self->end = &job->next;
    self->n++;
    self->bytes += job->batch.len;
}

static job_t *jobs_pop(jobs_t *self) {
    job_t *job = self->first;
    if (!job)
        return NULL;
    self->first = job->next;
    if (!self->first)
        self->end = &self->first;
    self->n--;
    self->bytes -= job->batch.len;
    return job;
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

static void job_free(job_t *job) {
    release_batch(&job->batch);
    tr_journal_done_finish(&job->done);
    free(job);
}

static void jobs_free(jobs_t *self) {
    job_t *job;
    while ((job = jobs_pop(self)))
        job_free(job);
}

/* What left the queue is counted when it is done, so that the numbers show what the disk owes. */
static void settle(tr_journal_thread_t *t, size_t n, size_t bytes) {
    pthread_mutex_lock(&t->lock);
    tr_gauge_add(&t->stats.queued, -(int64_t)n);
    tr_gauge_add(&t->stats.queued_bytes, -(int64_t)bytes);
    pthread_mutex_unlock(&t->lock);
}

static void post(tr_journal_thread_t *t, job_t *job, tr_journal_done_type_t type, uint64_t number) {
    job->done.type = type;
    job->done.number = number;
    job->batch.len = 0;
    pthread_mutex_lock(&t->lock);
    bool first = t->done.n == 0;
    jobs_push(&t->done, job);
    pthread_mutex_unlock(&t->lock);
    if (first)
        (void)!write(t->fd, &(uint64_t){1}, sizeof(uint64_t)); /* cannot fail: the counter is far from full */
}

static void post_error(tr_journal_thread_t *t, job_t *job, tr_journal_done_type_t type, uint64_t number,
    const tr_error_t *error) {
    job->done.code = error->code;
    job->done.text = strdup(error->text); /* NULL where memory is out: the code is left */
    post(t, job, type, number);
}

/* Grows the array for one more op. */
static bool op_room(tr_journal_thread_t *t) {
    if (t->ops_n < t->ops_cap)
        return true;
    size_t cap = t->ops_cap ? t->ops_cap * 2 : 64;
    tr_journal_op_t *ops = realloc(t->ops, cap * sizeof *ops);
    if (!ops)
        return false;
    t->ops = ops;
    t->ops_cap = cap;
    return true;
}

/* Adds a batch's ops, which point into its bytes, to the write. */
static int gather(tr_journal_thread_t *t, const tr_journal_batch_t *batch, tr_error_t *error) {
    tr_journal_reader_t reader;
    int r;
    tr_journal_reader_init(&reader, batch->bytes, batch->len);
    do {
        if (!op_room(t))
            return tr_error_set(error, -ENOMEM, "the journal thread: out of memory");
        r = tr_journal_reader_next(&reader, &t->ops[t->ops_n]);
        t->ops_n += r > 0;
    } while (r > 0);
    return r < 0 ? tr_error_set(error, r, "the journal thread: batch %llu is malformed",
                       (unsigned long long)batch->number)
                 : 0;
}

static bool fits(const tr_journal_thread_t *t, const jobs_t *group, const job_t *job) {
    return group->n == 0 || (group->bytes + job->batch.len <= MERGE_BYTES && t->ops_n < MERGE_OPS);
}

static int timed_write(tr_journal_thread_t *t, bool sync, tr_error_t *error) {
    int64_t begin = tr_clock_ns();
    int r = tr_journal_write(t->journal, t->ops, t->ops_n, sync, error);
    int64_t ns = tr_clock_ns() - begin;
    if (r < 0 || !sync)
        return r;
    tr_counter_inc(&t->stats.syncs);
    tr_histogram_observe(&t->stats.sync, (uint64_t)ns);
    if (ns > tr_gauge_get(&t->stats.sync_max_ns))
        tr_gauge_set(&t->stats.sync_max_ns, ns);
    return 0;
}

/* The last job of a group, all others freed; its bytes are released. */
static job_t *last_of(jobs_t *group) {
    job_t *job = jobs_pop(group);
    while (group->first) {
        job_free(job);
        job = jobs_pop(group);
    }
    release_batch(&job->batch);
    return job;
}

/* Takes the batches at the head of the list, as many as make one write, and writes them. */
static void write_group(tr_journal_thread_t *t, jobs_t *list) {
    jobs_t group;
    tr_error_t error = {0};
    bool sync = false;
    int r = 0;
    jobs_init(&group);
    t->ops_n = 0;
    while (r == 0 && list->first && !list->first->reads && fits(t, &group, list->first)) {
        job_t *job = jobs_pop(list);
        jobs_push(&group, job);
        sync |= job->batch.sync;
        r = gather(t, &job->batch, &error);
    }
    if (r == 0)
        r = timed_write(t, sync, &error);
    size_t n = group.n, bytes = group.bytes;
    job_t *last = last_of(&group);
    settle(t, n, bytes);
    if (r < 0) {
        t->failed = true;
        post_error(t, last, TR_JOURNAL_FAILED, last->batch.number, &error);
        return;
    }
    t->changed = true;
    tr_counter_inc(&t->stats.writes);
    tr_counter_add(&t->stats.batches, n);
    tr_counter_add(&t->stats.written_bytes, bytes);
    post(t, last, sync ? TR_JOURNAL_SYNCED : TR_JOURNAL_WRITTEN, last->batch.number);
}

static bool take_pair(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    tr_buffer_t *pairs = arg;
    tr_journal_op_put(pairs, TR_JOURNAL_PUT, key, key_len, value, value_len);
    return !pairs->failed;
}

static void read_one(tr_journal_thread_t *t, job_t *job) {
    tr_buffer_t pairs;
    tr_error_t error = {0};
    tr_buffer_init(&pairs, 0);
    int r = tr_journal_scan(t->journal, &job->range, job->limit, take_pair, &pairs, &error);
    if (r >= 0 && pairs.failed)
        r = tr_error_set(&error, -ENOMEM, "the journal thread: out of memory for the result of a scan");
    settle(t, 1, 0);
    if (r < 0) {
        tr_buffer_finish(&pairs);
        post_error(t, job, TR_JOURNAL_READ_FAILED, job->done.number, &error);
        return;
    }
    tr_counter_inc(&t->stats.reads);
    tr_counter_add(&t->stats.read_bytes, pairs.size);
    job->done.bytes = pairs.data;
    job->done.len = pairs.size;
    job->done.more = r > 0;
    post(t, job, TR_JOURNAL_READ, job->done.number);
}

static void work(tr_journal_thread_t *t, jobs_t *list) {
    while (list->first && !t->failed)
        if (list->first->reads)
            read_one(t, jobs_pop(list));
        else
            write_group(t, list);
    if (list->first) { /* failed: nothing more is done, nothing more is said */
        settle(t, list->n, list->bytes);
        jobs_free(list);
    }
}

/* What cannot be had stays as it was. */
static void look(tr_journal_thread_t *t) {
    tr_journal_stat_t stat;
    t->changed = false;
    t->looked_ms = tr_clock_ms();
    if (tr_journal_stat(t->journal, &stat) < 0)
        return;
    tr_gauge_set(&t->stats.bytes, (int64_t)stat.bytes);
    tr_gauge_set(&t->stats.keys, (int64_t)stat.keys);
    tr_gauge_set(&t->stats.free_bytes, stat.free > INT64_MAX ? -1 : (int64_t)stat.free);
}

static int64_t next_look(const tr_journal_thread_t *t) {
    return t->failed ? INT64_MAX : t->looked_ms + (t->changed ? LOOK_MS : LOOK_IDLE_MS);
}

/* Until there is a job, or it is time to look. */
static void wait_for_jobs(tr_journal_thread_t *t) {
    int64_t until_ms = next_look(t);
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    int rc = 0;
    while (t->waiting.n == 0 && !t->stopping && rc == 0)
        rc = until_ms == INT64_MAX ? pthread_cond_wait(&t->wake, &t->lock)
                                   : pthread_cond_timedwait(&t->wake, &t->lock, &until);
}

/* All that wait, none where it is only time to look; false when it is time to end. */
static bool take_all(tr_journal_thread_t *t, jobs_t *list) {
    jobs_init(list);
    pthread_mutex_lock(&t->lock);
    wait_for_jobs(t);
    job_t *job;
    while ((job = jobs_pop(&t->waiting)))
        jobs_push(list, job);
    bool end = t->stopping && list->n == 0;
    pthread_mutex_unlock(&t->lock);
    return !end;
}

static void *run(void *arg) {
    tr_journal_thread_t *t = arg;
    jobs_t list;
    while (take_all(t, &list)) {
        work(t, &list);
        if (tr_clock_ms() >= next_look(t))
            look(t);
    }
    return NULL;
}

static void hand_over(tr_journal_thread_t *t, job_t *job) {
    pthread_mutex_lock(&t->lock);
    jobs_push(&t->waiting, job);
    tr_gauge_add(&t->stats.queued, 1);
    tr_gauge_add(&t->stats.queued_bytes, (int64_t)job->batch.len);
    pthread_mutex_unlock(&t->lock);
    pthread_cond_signal(&t->wake);
}

int tr_journal_thread_write(tr_journal_thread_t *self, const tr_journal_batch_t *batch) {
    job_t *job = calloc(1, sizeof *job);
    if (!job) {
        tr_journal_batch_t copy = *batch;
        release_batch(&copy);
        return -ENOMEM;
    }
    job->batch = *batch;
    hand_over(self, job);
    return 0;
}

static const void *copy_key(job_t *job, size_t at, const void *key, size_t len) {
    if (len)
        memcpy(job->keys + at, key, len);
    return key ? job->keys + at : NULL;
}

int tr_journal_thread_read(
    tr_journal_thread_t *self, uint64_t number, const tr_journal_range_t *range, size_t limit_bytes) {
    if (limit_bytes == 0)
        return -EINVAL;
    job_t *job = calloc(1, sizeof *job + range->from_len + range->to_len);
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
    hand_over(self, job);
    return 0;
}

int tr_journal_thread_fd(const tr_journal_thread_t *self) {
    return self->fd;
}

bool tr_journal_thread_next(tr_journal_thread_t *self, tr_journal_done_t *ret_done) {
    uint64_t counter;
    pthread_mutex_lock(&self->lock);
    job_t *job = jobs_pop(&self->done);
    if (!job)
        (void)!read(self->fd, &counter, sizeof counter); /* -EAGAIN where nothing was posted since */
    pthread_mutex_unlock(&self->lock);
    if (!job)
        return false;
    *ret_done = job->done;
    job->done = (tr_journal_done_t){0};
    job_free(job);
    return true;
}

const tr_journal_thread_stats_t *tr_journal_thread_stats(const tr_journal_thread_t *self) {
    return &self->stats;
}

const char *tr_journal_thread_store(const tr_journal_thread_t *self) {
    return self->journal->ops->name;
}

/* Signals are for the daemon's own thread. */
static int start(tr_journal_thread_t *t, tr_error_t *error) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&t->thread, NULL, run, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc)
        return tr_error_set(error, -rc, "cannot start the journal thread: %s", strerror(rc));
    t->running = true;
    pthread_setname_np(t->thread, "journal");
    return 0;
}

int tr_journal_thread_new(tr_journal_t **journal, tr_journal_thread_t **ret_thread, tr_error_t *error) {
    tr_journal_thread_t *t = calloc(1, sizeof *t);
    if (!t) {
        tr_journal_close(journal);
        return tr_error_set(error, -ENOMEM, "the journal thread: out of memory");
    }
    t->journal = *journal;
    *journal = NULL;
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&t->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    jobs_init(&t->waiting);
    jobs_init(&t->done);
    t->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int r = t->fd < 0 ? tr_error_set(error, -errno, "cannot make an eventfd for the journal thread: %s",
                            strerror(errno))
                      : tr_histogram_init(&t->stats.sync, tr_latency_bounds_ns, TR_LATENCY_BOUNDS_NS_COUNT);
    if (r == 0) {
        look(t);
        r = start(t, error);
    }
    if (r < 0) {
        tr_journal_thread_destroy(&t);
        return r;
    }
    *ret_thread = t;
    return 0;
}

void tr_journal_thread_destroy(tr_journal_thread_t **self) {
    tr_journal_thread_t *t = *self;
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->stopping = true;
    pthread_mutex_unlock(&t->lock);
    pthread_cond_signal(&t->wake);
    if (t->running)
        pthread_join(t->thread, NULL);
    jobs_free(&t->waiting);
    jobs_free(&t->done);
    tr_journal_close(&t->journal);
    if (t->fd >= 0)
        close(t->fd);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
    free(t->ops);
    free(t);
    *self = NULL;
}
