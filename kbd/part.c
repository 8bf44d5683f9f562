/*
 * What only shards ask (front.h): the steps of a search, and what is known of a namespace here. All in a map with `namespace`; where that is not
 * here there is nothing in it.
 *
 *   describe                              {"known", "language", "dimensions", "settled"}
 *   count      query, terms, like, stems  {"known", "language", "dimensions", "chunks", "words", "version", "number", "made", "instance",
 *                                          "counts": [N ...], "stems": [N ...],
 *                                          "like": {"chunk", "document", "chunks", "title", "text", "vector"}}
 *   words      texts, weights, mean,      {"hits": [chunk, document, score ...], "changed": [MS ...],
 *              k, per-document, filter     "best": [{"chunk", "title", "text"} ...]}
 *   near       vector or query, k, filter {"hits", "changed", "complete", "mute"}
 *   passages   chunks, text, brief        {"passages": [MAP or nil ...]}
 *   shard      empty                      {"documents", "chunks", "pending", "namespaces", "copies", "moved"}
 *   forget     ids                        {}
 *   move                                  (mover.h)
 *   offer, flush                          (owing.h)
 *
 * `of` says whose copies are meant (places.h). `moving` says in all of these, and in what is asked, whether there may be documents that belong elsewhere, and
 * `state` who has not been told everything (owing.h).
 */
#include "kbd/places.h"
#include "kbd/search.h"
#include "kbd/store_words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define K_MAX    8192 /* hits: three times what can be asked for, and what is passed over */
#define PASSAGES TR_KB_FEEDBACK_PASSAGES

static tr_content_writer_t *answer(const tr_kb_question_t *q) {
    return tr_kb_answer(q->kbd, q->message, TR_INFORM);
}

/* 1: there is one; 0: there is none; negative: it was refused. */
static int find_namespace(tr_kb_question_t *q) {
    char name[TR_KB_NAMESPACE_MAX + 1];
    tr_error_t error = {0};
    if (!tr_kb_read_place(q, name))
        return -EINVAL;
    int rc = tr_kb_namespace_find(q->kbd->store, name, &q->ns, &error);
    if (rc < 0 && rc != -ENOENT)
        tr_kb_refuse_error(q->kbd, q->message, &error);
    return rc == 0 ? 1 : rc == -ENOENT ? 0 : rc;
}

/* What copies say of a namespace holds for all of it. 0 or 1, or negative: it was refused. */
static int find_copies(tr_kb_question_t *q) {
    char name[TR_KB_NAMESPACE_MAX + 1];
    tr_kb_namespace_t *places = NULL;
    size_t count = 0;
    tr_error_t error = {0};
    if (!tr_kb_has_copies(q->kbd) || !tr_kb_read_name(q, name))
        return 0;
    if (tr_kb_places_read(q->kbd->store, name, &places, &count, &error) < 0) {
        tr_kb_refuse_error(q->kbd, q->message, &error);
        return -EIO;
    }
    for (size_t i = 0; i < count; i++)
        if (i == 0 || places[i].dimensions || (!q->ns.dimensions && places[i].documents))
            q->ns = places[i];
    free(places);
    return count > 0;
}

static void describe(tr_kb_question_t *q) {
    int known = find_namespace(q);
    if (known >= 0 && !q->ns.documents && !q->ns.dimensions)
        known = find_copies(q) | known;
    tr_content_writer_t *w = known < 0 ? NULL : answer(q);
    if (!w)
        return;
    tr_write_map(w, 4 + TR_KB_STATE);
    tr_write_kv_bool(w, "known", known);
    tr_kb_front_write_state(q->kbd, w);
    tr_write_kv(w, "language", known ? q->ns.language : NULL);
    tr_write_kv_uint(w, "dimensions", q->ns.dimensions);
    tr_write_kv_bool(w, "settled", known && (q->ns.dimensions || q->ns.documents));
}

/* ---- count ---- */

typedef struct count {
    tr_kb_question_t *q;
    tr_kb_search_t search;
    tr_kb_words_t words;
    tr_content_writer_t like; /* a value; empty: there is none */
    uint64_t total;
    tr_error_t error;
} count_t;

