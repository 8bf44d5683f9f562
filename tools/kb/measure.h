/*
 * How good a ranking is, as TREC measures it (trec_eval): nDCG with linear gains and log2 discounts, recall and reciprocal rank where a gain
 * over 0 is relevant.
 */
#ifndef TR_TOOLS_KB_MEASURE_H
#define TR_TOOLS_KB_MEASURE_H

#include <stddef.h>

typedef struct tr_kb_measures {
    double ndcg, recall, rr;
} tr_kb_measures_t;

/* `ranked`: the gains of what was found, the first result first (0 = not judged); `judged`: all gains that are to be had, which it sorts.
 * Both only up to rank k; the reciprocal rank too. Nothing relevant in `judged`: all are 0. */
tr_kb_measures_t tr_kb_measure(
    const double *ranked, size_t ranked_count, double *judged, size_t judged_count, size_t k);

#endif
