/* What search.c and front_search.c share: a search, from its message to its answer. */
#ifndef TR_KBD_SEARCH_H
#define TR_KBD_SEARCH_H

#include "kbd/fuse.h"
#include "kbd/kbd.h"

#define TR_KB_ANSWER_MAX ((size_t)3 << 20) /* bytes; results behind it are left out, and that is told */
#define TR_KB_WITH_CREW  64u               /* searches that run at once */

typedef enum tr_kb_search_mode {
    TR_KB_HYBRID,
    TR_KB_LEXICAL,
    TR_KB_VECTORS,
    TR_KB_MODES,
} tr_kb_search_mode_t;

typedef struct tr_kb_search tr_kb_search_t;

struct tr_kb_search {
    tr_message_t *message; /* owned */
    tr_kb_question_t question, *q;
    bool
        far; /* its passages are in other shards: `like`, `like_chunks` and `given` are put here by who asks them */
    char *query;  /* owned; NULL: by a vector alone */
    float *given; /* owned; NULL: the query's is made here */
    size_t dimensions;
    int64_t k, per_document, half_life_ms; /* 0: age does not matter */
    tr_kb_hit_t like;                      /* chunk 0: by a query */
    size_t like_chunks;                    /* of its document */
    tr_kb_term_t terms[TR_KB_TERMS_MAX];
    size_t term_count;
    tr_kb_search_mode_t mode;
    bool text, explain, brief, complete;
    bool
        doubles; /* a document may be found in two shards, of which one is told: so many more results (`spare`) are looked for */
    size_t spare;
    tr_filter_t filter;
    size_t depth; /* hits of each list */
    size_t room;  /* results */
    tr_kb_hit_t *lexical, *learnt, *vector;
    size_t lexical_count, learnt_count, vector_count;
    double coverage, share;
    tr_kb_fused_t *results;
    size_t count;
    tr_kb_cache_key_t key;
    uint64_t made;               /* as it began */
    tr_content_writer_t written; /* maps, one behind the other */
    const tr_kb_fused_t *result; /* that is written now */
    int (*changed)(tr_kb_search_t *self, int64_t document, int64_t *ret_changed_ms, tr_error_t *error);
};

/* ---- search_read.c ---- */

/* What is asked for; the namespace is known. Room for what is found. -EINVAL, -ENOENT, -ENOMEM with a text. */
int tr_kb_search_read(tr_kb_search_t *self, tr_error_t *error);
/* Of that, only the query (or the passage that is meant by `like`) and the words that it may also mean. */
int tr_kb_search_read_query(tr_kb_search_t *self, tr_error_t *error);
/* Finishes what is in it. */
void tr_kb_search_finish(tr_kb_search_t *self);

/* ---- search.c ---- */

/* The lists as one: the best results. */
int tr_kb_search_fuse(tr_kb_search_t *self, tr_error_t *error);
/* The entries `score` and, where it is wanted, `explain`, of self->result. */
void tr_kb_search_write_score(const tr_kb_search_t *self, tr_content_writer_t *w);

/* ---- front_search.c ---- */

/* Over all shards. Takes the message. */
void tr_kb_front_search(tr_kbd_t *self, tr_message_t *message);

#endif
