#include "kbd/mover.h"

#include "kbd/events.h"
#include "kbd/kbd.h"
#include "kbd/places.h"
#include "kbd/store_move.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCAN_EACH   256u
#define BATCH_BYTES (1u << 20) /* of texts; with their vectors they are two or three times that */
#define MOVE_MS     60000
#define PAUSE_MS    1000
#define PAUSE_MAX   60000
#define MARGIN_MS   2000
#define GIVEN_MAX   100000u
#define REMOVE_EACH 256u
#define HELD_MAX    1024u
#define TOGETHER    (TR_RECORD_MAX - 65536u) /* bytes of a message */

static void step(tr_kbd_t *kbd);

static void on_timer(tr_agent_t *agent, void *state, void *arg) {
    tr_kbd_t *kbd = arg;
    (void)agent, (void)state;
    kbd->mover.timer = NULL;
    step(kbd);
}

/* Without memory for a timer it goes on with the next one; there is always one while anything moves, ignoring. */
static void come_again(tr_kbd_t *kbd, int64_t after_ms) {
    if (!kbd->mover.timer)
        kbd->mover.timer = tr_timer_start(kbd->agent, after_ms, on_timer, kbd);
}

static void tell(tr_kbd_t *kbd, const char *state) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 3);
    tr_write_kv(&w, "shard", kbd->options->resident.name);
    tr_write_kv(&w, "state", state);
    tr_write_kv_uint(&w, "done", kbd->mover.done);
    tr_publish_content(kbd->agent, "kb.shards", &w); /* who watches sees the next one, ignoring */
    tr_content_writer_finish(&w);
}

static void free_document(tr_kb_mover_document_t *d) {
    free(d->ns);
    free(d->id);
    *d = (tr_kb_mover_document_t){0};
}

static void drop_batch(tr_kb_mover_t *self) {
    for (size_t i = 0; i < self->batch_count; i++)
        free_document(&self->batch[i]);
    self->batch_count = 0;
    self->bytes = 0;
}

/* ---- what was given is removed ---- */

static int remove_one(tr_kbd_t *kbd, const tr_kb_mover_document_t *d, tr_error_t *error) {
    tr_kb_namespace_t ns;
    int rc = tr_kb_store_begin(kbd->store, error);
    if (rc == 0)
        rc = tr_kb_namespace_find(kbd->store, d->ns, &ns, error);
    if (rc == 0)
        rc = tr_kb_remove(kbd->store, &ns, d->id, error);
    return rc == -ENOENT ? 0 : rc; /* somebody was faster */
}

/* What cannot be removed is found by the next round. The main loop commits. */
static void remove_due(tr_kbd_t *kbd) {
    tr_kb_mover_t *self = &kbd->mover;
    int64_t now_ms = tr_clock_ms();
    size_t n = 0;
    while (n < self->given_count && n < REMOVE_EACH && self->given[n].due_ms <= now_ms) {
        tr_error_t error = {0};
        if (remove_one(kbd, &self->given[n], &error) < 0) {
            tr_log(&kbd->resident.log, &tr_kbd_events[TR_K_NOT_MOVED], "error=%s", error.text);
            self->failed = true;
        }
        free_document(&self->given[n++]);
    }
    if (n == 0)
        return;
    memmove(self->given, self->given + n, (self->given_count - n) * sizeof *self->given);
    self->given_count -= n;
    if (n == REMOVE_EACH)
        come_again(kbd, 0);
}

/* It is a moment until searches that have begun are over. Takes what the batch's document owns. */
static void give(tr_kbd_t *kbd, tr_kb_mover_document_t *d) {
    tr_kb_mover_t *self = &kbd->mover;
    if (self->given_count == self->given_room) {
        size_t room = self->given_room ? 2 * self->given_room : 256;
        tr_kb_mover_document_t *grown = realloc(self->given, room * sizeof *grown);
        if (!grown) {
            self->failed = true; /* the next round finds it again */
            return;
        }
        self->given = grown;
        self->given_room = room;
    }
    d->due_ms = tr_clock_ms() + kbd->options->search_time_ms + MARGIN_MS;
    self->given[self->given_count++] = *d;
    *d = (tr_kb_mover_document_t){0};
    self->gave = true;
    self->done++;
}

