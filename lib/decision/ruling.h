/*
 * What a count decides, by rules that were fixed before it: whether enough took part, whether the best option has
 * support enough, and what becomes of several that are equally good. Pure.
 */
#ifndef TR_DECISION_RULING_H
#define TR_DECISION_RULING_H

#include "lib/decision/count.h"

typedef enum tr_tie {
    TR_TIE_NONE,  /* nothing is decided */
    TR_TIE_FIRST, /* the one that was listed first */
    TR_TIE_LOT,   /* one by lot: the same for the same `lot`, which must be fixed before anybody votes */
    TR_TIE_KEEP,  /* `keep`, what there is already, if it is among them; else as TR_TIE_NONE */
} tr_tie_t;

/* By tr_tie_t, ended by NULL. */
extern const char *const tr_tie_words[];

/*
 * Rules have editions: what was asked by an older one is decided by it whenever it is counted again. Edition 1 differs in this: who
 * delegates does not count for `quorum`; where nobody is for any option, one is still best; and support is cut to millionths
 * before it is compared with `majority`.
 */
#define TR_EDITION 2u

typedef struct tr_rules {
    unsigned edition; /* 1 to TR_EDITION; 0 = the newest */
    size_t
        quorum; /* voters that must take part: by a ballot, with those that abstain, or by one to whom they delegated */
    uint64_t electorate;   /* weight of all who may vote, for quorum_share */
    uint32_t quorum_share; /* of it, in millionths, that must take part, with those that abstain */
    uint32_t
        majority; /* support (tr_count_support) that the best option must have MORE than, in millionths; 0 = any */
    tr_tie_t tie;
    uint64_t lot;
    size_t keep;
} tr_rules_t;

typedef enum tr_verdict {
    TR_VERDICT_DECIDED,
    TR_VERDICT_NO_BALLOTS, /* or only such that abstain, or are for nothing */
    TR_VERDICT_NO_QUORUM,
    TR_VERDICT_TIED,
    TR_VERDICT_NO_MAJORITY,
} tr_verdict_t;

extern const char *const tr_verdict_words[];

typedef struct tr_ruling {
    tr_verdict_t verdict;
    size_t winner;      /* of DECIDED; of NO_MAJORITY the one that has too little */
    const size_t *best; /* the options in the first place, in their order; in the arena */
    size_t best_count;
    uint32_t support; /* of the winner, or of the first of the best: see tr_count_support */
} tr_ruling_t;

/* 0, or -ENOMEM. rules: NULL = none. */
int tr_decide(const tr_count_t *count, const tr_rules_t *rules, tr_arena_t *arena, tr_ruling_t *ret);
/* A sentence for people: which option, by what, how clearly, or why none. names: of the options. */
void tr_ruling_explain(const tr_ruling_t *self, const tr_count_t *count, const tr_rules_t *rules,
    const char *const *names, char *out, size_t size);

#endif
