/* What the shards have found, as one answer; and a round of questions to them (front_search.c). */
#include "kbd/front_far.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- rounds ---- */

void tr_kb_far_fail(tr_kb_far_t *f, const tr_error_t *error) {
    tr_kb_refuse_error(f->errand.kbd, f->errand.message, error);
    tr_kb_errand_destroy(&f->errand);
}

void tr_kb_far_fail_memory(tr_kb_far_t *f) {
    tr_kb_errand_refuse(&f->errand, TR_FAILURE, "internal-error", "out of memory");
}

void tr_kb_far_send(tr_kb_far_t *f, tr_gather_fn done) {
    tr_kb_errand_send(&f->errand, tr_kb_errand_left_ms(&f->errand) / 2, done);
}

tr_content_writer_t *tr_kb_far_ask(
    tr_kb_far_t *f, size_t i, size_t spot, const char *action, size_t entries) {
    tr_kb_spot_t at = f->errand.spots[spot];
    bool copies = at.of != at.shard;
    tr_content_writer_t *w = tr_kb_errand_ask(&f->errand, i, at.shard, action, entries + 1 + copies);
    tr_write_kv(w, "namespace", f->ns->name);
    if (copies)
        tr_write_kv_uint(w, "of", at.of);
    return w;
}

/* Who has gone: true, there is one. */
static bool note_lost(tr_kb_far_t *f) {
    size_t n = tr_kb_far_spots(f);
    bool lost = false;
    for (size_t i = 0; i < tr_gather_count(f->errand.gather); i++) {
        size_t shard = f->errand.spots[i % n].shard;
        tr_kb_front_note_one(f->errand.kbd, shard, tr_gather_value(f->errand.gather, i));
        if (tr_gather_how(f->errand.gather, i) != TR_GATHER_AWAY)
            continue;
        f->errand.missing[shard] = lost = true;
        tr_kb_front_leave_alone(f->errand.kbd, shard);
    }
    return lost;
}

bool tr_kb_far_take(tr_kb_far_t *f) {
    tr_kb_errand_t *errand = &f->errand;
    if (note_lost(f) && f->surveyed) {
        if (f->restarts++ == 0 && tr_kb_errand_left_ms(errand) > 0) {
            tr_kb_far_begin(f);
            return false;
        }
        for (size_t i = 0; i < tr_kb_far_front(f)->shards.count; i++)
            errand->view.told[i] |= errand->missing[i];
    }
    return !tr_kb_errand_refused(errand);
}

/* ---- hits ---- */

static int64_t number_at(tr_value_t list, size_t i) {
    return tr_value_int(tr_value_at(list, i), 0);
}

static int note_ages(tr_kb_far_t *f, tr_value_t answer, size_t spot) {
    tr_value_t hits = tr_value_get(answer, "hits"), changed = tr_value_get(answer, "changed");
    size_t n = tr_value_size(changed);
    tr_kb_aged_t *grown = n ? realloc(f->aged, (f->aged_count + n) * sizeof *grown) : f->aged;
    if (n && !grown)
        return -ENOMEM;
    f->aged = grown;
    for (size_t i = 0; i < n; i++)
        f->aged[f->aged_count++] =
            (tr_kb_aged_t){tr_kb_far_number(number_at(hits, 3 * i + 1), spot), number_at(changed, i)};
    return 0;
}

static int by_document(const void *a, const void *b) {
    int64_t x = ((const tr_kb_aged_t *)a)->document, y = ((const tr_kb_aged_t *)b)->document;
    return x < y ? -1 : x > y;
}

int tr_kb_far_changed(tr_kb_search_t *s, int64_t document, int64_t *ret_changed_ms, tr_error_t *error) {
    tr_kb_far_t *f = (tr_kb_far_t *)((char *)s - offsetof(tr_kb_far_t, search));
    tr_kb_aged_t wanted = {document, 0};
    const tr_kb_aged_t *found = bsearch(&wanted, f->aged, f->aged_count, sizeof wanted, by_document);
    (void)error;
    *ret_changed_ms = found ? found->changed_ms : 0;
    return 0;
}

