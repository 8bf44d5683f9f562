/* What all shards are asked alike: namespaces as a whole, snapshots, and how the shards are. */
#include "kbd/front.h"
#include "kbd/kbd.h"
#include "kbd/places.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *shard_name(const tr_kb_errand_t *self, size_t shard) {
    return self->kbd->front.shards.items[shard].name;
}

/* What all had to do, and some have not: true, it was told. */
static bool is_unfinished(tr_kb_errand_t *self) {
    char names[512], detail[700];
    tr_kb_errand_note_missing(self);
    if (tr_kb_errand_refused(self))
        return true;
    if (!tr_kb_errand_missing(self))
        return false;
    snprintf(detail, sizeof detail, "away: %s; the others have done it, ask again when it is here",
        tr_kb_errand_names(self, names, sizeof names));
    tr_kb_errand_refuse(self, TR_FAILURE, "shard-away", detail);
    return true;
}

/* ---- drop ---- */

static void free_more(tr_kb_errand_t *self) {
    free(self->more);
}

static void tell_dropped(tr_kb_errand_t *self, uint64_t removed) {
    tr_content_writer_t *w = tr_kb_answer(self->kbd, self->message, TR_INFORM);
    if (w) {
        tr_write_map(w, 2);
        tr_write_kv_uint(w, "removed", removed);
        tr_write_kv_bool(w, "more", false);
    }
    tr_kb_errand_destroy(self);
}

/* The second time: what was on its way has arrived, and may have made the namespace anew; where it has not, nobody knows it. */
static void on_dropped_again(tr_gather_t *gather, void *arg) {
    tr_kb_errand_t *self = arg;
    const uint64_t *removed = self->more;
    char names[512], detail[700];
    bool unfinished = false;
    tr_kb_errand_note_missing(self);
    for (size_t i = 0; i < tr_gather_count(gather); i++)
        unfinished |= tr_gather_how(gather, i) == TR_GATHER_AWAY;
    if (unfinished) {
        snprintf(detail, sizeof detail, "away: %s; ask again when it is here",
            tr_kb_errand_names(self, names, sizeof names));
        tr_kb_errand_refuse(self, TR_FAILURE, "shard-away", detail);
        return;
    }
    if (tr_kb_errand_is_unknown(self) || !tr_kb_errand_refused(self))
        tell_dropped(self, *removed);
}

static void on_dropped(tr_gather_t *gather, void *arg) {
    tr_kb_errand_t *self = arg;
    uint64_t removed = 0, *kept;
    if (is_unfinished(self))
        return;
    for (size_t i = 0; i < tr_gather_count(gather); i++)
        removed += (uint64_t)tr_value_int(tr_value_get(tr_gather_value(gather, i), "removed"), 0);
    if (tr_kb_front_is_settled(self->kbd) && !tr_kb_has_copies(self->kbd)) {
        tell_dropped(self, removed);
        return;
    }
    self->more = kept = malloc(sizeof *kept);
    self->finish = free_more;
    if (!kept) {
        tr_kb_errand_refuse(self, TR_FAILURE, "internal-error", "out of memory");
        return;
    }
    *kept = removed;
    tr_kb_errand_ask_all(self, tr_kb_errand_left_ms(self), on_dropped_again);
}

static void drop(tr_kb_errand_t *self) {
    char names[512] = "", detail[700];
    const tr_kb_view_t *view = &self->view;
    size_t len = 0;
    for (size_t i = 0; i < self->kbd->front.shards.count; i++)
        if (view->copied[i] && len < sizeof names)
            len += (size_t)snprintf(
                names + len, sizeof names - len, "%s%s", len ? ", " : "", shard_name(self, i));
    if (!len) {
        tr_kb_errand_ask_all(self, tr_kb_errand_left_ms(self) / 2, on_dropped);
        return;
    }
    snprintf(detail, sizeof detail, "away, or behind: %s; a namespace is dropped by all at once: ask again",
        names);
    tr_kb_errand_refuse(self, TR_FAILURE, "shard-away", detail);
}

/* With replicas what is dropped is not written down for who is away. */
void tr_kb_front_drop(tr_kb_errand_t *self) {
    tr_kb_errand_survey(self, drop);
}

/* ---- compact ---- */

/* Of several, what is furthest from being ready. */
static const char *worse(const char *a, tr_value_t b) {
    static const char *const states[] = {"ready", "none", "building", "reading"};
    size_t x = 0, y = 0;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        x = strcmp(a, states[i]) == 0 ? i : x;
        y = tr_value_equals(b, states[i]) ? i : y;
    }
    return states[x > y ? x : y];
}

