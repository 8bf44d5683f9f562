/*
 * The words of a query, and what the best passages teach about it: what a search does with words, but for the counting of the chunks that have them
 * and the searching itself (store_search.c, or other shards: afar_search.c).
 *
 * The order: read the query, count its words, match; for the feedback: read the best passages into a model, count the model's words, blend it into
 * the query, match once more. ns gives the language, and how many chunks there are.
 */
#ifndef TR_KBD_STORE_WORDS_H
#define TR_KBD_STORE_WORDS_H

#include "kbd/store.h"
#include "lib/base/map.h"

#define TR_KB_QUERY_WORDS       64u /* those behind are left out */
#define TR_KB_FEEDBACK_PASSAGES 3u
#define TR_KB_FEEDBACK_WORDS    32u /* that are added at most */
#define TR_KB_MATCH_WORDS       (TR_KB_QUERY_WORDS + TR_KB_FEEDBACK_WORDS)
#define TR_KB_MODEL_WORDS       2048u
#define TR_KB_STEM_MAX          64u /* bytes */

typedef struct tr_kb_word {
    char *text; /* owned: as it stood in the query or passage; the tokenizer makes the stem of it */
    double weight;
    double chunks; /* that have it */
} tr_kb_word_t;

typedef struct tr_kb_words {
    tr_kb_word_t *items; /* room for `room` */
    size_t count, room;
    tr_map_t places;  /* by stem: index + 1 */
    const char *text; /* that is read now */
    double each;      /* what an occurrence in it counts */
    bool once;        /* a word counts once, however often it is there */
    bool failed;
} tr_kb_words_t;

/* False: out of memory. To be finished in both cases. */
bool tr_kb_words_init(tr_kb_words_t *self, size_t room);
void tr_kb_words_finish(tr_kb_words_t *self); /* idempotent */
int tr_kb_words_read(tr_kb_store_t *store, const tr_kb_namespace_t *ns, tr_kb_words_t *self, const char *text,
    size_t len, tr_error_t *error);
/* A query, and the words that it may also mean; how many of them are the query's own. Room: TR_KB_MATCH_WORDS. */
int tr_kb_words_query(tr_kb_store_t *store, const tr_kb_namespace_t *ns, tr_kb_words_t *self,
    const tr_kb_lexical_t *query, size_t *ret_own, tr_error_t *error);
/* Which part of the first `count`, by how rare they are, there is. A word that no chunk has is as rare as can be. */
double tr_kb_words_coverage(const tr_kb_namespace_t *ns, const tr_kb_words_t *self, size_t count);

/* What is looked for: one of these words, each with what it counts. The texts are borrowed from the words. */
typedef struct tr_kb_match {
    const char *texts[TR_KB_MATCH_WORDS];
    float weights[TR_KB_MATCH_WORDS];
    size_t count;
    double mean_length; /* of the chunks, in words; 0 = as it is here */
} tr_kb_match_t;

void tr_kb_words_match(const tr_kb_namespace_t *ns, const tr_kb_words_t *self, tr_kb_match_t *ret);

typedef struct tr_kb_model {
    tr_kb_store_t *store;
    const tr_kb_namespace_t *ns;
    const tr_kb_words_t *query;
    tr_kb_words_t words;
    size_t bytes;   /* of the passages */
    double covered; /* of the query, by the best passage: 0 .. 1 */
} tr_kb_model_t;

/* Borrows all. -ENOMEM; to be finished in both cases. */
int tr_kb_model_init(tr_kb_model_t *self, tr_kb_store_t *store, const tr_kb_namespace_t *ns,
    const tr_kb_words_t *query, tr_error_t *error);
void tr_kb_model_finish(tr_kb_model_t *self); /* idempotent */
/* The best one first; weight: its part of them all. */
int tr_kb_model_read(
    tr_kb_model_t *self, double weight, const char *title, const char *text, size_t len, tr_error_t *error);
/* Adds what the model says to the query. A word that is in both gets both weights. *ret_any: there was something. */
int tr_kb_model_blend(tr_kb_model_t *self, tr_kb_words_t *query, bool *ret_any, tr_error_t *error);
/* Its most telling words are the query. */
int tr_kb_model_be_query(tr_kb_model_t *self, tr_kb_words_t *query, tr_error_t *error);

/* ---- store_search.c ---- */

/* In how many chunks each word is. */
int tr_kb_words_count(
    tr_kb_store_t *store, const tr_kb_namespace_t *ns, tr_kb_words_t *words, tr_error_t *error);
/* The same for one stem. */
int tr_kb_stem_count(tr_kb_store_t *store, const tr_kb_namespace_t *ns, const char *stem, size_t len,
    double *ret_chunks, tr_error_t *error);
/* How many words all chunks have together. */
int tr_kb_words_total(
    tr_kb_store_t *store, const tr_kb_namespace_t *ns, uint64_t *ret_total, tr_error_t *error);
/* The best chunks: room for k. No text may have a double quote in it. */
int tr_kb_words_search(tr_kb_store_t *store, const tr_kb_namespace_t *ns, const tr_kb_match_t *match,
    const tr_filter_t *filter, size_t k, size_t per_document, tr_kb_hit_t *ret_hits, size_t *ret_count,
    tr_error_t *error);
/* The best of hits, of each document one. */
size_t tr_kb_hits_lead(const tr_kb_hit_t *hits, size_t count, tr_kb_hit_t ret[TR_KB_FEEDBACK_PASSAGES]);

#endif
