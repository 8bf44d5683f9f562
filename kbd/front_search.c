/*
 * A search over all shards, which finds what one knowledge base with all documents would: how rare a word is, how long passages are, and what the best
 * ones teach is known of all of them before anything is scored, so that scores of different shards can be compared; vectors can be anyway.
 *
 * The rounds, in each of which all shards are asked at once:
 *
 *   count     how many chunks there are, how long, and how many have each of the query's words; or the passage that is meant by `like`
 *  (count     the same of the words of that passage)
 *   find      the best by the query's words, with what the best three say; the nearest vectors
 *  (count     how many chunks have each of the words of the best three of all)
 *  (learn     the best by the words that were learnt of them)
 *   passages  what is to be told of the results
 *
 * A shard that says nothing in a round is left out from then on, and is missing in the answer; searches of the next five seconds do without it. With
 * replicas the first round says how the shards are (front_view.c): where copies stand in for one, it is asked once more, of these as well; and a search whose
 * shard goes away in a later round begins anew, once.
 * Numbers of chunks and documents are made one's own by the question's place in the round, in the lowest twelve bits.
 */
#include "kbd/front_far.h"
#include "kbd/places.h"
#include "kbd/stem.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void finish(tr_kb_errand_t *errand) {
    tr_kb_far_t *f = (tr_kb_far_t *)errand;
    errand->kbd->front.searching--;
    tr_kb_search_finish(&f->search);
    tr_kb_words_finish(&f->words);
    tr_kb_model_finish(&f->model);
    free(f->aged);
}

/* The entry as it was given, where it was. */
static void write_given(const tr_kb_far_t *f, tr_content_writer_t *w, const char *key) {
    tr_value_t v = tr_value_get(f->errand.content, key);
    if (!v)
        return;
    tr_write_str(w, key);
    tr_write_value(w, v);
}

static size_t is_given(const tr_kb_far_t *f, const char *key) {
    return tr_value_get(f->errand.content, key) != NULL;
}

/* ---- find, and learn ---- */

static double mean_length(const tr_kb_far_t *f) {
    return f->ns->chunks && f->words_total ? (double)f->words_total / (double)f->ns->chunks : 1;
}

static void ask_words(tr_kb_far_t *f, bool best) {
    tr_kb_match_t match;
    tr_kb_words_match(f->ns, &f->words, &match);
    for (size_t i = 0; i < tr_kb_far_spots(f); i++) {
        if (!tr_kb_far_is_there(f, i))
            continue;
        tr_content_writer_t *w = tr_kb_far_ask(f, i, i, "words", 7 + is_given(f, "filter"));
        tr_write_kv_double(w, "mean", mean_length(f));
        tr_write_kv_uint(w, "k", f->search.depth);
        tr_write_kv_int(w, "per-document", f->search.per_document);
        tr_write_kv_bool(w, "best", best);
        tr_write_kv_bool(w, "changed", f->search.half_life_ms > 0);
        write_given(f, w, "filter");
        tr_write_str(w, "texts");
        tr_write_array(w, match.count);
        for (size_t k = 0; k < match.count; k++)
            tr_write_str(w, match.texts[k]);
        tr_write_str(w, "weights");
        tr_write_array(w, match.count);
        for (size_t k = 0; k < match.count; k++)
            tr_write_double(w, (double)match.weights[k]);
    }
}

static void on_learnt(tr_gather_t *gather, void *arg) {
    tr_kb_far_t *f = arg;
    (void)gather;
    if (!tr_kb_far_take(f))
        return;
    if (tr_kb_far_merge(f, 0, f->search.learnt, &f->search.learnt_count) < 0)
        tr_kb_far_fail_memory(f);
    else
        tr_kb_far_conclude(f);
}

