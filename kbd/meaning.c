#include "kbd/meaning.h"

#include "lib/base/clock.h"
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

int tr_kb_meaning_turn(tr_kb_meaning_t *self, tr_error_t *error) {
    fill_t fill = {.batch = tr_kb_embedder_idle(self->embedder)};
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

static tr_kb_vectors_t *loaded(const tr_kb_meaning_t *self, int64_t ns) {
    return tr_map_find_ptr(&self->indexes, (const char *)&ns, sizeof ns);
}

static void forget_one(tr_kb_meaning_t *self, int64_t ns) {
    tr_kb_vectors_t *index = loaded(self, ns);
    tr_map_delete(&self->indexes, (const char *)&ns, sizeof ns);
    tr_kb_vectors_destroy(&index);
}

/* Into the store, and into the index where there is one: what cannot follow is made anew when it is needed. */
static int keep(tr_kb_meaning_t *self, const tr_kb_batch_t *batch, size_t i) {
    size_t dimensions = tr_kb_embedder_dimensions(self->embedder);
    const float *vector = batch->vectors + i * dimensions;
    int rc = tr_kb_vector_put(self->store, batch->chunks[i], vector, dimensions, NULL);
    if (rc == -ENOENT)
        return 0;
    tr_kb_vectors_t *index = rc == 0 ? loaded(self, batch->namespaces[i]) : NULL;
    if (index && tr_kb_vectors_add(index, batch->chunks[i], vector) < 0)
        forget_one(self, batch->namespaces[i]);
    return rc;
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

int tr_kb_meaning_init(tr_kb_meaning_t *self, tr_kb_store_t *store, tr_host_t *host, tr_error_t *error) {
    char model[128];
    *self = (tr_kb_meaning_t){.store = store};
    tr_map_init(&self->indexes, (uint64_t)tr_clock_ns());
    int rc = tr_kb_embedder_new(host, on_batch, self, &self->embedder, error);
    if (rc < 0)
        return rc;
    size_t dimensions = tr_kb_embedder_dimensions(self->embedder);
    self->query = calloc(dimensions, sizeof *self->query);
    if (!self->query)
        return tr_error_set(error, -ENOMEM, "out of memory");
    snprintf(model, sizeof model, "%s/%zu", tr_kb_embedder_model(self->embedder), dimensions);
    return tr_kb_model_set(store, model, error);
}

void tr_kb_meaning_stop(tr_kb_meaning_t *self) {
    tr_kb_embedder_stop(self->embedder);
}

void tr_kb_meaning_forget(tr_kb_meaning_t *self) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&self->indexes, &cursor))) {
        tr_kb_vectors_t *index = (tr_kb_vectors_t *)(uintptr_t)slot->value;
        tr_kb_vectors_destroy(&index);
    }
    tr_map_finish(&self->indexes);
}

void tr_kb_meaning_finish(tr_kb_meaning_t *self) {
    tr_kb_embedder_destroy(&self->embedder);
    tr_kb_meaning_forget(self);
    free(self->query);
    *self = (tr_kb_meaning_t){0};
}

/* ---- searching ---- */

static int take_vector(void *arg, int64_t chunk, const float *vector, size_t dimensions) {
    (void)dimensions;
    return tr_kb_vectors_add(arg, chunk, vector);
}

static int load(
    tr_kb_meaning_t *self, const tr_kb_namespace_t *ns, tr_kb_vectors_t **ret_index, tr_error_t *error) {
    tr_kb_vectors_t *index = loaded(self, ns->number);
    int rc = 0;
    if (!index) {
        index = tr_kb_vectors_new(tr_kb_embedder_dimensions(self->embedder));
        rc = index ? tr_kb_vectors_read(self->store, ns, take_vector, index, error) : -ENOMEM;
        if (rc == 0)
            rc = tr_map_put(
                &self->indexes, (const char *)&ns->number, sizeof ns->number, (uint64_t)(uintptr_t)index);
        if (rc < 0) {
            tr_kb_vectors_destroy(&index);
            return rc == -ENOMEM ? tr_error_set(error, rc, "out of memory") : rc;
        }
    }
    *ret_index = index;
    return 0;
}

typedef struct scan {
    tr_kb_meaning_t *meaning;
    tr_kb_vectors_t *index;
    tr_kb_hit_t *hits; /* the best so far, the best first */
    size_t count, k;
} scan_t;

static void insert(scan_t *scan, tr_kb_hit_t hit) {
    size_t at = scan->count < scan->k ? scan->count++ : scan->k;
    if (at == scan->k && scan->hits[--at].score >= hit.score)
        return;
    for (; at > 0 && scan->hits[at - 1].score < hit.score; at--)
        scan->hits[at] = scan->hits[at - 1];
    scan->hits[at] = hit;
}

static int score_passing(void *arg, int64_t chunk, int64_t document) {
    scan_t *scan = arg;
    float score;
    if (tr_kb_vectors_score(scan->index, scan->meaning->query, chunk, &score) == 0)
        insert(scan, (tr_kb_hit_t){chunk, document, score});
    return 0;
}

/* Those that are in the store: of what was removed since there may be some. */
static int keep_living(
    scan_t *scan, const int64_t *chunks, const float *scores, size_t found, tr_error_t *error) {
    int rc = 0;
    scan->count = 0;
    for (size_t i = 0; i < found && scan->count < scan->k && rc == 0; i++) {
        tr_kb_hit_t hit = {chunks[i], 0, scores[i]};
        rc = tr_kb_document_of(scan->meaning->store, chunks[i], &hit.document, error);
        if (hit.document)
            scan->hits[scan->count++] = hit;
    }
    return rc;
}

/* Asks for more until there are enough that live, or no more. */
static int search_all(scan_t *scan, tr_error_t *error) {
    size_t all = tr_kb_vectors_count(scan->index), most = scan->k + 16;
    int rc = 0;
    for (;; most *= 4) {
        most = most > all ? all : most;
        int64_t *chunks = calloc(most + 1, sizeof *chunks);
        float *scores = calloc(most + 1, sizeof *scores);
        int64_t found = chunks && scores
                            ? tr_kb_vectors_search(scan->index, scan->meaning->query, most, chunks, scores)
                            : -ENOMEM;
        rc = found < 0 ? tr_error_set(error, (int)found, "out of memory")
                       : keep_living(scan, chunks, scores, (size_t)found, error);
        free(chunks);
        free(scores);
        if (rc < 0 || most == all || scan->count == scan->k)
            return rc;
    }
}

int tr_kb_meaning_search(tr_kb_meaning_t *self, const tr_kb_namespace_t *ns, const char *query,
    const tr_filter_t *filter, size_t k, tr_kb_hit_t *ret_hits, size_t *ret_count, tr_error_t *error) {
    scan_t scan = {.meaning = self, .hits = ret_hits, .k = k};
    int rc = load(self, ns, &scan.index, error);
    if (rc == 0 && tr_kb_embedder_now(self->embedder, query, self->query) < 0)
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0)
        rc = filter->sql.length ? tr_kb_passing(self->store, ns, filter, score_passing, &scan, error)
                                : search_all(&scan, error);
    if (rc == 0)
        *ret_count = scan.count;
    return rc;
}