static int by_score(const void *a, const void *b) {
    const tr_kb_hit_t *x = a, *y = b;
    return x->score < y->score   ? 1
           : x->score > y->score ? -1
           : x->chunk < y->chunk ? -1
                                 : x->chunk > y->chunk;
}

int tr_kb_far_merge(tr_kb_far_t *f, size_t from, tr_kb_hit_t *ret, size_t *ret_count) {
    size_t total = 0, n = tr_kb_far_spots(f);
    for (size_t i = 0; i < n; i++)
        total += tr_value_size(tr_value_get(tr_gather_value(f->errand.gather, from + i), "hits")) / 3;
    tr_kb_hit_t *all = calloc(total + 1, sizeof *all);
    int rc = all ? 0 : -ENOMEM;
    total = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        tr_value_t answer = tr_gather_value(f->errand.gather, from + i), hits = tr_value_get(answer, "hits");
        for (size_t k = 0; k < tr_value_size(hits) / 3; k++)
            all[total++] = (tr_kb_hit_t){tr_kb_far_number(number_at(hits, 3 * k), i),
                tr_kb_far_number(number_at(hits, 3 * k + 1), i),
                tr_value_double(tr_value_at(hits, 3 * k + 2), 0)};
        rc = note_ages(f, answer, i);
    }
    if (rc == 0) {
        qsort(all, total, sizeof *all, by_score);
        *ret_count = total < f->search.depth ? total : f->search.depth;
        memcpy(ret, all, *ret_count * sizeof *all);
    }
    free(all);
    return rc;
}

/* ---- the answer ---- */

static void write_passage(tr_kb_far_t *f, tr_value_t passage) {
    tr_content_writer_t *w = &f->search.written;
    const msgpack_object_map *map = &passage->via.map;
    tr_write_map(w, map->size + 1 + (f->search.explain && !f->search.brief));
    for (uint32_t i = 0; i < map->size; i++) {
        tr_write_value(w, &map->ptr[i].key);
        tr_write_value(w, &map->ptr[i].val);
    }
    if (f->search.brief)
        tr_write_kv_double(w, "score", f->search.result->score);
    else
        tr_kb_search_write_score(&f->search, w);
}

/* What was answered to each result; NULL where it is not there any more. */
static void read_passages(const tr_kb_far_t *f, tr_value_t *ret) {
    const tr_kb_search_t *s = &f->search;
    uint16_t at[TR_KB_SPOTS_MAX] = {0};
    for (size_t i = 0; i < s->count; i++) {
        size_t spot = tr_kb_far_spot(s->results[i].chunk);
        tr_value_t list = tr_value_get(tr_gather_value(f->errand.gather, spot), "passages");
        tr_value_t passage = tr_value_at(list, at[spot]++);
        ret[i] = tr_value_is_map(passage) ? passage : NULL;
    }
}

static bool is_same(tr_value_t a, tr_value_t b) {
    size_t a_len = 0, b_len = 0;
    const char *x = tr_value_str(a, &a_len), *y = tr_value_str(b, &b_len);
    return x && y && a_len == b_len && memcmp(x, y, a_len) == 0;
}

/* A document that is on its way is in two shards: it is told from where it belongs, or else from the first one. */
static bool is_double(const tr_kb_far_t *f, const tr_value_t *passages, size_t i) {
    const tr_kb_search_t *s = &f->search;
    tr_value_t id = tr_value_get(passages[i], "id");
    size_t spot = tr_kb_far_spot(s->results[i].chunk);
    bool right = tr_kb_errand_is_right(&f->errand, f->errand.spots[spot], id);
    for (size_t k = 0; k < s->count; k++) {
        size_t other = tr_kb_far_spot(s->results[k].chunk);
        if (other == spot || !is_same(tr_value_get(passages[k], "id"), id))
            continue;
        bool is_right = tr_kb_errand_is_right(&f->errand, f->errand.spots[other], id);
        if (is_right != right ? is_right : other < spot)
            return true;
    }
    return false;
}