static void learn(tr_kb_far_t *f) {
    tr_error_t error = {0};
    bool any = false;
    if (tr_kb_model_blend(&f->model, &f->words, &any, &error) < 0) {
        tr_kb_far_fail(f, &error);
        return;
    }
    if (!any) {
        tr_kb_far_conclude(f);
        return;
    }
    if (!tr_kb_errand_gather(&f->errand, tr_kb_far_spots(f)))
        return;
    ask_words(f, false);
    tr_kb_far_send(f, on_learnt);
}

/* ---- counting the words of a model ---- */

static void take_stems(tr_kb_far_t *f) {
    tr_kb_words_t *words = &f->model.words;
    for (size_t i = 0; i < words->count; i++) {
        words->items[i].chunks = 0;
        for (size_t k = 0; k < tr_kb_far_spots(f); k++) {
            tr_value_t counts = tr_value_get(tr_gather_value(f->errand.gather, k), "stems");
            words->items[i].chunks += tr_value_double(tr_value_at(counts, i), 0);
        }
    }
}

static void ask_stems(tr_kb_far_t *f, tr_gather_fn done) {
    const tr_kb_words_t *words = &f->model.words;
    const tr_map_slot_t **slots = calloc(words->count + 1, sizeof *slots), *slot;
    size_t cursor = 0;
    if (!slots) {
        tr_kb_far_fail_memory(f);
        return;
    }
    while ((slot = tr_map_next(&words->places, &cursor)))
        slots[slot->value - 1] = slot;
    if (tr_kb_errand_gather(&f->errand, tr_kb_far_spots(f))) {
        for (size_t i = 0; i < tr_kb_far_spots(f); i++) {
            if (!tr_kb_far_is_there(f, i))
                continue;
            tr_content_writer_t *w = tr_kb_far_ask(f, i, i, "count", 1);
            tr_write_str(w, "stems");
            tr_write_array(w, words->count);
            for (size_t k = 0; k < words->count; k++)
                tr_write_strn(w, slots[k]->key, slots[k]->key_len);
        }
        tr_kb_far_send(f, done);
    }
    free(slots);
}

static void on_model_counted(tr_gather_t *gather, void *arg) {
    tr_kb_far_t *f = arg;
    (void)gather;
    if (!tr_kb_far_take(f))
        return;
    take_stems(f);
    learn(f);
}

/* What a shard has said of one of its best. */
static tr_value_t best_of(const tr_kb_far_t *f, int64_t chunk) {
    tr_value_t list = tr_value_get(tr_gather_value(f->errand.gather, tr_kb_far_spot(chunk)), "best");
    for (size_t i = 0; i < tr_value_size(list); i++)
        if (tr_value_int(tr_value_get(tr_value_at(list, i), "chunk"), 0) == tr_kb_far_own(chunk))
            return tr_value_at(list, i);
    return NULL;
}

static int read_passage(tr_kb_far_t *f, tr_value_t passage, double weight, tr_error_t *error) {
    size_t title_len = 0, len = 0;
    const char *title = tr_value_str(tr_value_get(passage, "title"), &title_len),
               *text = tr_value_str(tr_value_get(passage, "text"), &len);
    char *ended = title ? strndup(title, title_len) : strdup("");
    int rc = ended ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0)
        rc = tr_kb_model_read(&f->model, weight, ended, text ? text : "", len, error);
    free(ended);
    return rc;
}

/* True: there is something to learn from, and it was read. */
static bool read_best(tr_kb_far_t *f, int *ret_rc, tr_error_t *error) {
    const tr_kb_search_t *s = &f->search;
    tr_kb_hit_t best[TR_KB_FEEDBACK_PASSAGES];
    double sum = 0;
    if (!s->learnt || tr_kb_hits_lead(s->lexical, s->lexical_count, best) < TR_KB_FEEDBACK_PASSAGES)
        return false;
    *ret_rc = tr_kb_model_init(&f->model, f->errand.kbd->store, f->ns, &f->words, error);
    for (size_t i = 0; i < TR_KB_FEEDBACK_PASSAGES; i++)
        sum += best[i].score;
    for (size_t i = 0; i < TR_KB_FEEDBACK_PASSAGES && *ret_rc == 0; i++)
        *ret_rc = read_passage(f, best_of(f, best[i].chunk), sum > 0 ? best[i].score / sum : 0, error);
    return true;
}

