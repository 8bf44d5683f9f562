/*
 * What words and vectors have found, as one ranking that is not worse than the better of them.
 *
 * Up to three lists come: what the query's own words have found (plain), what these and the words learnt from it have found (learnt), and what vectors have found.
 * Each list's scores are stretched to 0 .. 1 (of its best 100: far behind them they are noise), and added with weights. Rank fusion without weights loses to
 * the better list where the other one is weak; so the vectors get a small share, and more where the words have less to say: a query whose words
 * the namespace does not know (misspelt ones, other languages) is the vectors' to answer.
 *
 * Learnt words bring more that is about the same, but lead away from the one passage that was meant, where one was; and nothing in the scores tells
 * the two kinds of queries apart. But what is lost is lost at the very top, and what is won is won below it. So the first two places go by
 * the query's own words and the vectors, and the learnt words order the rest.
 *
 * Pure.
 */
#ifndef TR_KBD_FUSE_H
#define TR_KBD_FUSE_H

#include "kbd/store.h"

#define TR_FUSE_DEPTH 100u /* hits of each list */

typedef struct tr_kb_fused {
    int64_t chunk, document;
    double score;                   /* (lexical_part + vector_part + lead_part) * age_part */
    double lexical, learnt, vector; /* as they were found; NaN = not */
    double lexical_part, vector_part;
    double lead_part; /* what it is lifted by to one of the first two places */
    double age_part;  /* what its age leaves of the score: 0 .. 1 */
    double first;     /* what it would have without the learnt words */
} tr_kb_fused_t;

/* The vectors' share for a query of whose words (by weight) `coverage` is known: 0 .. 1. */
double tr_fuse_share(double coverage);

/* Best first. */
typedef struct tr_fuse_list {
    const tr_kb_hit_t *hits;
    size_t count;
} tr_fuse_list_t;

typedef struct tr_fuse_lists {
    tr_fuse_list_t plain, learnt, vector; /* learnt may be empty: there was nothing to learn */
    double share;                         /* of the vectors */
} tr_fuse_lists_t;

/* At most `k` results, of each document `per_document` (0 = all). Room at ret for k. Returns how many, or -ENOMEM. */
int64_t tr_fuse(const tr_fuse_lists_t *lists, size_t per_document, size_t k, tr_kb_fused_t *ret);

#endif
