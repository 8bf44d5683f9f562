#include "kbd/embedder.h"

#include "lib/embed/embed.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct tr_kb_embedder {
    tr_completion_t back; /* first: of the batch */
    tr_completions_t completions;
    tr_embed_t *here, *there; /* of the host's thread and of ours; NULL: there is a server */
    tr_embed_server_t *server;
    const char *model; /* of the server; borrowed */
    size_t dimensions;
    tr_embed_ask_t ask; /* what the server does not know of the batch */
    const char *texts[TR_EMBED_BATCH];
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
        texts[i] = (tr_embed_text_t){batch->texts[i], strlen(batch->texts[i]), batch->leads[i]};
    batch->vectors = calloc(batch->count, tr_embed_dimensions(self->there) * sizeof(float));
    batch->rc = batch->vectors ? tr_embed_batch(self->there, texts, batch->count, batch->vectors) : -ENOMEM;
}

/* In the host's thread. */
static void come_back(tr_completion_t *back) {
    tr_kb_embedder_t *self = (tr_kb_embedder_t *)back;
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

/* What was asked for, to its places in the batch. */
static void on_asked(tr_embed_ask_t *ask) {
    tr_kb_embedder_t *self = (tr_kb_embedder_t *)((char *)ask - offsetof(tr_kb_embedder_t, ask));
    tr_kb_batch_t *batch = &self->batch;
    size_t size = self->dimensions * sizeof *ask->vectors, next = 0;
    for (size_t i = 0; i < batch->count && ask->rc == 0; i++)
        if (!batch->known[i])
            memcpy(batch->vectors + i * self->dimensions, ask->vectors + next++ * self->dimensions, size);
    free(ask->vectors);
    batch->rc = ask->rc;
    batch->refused = ask->refused;
    batch->retry_after_ms = ask->retry_after_ms;
    batch->error = ask->error;
    come_back(&self->back);
}

/* Nobody is asked where all is known: it comes back by itself. */
static void ask_server(tr_kb_embedder_t *self) {
    tr_embed_ask_t *ask = &self->ask;
    *ask = (tr_embed_ask_t){.texts = self->texts, .done = on_asked};
    for (size_t i = 0; i < self->batch.count; i++)
        if (!self->batch.known[i])
            self->texts[ask->count++] = self->batch.texts[i];
    self->batch.asked = ask->count;
    if (ask->count)
        ask->vectors = calloc(ask->count, self->dimensions * sizeof *ask->vectors);
    if (ask->vectors) {
        tr_embed_server_ask(self->server, ask);
        return;
    }
    self->batch.rc = ask->count ? -ENOMEM : 0;
    tr_completions_put(&self->completions, &self->back);
}

static void *run(void *arg) {
    tr_kb_embedder_t *self = arg;
    while (wait_for_work(self)) {
        embed(self);
        tr_completions_put(&self->completions, &self->back);
    }
    return NULL;
}

static int open_here(tr_kb_embedder_t *self, tr_error_t *error) {
    int rc = tr_embed_open(&(tr_embed_options_t){0}, &self->here, error);
    if (rc == 0)
        rc = tr_embed_open(&(tr_embed_options_t){0}, &self->there, error);
    if (rc == 0 && (rc = -pthread_create(&self->thread, NULL, run, self)) < 0)
        tr_error_set(error, rc, "cannot start a thread: %s", strerror(-rc));
    self->started = rc == 0;
    if (rc == 0)
        self->dimensions = tr_embed_dimensions(self->here);
    return rc;
}

int tr_kb_embedder_new(const tr_embed_server_options_t *server, tr_kb_batch_fn done, void *arg,
    tr_kb_embedder_t **ret_self, tr_error_t *error) {
    tr_kb_embedder_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->back.done = come_back;
    tr_completions_init(&self->completions, server->host);
    self->model = server->model;
    self->dimensions = server->dimensions;
    self->done = done;
    self->arg = arg;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->changed, NULL);
    int rc = server->config ? tr_embed_server_new(server, &self->server, error) : open_here(self, error);
    if (rc < 0)
        tr_kb_embedder_destroy(&self);
    else
        *ret_self = self;
    return rc;
}

void tr_kb_embedder_stop(tr_kb_embedder_t *self) {
    if (self)
        tr_embed_server_stop(self->server);
    if (!self || !self->started)
        return;
    tr_completions_stop(&self->completions);
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
    tr_embed_server_destroy(&self->server);
    tr_embed_close(&self->here);
    tr_embed_close(&self->there);
    tr_completions_finish(&self->completions);
    pthread_mutex_destroy(&self->lock);
    pthread_cond_destroy(&self->changed);
    free(self);
    *self_p = NULL;
}

const char *tr_kb_embedder_model(const tr_kb_embedder_t *self) {
    return self->server ? self->model : tr_embed_model(self->here);
}

const char *tr_kb_embedder_warning(const tr_kb_embedder_t *self) {
    return self->server ? "" : tr_embed_warning(self->here);
}

size_t tr_kb_embedder_dimensions(const tr_kb_embedder_t *self) {
    return self->dimensions;
}

size_t tr_kb_embedder_words(const tr_kb_embedder_t *self) {
    return self->server ? 0 : tr_embed_passage_words(self->here);
}

tr_kb_batch_t *tr_kb_embedder_idle(tr_kb_embedder_t *self) {
    return self->under_way ? NULL : &self->batch;
}

void tr_kb_embedder_start(tr_kb_embedder_t *self) {
    self->under_way = true;
    if (self->server) {
        ask_server(self);
        return;
    }
    pthread_mutex_lock(&self->lock);
    self->work = true;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

bool tr_kb_embedder_is_remote(const tr_kb_embedder_t *self) {
    return self->server;
}

void tr_kb_embedder_ask(tr_kb_embedder_t *self, tr_embed_ask_t *ask) {
    if (self->server) {
        tr_embed_server_ask(self->server, ask);
        return;
    }
    ask->rc = 0;
    for (size_t i = 0; i < ask->count && ask->rc == 0; i++) {
        tr_embed_text_t one = {ask->texts[i], strlen(ask->texts[i]), 0};
        ask->rc = tr_embed_batch(self->here, &one, 1, ask->vectors + i * self->dimensions);
    }
    ask->done(ask);
}
