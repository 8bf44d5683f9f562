/*
 * The mood of a text, by a lexicon of words with weights; negation, intensity, "but" and exclamation marks change them. After the
 * rules of VADER (Hutto & Gilbert, 2014), with a lexicon of our own (data/sentiment.txt). English; a text in another language is
 * neutral.
 */
#ifndef TR_AGENTD_MIND_SENTIMENT_H
#define TR_AGENTD_MIND_SENTIMENT_H

#include <stddef.h>

#include "agentd/mind/words.h"
#include "lib/base/error.h"

typedef struct tr_sentiment tr_sentiment_t;

/* Of a lexicon in the form of data/sentiment.txt; NULL: the built-in one. -EBADMSG (the error says where), -ENOMEM. */
int tr_sentiment_new(const char *lexicon, size_t length, tr_sentiment_t **ret_self, tr_error_t *error);
void tr_sentiment_destroy(tr_sentiment_t **self);

/* -1 (as bad as can be) .. 1. May be called from several threads. */
double tr_sentiment_score(const tr_sentiment_t *self, const tr_mind_words_t *words);
/* "positive", "neutral" (between -0.05 and 0.05) or "negative". */
const char *tr_sentiment_label(double score);

#endif
