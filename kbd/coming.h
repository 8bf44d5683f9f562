/*
 * A document that comes from another knowledge base, as it was there:
 *
 *   id, title, source, format, agent, conversation, taint, metadata (JSON), text, added_ms, changed_ms, model,
 *   chunks: [[offset, length, heading or nil, vector or nil] ...]
 *
 * Bytes of others: what is read here is within its bounds, and each chunk and heading within the text.
 *
 * Pure.
 */
#ifndef TR_KBD_COMING_H
#define TR_KBD_COMING_H

#include "kbd/store.h"
#include "proto/content.h"

#define TR_KB_COMING_CHUNKS 65536u

typedef struct tr_kb_coming {
    tr_value_t map, chunks;    /* borrowed */
    tr_kb_document_t document; /* its text is borrowed from the map; without a vector */
    char *texts[8];            /* owned */
    tr_chunk_t *cuts;          /* owned; the heading's offset is that of a place with the same text */
    size_t count;
} tr_kb_coming_t;

/* -EINVAL with a text: it is no such map; -ENOMEM. */
int tr_kb_coming_read(tr_value_t document, tr_kb_coming_t *ret, tr_error_t *error);
void tr_kb_coming_finish(tr_kb_coming_t *self); /* idempotent */
/* Of a chunk, as it came; nil or NULL: none. */
tr_value_t tr_kb_coming_vector(const tr_kb_coming_t *self, size_t chunk);

#endif
