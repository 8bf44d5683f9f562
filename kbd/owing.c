#include "kbd/owing.h"

#include "kbd/events.h"
#include "kbd/kbd.h"
#include "kbd/places.h"
#include "kbd/store_move.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_BYTES (1u << 20)
#define TOGETHER    (TR_RECORD_MAX - 65536u) /* bytes of a message */
#define TELL_MS     10000                    /* who has not taken it by then has missed it */
#define PAUSE_MS    1000
#define PAUSE_MAX   30000
#define FLUSHES_MAX 1024u

static const tr_shard_t *shard_of(const tr_kb_debt_t *d) {
    return &d->kbd->front.shards.items[d->shard];
}

static size_t count_shards(const tr_kbd_t *kbd) {
    return kbd->owing.debts ? kbd->front.shards.count : 0;
}

static void turn(tr_kbd_t *kbd);

static void on_timer(tr_agent_t *agent, void *state, void *arg) {
    tr_kbd_t *kbd = arg;
    (void)agent, (void)state;
    kbd->owing.timer = NULL;
    turn(kbd);
}

/* Without memory for a timer it goes on with the next write, or greeting, ignoring. */
static void come_again(tr_kbd_t *kbd, int64_t after_ms) {
    if (after_ms == 0)
        tr_timer_cancel(&kbd->owing.timer);
    if (!kbd->owing.timer)
        kbd->owing.timer = tr_timer_start(kbd->agent, after_ms, on_timer, kbd);
}

void tr_kb_owing_wake(tr_kbd_t *kbd) {
    if (kbd->owing.debts && !kbd->owing.timer)
        come_again(kbd, 0);
}

static bool owes(const tr_kbd_t *kbd, size_t shard, int64_t *ret_first) {
    *ret_first = 0;
    return tr_kb_owed_first(kbd->store, kbd->front.shards.items[shard].hash, ret_first, NULL) < 0 ||
           *ret_first; /* what cannot be read may be owed */
}

bool tr_kb_owing_none(const tr_kbd_t *kbd) {
    int64_t first;
    for (size_t i = 0; i < count_shards(kbd); i++)
        if (i != kbd->front.here && owes(kbd, i, &first))
            return false;
    return true;
}

bool tr_kb_owing_sends(const tr_kbd_t *kbd) {
    bool sends = false;
    for (size_t i = 0; i < count_shards(kbd); i++)
        sends |= kbd->owing.debts[i].gather != NULL;
    return sends;
}

/* ---- who waits ---- */

static bool is_told(const tr_kbd_t *kbd, int64_t number) {
    int64_t first;
    for (size_t i = 0; i < count_shards(kbd); i++)
        if (i != kbd->front.here && !kbd->owing.debts[i].missed && owes(kbd, i, &first) && first <= number)
            return false;
    return true;
}

static void answer_flush(tr_kbd_t *kbd, const tr_message_t *message) {
    tr_content_writer_t *w = tr_kb_answer(kbd, message, TR_INFORM);
    if (!w)
        return;
    tr_write_map(w, TR_KB_STATE);
    tr_kb_front_write_state(kbd, w);
}

static void answer_flushes(tr_kbd_t *kbd) {
    tr_kb_owing_t *self = &kbd->owing;
    size_t n = 0;
    for (size_t i = 0; i < self->flush_count; i++) {
        tr_kb_flush_t *flush = &self->flushes[i];
        if (!is_told(kbd, flush->number)) {
            self->flushes[n++] = *flush;
            continue;
        }
        answer_flush(kbd, flush->message);
        tr_message_done(&flush->message);
    }
    self->flush_count = n;
}

void tr_kb_owing_flush(tr_kb_question_t *q) {
    tr_kb_owing_t *self = &q->kbd->owing;
    tr_error_t error = {0};
    int64_t number = 0;
    if (tr_kb_owed_last(q->kbd->store, &number, &error) < 0) {
        tr_kb_refuse_error(q->kbd, q->message, &error);
        return;
    }
    if (is_told(q->kbd, number)) {
        answer_flush(q->kbd, q->message);
        return;
    }
    if (self->flush_count == self->flush_room && self->flush_room < FLUSHES_MAX) {
        size_t room = self->flush_room ? 2 * self->flush_room : 16;
        tr_kb_flush_t *grown = realloc(self->flushes, room * sizeof *grown);
        self->flushes = grown ? grown : self->flushes;
        self->flush_room = grown ? room : self->flush_room;
    }
    tr_message_t *message = self->flush_count < self->flush_room ? tr_message_keep(q->message) : NULL;
    if (message)
        self->flushes[self->flush_count++] = (tr_kb_flush_t){message, number};
    else
        tr_kb_refuse(q->kbd, q->message, TR_REFUSE, "busy", "too many wait for the other shards");
    tr_kb_owing_wake(q->kbd);
}

