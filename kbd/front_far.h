/* A search over all shards: what front_search.c, which asks, and front_answer.c, which puts together, share. */
#ifndef TR_KBD_FRONT_FAR_H
#define TR_KBD_FRONT_FAR_H

#include "kbd/search.h"
#include "kbd/store_words.h"

typedef struct tr_kb_aged {
    int64_t document, changed_ms;
} tr_kb_aged_t;

typedef struct tr_kb_far {
    tr_kb_errand_t errand; /* first */
    tr_kb_search_t search;
    tr_kb_namespace_t *ns; /* the search's */
    uint64_t words_total;
    tr_kb_words_t words;
    tr_kb_model_t model;
    size_t own;         /* of the words, that are the query's */
    tr_kb_aged_t *aged; /* owned */
    size_t aged_count;
    bool mute;          /* there are no vectors for the query */
    bool keyed;         /* the search has a key: its answer may be kept */
    size_t asked_words; /* questions of the round that come before those for vectors */
    bool surveyed;      /* it is known whose copies are asked */
    unsigned restarts;
} tr_kb_far_t;

static inline const tr_kb_front_t *tr_kb_far_front(const tr_kb_far_t *f) {
    return &f->errand.kbd->front;
}

/* Of a round, one question each (of two kinds two): one to each shard and, where copies stand in for one, one for those of each. */
static inline size_t tr_kb_far_spots(const tr_kb_far_t *f) {
    return f->errand.spot_count;
}

static inline bool tr_kb_far_is_there(const tr_kb_far_t *f, size_t spot) {
    return !f->errand.missing[f->errand.spots[spot].shard];
}

static inline int64_t tr_kb_far_number(int64_t number, size_t spot) {
    return number * (int64_t)TR_KB_SPOTS_MAX + (int64_t)spot;
}

/* Of a number that was made so: where it is, and what it is there. */
static inline size_t tr_kb_far_spot(int64_t number) {
    return (size_t)(number % (int64_t)TR_KB_SPOTS_MAX);
}

static inline int64_t tr_kb_far_own(int64_t number) {
    return number / (int64_t)TR_KB_SPOTS_MAX;
}

/* ---- front_answer.c ---- */

/* Both end it. */
void tr_kb_far_fail(tr_kb_far_t *f, const tr_error_t *error);
void tr_kb_far_fail_memory(tr_kb_far_t *f);
/* The i-th question of a round: what it is to do, in the namespace, and so many entries that are written next. */
tr_content_writer_t *tr_kb_far_ask(tr_kb_far_t *f, size_t i, size_t spot, const char *action, size_t entries);
/* With half of the time that is left: who says nothing in it leaves time for the others. */
void tr_kb_far_send(tr_kb_far_t *f, tr_gather_fn done);
/* A round has come back; false: it has ended. Of several questions to a shard (i, i + count ...), one that is not answered is enough. */
bool tr_kb_far_take(tr_kb_far_t *f);
/* ---- front_search.c ---- */

/* From the beginning, because a shard has gone whose copies others have. */
void tr_kb_far_begin(tr_kb_far_t *f);

/* ---- front_answer.c ---- */

/* The best of all, out of the lists that were answered to the questions from .. from + count. -ENOMEM. */
int tr_kb_far_merge(tr_kb_far_t *f, size_t from, tr_kb_hit_t *ret, size_t *ret_count);
/* All lists are there: the results are put together, asked for, and told. */
void tr_kb_far_conclude(tr_kb_far_t *f);
/* Answers with the results that were written. */
void tr_kb_far_put(tr_kb_far_t *f, size_t written);
/* When a document was changed, as its shard has said. */
int tr_kb_far_changed(tr_kb_search_t *s, int64_t document, int64_t *ret_changed_ms, tr_error_t *error);

#endif
