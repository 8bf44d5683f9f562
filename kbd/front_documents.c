/* Documents over several shards: each goes to the one that has it; lists are put together by their ids. */
#include "kbd/front.h"
#include "kbd/kbd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX 500

static const char *shard_name(const tr_kb_errand_t *self, size_t shard) {
    return self->kbd->front.shards.items[shard].name;
}

/* ---- get ---- */

static void fail_away(tr_kb_errand_t *self, size_t shard) {
    char detail[TR_AID_MAX + 64];
    snprintf(detail, sizeof detail, "%s, where it would be, is away", shard_name(self, shard));
    tr_kb_errand_refuse(self, TR_FAILURE, "shard-away", detail);
}

/* It may be where it was before. */
static void on_looked(tr_gather_t *gather, void *arg) {
    tr_kb_errand_t *self = arg;
    size_t owner = tr_kb_front_owner(self, tr_value_get(self->content, "id"));
    size_t count = tr_gather_count(gather), i = 0;
    while (i < count && tr_gather_how(gather, i) != TR_GATHER_ANSWERED)
        i++;
    for (size_t k = 0; k < count && i == count; k++)
        if (tr_gather_how(gather, k) == TR_GATHER_AWAY)
            owner = k;
    if (i == count && tr_gather_how(gather, owner) == TR_GATHER_AWAY)
        fail_away(self, owner);
    else
        tr_kb_errand_pass_on(self, i < count ? i : owner);
}

static void on_got(tr_gather_t *gather, void *arg) {
    tr_kb_errand_t *self = arg;
    size_t owner = tr_kb_errand_holder(self, tr_value_get(self->content, "id"));
    bool is_there = tr_gather_how(gather, 0) == TR_GATHER_ANSWERED;
    bool somewhere = !tr_kb_front_is_settled(self->kbd) || (self->view.judged && !self->view.whole);
    if (!is_there && somewhere)
        tr_kb_errand_ask_all(self, tr_kb_errand_one_moment_ms(self), on_looked);
    else if (tr_gather_how(gather, 0) == TR_GATHER_AWAY)
        fail_away(self, owner);
    else
        tr_kb_errand_pass_on(self, 0);
}

static void get(tr_kb_errand_t *self) {
    if (!tr_kb_errand_gather(self, 1))
        return;
    tr_kb_errand_ask_same(self, 0, tr_kb_errand_holder(self, tr_value_get(self->content, "id")), 0);
    tr_kb_errand_send(self, tr_kb_errand_left_ms(self) / 2, on_got);
}

void tr_kb_front_get(tr_kb_errand_t *self) {
    tr_kb_errand_survey(self, get);
}

/* ---- list ---- */

typedef struct page {
    tr_value_t documents;
    size_t at;
} page_t;

typedef struct pages {
    page_t *items; /* owned; one of each spot */
    size_t count;
    bool more; /* than these pages have */
} pages_t;

static tr_value_t id_at(const pages_t *p, size_t i) {
    return tr_value_get(tr_value_at(p->items[i].documents, p->items[i].at), "id");
}

static int compare(tr_value_t a, tr_value_t b) {
    size_t a_len = 0, b_len = 0;
    const char *x = tr_value_str(a, &a_len), *y = tr_value_str(b, &b_len);
    int order = x && y ? memcmp(x, y, a_len < b_len ? a_len : b_len) : 0;
    return order ? order : a_len < b_len ? -1 : a_len > b_len;
}

/* The page whose next document is the first; count: there is none left. Of one that is on its way from one shard to another it is the owner's. */
static size_t next_page(const tr_kb_errand_t *self, const pages_t *p) {
    size_t best = p->count;
    for (size_t i = 0; i < p->count; i++) {
        tr_value_t id = id_at(p, i);
        int order = !id ? 1 : best == p->count ? -1 : compare(id, id_at(p, best));
        if (order < 0 || (order == 0 && tr_kb_errand_is_right(self, self->spots[i], id)))
            best = i;
    }
    return best;
}

/* Goes on behind it, in all pages. */
static void go_behind(pages_t *p, tr_value_t id) {
    for (size_t i = 0; i < p->count; i++)
        p->items[i].at += id_at(p, i) && compare(id_at(p, i), id) == 0;
}

static bool read_pages(const tr_kb_errand_t *self, pages_t *p) {
    p->count = tr_gather_count(self->gather);
    p->items = calloc(p->count + 1, sizeof *p->items);
    for (size_t i = 0; i < p->count && p->items; i++) {
        tr_value_t page = tr_gather_value(self->gather, i);
        p->items[i].documents = tr_value_get(page, "documents");
        p->more |= tr_value_is_str(tr_value_get(page, "after"));
    }
    return p->items;
}

