/*
 * Spans: a task that was submitted by a traced request has its whole way in that trace, and so has a decision.
 *
 *     task wait      from when it could be done, or was to be tried again, until an agent was asked
 *     task attempt   from then until that agent has answered, or was given up
 *     task           from its submission to its end
 *     decision round, decision
 *
 * All but the last of each are children of that one, and what agents are sent for it of the attempt that it is, or of the task or the decision.
 * Their numbers follow from the id, so that they can be told before the span has ended, and after a start anew. Spans are noted after the commit of what they tell, and are given up where there is
 * no memory.
 */
#include "coordinator/desk.h"
#include "lib/base/clock.h"
#include "troupe/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Texts are copies. */
typedef struct tr_noted_span {
    const char *name; /* static */
    char trace[TR_TRACEPARENT_SIZE];
    int64_t began_ms, ended_ms; /* Unix times */
    char error[200];
    char id[TR_TASK_ID_MAX + 1], state[24], agent[257];
    const char *id_key; /* static */
    uint64_t own;       /* its number; 0: nobody was told */
    int64_t number;     /* the try, the round; 0: none */
    const char *number_key;
} tr_noted_span_t;

void tr_span_drop(tr_noted_span_t **span) {
    free(*span);
    *span = NULL;
}

/* The wall's clock may have been set since it began: no span is longer than from the beginning of the process's clock. */
static int64_t on_clock(int64_t unix_ms) {
    int64_t now_ns = tr_clock_ns(), ago_ms = tr_clock_wall_ms() - unix_ms;
    if (ago_ms < 0)
        return now_ns;
    return ago_ms < now_ns / 1000000 ? now_ns - ago_ms * 1000000 : 0;
}

void tr_span_carry_out(tr_coordinator_t *self, tr_noted_span_t **span) {
    const tr_noted_span_t *s = *span;
    tr_trace_span(self->agent, s->trace,
        &(tr_span_t){.name = s->name,
            .number = s->own,
            .start_ns = on_clock(s->began_ms),
            .end_ns = on_clock(s->ended_ms),
            .error = *s->error ? s->error : NULL,
            .attributes = TR_FIELDS(TR_FIELD_TEXT(s->id_key, s->id), TR_FIELD_TEXT("troupe.state", s->state),
                TR_FIELD_TEXT("troupe.agent", *s->agent ? s->agent : NULL),
                TR_FIELD_INT(s->number_key, s->number))});
    tr_span_drop(span);
}

/* FNV-1a; part 0: of the task or the decision itself, else of that try. Never 0. */
static uint64_t number_of(const char *id, uint32_t part) {
    uint64_t hash = 0xcbf29ce484222325ull;
    for (const char *at = id; *at; at++)
        hash = (hash ^ (uint8_t)*at) * 0x100000001b3ull;
    hash = (hash ^ part) * 0x100000001b3ull;
    return hash ? hash : 1;
}

const char *tr_span_context(const char *trace, const char *id, uint32_t part, char out[TR_TRACEPARENT_SIZE]) {
    tr_traceparent_t place;
    if (!tr_traceparent_parse(&place, trace))
        return NULL;
    place.span = number_of(id, part);
    tr_traceparent_write(&place, out);
    return out;
}

static tr_noted_span_t *new_span(const char *name, const char *trace, int64_t began_ms, int64_t ended_ms) {
    tr_noted_span_t *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->name = name;
    s->began_ms = began_ms < ended_ms ? began_ms : ended_ms;
    s->ended_ms = ended_ms;
    snprintf(s->trace, sizeof s->trace, "%s", trace);
    return s;
}

/* ---- tasks ---- */

static bool is_with_agent(tr_task_state_t state) {
    return state == TR_TASK_ASSIGNED || state == TR_TASK_IN_PROGRESS;
}

/* The whole task, or what is below it. */
static void note_task(tr_coordinator_t *self, const tr_task_t *task, const char *name, int64_t began_ms,
    uint64_t own, bool failed) {
    char above[TR_TRACEPARENT_SIZE];
    const char *under =
        own == number_of(task->id, 0) ? task->trace : tr_span_context(task->trace, task->id, 0, above);
    tr_noted_span_t *s = under ? new_span(name, under, began_ms, task->changed_ms) : NULL;
    if (!s)
        return;
    s->own = own;
    s->id_key = "troupe.task";
    s->number_key = "troupe.task.try";
    s->number = task->tries;
    snprintf(s->id, sizeof s->id, "%s", task->id);
    snprintf(s->state, sizeof s->state, "%s", tr_task_state_words[task->state]);
    snprintf(s->agent, sizeof s->agent, "%s", task->agent);
    if (failed)
        snprintf(s->error, sizeof s->error, "%.*s",
            task->reason ? (int)tr_desk_cut(task->reason, strlen(task->reason), sizeof s->error - 1) : 0,
            task->reason ? task->reason : "");
    tr_effect_span(self, s);
}

void tr_spans_of_task(tr_coordinator_t *self, const tr_task_t *task) {
    bool failed = task->state != TR_TASK_COMPLETED;
    if (!task->trace)
        return;
    if (task->state == TR_TASK_ASSIGNED)
        note_task(self, task, "task wait", task->due_ms > task->before_ms ? task->due_ms : task->before_ms, 0,
            false);
    if (is_with_agent(task->before) && !is_with_agent(task->state))
        note_task(self, task, "task attempt", task->assigned_ms ? task->assigned_ms : task->before_ms,
            number_of(task->id, task->tries), failed);
    if (tr_task_ended(task->state))
        note_task(self, task, "task", task->created_ms, number_of(task->id, 0), failed);
}

/* ---- decisions ---- */

static void note_decision(tr_coordinator_t *self, const tr_motion_t *d, const char *name, int64_t began_ms,
    uint32_t round, uint64_t own) {
    char above[TR_TRACEPARENT_SIZE];
    const char *under = own ? d->trace : tr_span_context(d->trace, d->id, 0, above);
    tr_noted_span_t *s = under ? new_span(name, under, began_ms, d->changed_ms) : NULL;
    if (!s)
        return;
    s->own = own;
    s->id_key = "troupe.decision";
    s->number_key = "troupe.decision.round";
    s->number = round;
    snprintf(s->id, sizeof s->id, "%s", d->id);
    snprintf(s->state, sizeof s->state, "%s", tr_motion_state_words[d->state]);
    tr_effect_span(self, s);
}

void tr_spans_of_round(
    tr_coordinator_t *self, const tr_motion_t *decision, uint32_t round, int64_t began_ms) {
    note_decision(self, decision, "decision round", began_ms, round, 0);
}

void tr_spans_of_decision(tr_coordinator_t *self, const tr_motion_t *decision) {
    note_decision(
        self, decision, "decision", decision->created_ms, decision->round, number_of(decision->id, 0));
}
