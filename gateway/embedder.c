#include "gateway/embedder.h"

#include "gateway/worker.h"
#include "lib/embed/embed.h"
#include "proto/base64.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define JOBS_MAX 64

typedef struct job {
    tr_job_t job;  /* first */
    json_t *texts; /* a copy of its own: a count of references is of one thread */
    bool base64;
    void *owner;
} job_t;

struct tr_embedder {
    tr_bridge_t *bridge;
    tr_worker_t *worker;
    tr_embed_t *embed; /* the worker's */
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
        texts[i] = (tr_embed_text_t){json_string_value(text), json_string_length(text), 0};
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
    return data ? json_pack("{s:s, s:I, s:o}", "model", tr_embed_model(self->embed), "dimensions",
                      (json_int_t)tr_embed_dimensions(self->embed), "data", data)
                : json_pack("{s:s}", "error", "out of memory");
}

static void drop(tr_job_t *waiting) {
    job_t *job = (job_t *)waiting;
    json_decref(job->texts);
    free(job);
}

static void run(void *arg, tr_job_t *next) {
    tr_embedder_t *self = arg;
    const job_t *job = (const job_t *)next;
    json_t *value = answer(self, job);
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    tr_bridge_tell(self->bridge, job->owner, 0, text ? text : "{\"error\":\"out of memory\"}");
    json_decref(value);
    free(text);
    drop(next);
}

/* ---- from outside ---- */

tr_embedder_t *tr_embedder_new(tr_bridge_t *bridge) {
    tr_embedder_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->bridge = bridge;
    self->worker = tr_worker_new(JOBS_MAX, run, drop, self);
    if (!self->worker)
        tr_embedder_destroy(&self);
    return self;
}

void tr_embedder_destroy(tr_embedder_t **self) {
    if (!*self)
        return;
    tr_worker_destroy(&(*self)->worker);
    tr_embed_close(&(*self)->embed);
    free(*self);
    *self = NULL;
}

int tr_embedder_ask(tr_embedder_t *self, const json_t *texts, bool base64, void *owner) {
    job_t *job = calloc(1, sizeof *job);
    if (!job || !(job->texts = json_deep_copy(texts))) {
        free(job);
        return -ENOMEM;
    }
    job->base64 = base64;
    job->owner = owner;
    if (tr_worker_give(self->worker, &job->job))
        return 0;
    drop(&job->job);
    return -EBUSY;
}
