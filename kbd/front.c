#include "kbd/front.h"

#include "kbd/kbd.h"
#include "kbd/places.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASKED_MS    30000 /* where who asks sets no time */
#define ERRANDS_MAX 512u
#define HELD_MAX    ((size_t)24 << 20) /* of TR_KB_WINDOW */

static void on_namespace(void *arg, const tr_kb_namespace_t *ns) {
    tr_kb_front_t *self = arg;
    self->keeps_copies |= tr_kb_place_is_copy(ns->name);
    self->was_empty = false;
}

int tr_kb_front_init(tr_kbd_t *kbd, tr_error_t *error) {
    tr_kb_front_t *self = &kbd->front;
    const tr_kbd_options_t *o = kbd->options;
    int rc = tr_shards_read(o->shards, &self->shards, error);
    if (rc < 0 || !self->shards.count)
        return rc;
    tr_shards_replicate(&self->shards, o->replicas > 1 ? TR_SHARDS_COPIES : 1);
    self->keeps_copies = self->shards.copies > 1;
    self->was_empty = true;
    rc = tr_kb_namespaces(kbd->store, on_namespace, self, error);
    if (rc < 0)
        return rc;
    self->instance = tr_random_seed();
    self->here = tr_shards_find(&self->shards, o->resident.name, tr_host_platform(kbd->host));
    return self->here < self->shards.count
               ? 0
               : tr_error_set(error, -EINVAL, "--shards: %s is none of %s; expected --name among them",
                     o->resident.name, o->shards);
}

void tr_kb_front_stop(tr_kbd_t *kbd) {
    while (kbd->front.errands) {
        tr_message_release(&kbd->front.errands->message); /* another one answers it */
        tr_kb_errand_destroy(kbd->front.errands);
    }
    tr_gathers_stop(&kbd->front.gathers);
}

void tr_kb_front_finish(tr_kbd_t *kbd) {
    tr_gathers_finish(&kbd->front.gathers);
    tr_shards_finish(&kbd->front.shards);
}

/* ---- how the others are ---- */

bool tr_kb_front_keeps_copies(const tr_kbd_t *kbd) {
    return kbd->front.keeps_copies;
}

void tr_kb_front_write_state(const tr_kbd_t *kbd, tr_content_writer_t *w) {
    tr_write_kv_bool(w, "moving", kbd->mover.moving);
    tr_kb_owing_write(kbd, w);
}

void tr_kb_front_note_one(tr_kbd_t *kbd, size_t shard, tr_value_t said) {
    tr_value_t moving = tr_value_get(said, "moving");
    if (moving)
        kbd->front.settled[shard] = !tr_value_bool(moving, true);
    tr_kb_owing_note(kbd, shard, said);
}

void tr_kb_front_note(tr_kbd_t *kbd, const tr_gather_t *gather) {
    for (size_t i = 0; i < tr_gather_count(gather); i++)
        tr_kb_front_note_one(kbd, i % kbd->front.shards.count, tr_gather_value(gather, i));
}

bool tr_kb_front_shard_is_settled(const tr_kbd_t *kbd, size_t shard) {
    return shard == kbd->front.here ? !kbd->mover.moving : kbd->front.settled[shard];
}

bool tr_kb_front_is_settled(const tr_kbd_t *kbd) {
    bool settled = true;
    for (size_t i = 0; i < kbd->front.shards.count; i++)
        settled &= tr_kb_front_shard_is_settled(kbd, i);
    return settled;
}

static void on_greeted(tr_gather_t *gather, void *arg) {
    tr_kbd_t *kbd = arg;
    uint64_t all = kbd->front.shards.count < 64 ? ((uint64_t)1 << kbd->front.shards.count) - 1 : UINT64_MAX;
    for (size_t i = 0; i < tr_gather_count(gather); i++)
        kbd->front.greeted |= (uint64_t)(tr_gather_how(gather, i) == TR_GATHER_ANSWERED) << i;
    kbd->front.greeting &= kbd->front.greeted;
    tr_kb_front_note(kbd, gather);
    if ((kbd->owing.heard_here | (uint64_t)1 << kbd->front.here) == all)
        kbd->front.was_empty = false; /* it has what it is to have */
    tr_gather_destroy(&gather);
}