/* ---- a batch ---- */

typedef struct scan {
    tr_kbd_t *kbd;
    const char *ns;
    size_t seen;
    bool full, failed;
} scan_t;

static bool on_scanned(void *arg, const tr_kb_document_t *d) {
    scan_t *scan = arg;
    tr_kb_mover_t *self = &scan->kbd->mover;
    const tr_kb_front_t *front = &scan->kbd->front;
    size_t owner = tr_shards_owner(&front->shards, scan->ns, d->id);
    bool stays = owner == front->here || self->away[owner];
    self->failed |= owner != front->here && stays;
    scan->full = self->batch_count == TR_KB_MOVER_BATCH ||
                 (self->batch_count && self->bytes + d->text_len > BATCH_BYTES);
    if (!stays && scan->full)
        return false;
    self->after = d->number;
    scan->seen++;
    scan->full = false;
    if (stays)
        return true;
    tr_kb_mover_document_t *one = &self->batch[self->batch_count];
    *one = (tr_kb_mover_document_t){.ns = strdup(scan->ns), .id = strdup(d->id), .owner = owner};
    if (!one->ns || !one->id) {
        free_document(one);
        self->failed = true;
        return true;
    }
    self->batch_count++;
    self->bytes += d->text_len;
    return true;
}

/* Documents of the namespace where the round is; it goes on to the next one where that has no more. */
static int fill(tr_kbd_t *kbd, tr_error_t *error) {
    tr_kb_mover_t *self = &kbd->mover;
    scan_t scan = {.kbd = kbd, .ns = self->names[self->name_at]};
    tr_kb_namespace_t ns;
    int rc = tr_kb_namespace_find(kbd->store, scan.ns, &ns, error);
    if (rc == 0)
        rc = tr_kb_scan(kbd->store, &ns, self->after, SCAN_EACH, on_scanned, &scan, error);
    if (rc == 0 && (scan.full || scan.seen == SCAN_EACH))
        return 0;
    self->name_at++;
    self->after = 0;
    return rc == -ENOENT ? 0 : rc;
}

static size_t count_of(const tr_kb_mover_t *self, size_t shard) {
    size_t n = 0;
    for (size_t i = 0; i < self->batch_count; i++)
        n += self->batch[i].owner == shard;
    return n;
}

/* The documents of one shard, one behind the other; one that is gone meanwhile is nil. */
static int write_documents(
    tr_kbd_t *kbd, const tr_kb_namespace_t *ns, size_t shard, tr_content_writer_t *w, tr_error_t *error) {
    const tr_kb_mover_t *self = &kbd->mover;
    int rc = 0;
    tr_write_array(w, count_of(self, shard));
    for (size_t i = 0; i < self->batch_count && rc == 0; i++) {
        if (self->batch[i].owner != shard)
            continue;
        rc = tr_kb_move_write(kbd->store, ns, self->batch[i].id, kbd->meaning.model, w, error);
        if (rc == -ENOENT) {
            tr_write_nil(w);
            rc = 0;
        }
        if (rc == 0 && w->buffer.size > TOGETHER)
            rc = tr_error_set(
                error, -EMSGSIZE, "%s in %s: it is too long for a message", self->batch[i].id, ns->name);
    }
    return rc;
}

static int ask_to_take(tr_kbd_t *kbd, const tr_kb_namespace_t *ns, size_t shard, tr_error_t *error) {
    const tr_shards_t *shards = &kbd->front.shards;
    tr_content_writer_t *w = tr_gather_ask(kbd->mover.gather, shard, shards->items[shard].name);
    tr_write_map(w, 7);
    tr_write_kv(w, "action", "move");
    tr_write_kv_uint(w, "part", shards->print);
    tr_write_kv_bool(w, "moving", true);
    tr_write_kv(w, "namespace", ns->name);
    tr_write_kv(w, "language", ns->language);
    tr_write_kv_uint(w, "dimensions", ns->dimensions);
    tr_write_str(w, "documents");
    return write_documents(kbd, ns, shard, w, error);
}

