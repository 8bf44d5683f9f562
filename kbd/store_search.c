/*
 * Searching by words. A query is the OR of its words, each weighted by how rare it is. In a large namespace words that are in more than half of
 * the chunks are left out where others remain: they say nothing, and are what takes the time.
 *
 * Feedback (RM3, Lavrenko and Croft 2001; Abdul-Jaleel et al. 2004): the best passages for the query are taken as a model of what is asked
 * for; their most telling words are added to it with the smaller part of the weight, and it is asked again. So passages are found that speak
 * of the same in other words.
 */
#include "kbd/bm25.h"
#include "kbd/stem.h"
#include "kbd/store_private.h"
#include "lib/base/map.h"
#include "lib/text/textbuf.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY           1000u /* chunks: below that even the most frequent words cost nothing */
#define QUERY_WORDS    64    /* those behind are left out */
#define STEM_MAX       64    /* bytes */
#define HEADING_WEIGHT 1.5   /* how much more a word in the title or heading says than one in the text */

#define FEEDBACK_PASSAGES 3
#define FEEDBACK_WORDS    32  /* that are added at most */
#define FEEDBACK_SHARE    .5  /* of the weight, of passages that are long enough */
#define FEEDBACK_LENGTH   500 /* bytes: that is long enough; a sentence says hardly more than the query */
#define FEEDBACK_LEAST    120
#define OPEN_LEAST        .15
#define OPEN_ENOUGH       .3
#define MODEL_WORDS       2048

typedef struct word {
    char *text; /* owned: as it stood in the query or passage; the tokenizer makes the stem of it */
    double weight;
    double chunks; /* that have it */
} word_t;

typedef struct words {
    word_t *items; /* room for `room` */
    size_t count, room;
    tr_map_t places;  /* by stem: index + 1 */
    const char *text; /* that is read now */
    double each;      /* what an occurrence in it counts */
    bool once;        /* a word counts once, however often it is there */
    bool failed;
} words_t;

static bool words_init(words_t *self, size_t room) {
    *self = (words_t){.items = calloc(room, sizeof *self->items), .room = room};
    tr_map_init(&self->places, (uint64_t)(uintptr_t)self->items);
    return self->items != NULL;
}

static void words_finish(words_t *self) {
    for (size_t i = 0; i < self->count; i++)
        free(self->items[i].text);
    free(self->items);
    tr_map_finish(&self->places);
    *self = (words_t){0};
}

static bool take_word(void *arg, const char *stem, size_t length, size_t from, size_t to) {
    words_t *self = arg;
    uint64_t *place = tr_map_find(&self->places, stem, length);
    if (length > STEM_MAX)
        return true; /* no text has a word that long but by accident */
    if (place) {
        self->items[*place - 1].weight += self->once ? 0 : self->each;
        return true;
    }
    if (self->count == self->room)
        return false;
    word_t word = {.text = strndup(self->text + from, to - from), .weight = self->each};
    if (!word.text || tr_map_put(&self->places, stem, length, self->count + 1) < 0) {
        free(word.text);
        self->failed = true;
        return false;
    }
    self->items[self->count++] = word;
    return true;
}

static int read_words(tr_kb_store_t *self, const tr_kb_namespace_t *ns, words_t *words, const char *text,
    size_t len, tr_error_t *error) {
    words->text = text;
    int rc = tr_stem_words(self->db, ns->language, text, len, take_word, words);
    if (rc == 0 && words->failed)
        rc = -ENOMEM;
    return rc < 0 ? tr_error_set(error, rc, "a text's words cannot be read: %s", strerror(-rc)) : 0;
}

/* FTS5 goes through all places of a word to tell in how many chunks it is: what it has told is kept as long as nothing changes. */
typedef struct counted {
    int64_t ns;
    uint64_t version;
    char stem[STEM_MAX];
} counted_t;

static size_t name_counted(const tr_kb_namespace_t *ns, const tr_map_slot_t *word, counted_t *out) {
    *out = (counted_t){.ns = ns->number, .version = ns->version};
    memcpy(out->stem, word->key, word->key_len);
    return offsetof(counted_t, stem) + word->key_len;
}

