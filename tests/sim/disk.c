#include "tests/sim/disk.h"

#include "broker/shell/journal_work.h"
#include "tests/sim/broker.h"
#include "tests/sim/durable.h"

#include <errno.h>
#include <stdlib.h>

/* The thread, without one: jobs wait in `waiting`, what it has taken to do is in `taken`. */
struct tr_journal_thread {
    sim_disk_t *disk; /* NULL until it is attached, and once it is detached */
    tr_journal_t *journal;
    tr_journal_jobs_t waiting, taken, done;
    tr_journal_work_t work;
    tr_journal_thread_stats_t stats;
    bool busy;
};

static int64_t duration(sim_disk_t *d, bool sync) {
    const sim_plan_t *p = &d->world->plan;
    int64_t ns = sync ? sim_between(&d->prng, p->sync_min_ns, p->sync_max_ns)
                      : sim_between(&d->prng, 5000, p->sync_min_ns);
    return ns + (d->slow_ns ? sim_between(&d->prng, 0, d->slow_ns) : 0);
}

static void finish_step(void *owner, uint64_t turn);

/* As the thread does: all that waits is taken at once, and what comes meanwhile gathers. */
static void begin_step(tr_journal_thread_t *t) {
    sim_disk_t *d = t->disk;
    if (!t->taken.first)
        tr_journal_jobs_move(&t->taken, &t->waiting);
    t->busy = t->taken.first != NULL;
    if (t->busy)
        sim_at(d->world, d->world->now_ns + duration(d, tr_journal_work_syncs(&t->taken)), finish_step, d,
            ++d->turn);
}

static tr_journal_job_t *step(tr_journal_thread_t *t) {
    size_t n, bytes;
    if (t->disk->full)
        tr_journal_disk_fail_write(t->disk->store, 1, -ENOSPC);
    return tr_journal_work_step(&t->work, &t->taken, &n, &bytes);
}

static void give_up(tr_journal_thread_t *t) {
    tr_journal_jobs_free(&t->taken);
    tr_journal_jobs_free(&t->waiting);
    t->busy = false;
}

static void look_at(sim_disk_t *d, const tr_journal_done_t *done) {
    static const char *const names[] = {"", "written", "synced", "read", "not read", "failed"};
    sim_say(d->world, "the disk of %s: %s %llu", d->broker->platform, names[done->type],
        (unsigned long long)done->number);
    if (done->type != TR_JOURNAL_SYNCED)
        return;
    if (tr_journal_disk_unsynced(d->store))
        sim_fail(d->world, "batch %llu is said to be on disk, and %zu are not",
            (unsigned long long)done->number, tr_journal_disk_unsynced(d->store));
    sim_durable_synced(d->broker, done->number);
}

static void finish_step(void *owner, uint64_t turn) {
    sim_disk_t *d = owner;
    tr_journal_thread_t *t = d->thread;
    if (!t || turn != d->turn)
        return;
    tr_journal_job_t *job = step(t);
    look_at(d, tr_journal_job_done(job));
    tr_journal_jobs_push(&t->done, job);
    if (t->work.failed)
        give_up(t);
    else
        begin_step(t);
    sim_broker_wake(d->broker);
}

/* ---- the journal: the memory store, and what is in its file ---- */

typedef struct logged {
    tr_journal_t base;
    sim_disk_t *disk;
    tr_journal_t *store;
} logged_t;

/* Of a write that fails nobody knows what is in the file. */
static int logged_write(
    tr_journal_t *self, const tr_journal_op_t *ops, size_t n, bool sync, tr_error_t *error) {
    logged_t *l = (logged_t *)self;
    if (n)
        sim_wal_write(&l->disk->wal, ops, n);
    int r = tr_journal_write(l->store, ops, n, sync, error);
    if (r == 0 && sync)
        sim_wal_sync(&l->disk->wal);
    return r;
}

static int logged_scan(tr_journal_t *self, const tr_journal_range_t *range, size_t limit_bytes,
    tr_journal_scan_fn *fn, void *arg, tr_error_t *error) {
    return tr_journal_scan(((logged_t *)self)->store, range, limit_bytes, fn, arg, error);
}

static int logged_stat(tr_journal_t *self, tr_journal_stat_t *stat) {
    return tr_journal_stat(((logged_t *)self)->store, stat);
}

