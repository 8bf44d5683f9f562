#include "kbd/crew.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS_MAX 16u
#define TOGETHER    32u /* queries in one call */
#define AT_LEAST    4u
#define BEHIND      5     /* as nice counts: a third of what others get */
#define K_TOGETHER  1024u /* results of all of them; more are no faster */

typedef struct queries {
    tr_crew_query_t *first, **last;
    size_t count;
} queries_t;

typedef struct tasks {
    tr_crew_task_t *first, **last;
} tasks_t;

struct tr_crew {
    tr_completions_t completions;
    pthread_t threads[THREADS_MAX], builder;
    size_t thread_count, parts, builders;
    bool builder_runs;
    atomic_bool stop;
    pthread_mutex_t lock; /* what is below */
    pthread_cond_t asked, tasked;
    queries_t waiting;
    tasks_t todo;
};

static void put_query(queries_t *list, tr_crew_query_t *query) {
    query->next = NULL;
    *list->last = query;
    list->last = &query->next;
    list->count++;
}

static void put_task(tasks_t *list, tr_crew_task_t *task) {
    task->next = NULL;
    *list->last = task;
    list->last = &task->next;
}

/* ---- back to the host's thread ---- */

static void query_back(tr_completion_t *back) {
    tr_crew_query_t *query = (tr_crew_query_t *)back;
    tr_view_release(&query->view);
    query->done(query);
}

static void task_back(tr_completion_t *back) {
    tr_crew_task_t *task = (tr_crew_task_t *)back;
    task->done(task);
}

/* ---- searching ---- */

/* A part of what waits, so that the first ones are answered, and ask again, while the others are searched for. */
static size_t most_together(const tr_crew_t *self) {
    size_t part = self->waiting.count / self->parts;
    return part < AT_LEAST ? AT_LEAST : part > TOGETHER ? TOGETHER : part;
}

/* Those that can go with the first one, in the order in which they came. */
static size_t take_together(tr_crew_t *self, tr_crew_query_t **out) {
    tr_crew_query_t **at = &self->waiting.first;
    size_t n = 0, most = most_together(self);
    while (*at && n < most && (n + 1) * (n ? out[0]->k : 0) <= K_TOGETHER) {
        tr_crew_query_t *query = *at;
        bool fits = n == 0 || (query->view == out[0]->view && query->k == out[0]->k && !query->among);
        if (!fits) {
            at = &query->next;
            continue;
        }
        *at = query->next;
        out[n++] = query;
        if (query->among)
            break;
    }
    if (!self->waiting.first || !*at)
        self->waiting.last = at;
    self->waiting.count -= n;
    return n;
}

static void scan(tr_crew_query_t *q) {
    tr_view_scan(q->view, q->delta, q->vector, q->among, q->among_count, q->k, q->chunks, q->scores);
    q->rc = 0;
}

static void search_one(tr_crew_query_t *q) {
    q->rc = tr_view_search(q->view, q->delta, 1, q->vector, q->k, q->chunks, q->scores);
}

/* Each sees at least what was there when it was asked. */
static int search_together(
    tr_crew_query_t *const *queries, size_t n, size_t d, float *vectors, int64_t *chunks, float *scores) {
    size_t k = queries[0]->k, delta = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(vectors + i * d, queries[i]->vector, d * sizeof *vectors);
        delta = queries[i]->delta > delta ? queries[i]->delta : delta;
    }
    int rc = tr_view_search(queries[0]->view, delta, n, vectors, k, chunks, scores);
    for (size_t i = 0; i < n && rc == 0; i++) {
        memcpy(queries[i]->chunks, chunks + i * k, k * sizeof *chunks);
        memcpy(queries[i]->scores, scores + i * k, k * sizeof *scores);
    }
    return rc;
}

static void search_many(tr_crew_query_t *const *queries, size_t n) {
    size_t k = queries[0]->k, d = tr_view_dimensions(queries[0]->view);
    float *vectors = malloc(n * d * sizeof *vectors), *scores = malloc(n * k * sizeof *scores);
    int64_t *chunks = malloc(n * k * sizeof *chunks);
    int rc = vectors && scores && chunks ? search_together(queries, n, d, vectors, chunks, scores) : -ENOMEM;
    for (size_t i = 0; i < n; i++)
        queries[i]->rc = rc;
    free(vectors);
    free(scores);
    free(chunks);
}

static void search(tr_crew_query_t *const *queries, size_t n) {
    if (queries[0]->among)
        scan(queries[0]);
    else if (n == 1)
        search_one(queries[0]);
    else
        search_many(queries, n);
}

static void *run_searches(void *arg) {
    tr_crew_t *self = arg;
    tr_crew_query_t *queries[TOGETHER];
    tr_segment_threads(1);
    for (;;) {
        pthread_mutex_lock(&self->lock);
        while (!self->waiting.first && !self->stop)
            pthread_cond_wait(&self->asked, &self->lock);
        size_t n = self->stop ? 0 : take_together(self, queries);
        pthread_mutex_unlock(&self->lock);
        if (n == 0)
            return NULL;
        search(queries, n);
        for (size_t i = 0; i < n; i++)
            tr_completions_put(&self->completions, &queries[i]->back);
    }
}

