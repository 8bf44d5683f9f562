/*
 * What may be spent on a task, and what was. Each try is granted an equal part of what is left, so that there is something for the tries behind
 * it, and the last one gets all: what an agent that dies had in hand counts as spent, since nobody can know better, and the task is never
 * granted more than its budget whatever happens.
 */
#include "coordinator/task.h"

const char *const tr_purse_words[TR_PURSE_KINDS] = {"tokens", "micro_cost", "time-ms"};

static int64_t left_of(const tr_task_t *self, int kind) {
    int64_t left = self->budget.of[kind] - self->spent.of[kind];
    return left > 0 ? left : 0;
}

tr_purse_t tr_task_share(const tr_task_t *self) {
    tr_purse_t share = {0};
    int64_t tries = self->tries < self->tries_max ? self->tries_max - self->tries : 1;
    for (int i = 0; i < TR_PURSE_KINDS; i++)
        if (self->budget.of[i])
            share.of[i] = i == TR_PURSE_TIME_MS ? left_of(self, i) : (left_of(self, i) + tries - 1) / tries;
    return share;
}

bool tr_task_is_broke(const tr_task_t *self) {
    for (int i = 0; i < TR_PURSE_KINDS; i++)
        if (self->budget.of[i] && left_of(self, i) == 0)
            return true;
    return false;
}

void tr_task_settle_up(tr_task_t *self, const tr_purse_t *left, int64_t now_ms) {
    for (int i = 0; i < TR_PURSE_TIME_MS; i++) {
        int64_t granted = self->granted.of[i] > 0 ? self->granted.of[i] : 0;
        int64_t back = left && left->of[i] > 0 ? left->of[i] : 0;
        self->spent.of[i] += back < granted ? granted - back : 0;
    }
    if (self->begun_ms && now_ms > self->begun_ms) {
        int64_t took_ms = now_ms - self->begun_ms, most_ms = self->timeout_ms;
        self->spent.of[TR_PURSE_TIME_MS] +=
            took_ms < most_ms ? took_ms : most_ms; /* the clock may have been set */
    }
    self->granted = (tr_purse_t){0};
    self->begun_ms = 0;
}