static void logged_close(tr_journal_t *self) {
    tr_journal_close(&((logged_t *)self)->store);
    free(self);
}

int sim_disk_open(sim_disk_t *self, tr_journal_t **ret_journal, tr_error_t *error) {
    static const tr_journal_ops_t ops = {.name = "memory",
        .write = logged_write,
        .scan = logged_scan,
        .stat = logged_stat,
        .close = logged_close};
    tr_journal_t *store;
    int r = tr_journal_open_memory(self->store, &store, error);
    if (r < 0)
        return r;
    logged_t *l = sim_alloc(sizeof *l);
    *l = (logged_t){.base.ops = &ops, .disk = self, .store = store};
    *ret_journal = &l->base;
    return 0;
}

/* broker/shell/journal_thread.h */
int tr_journal_thread_new(tr_journal_t **journal, tr_journal_thread_t **ret_thread, tr_error_t *error) {
    (void)error;
    tr_journal_thread_t *t = sim_alloc(sizeof *t);
    t->journal = *journal;
    *journal = NULL;
    t->work = (tr_journal_work_t){.journal = t->journal, .stats = &t->stats};
    tr_journal_jobs_init(&t->waiting);
    tr_journal_jobs_init(&t->taken);
    tr_journal_jobs_init(&t->done);
    if (tr_histogram_init(&t->stats.sync, tr_latency_bounds_ns, TR_LATENCY_BOUNDS_NS_COUNT) < 0)
        abort();
    *ret_thread = t;
    return 0;
}

void tr_journal_thread_destroy(tr_journal_thread_t **self) {
    tr_journal_thread_t *t = *self;
    if (!t)
        return;
    give_up(t);
    tr_journal_jobs_free(&t->done);
    tr_journal_work_finish(&t->work);
    tr_journal_close(&t->journal);
    free(t);
    *self = NULL;
}

/* A thread that has failed takes what it is given, and does nothing with it. */
static void hand_over(tr_journal_thread_t *t, tr_journal_job_t *job) {
    tr_journal_jobs_push(&t->waiting, job);
    if (t->work.failed)
        give_up(t);
    else if (!t->busy)
        begin_step(t);
}

int tr_journal_thread_write(tr_journal_thread_t *self, const tr_journal_batch_t *batch) {
    tr_journal_job_t *job;
    int r = tr_journal_job_write(batch, &job);
    if (r == 0)
        hand_over(self, job);
    return r;
}

int tr_journal_thread_read(
    tr_journal_thread_t *self, uint64_t number, const tr_journal_range_t *range, size_t limit_bytes) {
    tr_journal_job_t *job;
    int r = tr_journal_job_read(number, range, limit_bytes, &job);
    if (r == 0)
        hand_over(self, job);
    return r;
}

int tr_journal_thread_fd(const tr_journal_thread_t *self) {
    (void)self;
    return -1;
}

bool tr_journal_thread_next(tr_journal_thread_t *self, tr_journal_done_t *ret_done) {
    tr_journal_job_t *job = tr_journal_jobs_pop(&self->done);
    if (job)
        *ret_done = tr_journal_job_take(job);
    return job != NULL;
}

/* In a world no time passes while somebody is awake. */
int64_t tr_journal_thread_soon_ns(const tr_journal_thread_t *self) {
    (void)self;
    return 0;
}

const tr_journal_thread_stats_t *tr_journal_thread_stats(const tr_journal_thread_t *self) {
    return &self->stats;
}

const char *tr_journal_thread_store(const tr_journal_thread_t *self) {
    return self->journal->ops->name;
}

sim_disk_t *sim_disk_new(sim_broker_t *broker, sim_prng_t prng) {
    sim_disk_t *d = sim_alloc(sizeof *d);
    d->world = broker->world;
    d->broker = broker;
    d->prng = prng;
    sim_wal_init(&d->wal, d->world, broker->platform, (sim_prng_t){sim_mix(prng.state)});
    d->store = tr_journal_disk_new();
    if (!d->store)
        abort();
    return d;
}

void sim_disk_destroy(sim_disk_t **self) {
    if (!*self)
        return;
    tr_journal_disk_destroy(&(*self)->store);
    sim_wal_finish(&(*self)->wal);
    free(*self);
    *self = NULL;
}