static void on_like(void *arg, const tr_kb_passage_t *p) {
    count_t *c = arg;
    const tr_kb_search_t *s = &c->search;
    tr_content_writer_t *w = &c->like;
    tr_write_map(w, s->given ? 6 : 5);
    tr_write_kv_int(w, "chunk", s->like.chunk);
    tr_write_kv_int(w, "document", s->like.document);
    tr_write_kv_uint(w, "chunks", s->like_chunks);
    tr_write_kv(w, "title", p->document->title);
    tr_write_str(w, "text");
    tr_write_strn(w, p->text, p->text_len);
    if (!s->given)
        return;
    tr_write_str(w, "vector");
    tr_write_bin(w, s->given, s->dimensions * sizeof *s->given);
}

/* What the question says itself is the asker's to judge; what is not here is somewhere else. */
static int count_words(count_t *c) {
    tr_kb_search_t *s = &c->search;
    tr_kb_store_t *store = c->q->kbd->store;
    tr_kb_lexical_t query = {.terms = s->terms};
    size_t own;
    int rc = tr_kb_search_read_query(s, &c->error);
    if (rc == 0 && s->like.chunk)
        return tr_kb_passage(store, s->like.chunk, on_like, c, &c->error);
    if (rc < 0 || !s->query)
        return rc == -ENOMEM ? rc : 0;
    query.text = s->query;
    query.term_count = s->term_count;
    rc = tr_kb_words_query(store, &c->q->ns, &c->words, &query, &own, &c->error);
    return rc < 0 ? rc : tr_kb_words_count(store, &c->q->ns, &c->words, &c->error);
}

static void write_counts(const count_t *c, tr_content_writer_t *w) {
    tr_write_str(w, "counts");
    tr_write_array(w, c->words.count);
    for (size_t i = 0; i < c->words.count; i++)
        tr_write_double(w, c->words.items[i].chunks);
}

static int write_stems(count_t *c, tr_content_writer_t *w) {
    tr_value_t stems = tr_value_get(c->q->content, "stems");
    size_t n = tr_value_is_array(stems) ? tr_value_size(stems) : 0;
    int rc = 0;
    n = n > TR_KB_MODEL_WORDS ? TR_KB_MODEL_WORDS : n;
    tr_write_array(w, n);
    for (size_t i = 0; i < n; i++) {
        size_t len = 0;
        double chunks = 0;
        const char *stem = tr_value_str(tr_value_at(stems, i), &len);
        if (stem && rc == 0)
            rc = tr_kb_stem_count(c->q->kbd->store, &c->q->ns, stem, len, &chunks, &c->error);
        tr_write_double(w, chunks);
    }
    return rc;
}

static void write_count(count_t *c, tr_content_writer_t *stems) {
    const tr_kb_namespace_t *ns = &c->q->ns;
    const void *bytes, *like;
    size_t len, like_len;
    tr_content_writer_t *w = NULL;
    if (tr_content_writer_take(stems, &bytes, &len) == 0 &&
        tr_content_writer_take(&c->like, &like, &like_len) == 0)
        w = answer(c->q);
    if (!w)
        return;
    tr_write_map(w, TR_KB_STATE + (like_len ? 12 : 11));
    tr_write_kv_bool(w, "known", true);
    tr_kb_front_write_state(c->q->kbd, w);
    tr_write_kv(w, "language", ns->language);
    tr_write_kv_uint(w, "dimensions", ns->dimensions);
    tr_write_kv_uint(w, "chunks", ns->chunks);
    tr_write_kv_uint(w, "words", c->total);
    tr_write_kv_uint(w, "version", ns->version);
    tr_write_kv_int(w, "number", ns->number);
    tr_write_kv_uint(w, "made", tr_kb_meaning_made(&c->q->kbd->meaning, ns));
    tr_write_kv_uint(w, "instance", c->q->kbd->front.instance);
    write_counts(c, w);
    tr_write_str(w, "stems");
    msgpack_sbuffer_write(&w->buffer, bytes, len);
    if (!like_len)
        return;
    tr_write_str(w, "like");
    msgpack_sbuffer_write(&w->buffer, like, like_len);
}

