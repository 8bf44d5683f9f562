#include "coordinator/board_private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- heaps ---- */

static bool is_due_first(const tr_task_t *a, const tr_task_t *b) {
    return a->due_ms < b->due_ms;
}

static bool ends_first(const tr_task_t *a, const tr_task_t *b) {
    return a->deadline_ms < b->deadline_ms;
}

tr_board_t *tr_board_new(const tr_board_hooks_t *hooks, uint64_t seed) {
    tr_board_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->hooks = *hooks;
    self->later = (tr_heap_t){.before = is_due_first, .place = offsetof(tr_task_t, place)};
    self->deadlines = (tr_heap_t){.before = ends_first, .place = offsetof(tr_task_t, deadline_place)};
    tr_map_init(&self->tasks, seed);
    tr_map_init(&self->strangers, seed);
    tr_map_init(&self->lane_of, seed);
    tr_map_init(&self->worker_of, seed);
    return self;
}

static void destroy_tasks(tr_map_t *tasks) {
    size_t cursor = 0;
    for (const tr_map_slot_t *slot; (slot = tr_map_next(tasks, &cursor));) {
        tr_task_t *task = (tr_task_t *)(uintptr_t)slot->value;
        tr_task_destroy(&task);
    }
    tr_map_finish(tasks);
}

void tr_board_destroy(tr_board_t **self_p) {
    tr_board_t *self = *self_p;
    if (!self)
        return;
    destroy_tasks(&self->tasks);
    destroy_tasks(&self->strangers);
    tr_heap_finish(&self->later);
    tr_heap_finish(&self->deadlines);
    tr_lanes_finish(self);
    tr_workers_finish(self);
    free(self);
    *self_p = NULL;
}

tr_task_t *tr_board_find(const tr_board_t *self, const char *id) {
    return tr_map_find_ptr(&self->tasks, id, strlen(id));
}

const tr_task_t *tr_board_task(const tr_board_t *self, const char *id) {
    return tr_board_find(self, id);
}

tr_rates_t *tr_board_rates(tr_board_t *self) {
    return &self->rates;
}

size_t tr_board_count(const tr_board_t *self, tr_task_state_t state) {
    return self->counts[state];
}

/* ---- where a pending task waits ---- */

static bool is_in_later(const tr_board_t *self, const tr_task_t *task) {
    return task->place && task->place <= self->later.count && self->later.items[task->place - 1] == task;
}

static void stop_waiting(tr_board_t *self, tr_task_t *task) {
    if (is_in_later(self, task))
        tr_heap_remove(&self->later, task);
    else if (task->place)
        tr_heap_remove(&task->lane->ready, task);
}

/* Into what it waits in: nothing, as long as it needs others. There is always room: tr_board_admit saw to it. */
void tr_board_wait(tr_board_t *self, tr_task_t *task, int64_t now_ms) {
    if (task->waiting_for || task->state != TR_TASK_PENDING)
        return;
    if (task->due_ms > now_ms) {
        tr_heap_add(&self->later, task);
        return;
    }
    int64_t since_ms = task->due_ms > task->created_ms ? task->due_ms : task->created_ms;
    task->order = since_ms - (int64_t)task->priority * TR_BOARD_AGE_MS;
    tr_heap_add(&task->lane->ready, task);
}

/* ---- states ---- */

static void leave_board(tr_board_t *self, tr_task_t *task) {
    stop_waiting(self, task);
    if (task->deadline_place)
        tr_heap_remove(&self->deadlines, task);
    tr_map_delete(&self->tasks, task->id, strlen(task->id));
    tr_lane_leave(self, task->lane);
    self->counts[task->state]--;
}

static void forget(tr_board_t *self, tr_task_t *task) {
    leave_board(self, task);
    tr_task_destroy(&task);
}

/* One that can never be done. Not at once: what needs it is told in turn, and chains may be long. Once, though more than one of
 * those that it needs did not succeed. */
static void doom(tr_board_t *self, tr_task_t *task, const tr_task_t *need) {
    char reason[TR_TASK_ID_MAX + 64];
    if (task->is_doomed)
        return;
    snprintf(reason, sizeof reason, "it needs %s, which has %s", need->id,
        need->state == TR_TASK_FAILED ? "failed" : "been cancelled");
    tr_task_set_reason(task, reason); /* where there is no memory the state says enough, ignoring */
    task->is_doomed = true;
    task->doomed = self->doomed;
    self->doomed = task;
}