/* ---- find ---- */

static int take_near(tr_kb_far_t *f) {
    size_t n = tr_kb_far_spots(f), from = f->asked_words, mute = 0, answered = 0;
    tr_kb_search_t *s = &f->search;
    if (s->mode == TR_KB_LEXICAL)
        return 0;
    for (size_t i = 0; i < n; i++) {
        tr_value_t answer = tr_gather_value(f->errand.gather, from + i);
        answered += answer != NULL;
        mute += tr_value_bool(tr_value_get(answer, "mute"), false);
        s->complete &= !answer || tr_value_bool(tr_value_get(answer, "complete"), true);
    }
    f->mute = answered && mute == answered;
    return tr_kb_far_merge(f, from, s->vector, &s->vector_count);
}

static void on_found(tr_gather_t *gather, void *arg) {
    tr_kb_far_t *f = arg;
    tr_kb_search_t *s = &f->search;
    tr_error_t error = {0};
    int rc = 0;
    (void)gather;
    if (!tr_kb_far_take(f))
        return;
    if (f->asked_words)
        rc = tr_kb_far_merge(f, 0, s->lexical, &s->lexical_count);
    if (rc == 0)
        rc = take_near(f);
    if (rc < 0) {
        tr_kb_far_fail_memory(f);
        return;
    }
    if (f->mute && s->mode == TR_KB_VECTORS) {
        tr_error_set(&error, -ENOLINK, "the model server gives no vectors for now");
        tr_kb_far_fail(f, &error);
        return;
    }
    bool learns = read_best(f, &rc, &error);
    if (rc < 0)
        tr_kb_far_fail(f, &error);
    else if (learns)
        ask_stems(f, on_model_counted);
    else
        tr_kb_far_conclude(f);
}

static void ask_near(tr_kb_far_t *f) {
    const tr_kb_search_t *s = &f->search;
    for (size_t i = 0; i < tr_kb_far_spots(f); i++) {
        if (!tr_kb_far_is_there(f, i))
            continue;
        tr_content_writer_t *w = tr_kb_far_ask(f, f->asked_words + i, i, "near", 3 + is_given(f, "filter"));
        tr_write_kv_uint(w, "k", s->depth);
        tr_write_kv_bool(w, "changed", s->half_life_ms > 0);
        write_given(f, w, "filter");
        tr_write_str(w, s->given ? "vector" : "query");
        if (s->given)
            tr_write_bin(w, s->given, s->dimensions * sizeof *s->given);
        else
            tr_write_str(w, s->query);
    }
}

static void find(tr_kb_far_t *f) {
    size_t n = tr_kb_far_spots(f);
    bool words = f->search.mode != TR_KB_VECTORS, vectors = f->search.mode != TR_KB_LEXICAL;
    if (!tr_kb_errand_gather(&f->errand, n * (size_t)(words + vectors)))
        return;
    f->asked_words = words ? n : 0;
    if (words)
        ask_words(f, f->search.learnt != NULL);
    if (vectors)
        ask_near(f);
    tr_kb_far_send(f, on_found);
}

/* ---- count ---- */

/* The words of the passage that is meant by `like` are the query. */
static void on_like_counted(tr_gather_t *gather, void *arg) {
    tr_kb_far_t *f = arg;
    tr_error_t error = {0};
    (void)gather;
    if (!tr_kb_far_take(f))
        return;
    take_stems(f);
    if (tr_kb_model_be_query(&f->model, &f->words, &error) < 0)
        tr_kb_far_fail(f, &error);
    else
        find(f);
}