/* ---- what is owed, to one ---- */

static void drop_bills(tr_kb_debt_t *d) {
    for (size_t i = 0; i < d->count; i++)
        free(d->bills[i].id);
    d->count = 0;
}

/* Of one namespace, and of one kind. */
static bool on_owed(void *arg, const tr_kb_owed_t *owed) {
    tr_kb_debt_t *d = arg;
    if (d->count == 0) {
        snprintf(d->ns, sizeof d->ns, "%s", owed->ns);
        d->compare = owed->compare;
    }
    if (strcmp(d->ns, owed->ns) != 0 || d->compare != owed->compare)
        return false;
    tr_kb_bill_t *bill = &d->bills[d->count];
    *bill = (tr_kb_bill_t){.number = owed->number, .at_ms = owed->at_ms, .id = strdup(owed->id)};
    d->count += bill->id != NULL;
    return bill->id && d->count < TR_KB_OWING_BATCH;
}

static void note_changed(void *arg, const tr_kb_document_t *d) {
    *(int64_t *)arg = d->changed_ms;
}

/* The place where it is as it was changed last; NULL: it is not here. */
static const tr_kb_namespace_t *find_newest(
    tr_kbd_t *kbd, const tr_kb_namespace_t *places, size_t count, const char *id, int64_t *ret_changed_ms) {
    const tr_kb_namespace_t *newest = NULL;
    *ret_changed_ms = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t changed_ms = 0;
        tr_kb_get(kbd->store, &places[i], id, note_changed, &changed_ms, NULL); /* none: 0 */
        if (changed_ms > *ret_changed_ms) {
            *ret_changed_ms = changed_ms;
            newest = &places[i];
        }
    }
    return newest;
}

/* The document as it is now, or that it was removed. */
static int write_bill(tr_kb_debt_t *d, const tr_kb_bill_t *bill, const tr_kb_namespace_t *places,
    size_t place_count, tr_content_writer_t *w, tr_error_t *error) {
    int64_t changed_ms;
    const tr_kb_namespace_t *place = find_newest(d->kbd, places, place_count, bill->id, &changed_ms);
    if (d->compare) {
        tr_write_array(w, 2);
        tr_write_strn(w, bill->id, strlen(bill->id));
        tr_write_int(w, changed_ms); /* 0: what was to be compared is gone, and nobody wants it */
        return 0;
    }
    if (place)
        return tr_kb_move_write(d->kbd->store, place, bill->id, d->kbd->meaning.model, w, error);
    tr_write_map(w, 2);
    tr_write_kv(w, "id", bill->id);
    tr_write_kv_int(w, "removed_ms", bill->at_ms);
    return 0;
}

/* As many as go together; the rest is for the next time. */
static int write_bills(tr_kb_debt_t *d, const tr_kb_namespace_t *places, size_t place_count,
    tr_content_writer_t *w, tr_error_t *error) {
    size_t n = 0, before = 0;
    int rc = 0;
    while (n < d->count && w->buffer.size < BATCH_BYTES && rc == 0) {
        before = w->buffer.size;
        rc = write_bill(d, &d->bills[n++], places, place_count, w, error);
    }
    if (rc == 0 && w->buffer.size > TOGETHER && n > 1) {
        w->buffer.size = before;
        n--;
    }
    for (size_t i = n; i < d->count; i++)
        free(d->bills[i].id);
    d->count = n;
    if (rc == 0 && w->buffer.size > TOGETHER)
        rc = tr_error_set(
            error, -EMSGSIZE, "%.200s in %s: it is too long for a message", d->bills[0].id, d->ns);
    return rc;
}

static void on_told(tr_gather_t *gather, void *arg);

static int send_bills(
    tr_kb_debt_t *d, const tr_kb_namespace_t *ns, const tr_content_writer_t *documents, tr_error_t *error) {
    const void *bytes;
    size_t len;
    if (tr_content_writer_take(documents, &bytes, &len) < 0 ||
        !(d->gather = tr_gather_new(&d->kbd->front.gathers, d->kbd->agent, 1)))
        return tr_error_set(error, -ENOMEM, "out of memory");
    tr_content_writer_t *w = tr_gather_ask(d->gather, 0, shard_of(d)->name);
    tr_write_map(w, 6 + TR_KB_STATE);
    tr_write_kv(w, "action", d->compare ? "offer" : "move");
    tr_write_kv_uint(w, "part", d->kbd->front.shards.print);
    tr_kb_front_write_state(d->kbd, w);
    tr_write_kv(w, "namespace", d->ns);
    tr_write_kv(w, "language", ns ? ns->language : NULL); /* none: all of it was removed */
    tr_write_kv_uint(w, "dimensions", ns ? ns->dimensions : 0);
    tr_write_str(w, "documents");
    tr_write_array(w, d->count);
    msgpack_sbuffer_write(&w->buffer, bytes, len);
    tr_gather_send(d->gather, TELL_MS, on_told, d);
    return 0;
}

