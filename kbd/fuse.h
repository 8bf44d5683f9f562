/*
 * What words and vectors have found, as one ranking that is not worse than the better of them.
 *
 * Up to three lists come: what the query's own words have found (plain), what these and the words learnt from it have found (learnt), and what vectors have found.
 * Each list's scores are stretched to 0 .. 1 (of its best 100: far behind them they are noise), and added with weights. Rank fusion without weights loses to
 * the better list where the other one is weak, and no fixed weights are right for all collections: an encoder of sentences is the better one for sentences, and hardly
 * of use for pages, of which it has read the beginning. How good it is shows in its own scores. Where the nearest stands out from the hundredth, it has told them
 * apart; where all are about as near, it has not. So by that contrast the vectors get their share; and some more where the words have less to say, as the namespace
 * does not know them (misspelt ones, other languages).
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

/* Best first. */
typedef struct tr_fuse_list {
    const tr_kb_hit_t *hits;
    size_t count;
} tr_fuse_list_t;

/* The vectors' share for a query: by how far the best of what they have found stands out, and by how much of the query's words (by weight) is known, `coverage`.
 * 0 .. 1. Scores are cosines. */
double tr_fuse_share(const tr_fuse_list_t *vector, double coverage);

typedef struct tr_fuse_lists {
    tr_fuse_list_t plain, learnt, vector; /* learnt may be empty: there was nothing to learn */
    double share;                         /* of the vectors */
} tr_fuse_lists_t;

/* At most `k` results, of each document `per_document` (0 = all). Room at ret for k. Returns how many, or -ENOMEM. */
int64_t tr_fuse(const tr_fuse_lists_t *lists, size_t per_document, size_t k, tr_kb_fused_t *ret);

#endif
