#include "lib/resident/completions.h"

#include <sched.h>
#include <stdlib.h>

void tr_completions_init(tr_completions_t *self, tr_host_t *host) {
    *self = (tr_completions_t){.host = host};
    self->last = &self->first;
    pthread_mutex_init(&self->lock, NULL);
}

void tr_completions_finish(tr_completions_t *self) {
    pthread_mutex_destroy(&self->lock);
}

void tr_completions_drain(tr_completions_t *self) {
    pthread_mutex_lock(&self->lock);
    tr_completion_t *completion = self->first;
    self->first = NULL;
    self->last = &self->first;
    self->told = false;
    pthread_mutex_unlock(&self->lock);
    for (tr_completion_t *next; completion; completion = next) {
        next = completion->next;
        completion->done(completion);
    }
}

static void come(tr_host_t *host, void *arg) {
    (void)host;
    tr_completions_drain(arg);
}

static bool is_stopped(tr_completions_t *self) {
    pthread_mutex_lock(&self->lock);
    bool stopped = self->stopped;
    pthread_mutex_unlock(&self->lock);
    return stopped;
}

void tr_completions_put(tr_completions_t *self, tr_completion_t *completion) {
    pthread_mutex_lock(&self->lock);
    completion->next = NULL;
    *self->last = completion;
    self->last = &completion->next;
    bool is_first = !self->told;
    self->told = true;
    pthread_mutex_unlock(&self->lock);
    while (is_first && !is_stopped(self) && tr_host_post(self->host, come, self) < 0)
        sched_yield(); /* out of memory: whoever frees some runs meanwhile */
}

void tr_completions_stop(tr_completions_t *self) {
    pthread_mutex_lock(&self->lock);
    self->stopped = true;
    pthread_mutex_unlock(&self->lock);
}