static void on_compacted(tr_gather_t *gather, void *arg) {
    tr_kb_errand_t *self = arg;
    const char *state = "ready";
    if (is_unfinished(self))
        return;
    for (size_t i = 0; i < tr_gather_count(gather); i++)
        state = worse(state, tr_value_get(tr_gather_value(gather, i), "state"));
    tr_content_writer_t *w = tr_kb_answer(self->kbd, self->message, TR_INFORM);
    if (w) {
        tr_write_map(w, 1);
        tr_write_kv(w, "state", state);
    }
    tr_kb_errand_destroy(self);
}

void tr_kb_front_compact(tr_kb_errand_t *self) {
    tr_kb_errand_ask_all(self, tr_kb_errand_left_ms(self), on_compacted);
}

/* ---- snapshot ---- */

static void on_snapshots(tr_gather_t *gather, void *arg) {
    tr_kb_errand_t *self = arg;
    size_t n = tr_gather_count(gather);
    if (is_unfinished(self))
        return;
    tr_content_writer_t *w = tr_kb_answer(self->kbd, self->message, TR_INFORM);
    if (w) {
        tr_write_map(w, 1);
        tr_write_str(w, "paths");
        tr_write_array(w, n);
    }
    for (size_t i = 0; i < n && w; i++) {
        tr_write_map(w, 2);
        tr_write_kv(w, "shard", shard_name(self, i));
        tr_write_str(w, "path");
        tr_write_value(w, tr_value_get(tr_gather_value(gather, i), "path"));
    }
    tr_kb_errand_destroy(self);
}

void tr_kb_front_snapshot(tr_kb_errand_t *self) {
    tr_kb_errand_ask_all(self, tr_kb_errand_left_ms(self), on_snapshots);
}

/* ---- namespaces ---- */

static const char *const sums[] = {
    "documents", "chunks", "version", "pending", "vectors", "segments", "delta", "hits"};
#define SUMS (sizeof sums / sizeof *sums)

typedef struct name {
    tr_value_t name, language;
    const char *index;
    uint64_t sums[SUMS];
} name_t;

typedef struct names {
    name_t *items; /* owned */
    size_t count;
} names_t;

static int by_name(const void *a, const void *b) {
    size_t a_len = 0, b_len = 0;
    const char *x = tr_value_str(((const name_t *)a)->name, &a_len),
               *y = tr_value_str(((const name_t *)b)->name, &b_len);
    int order = x && y ? memcmp(x, y, a_len < b_len ? a_len : b_len) : 0;
    return order ? order : a_len < b_len ? -1 : a_len > b_len;
}

/* Copies count where their owner does not; what is to be done for them is to be done in any case. */
static void take_name(const tr_kb_errand_t *self, size_t shard, names_t *names, tr_value_t told) {
    const tr_kb_view_t *view = &self->view;
    tr_value_t of = tr_value_get(told, "of");
    size_t owner = (size_t)tr_value_int(of, 0);
    bool counts = of ? owner < TR_SHARDS_MAX && view->absent[owner] : !view->absent[shard];
    name_t *one = &names->items[names->count++];
    *one = (name_t){.name = tr_value_get(told, "namespace"),
        .language = tr_value_get(told, "language"),
        .index = counts ? worse("ready", tr_value_get(told, "index")) : "ready"};
    for (size_t i = 0; i < SUMS; i++)
        if (counts || strcmp(sums[i], "pending") == 0)
            one->sums[i] = (uint64_t)tr_value_int(tr_value_get(told, sums[i]), 0);
}

/* Those of one name become one; by their names. */
static void merge_names(names_t *self) {
    size_t n = 0;
    qsort(self->items, self->count, sizeof *self->items, by_name);
    for (size_t i = 0; i < self->count; i++) {
        if (n == 0 || by_name(&self->items[n - 1], &self->items[i]) != 0) {
            self->items[n++] = self->items[i];
            continue;
        }
        name_t *one = &self->items[n - 1];
        char index[16];
        snprintf(index, sizeof index, "%s", self->items[i].index);
        msgpack_object text = {.type = MSGPACK_OBJECT_STR};
        text.via.str.ptr = index;
        text.via.str.size = (uint32_t)strlen(index);
        one->index = worse(one->index, &text);
        for (size_t k = 0; k < SUMS; k++)
            one->sums[k] += self->items[i].sums[k];
    }
    self->count = n;
}

static bool read_names(const tr_kb_errand_t *self, tr_gather_t *gather, names_t *ret) {
    size_t total = 0, n = tr_gather_count(gather);
    for (size_t i = 0; i < n; i++)
        total += tr_value_size(tr_value_get(tr_gather_value(gather, i), "namespaces"));
    ret->items = calloc(total + 1, sizeof *ret->items);
    for (size_t i = 0; i < n && ret->items; i++) {
        tr_value_t list = tr_value_get(tr_gather_value(gather, i), "namespaces");
        for (size_t k = 0; k < tr_value_size(list); k++)
            take_name(self, i, ret, tr_value_at(list, k));
    }
    return ret->items;
}

