#include "kbd/meaning.h"

#include "lib/text/textbuf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the embedder's work ---- */

typedef struct fill {
    tr_kb_batch_t *batch;
    bool failed;
} fill_t;

/* What is said about it counts as much as what it says. */
static bool take_stale(void *arg, const tr_kb_stale_t *stale) {
    fill_t *fill = arg;
    tr_kb_batch_t *batch = fill->batch;
    tr_textbuf_t text = {0};
    tr_textbuf_add_string(&text, stale->title);
    if (stale->heading) {
        tr_textbuf_add_string(&text, ". ");
        tr_textbuf_add_string(&text, stale->heading);
    }
    tr_textbuf_add_string(&text, ". ");
    tr_textbuf_add(&text, stale->text, stale->text_len);
    char *taken = tr_textbuf_take(&text);
    if (!taken) {
        fill->failed = true;
        return false;
    }
    batch->chunks[batch->count] = stale->chunk;
    batch->namespaces[batch->count] = stale->ns;
    batch->texts[batch->count++] = taken;
    return batch->count < TR_EMBED_BATCH;
}

int tr_kb_meaning_turn(tr_kb_meaning_t *self, int64_t *ret_wait_ms, tr_error_t *error) {
    fill_t fill = {.batch = tr_kb_embedder_idle(self->embedder)};
    *ret_wait_ms = tr_indexes_turn(&self->indexes);
    if (!fill.batch)
        return 0;
    int rc = tr_kb_stale(self->store, TR_EMBED_BATCH, take_stale, &fill, error);
    if (rc == 0 && fill.failed)
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0 && fill.batch->count)
        tr_kb_embedder_start(self->embedder);
    else
        tr_kb_batch_finish(fill.batch);
    return rc;
}

/* Into the store, and into the index where there is one. */
static int keep(tr_kb_meaning_t *self, const tr_kb_batch_t *batch, size_t i) {
    size_t dimensions = tr_kb_embedder_dimensions(self->embedder);
    const float *vector = batch->vectors + i * dimensions;
    int rc = tr_kb_vector_put(self->store, batch->chunks[i], vector, dimensions, NULL);
    if (rc == 0)
        tr_indexes_add(&self->indexes, batch->namespaces[i], batch->chunks[i], vector);
    return rc == -ENOENT ? 0 : rc;
}

/* A failure leaves the rest stale: it is tried again. The commit says what is wrong with the disk. */
static void on_batch(void *arg, tr_kb_batch_t *batch) {
    tr_kb_meaning_t *self = arg;
    int rc = batch->rc < 0 ? batch->rc : tr_kb_store_begin(self->store, NULL);
    for (size_t i = 0; i < batch->count && rc == 0; i++)
        rc = keep(self, batch, i);
    tr_kb_batch_finish(batch);
}

/* ---- life ---- */

static int open_indexes(tr_kb_meaning_t *self, const tr_kb_meaning_options_t *o, tr_error_t *error) {
    char model[128];
    size_t dimensions = tr_kb_embedder_dimensions(self->embedder);
    snprintf(model, sizeof model, "%s/%zu", tr_kb_embedder_model(self->embedder), dimensions);
    int rc = tr_kb_model_set(self->store, model, error);
    if (rc == 0)
        rc = tr_crew_new(o->host, o->threads, &self->crew, error);
    return rc < 0 ? rc
                  : tr_indexes_init(&self->indexes,
                        &(tr_indexes_options_t){.store = self->store,
                            .crew = self->crew,
                            .data = o->data,
                            .model = model,
                            .dimensions = dimensions,
                            .seal = o->seal,
                            .news = o->news,
                            .arg = o->arg},
                        error);
}

int tr_kb_meaning_init(tr_kb_meaning_t *self, const tr_kb_meaning_options_t *o, tr_error_t *error) {
    *self = (tr_kb_meaning_t){.store = o->store};
    int rc = tr_kb_embedder_new(o->host, on_batch, self, &self->embedder, error);
    return rc < 0 ? rc : open_indexes(self, o, error);
}

void tr_kb_meaning_stop(tr_kb_meaning_t *self) {
    tr_crew_stop(self->crew);
    tr_kb_embedder_stop(self->embedder);
}

void tr_kb_meaning_forget(tr_kb_meaning_t *self) {
    tr_indexes_forget(&self->indexes);
    tr_passings_finish(&self->passings);
}

size_t tr_kb_meaning_dimensions(const tr_kb_meaning_t *self, const tr_kb_namespace_t *ns) {
    return ns->dimensions ? ns->dimensions : tr_kb_embedder_dimensions(self->embedder);
}

void tr_kb_meaning_add(
    tr_kb_meaning_t *self, const tr_kb_namespace_t *ns, int64_t chunk, const float *vector) {
    tr_indexes_add(&self->indexes, ns->number, chunk, vector);
}

void tr_kb_meaning_drop(tr_kb_meaning_t *self, const tr_kb_namespace_t *ns) {
    tr_indexes_drop(&self->indexes, ns->number);
}

void tr_kb_meaning_finish(tr_kb_meaning_t *self) {
    tr_kb_embedder_destroy(&self->embedder);
    tr_crew_destroy(&self->crew);
    tr_indexes_finish(&self->indexes);
    tr_passings_finish(&self->passings);
    *self = (tr_kb_meaning_t){0};
}