void tr_kb_front_greet(tr_kbd_t *kbd) {
    tr_kb_front_t *self = &kbd->front;
    tr_gather_t *gather =
        self->shards.count ? tr_gather_new(&self->gathers, kbd->agent, self->shards.count) : NULL;
    if (!gather)
        return; /* they are asked by the first search, too, ignoring */
    for (size_t i = 0; i < self->shards.count; i++) {
        if (i == self->here)
            continue;
        self->greeting |= (uint64_t)1 << i;
        tr_content_writer_t *w = tr_gather_ask(gather, i, self->shards.items[i].name);
        tr_write_map(w, 3 + TR_KB_STATE);
        tr_write_kv(w, "action", "shard");
        tr_write_kv_uint(w, "part", self->shards.print);
        tr_kb_front_write_state(kbd, w);
        tr_write_kv_uint(w, "empty", self->was_empty ? self->instance : 0);
    }
    tr_gather_send(gather, ASKED_MS, on_greeted, kbd);
}

/* ---- errands ---- */

static int64_t deadline_of(const tr_message_t *message) {
    const tr_acl_t *acl = tr_message_acl(message);
    int64_t now_ms = tr_clock_wall_ms(), left_ms = ASKED_MS;
    if (acl && acl->reply_by_ms && acl->reply_by_ms < INT64_MAX)
        left_ms = (int64_t)acl->reply_by_ms - now_ms;
    left_ms = left_ms < 0 ? 0 : left_ms;
    return tr_clock_ms() + left_ms - left_ms / 8; /* the answer has to get there, too */
}

tr_kb_errand_t *tr_kb_errand_new(
    tr_kbd_t *kbd, tr_message_t *message, size_t size, void (*finish)(tr_kb_errand_t *self)) {
    tr_kb_errand_t *self = calloc(1, size);
    if (!self) {
        tr_kb_refuse(kbd, message, TR_FAILURE, "internal-error", "out of memory");
        tr_message_done(&message);
        return NULL;
    }
    self->kbd = kbd;
    self->message = message;
    self->content = tr_message_value(message);
    self->until_ms = deadline_of(message);
    self->finish = finish;
    self->after = kbd->front.errands;
    self->bytes = tr_message_record(message)->h.length;
    kbd->front.errand_count++;
    kbd->front.held += self->bytes;
    if (self->after)
        self->after->before = self;
    kbd->front.errands = self;
    return self;
}

void tr_kb_errand_destroy(tr_kb_errand_t *self) {
    if (self->before)
        self->before->after = self->after;
    else
        self->kbd->front.errands = self->after;
    if (self->after)
        self->after->before = self->before;
    if (self->finish)
        self->finish(self);
    tr_gather_destroy(&self->gather);
    free(self->spots);
    self->kbd->front.errand_count--;
    self->kbd->front.held -= self->bytes;
    if (self->message)
        tr_message_done(&self->message);
    free(self);
}

void tr_kb_errand_refuse(
    tr_kb_errand_t *self, tr_performative_t act, const char *reason, const char *detail) {
    tr_kb_refuse(self->kbd, self->message, act, reason, detail);
    tr_kb_errand_destroy(self);
}

bool tr_kb_errand_gather(tr_kb_errand_t *self, size_t count) {
    tr_gather_destroy(&self->gather);
    self->gather = tr_gather_new(&self->kbd->front.gathers, self->kbd->agent, count);
    if (self->gather)
        return true;
    tr_kb_errand_refuse(self, TR_FAILURE, "internal-error", "out of memory");
    return false;
}

tr_content_writer_t *tr_kb_errand_ask(
    tr_kb_errand_t *self, size_t i, size_t shard, const char *action, size_t entries) {
    const tr_shards_t *shards = &self->kbd->front.shards;
    tr_content_writer_t *w = tr_gather_ask(self->gather, i, shards->items[shard].name);
    tr_write_map(w, 2 + TR_KB_STATE + entries);
    tr_write_kv(w, "action", action);
    tr_write_kv_uint(w, "part", shards->print);
    tr_kb_front_write_state(self->kbd, w);
    return w;
}

static bool is_ours(tr_value_t key) {
    static const char *const keys[] = {"part", "moving", "state", "of", "everywhere", "copied"};
    bool ours = false;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        ours |= tr_value_equals(key, keys[i]);
    return ours;
}