/* One that is here knows the passage. */
static int take_like(tr_kb_far_t *f, tr_value_t like, size_t spot, tr_error_t *error) {
    tr_kb_search_t *s = &f->search;
    tr_value_t vector = tr_value_get(like, "vector");
    s->like.chunk = tr_kb_far_number(tr_value_int(tr_value_get(like, "chunk"), 0), spot);
    s->like.document = tr_kb_far_number(tr_value_int(tr_value_get(like, "document"), 0), spot);
    s->like_chunks = (size_t)tr_value_int(tr_value_get(like, "chunks"), 0);
    if (vector && vector->type == MSGPACK_OBJECT_BIN && vector->via.bin.size >= sizeof *s->given) {
        s->dimensions = vector->via.bin.size / sizeof *s->given;
        s->given = malloc(s->dimensions * sizeof *s->given);
        if (!s->given)
            return tr_error_set(error, -ENOMEM, "out of memory");
        memcpy(s->given, vector->via.bin.ptr, s->dimensions * sizeof *s->given);
    }
    int rc = tr_kb_model_init(&f->model, f->errand.kbd->store, f->ns, &f->words, error);
    return rc < 0 ? rc : read_passage(f, like, 1, error);
}

static int find_like(tr_kb_far_t *f, tr_error_t *error) {
    tr_value_t like = tr_value_get(f->errand.content, "like"), id = like;
    char names[512], text[TR_KB_ID_MAX + 1] = "";
    int64_t chunk = 0;
    for (size_t i = 0; i < tr_kb_far_spots(f); i++) {
        tr_value_t found = tr_value_get(tr_gather_value(f->errand.gather, i), "like");
        if (found)
            return take_like(f, found, i, error);
    }
    if (tr_value_is_map(like)) {
        id = tr_value_get(like, "id");
        chunk = tr_value_int(tr_value_get(like, "chunk"), 0);
    }
    if (tr_value_copy(id, text, sizeof text) < 0 || chunk < 0)
        return tr_error_set(error, -EINVAL, "like: expected the id of a document, or {\"id\", \"chunk\"}");
    if (!tr_kb_errand_missing(&f->errand))
        return tr_error_set(error, -ENOENT,
            "%.200s: the namespace %s has no such document, or it has no chunk %lld", text, f->ns->name,
            (long long)chunk);
    return tr_error_set(error, -EIO, "%.200s: it is not in the shards that are here; away: %s", text,
        tr_kb_errand_names(&f->errand, names, sizeof names));
}

/* Each shard has read the same words, in the same order. */
static int take_counts(tr_kb_far_t *f, tr_error_t *error) {
    tr_kb_search_t *s = &f->search;
    tr_kb_lexical_t query = {.text = s->query, .terms = s->terms, .term_count = s->term_count};
    int rc = tr_kb_words_query(f->errand.kbd->store, f->ns, &f->words, &query, &f->own, error);
    for (size_t k = 0; k < tr_kb_far_spots(f) && rc == 0; k++) {
        tr_value_t answer = tr_gather_value(f->errand.gather, k), counts = tr_value_get(answer, "counts");
        if (!tr_value_bool(tr_value_get(answer, "known"), false))
            continue;
        if (tr_value_size(counts) != f->words.count)
            return tr_error_set(error, -EIO, "the shards read the words of the query differently");
        for (size_t i = 0; i < f->words.count; i++)
            f->words.items[i].chunks += tr_value_double(tr_value_at(counts, i), 0);
    }
    if (rc == 0)
        s->coverage = tr_kb_words_coverage(f->ns, &f->words, f->own);
    return rc;
}

/* False: nobody knows the namespace. */
static bool take_namespace(tr_kb_far_t *f) {
    char language[32];
    bool known = false;
    for (size_t i = 0; i < tr_kb_far_spots(f); i++) {
        tr_value_t answer = tr_gather_value(f->errand.gather, i);
        if (!tr_value_bool(tr_value_get(answer, "known"), false))
            continue;
        known = true;
        if (tr_value_copy(tr_value_get(answer, "language"), language, sizeof language) == 0)
            f->ns->language = tr_stem_language(language);
        f->ns->chunks += (uint64_t)tr_value_int(tr_value_get(answer, "chunks"), 0);
        f->ns->version += (uint64_t)tr_value_int(tr_value_get(answer, "version"), 0);
        f->words_total += (uint64_t)tr_value_int(tr_value_get(answer, "words"), 0);
        if (tr_value_int(tr_value_get(answer, "dimensions"), 0))
            f->ns->dimensions = (size_t)tr_value_int(tr_value_get(answer, "dimensions"), 0);
    }
    return known && f->ns->language;
}

