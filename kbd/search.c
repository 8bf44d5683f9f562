/* {"action": "search", ...}: what is found, with what is to be cited. */
#include "kbd/kbd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RESULTS_MAX 1000
#define QUERY_MAX   8192
#define ANSWER_MAX  ((size_t)3 << 20) /* bytes; results behind it are left out, and that is told */

typedef struct search {
    tr_kb_question_t *q;
    char *query; /* owned */
    int64_t k, per_document;
    bool text;
    tr_filter_t filter;
    tr_kb_hit_t *hits;
    size_t count;
    tr_content_writer_t results; /* maps, one behind the other */
    const tr_kb_hit_t *hit;      /* that is written now */
} search_t;

static int read_query(search_t *s, tr_error_t *error) {
    size_t len;
    const char *query = tr_value_str(tr_value_get(s->q->content, "query"), &len);
    if (!query || len == 0 || len > QUERY_MAX || memchr(query, '\0', len))
        return tr_error_set(error, -EINVAL, "query: expected a text of 1 to %d bytes", QUERY_MAX);
    s->query = strndup(query, len);
    return s->query ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
}

static int read_search(search_t *s, tr_error_t *error) {
    tr_value_t content = s->q->content;
    s->k = tr_value_int(tr_value_get(content, "k"), 10);
    s->per_document = tr_value_int(tr_value_get(content, "per-document"), 1);
    s->text = tr_value_bool(tr_value_get(content, "text"), true);
    if (s->k < 1 || s->k > RESULTS_MAX)
        return tr_error_set(error, -EINVAL, "k: expected 1 to %d", RESULTS_MAX);
    if (s->per_document < 0)
        return tr_error_set(error, -EINVAL, "per-document: expected 0 (as many as there are) or more");
    int rc = read_query(s, error);
    if (rc == 0)
        rc = tr_filter_compile(tr_value_get(content, "filter"), &s->filter, error);
    if (rc == 0 && !(s->hits = calloc((size_t)s->k, sizeof *s->hits)))
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    return rc;
}

static void on_passage(void *arg, const tr_kb_passage_t *p) {
    search_t *s = arg;
    tr_content_writer_t *w = &s->results;
    tr_kb_write_document(w, p->document, 4 + s->text);
    tr_write_kv_double(w, "score", s->hit->score);
    tr_write_kv(w, "heading", p->heading);
    tr_write_kv_uint(w, "chunk", p->place);
    tr_write_kv_uint(w, "offset", p->offset);
    if (s->text) {
        tr_write_str(w, "text");
        tr_write_strn(w, p->text, p->text_len);
    }
}

static int write_results(search_t *s, size_t *ret_written, tr_error_t *error) {
    int rc = 0;
    for (size_t i = 0; i < s->count && rc == 0 && s->results.buffer.size < ANSWER_MAX; i++) {
        s->hit = &s->hits[i];
        rc = tr_kb_passage(s->q->kbd->store, s->hit->chunk, on_passage, s, error);
        *ret_written = i + 1;
    }
    return rc;
}

static void put_answer(search_t *s, size_t written) {
    const void *bytes;
    size_t len;
    tr_content_writer_t *w = NULL;
    if (tr_content_writer_take(&s->results, &bytes, &len) == 0)
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

void tr_kb_search(tr_kb_question_t *q) {
    search_t s = {.q = q};
    tr_error_t error = {0};
    size_t written = 0;
    tr_content_writer_init(&s.results);
    int rc = read_search(&s, &error);
    if (rc == 0)
        rc = tr_kb_lexical(q->kbd->store, &q->ns, s.query, &s.filter, (size_t)s.per_document, (size_t)s.k,
            s.hits, &s.count, &error);
    if (rc == 0)
        rc = write_results(&s, &written, &error);
    if (rc < 0)
        tr_kb_refuse_error(q->kbd, q->message, &error);
    else
        put_answer(&s, written);
    tr_content_writer_finish(&s.results);
    tr_filter_finish(&s.filter);
    free(s.hits);
    free(s.query);
}
