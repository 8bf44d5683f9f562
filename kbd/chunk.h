/*
 * Cutting a document into chunks: what is indexed, found and cited as one.
 *
 * A chunk is a stretch of the document's text. It begins at a heading where the one before is not too small, never cuts a
 * sentence that is shorter than a chunk, keeps code and tables whole up to twice the usual size (then cuts between lines), and
 * prefers to end with a paragraph. Where it had to end within a section, the next one begins with the last sentences of it
 * (overlap), so that what is said across the border is found. A token is a word as lib/text/word.h knows it.
 *
 * Pure: no state between calls, any thread.
 */
#ifndef TR_KBD_CHUNK_H
#define TR_KBD_CHUNK_H

#include "lib/text/document.h"

#include <stdint.h>

typedef struct tr_chunk_bounds {
    uint32_t most;    /* tokens; code and tables may have twice as many */
    uint32_t least;   /* a heading begins a new chunk when there are so many before it */
    uint32_t overlap; /* at most; less than half of `most` */
} tr_chunk_bounds_t;

#define TR_CHUNK_BOUNDS ((tr_chunk_bounds_t){.most = 300, .least = 40, .overlap = 40})

typedef struct tr_chunk {
    size_t offset, length;          /* in the document's text */
    size_t heading, heading_length; /* the heading that it stands under; length 0 = none */
    uint32_t tokens;
} tr_chunk_t;

/* The caller frees *ret_chunks; NULL and 0 for a document without a word. 0 or -ENOMEM. */
int tr_chunks_cut(const tr_document_t *document, const tr_chunk_bounds_t *bounds, tr_chunk_t **ret_chunks,
    size_t *ret_count);

#endif
