/*
 * What words have found and what vectors have found, as one ranking. Each list's scores are stretched to 0 .. 1 (of its best 100: far behind them they
 * are noise), and added with weights. Rank fusion without weights loses to the better of the two where the other one is weak; so the vectors
 * get a share that is known to be good for their model, and more where the words have less to say: a query whose words the
 * namespace does not know (misspelt ones, other languages) is the vectors' to answer.
 *
 * Pure.
 */
#ifndef TR_KBD_FUSE_H
#define TR_KBD_FUSE_H

#include "kbd/store.h"

#define TR_FUSE_DEPTH 100u /* hits of each list */

typedef struct tr_kb_fused {
    int64_t chunk, document;
    double score;           /* lexical_part + vector_part */
    double lexical, vector; /* as they were found; NaN = not */
    double lexical_part, vector_part;
    double age_part; /* what its age leaves of the score: 0 .. 1 */
} tr_kb_fused_t;

/* The vectors' share for a model ("ngrams-1") and a query of whose words (by weight) `coverage` is known: 0 .. 1. */
double tr_fuse_share(const char *model, double coverage);

/* The two lists, best first; at most `k` results, of each document `per_document` (0 = all). Room at ret for k. Returns how many, or
 * -ENOMEM. */
int64_t tr_fuse(const tr_kb_hit_t *lexical, size_t lexical_count, const tr_kb_hit_t *vector,
    size_t vector_count, double share, size_t per_document, size_t k, tr_kb_fused_t *ret);

#endif