/* ---- what waits ---- */

void tr_kb_mover_release(tr_kbd_t *kbd) {
    tr_kb_mover_t *self = &kbd->mover;
    tr_message_t **held = self->held;
    size_t n = self->held_count;
    self->held = NULL;
    self->held_count = self->held_room = 0;
    for (size_t i = 0; i < n; i++) {
        tr_kb_request(kbd, held[i]);
        tr_message_done(&held[i]);
    }
    free(held);
}

bool tr_kb_mover_holds(tr_kb_question_t *q) {
    static const char *const writes[] = {"remove", "drop", "forget"};
    tr_kb_mover_t *self = &q->kbd->mover;
    tr_value_t action = tr_value_get(q->content, "action");
    bool is_write = false, is_drop = tr_value_equals(action, "drop");
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++)
        is_write |= tr_value_equals(action, writes[i]);
    bool sends = self->gather || ((self->moving || is_drop) && tr_kb_owing_sends(q->kbd));
    if (!sends || !is_write)
        return false;
    if (self->held_count == HELD_MAX) {
        tr_kb_refuse(q->kbd, q->message, TR_REFUSE, "busy",
            "too many writes wait for what is on its way: ask again later");
        return true;
    }
    if (self->held_count == self->held_room) {
        size_t room = self->held_room ? 2 * self->held_room : 16;
        tr_message_t **grown = realloc(self->held, room * sizeof *grown);
        if (!grown)
            goto refused;
        self->held = grown;
        self->held_room = room;
    }
    if ((self->held[self->held_count] = tr_message_keep(q->message))) {
        self->held_count++;
        return true;
    }
refused:
    tr_kb_refuse(q->kbd, q->message, TR_FAILURE, "internal-error", "out of memory");
    return true;
}

/* ---- it has arrived ---- */

static void take_answer(tr_kbd_t *kbd, size_t shard) {
    tr_kb_mover_t *self = &kbd->mover;
    tr_value_t told = tr_value_get(tr_gather_value(self->gather, shard), "documents");
    char why[256] = "";
    size_t at = 0;
    self->away[shard] = tr_gather_how(self->gather, shard) == TR_GATHER_AWAY;
    tr_value_copy(
        tr_value_get(tr_gather_said(self->gather, shard), "detail"), why, sizeof why); /* none: "" */
    if (!told)
        tr_log(&kbd->resident.log, &tr_kbd_events[TR_K_NOT_MOVED], "shard=%s error=%s",
            kbd->front.shards.items[shard].name, self->away[shard] ? "it is away" : why);
    for (size_t i = 0; i < self->batch_count; i++) {
        if (self->batch[i].owner != shard)
            continue;
        tr_value_t one = tr_value_at(told, at++), error = tr_value_get(one, "error");
        if (tr_value_is_map(one) && !error) {
            give(kbd, &self->batch[i]);
            continue;
        }
        self->failed = true;
        if (tr_value_copy(error, why, sizeof why) == 0)
            tr_log(&kbd->resident.log, &tr_kbd_events[TR_K_NOT_MOVED], "namespace=%s id=%s error=%s",
                self->batch[i].ns, self->batch[i].id, why);
    }
}

static void on_moved(tr_gather_t *gather, void *arg) {
    tr_kbd_t *kbd = arg;
    tr_kb_mover_t *self = &kbd->mover;
    bool failed_before = self->failed;
    self->failed = false;
    for (size_t i = 0; i < tr_gather_count(gather); i++)
        if (tr_gather_how(gather, i) != TR_GATHER_UNASKED)
            take_answer(kbd, i);
    tr_gather_destroy(&self->gather);
    drop_batch(self);
    tell(kbd, "moving");
    tr_kb_mover_release(kbd);
    come_again(kbd, self->failed ? self->pause_ms : 0);
    self->failed |= failed_before;
}

