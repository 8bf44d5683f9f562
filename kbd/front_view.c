/*
 * With replicas: who is asked for what, when some shards are away, or have not got yet what was written while they were (kbd/places.h, kbd/owing.h).
 *
 * All are here and level: each is asked for what it owns. One is not, and all others have said that they have all copies of what it owns: they are asked for these in
 * its place, and nothing is missing. Anything else (two are not, documents move, or it is not known): whatever there is is asked for, of a document that comes twice one is
 * told, and so is who is missing.
 */
#include "kbd/front.h"
#include "kbd/kbd.h"
#include "kbd/places.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEFT_ALONE 5000

void tr_kb_front_leave_alone(tr_kbd_t *kbd, size_t shard) {
    kbd->front.left_alone_ms[shard] = tr_clock_ms() + LEFT_ALONE;
}

bool tr_kb_front_leaves_alone(const tr_kbd_t *kbd, size_t shard) {
    return kbd->front.left_alone_ms[shard] > tr_clock_ms();
}

/* ---- how they are ---- */

void tr_kb_errand_judge(tr_kb_errand_t *self) {
    tr_kbd_t *kbd = self->kbd;
    tr_kb_view_t *view = &self->view;
    size_t n = kbd->front.shards.count, troubled = 0, who = 0;
    *view = (tr_kb_view_t){.judged = tr_kb_has_copies(kbd), .whole = true};
    if (!view->judged)
        return;
    for (size_t i = 0; i < n; i++) {
        if (!self->missing[i] && tr_kb_owing_is_level(kbd, i, self->missing))
            continue;
        troubled++;
        who = i;
        view->copied[i] = view->told[i] = true;
        view->absent[i] = self->missing[i];
    }
    if (!troubled)
        return;
    bool others[TR_SHARDS_MAX];
    memcpy(others, self->missing, sizeof others);
    others[who] = true;
    view->whole = troubled == 1 && tr_kb_front_is_settled(kbd) && tr_kb_owing_is_covered(kbd, who, others);
    view->doubles = !view->whole;
    if (!view->whole)
        return;
    view->absent[who] = true;
    view->told[who] = false;
}

int tr_kb_errand_find_spots(tr_kb_errand_t *self) {
    size_t n = self->kbd->front.shards.count, count = 0, copied = 0;
    const tr_kb_view_t *view = &self->view;
    for (size_t i = 0; i < n; i++)
        copied += view->copied[i];
    free(self->spots);
    self->spots = calloc(n * (1 + copied), sizeof *self->spots);
    self->spot_count = 0;
    if (!self->spots)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        if (!self->missing[i] && !view->absent[i])
            self->spots[count++] = (tr_kb_spot_t){(uint8_t)i, (uint8_t)i};
    for (size_t of = 0; of < n; of++)
        for (size_t i = 0; i < n && view->copied[of]; i++)
            if (i != of && !self->missing[i] && count < TR_KB_SPOTS_MAX)
                self->spots[count++] = (tr_kb_spot_t){(uint8_t)i, (uint8_t)of};
    self->spot_count = count;
    return 0;
}

bool tr_kb_errand_is_right(const tr_kb_errand_t *self, tr_kb_spot_t spot, tr_value_t id) {
    char ns[TR_KB_NAMESPACE_MAX + 1], text[TR_KB_ID_MAX + 1];
    size_t holders[TR_SHARDS_COPIES];
    if (tr_value_copy(tr_value_get(self->content, "namespace"), ns, sizeof ns) < 0 ||
        tr_value_copy(id, text, sizeof text) < 0)
        return false;
    size_t n = tr_shards_holders(&self->kbd->front.shards, ns, text, holders);
    return spot.of == holders[0] && (spot.shard == spot.of || (n > 1 && spot.shard == holders[1]));
}

size_t tr_kb_errand_holder(const tr_kb_errand_t *self, tr_value_t id) {
    char ns[TR_KB_NAMESPACE_MAX + 1], text[TR_KB_ID_MAX + 1];
    size_t holders[TR_SHARDS_COPIES], n;
    if (!self->view.judged || tr_value_copy(tr_value_get(self->content, "namespace"), ns, sizeof ns) < 0 ||
        tr_value_copy(id, text, sizeof text) < 0)
        return tr_kb_front_owner(self, id);
    n = tr_shards_holders(&self->kbd->front.shards, ns, text, holders);
    for (size_t i = 0; i < n; i++)
        if (!self->view.copied[holders[i]])
            return holders[i];
    for (size_t i = 0; i < n; i++)
        if (!self->missing[holders[i]])
            return holders[i];
    return holders[0];
}