/* ---- tasks ---- */

/* Whoever searches goes first; so do other programs. What FAISS starts for this thread is as it is. */
static void step_back(void) {
#ifdef __linux__ /* where it holds for a thread */
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), BEHIND);
#endif
}

static void *run_tasks(void *arg) {
    tr_crew_t *self = arg;
    step_back();
    tr_segment_threads(self->builders);
    for (;;) {
        pthread_mutex_lock(&self->lock);
        while (!self->todo.first && !self->stop)
            pthread_cond_wait(&self->tasked, &self->lock);
        tr_crew_task_t *task = self->stop ? NULL : self->todo.first;
        if (task && !(self->todo.first = task->next))
            self->todo.last = &self->todo.first;
        pthread_mutex_unlock(&self->lock);
        if (!task)
            return NULL;
        task->run(task);
        task->ran = true;
        tr_completions_put(&self->completions, &task->back);
    }
}

/* ---- life ---- */

/* 0: as many as there are processors, but for so many of them. */
static size_t threads_for(size_t wanted, size_t less) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t n = wanted ? wanted : processors > (long)less ? (size_t)processors - less : 1;
    return n > THREADS_MAX ? THREADS_MAX : n;
}

static int start(tr_crew_t *self, size_t threads, size_t builders, tr_error_t *error) {
    size_t n = threads_for(threads, 1);
    self->parts = n + 1;
    self->builders = threads_for(builders, 0);
    int rc = -pthread_create(&self->builder, NULL, run_tasks, self);
    self->builder_runs = rc == 0;
    for (; self->thread_count < n && rc == 0; self->thread_count += rc == 0)
        rc = -pthread_create(&self->threads[self->thread_count], NULL, run_searches, self);
    return rc < 0 ? tr_error_set(error, rc, "cannot start a thread: %s", strerror(-rc)) : 0;
}

int tr_crew_new(tr_host_t *host, size_t threads, size_t builders, tr_crew_t **ret_self, tr_error_t *error) {
    tr_crew_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    tr_completions_init(&self->completions, host);
    tr_segment_threads(1); /* who searches here does so alone as well */
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->asked, NULL);
    pthread_cond_init(&self->tasked, NULL);
    self->waiting.last = &self->waiting.first;
    self->todo.last = &self->todo.first;
    int rc = start(self, threads, builders, error);
    if (rc < 0)
        tr_crew_destroy(&self);
    else
        *ret_self = self;
    return rc;
}

bool tr_crew_stopping(tr_crew_t *self) {
    return atomic_load(&self->stop);
}

static void end_threads(tr_crew_t *self) {
    pthread_mutex_lock(&self->lock);
    atomic_store(&self->stop, true);
    pthread_cond_broadcast(&self->asked);
    pthread_cond_broadcast(&self->tasked);
    pthread_mutex_unlock(&self->lock);
    for (size_t i = 0; i < self->thread_count; i++)
        pthread_join(self->threads[i], NULL);
    if (self->builder_runs)
        pthread_join(self->builder, NULL);
    self->thread_count = 0;
    self->builder_runs = false;
}

void tr_crew_stop(tr_crew_t *self) {
    if (!self || atomic_load(&self->stop))
        return;
    tr_completions_stop(&self->completions);
    end_threads(self);
    for (tr_crew_query_t *q = self->waiting.first; q; q = q->next) {
        q->rc = -ECANCELED;
        tr_completions_put(&self->completions, &q->back);
    }
    for (tr_crew_task_t *t = self->todo.first; t; t = t->next)
        tr_completions_put(&self->completions, &t->back);
    self->waiting.first = NULL;
    self->todo.first = NULL;
    tr_completions_drain(&self->completions);
}

void tr_crew_destroy(tr_crew_t **self_p) {
    tr_crew_t *self = *self_p;
    if (!self)
        return;
    tr_crew_stop(self);
    tr_completions_finish(&self->completions);
    pthread_mutex_destroy(&self->lock);
    pthread_cond_destroy(&self->asked);
    pthread_cond_destroy(&self->tasked);
    free(self);
    *self_p = NULL;
}

void tr_crew_search(tr_crew_t *self, tr_crew_query_t *query) {
    query->back.done = query_back;
    pthread_mutex_lock(&self->lock);
    put_query(&self->waiting, query);
    pthread_cond_signal(&self->asked);
    pthread_mutex_unlock(&self->lock);
}

void tr_crew_search_here(tr_crew_query_t *query) {
    search(&query, 1);
    query_back(&query->back);
}

void tr_crew_run(tr_crew_t *self, tr_crew_task_t *task) {
    task->back.done = task_back;
    pthread_mutex_lock(&self->lock);
    put_task(&self->todo, task);
    pthread_cond_signal(&self->tasked);
    pthread_mutex_unlock(&self->lock);
}
