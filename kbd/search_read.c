/* What a search asks for: out of its message. */
#include "kbd/own_vector.h"
#include "kbd/search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RESULTS_MAX 1000
#define QUERY_MAX   8192
#define LIKE_MOST   500u /* chunks of a document that are passed over */

static const char *const mode_words[TR_KB_MODES] = {"hybrid", "lexical", "vectors"};

static int take_vector(void *arg, int64_t chunk, const float *vector, size_t dimensions) {
    tr_kb_search_t *s = arg;
    (void)chunk;
    s->given = malloc(dimensions * sizeof *s->given);
    if (!s->given)
        return -ENOMEM;
    memcpy(s->given, vector, dimensions * sizeof *s->given);
    s->dimensions = dimensions;
    return 0;
}

/* More like this: {"id", "chunk"} or an id. Its vector may not be made yet: then words alone search. */
static int read_like(tr_kb_search_t *s, tr_value_t like, tr_error_t *error) {
    char id[TR_KB_ID_MAX + 1];
    tr_kb_store_t *store = s->q->kbd->store;
    int64_t place = tr_value_is_map(like) ? tr_value_int(tr_value_get(like, "chunk"), 0) : 0;
    if (tr_value_copy(tr_value_is_map(like) ? tr_value_get(like, "id") : like, id, sizeof id) < 0 ||
        place < 0)
        return tr_error_set(error, -EINVAL, "like: expected the id of a document, or {\"id\", \"chunk\"}");
    int rc = tr_kb_chunk_find(store, &s->q->ns, id, (size_t)place, &s->like, &s->like_chunks, error);
    return rc < 0 ? rc : tr_kb_vector_get(store, s->like.chunk, take_vector, s, error);
}

/* [{"term", "weight"} ...]: what the query may also mean. */
static int read_terms(tr_kb_search_t *s, tr_error_t *error) {
    tr_value_t list = tr_value_get(s->q->content, "terms");
    size_t n = list && tr_value_is_array(list) ? tr_value_size(list) : 0;
    bool is_well = !list || tr_value_is_array(list);
    for (size_t i = 0; i < n && i < TR_KB_TERMS_MAX && is_well; i++) {
        tr_kb_term_t *term = &s->terms[i];
        tr_value_t item = tr_value_at(list, i);
        term->weight = tr_value_double(tr_value_get(item, "weight"), 1);
        is_well = tr_value_copy(tr_value_get(item, "term"), term->text, sizeof term->text) == 0 &&
                  term->weight > 0 && term->weight <= 1;
        s->term_count = i + 1;
    }
    return is_well ? 0
                   : tr_error_set(error, -EINVAL,
                         "terms: expected a list of {\"term\": up to 71 bytes, \"weight\": over 0, up to 1}");
}

static int read_query(tr_kb_search_t *s, tr_error_t *error) {
    size_t len;
    tr_value_t vector = tr_value_get(s->q->content, "vector"), like = tr_value_get(s->q->content, "like");
    if (like)
        return s->far ? 0 : read_like(s, like, error);
    int rc = vector ? tr_own_vector_read(vector, &s->given, &s->dimensions, error) : 0;
    if (rc < 0 || (vector && !tr_value_get(s->q->content, "query")))
        return rc;
    const char *query = tr_value_str(tr_value_get(s->q->content, "query"), &len);
    if (!query || len == 0 || len > QUERY_MAX || memchr(query, '\0', len))
        return tr_error_set(error, -EINVAL, "query: expected a text of 1 to %d bytes", QUERY_MAX);
    s->query = strndup(query, len);
    return s->query ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
}

static int read_mode(tr_kb_search_t *s, tr_error_t *error) {
    tr_value_t v = tr_value_get(s->q->content, "mode");
    for (int i = 0; i < TR_KB_MODES && v; i++)
        if (tr_value_equals(v, mode_words[i])) {
            s->mode = (tr_kb_search_mode_t)i;
            return 0;
        }
    return v ? tr_error_set(error, -EINVAL, "mode: expected hybrid, lexical or vectors") : 0;
}

