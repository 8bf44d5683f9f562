/*
 * The vector indexes of all namespaces: read from their files, or made of the store, when one is first searched; sealed, merged and written
 * behind everything else.
 *
 * Life of one: a small namespace without files is read at once. Any other is READING (the crew reads its files), then CHECKING: the host's
 * thread goes through the namespace's chunks, a few at each turn, and adds those that no segment has; what a segment has and the namespace
 * has not is dead. Then it is READY. Searches meanwhile see what there is, and are told that it is not all. One that is damaged holds
 * up nobody else.
 *
 * A delta of `seal` vectors becomes a segment, together with the segments before it that are not much larger; when nothing came for a while,
 * all become one. One is made at a time. Only what is committed gets into a segment: plans are made between transactions.
 *
 * One thread: the host's.
 */
#ifndef TR_KBD_INDEXES_H
#define TR_KBD_INDEXES_H

#include "kbd/crew.h"
#include "kbd/shelf.h"
#include "kbd/store.h"
#include "lib/base/map.h"

#define TR_INDEXES_SEAL 4096

/* What is told of a namespace's index: `building` and `reading` with how far it is, then `ready`; `damaged`: files that were thrown away;
 * `unwritten`: the detail says why a segment is in memory only. */
typedef struct tr_index_news {
    const char *ns, *what;
    size_t done, total;
    const char *detail; /* NULL = none */
} tr_index_news_t;
typedef void (*tr_index_news_fn)(void *arg, const tr_index_news_t *news);

typedef struct tr_known tr_known_t;

typedef struct tr_indexes {
    tr_kb_store_t *store; /* borrowed; so is the crew */
    tr_crew_t *crew;
    tr_shelf_t shelf;
    size_t seal, dimensions;
    char model[TR_SEGMENT_MODEL_MAX + 1];
    tr_map_t known;       /* tr_known_t, by the namespace's number */
    tr_known_t *restless; /* those that have something to do, or will have */
    uint64_t serial;
    bool busy; /* a task is under way */
    struct tr_index_task *task;
    int64_t told_ms;
    tr_index_news_fn news;
    void *arg;
} tr_indexes_t;

typedef struct tr_indexes_options {
    tr_kb_store_t *store;
    tr_crew_t *crew;
    const char *data, *model;
    size_t dimensions, seal;
    tr_index_news_fn news;
    void *arg;
} tr_indexes_options_t;

int tr_indexes_init(tr_indexes_t *self, const tr_indexes_options_t *options, tr_error_t *error);
void tr_indexes_finish(tr_indexes_t *self); /* after the crew was stopped */

/* The index of a namespace; begins to read it where that was not done. ret_complete: it has all vectors that there are. Borrowed until the
 * next call. */
int tr_indexes_need(tr_indexes_t *self, const tr_kb_namespace_t *ns, tr_index_t **ret_index,
    bool *ret_complete, tr_error_t *error);
/* A vector that was put into the store. Where there is no index yet it is found when one is made. */
void tr_indexes_add(tr_indexes_t *self, int64_t ns, int64_t chunk, const float *vector);
/* What was written was not kept: all are made anew when they are needed. */
void tr_indexes_forget(tr_indexes_t *self);
/* A namespace is gone. */
void tr_indexes_drop(tr_indexes_t *self, int64_t ns);
/* It is in use: what was removed is looked for. Nothing where there is none. */
void tr_indexes_touch(tr_indexes_t *self, int64_t ns);
/* All of a namespace's segments into one, when that can be begun. False: it is not known. */
bool tr_indexes_compact(tr_indexes_t *self, int64_t ns);

/* A step of what is to be done, between transactions. When to come again: 0 at once, -1 when something happens, else in so many ms. */
int64_t tr_indexes_turn(tr_indexes_t *self);

typedef struct tr_index_state {
    const char *state; /* "none": not needed yet; "reading", "ready", "building" */
    size_t vectors, segments, delta;
} tr_index_state_t;
tr_index_state_t tr_indexes_state(const tr_indexes_t *self, int64_t ns);

#endif