/* ---- the same again ---- */

typedef struct shard_state {
    uint64_t instance, number, version, made;
} shard_state_t;

static uint64_t number_of(tr_value_t map, const char *key) {
    tr_value_t v = tr_value_get(map, key);
    return v && v->type == MSGPACK_OBJECT_POSITIVE_INTEGER ? v->via.u64 : 0;
}

/* How the namespace is in each shard, and the question. What changes it anywhere changes the key: an instance ends with its count of vectors. */
static bool make_key(tr_kb_far_t *f) {
    size_t len = 0, n = tr_kb_far_spots(f);
    const void *question = tr_message_content(f->errand.message, &len);
    shard_state_t *states = calloc(1, n * sizeof *states + len);
    if (!states)
        return false;
    for (size_t i = 0; i < n; i++) {
        tr_value_t answer = tr_gather_value(f->errand.gather, i);
        states[i] = (shard_state_t){number_of(answer, "instance"), number_of(answer, "number"),
            number_of(answer, "version"), number_of(answer, "made")};
    }
    memcpy(states + n, question, len);
    tr_kb_cache_key(f->ns, 0, states, n * sizeof *states + len, &f->search.key);
    free(states);
    return true;
}

/* True: it was answered as the same question was before, since when nothing has changed in any shard. */
static bool answer_again(tr_kb_far_t *f) {
    tr_kbd_t *kbd = f->errand.kbd;
    tr_kb_namespace_t here;
    size_t len;
    if (tr_kb_far_spots(f) != kbd->front.shards.count || f->errand.view.doubles ||
        tr_kb_errand_missing(&f->errand) || !tr_kb_front_is_settled(kbd))
        return false;
    for (size_t i = 0; i < tr_kb_far_spots(f); i++)
        if (f->errand.spots[i].shard != i)
            return false; /* copies stand in for somebody */
    if (tr_kb_namespace_find(kbd->store, f->ns->name, &here, NULL) == 0)
        f->ns->number = here.number; /* whose hits are counted */
    f->keyed = make_key(f);
    const void *answer = f->keyed ? tr_kb_cache_find(&kbd->cache, f->ns, &f->search.key, &len) : NULL;
    tr_content_writer_t *w = answer ? tr_kb_answer(kbd, f->errand.message, TR_INFORM) : NULL;
    if (w)
        msgpack_sbuffer_write(&w->buffer, answer, len);
    if (w)
        tr_kb_errand_destroy(&f->errand);
    return w;
}

static void go_on(tr_kb_far_t *f) {
    tr_kb_search_t *s = &f->search;
    tr_error_t error = {0};
    bool like = tr_value_get(f->errand.content, "like");
    int rc =
        tr_kb_words_init(&f->words, TR_KB_MATCH_WORDS) ? 0 : tr_error_set(&error, -ENOMEM, "out of memory");
    if (rc == 0 && like)
        rc = find_like(f, &error);
    s->doubles = f->errand.view.doubles || !tr_kb_front_is_settled(f->errand.kbd);
    if (rc == 0)
        rc = tr_kb_search_read(s, &error);
    if (rc == 0 && s->query && s->mode != TR_KB_VECTORS)
        rc = take_counts(f, &error);
    if (rc < 0)
        tr_kb_far_fail(f, &error);
    else if (like && s->mode != TR_KB_VECTORS)
        ask_stems(f, on_like_counted);
    else
        find(f);
}

static void count(tr_kb_far_t *f);

