/*
 * Words cut into the pieces that a model knows: the cut whose pieces are the most likely together (Kudo 2018, the unigram model of
 * SentencePiece), found word by word, because no piece crosses a blank. What no piece covers is the unknown piece, 0.
 *
 * Threads: any may read.
 */
#ifndef TR_EMBED_PIECES_H
#define TR_EMBED_PIECES_H

#include "lib/base/map.h"

#include <stdint.h>

typedef struct tr_pieces {
    tr_map_t known; /* the piece's bytes to its number and its score's bits */
    size_t longest; /* bytes */
} tr_pieces_t;

/* `count` records: a float, the length in a byte, so many bytes; those of length 0 are never found. Copies. 0, -EBADMSG, -ENOMEM; then
 * there is nothing to finish. */
int tr_pieces_init(tr_pieces_t *self, const char *bytes, size_t length, size_t count);
void tr_pieces_finish(tr_pieces_t *self);
/* The first `most` pieces of the text into `ret_pieces`; how many they are. */
size_t tr_pieces_cut(
    const tr_pieces_t *self, const char *text, size_t length, uint16_t *ret_pieces, size_t most);

#endif