static int count_word(tr_kb_store_t *self, const tr_kb_namespace_t *ns, sqlite3_stmt *s,
    const tr_map_slot_t *word, double *ret_chunks, tr_error_t *error) {
    counted_t name;
    size_t len = name_counted(ns, word, &name);
    const tr_lru_entry_t *known = tr_lru_use(&self->counted, (const char *)&name, len);
    if (known) {
        memcpy(ret_chunks, known->value, sizeof *ret_chunks);
        return 0;
    }
    sqlite3_bind_text(s, 1, word->key, (int)word->key_len, SQLITE_STATIC);
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW)
        *ret_chunks = sqlite3_column_double(s, 0);
    int rc = tr_kb_end(self, s, step, error);
    if (rc == 0) /* without memory it is counted again, ignoring */
        tr_lru_put(&self->counted, (const char *)&name, len, ret_chunks, sizeof *ret_chunks);
    return rc;
}

/* In how many chunks each word is. */
static int count_words(tr_kb_store_t *self, const tr_kb_namespace_t *ns, words_t *words, tr_error_t *error) {
    char sql[96];
    sqlite3_stmt *s = NULL;
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    snprintf(sql, sizeof sql, "SELECT doc FROM vocabulary_%lld WHERE term = ?", (long long)ns->number);
    int rc = tr_kb_prepare(self, sql, &s, error);
    while (rc == 0 && (slot = tr_map_next(&words->places, &cursor)))
        rc = count_word(self, ns, s, slot, &words->items[slot->value - 1].chunks, error);
    sqlite3_finalize(s);
    return rc;
}

/* ---- one search ---- */

typedef struct match {
    tr_textbuf_t text; /* as FTS5 reads it: the words in quotes, by OR */
    float weights[QUERY_WORDS + FEEDBACK_WORDS];
    size_t count;
} match_t;

static bool is_common(const tr_kb_namespace_t *ns, const word_t *word) {
    return 2 * word->chunks > (double)ns->chunks;
}

static void write_match(const tr_kb_namespace_t *ns, const words_t *words, match_t *out) {
    bool rare = false;
    for (size_t i = 0; i < words->count; i++)
        rare |= words->items[i].chunks > 0 && !is_common(ns, &words->items[i]);
    for (size_t i = 0; i < words->count && out->count < QUERY_WORDS + FEEDBACK_WORDS; i++) {
        const word_t *word = &words->items[i];
        if (word->chunks <= 0 || word->weight <= 0 || (rare && ns->chunks > MANY && is_common(ns, word)))
            continue;
        tr_textbuf_add_string(&out->text, out->count ? " OR \"" : "\"");
        tr_textbuf_add_string(&out->text, word->text);
        tr_textbuf_add_string(&out->text, "\"");
        out->weights[out->count++] = (float)(word->weight * tr_bm25_rarity(word->chunks, (double)ns->chunks));
    }
}

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

static char *search_sql(const tr_kb_namespace_t *ns, const tr_filter_t *filter) {
    long long n = ns->number;
    char *passing =
        filter->sql.length
            ? sqlite3_mprintf(" AND rowid IN (SELECT c.number FROM document d JOIN chunk c ON c.document ="
                              " d.number WHERE d.namespace = %lld AND %s)",
                  n, filter->sql.bytes)
            : sqlite3_mprintf("");
    char *sql = passing
                    ? sqlite3_mprintf("SELECT rowid, bm25w(words_%lld, %f, ?) AS score FROM words_%lld WHERE"
                                      " words_%lld MATCH ?%s ORDER BY score DESC, rowid",
                          n, HEADING_WEIGHT, n, n, passing)
                    : NULL;
    sqlite3_free(passing);
    return sql;
}

/* What has one of the words: into g. */
static int search_words(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const words_t *words,
    const tr_filter_t *filter, gather_t *g, tr_error_t *error) {
    match_t match = {0};
    sqlite3_stmt *s = NULL;
    write_match(ns, words, &match);
    char *sql = match.count ? search_sql(ns, filter) : NULL;
    int rc = match.text.failed || (match.count && !sql) ? tr_error_set(error, -ENOMEM, "out of memory")
             : sql                                      ? tr_kb_prepare(self, sql, &s, error)
                                                        : 0;
    if (rc == 0 && s) {
        sqlite3_bind_blob(s, 1, match.weights, (int)(match.count * sizeof *match.weights), SQLITE_STATIC);
        tr_sqlite_bind_text(s, 2, match.text.bytes);
        tr_filter_bind(filter, s, 3);
        rc = run_match(self, s, g, error);
    }
    sqlite3_finalize(s);
    sqlite3_free(sql);
    tr_textbuf_finish(&match.text);
    return rc;
}

/* ---- feedback ---- */

typedef struct model {
    tr_kb_store_t *store;
    const tr_kb_namespace_t *ns;
    words_t words;
    size_t bytes; /* of the passages */
    const words_t *query;
    double covered; /* of the query, by the best passage: 0 .. 1 */
    tr_error_t *error;
    int rc;
} model_t;

