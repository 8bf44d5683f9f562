/*
 * The truth of a knowledge base: an SQLite file (knowledge.db in the data directory) with documents, their chunks, and a full-text
 * index for each namespace. Whoever opens it has it alone: a second process on the same directory is refused.
 *
 * What is written between begin and commit is there as a whole or not at all, and on disk when commit returns; each document that is
 * put or removed within is there as a whole or not at all by itself, so that one that cannot be written does not take the others with it.
 * What is read in between sees what was written.
 *
 * A chunk keeps its number as long as what it says (title, heading, text) is unchanged; numbers are never used again, so they may stand in
 * indexes that are kept elsewhere.
 *
 * One thread. Negative errno with the text of what SQLite says: -ENOSPC for a full disk, -EIO for a broken one.
 */
#ifndef TR_KBD_STORE_H
#define TR_KBD_STORE_H

#include "kbd/chunk.h"
#include "kbd/filter.h"
#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_KB_NAMESPACE_MAX                                                                                  \
    152u /* bytes: A-Z a-z 0-9 . _ - + ~, 128 at most; behind it `@` and a shard (places.h) */
#define TR_KB_ID_MAX       512u       /* bytes of a document's id: any text */
#define TR_KB_DOCUMENT_MAX (4u << 20) /* bytes of what is read, and of its text */

typedef struct tr_kb_store tr_kb_store_t;

typedef struct tr_kb_namespace {
    int64_t number;
    char name[TR_KB_NAMESPACE_MAX + 1];
    const char *language; /* Snowball's name, a constant */
    uint64_t version;     /* rises with each change of what is in it */
    uint64_t documents, chunks;
    size_t dimensions; /* of vectors that come with its documents; 0 = they are made here */
    uint64_t pending;  /* chunks whose vectors are to be made; only of tr_kb_namespaces */
} tr_kb_namespace_t;

/* All but text_len may be NULL where there is none; when read: borrowed until the call's end. */
typedef struct tr_kb_document {
    int64_t number; /* when read */
    const char *id, *title, *source, *format;
    const char *agent, *conversation,
        *taint;           /* who added it, in which conversation, and what is to be said of its origin */
    const char *metadata; /* an object in JSON */
    const char *text;
    size_t text_len;
    const float *
        vector; /* where those of its namespace come with the documents, which have one chunk then; not read */
    int64_t added_ms, changed_ms;
    size_t chunks;
} tr_kb_document_t;

typedef struct tr_kb_change {
    bool existed;       /* it has replaced one */
    bool unchanged;     /* and was the same: nothing was written */
    size_t added, kept; /* chunks */
    int64_t chunk;      /* the last that was added */
} tr_kb_change_t;

/* Makes the directory and the file where there are none. -EBUSY: another process has it; -ENOTSUP: it was made by a later version. */
int tr_kb_store_open(const char *directory, tr_kb_store_t **ret_store, tr_error_t *error);
void tr_kb_store_close(tr_kb_store_t **self); /* NULL-safe */

/* Does nothing where one has begun. */
int tr_kb_store_begin(tr_kb_store_t *self, tr_error_t *error);
/* Nothing to do where none has begun. After a failure all since begin is undone. */
int tr_kb_store_commit(tr_kb_store_t *self, tr_error_t *error);
bool tr_kb_store_begun(const tr_kb_store_t *self);

/* A copy of all that is committed as directory/NAME.db, which is there whole or not at all; in place of one of that name. Not between begin and
 * commit. ret_path: PATH_MAX bytes. */
int tr_kb_store_snapshot(
    tr_kb_store_t *self, const char *directory, const char *name, char *ret_path, tr_error_t *error);
/* All is as in that file, or as it was. To be closed and opened after it. -ENOENT; -EINVAL: it is no snapshot, or damaged. */
int tr_kb_store_restore(tr_kb_store_t *self, const char *path, tr_error_t *error);

/* Called for what is changed between begin and commit, whether it is kept or not: a document that is put, removed, or has got a vector; a namespace that is made
 * or is settled (id NULL), or dropped. NULL: nobody is. */
typedef void (*tr_kb_changed_fn)(void *arg, const char *ns, const char *id, bool dropped);
void tr_kb_watch(tr_kb_store_t *self, tr_kb_changed_fn changed, void *arg);
/* All since begin is undone. */
void tr_kb_store_undo(tr_kb_store_t *self);
/* "": there is none. Too long a value is cut. */
int tr_kb_setting_read(tr_kb_store_t *self, const char *name, char *ret, size_t size, tr_error_t *error);
int tr_kb_setting_write(tr_kb_store_t *self, const char *name, const char *value, tr_error_t *error);

/* ---- namespaces ---- */

