/* {"action": "search", ...}: what is found by words and by vectors, fused, with what is to be cited. */
#include "kbd/fuse.h"
#include "kbd/kbd.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RESULTS_MAX 1000
#define QUERY_MAX   8192
#define ANSWER_MAX  ((size_t)3 << 20) /* bytes; results behind it are left out, and that is told */

typedef enum search_mode { HYBRID, LEXICAL, VECTORS, MODES } search_mode_t;
static const char *const mode_words[MODES] = {"hybrid", "lexical", "vectors"};

typedef struct search {
    tr_kb_question_t *q;
    char *query; /* owned */
    int64_t k, per_document;
    search_mode_t mode;
    bool text, explain;
    tr_filter_t filter;
    size_t depth; /* hits of each list */
    tr_kb_hit_t *lexical, *vector;
    size_t lexical_count, vector_count;
    double coverage, share;
    tr_kb_fused_t *results;
    size_t count;
    tr_content_writer_t written; /* maps, one behind the other */
    const tr_kb_fused_t *result; /* that is written now */
} search_t;

/* ---- reading ---- */

static int read_query(search_t *s, tr_error_t *error) {
    size_t len;
    const char *query = tr_value_str(tr_value_get(s->q->content, "query"), &len);
    if (!query || len == 0 || len > QUERY_MAX || memchr(query, '\0', len))
        return tr_error_set(error, -EINVAL, "query: expected a text of 1 to %d bytes", QUERY_MAX);
    s->query = strndup(query, len);
    return s->query ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
}

static int read_mode(search_t *s, tr_error_t *error) {
    tr_value_t v = tr_value_get(s->q->content, "mode");
    for (int i = 0; i < MODES && v; i++)
        if (tr_value_equals(v, mode_words[i])) {
            s->mode = (search_mode_t)i;
            return 0;
        }
    return v ? tr_error_set(error, -EINVAL, "mode: expected hybrid, lexical or vectors") : 0;
}

static int make_room(search_t *s, tr_error_t *error) {
    size_t k = (size_t)s->k;
    s->depth = 3 * k > TR_FUSE_DEPTH ? 3 * k : TR_FUSE_DEPTH;
    s->lexical = calloc(s->depth, sizeof *s->lexical);
    s->vector = calloc(s->depth, sizeof *s->vector);
    s->results = calloc(k, sizeof *s->results);
    return s->lexical && s->vector && s->results ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
}

static int read_search(search_t *s, tr_error_t *error) {
    tr_value_t content = s->q->content;
    s->k = tr_value_int(tr_value_get(content, "k"), 10);
    s->per_document = tr_value_int(tr_value_get(content, "per-document"), 1);
    s->text = tr_value_bool(tr_value_get(content, "text"), true);
    s->explain = tr_value_bool(tr_value_get(content, "explain"), false);
    if (s->k < 1 || s->k > RESULTS_MAX)
        return tr_error_set(error, -EINVAL, "k: expected 1 to %d", RESULTS_MAX);
    if (s->per_document < 0)
        return tr_error_set(error, -EINVAL, "per-document: expected 0 (as many as there are) or more");
    int rc = read_query(s, error);
    if (rc == 0)
        rc = read_mode(s, error);
    if (rc == 0)
        rc = tr_filter_compile(tr_value_get(content, "filter"), &s->filter, error);
    return rc < 0 ? rc : make_room(s, error);
}

/* ---- searching ---- */

static int find_words(search_t *s, tr_error_t *error) {
    tr_kb_lexical_t query = {.text = s->query,
        .filter = &s->filter,
        .k = s->depth,
        .per_document = (size_t)s->per_document,
        .feedback = s->mode == HYBRID,
        .ret_coverage = &s->coverage};
    return tr_kb_lexical(s->q->kbd->store, &s->q->ns, &query, s->lexical, &s->lexical_count, error);
}

static int find_vectors(search_t *s, tr_error_t *error) {
    return tr_kb_meaning_search(
        &s->q->kbd->meaning, &s->q->ns, s->query, &s->filter, s->depth, s->vector, &s->vector_count, error);
}