static void send_batch(tr_kbd_t *kbd) {
    tr_kb_mover_t *self = &kbd->mover;
    tr_error_t error = {0};
    tr_kb_namespace_t ns;
    int rc = tr_kb_namespace_find(kbd->store, self->batch[0].ns, &ns, &error);
    self->gather = rc == 0 ? tr_gather_new(&kbd->front.gathers, kbd->agent, kbd->front.shards.count) : NULL;
    for (size_t i = 0; i < kbd->front.shards.count && self->gather && rc == 0; i++)
        if (count_of(self, i))
            rc = ask_to_take(kbd, &ns, i, &error);
    if (rc == 0 && self->gather) {
        tr_gather_send(self->gather, MOVE_MS, on_moved, kbd);
        return;
    }
    if (rc != -ENOENT) {
        tr_log(&kbd->resident.log, &tr_kbd_events[TR_K_NOT_MOVED], "error=%s",
            rc < 0 ? error.text : "out of memory");
        self->failed = true;
    }
    tr_gather_destroy(&self->gather);
    drop_batch(self);
    come_again(kbd, self->pause_ms);
}

/* ---- rounds ---- */

static void drop_names(tr_kb_mover_t *self) {
    for (size_t i = 0; i < self->name_count; i++)
        free(self->names[i]);
    free(self->names);
    self->names = NULL;
    self->name_count = self->name_at = 0;
}

static void on_name(void *arg, const tr_kb_namespace_t *ns) {
    tr_kb_mover_t *self = arg;
    char **grown = realloc(self->names, (self->name_count + 1) * sizeof *grown);
    self->failed |= !grown;
    if (!grown)
        return;
    self->names = grown;
    if ((self->names[self->name_count] = strdup(ns->name)))
        self->name_count++;
    else
        self->failed = true;
}

/* ---- with copies ---- */

typedef struct listed {
    tr_kbd_t *kbd;
    char *ids[SCAN_EACH]; /* owned */
    size_t count;
    bool failed;
} listed_t;

static bool on_listed(void *arg, const tr_kb_document_t *d) {
    listed_t *list = arg;
    list->kbd->mover.after = d->number;
    if ((list->ids[list->count] = strdup(d->id)))
        list->count++;
    else
        list->failed = true;
    return list->count < SCAN_EACH;
}

/* To where it belongs in this store. */
static int put_in_place(
    tr_kbd_t *kbd, const tr_kb_namespace_t *from, const char *name, const char *id, tr_error_t *error) {
    tr_content_writer_t w;
    tr_content_t content = {0};
    tr_kb_namespace_t to;
    tr_kb_moved_t moved;
    const void *bytes;
    size_t len = 0;
    tr_content_writer_init(&w);
    int rc = tr_kb_namespace_need(kbd->store, name, from->language, &to, error);
    if (rc == 0)
        rc = tr_kb_namespace_vectors(kbd->store, &to, from->dimensions, error);
    if (rc == 0)
        rc = tr_kb_move_write(kbd->store, from, id, kbd->meaning.model, &w, error);
    if (rc == 0 &&
        (tr_content_writer_take(&w, &bytes, &len) < 0 || tr_content_init(&content, bytes, len) < 0))
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0)
        rc = tr_kb_move_take(kbd->store, &to, &content.root, kbd->meaning.model, NULL, NULL, &moved, error);
    tr_content_finish(&content);
    tr_content_writer_finish(&w);
    if (rc == 0)
        tr_indexes_drop(&kbd->meaning.indexes, to.number); /* it is read again when it is needed */
    return rc;
}