static void count_here(tr_kb_question_t *q) {
    tr_content_writer_t stems;
    count_t *c = calloc(1, sizeof *c);
    int rc = c && tr_kb_words_init(&c->words, TR_KB_MATCH_WORDS) ? 0 : -ENOMEM;
    if (rc < 0) {
        free(c);
        tr_kb_refuse(q->kbd, q->message, TR_FAILURE, "internal-error", "out of memory");
        return;
    }
    c->q = q;
    c->search.q = q;
    tr_content_writer_init(&c->like);
    tr_content_writer_init(&c->search.written);
    tr_content_writer_init(&stems);
    rc = count_words(c);
    if (rc == 0)
        rc = tr_kb_words_total(q->kbd->store, &q->ns, &c->total, &c->error);
    if (rc == 0)
        rc = write_stems(c, &stems);
    if (rc < 0)
        tr_kb_refuse_error(q->kbd, q->message, &c->error);
    else
        write_count(c, &stems);
    tr_indexes_touch(&q->kbd->meaning.indexes, q->ns.number);
    tr_content_writer_finish(&stems);
    tr_content_writer_finish(&c->like);
    tr_kb_words_finish(&c->words);
    tr_kb_search_finish(&c->search);
    free(c);
}

static void count(tr_kb_question_t *q) {
    int known = find_namespace(q);
    tr_content_writer_t *w = known == 0 ? answer(q) : NULL;
    if (known > 0)
        count_here(q);
    if (!w)
        return;
    tr_write_map(w, 1 + TR_KB_STATE);
    tr_write_kv_bool(w, "known", false);
    tr_kb_front_write_state(q->kbd, w);
}

/* ---- hits ---- */

typedef struct list {
    tr_kb_hit_t *hits; /* owned */
    size_t count, room, per_document;
    tr_filter_t filter;
    bool changed; /* when their documents were changed is told too */
} list_t;

static int read_list(const tr_kb_question_t *q, list_t *list, tr_error_t *error) {
    int64_t k = tr_value_int(tr_value_get(q->content, "k"), 0),
            per_document = tr_value_int(tr_value_get(q->content, "per-document"), 0);
    list->changed = tr_value_bool(tr_value_get(q->content, "changed"), false);
    if (k < 1 || k > K_MAX || per_document < 0)
        return tr_error_set(error, -EINVAL, "k: expected 1 to %d; per-document: 0 or more", K_MAX);
    list->room = (size_t)k;
    list->per_document = (size_t)per_document;
    list->hits = calloc(list->room, sizeof *list->hits);
    return list->hits ? tr_filter_compile(tr_value_get(q->content, "filter"), &list->filter, error)
                      : tr_error_set(error, -ENOMEM, "out of memory");
}

static void finish_list(list_t *list) {
    tr_filter_finish(&list->filter);
    free(list->hits);
}

static void write_list(const tr_kb_question_t *q, const list_t *list, tr_content_writer_t *w) {
    tr_write_str(w, "hits");
    tr_write_array(w, 3 * list->count);
    for (size_t i = 0; i < list->count; i++) {
        tr_write_int(w, list->hits[i].chunk);
        tr_write_int(w, list->hits[i].document);
        tr_write_double(w, list->hits[i].score);
    }
    tr_write_str(w, "changed");
    tr_write_array(w, list->changed ? list->count : 0);
    for (size_t i = 0; i < list->count && list->changed; i++) {
        int64_t ms = 0;
        tr_kb_changed_of(q->kbd->store, list->hits[i].document, &ms, NULL); /* 0 is very old, ignoring */
        tr_write_int(w, ms);
    }
}

/* ---- words ---- */

static int read_match(tr_value_t content, tr_kb_match_t *match, char (*texts)[4 * TR_KB_STEM_MAX]) {
    tr_value_t words = tr_value_get(content, "texts"), weights = tr_value_get(content, "weights");
    size_t n = tr_value_is_array(words) ? tr_value_size(words) : 0;
    if (n > TR_KB_MATCH_WORDS || n != tr_value_size(weights))
        return -EINVAL;
    for (size_t i = 0; i < n; i++) {
        if (tr_value_copy(tr_value_at(words, i), texts[i], sizeof texts[i]) < 0 || strchr(texts[i], '"'))
            return -EINVAL;
        match->texts[i] = texts[i];
        match->weights[i] = (float)tr_value_double(tr_value_at(weights, i), 0);
    }
    match->count = n;
    match->mean_length = tr_value_double(tr_value_get(content, "mean"), 0);
    return 0;
}