static int search(search_t *s, tr_error_t *error) {
    int rc = s->mode == VECTORS ? 0 : find_words(s, error);
    if (rc == 0 && s->mode != LEXICAL)
        rc = find_vectors(s, error);
    if (rc < 0)
        return rc;
    s->share = s->mode == VECTORS     ? 1
               : s->vector_count == 0 ? 0
               : s->lexical_count == 0
                   ? 1
                   : tr_fuse_share(tr_kb_embedder_model(s->q->kbd->meaning.embedder), s->coverage);
    int64_t n = tr_fuse(s->lexical, s->lexical_count, s->vector, s->vector_count, s->share,
        (size_t)s->per_document, (size_t)s->k, s->results);
    s->count = n < 0 ? 0 : (size_t)n;
    return n < 0 ? tr_error_set(error, -ENOMEM, "out of memory") : 0;
}

/* ---- answering ---- */

static void write_found(tr_content_writer_t *w, const char *key, double score) {
    tr_write_str(w, key);
    if (isnan(score))
        tr_write_nil(w);
    else
        tr_write_double(w, score);
}

static void write_explanation(const search_t *s, tr_content_writer_t *w) {
    tr_write_str(w, "explain");
    tr_write_map(w, 5);
    write_found(w, "lexical", s->result->lexical);
    write_found(w, "vector", s->result->vector);
    tr_write_kv_double(w, "lexical-part", s->result->lexical_part);
    tr_write_kv_double(w, "vector-part", s->result->vector_part);
    tr_write_kv_double(w, "vector-share", s->share);
}

static void on_passage(void *arg, const tr_kb_passage_t *p) {
    search_t *s = arg;
    tr_content_writer_t *w = &s->written;
    tr_kb_write_document(w, p->document, (size_t)(4 + s->text + s->explain));
    tr_write_kv_double(w, "score", s->result->score);
    tr_write_kv(w, "heading", p->heading);
    tr_write_kv_uint(w, "chunk", p->place);
    tr_write_kv_uint(w, "offset", p->offset);
    if (s->text) {
        tr_write_str(w, "text");
        tr_write_strn(w, p->text, p->text_len);
    }
    if (s->explain)
        write_explanation(s, w);
}

static int write_results(search_t *s, size_t *ret_written, tr_error_t *error) {
    int rc = 0;
    for (size_t i = 0; i < s->count && rc == 0 && s->written.buffer.size < ANSWER_MAX; i++) {
        s->result = &s->results[i];
        rc = tr_kb_passage(s->q->kbd->store, s->result->chunk, on_passage, s, error);
        *ret_written = i + 1;
    }
    return rc;
}

static void put_answer(search_t *s, size_t written) {
    const void *bytes;
    size_t len;
    tr_content_writer_t *w = NULL;
    if (tr_content_writer_take(&s->written, &bytes, &len) == 0)
        w = tr_kb_answer(s->q->kbd, s->q->message, TR_INFORM);
    if (!w)
        return;
    tr_write_map(w, 3);
    tr_write_kv_uint(w, "version", s->q->ns.version);
    tr_write_kv_bool(w, "complete", written == s->count);
    tr_write_str(w, "results");
    tr_write_array(w, written);
    msgpack_sbuffer_write(&w->buffer, bytes, len);
}

static void finish(search_t *s) {
    tr_content_writer_finish(&s->written);
    tr_filter_finish(&s->filter);
    free(s->lexical);
    free(s->vector);
    free(s->results);
    free(s->query);
}

void tr_kb_search(tr_kb_question_t *q) {
    search_t s = {.q = q};
    tr_error_t error = {0};
    size_t written = 0;
    tr_content_writer_init(&s.written);
    int rc = read_search(&s, &error);
    if (rc == 0)
        rc = search(&s, &error);
    if (rc == 0)
        rc = write_results(&s, &written, &error);
    if (rc < 0)
        tr_kb_refuse_error(q->kbd, q->message, &error);
    else
        put_answer(&s, written);
    finish(&s);
}
