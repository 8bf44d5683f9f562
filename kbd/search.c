/*
 * {"action": "search", ...}: what is found by words and by vectors, fused, with what is to be cited.
 *
 * A search waits for its turn (turns.h) with its message kept; then words are looked up at once, and vectors by the crew, who come back with
 * what they have found. So many are with them at most that the order is still that of the turns.
 */
#include "kbd/search.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT_A_TURN 32u

/* ---- searching ---- */

static int find_words(tr_kb_search_t *s, tr_error_t *error) {
    tr_kb_lexical_t query = {.text = s->query,
        .like = s->like.chunk,
        .terms = s->terms,
        .term_count = s->term_count,
        .filter = &s->filter,
        .k = s->depth,
        .per_document = (size_t)s->per_document,
        .ret_learnt = s->learnt,
        .ret_learnt_count = &s->learnt_count,
        .ret_coverage = &s->coverage};
    return tr_kb_lexical(s->q->kbd->store, &s->q->ns, &query, s->lexical, &s->lexical_count, error);
}

static double share_of(const tr_kb_search_t *s) {
    return s->mode == TR_KB_VECTORS ? 1
           : s->vector_count == 0   ? 0
           : s->lexical_count == 0
               ? 1
               : tr_fuse_share(&(tr_fuse_list_t){s->vector, s->vector_count}, s->coverage);
}

/* What is like a document is not that document. */
static size_t leave_out(tr_kb_hit_t *hits, size_t count, int64_t document) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (hits[i].document != document)
            hits[n++] = hits[i];
    return n;
}