/* What the others may not have; and where it belongs here. */
static int mark(
    tr_kbd_t *kbd, const tr_kb_namespace_t *from, const char *ns, const char *id, tr_error_t *error) {
    const tr_kb_front_t *front = &kbd->front;
    size_t holders[TR_SHARDS_COPIES], n = tr_shards_holders(&front->shards, ns, id, holders);
    int64_t changed_ms = 0;
    tr_kb_place_t place;
    int rc = tr_kb_latest(kbd->store, from, id, &changed_ms, error);
    for (size_t i = 0; i < n && rc == 0; i++)
        if (holders[i] != front->here)
            rc = tr_kb_owe(kbd->store, front->shards.items[holders[i]].hash,
                &(tr_kb_owed_t){.ns = ns, .id = id, .at_ms = changed_ms, .compare = true}, error);
    if (rc == 0 && tr_kb_place_of(kbd, ns, id, &place) && strcmp(place.name, from->name) != 0)
        rc = put_in_place(kbd, from, place.name, id, error);
    return rc;
}

/* It does not belong here: it goes when searches that have begun are over. */
static void give_away(tr_kbd_t *kbd, const tr_kb_namespace_t *from, const char *ns, const char *id) {
    tr_kb_place_t place;
    if (tr_kb_place_of(kbd, ns, id, &place) && strcmp(place.name, from->name) == 0)
        return;
    tr_kb_mover_document_t one = {.ns = strdup(from->name), .id = strdup(id)};
    if (one.ns && one.id)
        give(kbd, &one);
    else
        kbd->mover.failed = true;
    free_document(&one);
}

static int go_on_with_copies(tr_kbd_t *kbd, tr_error_t *error) {
    tr_kb_mover_t *self = &kbd->mover;
    listed_t list = {.kbd = kbd};
    char ns[TR_KB_NAMESPACE_MAX + 1];
    tr_kb_namespace_t from;
    int rc = tr_kb_namespace_find(kbd->store, self->names[self->name_at], &from, error);
    if (rc == 0) {
        tr_kb_place_base(from.name, ns);
        rc = tr_kb_scan(kbd->store, &from, self->after, SCAN_EACH, on_listed, &list, error);
    }
    if (rc == 0 && self->marking)
        rc = tr_kb_store_begin(kbd->store, error);
    for (size_t i = 0; i < list.count; i++) {
        if (rc == 0 && self->marking)
            rc = mark(kbd, &from, ns, list.ids[i], error);
        else if (rc == 0)
            give_away(kbd, &from, ns, list.ids[i]);
        free(list.ids[i]);
    }
    self->failed |= list.failed;
    if (rc < 0 || list.count < SCAN_EACH) {
        self->name_at++;
        self->after = 0;
    }
    return rc == -ENOENT ? 0 : rc;
}

/* ---- */

static int begin_round(tr_kbd_t *kbd, tr_error_t *error) {
    tr_kb_mover_t *self = &kbd->mover;
    drop_names(self);
    self->failed = self->gave = false;
    memset(self->away, 0, sizeof self->away);
    self->after = 0;
    return tr_kb_namespaces(kbd->store, on_name, self, error);
}

static void end(tr_kbd_t *kbd) {
    tr_error_t error = {0};
    if (tr_kb_place_as(kbd->store, kbd->front.shards.print, &error) < 0) {
        tr_log(&kbd->resident.log, &tr_kbd_events[TR_K_NOT_MOVED], "error=%s", error.text);
        come_again(kbd, PAUSE_MAX);
        return;
    }
    kbd->mover.moving = false;
    tr_log(&kbd->resident.log, &tr_kbd_events[TR_K_MOVED], "documents=%" PRIu64, kbd->mover.done);
    tell(kbd, "here");
    tr_kb_front_greet(kbd);
}

static void go_round(tr_kbd_t *kbd);

/* The first part is over when the others have all that was written down. */
static void go_round_with_copies(tr_kbd_t *kbd) {
    tr_kb_mover_t *self = &kbd->mover;
    tr_error_t error = {0};
    if (!self->marking || self->failed) {
        self->marking |= self->failed;
        go_round(kbd);
        return;
    }
    tr_kb_owing_marked(kbd);
    tr_kb_owing_wake(kbd);
    if (!tr_kb_owing_none(kbd)) {
        come_again(kbd, PAUSE_MS);
        return;
    }
    if (begin_round(kbd, &error) < 0) {
        tr_log(&kbd->resident.log, &tr_kbd_events[TR_K_NOT_MOVED], "error=%s", error.text);
        self->failed = true;
    }
    self->marking = false;
    come_again(kbd, 0);
}