/* Of the places one that says what the namespace is. */
static const tr_kb_namespace_t *settled_one(const tr_kb_namespace_t *places, size_t count) {
    const tr_kb_namespace_t *one = count ? &places[0] : NULL;
    for (size_t i = 0; i < count; i++)
        one = places[i].dimensions || (!one->dimensions && places[i].documents) ? &places[i] : one;
    return one;
}

/* ---- it has been told ---- */

static void level(tr_kb_debt_t *d) {
    if (!d->missed)
        return;
    d->missed = false;
    tr_log(&d->kbd->resident.log, &tr_kbd_events[TR_K_LEVEL], "shard=%s", shard_of(d)->name);
    tr_kb_front_greet(d->kbd); /* it is to hear of that */
}

/* It is left alone for a while, and comes last of what is owed, so that it holds up nothing else. */
static void fail(tr_kb_debt_t *d, const char *why) {
    if (!d->missed)
        tr_log(
            &d->kbd->resident.log, &tr_kbd_events[TR_K_MISSED], "shard=%s error=%s", shard_of(d)->name, why);
    d->missed = true;
    d->next_ms = tr_clock_ms() + d->pause_ms;
    d->pause_ms = 2 * d->pause_ms < PAUSE_MAX ? 2 * d->pause_ms : PAUSE_MAX;
}

static int put_last(tr_kb_debt_t *d, const tr_kb_bill_t *bill, tr_error_t *error) {
    return tr_kb_owe(d->kbd->store, shard_of(d)->hash,
        &(tr_kb_owed_t){.ns = d->ns, .id = bill->id, .at_ms = bill->at_ms}, error);
}

static int take_answer(tr_kb_debt_t *d, tr_value_t value, bool *ret_refused, tr_error_t *error) {
    tr_value_t told = tr_value_get(value, d->compare ? "wants" : "documents");
    int rc = tr_kb_store_begin(d->kbd->store, error);
    for (size_t i = 0; i < d->count && rc == 0; i++) {
        const tr_kb_bill_t *bill = &d->bills[i];
        tr_value_t one = tr_value_at(told, i), why = tr_value_get(one, "error");
        char text[256] = "";
        if (d->compare) {
            rc = tr_kb_owed_paid(d->kbd->store, bill->number, tr_value_bool(one, false), error);
        } else if (!why) {
            rc = tr_kb_owed_paid(d->kbd->store, bill->number, false, error);
        } else {
            tr_value_copy(why, text, sizeof text); /* too long: "" */
            tr_log(&d->kbd->resident.log, &tr_kbd_events[TR_K_NOT_MOVED],
                "shard=%s namespace=%s id=%s error=%s", shard_of(d)->name, d->ns, bill->id, text);
            *ret_refused = true;
            rc = put_last(d, bill, error);
        }
    }
    return rc;
}

static void on_told(tr_gather_t *gather, void *arg) {
    tr_kb_debt_t *d = arg;
    tr_kbd_t *kbd = d->kbd;
    tr_error_t error = {0};
    bool refused = false;
    tr_value_t value = tr_gather_value(gather, 0),
               told = tr_value_get(value, d->compare ? "wants" : "documents");
    char why[256] = "it is away";
    tr_value_copy(tr_value_get(tr_gather_said(gather, 0), "detail"), why, sizeof why);
    if (!told || tr_value_size(told) != d->count)
        fail(d, why);
    else if (take_answer(d, value, &refused, &error) < 0)
        fail(d, error.text);
    else if (refused)
        fail(d, "it refuses some");
    else
        d->pause_ms = PAUSE_MS;
    tr_gather_destroy(&d->gather);
    drop_bills(d);
    if (!tr_kb_owing_sends(kbd))
        tr_kb_mover_release(kbd);
    come_again(kbd, 0);
}