/* ---- asking them ---- */

void tr_kb_errand_ask_spots(tr_kb_errand_t *self, int64_t timeout_ms, tr_gather_fn done) {
    if (tr_kb_errand_find_spots(self) < 0) {
        tr_kb_errand_refuse(self, TR_FAILURE, "internal-error", "out of memory");
        return;
    }
    if (!tr_kb_errand_gather(self, self->spot_count))
        return;
    for (size_t i = 0; i < self->spot_count; i++) {
        tr_kb_spot_t spot = self->spots[i];
        bool copies = spot.of != spot.shard;
        tr_content_writer_t *w = tr_kb_errand_ask_same(self, i, spot.shard, copies);
        if (copies)
            tr_write_kv_uint(w, "of", spot.of);
    }
    tr_kb_errand_send(self, timeout_ms, done);
}

static void on_surveyed(tr_gather_t *gather, void *arg) {
    tr_kb_errand_t *self = arg;
    tr_kb_front_note(self->kbd, gather);
    tr_kb_errand_note_missing(self);
    for (size_t i = 0; i < tr_gather_count(gather); i++)
        if (tr_gather_how(gather, i) == TR_GATHER_AWAY)
            tr_kb_front_leave_alone(self->kbd, i);
    tr_kb_errand_judge(self);
    self->next(self);
}

void tr_kb_errand_survey(tr_kb_errand_t *self, void (*next)(tr_kb_errand_t *self)) {
    size_t n = self->kbd->front.shards.count;
    self->next = next;
    if (!tr_kb_has_copies(self->kbd)) {
        next(self);
        return;
    }
    if (!tr_kb_errand_gather(self, n))
        return;
    for (size_t i = 0; i < n; i++) {
        self->missing[i] = tr_kb_front_leaves_alone(self->kbd, i);
        if (self->missing[i])
            continue;
        tr_content_writer_t *w = tr_kb_errand_ask(self, i, i, "describe", 1);
        tr_value_t ns = tr_value_get(self->content, "namespace");
        tr_write_str(w, "namespace");
        if (ns)
            tr_write_value(w, ns);
        else
            tr_write_nil(w);
    }
    int64_t half_ms = self->kbd->options->search_time_ms / 2, left_ms = tr_kb_errand_left_ms(self) / 2;
    tr_kb_errand_send(self, left_ms < half_ms ? left_ms : half_ms, on_surveyed);
}

/* ---- told to the others ---- */

static void on_flushed(tr_gather_t *gather, void *arg) {
    tr_kb_errand_t *self = arg;
    char detail[TR_AID_MAX + 200];
    for (size_t i = 0; i < tr_gather_count(gather); i++) {
        tr_gather_how_t how = tr_gather_how(gather, i);
        if (how == TR_GATHER_UNASKED || how == TR_GATHER_ANSWERED)
            continue;
        snprintf(detail, sizeof detail,
            "%s has taken what it was to write, and has not said that a second one has it, too: ask again",
            self->kbd->front.shards.items[i].name);
        tr_kb_errand_refuse(self, TR_FAILURE, "shard-away", detail);
        return;
    }
    tr_kb_front_note(self->kbd, gather);
    self->next(self);
}

void tr_kb_errand_flush(tr_kb_errand_t *self, void (*next)(tr_kb_errand_t *self)) {
    size_t n = self->kbd->front.shards.count;
    bool written[TR_SHARDS_MAX] = {false};
    self->next = next;
    if (!tr_kb_has_copies(self->kbd)) {
        next(self);
        return;
    }
    for (size_t i = 0; i < n; i++)
        written[i] = tr_gather_how(self->gather, i) == TR_GATHER_ANSWERED;
    if (!tr_kb_errand_gather(self, n))
        return;
    for (size_t i = 0; i < n; i++)
        if (written[i])
            tr_kb_errand_ask(self, i, i, "flush", 0);
    tr_kb_errand_send(self, tr_kb_errand_left_ms(self), on_flushed);
}
