#include "coordinator/council/council.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- which there are ---- */

tr_held_t *tr_council_find(const tr_coordinator_t *self, const char *id) {
    tr_held_t *held = tr_map_find_ptr(&self->decisions, id, strlen(id));
    return held && !tr_motion_ended(held->decision->state) ? held : NULL;
}

/* Takes the decision, unless it fails. */
static tr_held_t *hold(tr_coordinator_t *self, tr_motion_t *decision) {
    tr_held_t *held = calloc(1, sizeof *held);
    if (!held)
        return NULL;
    *held = (tr_held_t){.coordinator = self, .decision = decision};
    held->asked = calloc(decision->seat_count + 1, sizeof(tr_canvass_t *));
    if (held->asked &&
        tr_map_put(&self->decisions, decision->id, strlen(decision->id), (uint64_t)(uintptr_t)held) == 0)
        return held;
    free(held->asked);
    free(held);
    return NULL;
}

static void let_go(tr_held_t *held) {
    const tr_motion_t *d = held->decision;
    tr_canvass_end(held);
    tr_timer_cancel(&held->timer);
    tr_timer_cancel(&held->retry);
    tr_map_delete(&held->coordinator->decisions, d->id, strlen(d->id));
    tr_motion_destroy(&held->decision);
    free(held->asked);
    free(held);
}

/* ---- what is stored and told ---- */

static void note(tr_coordinator_t *self, const tr_motion_t *d, const char *key, bool added) {
    tr_content_writer_t w, *published;
    const void *told;
    size_t len;
    tr_content_writer_init(&w);
    tr_motion_write(&w, d, 0);
    if (tr_content_writer_take(&w, &told, &len) < 0)
        len = 0;
    if (added)
        tr_store_add_decision(self->store, d->id, key, d->state, told, len);
    else
        tr_store_update_decision(self->store, d->id, d->state, told, len);
    tr_content_writer_finish(&w);
    published = tr_effect_publish(self, "decision", d->id, "state");
    if (published)
        tr_motion_write(published, d, 0);
}

/* What is kept of an event that comes in. */
typedef struct kept {
    tr_content_writer_t w;
    tr_content_t content;
    tr_motion_event_t event;
} kept_t;

static void drop(kept_t *k) {
    if (k->event.value)
        tr_content_finish(&k->content);
    tr_content_writer_finish(&k->w);
}

/* 0, or as tr_motion_apply: then there is nothing to drop. */
static int keep(const tr_motion_t *d, const tr_motion_event_t *event, kept_t *k, tr_error_t *error) {
    const void *bytes = NULL;
    size_t len = 0;
    k->event = *event;
    k->event.value = NULL;
    tr_content_writer_init(&k->w);
    int rc = tr_motion_digest(d, event, &k->w, error);
    if (rc == 0)
        rc = tr_content_writer_take(&k->w, &bytes, &len);
    if (rc == 0 && len && (rc = tr_content_init(&k->content, bytes, len)) == 0)
        k->event.value = &k->content.root;
    if (rc < 0)
        drop(k);
    return rc < 0 && !*error->text ? tr_error_set(error, rc, "%s", strerror(-rc)) : rc;
}

int tr_council_record(
    tr_coordinator_t *self, const tr_motion_t *decision, const tr_motion_event_t *event, tr_error_t *error) {
    kept_t kept;
    int rc = keep(decision, event, &kept, error);
    if (rc < 0)
        return rc;
    tr_effects_change(self);
    tr_store_add_event(self->store, decision->id, &kept.event);
    note(self, decision, NULL, false);
    drop(&kept);
    return 0;
}

/* A ballot, to who watches: of a secret decision only that there is one. */
static void publish_vote(const tr_held_t *held, const tr_motion_event_t *e) {
    const tr_motion_t *d = held->decision;
    tr_content_writer_t *w = tr_effect_publish(held->coordinator, "decision", d->id, "vote");
    if (!w)
        return;
    tr_write_map(w, d->secret ? 5 : 6);
    tr_write_kv(w, "decision", d->id);
    tr_write_kv(w, "voter", e->who);
    tr_write_kv_uint(w, "round", d->round);
    tr_write_kv_uint(w, "answered", d->answered);
    tr_write_kv_uint(w, "voters", d->seat_count);
    if (d->secret)
        return;
    tr_write_str(w, "said");
    if (e->value)
        tr_write_value(w, e->value);
    else
        tr_write_nil(w);
}

/* ---- what follows ---- */

static void begin_asking(tr_coordinator_t *self, const char *id, uint32_t round) {
    tr_held_t *held = tr_council_find(self, id);
    if (held && held->decision->round == round)
        tr_canvass(held);
}

