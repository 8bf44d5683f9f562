/*
 * A body in chunks (RFC 9112 section 7.1), as it comes, piece by piece: what is in them goes into a buffer. Extensions and trailers are passed over.
 * No thread rules: a struct of its owner's.
 */
#ifndef TR_GATEWAY_HTTP_CHUNKS_H
#define TR_GATEWAY_HTTP_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/buffer.h"

#define TR_CHUNKS_LINE_MAX 256  /* bytes of the line before a chunk, with its extensions; of a trailer */
#define TR_CHUNKS_ENDS_MAX 4096 /* of all trailers */

/* Zeroed, it is at the beginning. */
typedef struct tr_chunks {
    int state;
    uint32_t left; /* of the chunk */
    size_t line;   /* bytes of the line so far */
    size_t ends;   /* of the trailers so far */
} tr_chunks_t;

/* 1 = that was the last of it (what is behind is not looked at), 0 = there is more, -EBADMSG = these are no chunks. */
int tr_chunks_take(tr_chunks_t *self, const char *bytes, size_t len, tr_buffer_t *out);

#endif
