/*
 * The embedder that needs no file: feature hashing (Weinberger et al. 2009) of words and of the n-grams of their letters, as in
 * fastText. Words that share a stem or are misspelt come near each other; synonyms do not. Frequent English words count little.
 */
#ifndef TR_EMBED_NGRAMS_H
#define TR_EMBED_NGRAMS_H

#include "lib/embed/embed.h"

/* 0 or -ENOMEM. */
int tr_ngrams_open(tr_embed_t **ret_embed);

#endif