/* What is too long for a message comes last. */
static void tell(tr_kb_debt_t *d, tr_error_t *error) {
    tr_kb_namespace_t *places = NULL;
    size_t count = 0;
    tr_content_writer_t documents;
    tr_content_writer_init(&documents);
    int rc = tr_kb_places_read(d->kbd->store, d->ns, &places, &count, error);
    if (rc == 0)
        rc = write_bills(d, places, count, &documents, error);
    if (rc == 0)
        rc = send_bills(d, settled_one(places, count), &documents, error);
    if (rc == -EMSGSIZE && tr_kb_store_begin(d->kbd->store, error) == 0)
        put_last(d, &d->bills[d->count - 1], error);
    if (rc < 0) {
        tr_log(&d->kbd->resident.log, &tr_kbd_events[TR_K_NOT_MOVED], "shard=%s error=%s", shard_of(d)->name,
            error->text);
        fail(d, error->text);
        drop_bills(d);
    }
    tr_content_writer_finish(&documents);
    free(places);
}

/* How long until it is this one's turn again; -1: something else comes first. */
static int64_t pay(tr_kb_debt_t *d, int64_t now_ms) {
    tr_error_t error = {0};
    if (d->gather || d->kbd->mover.held_count)
        return -1;
    if (d->next_ms > now_ms)
        return d->next_ms - now_ms;
    drop_bills(d);
    if (tr_kb_owed_read(d->kbd->store, shard_of(d)->hash, TR_KB_OWING_BATCH, on_owed, d, &error) < 0) {
        fail(d, error.text);
        return d->pause_ms;
    }
    if (d->count == 0) {
        if (!d->fresh)
            level(d);
        return -1;
    }
    tell(d, &error);
    return d->gather ? -1 : d->pause_ms;
}

/* What is told is on the disk here. */
static void turn(tr_kbd_t *kbd) {
    int64_t now_ms = tr_clock_ms(), soonest = -1;
    tr_kb_settle(kbd);
    for (size_t i = 0; i < count_shards(kbd); i++) {
        int64_t wait = i == kbd->front.here ? -1 : pay(&kbd->owing.debts[i], now_ms);
        soonest = wait >= 0 && (soonest < 0 || wait < soonest) ? wait : soonest;
    }
    answer_flushes(kbd);
    if (soonest >= 0 && !kbd->owing.timer)
        come_again(kbd, soonest < 10 ? 10 : soonest);
}

/* ---- what shards tell each other ---- */

void tr_kb_owing_write(const tr_kbd_t *kbd, tr_content_writer_t *w) {
    uint64_t mask = 0;
    for (size_t i = 0; i < count_shards(kbd); i++)
        mask |= (uint64_t)(kbd->owing.debts[i].missed || kbd->owing.debts[i].fresh) << i;
    tr_write_str(w, "state");
    tr_write_array(w, 2);
    tr_write_uint(w, mask);
    tr_write_uint(w, kbd->owing.heard_here | (uint64_t)1 << kbd->front.here);
}

static uint64_t mask_at(tr_value_t list, size_t i) {
    tr_value_t v = tr_value_at(list, i);
    return v && v->type == MSGPACK_OBJECT_POSITIVE_INTEGER ? v->via.u64 : 0;
}

void tr_kb_owing_note(tr_kbd_t *kbd, size_t shard, tr_value_t said) {
    tr_kb_owing_t *self = &kbd->owing;
    tr_value_t state = tr_value_get(said, "state");
    if (!self->debts || tr_value_size(state) != 2)
        return;
    self->owes[shard] = mask_at(state, 0);
    self->heard[shard] = mask_at(state, 1);
    if (self->owes[shard] >> kbd->front.here & 1)
        self->heard_here &= ~((uint64_t)1 << shard);
    else if (!kbd->front.was_empty || (kbd->front.greeted >> shard & 1))
        self->heard_here |= (uint64_t)1 << shard; /* it knows that there was nothing here, too */
}

void tr_kb_owing_greeted(tr_kbd_t *kbd, size_t shard, uint64_t empty) {
    tr_kb_debt_t *d = kbd->owing.debts ? &kbd->owing.debts[shard] : NULL;
    if (!d)
        return;
    bool is_new =
        kbd->mover.moving && !d->empty; /* it has come with these shards, and has had nothing before */
    if (empty && empty != d->empty && !is_new) {
        d->fresh = true;
        tr_kb_mover_go_through(kbd);
    }
    d->empty = empty ? empty : d->empty;
    d->next_ms = 0;
    d->pause_ms = PAUSE_MS;
    come_again(kbd, 0);
}

bool tr_kb_owing_is_level(const tr_kbd_t *kbd, size_t shard, const bool *away) {
    const tr_kb_owing_t *self = &kbd->owing;
    bool level = true;
    for (size_t i = 0; i < count_shards(kbd); i++)
        if (i != shard && !away[i])
            level &= !(self->owes[i] >> shard & 1) && (self->heard[shard] >> i & 1);
    return level;
}

