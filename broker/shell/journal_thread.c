/*
 * Two lists under one lock: jobs that wait, completions that were not taken. The thread takes all that wait
 * at once, and while it is at the disk the next ones gather: so a slow disk makes large writes, and a fast
 * one small latencies, with no timer and no batch size. What it does with them is in journal_work.c.
 *
 * With one message in flight both sides would sleep twice for each, and a sleeping thread on an idle processor takes some
 * 15 us to wake, where the sync takes 130. So who has just been answered soon stays awake for the next, giving way to whoever can run.
 */
#include "broker/shell/journal_work.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LOOK_MS      1000  /* how often the size of a store that changes is looked at ... */
#define LOOK_IDLE_MS 10000 /* ... and of one that does not: it tidies up by itself */
#define AWAKE_NS                                                                                             \
    400000 /* what comes within this time is waited for awake, for twice as long as the last took */

struct tr_journal_thread {
    tr_journal_t *journal;
    pthread_t thread;
    bool running;
    int fd;
    pthread_mutex_t lock; /* of all up to the next empty line */
    pthread_cond_t wake;
    tr_journal_jobs_t waiting, done;
    bool stopping;

    tr_journal_work_t work; /* the thread's own */
    int64_t looked_ms;
    int64_t posted_ns,
        gap_ns; /* when the last completion was; how long after the one before the next job came */

    tr_journal_thread_stats_t stats;
};

/* What left the queue is counted when it is done, so that the numbers show what the disk owes. */
static void settle(tr_journal_thread_t *t, size_t n, size_t bytes) {
    pthread_mutex_lock(&t->lock);
    tr_gauge_add(&t->stats.queued, -(int64_t)n);
    tr_gauge_add(&t->stats.queued_bytes, -(int64_t)bytes);
    pthread_mutex_unlock(&t->lock);
}

static void post(tr_journal_thread_t *t, tr_journal_job_t *job) {
    pthread_mutex_lock(&t->lock);
    bool first = t->done.n == 0;
    tr_journal_jobs_push(&t->done, job);
    pthread_mutex_unlock(&t->lock);
    if (first)
        (void)!write(t->fd, &(uint64_t){1}, sizeof(uint64_t)); /* cannot fail: the counter is far from full */
}

static void work(tr_journal_thread_t *t, tr_journal_jobs_t *list) {
    while (list->first && !t->work.failed) {
        size_t n, bytes;
        tr_journal_job_t *done = tr_journal_work_step(&t->work, list, &n, &bytes);
        settle(t, n, bytes);
        post(t, done);
    }
    if (list->first) { /* failed: nothing more is done, nothing more is said */
        settle(t, list->n, list->bytes);
        tr_journal_jobs_free(list);
    }
}

/* What cannot be had stays as it was. */
static void look(tr_journal_thread_t *t) {
    tr_journal_stat_t stat;
    t->work.changed = false;
    t->looked_ms = tr_clock_ms();
    if (tr_journal_stat(t->journal, &stat) < 0)
        return;
    tr_gauge_set(&t->stats.bytes, (int64_t)stat.bytes);
    tr_gauge_set(&t->stats.keys, (int64_t)stat.keys);
    tr_gauge_set(&t->stats.free_bytes, stat.free > INT64_MAX ? -1 : (int64_t)stat.free);
}

static int64_t next_look(const tr_journal_thread_t *t) {
    return t->work.failed ? INT64_MAX : t->looked_ms + (t->work.changed ? LOOK_MS : LOOK_IDLE_MS);
}

/* Where the next job came soon after the last completion, it may again: sooner than a sleeping thread is woken. Gives way to any
 * thread that can run. */
static void stay_awake(const tr_journal_thread_t *t) {
    int64_t until_ns = t->posted_ns + 2 * t->gap_ns;
    if (t->gap_ns <= AWAKE_NS)
        while (tr_gauge_get(&t->stats.queued) == 0 && tr_clock_ns() < until_ns)
            sched_yield();
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
static bool take_all(tr_journal_thread_t *t, tr_journal_jobs_t *list) {
    tr_journal_jobs_init(list);
    stay_awake(t);
    pthread_mutex_lock(&t->lock);
    wait_for_jobs(t);
    t->gap_ns = tr_clock_ns() - t->posted_ns;
    tr_journal_jobs_move(list, &t->waiting);
    bool end = t->stopping && list->n == 0;
    pthread_mutex_unlock(&t->lock);
    return !end;
}

static void *run(void *arg) {
    tr_journal_thread_t *t = arg;
    tr_journal_jobs_t list;
    while (take_all(t, &list)) {
        work(t, &list);
        t->posted_ns = tr_clock_ns();
        if (tr_clock_ms() >= next_look(t))
            look(t);
    }
    return NULL;
}

static void hand_over(tr_journal_thread_t *t, tr_journal_job_t *job, size_t bytes) {
    pthread_mutex_lock(&t->lock);
    tr_journal_jobs_push(&t->waiting, job);
    tr_gauge_add(&t->stats.queued, 1);
    tr_gauge_add(&t->stats.queued_bytes, (int64_t)bytes);
    pthread_mutex_unlock(&t->lock);
    pthread_cond_signal(&t->wake);
}

int tr_journal_thread_write(tr_journal_thread_t *self, const tr_journal_batch_t *batch) {
    tr_journal_job_t *job;
    int r = tr_journal_job_write(batch, &job);
    if (r == 0)
        hand_over(self, job, batch->len);
    return r;
}

int tr_journal_thread_read(
    tr_journal_thread_t *self, uint64_t number, const tr_journal_range_t *range, size_t limit_bytes) {
    tr_journal_job_t *job;
    int r = tr_journal_job_read(number, range, limit_bytes, &job);
    if (r == 0)
        hand_over(self, job, 0);
    return r;
}

int tr_journal_thread_fd(const tr_journal_thread_t *self) {
    return self->fd;
}

bool tr_journal_thread_next(tr_journal_thread_t *self, tr_journal_done_t *ret_done) {
    uint64_t counter;
    pthread_mutex_lock(&self->lock);
    tr_journal_job_t *job = tr_journal_jobs_pop(&self->done);
    if (!job)
        (void)!read(self->fd, &counter, sizeof counter); /* -EAGAIN where nothing was posted since */
    pthread_mutex_unlock(&self->lock);
    if (!job)
        return false;
    *ret_done = tr_journal_job_take(job);
    return true;
}

int64_t tr_journal_thread_soon_ns(const tr_journal_thread_t *self) {
    int64_t last_ns = tr_gauge_get(&self->stats.sync_last_ns);
    return tr_gauge_get(&self->stats.queued) > 0 && last_ns <= AWAKE_NS ? 2 * last_ns : 0;
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
    tr_journal_jobs_init(&t->waiting);
    tr_journal_jobs_init(&t->done);
    t->work = (tr_journal_work_t){.journal = t->journal, .stats = &t->stats};
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
    tr_journal_jobs_free(&t->waiting);
    tr_journal_jobs_free(&t->done);
    tr_journal_close(&t->journal);
    if (t->fd >= 0)
        close(t->fd);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
    tr_journal_work_finish(&t->work);
    free(t);
    *self = NULL;
}