typedef struct best {
    tr_content_writer_t maps;
    int64_t chunk;
} best_t;

static void on_best(void *arg, const tr_kb_passage_t *p) {
    best_t *best = arg;
    tr_write_map(&best->maps, 3);
    tr_write_kv_int(&best->maps, "chunk", best->chunk);
    tr_write_kv(&best->maps, "title", p->document->title);
    tr_write_str(&best->maps, "text");
    tr_write_strn(&best->maps, p->text, p->text_len);
}

/* One of each document: the best of all shards are among the best of each. */
static int read_best(const tr_kb_question_t *q, const list_t *list, best_t *best, tr_error_t *error) {
    tr_kb_hit_t lead[PASSAGES];
    bool wanted = tr_value_bool(tr_value_get(q->content, "best"), false);
    size_t n = wanted ? tr_kb_hits_lead(list->hits, list->count, lead) : 0;
    int rc = 0;
    tr_write_array(&best->maps, n);
    for (size_t i = 0; i < n && rc == 0; i++) {
        best->chunk = lead[i].chunk;
        rc = tr_kb_passage(q->kbd->store, lead[i].chunk, on_best, best, error);
    }
    return rc;
}

static void put_words(const tr_kb_question_t *q, const list_t *list, const best_t *best) {
    const void *bytes;
    size_t len;
    tr_content_writer_t *w = tr_content_writer_take(&best->maps, &bytes, &len) == 0 ? answer(q) : NULL;
    if (!w)
        return;
    tr_write_map(w, 3);
    write_list(q, list, w);
    tr_write_str(w, "best");
    msgpack_sbuffer_write(&w->buffer, bytes, len);
}

static int find_words(tr_kb_question_t *q, list_t *list, best_t *best, tr_error_t *error) {
    char(*texts)[4 * TR_KB_STEM_MAX] = calloc(TR_KB_MATCH_WORDS, sizeof *texts);
    tr_kb_match_t match;
    int rc = texts ? read_list(q, list, error) : tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0 && read_match(q->content, &match, texts) < 0)
        rc = tr_error_set(error, -EINVAL, "texts, weights: expected as many words as numbers");
    if (rc == 0)
        rc = tr_kb_words_search(q->kbd->store, &q->ns, &match, &list->filter, list->room, list->per_document,
            list->hits, &list->count, error);
    if (rc == 0)
        rc = read_best(q, list, best, error);
    free(texts);
    return rc;
}

static void words(tr_kb_question_t *q) {
    list_t list = {0};
    best_t best;
    tr_error_t error = {0};
    if (!tr_kb_find_namespace(q))
        return;
    tr_content_writer_init(&best.maps);
    if (find_words(q, &list, &best, &error) < 0)
        tr_kb_refuse_error(q->kbd, q->message, &error);
    else
        put_words(q, &list, &best);
    finish_list(&list);
    tr_content_writer_finish(&best.maps);
}

/* ---- near ---- */

typedef struct near {
    tr_kb_question_t q;
    tr_message_t *message; /* owned */
    list_t list;
    tr_kb_search_t search; /* of which the query is read */
} near_t;

static void end_near(near_t *self) {
    tr_kb_search_finish(&self->search);
    finish_list(&self->list);
    tr_message_done(&self->message);
    free(self);
}

static void on_near(void *arg, const tr_kb_near_answer_t *found) {
    near_t *self = arg;
    bool mute = found->rc == -ENOLINK;
    tr_error_t error = {0};
    tr_content_writer_t *w = NULL;
    if (found->rc == -ECANCELED) {
        end_near(self); /* the process ends: who asks sees that */
        return;
    }
    if (found->rc < 0 && !mute) {
        tr_error_set(&error, found->rc, "%s", found->error);
        tr_kb_refuse_error(self->q.kbd, self->message, &error);
    } else if ((w = answer(&self->q))) {
        self->list.count = found->count;
        memcpy(self->list.hits, found->hits, found->count * sizeof *found->hits);
        tr_write_map(w, 4);
        write_list(&self->q, &self->list, w);
        tr_write_kv_bool(w, "complete", found->complete && !mute);
        tr_write_kv_bool(w, "mute", mute);
    }
    end_near(self);
}