/* One behind the other. */
static size_t merge(
    const tr_kb_errand_t *self, pages_t *p, size_t most, tr_content_writer_t *w, tr_value_t *ret_last) {
    size_t n = 0, i;
    while (n < most && (i = next_page(self, p)) < p->count) {
        *ret_last = id_at(p, i);
        tr_write_value(w, tr_value_at(p->items[i].documents, p->items[i].at));
        go_behind(p, *ret_last);
        n++;
    }
    return n;
}

static void put_pages(
    tr_kb_errand_t *self, const tr_content_writer_t *documents, size_t n, tr_value_t after) {
    const void *bytes;
    size_t len;
    tr_content_writer_t *w = NULL;
    if (tr_content_writer_take(documents, &bytes, &len) == 0)
        w = tr_kb_answer(self->kbd, self->message, TR_INFORM);
    if (!w)
        return;
    tr_write_map(w, tr_kb_errand_missing(self) ? 4 : 2);
    tr_write_str(w, "after");
    if (after)
        tr_write_value(w, after);
    else
        tr_write_nil(w);
    tr_kb_errand_write_missing(self, w, true);
    tr_write_str(w, "documents");
    tr_write_array(w, n);
    msgpack_sbuffer_write(&w->buffer, bytes, len);
}

/* Who has gone since it was known how they are is missing. */
static void note_lost(tr_kb_errand_t *self, const tr_gather_t *gather) {
    for (size_t i = 0; i < tr_gather_count(gather); i++)
        if (tr_gather_how(gather, i) == TR_GATHER_AWAY)
            self->missing[self->spots[i].shard] = self->view.told[self->spots[i].shard] = true;
}

static void on_pages(tr_gather_t *gather, void *arg) {
    tr_kb_errand_t *self = arg;
    tr_content_writer_t documents;
    pages_t p = {0};
    int64_t most = tr_value_int(tr_value_get(self->content, "max-results"), PAGE_MAX);
    tr_value_t last = NULL;
    note_lost(self, gather);
    if (tr_kb_errand_refused(self))
        return;
    most = most < 1 || most > PAGE_MAX ? PAGE_MAX : most;
    if (!read_pages(self, &p)) {
        tr_kb_errand_refuse(self, TR_FAILURE, "internal-error", "out of memory");
        return;
    }
    tr_content_writer_init(&documents);
    size_t n = merge(self, &p, (size_t)most, &documents, &last);
    bool more = p.more || next_page(self, &p) < p.count;
    put_pages(self, &documents, n, more ? last : NULL);
    tr_content_writer_finish(&documents);
    free(p.items);
    tr_kb_errand_destroy(self);
}

static void list(tr_kb_errand_t *self) {
    int64_t left_ms = tr_kb_errand_left_ms(self) / 2, moment_ms = tr_kb_errand_one_moment_ms(self);
    tr_kb_errand_ask_spots(self, left_ms < moment_ms ? left_ms : moment_ms, on_pages);
}

void tr_kb_front_list(tr_kb_errand_t *self) {
    tr_kb_errand_survey(self, list);
}

/* ---- remove ---- */

typedef struct removal {
    uint64_t removed; /* so far */
    bool again;       /* what was on its way has arrived, and is removed where it is now */
    bool some;        /* ids, of which those shards alone were asked that would have them */
    bool more;
} removal_t;

static void finish_removal(tr_kb_errand_t *self) {
    free(self->more);
}

static void tell_removed(tr_kb_errand_t *self) {
    const removal_t *removal = self->more;
    tr_content_writer_t *w = tr_kb_answer(self->kbd, self->message, TR_INFORM);
    if (w) {
        tr_write_map(w, 2);
        tr_write_kv_uint(w, "removed", removal->removed);
        tr_write_kv_bool(w, "more", removal->more);
    }
    tr_kb_errand_destroy(self);
}

static void ask_everywhere(tr_kb_errand_t *self, int64_t timeout_ms);

static void fail_unfinished(tr_kb_errand_t *self) {
    char names[512], detail[700];
    snprintf(detail, sizeof detail, "%s: away, and what is there is as it was; %llu were removed: ask again",
        tr_kb_errand_names(self, names, sizeof names),
        (unsigned long long)((removal_t *)self->more)->removed);
    tr_kb_errand_refuse(self, TR_FAILURE, "shard-away", detail);
}

