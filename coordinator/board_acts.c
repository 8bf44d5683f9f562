/* What agents and people say of tasks. */
#include "coordinator/board_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- what agents say ---- */

static tr_task_t *find_try(const tr_board_t *self, const char *id, uint32_t try) {
    tr_task_t *task = tr_board_find(self, id);
    return task && task->tries == try && task->worker ? task : NULL;
}

int tr_board_agreed(tr_board_t *self, const char *id, uint32_t try, int64_t now_ms) {
    tr_task_t *task = find_try(self, id, try);
    if (!task || task->state != TR_TASK_ASSIGNED)
        return -ESTALE;
    tr_board_move(self, task, TR_TASK_IN_PROGRESS, now_ms);
    return 0;
}

int tr_board_left(tr_board_t *self, const char *id, uint32_t try, const tr_purse_t *left, int64_t now_ms) {
    tr_task_t *task = find_try(self, id, try);
    if (!task)
        return -ESTALE;
    tr_task_settle_up(task, left, now_ms);
    return 0;
}

/* The clock may have been set back since. */
static bool is_too_soon(const tr_task_t *task, int64_t now_ms) {
    return task->told && now_ms >= task->told_ms && now_ms < task->told_ms + TR_BOARD_STATUS_MS;
}

int tr_board_status(
    tr_board_t *self, const char *id, uint32_t try, const void *status, size_t len, int64_t now_ms) {
    tr_task_t *task = find_try(self, id, try);
    if (!task)
        return -ESTALE;
    if (task->state == TR_TASK_ASSIGNED)
        tr_board_move(self, task, TR_TASK_IN_PROGRESS, now_ms);
    if (len > TR_TASK_STATUS_MAX || is_too_soon(task, now_ms))
        return -EAGAIN;
    if (!tr_task_set_status(task, status, len))
        return -ENOMEM;
    task->told_ms = now_ms;
    task->told++;
    self->hooks.status(self->hooks.arg, task);
    return 0;
}

int tr_board_completed(
    tr_board_t *self, const char *id, uint32_t try, const void *result, size_t len, int64_t now_ms) {
    tr_task_t *task = find_try(self, id, try);
    if (!task)
        return -ESTALE;
    if (!tr_task_set_result(task, result, len))
        return tr_board_failed(self, id, try, "no memory for its result", 0, now_ms);
    tr_task_set_reason(task, NULL);
    tr_board_move(self, task, TR_TASK_COMPLETED, now_ms);
    return 0;
}

static int64_t backoff(uint32_t tries) {
    int64_t ms = TR_BOARD_BACKOFF_MS;
    for (uint32_t i = 1; i < tries && ms < TR_BOARD_BACKOFF_MAX; i++)
        ms *= 2;
    return ms < TR_BOARD_BACKOFF_MAX ? ms : TR_BOARD_BACKOFF_MAX;
}

tr_task_state_t tr_board_after_try(tr_task_t *task, uint32_t tries_max, const char *reason) {
    char text[1000];
    bool broke = task->tries < tries_max && tr_task_is_broke(task);
    if (broke)
        snprintf(text, sizeof text, "%s; its budget is spent", reason);
    tr_task_set_reason(
        task, broke ? text : reason); /* where there is no memory the state says enough, ignoring */
    return task->tries < tries_max && !broke ? TR_TASK_PENDING : TR_TASK_FAILED;
}

static int end_try(tr_board_t *self, tr_task_t *task, uint32_t tries_max, const char *reason,
    int64_t again_ms, int64_t now_ms) {
    if (!task)
        return -ESTALE;
    tr_task_settle_up(task, NULL, now_ms);
    task->due_ms = now_ms + again_ms;
    tr_board_move(self, task, tr_board_after_try(task, tries_max, reason), now_ms);
    return 0;
}

int tr_board_failed(
    tr_board_t *self, const char *id, uint32_t try, const char *reason, int64_t again_ms, int64_t now_ms) {
    tr_task_t *task = find_try(self, id, try);
    return end_try(self, task, task ? task->tries_max : 0, reason,
        again_ms || !task ? again_ms : backoff(task->tries), now_ms);
}

int tr_board_failed_for_good(
    tr_board_t *self, const char *id, uint32_t try, const char *reason, int64_t now_ms) {
    return end_try(self, find_try(self, id, try), 0, reason, 0, now_ms);
}

int tr_board_comes_back(tr_board_t *self, const char *id, uint32_t try) {
    tr_task_t *task = find_try(self, id, try);
    if (!task)
        return -ESTALE;
    task->comes_back = true;
    return 0;
}