static void write_passages(tr_kb_far_t *f, const tr_value_t *passages) {
    tr_kb_search_t *s = &f->search;
    size_t gone = 0, written = 0, i = 0;
    for (; i < s->count && written < (size_t)s->k && s->written.buffer.size < TR_KB_ANSWER_MAX; i++) {
        s->result = &s->results[i];
        if (!passages[i])
            gone++;
        else if (!s->doubles || !is_double(f, passages, i)) {
            write_passage(f, passages[i]);
            written++;
        }
    }
    s->complete &= gone == 0 && (i == s->count || written == (size_t)s->k);
    tr_kb_far_put(f, written);
}

void tr_kb_far_put(tr_kb_far_t *f, size_t written) {
    const void *bytes;
    size_t len, missing = tr_kb_errand_missing(&f->errand);
    tr_content_writer_t *w = NULL;
    if (tr_content_writer_take(&f->search.written, &bytes, &len) == 0)
        w = tr_kb_answer(f->errand.kbd, f->errand.message, TR_INFORM);
    if (!w)
        return;
    tr_write_map(w, 3 + (missing > 0));
    tr_write_kv_uint(w, "version", f->ns->version);
    tr_write_kv_bool(w, "complete", f->search.complete && !missing);
    tr_kb_errand_write_missing(&f->errand, w, false);
    tr_write_str(w, "results");
    tr_write_array(w, written);
    msgpack_sbuffer_write(&w->buffer, bytes, len);
    if (f->keyed && f->search.complete && !missing && !f->search.half_life_ms)
        tr_kb_cache_put(&f->errand.kbd->cache, &f->search.key, w->buffer.data, w->buffer.size);
}

static void on_passages(tr_gather_t *gather, void *arg) {
    tr_kb_far_t *f = arg;
    (void)gather;
    if (!tr_kb_far_take(f))
        return;
    tr_value_t *passages = calloc(f->search.count + 1, sizeof *passages);
    if (!passages) {
        tr_kb_far_fail_memory(f);
        return;
    }
    read_passages(f, passages);
    write_passages(f, passages);
    free(passages);
    tr_kb_errand_destroy(&f->errand);
}

static size_t count_results(const tr_kb_far_t *f, size_t spot) {
    size_t n = 0;
    for (size_t i = 0; i < f->search.count; i++)
        n += tr_kb_far_spot(f->search.results[i].chunk) == spot;
    return n;
}

static void ask_passages(tr_kb_far_t *f) {
    const tr_kb_search_t *s = &f->search;
    if (!tr_kb_errand_gather(&f->errand, tr_kb_far_spots(f)))
        return;
    for (size_t i = 0; i < tr_kb_far_spots(f); i++) {
        size_t n = count_results(f, i);
        if (!n || !tr_kb_far_is_there(f, i))
            continue;
        tr_content_writer_t *w = tr_kb_far_ask(f, i, i, "passages", 3);
        tr_write_kv_bool(w, "text", s->text);
        tr_write_kv_bool(w, "brief", s->brief);
        tr_write_str(w, "chunks");
        tr_write_array(w, n);
        for (size_t k = 0; k < s->count; k++)
            if (tr_kb_far_spot(s->results[k].chunk) == i)
                tr_write_int(w, tr_kb_far_own(s->results[k].chunk));
    }
    tr_kb_far_send(f, on_passages);
}

void tr_kb_far_conclude(tr_kb_far_t *f) {
    tr_error_t error = {0};
    if (f->aged_count)
        qsort(f->aged, f->aged_count, sizeof *f->aged, by_document);
    if (tr_kb_search_fuse(&f->search, &error) < 0) {
        tr_kb_far_fail(f, &error);
    } else if (f->search.count == 0) {
        tr_kb_far_put(f, 0);
        tr_kb_errand_destroy(&f->errand);
    } else {
        ask_passages(f);
    }
}