void sim_disk_attach(sim_disk_t *self, tr_journal_thread_t *thread) {
    self->thread = thread;
    thread->disk = self;
}

tr_journal_t *sim_disk_journal(const sim_disk_t *self) {
    return self->thread->journal;
}

/* Whoever ends in good order waits for the thread, which does all that it was given. */
static void do_the_rest(tr_journal_thread_t *t) {
    tr_journal_jobs_move(&t->taken, &t->waiting);
    while (t->taken.first && !t->work.failed) {
        tr_journal_job_t *job = step(t);
        look_at(t->disk, tr_journal_job_done(job));
        tr_journal_jobs_push(&t->done, job);
    }
}

/* What is at the disk at this moment is not synced. Whether it is not all written either. */
static bool interrupt(tr_journal_thread_t *t) {
    if (!t->busy)
        return false;
    bool whole = sim_chance(&t->disk->prng, 500);
    size_t before = tr_journal_disk_unsynced(t->disk->store);
    tr_journal_disk_fail_sync(t->disk->store, 1, -EIO);
    tr_journal_done_t done = tr_journal_job_take(step(t));
    tr_journal_done_finish(&done);
    return !whole && tr_journal_disk_unsynced(t->disk->store) > before;
}

/* How many of the batches that were not synced are left whole. After a sync that failed the system may have dropped any of them. */
static size_t survivors(sim_disk_t *d, sim_death_t how, bool failed, bool interrupted) {
    size_t written = tr_journal_disk_unsynced(d->store) - interrupted;
    return how == SIM_DEATH_KILLED && !failed ? written : sim_below(&d->prng, written + 1);
}

void sim_disk_detach(sim_disk_t *self, sim_death_t how) {
    tr_journal_thread_t *t = self->thread;
    if (!t)
        return;
    bool failed = t->work.failed, interrupted = false;
    if (how == SIM_DEATH_EXIT)
        do_the_rest(t);
    else if (!failed)
        interrupted = interrupt(t);
    if (how != SIM_DEATH_EXIT || t->work.failed) {
        size_t unsynced = tr_journal_disk_unsynced(self->store),
               kept = survivors(self, how, failed || how == SIM_DEATH_EXIT, interrupted);
        kept = sim_wal_crash(&self->wal, kept, how == SIM_DEATH_POWER);
        sim_say(self->world, "the disk of %s keeps %zu of %zu batches that were not synced",
            self->broker->platform, kept, unsynced);
        tr_journal_disk_crash(self->store, kept);
    }
    tr_journal_disk_fail_sync(self->store, 0, 0);
    tr_journal_disk_fail_write(self->store, 0, 0);
    self->turn++;
    self->thread = NULL;
    t->disk = NULL;
}

void sim_disk_fail_write(sim_disk_t *self) {
    sim_say(self->world, "a write to the disk of %s will fail", self->broker->platform);
    tr_journal_disk_fail_write(
        self->store, 1 + (unsigned)sim_below(&self->prng, 3), sim_chance(&self->prng, 500) ? -EIO : -ENOSPC);
}

void sim_disk_fail_sync(sim_disk_t *self) {
    sim_say(self->world, "a sync of the disk of %s will fail", self->broker->platform);
    tr_journal_disk_fail_sync(self->store, 1 + (unsigned)sim_below(&self->prng, 3), -EIO);
}

void sim_disk_fill(sim_disk_t *self, bool full) {
    if (self->full == full)
        return;
    sim_say(self->world, "the disk of %s %s", self->broker->platform, full ? "is full" : "has room again");
    self->full = full;
    if (!full)
        tr_journal_disk_fail_write(self->store, 0, 0);
}

void sim_disk_slow(sim_disk_t *self, int64_t ns) {
    sim_say(self->world, "the disk of %s takes up to %lld ms longer", self->broker->platform,
        (long long)(ns / SIM_MS));
    self->slow_ns = ns;
    self->mended_ns = ns ? SIM_NEVER : self->world->now_ns;
}

void sim_disk_mend(sim_disk_t *self) {
    sim_disk_fill(self, false);
    if (self->slow_ns)
        sim_disk_slow(self, 0);
    tr_journal_disk_fail_write(self->store, 0, 0);
    tr_journal_disk_fail_sync(self->store, 0, 0);
}