/* 0, -ENOENT, -EIO. */
int tr_kb_namespace_find(tr_kb_store_t *self, const char *name, tr_kb_namespace_t *ret, tr_error_t *error);
/* The same; makes it where it is missing, with this language (NULL = english). -EEXIST: it has another one. */
int tr_kb_namespace_need(
    tr_kb_store_t *self, const char *name, const char *language, tr_kb_namespace_t *ret, tr_error_t *error);
/* Whether its vectors come with its documents, settled with the first: dimensions 0 = they are made here. -EEXIST: it is settled otherwise. */
int tr_kb_namespace_vectors(tr_kb_store_t *self, tr_kb_namespace_t *ns, size_t dimensions, tr_error_t *error);
/* With all that is in it. */
int tr_kb_namespace_drop(tr_kb_store_t *self, const tr_kb_namespace_t *ns, tr_error_t *error);
typedef void (*tr_kb_namespace_fn)(void *arg, const tr_kb_namespace_t *ns);
int tr_kb_namespaces(tr_kb_store_t *self, tr_kb_namespace_fn each, void *arg, tr_error_t *error);

/* ---- documents ---- */

/* Adds it, or replaces the one with its id. The chunks are stretches of its text. */
int tr_kb_put(tr_kb_store_t *self, tr_kb_namespace_t *ns, const tr_kb_document_t *document,
    const tr_chunk_t *chunks, size_t count, tr_kb_change_t *ret_change, tr_error_t *error);
/* 0, -ENOENT. */
int tr_kb_remove(tr_kb_store_t *self, tr_kb_namespace_t *ns, const char *id, tr_error_t *error);
/* All that pass, at most `most`; tells how many were removed. `removing` (may be NULL) is called before each. */
typedef int (*tr_kb_id_fn)(void *arg, const char *id); /* negative ends it, with a text */
int tr_kb_remove_where(tr_kb_store_t *self, tr_kb_namespace_t *ns, const tr_filter_t *filter, size_t most,
    tr_kb_id_fn removing, void *arg, size_t *ret_count, tr_error_t *error);

typedef void (*tr_kb_document_fn)(void *arg, const tr_kb_document_t *document);
/* 0, -ENOENT. With its text. */
int tr_kb_get(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const char *id, tr_kb_document_fn got,
    void *arg, tr_error_t *error);
/* Without texts, by their ids, those behind `after` ("" = from the first on). */
int tr_kb_list(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const tr_filter_t *filter, const char *after,
    size_t most, tr_kb_document_fn each, void *arg, tr_error_t *error);

/* ---- what is found ---- */

typedef struct tr_kb_hit {
    int64_t chunk, document; /* numbers */
    double score;            /* the higher the better */
} tr_kb_hit_t;

#define TR_KB_TERMS_MAX 32u

/* A word that a query may also mean. */
typedef struct tr_kb_term {
    char text[72];
    double weight; /* one of the query itself has 1 */
} tr_kb_term_t;

typedef struct tr_kb_lexical {
    const char *text; /* of the query; NULL: what is like a chunk */
    int64_t like;     /* that chunk: its most telling words are the query */
    const tr_kb_term_t *terms;
    size_t term_count; /* TR_KB_TERMS_MAX at most */
    const tr_filter_t *filter;
    size_t k, per_document; /* of each document so many at most; 0 = all */
    /* Where it is to learn more words from the best passages, and to ask again: room for `k`, and how many came of that; 0 where there was
     * nothing to learn. NULL: it is not to. */
    tr_kb_hit_t *ret_learnt;
    size_t *ret_learnt_count;
    double *ret_coverage; /* NULL, or: which part of the query's words, by how rare they are, there is */
} tr_kb_lexical_t;

/* By BM25: the best chunks that have one of the query's words and pass the filter. Room for `k` at ret_hits. 0 or negative; *ret_count may
 * be less than k: there are no more. */
int tr_kb_lexical(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const tr_kb_lexical_t *query,
    tr_kb_hit_t *ret_hits, size_t *ret_count, tr_error_t *error);
/* A chunk by its document's id and its place in it (its score is 0), and how many chunks that has. 0, -ENOENT. */
int tr_kb_chunk_find(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const char *id, size_t place,
    tr_kb_hit_t *ret_found, size_t *ret_chunks, tr_error_t *error);
/* When a document was changed last; 0 where there is none (any more). */
int tr_kb_changed_of(tr_kb_store_t *self, int64_t document, int64_t *ret_changed_ms, tr_error_t *error);
/* The document of a chunk; 0 where there is none (any more). */
int tr_kb_document_of(tr_kb_store_t *self, int64_t chunk, int64_t *ret_document, tr_error_t *error);