/* Those that need a task that has ended: one less to wait for, or nothing to wait for any more. */
static void tell_dependents(tr_board_t *self, const tr_task_t *task, int64_t now_ms) {
    for (size_t i = 0; i < task->dependent_count; i++) {
        tr_task_t *d = task->dependents[i];
        if (!d)
            continue;
        d->waiting_for--;
        if (task->state == TR_TASK_COMPLETED)
            tr_board_wait(self, d, now_ms);
        else
            doom(self, d, task);
    }
}

static tr_task_t *find_need(const tr_board_t *self, const char *id) {
    tr_task_t *need = tr_board_find(self, id);
    return need ? need : tr_map_find_ptr(&self->strangers, id, strlen(id));
}

/* It will not be told of the ends of what it needs any more. */
static void leave_needs(tr_board_t *self, const tr_task_t *task) {
    for (size_t i = 0; i < task->need_count; i++) {
        tr_task_t *need = find_need(self, task->needs[i]);
        for (size_t j = 0; need && j < need->dependent_count; j++)
            if (need->dependents[j] == task)
                need->dependents[j] = NULL;
        while (need && need->dependent_count && !need->dependents[need->dependent_count - 1])
            need->dependent_count--;
    }
}

static void fail_doomed(tr_board_t *self, int64_t now_ms) {
    if (self->dooming)
        return;
    self->dooming = true;
    for (tr_task_t *doomed; (doomed = self->doomed);) {
        self->doomed = doomed->doomed;
        tr_board_move(self, doomed, TR_TASK_FAILED, now_ms);
    }
    self->dooming = false;
}

void tr_board_move(tr_board_t *self, tr_task_t *task, tr_task_state_t to, int64_t now_ms) {
    tr_task_state_t from = task->state;
    assert(tr_task_may(from, to));
    stop_waiting(self, task);
    if (task->worker && to != TR_TASK_IN_PROGRESS && to != TR_TASK_ASSIGNED) {
        task->worker->in_hand--;
        task->worker = NULL;
    }
    task->called = false;
    if (to != TR_TASK_IN_PROGRESS && to != TR_TASK_ASSIGNED)
        tr_task_settle_up(task, NULL, now_ms);
    self->counts[from]--;
    self->counts[to]++;
    task->before = from;
    task->before_ms = task->changed_ms;
    task->state = to;
    task->changed_ms = now_ms;
    self->hooks.changed(self->hooks.arg, task, false);
    if (!tr_task_ended(to)) {
        tr_board_wait(self, task, now_ms);
        return;
    }
    leave_needs(self, task);
    tell_dependents(self, task, now_ms);
    forget(self, task);
    fail_doomed(self, now_ms);
}

/* ---- taking tasks ---- */

static bool depend(tr_task_t *task, tr_task_t *need) {
    if (need->dependent_count == need->dependent_room) {
        size_t room = need->dependent_room ? 2 * need->dependent_room : 4;
        tr_task_t **grown = realloc(need->dependents, room * sizeof(tr_task_t *));
        if (!grown)
            return false;
        need->dependents = grown;
        need->dependent_room = room;
    }
    need->dependents[need->dependent_count++] = task;
    task->waiting_for++;
    return true;
}

/* All memory that its life may want, so that nothing fails later. */
static bool admit(tr_board_t *self, tr_task_t *task) {
    task->lane = tr_lane_of(self, task);
    if (!task->lane)
        return false;
    if (!tr_heap_reserve(&task->lane->ready, task->lane->tasks) ||
        !tr_heap_reserve(&self->later, self->tasks.count + 1) ||
        !tr_heap_reserve(&self->deadlines, self->tasks.count + 1) ||
        tr_map_put(&self->tasks, task->id, strlen(task->id), (uint64_t)(uintptr_t)task) < 0) {
        tr_lane_leave(self, task->lane);
        return false;
    }
    task->sequence = ++self->sequence;
    self->counts[task->state]++;
    if (task->deadline_ms)
        tr_heap_add(&self->deadlines, task);
    return true;
}

/* One that somebody else has; NULL when out of memory. */
static tr_task_t *stranger_of(tr_board_t *self, const char *id) {
    tr_task_t *task = tr_map_find_ptr(&self->strangers, id, strlen(id));
    if (task)
        return task;
    task = tr_task_new(&(tr_task_wish_t){.id = id});
    if (task && tr_map_put(&self->strangers, id, strlen(id), (uint64_t)(uintptr_t)task) < 0)
        tr_task_destroy(&task);
    return task;
}