static int by_score(const void *a, const void *b) {
    double x = ((const tr_kb_fused_t *)a)->score, y = ((const tr_kb_fused_t *)b)->score;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* A score halves with each half-life that has gone since the document was changed. */
static int let_age(tr_kb_search_t *s, tr_error_t *error) {
    int64_t now_ms = tr_clock_wall_ms(), changed_ms;
    int rc = 0;
    for (size_t i = 0; i < s->count && rc == 0; i++) {
        tr_kb_fused_t *result = &s->results[i];
        rc = s->changed ? s->changed(s, result->document, &changed_ms, error)
                        : tr_kb_changed_of(s->q->kbd->store, result->document, &changed_ms, error);
        double age = rc == 0 && now_ms > changed_ms ? (double)(now_ms - changed_ms) : 0;
        result->age_part = exp2(-age / (double)s->half_life_ms);
        result->score *= result->age_part;
    }
    qsort(s->results, s->count, sizeof *s->results, by_score);
    return rc;
}

int tr_kb_search_fuse(tr_kb_search_t *s, tr_error_t *error) {
    if (s->like.chunk) {
        s->lexical_count = leave_out(s->lexical, s->lexical_count, s->like.document);
        s->vector_count = leave_out(s->vector, s->vector_count, s->like.document);
    }
    s->share = share_of(s);
    tr_fuse_lists_t lists = {
        {s->lexical, s->lexical_count}, {s->learnt, s->learnt_count}, {s->vector, s->vector_count}, s->share};
    int64_t n = tr_fuse(&lists, (size_t)s->per_document, s->room, s->results);
    s->count = n < 0 ? 0 : (size_t)n;
    int rc = n < 0 ? tr_error_set(error, -ENOMEM, "out of memory") : s->half_life_ms ? let_age(s, error) : 0;
    size_t most = (size_t)s->k + s->spare;
    s->count = s->count > most ? most : s->count;
    return rc;
}

/* ---- answering ---- */

static void write_found(tr_content_writer_t *w, const char *key, double score) {
    tr_write_str(w, key);
    if (isnan(score))
        tr_write_nil(w);
    else
        tr_write_double(w, score);
}

static void write_explanation(const tr_kb_search_t *s, tr_content_writer_t *w) {
    tr_write_str(w, "explain");
    tr_write_map(w, 8);
    write_found(w, "lexical", s->result->lexical);
    write_found(w, "learnt", s->result->learnt);
    write_found(w, "vector", s->result->vector);
    tr_write_kv_double(w, "lexical-part", s->result->lexical_part);
    tr_write_kv_double(w, "vector-part", s->result->vector_part);
    tr_write_kv_double(w, "lead-part", s->result->lead_part);
    tr_write_kv_double(w, "vector-share", s->share);
    tr_write_kv_double(w, "age-part", s->result->age_part);
}

void tr_kb_search_write_score(const tr_kb_search_t *s, tr_content_writer_t *w) {
    tr_write_kv_double(w, "score", s->result->score);
    if (s->explain)
        write_explanation(s, w);
}

static void on_passage(void *arg, const tr_kb_passage_t *p) {
    tr_kb_search_t *s = arg;
    tr_content_writer_t *w = &s->written;
    tr_kb_write_document(w, p->document, (size_t)(4 + s->text + s->explain));
    tr_kb_search_write_score(s, w);
    tr_write_kv(w, "heading", p->heading);
    tr_write_kv_uint(w, "chunk", p->place);
    tr_write_kv_uint(w, "offset", p->offset);
    if (s->text) {
        tr_write_str(w, "text");
        tr_write_strn(w, p->text, p->text_len);
    }
}

/* What the asker knows already is left out. */
static void on_name(void *arg, const char *id, size_t place) {
    tr_kb_search_t *s = arg;
    tr_content_writer_t *w = &s->written;
    tr_write_map(w, 3);
    tr_write_kv(w, "id", id);
    tr_write_kv_uint(w, "chunk", place);
    tr_write_kv_double(w, "score", s->result->score);
}

/* A chunk that was replaced while vectors were compared is left out; the answer says then that it is not complete. */
static int write_results(tr_kb_search_t *s, size_t *ret_written, tr_error_t *error) {
    for (size_t i = 0; i < s->count && s->written.buffer.size < TR_KB_ANSWER_MAX; i++) {
        s->result = &s->results[i];
        int rc = s->brief ? tr_kb_chunk_name(s->q->kbd->store, s->result->chunk, on_name, s, error)
                          : tr_kb_passage(s->q->kbd->store, s->result->chunk, on_passage, s, error);
        if (rc < 0 && rc != -ENOENT)
            return rc;
        *ret_written += rc == 0;
    }
    return 0;
}

/* What depends on nothing but the question and the namespace, which is as it was when the search began. */
static bool can_be_kept(tr_kb_search_t *s, size_t written) {
    tr_kbd_t *kbd = s->q->kbd;
    tr_kb_namespace_t now;
    return s->complete && written == s->count && !s->half_life_ms &&
           tr_kb_namespace_find(kbd->store, s->q->ns.name, &now, NULL) == 0 &&
           now.number == s->q->ns.number && now.version == s->q->ns.version &&
           tr_kb_meaning_made(&kbd->meaning, &now) == s->made;
}

static void put_answer(tr_kb_search_t *s, size_t written) {
    const void *bytes;
    size_t len;
    tr_content_writer_t *w = NULL;
    if (tr_content_writer_take(&s->written, &bytes, &len) == 0)
        w = tr_kb_answer(s->q->kbd, s->q->message, TR_INFORM);
    if (!w)
        return;
    tr_write_map(w, 3);
    tr_write_kv_uint(w, "version", s->q->ns.version);
    tr_write_kv_bool(w, "complete", s->complete && written == s->count);
    tr_write_str(w, "results");
    tr_write_array(w, written);
    msgpack_sbuffer_write(&w->buffer, bytes, len);
    if (can_be_kept(s, written))
        tr_kb_cache_put(&s->q->kbd->cache, &s->key, w->buffer.data, w->buffer.size);
}

/* True: it was answered, as the same question was before. */
static bool answer_again(tr_kb_search_t *s) {
    size_t len;
    tr_kbd_t *kbd = s->q->kbd;
    const void *question = tr_message_content(s->message, &len);
    s->made = tr_kb_meaning_made(&kbd->meaning, &s->q->ns);
    tr_kb_cache_key(&s->q->ns, s->made, question, len, &s->key);
    const void *answer = tr_kb_cache_find(&kbd->cache, &s->q->ns, &s->key, &len);
    tr_content_writer_t *w = answer ? tr_kb_answer(kbd, s->q->message, TR_INFORM) : NULL;
    if (w)
        msgpack_sbuffer_write(&w->buffer, answer, len);
    tr_indexes_touch(&kbd->meaning.indexes, s->q->ns.number);
    return answer;
}

static void destroy(tr_kb_search_t *s) {
    tr_kb_search_finish(s);
    free(s);
}

static void conclude(tr_kb_search_t *s, int rc, tr_error_t *error) {
    size_t written = 0;
    if (rc == 0)
        rc = tr_kb_search_fuse(s, error);
    if (rc == 0)
        rc = write_results(s, &written, error);
    if (rc < 0)
        tr_kb_refuse_error(s->q->kbd, s->q->message, error);
    else
        put_answer(s, written);
    destroy(s);
}

static void on_found(void *arg, const tr_kb_near_answer_t *answer) {
    tr_kb_search_t *s = arg;
    tr_error_t error = {0};
    if (answer->rc == -ECANCELED) {
        tr_message_release(&s->message); /* another one answers it */
        destroy(s);
        return;
    }
    bool words_alone = answer->rc == -ENOLINK && s->mode != TR_KB_VECTORS;
    int rc = words_alone ? 0 : answer->rc;
    if (rc < 0)
        tr_error_set(&error, rc, "%s", answer->error);
    memcpy(s->vector, answer->hits, answer->count * sizeof *s->vector);
    s->vector_count = answer->count;
    s->complete = answer->complete && !words_alone;
    conclude(s, rc, &error);
}

static void begin(tr_kb_search_t *s) {
    tr_error_t error = {0};
    int rc = tr_kb_search_read(s, &error);
    if (rc == 0 && s->mode != TR_KB_VECTORS)
        rc = find_words(s, &error);
    if (rc < 0 || s->mode == TR_KB_LEXICAL) {
        conclude(s, rc, &error);
        return;
    }
    tr_kb_meaning_search(&s->q->kbd->meaning, &(tr_kb_near_t){.ns = &s->q->ns,
                                                  .text = s->given ? NULL : s->query,
                                                  .vector = s->given,
                                                  .dimensions = s->dimensions,
                                                  .filter = &s->filter,
                                                  .k = s->depth,
                                                  .alone = s->q->kbd->turns.count == 0,
                                                  .found = on_found,
                                                  .arg = s});
}

/* ---- turns ---- */

void tr_kb_search(tr_kb_question_t *q) {
    if (q->kbd->front.shards.count && !tr_kb_front_has_room(q->kbd, q->message))
        return;
    tr_message_t *kept = tr_message_keep(q->message);
    int rc = kept ? tr_turns_push(&q->kbd->turns, tr_message_sender(kept), kept) : -ENOMEM;
    if (rc == 0) {
        q->kbd->front.held += tr_message_record(kept)->h.length;
        return;
    }
    tr_message_done(&kept);
    if (rc == -EBUSY)
        tr_kb_refuse(q->kbd, q->message, TR_REFUSE, "busy", "too many searches wait: ask again later");
    else
        tr_kb_refuse(q->kbd, q->message, TR_FAILURE, "internal-error", "out of memory");
}

static void serve(tr_kbd_t *self, tr_message_t *message) {
    self->front.held -= tr_message_record(message)->h.length; /* as one that waits */
    if (self->front.shards.count) {
        tr_kb_front_search(self, message);
        return;
    }
    tr_kb_search_t *s = calloc(1, sizeof *s);
    if (!s) {
        tr_kb_refuse(self, message, TR_FAILURE, "internal-error", "out of memory");
        tr_message_done(&message);
        return;
    }
    s->message = message;
    s->complete = true;
    s->question = (tr_kb_question_t){.kbd = self, .message = message, .content = tr_message_value(message)};
    s->q = &s->question;
    tr_content_writer_init(&s->written);
    if (tr_kb_find_namespace(s->q) && !answer_again(s))
        begin(s);
    else
        destroy(s);
}

static bool has_room(const tr_kbd_t *self) {
    return self->meaning.searching < TR_KB_WITH_CREW && self->front.searching < TR_KB_WITH_CREW;
}

bool tr_kb_search_turns(tr_kbd_t *self) {
    void *message;
    for (size_t i = 0; i < AT_A_TURN && has_room(self); i++) {
        if (!(message = tr_turns_pop(&self->turns)))
            return false;
        serve(self, message);
    }
    return self->turns.count > 0 && has_room(self);
}

void tr_kb_search_stop(tr_kbd_t *self) {
    tr_message_t *message;
    while ((message = tr_turns_pop(&self->turns)))
        tr_message_release(&message); /* another one answers it */
    tr_turns_finish(&self->turns);
}