static int read_near(near_t *self, tr_error_t *error) {
    int rc = read_list(&self->q, &self->list, error);
    return rc < 0 ? rc : tr_kb_search_read_query(&self->search, error);
}

static void near(tr_kb_question_t *q) {
    tr_error_t error = {0};
    near_t *self = tr_kb_find_namespace(q) ? calloc(1, sizeof *self) : NULL;
    if (!self)
        return;
    tr_kb_places_warm(q->kbd, &q->ns);
    self->message = tr_message_keep(q->message);
    self->q = *q;
    self->search.q = &self->q;
    tr_content_writer_init(&self->search.written);
    int rc = self->message ? 0 : tr_error_set(&error, -ENOMEM, "out of memory");
    if (rc == 0) {
        self->q.message = self->message;
        self->q.content = tr_message_value(self->message);
        rc = read_near(self, &error);
    }
    if (rc < 0) {
        tr_kb_refuse_error(q->kbd, q->message, &error);
        end_near(self);
        return;
    }
    tr_kb_meaning_search(&q->kbd->meaning, &(tr_kb_near_t){.ns = &self->q.ns,
                                               .text = self->search.given ? NULL : self->search.query,
                                               .vector = self->search.given,
                                               .dimensions = self->search.dimensions,
                                               .filter = &self->list.filter,
                                               .k = self->list.room,
                                               .alone = q->kbd->turns.count == 0,
                                               .found = on_near,
                                               .arg = self});
}

/* ---- passages ---- */

typedef struct passages {
    tr_content_writer_t *w;
    bool text;
} passages_t;

static void on_passage(void *arg, const tr_kb_passage_t *p) {
    const passages_t *to = arg;
    tr_kb_write_document(to->w, p->document, (size_t)(3 + to->text));
    tr_write_kv(to->w, "heading", p->heading);
    tr_write_kv_uint(to->w, "chunk", p->place);
    tr_write_kv_uint(to->w, "offset", p->offset);
    if (!to->text)
        return;
    tr_write_str(to->w, "text");
    tr_write_strn(to->w, p->text, p->text_len);
}

static void on_name(void *arg, const char *id, size_t place) {
    const passages_t *to = arg;
    tr_write_map(to->w, 2);
    tr_write_kv(to->w, "id", id);
    tr_write_kv_uint(to->w, "chunk", place);
}

/* nil: it is not there any more, or the answer would be too long. */
static void passages(tr_kb_question_t *q) {
    tr_value_t chunks = tr_value_get(q->content, "chunks");
    bool brief = tr_value_bool(tr_value_get(q->content, "brief"), false);
    size_t n = tr_value_is_array(chunks) ? tr_value_size(chunks) : 0;
    passages_t to = {.w = answer(q), .text = tr_value_bool(tr_value_get(q->content, "text"), true)};
    if (!to.w)
        return;
    tr_write_map(to.w, 1);
    tr_write_str(to.w, "passages");
    tr_write_array(to.w, n);
    for (size_t i = 0; i < n; i++) {
        int64_t chunk = tr_value_int(tr_value_at(chunks, i), 0);
        bool is_over = to.w->buffer.size > TR_KB_ANSWER_MAX;
        int rc = is_over ? -ENOENT
                 : brief ? tr_kb_chunk_name(q->kbd->store, chunk, on_name, &to, NULL)
                         : tr_kb_passage(q->kbd->store, chunk, on_passage, &to, NULL);
        if (rc < 0)
            tr_write_nil(to.w); /* then the answer is told as not complete, ignoring why */
    }
}

/* ---- shard ---- */

typedef struct sums {
    uint64_t documents, chunks, pending, namespaces, copies;
} sums_t;

static void on_namespace(void *arg, const tr_kb_namespace_t *ns) {
    sums_t *sums = arg;
    bool copies = tr_kb_place_is_copy(ns->name);
    sums->documents += copies ? 0 : ns->documents;
    sums->copies += copies ? ns->documents : 0;
    sums->chunks += copies ? 0 : ns->chunks;
    sums->pending += ns->pending;
    sums->namespaces += !copies;
}

