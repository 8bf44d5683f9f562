/* What is said and done after a commit. */
#include "coordinator/coordinator.h"
#include "coordinator/events.h"
#include "coordinator/schedules.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tr_effect_t *new_effect(tr_coordinator_t *self, int kind) {
    if (self->effect_count == self->effect_room) {
        size_t room = self->effect_room ? 2 * self->effect_room : 256;
        tr_effect_t *grown = realloc(self->effects, room * sizeof *grown);
        if (!grown)
            return NULL;
        self->effects = grown;
        self->effect_room = room;
    }
    tr_effect_t *e = &self->effects[self->effect_count++];
    *e = (tr_effect_t){.kind = kind};
    return e;
}

tr_content_writer_t *tr_effect_reply(
    tr_coordinator_t *self, const tr_message_t *message, tr_performative_t act) {
    tr_message_t *kept = tr_message_keep(message);
    tr_effect_t *e = kept ? new_effect(self, TR_EFFECT_REPLY) : NULL;
    if (!e) {
        tr_message_release(&kept);
        return NULL;
    }
    e->to = kept;
    e->act = act;
    tr_content_writer_init(&e->content);
    return &e->content;
}

void tr_effect_refuse(tr_coordinator_t *self, const tr_message_t *message, tr_performative_t act,
    const char *reason, const char *detail) {
    tr_content_writer_t *w = tr_effect_reply(self, message, act);
    if (!w)
        return;
    tr_write_map(w, 2);
    tr_write_kv(w, "reason", reason);
    tr_write_kv(w, "detail", detail);
}

tr_content_writer_t *tr_effect_publish(
    tr_coordinator_t *self, const char *topic, const char *id, const char *subtopic) {
    tr_effect_t *e = new_effect(self, TR_EFFECT_PUBLISH);
    if (!e)
        return NULL;
    e->topic = topic;
    e->subtopic = subtopic;
    snprintf(e->id, sizeof e->id, "%s", id);
    tr_content_writer_init(&e->content);
    return &e->content;
}

tr_content_writer_t *tr_effect_publish_on(tr_coordinator_t *self, const char *topic) {
    char *whole = strdup(topic);
    tr_effect_t *e = whole ? new_effect(self, TR_EFFECT_PUBLISH) : NULL;
    if (!e) {
        free(whole);
        return NULL;
    }
    e->whole = whole;
    tr_content_writer_init(&e->content);
    return &e->content;
}

tr_content_writer_t *tr_effect_tell(
    tr_coordinator_t *self, const char *topic, const char *id, int64_t owed_ms) {
    tr_content_writer_t *w = tr_effect_publish_on(self, topic);
    if (!w)
        return NULL;
    tr_effect_t *e = &self->effects[self->effect_count - 1];
    snprintf(e->id, sizeof e->id, "%s", id);
    e->owed_ms = owed_ms;
    return w;
}

bool tr_effect_call(tr_coordinator_t *self,
    void (*call)(tr_coordinator_t *self, const char *id, uint32_t number), const char *id, uint32_t number) {
    tr_effect_t *e = new_effect(self, TR_EFFECT_CALL);
    if (!e)
        return false;
    snprintf(e->id, sizeof e->id, "%s", id);
    e->call = call;
    e->number = number;
    return true;
}

void tr_effect_span(tr_coordinator_t *self, struct tr_noted_span *span) {
    tr_effect_t *e = new_effect(self, TR_EFFECT_SPAN);
    if (e)
        e->span = span;
    else
        tr_span_drop(&span);
}

/* An end that fits into no message, as this broker takes them: that it is one, at least, or it would be owed for ever. */
static int tell_less(tr_coordinator_t *self, const tr_effect_t *e) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 2);
    tr_write_kv(&w, "task", e->id);
    tr_write_str(&w, "left-out");
    tr_write_array(&w, 1);
    tr_write_str(&w, "result");
    int rc = tr_publish_content(self->agent, e->whole, &w);
    tr_content_writer_finish(&w);
    return rc;
}

