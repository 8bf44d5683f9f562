/*
 * An embedder of two: what a sentence means, and the letters that it is written in. The sum of both vectors, weighted, is a vector of the same width: what they say
 * is added in their product, as vectors of hashed letters are as good as orthogonal to all others. On pairs of sentences that is better than either of them
 * (docs/minds.md), and a name, a number or a word that the encoder has never seen still counts.
 */
#ifndef TR_EMBED_BLEND_H
#define TR_EMBED_BLEND_H

#include "lib/embed/embed.h"

/* Takes both over, also where it fails: -ENOMEM; -EBADMSG where they have vectors of different widths. */
int tr_blend_open(tr_embed_t *meaning, tr_embed_t *letters, tr_embed_t **ret_embed);

#endif
