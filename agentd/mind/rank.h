/* How near texts are to each other by the words they share, compared by their English stems; stop words do not count. */
#ifndef TR_AGENTD_MIND_RANK_H
#define TR_AGENTD_MIND_RANK_H

#include <stddef.h>

typedef struct tr_text_span {
    const char *text; /* borrowed */
    size_t length;
} tr_text_span_t;

/* BM25 (Robertson & Zaragoza, 2009; k1 1.2, b 0.75) of each candidate for the query, with the candidates as the collection. 0 where no
 * word is shared. 0 or -ENOMEM. */
int tr_rank(tr_text_span_t query, const tr_text_span_t *candidates, size_t count, double *ret_scores);

/*
 * How much speaks for each option: the cosine of its TF-IDF vector with the chooser's profile, and with each piece of evidence. Evidence
 * counts for an option as its mood says: `moods` are -1 .. 1, and what speaks badly of an option counts against it. 0 or -ENOMEM.
 */
int tr_choose(tr_text_span_t profile, const tr_text_span_t *options, size_t count,
    const tr_text_span_t *evidence, const double *moods, size_t evidence_count, double *ret_scores);

#endif
