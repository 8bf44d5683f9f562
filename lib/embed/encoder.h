/*
 * The Universal Sentence Encoder Lite (Cer et al. 2018, arXiv:1803.11175): two layers of a transformer (Vaswani et al. 2017; norms
 * before, as in tensor2tensor), the mean over the pieces, and one more layer.
 *
 * Threads: one at a time uses an encoder; the file may be shared.
 */
#ifndef TR_EMBED_ENCODER_H
#define TR_EMBED_ENCODER_H

#include "lib/embed/model_file.h"

#define TR_ENCODER_PIECES 128  /* of one part of a text, at most */
#define TR_ENCODER_ROWS   1024 /* of all parts that are encoded together */

/* Pieces that are encoded as one text. */
typedef struct tr_encoder_part {
    size_t first, count; /* in the rows */
} tr_encoder_part_t;

typedef struct tr_encoder tr_encoder_t;

/* The file is borrowed. -ENOMEM. */
int tr_encoder_new(const tr_embed_file_t *file, tr_encoder_t **ret_encoder);
void tr_encoder_destroy(tr_encoder_t **self);
/* At most TR_ENCODER_ROWS pieces (each below TR_EMBED_PIECES) in parts that cover them without gaps; 512 floats for each part to
 * `ret_vectors`, of which each lies within -1 .. 1. */
void tr_encoder_run(tr_encoder_t *self, const uint16_t *pieces, size_t rows, const tr_encoder_part_t *parts,
    size_t count, float *ret_vectors);

#endif
