#include "gateway/worker.h"

#include <pthread.h>
#include <stdlib.h>

struct tr_worker {
    void (*run)(void *arg, tr_job_t *job);
    void (*drop)(tr_job_t *job);
    void *arg;
    size_t most;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t news;
    tr_job_t *jobs, **jobs_end;
    size_t count;
    bool stop;
};

static tr_job_t *next_job(tr_worker_t *self) {
    pthread_mutex_lock(&self->lock);
    while (!self->jobs && !self->stop)
        pthread_cond_wait(&self->news, &self->lock);
    tr_job_t *job = self->stop ? NULL : self->jobs;
    if (job) {
        self->jobs = job->next;
        self->count--;
        if (!self->jobs)
            self->jobs_end = &self->jobs;
    }
    pthread_mutex_unlock(&self->lock);
    return job;
}

static void *work(void *arg) {
    tr_worker_t *self = arg;
    for (tr_job_t *job; (job = next_job(self));)
        self->run(self->arg, job);
    return NULL;
}

tr_worker_t *tr_worker_new(
    size_t most, void (*run)(void *arg, tr_job_t *job), void (*drop)(tr_job_t *job), void *arg) {
    tr_worker_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->run = run;
    self->drop = drop;
    self->arg = arg;
    self->most = most;
    self->jobs_end = &self->jobs;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->news, NULL);
    if (pthread_create(&self->thread, NULL, work, self) == 0)
        return self;
    pthread_cond_destroy(&self->news);
    pthread_mutex_destroy(&self->lock);
    free(self);
    return NULL;
}

void tr_worker_destroy(tr_worker_t **self_p) {
    tr_worker_t *self = *self_p;
    if (!self)
        return;
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_cond_signal(&self->news);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    for (tr_job_t *next; self->jobs; self->jobs = next) {
        next = self->jobs->next;
        self->drop(self->jobs);
    }
    pthread_cond_destroy(&self->news);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

bool tr_worker_give(tr_worker_t *self, tr_job_t *job) {
    job->next = NULL;
    pthread_mutex_lock(&self->lock);
    bool room = self->count < self->most;
    if (room) {
        *self->jobs_end = job;
        self->jobs_end = &job->next;
        self->count++;
        pthread_cond_signal(&self->news);
    }
    pthread_mutex_unlock(&self->lock);
    return room;
}
