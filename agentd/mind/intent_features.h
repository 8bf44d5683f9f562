/* What a classifier sees of a text: its words, pairs of neighbours, beginnings of words, first word, length and question mark, each as
 * a hash of 64 bits (a model holds no words of its examples, and hashes of some thousand features do not meet). */
#ifndef TR_AGENTD_MIND_INTENT_FEATURES_H
#define TR_AGENTD_MIND_INTENT_FEATURES_H

#include <stddef.h>
#include <stdint.h>

#include "agentd/mind/words.h"

#define TR_INTENT_WORDS_MAX 64 /* the first ones; whoever says more has said what is wanted by then */
/* The bit of a feature that says something about words, and not only about length and punctuation. */
#define TR_INTENT_OF_WORDS     1
#define TR_INTENT_FEATURES_MAX (3 * TR_INTENT_WORDS_MAX + 6)

/* Each feature once, rising. Returns how many. */
size_t tr_intent_features(const tr_mind_words_t *words, uint64_t out[TR_INTENT_FEATURES_MAX]);

/* Turns scores into probabilities (softmax). */
void tr_intent_soften(float *scores, size_t count);

#endif
