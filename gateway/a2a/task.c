#include "gateway/a2a/task.h"

#include "lib/base/map.h"
#include "lib/base/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *const tr_a2a_states[TR_A2A_STATES + 1] = {
    [TR_A2A_WORKING] = "TASK_STATE_WORKING",
    [TR_A2A_COMPLETED] = "TASK_STATE_COMPLETED",
    [TR_A2A_FAILED] = "TASK_STATE_FAILED",
    [TR_A2A_CANCELED] = "TASK_STATE_CANCELED",
    [TR_A2A_REJECTED] = "TASK_STATE_REJECTED",
};

struct tr_a2a_tasks {
    tr_map_t by_id;
    tr_a2a_task_t *first, *last; /* changed last, and first */
    size_t count, bytes;
    uint64_t numbers;
    void (*on_end)(void *arg, const tr_a2a_task_t *task); /* may be NULL */
    void *arg;
};

tr_a2a_tasks_t *tr_a2a_tasks_new(void) {
    tr_a2a_tasks_t *self = calloc(1, sizeof *self);
    if (self)
        tr_map_init(&self->by_id, tr_random_seed());
    return self;
}

static void leave_list(tr_a2a_tasks_t *self, tr_a2a_task_t *task) {
    *(task->previous ? &task->previous->next : &self->first) = task->next;
    *(task->next ? &task->next->previous : &self->last) = task->previous;
}

/* In front, with a number above all that were given. */
static void enter_list(tr_a2a_tasks_t *self, tr_a2a_task_t *task) {
    task->number = ++self->numbers;
    task->previous = NULL;
    task->next = self->first;
    *(task->next ? &task->next->previous : &self->last) = task;
    self->first = task;
}

static void forget(tr_a2a_tasks_t *self, tr_a2a_task_t *task) {
    leave_list(self, task);
    tr_map_delete(&self->by_id, task->id, strlen(task->id));
    self->count--;
    self->bytes -= task->bytes;
    json_decref(task->history);
    json_decref(task->artifacts);
    json_decref(task->said);
    json_decref(task->pushes);
    free(task->agent);
    free(task->who);
    free(task);
}

void tr_a2a_tasks_destroy(tr_a2a_tasks_t **self_p) {
    tr_a2a_tasks_t *self = *self_p;
    if (!self)
        return;
    while (self->first)
        forget(self, self->first);
    tr_map_finish(&self->by_id);
    free(self);
    *self_p = NULL;
}

/* ---- room ---- */

static bool may_go(const tr_a2a_task_t *task) {
    return task->state != TR_A2A_WORKING && !task->asked && !task->waiters;
}

static bool make_room(tr_a2a_tasks_t *self, size_t bytes) {
    for (tr_a2a_task_t *task = self->last, *younger; task; task = younger) {
        younger = task->previous;
        if (self->count < TR_A2A_TASKS_MAX && self->bytes + bytes <= TR_A2A_BYTES_MAX)
            break;
        if (may_go(task))
            forget(self, task);
    }
    return self->count < TR_A2A_TASKS_MAX && self->bytes + bytes <= TR_A2A_BYTES_MAX;
}

void tr_a2a_tasks_tick(tr_a2a_tasks_t *self, int64_t now_ms) {
    for (tr_a2a_task_t *task = self->last, *younger; task; task = younger) {
        younger = task->previous;
        if (may_go(task) && now_ms - task->changed_ms >= TR_A2A_KEEP_MS)
            forget(self, task);
    }
}

/* ---- tasks ---- */

static void make_id(char *out, size_t size) {
    snprintf(out, size, "%016" PRIx64 "%016" PRIx64, tr_random_seed(), tr_random_seed());
}

static void keep(tr_a2a_tasks_t *self, tr_a2a_task_t *task) {
    enter_list(self, task);
    self->count++;
    self->bytes += task->bytes;
}

static bool keep_message(tr_a2a_task_t *task, const json_t *message) {
    json_t *copy = json_copy((json_t *)(uintptr_t)message);
    json_object_set_new(copy, "taskId", json_string(task->id));
    json_object_set_new(copy, "contextId", json_string(task->context));
    task->history = json_array();
    task->artifacts = json_array();
    task->pushes = json_array();
    return json_array_append_new(task->history, copy) == 0 && task->artifacts && task->pushes;
}

tr_a2a_task_t *tr_a2a_task_begin(tr_a2a_tasks_t *self, const char *agent, const char *who,
    const char *context, const json_t *message, size_t bytes, int64_t now_ms) {
    tr_a2a_task_t *task = make_room(self, bytes) ? calloc(1, sizeof *task) : NULL;
    if (!task)
        return NULL;
    make_id(task->id, sizeof task->id);
    if (*context)
        snprintf(task->context, sizeof task->context, "%s", context);
    else
        make_id(task->context, sizeof task->context);
    task->agent = strdup(agent);
    task->who = strdup(who);
    task->changed_ms = now_ms;
    task->bytes = bytes;
    bool good = task->agent && task->who && keep_message(task, message) &&
                tr_map_put(&self->by_id, task->id, strlen(task->id), (uintptr_t)task) == 0;
    keep(self, task);
    if (!good) {
        forget(self, task);
        return NULL;
    }
    return task;
}