/* 0, or what is wrong with what it needs. */
static int link_needs(tr_board_t *self, tr_task_t *task, tr_error_t *error) {
    for (size_t i = 0; i < task->need_count; i++) {
        const char *id = task->needs[i];
        tr_task_t *need = tr_board_find(self, id);
        int state = need ? (int)need->state : self->hooks.find(self->hooks.arg, id);
        if (state < 0)
            return tr_error_set(error, -ENOENT, "%s needs %s, which is no task", task->id, id);
        if (state == TR_TASK_FAILED || state == TR_TASK_CANCELLED)
            return tr_error_set(error, -ENOENT, "%s needs %s, which has %s", task->id, id,
                state == TR_TASK_FAILED ? "failed" : "been cancelled");
        if (need || !tr_task_ended((tr_task_state_t)state)) {
            need = need ? need : stranger_of(self, id);
            if (!need || !depend(task, need))
                return tr_error_set(error, -ENOMEM, "out of memory");
        }
    }
    return 0;
}

/* ---- circles: only new tasks can be in one ---- */

/* Kahn: takes those that wait for nothing new, again and again. What is left is in a circle, or behind one. */
static int find_circle(tr_task_t **tasks, size_t count, tr_error_t *error) {
    size_t done = 0, left = count;
    size_t *waits = calloc(count + 1, sizeof *waits);
    tr_task_t **queue = calloc(count + 1, sizeof *queue);
    int rc = waits && queue ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < count && rc == 0; i++)
        tasks[i]->order = (int64_t)i; /* its index, for now */
    for (size_t i = 0; i < count && rc == 0; i++)
        for (size_t j = 0; j < tasks[i]->dependent_count; j++)
            waits[tasks[i]->dependents[j]->order]++;
    for (size_t i = 0, end = 0; rc == 0 && done <= end; done++) {
        for (; i < count; i++)
            if (waits[i] == 0)
                queue[end++] = tasks[i];
        if (done == end)
            break;
        left--;
        for (size_t j = 0; j < queue[done]->dependent_count; j++)
            if (--waits[queue[done]->dependents[j]->order] == 0)
                queue[end++] = queue[done]->dependents[j];
    }
    for (size_t i = 0; i < count && rc == 0 && left; i++)
        if (waits[i])
            rc = tr_error_set(error, -ELOOP, "%s needs itself, by what it needs", tasks[i]->id);
    free(waits);
    free(queue);
    return rc;
}

/* ---- adding ---- */

static int take(tr_board_t *self, const tr_task_wish_t *wish, tr_task_t **ret, tr_error_t *error) {
    if (tr_board_find(self, wish->id) ||
        (!wish->known_new && self->hooks.find(self->hooks.arg, wish->id) >= 0))
        return tr_error_set(error, -EEXIST, "there is a task %s already", wish->id);
    tr_task_t *task = tr_task_new(wish);
    if (!task || !admit(self, task)) {
        tr_task_destroy(&task);
        return tr_error_set(error, -ENOMEM, "out of memory");
    }
    *ret = task;
    return 0;
}

/* Out again: those that were new need nobody and are needed by nobody. */
static void give_back(tr_board_t *self, tr_task_t **tasks, size_t count) {
    for (size_t i = 0; i < count; i++)
        leave_needs(self, tasks[i]);
    for (size_t i = 0; i < count; i++)
        forget(self, tasks[i]);
}

int tr_board_add(
    tr_board_t *self, const tr_task_wish_t *wishes, size_t count, int64_t now_ms, tr_error_t *error) {
    size_t taken = 0;
    tr_task_t **tasks = calloc(count + 1, sizeof *tasks);
    int rc = tasks ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    for (; taken < count && rc == 0; taken += rc == 0)
        rc = take(self, &wishes[taken], &tasks[taken], error);
    for (size_t i = 0; i < taken && rc == 0; i++)
        rc = link_needs(self, tasks[i], error);
    if (rc == 0)
        rc = find_circle(tasks, count, error);
    if (rc < 0)
        give_back(self, tasks, taken);
    for (size_t i = 0; i < count && rc == 0; i++)
        self->hooks.changed(self->hooks.arg, tasks[i], true);
    for (size_t i = 0; i < count && rc == 0; i++)
        tr_board_wait(self, tasks[i], now_ms);
    free(tasks);
    return rc;
}

int tr_board_restore(tr_board_t *self, tr_task_t *task) {
    if (tr_board_find(self, task->id))
        return -EEXIST;
    task->restored = true;
    return admit(self, task) ? 0 : -ENOMEM;
}

/* Nobody knows what came of its last try, or what that has spent. */
static void settle_lost(tr_task_t *task, int64_t now_ms) {
    uint32_t tries = task->tries;
    task->tries -= tries > 0;
    task->granted = tr_task_share(task);
    task->tries = tries;
    task->begun_ms = task->changed_ms;
    tr_task_settle_up(task, NULL, now_ms);
}

