/*
 * Searching by words. A query is the OR of its words, each weighted by how rare it is. In a large namespace words that are in more than half of
 * the chunks are left out where others remain: they say nothing, and are what takes the time.
 *
 * Feedback (RM3, Lavrenko and Croft 2001; Abdul-Jaleel et al. 2004): the best passages for the query are taken as a model of what is asked
 * for; their most telling words are added to it with the smaller part of the weight, and it is asked again. So passages are found that speak
 * of the same in other words.
 */
#include "kbd/bm25.h"
#include "kbd/store_private.h"
#include "kbd/store_words.h"
#include "lib/text/textbuf.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADING_WEIGHT 1.5 /* how much more a word in the title or heading says than one in the text */

/* ---- counting ---- */

/* FTS5 goes through all places of a word to tell in how many chunks it is: what it has told is kept as long as nothing changes. */
typedef struct counted {
    int64_t ns;
    uint64_t version;
    char stem[TR_KB_STEM_MAX];
} counted_t;

static size_t name_counted(const tr_kb_namespace_t *ns, const char *stem, size_t stem_len, counted_t *out) {
    *out = (counted_t){.ns = ns->number, .version = ns->version};
    memcpy(out->stem, stem, stem_len);
    return offsetof(counted_t, stem) + stem_len;
}

static int count_word(tr_kb_store_t *self, const tr_kb_namespace_t *ns, sqlite3_stmt *s, const char *stem,
    size_t stem_len, double *ret_chunks, tr_error_t *error) {
    counted_t name;
    size_t len = name_counted(ns, stem, stem_len, &name);
    const tr_lru_entry_t *known = tr_lru_use(&self->counted, (const char *)&name, len);
    if (known) {
        memcpy(ret_chunks, known->value, sizeof *ret_chunks);
        return 0;
    }
    sqlite3_bind_text(s, 1, stem, (int)stem_len, SQLITE_STATIC);
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW)
        *ret_chunks = sqlite3_column_double(s, 0);
    int rc = tr_kb_end(self, s, step, error);
    if (rc == 0) /* without memory it is counted again, ignoring */
        tr_lru_put(&self->counted, (const char *)&name, len, ret_chunks, sizeof *ret_chunks);
    return rc;
}

static int open_count(
    tr_kb_store_t *self, const tr_kb_namespace_t *ns, sqlite3_stmt **ret, tr_error_t *error) {
    char sql[96];
    snprintf(sql, sizeof sql, "SELECT doc FROM vocabulary_%lld WHERE term = ?", (long long)ns->number);
    return tr_kb_prepare(self, sql, ret, error);
}

int tr_kb_words_count(
    tr_kb_store_t *self, const tr_kb_namespace_t *ns, tr_kb_words_t *words, tr_error_t *error) {
    sqlite3_stmt *s = NULL;
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    if (!tr_kb_index_exists(self, ns))
        return 0;
    int rc = open_count(self, ns, &s, error);
    while (rc == 0 && (slot = tr_map_next(&words->places, &cursor)))
        rc = count_word(self, ns, s, slot->key, slot->key_len, &words->items[slot->value - 1].chunks, error);
    sqlite3_finalize(s);
    return rc;
}

int tr_kb_stem_count(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const char *stem, size_t len,
    double *ret_chunks, tr_error_t *error) {
    sqlite3_stmt *s = NULL;
    *ret_chunks = 0;
    if (len > TR_KB_STEM_MAX || !tr_kb_index_exists(self, ns))
        return 0;
    int rc = open_count(self, ns, &s, error);
    if (rc == 0)
        rc = count_word(self, ns, s, stem, len, ret_chunks, error);
    sqlite3_finalize(s);
    return rc;
}

int tr_kb_words_total(
    tr_kb_store_t *self, const tr_kb_namespace_t *ns, uint64_t *ret_total, tr_error_t *error) {
    long long n = ns->number;
    char sql[96];
    sqlite3_stmt *s = NULL;
    *ret_total = 0;
    if (!tr_kb_index_exists(self, ns))
        return 0;
    snprintf(sql, sizeof sql, "SELECT bm25t(words_%lld) FROM words_%lld LIMIT 1", n, n);
    int rc = tr_kb_prepare(self, sql, &s, error);
    if (rc < 0)
        return rc;
    int step = sqlite3_step(s);
    *ret_total = step == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
    rc = tr_kb_end(self, s, step, error);
    sqlite3_finalize(s);
    return rc;
}

/* ---- one search ---- */

