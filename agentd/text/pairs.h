#ifndef TR_TEXT_PAIRS_H
#define TR_TEXT_PAIRS_H

#include "agentd/text/tokens.h"

/* Pairs of neighbouring words that both mean something ("covered work"), with nothing but blanks between
 * them. */
typedef struct tr_pair {
    uint32_t first, second; /* stems */
    uint32_t count;
} tr_pair_t;

typedef struct tr_pairs {
    tr_vocabulary_t *keys; /* "STEM STEM": its number is the index in `items` */
    tr_pair_t *items;
    size_t count, capacity;
} tr_pairs_t;

/* Returns 0 or -ENOMEM. Finish it in either case. */
int tr_pairs_init(tr_pairs_t *self, const tr_tokens_t *tokens);
void tr_pairs_finish(tr_pairs_t *self);

/* The pair that ends with a word of the tokens, or TR_VOCABULARY_NONE. */
uint32_t tr_pairs_at(const tr_pairs_t *self, const tr_tokens_t *tokens, size_t word);

#endif