/* What it needs is there now, all of it. */
static int resume(tr_board_t *self, tr_task_t *task, const char *reason, int64_t now_ms) {
    tr_error_t error = {0};
    task->restored = false;
    int rc = link_needs(self, task, &error);
    if (rc == -ENOMEM)
        return rc;
    if (rc < 0) {
        leave_needs(self, task);
        task->waiting_for = 0;
        tr_task_set_reason(task, error.text); /* ignoring */
        tr_board_move(self, task, TR_TASK_FAILED, now_ms);
    } else if (task->state == TR_TASK_ASSIGNED || task->state == TR_TASK_IN_PROGRESS) {
        settle_lost(task, now_ms);
        task->comes_back = true;
        tr_board_move(self, task, tr_board_after_try(task, task->tries + 1, reason), now_ms);
    } else {
        tr_board_wait(self, task, now_ms);
    }
    return 0;
}

int tr_board_resume(tr_board_t *self, const char *reason, int64_t now_ms) {
    size_t count = self->tasks.count, n = 0, cursor = 0;
    tr_task_t **tasks = calloc(count + 1, sizeof *tasks);
    int rc = tasks ? 0 : -ENOMEM;
    for (const tr_map_slot_t *slot; rc == 0 && (slot = tr_map_next(&self->tasks, &cursor));)
        if (((tr_task_t *)(uintptr_t)slot->value)->restored)
            tasks[n++] = (tr_task_t *)(uintptr_t)slot->value;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = resume(self, tasks[i], reason, now_ms);
    free(tasks);
    return rc;
}

int tr_board_revive(tr_board_t *self, tr_task_t *task, int64_t now_ms, tr_error_t *error) {
    if (task->deadline_ms && task->deadline_ms <= now_ms)
        return tr_error_set(
            error, -ETIME, "the deadline of %s has passed: submit it anew, with a later one", task->id);
    int rc = tr_board_restore(self, task);
    if (rc < 0)
        return tr_error_set(error, rc, rc == -ENOMEM ? "out of memory" : "%s goes on already", task->id);
    rc = link_needs(self, task, error);
    if (rc < 0) {
        leave_needs(self, task);
        leave_board(self, task);
        return rc;
    }
    task->restored = false;
    task->tries = 0;
    task->spent = (tr_purse_t){0};
    task->due_ms = now_ms;
    tr_task_set_reason(task, NULL);
    tr_board_move(self, task, task->approval ? TR_TASK_WAITING_APPROVAL : TR_TASK_PENDING, now_ms);
    return 0;
}

/* It has ended: those that need it are told, and it is forgotten. */
static void end_stranger(tr_board_t *self, tr_task_t *task, int state, int64_t now_ms) {
    task->state = state < 0 ? TR_TASK_CANCELLED : (tr_task_state_t)state;
    tr_map_delete(&self->strangers, task->id, strlen(task->id));
    tell_dependents(self, task, now_ms);
    fail_doomed(self, now_ms);
    tr_task_destroy(&task);
}

void tr_board_look(tr_board_t *self, int64_t now_ms) {
    size_t cursor = 0;
    for (const tr_map_slot_t *slot; (slot = tr_map_next(&self->strangers, &cursor));) {
        tr_task_t *task = (tr_task_t *)(uintptr_t)slot->value;
        int state = self->hooks.find(self->hooks.arg, task->id);
        if (state == -ENOENT || (state >= 0 && tr_task_ended((tr_task_state_t)state))) {
            end_stranger(self, task, state, now_ms);
            cursor = 0; /* the map has closed the gap */
        }
    }
}

/* ---- time ---- */

static void end_late(tr_board_t *self, int64_t now_ms) {
    for (tr_task_t *task; (task = tr_heap_first(&self->deadlines)) && task->deadline_ms <= now_ms;) {
        if (task->worker)
            self->hooks.withdraw(self->hooks.arg, task);
        tr_task_set_reason(task, "its deadline has passed"); /* ignoring */
        tr_board_move(self, task, TR_TASK_FAILED, now_ms);
    }
}

int64_t tr_board_turn(tr_board_t *self, bool assign, int64_t now_ms) {
    end_late(self, now_ms);
    for (tr_task_t *task; (task = tr_heap_first(&self->later)) && task->due_ms <= now_ms;) {
        tr_heap_remove(&self->later, task);
        tr_board_wait(self, task, now_ms);
    }
    if (assign)
        tr_lanes_assign(self, now_ms);
    const tr_task_t *late = tr_heap_first(&self->deadlines), *due = tr_heap_first(&self->later);
    int64_t next = assign ? tr_lanes_when(self, now_ms) : TR_BOARD_NEVER;
    next = late && late->deadline_ms < next ? late->deadline_ms : next;
    return due && due->due_ms < next ? due->due_ms : next;
}