typedef struct gather {
    tr_kb_hit_t *hits;
    size_t count, k, per_document;
} gather_t;

static void take_hit(gather_t *g, tr_kb_hit_t hit) {
    size_t before = 0;
    for (size_t i = 0; i < g->count && g->per_document; i++)
        before += g->hits[i].document == hit.document;
    if (!g->per_document || before < g->per_document)
        g->hits[g->count++] = hit;
}

static int run_match(tr_kb_store_t *self, sqlite3_stmt *s, gather_t *g, tr_error_t *error) {
    int step = SQLITE_DONE, rc = 0;
    while (g->count < g->k && rc == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        tr_kb_hit_t hit = {.chunk = sqlite3_column_int64(s, 0), .score = sqlite3_column_double(s, 1)};
        rc = tr_kb_document_of(self, hit.chunk, &hit.document, error);
        if (rc == 0)
            take_hit(g, hit);
    }
    int ended = tr_kb_end(self, s, g->count < g->k ? step : SQLITE_ROW, rc < 0 ? NULL : error);
    return rc < 0 ? rc : ended;
}

/* As FTS5 reads it: the words in quotes, by OR. */
static void write_match(const tr_kb_match_t *match, tr_textbuf_t *out) {
    for (size_t i = 0; i < match->count; i++) {
        tr_textbuf_add_string(out, i ? " OR \"" : "\"");
        tr_textbuf_add_string(out, match->texts[i]);
        tr_textbuf_add_string(out, "\"");
    }
}

static char *search_sql(const tr_kb_namespace_t *ns, const tr_filter_t *filter) {
    long long n = ns->number;
    char *passing =
        filter->sql.length
            ? sqlite3_mprintf(" AND rowid IN (SELECT c.number FROM document d JOIN chunk c ON c.document ="
                              " d.number WHERE d.namespace = %lld AND %s)",
                  n, filter->sql.bytes)
            : sqlite3_mprintf("");
    char *sql =
        passing ? sqlite3_mprintf("SELECT rowid, bm25w(words_%lld, %f, ?, ?) AS score FROM words_%lld WHERE"
                                  " words_%lld MATCH ?%s ORDER BY score DESC, rowid",
                      n, HEADING_WEIGHT, n, n, passing)
                : NULL;
    sqlite3_free(passing);
    return sql;
}

int tr_kb_words_search(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const tr_kb_match_t *match,
    const tr_filter_t *filter, size_t k, size_t per_document, tr_kb_hit_t *ret_hits, size_t *ret_count,
    tr_error_t *error) {
    tr_textbuf_t text = {0};
    gather_t g = {ret_hits, 0, k, per_document};
    sqlite3_stmt *s = NULL;
    write_match(match, &text);
    bool any = match->count > 0 && tr_kb_index_exists(self, ns);
    char *sql = any ? search_sql(ns, filter) : NULL;
    int rc = text.failed || (any && !sql) ? tr_error_set(error, -ENOMEM, "out of memory")
             : sql                        ? tr_kb_prepare(self, sql, &s, error)
                                          : 0;
    if (rc == 0 && s) {
        sqlite3_bind_blob(s, 1, match->weights, (int)(match->count * sizeof *match->weights), SQLITE_STATIC);
        sqlite3_bind_double(s, 2, match->mean_length);
        tr_sqlite_bind_text(s, 3, text.bytes);
        tr_filter_bind(filter, s, 4);
        rc = run_match(self, s, &g, error);
    }
    sqlite3_finalize(s);
    sqlite3_free(sql);
    tr_textbuf_finish(&text);
    *ret_count = g.count;
    return rc;
}

/* What has one of the words: into g. */
static int search_words(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const tr_kb_words_t *words,
    const tr_kb_lexical_t *query, tr_kb_hit_t *ret_hits, size_t *ret_count, tr_error_t *error) {
    tr_kb_match_t match;
    tr_kb_words_match(ns, words, &match);
    return tr_kb_words_search(
        self, ns, &match, query->filter, query->k, query->per_document, ret_hits, ret_count, error);
}

/* ---- feedback ---- */

size_t tr_kb_hits_lead(const tr_kb_hit_t *hits, size_t count, tr_kb_hit_t ret[TR_KB_FEEDBACK_PASSAGES]) {
    gather_t g = {ret, 0, TR_KB_FEEDBACK_PASSAGES, 1};
    for (size_t i = 0; i < count && g.count < TR_KB_FEEDBACK_PASSAGES; i++)
        take_hit(&g, hits[i]);
    return g.count;
}

