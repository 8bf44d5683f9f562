/*
 * Key terms of a document by TF-IDF: words and pairs of words that are frequent in it and rare in the others.
 *
 * score = (1 + ln count) * idf, pairs somewhat above words. A word that nearly always stands in one pair
 * ("covered" in "covered work") and a pair that is part of the same longer phrase as a better one are left
 * out. The text of a term is the form that the document writes most often.
 */
#ifndef TR_TEXT_TERMS_H
#define TR_TEXT_TERMS_H

#include "agentd/text/corpus.h"
#include "agentd/text/tokens.h"

typedef struct tr_term {
    char *text;     /* "covered work" */
    char *key;      /* "cover work": the same for all its forms, and in the corpus */
    double score;   /* 1 for the best of the document, the others in proportion */
    uint32_t count; /* how often it stands in the document */
} tr_term_t;

typedef struct tr_terms {
    tr_term_t *items; /* best first; equal scores in the order of their first mention */
    size_t count;
} tr_terms_t;

/* `corpus` may be NULL: then only the counts tell. Returns 0 or -ENOMEM. */
int tr_terms_find(const tr_tokens_t *tokens, const tr_corpus_t *corpus, size_t most, tr_terms_t *ret_terms);
void tr_terms_finish(tr_terms_t *self);

#endif