tr_a2a_task_t *tr_a2a_task_find(const tr_a2a_tasks_t *self, const char *id, const char *who) {
    tr_a2a_task_t *task = tr_map_find_ptr(&self->by_id, id, strlen(id));
    return task && strcmp(task->who, who) == 0 ? task : NULL;
}

tr_a2a_task_t *tr_a2a_tasks_first(const tr_a2a_tasks_t *self) {
    return self->first;
}

size_t tr_a2a_tasks_count(const tr_a2a_tasks_t *self) {
    return self->count;
}

void tr_a2a_task_end(tr_a2a_tasks_t *self, tr_a2a_task_t *task, tr_a2a_state_t state, json_t *parts,
    const char *text, size_t bytes, int64_t now_ms) {
    if (task->state != TR_A2A_WORKING) {
        json_decref(parts);
        return;
    }
    task->state = state;
    task->changed_ms = now_ms;
    leave_list(self, task);
    enter_list(self, task);
    task->bytes += bytes;
    self->bytes += bytes;
    if (parts) /* out of memory: there is no artifact, ignoring */
        json_array_append_new(task->artifacts,
            json_pack("{s:s, s:s, s:o}", "artifactId", "reply", "name", "reply", "parts", parts));
    if (text)
        task->said = json_pack("{s:s+, s:s, s:s, s:s, s:[{s:s, s:s}]}", "messageId", task->id, "-end", "role",
            "ROLE_AGENT", "taskId", task->id, "contextId", task->context, "parts", "text", text, "mediaType",
            "text/plain");
    for (tr_a2a_waiter_t *waiter; (waiter = task->waiters);) {
        tr_a2a_task_leave(waiter);
        waiter->on_end(waiter, task);
    }
    if (self->on_end)
        self->on_end(self->arg, task);
}

void tr_a2a_tasks_tell(
    tr_a2a_tasks_t *self, void (*on_end)(void *arg, const tr_a2a_task_t *task), void *arg) {
    self->on_end = on_end;
    self->arg = arg;
}

size_t tr_a2a_task_push_at(const tr_a2a_task_t *self, const char *id) {
    size_t at = 0, count = json_array_size(self->pushes);
    while (at < count &&
           strcmp(json_string_value(json_object_get(json_array_get(self->pushes, at), "id")), id) != 0)
        at++;
    return at;
}

bool tr_a2a_task_push(tr_a2a_tasks_t *self, tr_a2a_task_t *task, json_t *push, size_t bytes) {
    size_t at = tr_a2a_task_push_at(task, json_string_value(json_object_get(push, "id")));
    bool is_new = at == json_array_size(task->pushes);
    bool fits = (!is_new || at < TR_A2A_PUSHES) && self->bytes + bytes <= TR_A2A_BYTES_MAX;
    if (!fits) {
        json_decref(push);
        return false;
    }
    task->bytes += bytes;
    self->bytes += bytes;
    return (is_new ? json_array_append_new(task->pushes, push)
                   : json_array_set_new(task->pushes, at, push)) == 0;
}

void tr_a2a_task_wait(tr_a2a_task_t *self, tr_a2a_waiter_t *waiter) {
    waiter->task = self;
    waiter->previous = NULL;
    waiter->next = self->waiters;
    if (waiter->next)
        waiter->next->previous = waiter;
    self->waiters = waiter;
}

void tr_a2a_task_leave(tr_a2a_waiter_t *waiter) {
    tr_a2a_task_t *task = waiter->task;
    if (!task)
        return;
    *(waiter->previous ? &waiter->previous->next : &task->waiters) = waiter->next;
    if (waiter->next)
        waiter->next->previous = waiter->previous;
    waiter->next = waiter->previous = NULL;
    waiter->task = NULL;
}

/* ---- as JSON ---- */

json_t *tr_a2a_time_json(int64_t ms) {
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char text[64];
    gmtime_r(&seconds, &parts);
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + n, sizeof text - n, ".%03dZ", (int)(ms % 1000));
    return json_string(text);
}

json_t *tr_a2a_status_json(const tr_a2a_task_t *self) {
    json_t *status = json_pack(
        "{s:s, s:o}", "state", tr_a2a_states[self->state], "timestamp", tr_a2a_time_json(self->changed_ms));
    if (status && self->said)
        json_object_set(status, "message", self->said);
    return status;
}

json_t *tr_a2a_task_json(const tr_a2a_task_t *self, size_t history, bool artifacts) {
    json_t *task = json_pack(
        "{s:s, s:s, s:o}", "id", self->id, "contextId", self->context, "status", tr_a2a_status_json(self));
    size_t count = json_array_size(self->history);
    json_t *list = json_array();
    for (size_t i = count > history ? count - history : 0; i < count; i++)
        json_array_append(list, json_array_get(self->history, i));
    if (history > 0)
        json_object_set_new(task, "history", list);
    else
        json_decref(list);
    if (artifacts)
        json_object_set(task, "artifacts", self->artifacts);
    return task;
}
