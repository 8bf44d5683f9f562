#include "gateway/embedder.h"

#include "lib/embed/embed.h"
#include "proto/base64.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define JOBS_MAX 64

typedef struct job {
    struct job *next;
    json_t *texts; /* a copy of its own: a count of references is of one thread */
    bool base64;
    void *owner;
} job_t;

struct tr_embedder {
    tr_bridge_t *bridge;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows, but for embed */
    pthread_cond_t news;
    job_t *jobs, **jobs_end;
    size_t count;
    bool stop;
    tr_embed_t *embed; /* the thread's */
};

/* ---- the thread ---- */

static json_t *vector_json(const float *vector, size_t dimensions, bool base64) {
    size_t bytes = dimensions * sizeof *vector;
    if (base64) {
        char *text = malloc(tr_base64_encoded_size(bytes) + 1);
        if (!text)
            return NULL;
        tr_base64_encode(
            (const void *)vector, bytes, text); /* little-endian, as the machines that this runs on */
        json_t *value = json_string(text);
        free(text);
        return value;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < dimensions; i++)
        json_array_append_new(list, json_real((double)vector[i]));
    return list;
}

static json_t *vectors_json(tr_embed_t *embed, const job_t *job) {
    size_t count = json_array_size(job->texts), dimensions = tr_embed_dimensions(embed);
    tr_embed_text_t *texts = calloc(count + 1, sizeof *texts);
    float *vectors = calloc(count * dimensions + 1, sizeof *vectors);
    json_t *data = NULL;
    for (size_t i = 0; texts && i < count; i++) {
        const json_t *text = json_array_get(job->texts, i);
        texts[i] = (tr_embed_text_t){json_string_value(text), json_string_length(text)};
    }
    if (texts && vectors && tr_embed_batch(embed, texts, count, vectors) == 0) {
        data = json_array();
        for (size_t i = 0; i < count; i++)
            json_array_append_new(data, vector_json(vectors + i * dimensions, dimensions, job->base64));
    }
    free(texts);
    free(vectors);
    return data;
}

static json_t *answer(tr_embedder_t *self, const job_t *job) {
    tr_error_t error = {0};
    if (!self->embed && tr_embed_open(&(tr_embed_options_t){0}, &self->embed, &error) < 0)
        return json_pack("{s:s}", "error", error.text);
    json_t *data = vectors_json(self->embed, job);
    return data ? json_pack("{s:s, s:o}", "model", tr_embed_model(self->embed), "data", data)
                : json_pack("{s:s}", "error", "out of memory");
}

static void finish(tr_embedder_t *self, job_t *job) {
    json_t *value = answer(self, job);
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    tr_bridge_tell(self->bridge, job->owner, text ? text : "{\"error\":\"out of memory\"}");
    json_decref(value);
    free(text);
    json_decref(job->texts);
    free(job);
}

static job_t *next_job(tr_embedder_t *self) {
    pthread_mutex_lock(&self->lock);
    while (!self->jobs && !self->stop)
        pthread_cond_wait(&self->news, &self->lock);
    job_t *job = self->stop ? NULL : self->jobs;
    if (job) {
        self->jobs = job->next;
        self->count--;
        if (!self->jobs)
            self->jobs_end = &self->jobs;
    }
    pthread_mutex_unlock(&self->lock);
    return job;
}

static void *run(void *arg) {
    tr_embedder_t *self = arg;
    for (job_t *job; (job = next_job(self));)
        finish(self, job);
    return NULL;
}

/* ---- from outside ---- */

tr_embedder_t *tr_embedder_new(tr_bridge_t *bridge) {
    tr_embedder_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->bridge = bridge;
    self->jobs_end = &self->jobs;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->news, NULL);
    if (pthread_create(&self->thread, NULL, run, self) == 0)
        return self;
    pthread_cond_destroy(&self->news);
    pthread_mutex_destroy(&self->lock);
    free(self);
    return NULL;
}

void tr_embedder_destroy(tr_embedder_t **self_p) {
    tr_embedder_t *self = *self_p;
    if (!self)
        return;
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_cond_signal(&self->news);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    while (self->jobs) {
        job_t *next = self->jobs->next;
        json_decref(self->jobs->texts);
        free(self->jobs);
        self->jobs = next;
    }
    tr_embed_close(&self->embed);
    pthread_cond_destroy(&self->news);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

int tr_embedder_ask(tr_embedder_t *self, const json_t *texts, bool base64, void *owner) {
    job_t *job = calloc(1, sizeof *job);
    if (!job || !(job->texts = json_deep_copy(texts))) {
        free(job);
        return -ENOMEM;
    }
    job->base64 = base64;
    job->owner = owner;
    pthread_mutex_lock(&self->lock);
    bool room = self->count < JOBS_MAX;
    if (room) {
        *self->jobs_end = job;
        self->jobs_end = &job->next;
        self->count++;
        pthread_cond_signal(&self->news);
    }
    pthread_mutex_unlock(&self->lock);
    if (room)
        return 0;
    json_decref(job->texts);
    free(job);
    return -EBUSY;
}
