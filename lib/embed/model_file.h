/*
 * The model's file, mapped: pieces, and then all matrices in one fixed order, little-endian, as convert.py writes them.
 *
 *   0  8 bytes "TREMBED1", which is its version as well     16  u64 bytes of the pieces, with padding to 64
 *   8  u32 CRC-32 of all that follows the header            24  u64 floats after them
 *  12  u32 pieces                                           64  pieces (pieces.h), floats
 *
 * Threads: any may read.
 */
#ifndef TR_EMBED_MODEL_FILE_H
#define TR_EMBED_MODEL_FILE_H

#include "lib/base/error.h"

#include <stddef.h>
#include <stdint.h>

#define TR_EMBED_LAYERS 2
#define TR_EMBED_WIDTH  512
#define TR_EMBED_INNER  1536
#define TR_EMBED_PIECE  256 /* the width of a piece's own vector */
#define TR_EMBED_PIECES 8002
#define TR_EMBED_WAVES  (TR_EMBED_PIECE / 2)

/* A layer: all matrices have the input's width as rows. The first one is `width` 256 at its entry, and has `residual` to widen it. */
typedef struct tr_embed_layer {
    size_t width;
    const float *norm_scale, *norm_bias;           /* [width] */
    const float *qkv, *qkv_bias;                   /* [width][3 width]: queries, keys, values */
    const float *out, *out_bias;                   /* [width][512] */
    const float *residual, *residual_bias;         /* [width][512]; NULL = the input itself */
    const float *feed_norm_scale, *feed_norm_bias; /* [512] */
    const float *inner, *inner_bias;               /* [512][1536] */
    const float *outer, *outer_bias;               /* [1536][512] */
} tr_embed_layer_t;

typedef struct tr_embed_file {
    void *map;
    size_t size;
    const char *pieces;
    size_t pieces_length, pieces_count;
    const float *embeddings; /* [8002][256] */
    const float *waves;      /* [128]: the inverse wavelengths of positions */
    tr_embed_layer_t layers[TR_EMBED_LAYERS];
    const float *hidden, *hidden_bias; /* [512][512] */
} tr_embed_file_t;

/* Reads all of it once, for its sum. -EBADMSG with what is wrong, or the errno of open(2) or mmap(2). */
int tr_embed_file_open(const char *path, tr_embed_file_t *ret_file, tr_error_t *error);
void tr_embed_file_close(tr_embed_file_t *self);

#endif