static void wait_for_end(tr_held_t *held);

static void on_time(tr_agent_t *agent, void *state, void *arg) {
    tr_held_t *held = arg;
    (void)agent, (void)state;
    held->timer = NULL;
    if (held->decision->state == TR_MOTION_VOTING)
        wait_for_end(held); /* counted by tr_council_turn */
}

/* The wall's clock says when a round ends, and may be set: the timer only asks again. */
static void wait_for_end(tr_held_t *held) {
    int64_t left_ms = held->decision->deadline_ms - tr_clock_wall_ms();
    held->coordinator->stirred |= left_ms <= 0;
    if (left_ms <= 0 || !held->coordinator->agent)
        return;
    tr_timer_cancel(&held->timer);
    held->timer = tr_timer_start(held->coordinator->agent, left_ms < 60000 ? left_ms : 60000, on_time, held);
}

/* Another round, or another state. */
static void follow(tr_held_t *held) {
    const tr_motion_t *d = held->decision;
    tr_canvass_end(held);
    note(held->coordinator, d, NULL, false);
    if (d->state == TR_MOTION_VOTING)
        wait_for_end(held);
    if (d->state == TR_MOTION_VOTING || d->state == TR_MOTION_MEDIATION)
        tr_effect_call(
            held->coordinator, begin_asking, d->id, d->round); /* else its time ends the round, ignoring */
}

static int take(tr_held_t *held, const tr_motion_event_t *event, tr_error_t *error) {
    const tr_motion_t *d = held->decision;
    uint32_t round = d->round;
    tr_motion_state_t state = d->state;
    int64_t began_ms = d->deadline_ms - d->within_ms;
    int rc = tr_motion_apply(held->decision, event, error);
    if (rc < 0)
        return rc;
    if (state == TR_MOTION_VOTING && (d->round != round || d->state != state))
        tr_spans_of_round(held->coordinator, d, round, began_ms);
    if (tr_motion_ended(d->state) && !tr_motion_ended(state)) {
        tr_counter_inc(&held->coordinator->meter.decisions[d->state - TR_MOTION_DECIDED]);
        tr_spans_of_decision(held->coordinator, d);
    }
    held->coordinator->stirred = true;
    tr_effects_change(held->coordinator);
    tr_store_add_event(held->coordinator->store, d->id, event);
    if (event->what == TR_MOTION_BALLOT || event->what == TR_MOTION_DECLINED)
        publish_vote(held, event);
    if (d->round != round || d->state != state)
        follow(held);
    return 0;
}

int tr_council_happen(tr_held_t *held, const tr_motion_event_t *event, tr_error_t *error) {
    kept_t kept;
    int rc = tr_motion_check(held->decision, event, error);
    if (rc == 0)
        rc = keep(held->decision, event, &kept, error);
    if (rc < 0)
        return rc;
    rc = take(held, &kept.event, error);
    drop(&kept);
    return rc;
}

int tr_council_happen_because(
    tr_held_t *held, tr_motion_what_t what, const char *who, const char *reason, tr_error_t *error) {
    tr_content_writer_t w;
    tr_content_t content = {0};
    tr_motion_event_t event = {.what = what, .at_ms = tr_clock_wall_ms(), .who = who};
    const void *bytes;
    size_t len;
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_kv(&w, "reason", reason);
    if (reason && tr_content_writer_take(&w, &bytes, &len) == 0 && tr_content_init(&content, bytes, len) == 0)
        event.value = &content.root;
    int rc = tr_council_happen(held, &event, error);
    if (event.value)
        tr_content_finish(&content);
    tr_content_writer_finish(&w);
    return rc;
}

/* ---- opening ---- */

int tr_council_open(tr_coordinator_t *self, const char *id, const char *key, tr_value_t wish, int64_t now_ms,
    tr_error_t *error) {
    tr_motion_event_t opened = {.what = TR_MOTION_OPENED, .at_ms = now_ms, .value = wish};
    tr_motion_t *decision = NULL;
    int rc = tr_motion_new(id, &opened, &decision, error);
    tr_held_t *held = rc == 0 ? hold(self, decision) : NULL;
    if (!held) {
        tr_motion_destroy(&decision);
        return rc < 0 ? rc : tr_error_set(error, -ENOMEM, "out of memory");
    }
    tr_effects_change(self);
    note(self, decision, key, true);
    tr_store_add_event(self->store, id, &opened);
    wait_for_end(held);
    tr_effect_call(self, begin_asking, id, decision->round); /* else its time ends the round, ignoring */
    return 0;
}

/* ---- out of the store ---- */