static double part_of(double value, double least, double enough) {
    double part = (value - least) / (enough - least);
    return part < 0 ? 0 : part > 1 ? 1 : part;
}

/* What the feedback may weigh: more, the more there is to learn from, and the less of the query the best passage has, for
 * one that has all of it is what was asked for. */
static double share_of(const model_t *m) {
    return FEEDBACK_SHARE * part_of((double)m->bytes / FEEDBACK_PASSAGES, FEEDBACK_LEAST, FEEDBACK_LENGTH) *
           part_of(1 - m->covered, OPEN_LEAST, OPEN_ENOUGH);
}

/* Which part of the query's words, by how rare they are, the model has. */
static double covered_by(const model_t *m) {
    double all = 0, known = 0;
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&m->query->places, &cursor))) {
        double rarity = tr_bm25_rarity(m->query->items[slot->value - 1].chunks, (double)m->ns->chunks);
        all += rarity;
        known += tr_map_find(&m->words.places, slot->key, slot->key_len) ? rarity : 0;
    }
    return all > 0 ? known / all : 0;
}

static void on_passage(void *arg, const tr_kb_passage_t *p) {
    model_t *m = arg;
    m->bytes += p->text_len;
    m->words.each = m->words.each / ((double)p->text_len + 1); /* long ones say each thing less */
    m->rc = read_words(m->store, m->ns, &m->words, p->document->title, strlen(p->document->title), m->error);
    if (m->rc == 0)
        m->rc = read_words(m->store, m->ns, &m->words, p->text, p->text_len, m->error);
    if (m->bytes == p->text_len) /* the first */
        m->covered = covered_by(m);
}

static int read_model(model_t *m, const gather_t *g) {
    double sum = 0;
    for (size_t i = 0; i < g->count; i++)
        sum += g->hits[i].score;
    for (size_t i = 0; i < g->count && m->rc == 0; i++) {
        m->words.each = sum > 0 ? g->hits[i].score / sum : 0;
        int rc = tr_kb_passage(m->store, g->hits[i].chunk, on_passage, m, m->error);
        m->rc = m->rc < 0 ? m->rc : rc;
    }
    return m->rc < 0 ? m->rc : count_words(m->store, m->ns, &m->words, m->error);
}

static int by_weight(const void *a, const void *b) {
    double x = ((const word_t *)a)->weight, y = ((const word_t *)b)->weight;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* The most telling words first, their weights summing up to 1. Its map is of no use then. */
static size_t sharpen(const tr_kb_namespace_t *ns, words_t *words) {
    double sum = 0;
    for (size_t i = 0; i < words->count; i++) {
        word_t *w = &words->items[i];
        bool telling = w->chunks > 1 && !is_common(ns, w);
        w->weight = telling ? w->weight * tr_bm25_rarity(w->chunks, (double)ns->chunks) : 0;
    }
    qsort(words->items, words->count, sizeof *words->items, by_weight);
    size_t n = words->count < FEEDBACK_WORDS ? words->count : FEEDBACK_WORDS;
    for (size_t i = 0; i < n; i++)
        sum += words->items[i].weight;
    for (size_t i = 0; i < n && sum > 0; i++)
        words->items[i].weight /= sum;
    return sum > 0 ? n : 0;
}

/* The first `n` words of the model to the query, with this much of the weight. */
static int add_learnt(model_t *m, words_t *query, double share, size_t n) {
    int rc = 0;
    query->once = false;
    for (size_t i = 0; i < n && rc == 0; i++) {
        size_t before = query->count;
        query->each = share * m->words.items[i].weight;
        rc = read_words(
            m->store, m->ns, query, m->words.items[i].text, strlen(m->words.items[i].text), m->error);
        if (query->count > before)
            query->items[before].chunks = m->words.items[i].chunks;
    }
    return rc;
}

/* Adds what the model says to the query. A word that is in both gets both weights. */
static int blend(model_t *m, words_t *query) {
    double share = share_of(m);
    size_t n = share > 0 ? sharpen(m->ns, &m->words) : 0;
    double sum = 0;
    if (n == 0)
        return 0;
    for (size_t i = 0; i < query->count; i++)
        sum += query->items[i].weight;
    for (size_t i = 0; i < query->count && sum > 0; i++)
        query->items[i].weight *= (1 - share) / sum;
    return add_learnt(m, query, share, n);
}

/* What is like a chunk is found by the words that tell most of it. */
static int read_like(
    tr_kb_store_t *self, const tr_kb_namespace_t *ns, int64_t chunk, words_t *query, tr_error_t *error) {
    model_t m = {.store = self, .ns = ns, .query = query, .error = error};
    int rc = words_init(&m.words, MODEL_WORDS) ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    m.words.each = 1;
    if (rc == 0)
        rc = tr_kb_passage(self, chunk, on_passage, &m, error);
    if (rc == 0)
        rc = m.rc < 0 ? m.rc : count_words(self, ns, &m.words, error);
    if (rc == 0)
        rc = add_learnt(&m, query, 1, sharpen(ns, &m.words));
    words_finish(&m.words);
    return rc;
}

/* The best passages, of each document one. */
static size_t take_best(const gather_t *found, tr_kb_hit_t best[FEEDBACK_PASSAGES]) {
    gather_t g = {best, 0, FEEDBACK_PASSAGES, 1};
    for (size_t i = 0; i < found->count && g.count < FEEDBACK_PASSAGES; i++)
        take_hit(&g, found->hits[i]);
    return g.count;
}

/* Adds to the query what the passages that it has found say. *ret_any: there was something. */
static int learn(tr_kb_store_t *self, const tr_kb_namespace_t *ns, words_t *query, const gather_t *found,
    bool *ret_any, tr_error_t *error) {
    tr_kb_hit_t best[FEEDBACK_PASSAGES];
    gather_t g = {best, take_best(found, best), FEEDBACK_PASSAGES, 1};
    model_t m = {.store = self, .ns = ns, .query = query, .error = error};
    if (g.count < FEEDBACK_PASSAGES)
        return 0; /* too few to learn from */
    int rc = words_init(&m.words, MODEL_WORDS) ? read_model(&m, &g)
                                               : tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0)
        rc = blend(&m, query);
    *ret_any = !query->once;
    words_finish(&m.words);
    return rc;
}

