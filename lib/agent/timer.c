#include "lib/agent/timer.h"

#include <stdlib.h>

static bool before(const tr_timer_t *a, const tr_timer_t *b) {
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void put(tr_timers_t *self, size_t at, tr_timer_t *timer) {
    self->heap[at] = timer;
    timer->at = at;
}

static void rise(tr_timers_t *self, size_t at, tr_timer_t *timer) {
    while (at && before(timer, self->heap[(at - 1) / 2])) {
        put(self, at, self->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(self, at, timer);
}

static void sink(tr_timers_t *self, size_t at, tr_timer_t *timer) {
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= self->count)
            break;
        if (child + 1 < self->count && before(self->heap[child + 1], self->heap[child]))
            child++;
        if (!before(self->heap[child], timer))
            break;
        put(self, at, self->heap[child]);
        at = child;
    }
    put(self, at, timer);
}

void tr_timers_finish(tr_timers_t *self) {
    for (size_t i = 0; i < self->count; i++)
        free(self->heap[i]);
    free(self->heap);
    *self = (tr_timers_t){0};
}

tr_timer_t *tr_timers_add(tr_timers_t *self, int64_t due_ms, tr_agent_t *agent, tr_timer_fn fn, void *arg) {
    if (self->count == self->cap) {
        size_t cap = self->cap ? self->cap * 2 : 16;
        tr_timer_t **heap = realloc(self->heap, cap * sizeof(tr_timer_t *));
        if (!heap)
            return NULL;
        self->heap = heap;
        self->cap = cap;
    }
    tr_timer_t *timer = malloc(sizeof *timer);
    if (!timer)
        return NULL;
    *timer = (tr_timer_t){.due_ms = due_ms, .order = self->order++, .agent = agent, .fn = fn, .arg = arg};
    self->count++;
    rise(self, self->count - 1, timer);
    return timer;
}

static void uncount(const tr_timer_t *timer) {
    if (timer->counter)
        --*timer->counter;
}

static void take(tr_timers_t *self, tr_timer_t *timer) {
    size_t at = timer->at;
    uncount(timer);
    tr_timer_t *last = self->heap[--self->count];
    if (last == timer)
        return;
    if (at && before(last, self->heap[(at - 1) / 2]))
        rise(self, at, last);
    else
        sink(self, at, last);
}

void tr_timers_remove(tr_timers_t *self, tr_timer_t *timer) {
    take(self, timer);
    free(timer);
}

tr_timer_t *tr_timers_due(tr_timers_t *self, int64_t now_ms) {
    tr_timer_t *timer = self->count ? self->heap[0] : NULL;
    if (!timer || timer->due_ms > now_ms || (timer->turn && timer->turn == self->turn))
        return NULL;
    take(self, timer);
    return timer;
}

int64_t tr_timers_next(const tr_timers_t *self) {
    return self->count ? self->heap[0]->due_ms : INT64_MAX;
}

void tr_timers_forget(tr_timers_t *self, const tr_agent_t *agent) {
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (self->heap[i]->agent == agent) {
            uncount(self->heap[i]);
            free(self->heap[i]);
        } else {
            put(self, kept++, self->heap[i]);
        }
    }
    if (kept == self->count)
        return;
    self->count = kept;
    for (size_t i = kept / 2; i-- > 0;) /* what is left is no heap any more */
        sink(self, i, self->heap[i]);
}
