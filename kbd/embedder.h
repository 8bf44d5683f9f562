/*
 * Chunks to vectors, in a thread of its own: one batch at a time is given to it, and comes back in the host's thread. The vectors are made
 * here (lib/embed), or by a model server.
 */
#ifndef TR_KBD_EMBEDDER_H
#define TR_KBD_EMBEDDER_H

#include "kbd/embed_server.h"
#include "lib/base/error.h"
#include "troupe/host.h"

#define TR_EMBED_BATCH 32u

typedef struct tr_kb_batch {
    size_t count;
    int64_t chunks[TR_EMBED_BATCH], namespaces[TR_EMBED_BATCH];
    char *texts[TR_EMBED_BATCH];  /* owned */
    size_t leads[TR_EMBED_BATCH]; /* of a tr_embed_text_t */
    float *vectors;               /* `count` of them, when it has come back; owned */
    bool known[TR_EMBED_BATCH];   /* whose vectors are there before it is started */
    int rc;                       /* of the embedding, as of a tr_embed_ask_t */
    size_t asked;                 /* of a server: those that are not known */
    bool refused;                 /* as of a tr_embed_ask_t, as are the next two */
    int64_t retry_after_ms;
    tr_error_t error;
} tr_kb_batch_t;

void tr_kb_batch_finish(tr_kb_batch_t *self); /* frees what it owns */

typedef struct tr_kb_embedder tr_kb_embedder_t;
typedef void (*tr_kb_batch_fn)(void *arg, tr_kb_batch_t *batch); /* borrowed; finish it */

/* Opens the model, and starts the thread. server: whose model it is; without a configuration it is that of this machine. */
int tr_kb_embedder_new(const tr_embed_server_options_t *server, tr_kb_batch_fn done, void *arg,
    tr_kb_embedder_t **ret_self, tr_error_t *error);
/* Ends the thread, when the batch that is under way is ready: before the host is destroyed. NULL-safe, idempotent. */
void tr_kb_embedder_stop(tr_kb_embedder_t *self);
/* After the host. NULL-safe. */
void tr_kb_embedder_destroy(tr_kb_embedder_t **self);

const char *tr_kb_embedder_model(const tr_kb_embedder_t *self);
const char *tr_kb_embedder_warning(const tr_kb_embedder_t *self);
size_t tr_kb_embedder_dimensions(const tr_kb_embedder_t *self);
size_t tr_kb_embedder_words(const tr_kb_embedder_t *self); /* of a passage's lead; 0 = all */
/* The batch to fill and to start; NULL: one is under way. */
tr_kb_batch_t *tr_kb_embedder_idle(tr_kb_embedder_t *self);
void tr_kb_embedder_start(tr_kb_embedder_t *self);
/* Whether a vector costs an answer of a server. */
bool tr_kb_embedder_is_remote(const tr_kb_embedder_t *self);
/* What somebody waits for. `done` is called at once where the vectors are made here, and later where they are not. */
void tr_kb_embedder_ask(tr_kb_embedder_t *self, tr_embed_ask_t *ask);

#endif
