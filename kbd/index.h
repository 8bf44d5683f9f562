/*
 * The vectors of one namespace in memory: segments that change no more (segment.h), and a delta of those that came since, which are compared
 * one by one.
 *
 * Who searches takes a view: the segments and the blocks of the delta as they are, and how many vectors of the delta there are. The one
 * thread that owns the index goes on adding behind that number; a view that is held keeps what it shows. A plan says what a new segment is
 * to be made of; the builder reads from the plan's view, and the result is installed in the place of what it was made of.
 *
 * Chunks come in any order, each once. What is removed from the store stays until a plan leaves it out (dead).
 */
#ifndef TR_KBD_INDEX_H
#define TR_KBD_INDEX_H

#include "kbd/segment.h"

#define TR_INDEX_BLOCK    1024u /* vectors of the delta in one piece */
#define TR_INDEX_SEGMENTS 24u

typedef struct tr_index tr_index_t;
typedef struct tr_view tr_view_t;

/* NULL when out of memory. */
tr_index_t *tr_index_new(size_t dimensions);
void tr_index_destroy(tr_index_t **self); /* NULL-safe; views live on */

/* ---- the owner's thread ---- */

int tr_index_add(tr_index_t *self, int64_t chunk, const float *vector); /* 0 or -ENOMEM */
size_t tr_index_dimensions(const tr_index_t *self);
size_t tr_index_count(const tr_index_t *self);
size_t tr_index_delta(const tr_index_t *self);
size_t tr_index_segments(const tr_index_t *self);
/* A segment that was read from its file. 0, -ENOSPC: there are too many, -ENOMEM. */
int tr_index_append(tr_index_t *self, tr_segment_t *segment, uint64_t sequence);

/* Which of the segments' vectors live: none from begin on, but for those that were seen; then those that were not are dead. A plan that is made
 * in between leaves out nobody. */
int tr_index_census_begin(tr_index_t *self);               /* 0 or -ENOMEM */
bool tr_index_census_see(tr_index_t *self, int64_t chunk); /* false: no segment has it */
size_t tr_index_census_end(tr_index_t *self);              /* how many are dead */

typedef struct tr_index_plan {
    tr_view_t *view;                  /* owned */
    size_t first, count;              /* segments of the view that go into the new one, up to its last */
    size_t blocks, delta;             /* of the view's delta: whole blocks, but for a plan of everything */
    size_t vectors;                   /* in all of them, less the dead */
    uint8_t *dead[TR_INDEX_SEGMENTS]; /* owned: a bit for each vector; NULL: all live */
    uint64_t replaced[TR_INDEX_SEGMENTS]; /* their sequence numbers; 0 = has no file */
} tr_index_plan_t;

typedef enum tr_index_wish {
    TR_INDEX_IF_FULL,  /* the delta holds `seal` vectors */
    TR_INDEX_IF_LOOSE, /* there is more than one part, and the small ones are a tenth of all */
    TR_INDEX_ALL,
} tr_index_wish_t;
/* False: there is nothing to do. To be finished. */
bool tr_index_plan(tr_index_t *self, tr_index_wish_t wish, size_t seal, tr_index_plan_t *ret_plan);
/* In the place of what the plan names; takes the segment (NULL: nothing was left to put there). 0 or -ENOMEM: all stays as it was. */
int tr_index_install(tr_index_t *self, const tr_index_plan_t *plan, tr_segment_t *segment, uint64_t sequence);
void tr_index_plan_finish(tr_index_plan_t *plan);

/* All is in one segment, or nowhere, and nobody in it is known to be dead: a plan of everything would gain nothing. */
bool tr_index_is_whole(const tr_index_t *self);

/* As it is now; to be released. NULL: out of memory. */
tr_view_t *tr_index_view(tr_index_t *self, size_t *ret_delta);

/* ---- any thread ---- */

void tr_view_release(tr_view_t **self); /* NULL-safe */
size_t tr_view_count(const tr_view_t *self, size_t delta);
size_t tr_view_dimensions(const tr_view_t *self);
/* What the plan wants: a segment, or NULL where nothing lives. Errors as tr_segment_build. */
int tr_index_plan_build(const tr_index_plan_t *plan, tr_segment_progress_fn progress, void *arg,
    tr_segment_t **ret_segment, tr_error_t *error);
/* For each of n queries the k nearest of all, as tr_segment_search. */
int tr_view_search(const tr_view_t *self, size_t delta, size_t n, const float *queries, size_t k,
    int64_t *ret_chunks, float *ret_scores);
/* The same of one query among some chunks (rising), each compared. How many were found. */
size_t tr_view_scan(const tr_view_t *self, size_t delta, const float *query, const int64_t *chunks,
    size_t count, size_t k, int64_t *ret_chunks, float *ret_scores);

#endif
