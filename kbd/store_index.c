/*
 * The full-text index: one FTS5 table for each namespace, so that what is common in one does not count in another, and a small one is as
 * fast as if it were alone. The tables hold no texts ("contentless"): those are in the documents.
 *
 * A query is the OR of its words. In a large namespace words that are in more than half of the chunks are left out where others remain: BM25
 * gives them no weight, and they are what takes the time.
 */
#include "kbd/store_private.h"

#include "kbd/stem.h"
#include "lib/text/textbuf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY      1000u /* chunks: below that even the most frequent words cost nothing */
#define WORDS_MAX 64    /* of a query; those behind are left out */

/* How much more a word in the title or heading says than one in the text. */
#define HEADING_WEIGHT 1.5

int tr_kb_index_make(tr_kb_store_t *self, const tr_kb_namespace_t *ns, tr_error_t *error) {
    long long n = ns->number;
    return tr_kb_execute(self, error,
        "CREATE VIRTUAL TABLE words_%lld USING fts5(heading, text, content='', tokenize='stem %s');"
        "CREATE VIRTUAL TABLE vocabulary_%lld USING fts5vocab(words_%lld, row)",
        n, ns->language, n, n);
}

int tr_kb_index_drop(tr_kb_store_t *self, const tr_kb_namespace_t *ns, tr_error_t *error) {
    long long n = ns->number;
    return tr_kb_execute(self, error, "DROP TABLE vocabulary_%lld; DROP TABLE words_%lld", n, n);
}

/* "title\nheading", to be freed; NULL when out of memory. */
static char *head_of(const tr_kb_indexed_t *indexed) {
    return sqlite3_mprintf("%s\n%s", indexed->title, indexed->heading ? indexed->heading : "");
}

int tr_kb_index_write(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const tr_kb_indexed_t *indexed,
    bool remove, tr_error_t *error) {
    long long n = ns->number;
    sqlite3_stmt *s = NULL;
    char sql[160], *head = head_of(indexed);
    if (remove)
        snprintf(sql, sizeof sql,
            "INSERT INTO words_%lld (words_%lld, rowid, heading, text) VALUES ('delete', ?, ?, ?)", n, n);
    else
        snprintf(sql, sizeof sql, "INSERT INTO words_%lld (rowid, heading, text) VALUES (?, ?, ?)", n);
    int rc = head ? tr_kb_prepare(self, sql, &s, error) : tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0) {
        sqlite3_bind_int64(s, 1, indexed->chunk);
        tr_kb_bind_text(s, 2, head);
        sqlite3_bind_text64(s, 3, indexed->text, indexed->text_len, SQLITE_STATIC, SQLITE_UTF8);
        rc = tr_kb_run(self, s, error);
    }
    sqlite3_finalize(s);
    sqlite3_free(head);
    return rc;
}

/* ---- queries ---- */

typedef struct word {
    char stem[64];
    size_t from, to; /* in the query */
    uint64_t chunks; /* that have it */
} word_t;

typedef struct words {
    word_t items[WORDS_MAX];
    size_t count;
} words_t;

static bool take_word(void *arg, const char *stem, size_t length, size_t from, size_t to) {
    words_t *words = arg;
    if (length >= sizeof words->items->stem)
        return true; /* no text has a word that long but by accident */
    for (size_t i = 0; i < words->count; i++)
        if (strlen(words->items[i].stem) == length && memcmp(words->items[i].stem, stem, length) == 0)
            return true;
    word_t *word = &words->items[words->count++];
    *word = (word_t){.from = from, .to = to};
    memcpy(word->stem, stem, length);
    return words->count < WORDS_MAX;
}

static int count_words(tr_kb_store_t *self, const tr_kb_namespace_t *ns, words_t *words, tr_error_t *error) {
    char sql[96];
    sqlite3_stmt *s = NULL;
    snprintf(sql, sizeof sql, "SELECT doc FROM vocabulary_%lld WHERE term = ?", (long long)ns->number);
    int rc = tr_kb_prepare(self, sql, &s, error);
    for (size_t i = 0; i < words->count && rc == 0; i++) {
        tr_kb_bind_text(s, 1, words->items[i].stem);
        int step = sqlite3_step(s);
        if (step == SQLITE_ROW)
            words->items[i].chunks = (uint64_t)sqlite3_column_int64(s, 0);
        rc = tr_kb_end(self, s, step, error);
    }
    sqlite3_finalize(s);
    return rc;
}