/* The numbers of the chunks that pass, in any order. What is not 0 ends it; negative: it is the result. */
typedef int (*tr_kb_chunk_fn)(void *arg, int64_t chunk, int64_t document);
int tr_kb_passing(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const tr_filter_t *filter,
    tr_kb_chunk_fn each, void *arg, tr_error_t *error);

/* Asks of one document after another whether it passes. */
typedef struct tr_kb_gate tr_kb_gate_t;
int tr_kb_gate_open(tr_kb_store_t *self, const tr_filter_t *filter, tr_kb_gate_t **ret_gate,
    tr_error_t *error); /* borrows the filter */
int tr_kb_gate_passes(tr_kb_gate_t *self, int64_t document, bool *ret_passes, tr_error_t *error);
void tr_kb_gate_close(tr_kb_gate_t **self); /* NULL-safe */

typedef struct tr_kb_passage {
    const tr_kb_document_t *document; /* without text */
    const char *heading, *text;
    size_t text_len, offset,
        place; /* the chunk's text; where it is in the document's; which one it is, from 0 */
} tr_kb_passage_t;
typedef void (*tr_kb_passage_fn)(void *arg, const tr_kb_passage_t *passage);
/* Its document's id, and which of its chunks it is. 0, -ENOENT. */
typedef void (*tr_kb_name_fn)(void *arg, const char *id, size_t place);
int tr_kb_chunk_name(tr_kb_store_t *self, int64_t chunk, tr_kb_name_fn got, void *arg, tr_error_t *error);
/* 0, -ENOENT. */
int tr_kb_passage(tr_kb_store_t *self, int64_t chunk, tr_kb_passage_fn got, void *arg, tr_error_t *error);

/* ---- vectors: store_vector.c ---- */

/* Whose vectors there are ("ngrams-1/512"). Where they were another model's, they are dropped, and all chunks are stale. */
int tr_kb_model_set(tr_kb_store_t *self, const char *model, tr_error_t *error);

/* ---- store_recall.c: vectors by the model (as above) and the text that they were made of, so that no text is asked for twice ---- */

/* Before the two that follow. */
int tr_kb_recall_open(tr_kb_store_t *self, tr_error_t *error);
int tr_kb_recall(tr_kb_store_t *self, const char *model, const char *text, float *ret_vector,
    size_t dimensions, bool *ret_known, tr_error_t *error);
/* Between tr_kb_store_begin and commit. The oldest go, where there are too many. */
int tr_kb_recall_put(tr_kb_store_t *self, const char *model, const char *text, const float *vector,
    size_t dimensions, tr_error_t *error);

/* ---- store_vector.c ---- */

typedef struct tr_kb_stale {
    int64_t chunk, ns;
    const char *title, *heading, *text; /* heading: NULL = none; text_len bytes */
    size_t text_len;
} tr_kb_stale_t;
/* Chunks that have no vector, at most `most`, those that were added first. False ends it. */
typedef bool (*tr_kb_stale_fn)(void *arg, const tr_kb_stale_t *stale);
int tr_kb_stale(tr_kb_store_t *self, size_t most, tr_kb_stale_fn each, void *arg, tr_error_t *error);
/* It is not stale any more. -ENOENT: the chunk was removed meanwhile. */
int tr_kb_vector_put(
    tr_kb_store_t *self, int64_t chunk, const float *vector, size_t dimensions, tr_error_t *error);
typedef int (*tr_kb_number_fn)(void *arg, int64_t chunk); /* negative ends it */
/* All of a namespace, by rising numbers of chunks; negative ends it. */
typedef int (*tr_kb_vector_fn)(void *arg, int64_t chunk, const float *vector, size_t dimensions);
int tr_kb_vectors_read(
    tr_kb_store_t *self, const tr_kb_namespace_t *ns, tr_kb_vector_fn each, void *arg, tr_error_t *error);
/* Those chunks of a namespace that have the numbers from + 1 .. to, rising. */
int tr_kb_chunks_between(tr_kb_store_t *self, int64_t ns, int64_t from, int64_t to, tr_kb_number_fn each,
    void *arg, tr_error_t *error);
/* The vector of one chunk: calls `got` where there is one. */
int tr_kb_vector_get(tr_kb_store_t *self, int64_t chunk, tr_kb_vector_fn got, void *arg, tr_error_t *error);
/* The highest number that a chunk has; 0: there is none. */
int tr_kb_last_chunk(tr_kb_store_t *self, int64_t *ret_chunk, tr_error_t *error);
/* How many chunks of a namespace have no vector yet. */
int tr_kb_pending(tr_kb_store_t *self, int64_t ns, uint64_t *ret_count, tr_error_t *error);

#endif