typedef struct reading {
    tr_kb_model_t *model;
    double weight;
    tr_error_t *error;
    int rc;
} reading_t;

static void on_passage(void *arg, const tr_kb_passage_t *p) {
    reading_t *r = arg;
    r->rc = tr_kb_model_read(r->model, r->weight, p->document->title, p->text, p->text_len, r->error);
}

static int read_passage(tr_kb_model_t *model, int64_t chunk, double weight, tr_error_t *error) {
    reading_t r = {model, weight, error, 0};
    int rc = tr_kb_passage(model->store, chunk, on_passage, &r, error);
    return r.rc < 0 ? r.rc : rc;
}

static int read_model(tr_kb_model_t *m, const tr_kb_hit_t *hits, size_t count, tr_error_t *error) {
    double sum = 0;
    int rc = 0;
    for (size_t i = 0; i < count; i++)
        sum += hits[i].score;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = read_passage(m, hits[i].chunk, sum > 0 ? hits[i].score / sum : 0, error);
    return rc < 0 ? rc : tr_kb_words_count(m->store, m->ns, &m->words, error);
}

/* What is like a chunk is found by the words that tell most of it. */
static int read_like(tr_kb_store_t *self, const tr_kb_namespace_t *ns, int64_t chunk, tr_kb_words_t *query,
    tr_error_t *error) {
    tr_kb_model_t m;
    int rc = tr_kb_model_init(&m, self, ns, query, error);
    if (rc == 0)
        rc = read_passage(&m, chunk, 1, error);
    if (rc == 0)
        rc = tr_kb_words_count(self, ns, &m.words, error);
    if (rc == 0)
        rc = tr_kb_model_be_query(&m, query, error);
    tr_kb_model_finish(&m);
    return rc;
}

/* Adds to the query what the passages that it has found say. *ret_any: there was something. */
static int learn(tr_kb_store_t *self, const tr_kb_namespace_t *ns, tr_kb_words_t *query,
    const tr_kb_hit_t *hits, size_t count, bool *ret_any, tr_error_t *error) {
    tr_kb_hit_t best[TR_KB_FEEDBACK_PASSAGES];
    tr_kb_model_t m;
    if (tr_kb_hits_lead(hits, count, best) < TR_KB_FEEDBACK_PASSAGES)
        return 0; /* too few to learn from */
    int rc = tr_kb_model_init(&m, self, ns, query, error);
    if (rc == 0)
        rc = read_model(&m, best, TR_KB_FEEDBACK_PASSAGES, error);
    if (rc == 0)
        rc = tr_kb_model_blend(&m, query, ret_any, error);
    tr_kb_model_finish(&m);
    return rc;
}

/* Asks once more with what the first answer has taught. */
static int ask_again(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const tr_kb_lexical_t *query,
    tr_kb_words_t *words, const tr_kb_hit_t *hits, size_t count, tr_error_t *error) {
    bool any = false;
    *query->ret_learnt_count = 0;
    int rc = learn(self, ns, words, hits, count, &any, error);
    return rc == 0 && any
               ? search_words(self, ns, words, query, query->ret_learnt, query->ret_learnt_count, error)
               : rc;
}

/* The words that are asked for, with how many chunks have each. */
static int read_query(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const tr_kb_lexical_t *query,
    tr_kb_words_t *words, tr_error_t *error) {
    size_t own;
    if (!query->text)
        return read_like(self, ns, query->like, words, error);
    int rc = tr_kb_words_query(self, ns, words, query, &own, error);
    if (rc == 0)
        rc = tr_kb_words_count(self, ns, words, error);
    if (rc == 0 && query->ret_coverage)
        *query->ret_coverage = tr_kb_words_coverage(ns, words, own);
    return rc;
}

int tr_kb_lexical(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const tr_kb_lexical_t *query,
    tr_kb_hit_t *ret_hits, size_t *ret_count, tr_error_t *error) {
    tr_kb_words_t words;
    size_t count = 0;
    int rc = tr_kb_words_init(&words, TR_KB_MATCH_WORDS) ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0)
        rc = read_query(self, ns, query, &words, error);
    if (rc == 0)
        rc = search_words(self, ns, &words, query, ret_hits, &count, error);
    if (rc == 0 && query->ret_learnt)
        rc = ask_again(self, ns, query, &words, ret_hits, count, error);
    tr_kb_words_finish(&words);
    if (rc == 0)
        *ret_count = count;
    return rc;
}