/* As FTS5 reads it: the words in quotes, by OR. Nothing: none of them is in any chunk. */
static void write_match(
    const tr_kb_namespace_t *ns, const char *query, const words_t *words, tr_textbuf_t *out) {
    size_t rare = 0;
    for (size_t i = 0; i < words->count; i++)
        rare += words->items[i].chunks && 2 * words->items[i].chunks <= ns->chunks;
    for (size_t i = 0; i < words->count; i++) {
        const word_t *word = &words->items[i];
        if (!word->chunks || (rare && ns->chunks > MANY && 2 * word->chunks > ns->chunks))
            continue;
        tr_textbuf_add_string(out, out->length ? " OR \"" : "\"");
        tr_textbuf_add(out, query + word->from, word->to - word->from);
        tr_textbuf_add_string(out, "\"");
    }
}

static int match_of(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const char *query, tr_textbuf_t *out,
    tr_error_t *error) {
    words_t *words = calloc(1, sizeof *words);
    int rc = words ? tr_stem_words(self->db, ns->language, query, strlen(query), take_word, words) : -ENOMEM;
    if (rc < 0)
        tr_error_set(error, rc, "the query cannot be read: %s", strerror(-rc));
    if (rc == 0)
        rc = count_words(self, ns, words, error);
    if (rc == 0)
        write_match(ns, query, words, out);
    free(words);
    return rc == 0 && out->failed ? tr_error_set(error, -ENOMEM, "out of memory") : rc;
}

/* ---- searching ---- */

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

static int document_of(tr_kb_store_t *self, int64_t chunk, int64_t *ret_document, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_CHUNK_DOC];
    sqlite3_bind_int64(s, 1, chunk);
    int step = sqlite3_step(s);
    *ret_document = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    return tr_kb_end(self, s, step, error);
}

static int run_match(tr_kb_store_t *self, sqlite3_stmt *s, gather_t *g, tr_error_t *error) {
    int step = SQLITE_DONE, rc = 0;
    while (g->count < g->k && rc == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        tr_kb_hit_t hit = {.chunk = sqlite3_column_int64(s, 0), .score = -sqlite3_column_double(s, 1)};
        rc = document_of(self, hit.chunk, &hit.document, error);
        if (rc == 0)
            take_hit(g, hit);
    }
    int ended = tr_kb_end(self, s, g->count < g->k ? step : SQLITE_ROW, rc < 0 ? NULL : error);
    return rc < 0 ? rc : ended;
}

static char *search_sql(const tr_kb_namespace_t *ns, const tr_filter_t *filter) {
    long long n = ns->number;
    char *passing =
        filter->sql.length
            ? sqlite3_mprintf(" AND rowid IN (SELECT c.number FROM document d JOIN chunk c ON c.document ="
                              " d.number WHERE d.namespace = %lld AND %s)",
                  n, filter->sql.bytes)
            : sqlite3_mprintf("");
    char *sql = passing
                    ? sqlite3_mprintf("SELECT rowid, bm25(words_%lld, %f, 1.0) AS score FROM words_%lld WHERE"
                                      " words_%lld MATCH ?%s ORDER BY score, rowid",
                          n, HEADING_WEIGHT, n, n, passing)
                    : NULL;
    sqlite3_free(passing);
    return sql;
}

int tr_kb_lexical(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const char *query,
    const tr_filter_t *filter, size_t per_document, size_t k, tr_kb_hit_t *ret_hits, size_t *ret_count,
    tr_error_t *error) {
    gather_t g = {ret_hits, 0, k, per_document};
    tr_textbuf_t match = {0};
    sqlite3_stmt *s = NULL;
    char *sql = NULL;
    *ret_count = 0;
    int rc = match_of(self, ns, query, &match, error);
    if (rc == 0 && match.length) {
        sql = search_sql(ns, filter);
        rc = sql ? tr_kb_prepare(self, sql, &s, error) : tr_error_set(error, -ENOMEM, "out of memory");
    }
    if (rc == 0 && s) {
        tr_kb_bind_text(s, 1, match.bytes);
        tr_filter_bind(filter, s, 2);
        rc = run_match(self, s, &g, error);
    }
    sqlite3_finalize(s);
    sqlite3_free(sql);
    tr_textbuf_finish(&match);
    if (rc == 0)
        *ret_count = g.count;
    return rc;
}
