#include "kbd/embedder.h"

#include "lib/embed/embed.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

struct tr_kb_embedder {
    tr_host_t *host;
    tr_embed_t *here, *there; /* of the host's thread and of ours */
    tr_kb_batch_fn done;
    void *arg;
    tr_kb_batch_t batch;
    bool under_way; /* the host's thread alone looks at it */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool work, stop; /* under lock */
};

void tr_kb_batch_finish(tr_kb_batch_t *self) {
    for (size_t i = 0; i < self->count; i++)
        free(self->texts[i]);
    free(self->vectors);
    *self = (tr_kb_batch_t){0};
}

static void embed(tr_kb_embedder_t *self) {
    tr_kb_batch_t *batch = &self->batch;
    tr_embed_text_t texts[TR_EMBED_BATCH];
    for (size_t i = 0; i < batch->count; i++)
        texts[i] = (tr_embed_text_t){batch->texts[i], strlen(batch->texts[i])};
    batch->vectors = calloc(batch->count, tr_embed_dimensions(self->there) * sizeof(float));
    batch->rc = batch->vectors ? tr_embed_batch(self->there, texts, batch->count, batch->vectors) : -ENOMEM;
}

/* In the host's thread. */
static void come_back(tr_host_t *host, void *arg) {
    tr_kb_embedder_t *self = arg;
    (void)host;
    self->under_way = false;
    self->done(self->arg, &self->batch);
}

/* False: it is to end. */
static bool wait_for_work(tr_kb_embedder_t *self) {
    pthread_mutex_lock(&self->lock);
    while (!self->work && !self->stop)
        pthread_cond_wait(&self->changed, &self->lock);
    bool go_on = !self->stop;
    self->work = false;
    pthread_mutex_unlock(&self->lock);
    return go_on;
}

static void *run(void *arg) {
    tr_kb_embedder_t *self = arg;
    while (wait_for_work(self)) {
        embed(self);
        while (tr_host_post(self->host, come_back, self) < 0)
            sched_yield(); /* out of memory: whoever frees some runs meanwhile */
    }
    return NULL;
}

int tr_kb_embedder_new(
    tr_host_t *host, tr_kb_batch_fn done, void *arg, tr_kb_embedder_t **ret_self, tr_error_t *error) {
    tr_kb_embedder_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->host = host;
    self->done = done;
    self->arg = arg;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->changed, NULL);
    int rc = tr_embed_open(&(tr_embed_options_t){0}, &self->here, error);
    if (rc == 0)
        rc = tr_embed_open(&(tr_embed_options_t){0}, &self->there, error);
    if (rc == 0 && (rc = -pthread_create(&self->thread, NULL, run, self)) < 0)
        tr_error_set(error, rc, "cannot start a thread: %s", strerror(-rc));
    self->started = rc == 0;
    if (rc < 0)
        tr_kb_embedder_destroy(&self);
    else
        *ret_self = self;
    return rc;
}

void tr_kb_embedder_stop(tr_kb_embedder_t *self) {
    if (!self || !self->started)
        return;
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    self->started = false;
}

void tr_kb_embedder_destroy(tr_kb_embedder_t **self_p) {
    tr_kb_embedder_t *self = *self_p;
    if (!self)
        return;
    tr_kb_embedder_stop(self);
    tr_kb_batch_finish(&self->batch);
    tr_embed_close(&self->here);
    tr_embed_close(&self->there);
    pthread_mutex_destroy(&self->lock);
    pthread_cond_destroy(&self->changed);
    free(self);
    *self_p = NULL;
}

const char *tr_kb_embedder_model(const tr_kb_embedder_t *self) {
    return tr_embed_model(self->here);
}

const char *tr_kb_embedder_warning(const tr_kb_embedder_t *self) {
    return tr_embed_warning(self->here);
}

size_t tr_kb_embedder_dimensions(const tr_kb_embedder_t *self) {
    return tr_embed_dimensions(self->here);
}

size_t tr_kb_embedder_words(const tr_kb_embedder_t *self) {
    return tr_embed_passage_words(self->here);
}

tr_kb_batch_t *tr_kb_embedder_idle(tr_kb_embedder_t *self) {
    return self->under_way ? NULL : &self->batch;
}

void tr_kb_embedder_start(tr_kb_embedder_t *self) {
    self->under_way = true;
    pthread_mutex_lock(&self->lock);
    self->work = true;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

int tr_kb_embedder_now(tr_kb_embedder_t *self, const char *text, float *ret_vector) {
    tr_embed_text_t one = {text, strlen(text)};
    return tr_embed_batch(self->here, &one, 1, ret_vector);
}