static void publish(tr_coordinator_t *self, tr_effect_t *e) {
    char topic[TR_TASK_ID_MAX + 64];
    if (!e->whole)
        snprintf(topic, sizeof topic, "%s.%s.%s", e->topic, e->id, e->subtopic);
    int rc = tr_publish_content(self->agent, e->whole ? e->whole : topic, &e->content);
    if (rc == -EMSGSIZE && e->owed_ms)
        rc = tell_less(self, e);
    free(e->whole);
    if (!e->owed_ms)
        return; /* who watches may miss it, and ask; ignoring */
    if (rc < 0) {
        self->owes = true;
        return;
    }
    tr_effects_change(self);
    tr_store_pay(self->store, e->id, e->owed_ms);
}

/* Who asked may be gone, ignoring; but who is there and would wait for what fits into no message is told. */
static void reply(tr_coordinator_t *self, tr_effect_t *e) {
    int rc = tr_reply_content(self->agent, e->to, e->act, &e->content);
    if (rc == -EMSGSIZE)
        tr_reply_reason(self->agent, e->to, TR_FAILURE, "too-large",
            "the answer is larger than a message may be: ask for a part of it, or for fewer at once");
    tr_message_done(&e->to);
}

static void carry_out(tr_coordinator_t *self, tr_effect_t *e) {
    switch (e->kind) {
    case TR_EFFECT_REPLY: reply(self, e); break;
    case TR_EFFECT_PUBLISH: publish(self, e); break;
    case TR_EFFECT_SPAN: tr_span_carry_out(self, &e->span); break;
    case TR_EFFECT_CALL: e->call(self, e->id, e->number); break;
    }
}

static void drop(tr_effect_t *e) {
    if (e->kind == TR_EFFECT_REPLY)
        tr_message_release(&e->to);
    free(e->whole);
    tr_span_drop(&e->span);
    if (e->kind == TR_EFFECT_REPLY || e->kind == TR_EFFECT_PUBLISH)
        tr_content_writer_finish(&e->content);
}

void tr_effects_finish(tr_coordinator_t *self) {
    for (size_t i = 0; i < self->effect_count; i++)
        drop(&self->effects[i]);
    free(self->effects);
    self->effects = NULL;
    self->effect_count = self->effect_room = 0;
}

void tr_effects_change(tr_coordinator_t *self) {
    if (!self->changed)
        tr_store_begin(self->store);
    self->changed = true;
}

/* Nothing is told of what is not on the disk: the process ends. */
static bool commit(tr_coordinator_t *self) {
    tr_error_t error = {0};
    if (!self->changed)
        return true;
    self->changed = false;
    int rc = tr_store_commit(self->store, &error);
    if (rc == 0)
        return true;
    self->lost = true;
    tr_log(&self->resident.log, &tr_coordinator_events[rc == -ESTALE ? TR_C_TAKEN_OVER : TR_C_STORE_FAILED],
        "error=%s", error.text);
    tr_resident_stop(&self->resident, TR_RESIDENT_DISK);
    return false;
}

void tr_effects_settle(tr_coordinator_t *self) {
    if (self->lost)
        return;
    do {
        int64_t due_ms = tr_schedules_turn(self, tr_clock_wall_ms());
        self->due_ms = tr_board_turn(self->board, tr_host_connected(self->host), tr_clock_wall_ms());
        self->due_ms = due_ms < self->due_ms ? due_ms : self->due_ms;
        tr_council_turn(self);
        if (!commit(self))
            return;
        size_t count = self->effect_count; /* what follows from them comes behind, after the next commit */
        for (size_t i = 0; i < count; i++) {
            tr_effect_t e = self->effects[i];
            self->effects[i].kind = TR_EFFECT_CALL; /* it is ours now: the list may move */
            carry_out(self, &e);
        }
        self->effect_count -= count;
        for (size_t i = 0; i < self->effect_count; i++)
            self->effects[i] = self->effects[i + count];
    } while (self->changed || self->effect_count);
}