tr_content_writer_t *tr_kb_errand_ask_same(tr_kb_errand_t *self, size_t i, size_t shard, size_t entries) {
    const tr_shards_t *shards = &self->kbd->front.shards;
    tr_content_writer_t *w = tr_gather_ask(self->gather, i, shards->items[shard].name);
    const msgpack_object_map *map = &self->content->via.map;
    size_t n = 0;
    for (uint32_t k = 0; k < map->size; k++)
        n += !is_ours(&map->ptr[k].key);
    tr_write_map(w, n + 1 + TR_KB_STATE + entries);
    tr_write_kv_uint(w, "part", shards->print);
    tr_kb_front_write_state(self->kbd, w);
    for (uint32_t k = 0; k < map->size; k++) {
        if (is_ours(&map->ptr[k].key))
            continue;
        tr_write_value(w, &map->ptr[k].key);
        tr_write_value(w, &map->ptr[k].val);
    }
    return w;
}

void tr_kb_errand_ask_all(tr_kb_errand_t *self, int64_t timeout_ms, tr_gather_fn done) {
    size_t n = self->kbd->front.shards.count;
    if (!tr_kb_errand_gather(self, n))
        return;
    for (size_t i = 0; i < n; i++)
        tr_kb_errand_ask_same(self, i, i, 0);
    tr_kb_errand_send(self, timeout_ms, done);
}

int64_t tr_kb_errand_left_ms(const tr_kb_errand_t *self) {
    return self->until_ms - tr_clock_ms();
}

int64_t tr_kb_errand_one_moment_ms(const tr_kb_errand_t *self) {
    int64_t left_ms = tr_kb_errand_left_ms(self), stays_ms = self->kbd->options->search_time_ms;
    return tr_kb_front_is_settled(self->kbd) || left_ms < stays_ms ? left_ms : stays_ms;
}

void tr_kb_errand_send(tr_kb_errand_t *self, int64_t timeout_ms, tr_gather_fn done) {
    tr_gather_send(self->gather, timeout_ms, done, self);
}

void tr_kb_errand_pass_on(tr_kb_errand_t *self, size_t i) {
    tr_performative_t act = TR_FAILURE;
    size_t len = 0;
    const void *bytes = tr_gather_bytes(self->gather, i, &act, &len);
    tr_content_writer_t *w = tr_kb_answer(self->kbd, self->message, act);
    if (w && len)
        msgpack_sbuffer_write(&w->buffer, bytes, len);
    tr_kb_errand_destroy(self);
}

/* ---- who is missing ---- */

void tr_kb_errand_note_missing(tr_kb_errand_t *self) {
    for (size_t i = 0; i < tr_gather_count(self->gather); i++)
        self->missing[i] |= tr_gather_how(self->gather, i) == TR_GATHER_AWAY;
}

static bool is_missing(const tr_kb_errand_t *self, size_t shard) {
    return self->view.judged ? self->view.told[shard] : self->missing[shard];
}

const char *tr_kb_errand_names(const tr_kb_errand_t *self, char *out, size_t size) {
    const tr_shards_t *shards = &self->kbd->front.shards;
    size_t len = 0;
    *out = '\0';
    for (size_t i = 0; i < shards->count; i++)
        if (is_missing(self, i) && len < size)
            len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "", shards->items[i].name);
    return out;
}

size_t tr_kb_errand_missing(const tr_kb_errand_t *self) {
    size_t n = 0;
    for (size_t i = 0; i < self->kbd->front.shards.count; i++)
        n += is_missing(self, i);
    return n;
}

void tr_kb_errand_write_missing(const tr_kb_errand_t *self, tr_content_writer_t *w, bool complete) {
    const tr_shards_t *shards = &self->kbd->front.shards;
    size_t n = tr_kb_errand_missing(self);
    if (!n)
        return;
    if (complete)
        tr_write_kv_bool(w, "complete", false);
    tr_write_str(w, "missing");
    tr_write_array(w, n);
    for (size_t i = 0; i < shards->count; i++)
        if (is_missing(self, i))
            tr_write_str(w, shards->items[i].name);
}

static bool is_unknown(const tr_kb_errand_t *self, size_t i) {
    return tr_value_equals(tr_value_get(tr_gather_said(self->gather, i), "reason"), "not-registered");
}

