/*
 * Chunks to vectors, in a thread of its own: one batch at a time is given to it, and comes back in the host's thread.
 */
#ifndef TR_KBD_EMBEDDER_H
#define TR_KBD_EMBEDDER_H

#include "lib/base/error.h"
#include "troupe/host.h"

#define TR_EMBED_BATCH 32u

typedef struct tr_kb_batch {
    size_t count;
    int64_t chunks[TR_EMBED_BATCH], namespaces[TR_EMBED_BATCH];
    char *texts[TR_EMBED_BATCH]; /* owned */
    float *vectors;              /* `count` of them, when it has come back; owned */
    int rc;                      /* of the embedding */
} tr_kb_batch_t;

void tr_kb_batch_finish(tr_kb_batch_t *self); /* frees what it owns */

typedef struct tr_kb_embedder tr_kb_embedder_t;
typedef void (*tr_kb_batch_fn)(void *arg, tr_kb_batch_t *batch); /* borrowed; finish it */

/* Opens the model, and starts the thread. host: outlives it. */
int tr_kb_embedder_new(
    tr_host_t *host, tr_kb_batch_fn done, void *arg, tr_kb_embedder_t **ret_self, tr_error_t *error);
/* Ends the thread, when the batch that is under way is ready: before the host is destroyed. NULL-safe, idempotent. */
void tr_kb_embedder_stop(tr_kb_embedder_t *self);
/* After the host. NULL-safe. */
void tr_kb_embedder_destroy(tr_kb_embedder_t **self);

const char *tr_kb_embedder_model(const tr_kb_embedder_t *self);
const char *tr_kb_embedder_warning(const tr_kb_embedder_t *self);
size_t tr_kb_embedder_dimensions(const tr_kb_embedder_t *self);
size_t tr_kb_embedder_words(const tr_kb_embedder_t *self); /* of a passage; 0 = all */
/* The batch to fill and to start; NULL: one is under way. */
tr_kb_batch_t *tr_kb_embedder_idle(tr_kb_embedder_t *self);
void tr_kb_embedder_start(tr_kb_embedder_t *self);
/* One text at once, in the caller's thread (always the same one). 0 or -ENOMEM. */
int tr_kb_embedder_now(tr_kb_embedder_t *self, const char *text, float *ret_vector);

#endif