void tr_board_unspend(tr_board_t *self, tr_task_t *task) {
    tr_rates_return(&self->rates, task->lane->skills, task->lane->skill_count);
    task->granted = (tr_purse_t){0};
    task->begun_ms = 0;
}

int tr_board_not_asked(
    tr_board_t *self, const char *id, uint32_t try, const char *reason, int64_t again_ms, int64_t now_ms) {
    tr_task_t *task = find_try(self, id, try);
    if (!task)
        return -ESTALE;
    tr_task_set_reason(task, reason); /* ignoring */
    tr_board_unspend(self, task);
    task->tries--;
    task->comes_back = task->came_back;
    task->due_ms = now_ms + again_ms;
    tr_board_move(self, task, TR_TASK_PENDING, now_ms);
    return 0;
}

int tr_board_lost(
    tr_board_t *self, const char *id, uint32_t try, const char *reason, int64_t again_ms, int64_t now_ms) {
    tr_task_t *task = find_try(self, id, try);
    if (task)
        task->comes_back = true;
    return end_try(self, task, task ? task->tries + 1 : 0, reason, again_ms, now_ms);
}

tr_task_t *tr_board_called(const tr_board_t *self, const char *id, uint32_t try) {
    tr_task_t *task = tr_board_find(self, id);
    return task && task->called && task->tries + 1 == try ? task : NULL;
}

/* What was taken of the rates at the call is taken again with the next one, or when it is given away. */
static int call_again(tr_board_t *self, tr_task_t *task, bool bidless, int64_t now_ms) {
    if (!task)
        return -ESTALE;
    tr_rates_return(&self->rates, task->lane->skills, task->lane->skill_count);
    task->called = false;
    task->bidless = bidless;
    tr_board_wait(self, task, now_ms);
    return 0;
}

int tr_board_no_bids(tr_board_t *self, const char *id, uint32_t try, const char *why, int64_t now_ms) {
    tr_task_t *task = tr_board_called(self, id, try);
    if (task)
        tr_task_set_reason(task, why); /* ignoring */
    return call_again(self, task, true, now_ms);
}

int tr_board_no_room(tr_board_t *self, const char *id, uint32_t try, int64_t now_ms) {
    return call_again(self, tr_board_called(self, id, try), false, now_ms);
}

/* ---- what people say ---- */

static void cancel(tr_board_t *self, tr_task_t *task, const char *reason, int64_t now_ms) {
    if (task->worker)
        self->hooks.withdraw(self->hooks.arg, task);
    tr_task_set_reason(task, reason); /* ignoring */
    tr_board_move(self, task, TR_TASK_CANCELLED, now_ms);
}

/* A part that nobody else waits for. Those that have ended are not there any more, and of others nothing is known here. */
static tr_task_t *find_spare_part(const tr_board_t *self, const char *const *parts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        tr_task_t *part = tr_board_find(self, parts[i]);
        bool wanted = !part;
        for (size_t k = 0; !wanted && k < part->dependent_count; k++)
            wanted = part->dependents[k] != NULL;
        if (!wanted)
            return part;
    }
    return NULL;
}

/* The last ones first: each that goes may be what kept another one. */
static void cancel_parts(
    tr_board_t *self, const char *const *parts, size_t count, const char *reason, int64_t now_ms) {
    for (tr_task_t *part; (part = find_spare_part(self, parts, count));)
        cancel(self, part, reason, now_ms);
}

int tr_board_cancel(tr_board_t *self, const char *id, const char *reason, int64_t now_ms) {
    char why[TR_TASK_ID_MAX + 32];
    tr_task_t *task = tr_board_find(self, id);
    if (!task)
        return -ENOENT;
    char *names = NULL;
    const char **parts = task->composes ? tr_task_copy_needs(task, &names) : NULL;
    size_t count = parts ? task->need_count : 0;
    snprintf(why, sizeof why, "%s was cancelled", task->id);
    cancel(self, task, reason, now_ms);
    cancel_parts(self, parts, count, why, now_ms);
    free(parts);
    free(names);
    return 0;
}

int tr_board_approve(tr_board_t *self, const char *id, const char *reason, int64_t now_ms) {
    tr_task_t *task = tr_board_find(self, id);
    if (!task)
        return -ENOENT;
    if (task->state != TR_TASK_WAITING_APPROVAL)
        return -EPROTO;
    task->approval = false;
    tr_task_set_reason(task, reason); /* ignoring */
    tr_board_move(self, task, TR_TASK_PENDING, now_ms);
    return 0;
}