typedef struct replay {
    const char *id;
    tr_motion_t **decision;
    tr_store_replayed_fn seen; /* NULL */
    void *arg;
    tr_error_t *error;
} replay_t;

static int on_replayed(void *arg, const tr_motion_event_t *event) {
    const replay_t *r = arg;
    int rc = -EBADMSG;
    if (event->what == TR_MOTION_OPENED && !*r->decision)
        rc = tr_motion_new(r->id, event, r->decision, r->error);
    else if (*r->decision)
        rc = tr_motion_apply(*r->decision, event, r->error);
    return rc == 0 && r->seen ? r->seen(r->arg, event) : rc;
}

int tr_council_replay(tr_store_t *store, const char *id, tr_motion_t **ret, tr_store_replayed_fn seen,
    void *arg, tr_error_t *error) {
    replay_t r = {.id = id, .decision = ret, .seen = seen, .arg = arg, .error = error};
    *ret = NULL;
    int rc = tr_store_replay(store, id, on_replayed, &r);
    if (rc < 0)
        tr_motion_destroy(ret);
    return rc == -ENOENT && !*error->text ? tr_error_set(error, rc, "there is no decision of this id") : rc;
}

int tr_council_load(tr_coordinator_t *self, const char *id, tr_motion_t **ret, tr_error_t *error) {
    return tr_council_replay(self->store, id, ret, NULL, NULL, error);
}

typedef struct restoring {
    tr_coordinator_t *coordinator;
    tr_error_t *error;
} restoring_t;

static int restore(void *arg, const char *id) {
    restoring_t *r = arg;
    tr_motion_t *decision = NULL;
    if (tr_map_find_ptr(&r->coordinator->decisions, id, strlen(id)))
        return -EEXIST; /* it has ended, and is let go at the next turn */
    int rc = tr_council_load(r->coordinator, id, &decision, r->error);
    if (rc == 0 && !hold(r->coordinator, decision)) {
        tr_motion_destroy(&decision);
        rc = tr_error_set(r->error, -ENOMEM, "out of memory");
    }
    return rc;
}

int tr_council_restore(tr_coordinator_t *self, tr_error_t *error) {
    restoring_t r = {self, error};
    int rc = tr_store_open_decisions(self->store, restore, &r);
    return rc < 0 && !*error->text ? tr_error_set(error, rc, "decisions cannot be read: %s", strerror(-rc))
                                   : rc;
}

/* ---- as time goes ---- */

static void resume(tr_held_t *held) {
    tr_canvass_end(held);
    if (held->decision->state == TR_MOTION_VOTING)
        wait_for_end(held);
    tr_effect_call(
        held->coordinator, begin_asking, held->decision->id, held->decision->round); /* ignoring, likewise */
}

void tr_council_resume(tr_coordinator_t *self) {
    size_t cursor = 0;
    for (const tr_map_slot_t *slot; (slot = tr_map_next(&self->decisions, &cursor));)
        resume((tr_held_t *)(uintptr_t)slot->value);
}

int tr_council_take(tr_coordinator_t *self, const char *id) {
    tr_error_t error = {0};
    restoring_t r = {self, &error};
    int rc = restore(&r, id);
    tr_held_t *held = rc == 0 ? tr_council_find(self, id) : NULL;
    if (held)
        resume(held);
    self->stirred |= rc == 0; /* one that had ended is let go */
    return rc;
}

void tr_council_turn(tr_coordinator_t *self) {
    tr_error_t error = {0};
    size_t cursor = 0;
    if (!self->stirred)
        return;
    self->stirred = false;
    for (const tr_map_slot_t *slot; (slot = tr_map_next(&self->decisions, &cursor));) {
        tr_held_t *held = (tr_held_t *)(uintptr_t)slot->value;
        if (tr_motion_over(held->decision, tr_clock_wall_ms()) &&
            tr_council_happen_because(held, TR_MOTION_COUNTED, NULL, NULL, &error) < 0)
            self->stirred = true; /* no memory: at the next turn */
        if (!tr_motion_ended(held->decision->state))
            continue;
        let_go(held);
        cursor = 0; /* the map has closed the gap */
    }
}

void tr_council_finish(tr_coordinator_t *self) {
    size_t cursor = 0;
    for (const tr_map_slot_t *slot; (slot = tr_map_next(&self->decisions, &cursor)); cursor = 0) {
        tr_held_t *held = (tr_held_t *)(uintptr_t)slot->value;
        memset(held->asked, 0, (held->decision->seat_count + 1) * sizeof(tr_canvass_t *));
        held->timer = held->retry = NULL; /* they went with the host */
        let_go(held);
    }
    tr_map_finish(&self->decisions);
    tr_canvass_finish(self);
}