/* What there is to search with. */
static int settle_mode(tr_kb_search_t *s, tr_error_t *error) {
    bool words = s->query || s->like.chunk, vectors = s->given || (s->query && !s->q->ns.dimensions);
    if (s->mode == TR_KB_HYBRID)
        s->mode = words && vectors ? TR_KB_HYBRID : words ? TR_KB_LEXICAL : TR_KB_VECTORS;
    if (s->like.chunk && !vectors && s->mode == TR_KB_VECTORS)
        return tr_error_set(error, -EINVAL, "like: its vector is not made yet: ask again later, or by words");
    return s->mode == TR_KB_LEXICAL && !words ? tr_error_set(error, -EINVAL, "query: missing") : 0;
}

static int make_room(tr_kb_search_t *s, tr_error_t *error) {
    size_t k = (size_t)s->k + s->spare + (s->like_chunks < LIKE_MOST ? s->like_chunks : LIKE_MOST);
    bool one_each = s->mode == TR_KB_VECTORS && s->q->ns.dimensions; /* chunks of a document */
    s->depth = one_each && !s->half_life_ms ? k : 3 * k > TR_FUSE_DEPTH ? 3 * k : TR_FUSE_DEPTH;
    s->room = s->half_life_ms ? s->depth : k;
    s->lexical = calloc(s->depth, sizeof *s->lexical);
    s->learnt = s->mode == TR_KB_HYBRID && s->query ? calloc(s->depth, sizeof *s->learnt) : NULL;
    s->vector = calloc(s->depth, sizeof *s->vector);
    s->results = calloc(s->room, sizeof *s->results);
    bool is_whole =
        s->lexical && s->vector && s->results && (s->learnt || s->mode != TR_KB_HYBRID || !s->query);
    return is_whole ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
}

int tr_kb_search_read_query(tr_kb_search_t *s, tr_error_t *error) {
    int rc = read_query(s, error);
    return rc < 0 ? rc : read_terms(s, error);
}

int tr_kb_search_read(tr_kb_search_t *s, tr_error_t *error) {
    tr_value_t content = s->q->content;
    s->k = tr_value_int(tr_value_get(content, "k"), 10);
    s->per_document = tr_value_int(tr_value_get(content, "per-document"), 1);
    s->text = tr_value_bool(tr_value_get(content, "text"), true);
    s->half_life_ms = tr_value_int(tr_value_get(content, "half-life-ms"), 0);
    s->explain = tr_value_bool(tr_value_get(content, "explain"), false);
    s->brief = tr_value_bool(tr_value_get(content, "brief"), false);
    if (s->k < 1 || s->k > RESULTS_MAX)
        return tr_error_set(error, -EINVAL, "k: expected 1 to %d", RESULTS_MAX);
    if (s->per_document < 0)
        return tr_error_set(error, -EINVAL, "per-document: expected 0 (as many as there are) or more");
    if (s->half_life_ms < 0)
        return tr_error_set(error, -EINVAL, "half-life-ms: expected a time");
    s->spare = s->doubles ? (size_t)s->k : 0;
    int rc = tr_kb_search_read_query(s, error);
    if (rc == 0)
        rc = read_mode(s, error);
    if (rc == 0)
        rc = settle_mode(s, error);
    if (rc == 0)
        rc = tr_filter_compile(tr_value_get(content, "filter"), &s->filter, error);
    return rc < 0 ? rc : make_room(s, error);
}

void tr_kb_search_finish(tr_kb_search_t *s) {
    tr_message_done(&s->message);
    tr_content_writer_finish(&s->written);
    tr_filter_finish(&s->filter);
    free(s->lexical);
    free(s->learnt);
    free(s->vector);
    free(s->results);
    free(s->query);
    free(s->given);
}