bool tr_kb_errand_is_unknown(const tr_kb_errand_t *self) {
    size_t unknown = 0;
    for (size_t i = 0; i < tr_gather_count(self->gather); i++) {
        tr_gather_how_t how = tr_gather_how(self->gather, i);
        if (how != TR_GATHER_UNASKED && (how != TR_GATHER_REFUSED || !is_unknown(self, i)))
            return false;
        unknown += how == TR_GATHER_REFUSED;
    }
    return unknown;
}

bool tr_kb_errand_refused(tr_kb_errand_t *self) {
    size_t answered = 0, unknown = 0, count = tr_gather_count(self->gather);
    char names[512], detail[600];
    for (size_t i = 0; i < count; i++) {
        tr_gather_how_t how = tr_gather_how(self->gather, i);
        if (how == TR_GATHER_REFUSED && !is_unknown(self, i)) {
            tr_kb_errand_pass_on(self, i);
            return true;
        }
        answered += how == TR_GATHER_ANSWERED;
        unknown += how == TR_GATHER_REFUSED;
    }
    if (answered)
        return false;
    if (!tr_kb_errand_missing(self) && unknown) {
        size_t i = 0;
        while (tr_gather_how(self->gather, i) != TR_GATHER_REFUSED)
            i++;
        tr_kb_errand_pass_on(self, i);
        return true;
    }
    snprintf(detail, sizeof detail, "away: %s", tr_kb_errand_names(self, names, sizeof names));
    tr_kb_errand_refuse(self, TR_FAILURE, "shard-away", detail);
    return true;
}

/* ---- what is asked ---- */

static const struct {
    const char *action;
    void (*begin)(tr_kb_errand_t *self);
} actions[] = {
    {"add", tr_kb_front_add},
    {"get", tr_kb_front_get},
    {"list", tr_kb_front_list},
    {"remove", tr_kb_front_remove},
    {"drop", tr_kb_front_drop},
    {"compact", tr_kb_front_compact},
    {"namespaces", tr_kb_front_namespaces},
    {"snapshot", tr_kb_front_snapshot},
    {"shards", tr_kb_front_shards},
};

bool tr_kb_front_has_room(tr_kbd_t *kbd, const tr_message_t *message) {
    const tr_kb_front_t *self = &kbd->front;
    size_t len = tr_message_record(message)->h.length;
    if (self->errand_count < ERRANDS_MAX && (self->held == 0 || self->held + len <= HELD_MAX))
        return true;
    tr_kb_refuse(kbd, message, TR_REFUSE, "busy", "too much waits for the other shards: ask again later");
    return false;
}

bool tr_kb_front_takes(tr_kb_question_t *q) {
    tr_value_t action = tr_value_get(q->content, "action");
    if (!q->kbd->front.shards.count || tr_value_get(q->content, "part"))
        return false;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (!tr_value_equals(action, actions[i].action))
            continue;
        if (!tr_kb_front_has_room(q->kbd, q->message))
            return true;
        tr_message_t *message = tr_message_keep(q->message);
        tr_kb_errand_t *errand = message ? tr_kb_errand_new(q->kbd, message, sizeof *errand, NULL) : NULL;
        if (errand)
            actions[i].begin(errand);
        else if (!message)
            tr_kb_refuse(q->kbd, q->message, TR_FAILURE, "internal-error", "out of memory");
        return true;
    }
    return false;
}

bool tr_kb_front_may_ask(tr_kb_question_t *q) {
    tr_kb_front_t *self = &q->kbd->front;
    tr_value_t part = tr_value_get(q->content, "part");
    char detail[160];
    size_t sender =
        tr_shards_find(&self->shards, tr_message_sender(q->message), tr_host_platform(q->kbd->host));
    if (sender == self->shards.count) {
        tr_kb_refuse(q->kbd, q->message, TR_REFUSE, "unauthorised",
            "part: only a shard asks that; without it, all shards are asked");
        return false;
    }
    if (part->type == MSGPACK_OBJECT_POSITIVE_INTEGER && part->via.u64 == self->shards.print) {
        tr_kb_front_note_one(q->kbd, sender, q->content);
        self->left_alone_ms[sender] = 0; /* it is here */
        return true;
    }
    snprintf(detail, sizeof detail, "%s has other --shards than who asks it: expected the same for all",
        q->kbd->options->resident.name);
    tr_kb_refuse(q->kbd, q->message, TR_REFUSE, "shards-differ", detail);
    return false;
}