static void write_name(tr_content_writer_t *w, const name_t *one) {
    tr_write_map(w, 3 + SUMS);
    tr_write_str(w, "namespace");
    tr_write_value(w, one->name);
    tr_write_str(w, "language");
    tr_write_value(w, one->language);
    tr_write_kv(w, "index", one->index);
    for (size_t i = 0; i < SUMS; i++)
        tr_write_kv_uint(w, sums[i], one->sums[i]);
}

static void on_namespaces(tr_gather_t *gather, void *arg) {
    tr_kb_errand_t *self = arg;
    names_t names = {0};
    tr_kb_front_note(self->kbd, gather);
    tr_kb_errand_note_missing(self);
    tr_kb_errand_judge(self);
    if (tr_kb_errand_refused(self))
        return;
    if (!read_names(self, gather, &names)) {
        tr_kb_errand_refuse(self, TR_FAILURE, "internal-error", "out of memory");
        return;
    }
    merge_names(&names);
    tr_content_writer_t *w = tr_kb_answer(self->kbd, self->message, TR_INFORM);
    if (w) {
        tr_write_map(w, tr_kb_errand_missing(self) ? 3 : 1);
        tr_write_str(w, "namespaces");
        tr_write_array(w, names.count);
        for (size_t i = 0; i < names.count; i++)
            write_name(w, &names.items[i]);
        tr_kb_errand_write_missing(self, w, true);
    }
    free(names.items);
    tr_kb_errand_destroy(self);
}

void tr_kb_front_namespaces(tr_kb_errand_t *self) {
    tr_kb_errand_ask_all(self, tr_kb_errand_left_ms(self) / 2, on_namespaces);
}

/* ---- shards ---- */

static bool is_behind(const tr_kb_errand_t *self, size_t shard) {
    return tr_kb_has_copies(self->kbd) && !tr_kb_owing_is_level(self->kbd, shard, self->missing);
}

static void write_shard(const tr_kb_errand_t *self, size_t i, uint64_t all, tr_content_writer_t *w) {
    static const char *const states[] = {"here", "refuses", "away", "away"};
    static const char *const keys[] = {"documents", "chunks", "pending", "namespaces", "moved", "copies"};
    const tr_shard_t *shard = &self->kbd->front.shards.items[i];
    tr_value_t told = tr_gather_value(self->gather, i);
    uint64_t documents = (uint64_t)tr_value_int(tr_value_get(told, "documents"), 0);
    tr_value_t detail = tr_value_get(tr_gather_said(self->gather, i), "detail");
    bool moving = tr_value_bool(tr_value_get(told, "moving"), false);
    tr_write_map(w, told ? 9 : 2 + tr_value_is_str(detail));
    tr_write_kv(w, "shard", shard->name);
    tr_write_kv(w, "state",
        moving                       ? "moving"
        : told && is_behind(self, i) ? "behind"
        : told && shard->leaving     ? "left"
                                     : states[tr_gather_how(self->gather, i)]);
    if (!told && tr_value_is_str(detail)) {
        tr_write_str(w, "detail");
        tr_write_value(w, detail);
    }
    for (size_t k = 0; k < sizeof keys / sizeof *keys && told; k++)
        tr_write_kv_uint(w, keys[k], (uint64_t)tr_value_int(tr_value_get(told, keys[k]), 0));
    if (told)
        tr_write_kv_double(w, "share", all ? (double)documents / (double)all : 0);
}

static void on_shards(tr_gather_t *gather, void *arg) {
    tr_kb_errand_t *self = arg;
    size_t n = tr_gather_count(gather);
    uint64_t all = 0;
    tr_kb_front_note(self->kbd, gather);
    tr_kb_errand_note_missing(self);
    tr_content_writer_t *w = tr_kb_answer(self->kbd, self->message, TR_INFORM);
    for (size_t i = 0; i < n; i++)
        all += (uint64_t)tr_value_int(tr_value_get(tr_gather_value(gather, i), "documents"), 0);
    if (w) {
        tr_write_map(w, 1);
        tr_write_str(w, "shards");
        tr_write_array(w, n);
    }
    for (size_t i = 0; i < n && w; i++)
        write_shard(self, i, all, w);
    tr_kb_errand_destroy(self);
}

void tr_kb_front_shards(tr_kb_errand_t *self) {
    size_t n = self->kbd->front.shards.count;
    if (!tr_kb_errand_gather(self, n))
        return;
    for (size_t i = 0; i < n; i++)
        tr_kb_errand_ask(self, i, i, "shard", 0);
    tr_kb_errand_send(self, tr_kb_errand_left_ms(self) / 2, on_shards);
}