static void write_sums(tr_content_writer_t *w, const sums_t *sums) {
    tr_write_kv_uint(w, "documents", sums->documents);
    tr_write_kv_uint(w, "chunks", sums->chunks);
    tr_write_kv_uint(w, "pending", sums->pending);
    tr_write_kv_uint(w, "namespaces", sums->namespaces);
    tr_write_kv_uint(w, "copies", sums->copies);
}

static bool sum_up(const tr_kb_question_t *q, sums_t *sums) {
    tr_error_t error = {0};
    int rc = tr_kb_namespaces(q->kbd->store, on_namespace, sums, &error);
    if (rc < 0)
        tr_kb_refuse_error(q->kbd, q->message, &error);
    return rc == 0;
}

static void note_greeting(const tr_kb_question_t *q) {
    const tr_shards_t *shards = &q->kbd->front.shards;
    tr_value_t empty = tr_value_get(q->content, "empty");
    size_t sender = tr_shards_find(shards, tr_message_sender(q->message), tr_host_platform(q->kbd->host));
    if (empty && empty->type == MSGPACK_OBJECT_POSITIVE_INTEGER && sender < shards->count &&
        sender != q->kbd->front.here)
        tr_kb_owing_greeted(q->kbd, sender, empty->via.u64);
    if (empty && sender < shards->count && tr_kb_has_copies(q->kbd) && q->kbd->front.was_empty &&
        !(q->kbd->front.greeting >> sender & 1))
        tr_kb_front_greet(q->kbd); /* it has come later than the first greeting */
}

static void shard(tr_kb_question_t *q) {
    sums_t sums = {0};
    note_greeting(q);
    tr_content_writer_t *w = sum_up(q, &sums) ? answer(q) : NULL;
    if (!w)
        return;
    tr_write_map(w, 6 + TR_KB_STATE);
    tr_kb_front_write_state(q->kbd, w);
    tr_write_kv_uint(w, "moved", q->kbd->mover.done);
    write_sums(w, &sums);
}

void tr_kb_shards(tr_kb_question_t *q) {
    sums_t sums = {0};
    tr_content_writer_t *w = sum_up(q, &sums) ? answer(q) : NULL;
    if (!w)
        return;
    tr_write_map(w, 1);
    tr_write_str(w, "shards");
    tr_write_array(w, 1);
    tr_write_map(w, 8);
    tr_write_kv(w, "shard", q->kbd->options->resident.name);
    tr_write_kv(w, "state", "alone");
    write_sums(w, &sums);
    tr_write_kv_double(w, "share", 1);
}

/* ---- forget ---- */

/* What was written elsewhere, where it belongs, is not to be found here as it was. What is not here is none to forget. */
static void forget(tr_kb_question_t *q) {
    tr_value_t ids = tr_value_get(q->content, "ids");
    char name[TR_KB_NAMESPACE_MAX + 1];
    tr_error_t error = {0};
    size_t removed = 0;
    if (!tr_kb_read_name(q, name))
        return;
    int rc = tr_value_size(ids) ? tr_kb_store_begin(q->kbd->store, &error) : 0;
    for (size_t i = 0; i < tr_value_size(ids) && rc == 0; i++) {
        char id[TR_KB_ID_MAX + 1];
        if (tr_value_copy(tr_value_at(ids, i), id, sizeof id) == 0)
            rc = tr_kb_place_clear(q->kbd, name, id, false, &removed, &error);
    }
    tr_content_writer_t *w = rc == 0 ? answer(q) : NULL;
    if (rc < 0)
        tr_kb_refuse_error(q->kbd, q->message, &error);
    if (!w)
        return;
    tr_write_map(w, TR_KB_STATE);
    tr_kb_front_write_state(q->kbd, w);
}

bool tr_kb_part(tr_kb_question_t *q, tr_value_t action) {
    static const struct {
        const char *action;
        void (*handle)(tr_kb_question_t *q);
    } parts[] = {{"describe", describe}, {"count", count}, {"words", words}, {"near", near},
        {"passages", passages}, {"shard", shard}, {"forget", forget}, {"move", tr_kb_mover_take},
        {"offer", tr_kb_owing_offer}, {"flush", tr_kb_owing_flush}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (tr_value_equals(action, parts[i].action)) {
            parts[i].handle(q);
            return true;
        }
    return false;
}