bool tr_kb_owing_is_covered(const tr_kbd_t *kbd, size_t shard, const bool *away) {
    bool covered = true;
    for (size_t i = 0; i < count_shards(kbd); i++)
        if (i != shard && !away[i])
            covered &= kbd->owing.heard[i] >> shard & 1;
    return covered;
}

/* ---- into here ---- */

static int wants(
    tr_kb_question_t *q, const char *ns, tr_value_t offered, bool *ret_wants, tr_error_t *error) {
    char id[TR_KB_ID_MAX + 1];
    int64_t here_ms = 0;
    tr_kb_place_t place;
    tr_kb_namespace_t there = {.number = 0};
    if (tr_value_copy(tr_value_at(offered, 0), id, sizeof id) < 0)
        return tr_error_set(error, -EINVAL, "documents: expected pairs of an id and when it was changed");
    *ret_wants = false;
    if (!tr_kb_place_of(q->kbd, ns, id, &place))
        return 0;
    int rc = tr_kb_namespace_find(q->kbd->store, place.name, &there, error);
    if (rc == -ENOENT) {
        snprintf(there.name, sizeof there.name, "%s", place.name);
        rc = 0;
    }
    if (rc == 0)
        rc = tr_kb_latest(q->kbd->store, &there, id, &here_ms, error);
    *ret_wants = tr_value_int(tr_value_at(offered, 1), 0) > here_ms;
    return rc;
}

void tr_kb_owing_offer(tr_kb_question_t *q) {
    char ns[TR_KB_NAMESPACE_MAX + 1];
    tr_value_t documents = tr_value_get(q->content, "documents");
    size_t n = tr_value_is_array(documents) ? tr_value_size(documents) : 0;
    bool wanted[TR_KB_OWING_BATCH] = {false};
    tr_error_t error = {0};
    int rc = 0;
    if (!tr_kb_read_name(q, ns))
        return;
    n = n < TR_KB_OWING_BATCH ? n : TR_KB_OWING_BATCH;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = wants(q, ns, tr_value_at(documents, i), &wanted[i], &error);
    tr_content_writer_t *w = rc == 0 ? tr_kb_answer(q->kbd, q->message, TR_INFORM) : NULL;
    if (rc < 0)
        tr_kb_refuse_error(q->kbd, q->message, &error);
    if (!w)
        return;
    tr_write_map(w, 1 + TR_KB_STATE);
    tr_kb_front_write_state(q->kbd, w);
    tr_write_str(w, "wants");
    tr_write_array(w, n);
    for (size_t i = 0; i < n; i++)
        tr_write_bool(w, wanted[i]);
}

/* ---- life ---- */

void tr_kb_owing_marked(tr_kbd_t *kbd) {
    for (size_t i = 0; i < count_shards(kbd); i++) {
        tr_kb_debt_t *d = &kbd->owing.debts[i];
        if (!d->fresh)
            continue;
        d->missed = true; /* until it has it; then it is told so */
        d->fresh = false;
        come_again(kbd, 0);
    }
}

int tr_kb_owing_start(tr_kbd_t *kbd, tr_error_t *error) {
    tr_kb_owing_t *self = &kbd->owing;
    size_t n = kbd->front.shards.count;
    int64_t first;
    int rc = 0;
    if (!n || !tr_kb_front_keeps_copies(kbd))
        return 0;
    if (!(self->debts = calloc(n, sizeof *self->debts)))
        return tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < n && rc == 0; i++) {
        self->debts[i] = (tr_kb_debt_t){.kbd = kbd, .shard = i, .pause_ms = PAUSE_MS};
        rc = tr_kb_owed_first(kbd->store, kbd->front.shards.items[i].hash, &first, error);
        self->debts[i].missed = rc == 0 && first && i != kbd->front.here;
    }
    if (rc == 0)
        come_again(kbd, 0);
    return rc;
}

void tr_kb_owing_stop(tr_kbd_t *kbd) {
    tr_kb_owing_t *self = &kbd->owing;
    tr_timer_cancel(&self->timer);
    for (size_t i = 0; i < count_shards(kbd); i++) {
        tr_gather_destroy(&self->debts[i].gather);
        drop_bills(&self->debts[i]);
    }
    free(self->debts);
    for (size_t i = 0; i < self->flush_count; i++)
        tr_message_done(&self->flushes[i].message); /* who asks sees that the process ends */
    free(self->flushes);
    *self = (tr_kb_owing_t){0};
}