/* Asks once more with what the first answer has taught. */
static int ask_again(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const tr_kb_lexical_t *query,
    words_t *words, const gather_t *found, tr_error_t *error) {
    gather_t g = {query->ret_learnt, 0, query->k, query->per_document};
    bool any = false;
    int rc = learn(self, ns, words, found, &any, error);
    if (rc == 0 && any)
        rc = search_words(self, ns, words, query->filter, &g, error);
    *query->ret_learnt_count = g.count;
    return rc;
}

/* A word that no chunk has is as rare as can be. */
static double coverage(const tr_kb_namespace_t *ns, const words_t *words, size_t count) {
    double all = 0, known = 0;
    for (size_t i = 0; i < count; i++) {
        double rarity = tr_bm25_rarity(words->items[i].chunks, (double)ns->chunks);
        all += rarity;
        known += words->items[i].chunks > 0 ? rarity : 0;
    }
    return all > 0 ? known / all : 0;
}

static int read_terms(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const tr_kb_lexical_t *query,
    words_t *words, tr_error_t *error) {
    int rc = 0;
    for (size_t i = 0; i < query->term_count && rc == 0; i++) {
        words->each = query->terms[i].weight;
        rc = read_words(self, ns, words, query->terms[i].text, strlen(query->terms[i].text), error);
    }
    return rc;
}

/* The words that are asked for, with how many chunks have each. */
static int read_query(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const tr_kb_lexical_t *query,
    words_t *words, tr_error_t *error) {
    if (!query->text)
        return read_like(self, ns, query->like, words, error);
    words->each = 1;
    words->once = true;
    words->room = QUERY_WORDS; /* the rest is for the feedback */
    int rc = read_words(self, ns, words, query->text, strlen(query->text), error);
    size_t own = words->count;
    if (rc == 0)
        rc = read_terms(self, ns, query, words, error);
    if (rc == 0)
        rc = count_words(self, ns, words, error);
    words->room = QUERY_WORDS + FEEDBACK_WORDS;
    if (rc == 0 && query->ret_coverage)
        *query->ret_coverage = coverage(ns, words, own);
    return rc;
}

int tr_kb_lexical(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const tr_kb_lexical_t *query,
    tr_kb_hit_t *ret_hits, size_t *ret_count, tr_error_t *error) {
    words_t words;
    gather_t g = {ret_hits, 0, query->k, query->per_document};
    int rc =
        words_init(&words, QUERY_WORDS + FEEDBACK_WORDS) ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0)
        rc = read_query(self, ns, query, &words, error);
    if (rc == 0)
        rc = search_words(self, ns, &words, query->filter, &g, error);
    if (rc == 0 && query->ret_learnt)
        rc = ask_again(self, ns, query, &words, &g, error);
    words_finish(&words);
    if (rc == 0)
        *ret_count = g.count;
    return rc;
}