/* The last round is one that finds nothing: so what could not be removed, because its commit failed, is seen. */
static void go_round(tr_kbd_t *kbd) {
    tr_kb_mover_t *self = &kbd->mover;
    tr_error_t error = {0};
    bool failed = self->failed;
    if (self->given_count) {
        come_again(kbd, PAUSE_MS);
        return;
    }
    if (!failed && !self->gave) {
        end(kbd);
        return;
    }
    if (begin_round(kbd, &error) < 0) {
        tr_log(&kbd->resident.log, &tr_kbd_events[TR_K_NOT_MOVED], "error=%s", error.text);
        self->failed = true;
    }
    self->pause_ms = !failed ? PAUSE_MS : 2 * self->pause_ms < PAUSE_MAX ? 2 * self->pause_ms : PAUSE_MAX;
    come_again(kbd, failed ? self->pause_ms : 0);
}

static void step(tr_kbd_t *kbd) {
    tr_kb_mover_t *self = &kbd->mover;
    tr_error_t error = {0};
    if (!self->moving || self->gather)
        return;
    remove_due(kbd);
    if (self->given_count >= GIVEN_MAX) {
        come_again(kbd, PAUSE_MS);
        return;
    }
    bool copies = tr_kb_front_keeps_copies(kbd);
    if (self->name_at >= self->name_count) {
        if (copies)
            go_round_with_copies(kbd);
        else
            go_round(kbd);
        return;
    }
    if ((copies ? go_on_with_copies : fill)(kbd, &error) < 0) {
        tr_log(&kbd->resident.log, &tr_kbd_events[TR_K_NOT_MOVED], "error=%s", error.text);
        self->failed = true;
    }
    if (self->batch_count)
        send_batch(kbd);
    else
        come_again(kbd, 0);
}

int tr_kb_mover_start(tr_kbd_t *kbd, tr_error_t *error) {
    tr_kb_mover_t *self = &kbd->mover;
    bool same = true;
    if (!kbd->front.shards.count)
        return tr_kb_place_anew(kbd->store, error); /* all that comes now is here */
    self->pause_ms = PAUSE_MS;
    int rc = tr_kb_placed_as(kbd->store, kbd->front.shards.print, &same, error);
    if (rc == 0 &&
        !same) /* before anything comes by the new shards: it may be ended, and get the old ones again */
        rc = tr_kb_place_anew(kbd->store, error);
    if (rc == 0 && !same)
        rc = begin_round(kbd, error);
    self->moving = !same;
    self->marking = true;
    if (rc == 0 && self->moving)
        come_again(kbd, 0);
    return rc;
}

void tr_kb_mover_go_through(tr_kbd_t *kbd) {
    tr_kb_mover_t *self = &kbd->mover;
    tr_error_t error = {0};
    if (!tr_kb_front_keeps_copies(kbd))
        return;
    int rc = tr_kb_place_anew(kbd->store, &error);
    if (rc == 0)
        rc = begin_round(kbd, &error);
    if (rc < 0)
        tr_log(&kbd->resident.log, &tr_kbd_events[TR_K_NOT_MOVED], "error=%s", error.text);
    self->failed |= rc < 0;
    self->moving = self->marking = true;
    come_again(kbd, 0);
}

void tr_kb_mover_stop(tr_kbd_t *kbd) {
    tr_kb_mover_t *self = &kbd->mover;
    self->moving = false;
    tr_timer_cancel(&self->timer);
    tr_gather_destroy(&self->gather);
    drop_batch(self);
    drop_names(self);
    for (size_t i = 0; i < self->given_count; i++)
        free_document(&self->given[i]);
    free(self->given);
    for (size_t i = 0; i < self->held_count; i++)
        tr_message_done(&self->held[i]); /* who asks sees that the process ends */
    free(self->held);
    *self = (tr_kb_mover_t){0};
}