/* The shards that were asked, of which all must have done it. */
static void on_removed(tr_gather_t *gather, void *arg) {
    tr_kb_errand_t *self = arg;
    removal_t *removal = self->more;
    self->view.judged = false; /* those that are missing are those that were asked now */
    memset(self->missing, 0, sizeof self->missing);
    tr_kb_errand_note_missing(self);
    removal->more = false;
    for (size_t i = 0; i < tr_gather_count(gather); i++) {
        tr_value_t answer = tr_gather_value(gather, i);
        removal->removed += (uint64_t)tr_value_int(tr_value_get(answer, "removed"), 0);
        removal->more |= tr_value_bool(tr_value_get(answer, "more"), false);
    }
    bool none = removal->some && tr_kb_errand_is_unknown(self); /* the namespace may be known to others */
    if (!none && tr_kb_errand_refused(self))
        return;
    if (tr_kb_errand_missing(self)) {
        fail_unfinished(self);
    } else if (removal->again) {
        removal->again = removal->some = false;
        ask_everywhere(self, tr_kb_errand_left_ms(self));
    } else {
        tr_kb_errand_flush(self, tell_removed);
    }
}

/* The ids of one shard. */
static size_t write_ids(tr_kb_errand_t *self, tr_value_t ids, size_t shard, tr_content_writer_t *w) {
    size_t n = 0;
    for (size_t i = 0; i < tr_value_size(ids); i++) {
        tr_value_t id = tr_value_at(ids, i);
        if (tr_kb_errand_holder(self, id) != shard)
            continue;
        n++;
        if (w)
            tr_write_value(w, id);
    }
    return n;
}

static void remove_ids(tr_kb_errand_t *self, tr_value_t ids) {
    size_t count = self->kbd->front.shards.count;
    ((removal_t *)self->more)->some = true;
    if (!tr_kb_errand_gather(self, count))
        return;
    for (size_t i = 0; i < count; i++) {
        size_t n = write_ids(self, ids, i, NULL);
        if (n == 0 && (tr_value_size(ids) || i != self->kbd->front.here))
            continue;
        tr_content_writer_t *w = tr_kb_errand_ask(self, i, i, "remove", 2);
        tr_write_str(w, "namespace");
        tr_write_value(w, tr_value_get(self->content, "namespace"));
        tr_write_str(w, "ids");
        tr_write_array(w, n);
        write_ids(self, ids, i, w);
    }
    tr_kb_errand_send(self, tr_kb_errand_left_ms(self) * 3 / 4, on_removed);
}

/* All that have something to do with it: those that own what passes, and who has copies of what is owned by one who is not here. */
static void remove_passing(tr_kb_errand_t *self) {
    size_t count = self->kbd->front.shards.count, copied = 0;
    const tr_kb_view_t *view = &self->view;
    for (size_t i = 0; i < count; i++)
        copied += view->copied[i];
    if (view->judged && !view->whole) {
        fail_unfinished(self);
        return;
    }
    if (!tr_kb_errand_gather(self, count))
        return;
    for (size_t i = 0; i < count; i++) {
        if (view->absent[i])
            continue;
        tr_content_writer_t *w = tr_kb_errand_ask_same(self, i, i, copied > 0);
        if (copied) {
            tr_write_str(w, "copied");
            tr_write_array(w, copied);
        }
        for (size_t k = 0; k < count && copied; k++)
            if (view->copied[k])
                tr_write_uint(w, k);
    }
    tr_kb_errand_send(self, tr_kb_errand_left_ms(self) * 3 / 4, on_removed);
}

static void ask_everywhere(tr_kb_errand_t *self, int64_t timeout_ms) {
    size_t count = self->kbd->front.shards.count;
    if (!tr_kb_errand_gather(self, count))
        return;
    for (size_t i = 0; i < count; i++)
        tr_write_kv_bool(tr_kb_errand_ask_same(self, i, i, 1), "everywhere", true);
    tr_kb_errand_send(self, timeout_ms, on_removed);
}

/* Where documents move all are asked, and twice: one that leaves a shard which was asked already has arrived by the second time. */
static void remove_documents(tr_kb_errand_t *self) {
    tr_value_t ids = tr_value_get(self->content, "ids");
    removal_t *removal = self->more;
    bool settled = tr_kb_front_is_settled(self->kbd);
    removal->again = !settled;
    if (!settled)
        ask_everywhere(self, tr_kb_errand_left_ms(self) / 2);
    else if (tr_value_is_array(ids) && !tr_value_get(self->content, "filter") &&
             tr_value_is_str(tr_value_get(self->content, "namespace")))
        remove_ids(self, ids);
    else
        remove_passing(self);
}

void tr_kb_front_remove(tr_kb_errand_t *self) {
    self->more = calloc(1, sizeof(removal_t));
    self->finish = finish_removal;
    if (self->more)
        tr_kb_errand_survey(self, remove_documents);
    else
        tr_kb_errand_refuse(self, TR_FAILURE, "internal-error", "out of memory");
}
