/*
 * Searching by vectors: the indexes, the threads that search them, the filter planner, and the embedder, which goes through the chunks that
 * have no vector yet, behind everything else.
 *
 * The planner: where few chunks pass a filter those are compared, all of them; where many do, the index is asked for more than are wanted and
 * each of these is checked. Where that does not give enough, those that pass are compared after all.
 *
 * One thread (the host's), but for the embedder's and the crew's own.
 */
#ifndef TR_KBD_MEANING_H
#define TR_KBD_MEANING_H

#include "kbd/crew.h"
#include "kbd/embedder.h"
#include "kbd/indexes.h"
#include "kbd/passing.h"
#include "kbd/refusals.h"
#include "kbd/store.h"

#define TR_KB_MADE 64u

typedef struct tr_kb_meaning {
    tr_kb_store_t *store; /* borrowed */
    tr_kb_embedder_t *embedder;
    tr_crew_t *crew;
    tr_indexes_t indexes;
    tr_passings_t passings;
    size_t searching; /* that are with the crew */
    bool stale;       /* there may be chunks without a vector */
    char model[192];  /* whose vectors these are, with its version and its numbers */
    int64_t pause_ms,
        until_ms;              /* the server failed: it is left alone for so long, until then (tr_clock_ms) */
    tr_error_t trouble;        /* what it said; to be told once */
    tr_refusals_t refusals;    /* texts that it does not take */
    size_t singly;             /* so many batches are of one text: one of theirs was refused */
    unsigned refused;          /* one after the other */
    int64_t rest_ms;           /* only refused ones are stale, until then (tr_clock_ms) */
    uint64_t made[TR_KB_MADE]; /* vectors since the start, by the namespace's number */
} tr_kb_meaning_t;

typedef struct tr_kb_meaning_options {
    tr_kb_store_t *store;
    tr_host_t *host;
    tr_agent_t *const *agent; /* that asks the model server, once there is one; borrowed; NULL = nobody */
    const char *data;         /* the directory */
    const char *embed_config, *embed_model; /* of a model server; borrowed; NULL = vectors are made here */
    size_t embed_dimensions;
    size_t threads;  /* that search; 0 = one less than there are processors */
    size_t builders; /* threads that build an index; 0 = as many as there are processors */
    size_t seal;     /* vectors of a delta; 0 = the usual */
    tr_index_news_fn news;
    void *arg;
} tr_kb_meaning_options_t;

/* Negative with a text: there is no model. An absent server is no failure: chunks wait for their vectors. */
int tr_kb_meaning_init(tr_kb_meaning_t *self, const tr_kb_meaning_options_t *options, tr_error_t *error);
/* Before the host is destroyed; idempotent. Whoever waits is called with -ECANCELED. */
void tr_kb_meaning_stop(tr_kb_meaning_t *self);
void tr_kb_meaning_finish(tr_kb_meaning_t *self);

/* Between transactions: gives the embedder its next batch, where there is one and it is idle, and takes a step with the indexes. When to come
 * again is as in tr_indexes_turn. Negative with a text: chunks cannot be read. */
int tr_kb_meaning_turn(tr_kb_meaning_t *self, int64_t *ret_wait_ms, tr_error_t *error);
/* Something was written: there may be chunks to embed. */
void tr_kb_meaning_written(tr_kb_meaning_t *self);
/* What was written was not kept: the indexes are made anew when they are needed. */
void tr_kb_meaning_forget(tr_kb_meaning_t *self);
/* How many numbers the vectors of a namespace have. */
size_t tr_kb_meaning_dimensions(const tr_kb_meaning_t *self, const tr_kb_namespace_t *ns);
/* Rises with each vector that is made for the namespace, or for another one. */
uint64_t tr_kb_meaning_made(const tr_kb_meaning_t *self, const tr_kb_namespace_t *ns);
/* A vector that came with a document, and was put into the store. */
void tr_kb_meaning_add(
    tr_kb_meaning_t *self, const tr_kb_namespace_t *ns, int64_t chunk, const float *vector);
void tr_kb_meaning_drop(tr_kb_meaning_t *self, const tr_kb_namespace_t *ns);

typedef struct tr_kb_near_answer {
    int rc; /* -ECANCELED: the process ends; -ENOLINK: the model server gives no vector for the text */
    const char *error;
    const tr_kb_hit_t *hits; /* the nearest first */
    size_t count;
    bool complete; /* false: the index is still being read */
} tr_kb_near_answer_t;

typedef struct tr_kb_near {
    const tr_kb_namespace_t *ns;
    const char *text;    /* what is asked for; NULL: the vector */
    const float *vector; /* of as many numbers as the namespace's have, of length 1; copied */
    size_t dimensions;
    const tr_filter_t *filter; /* borrowed until it is answered */
    size_t k;
    bool alone; /* no other search waits */
    void (*found)(void *arg, const tr_kb_near_answer_t *answer);
    void *arg;
} tr_kb_near_t;

/* Whether the model server has failed, and is left alone for now: texts have no vectors. */
bool tr_kb_meaning_mute(const tr_kb_meaning_t *self);
/* Calls `found` once, soon or at once. */
void tr_kb_meaning_search(tr_kb_meaning_t *self, const tr_kb_near_t *near);

#endif