/* True: copies stand in for a shard, or for what is missing, and have to be asked, too. */
static bool asks_copies(tr_kb_far_t *f) {
    bool copied = false;
    if (f->surveyed)
        return false;
    f->surveyed = tr_kb_has_copies(f->errand.kbd);
    tr_kb_errand_judge(&f->errand);
    for (size_t i = 0; i < tr_kb_far_front(f)->shards.count; i++)
        copied |= f->errand.view.copied[i];
    return copied;
}

static void on_counted(tr_gather_t *gather, void *arg) {
    tr_kb_far_t *f = arg;
    char detail[TR_KB_NAMESPACE_MAX + 64];
    (void)gather;
    if (!tr_kb_far_take(f))
        return;
    if (asks_copies(f)) {
        count(f);
    } else if (take_namespace(f)) {
        if (!answer_again(f))
            go_on(f);
    } else if (tr_kb_errand_missing(&f->errand)) {
        tr_kb_far_put(f, 0); /* it may be where nobody answers */
        tr_kb_errand_destroy(&f->errand);
    } else {
        snprintf(detail, sizeof detail, "there is no namespace %s", f->ns->name);
        tr_kb_errand_refuse(&f->errand, TR_REFUSE, "not-registered", detail);
    }
}

static void count(tr_kb_far_t *f) {
    if (tr_kb_errand_find_spots(&f->errand) < 0) {
        tr_kb_far_fail_memory(f);
        return;
    }
    if (!tr_kb_errand_gather(&f->errand, tr_kb_far_spots(f)))
        return;
    for (size_t i = 0; i < tr_kb_far_spots(f); i++) {
        tr_content_writer_t *w = tr_kb_far_ask(
            f, i, i, "count", is_given(f, "query") + is_given(f, "terms") + is_given(f, "like"));
        write_given(f, w, "query");
        write_given(f, w, "terms");
        write_given(f, w, "like");
    }
    tr_kb_far_send(f, on_counted);
}

/* Those that are left alone are asked where there are no others. */
static void leave_alone(tr_kb_far_t *f) {
    size_t n = tr_kb_far_front(f)->shards.count, left = 0;
    for (size_t i = 0; i < n; i++)
        left += f->errand.missing[i] = tr_kb_front_leaves_alone(f->errand.kbd, i);
    if (left == n)
        memset(f->errand.missing, 0, sizeof f->errand.missing);
}

static void init_search(tr_kb_far_t *f) {
    tr_kbd_t *kbd = f->errand.kbd;
    f->search.question =
        (tr_kb_question_t){.kbd = kbd, .message = f->errand.message, .content = f->errand.content};
    f->search.q = &f->search.question;
    f->search.far = f->search.complete = true;
    f->search.changed = tr_kb_far_changed;
    f->ns = &f->search.question.ns;
    tr_content_writer_init(&f->search.written);
}

void tr_kb_far_begin(tr_kb_far_t *f) {
    tr_kb_search_finish(&f->search);
    tr_kb_words_finish(&f->words);
    tr_kb_model_finish(&f->model);
    free(f->aged);
    *f = (tr_kb_far_t){.errand = f->errand, .restarts = f->restarts};
    f->errand.view = (tr_kb_view_t){.judged = false};
    init_search(f);
    tr_kb_read_name(f->search.q, f->ns->name);
    leave_alone(f);
    count(f);
}

void tr_kb_front_search(tr_kbd_t *self, tr_message_t *message) {
    tr_kb_far_t *f = (tr_kb_far_t *)tr_kb_errand_new(self, message, sizeof *f, finish);
    if (!f)
        return;
    self->front.searching++;
    int64_t latest_ms = tr_clock_ms() + self->options->search_time_ms;
    f->errand.until_ms = f->errand.until_ms < latest_ms ? f->errand.until_ms : latest_ms;
    init_search(f);
    if (tr_kb_read_name(f->search.q, f->ns->name)) {
        leave_alone(f);
        count(f);
    } else {
        tr_kb_errand_destroy(&f->errand);
    }
}
