#include "lib/fleet/restart.h"

#include <errno.h>
#include <stdlib.h>

const char *const tr_restart_words[] = {"always", "on-failure", "never", NULL};

const tr_restart_t tr_restart_default = {
    .when = TR_RESTART_ALWAYS,
    .backoff_ms = 200,
    .max_backoff_ms = 10000,
    .intensity = 5,
    .period_ms = 30000,
};

/* Restarts that are younger than the period. */
static int64_t recent(const tr_restart_t *rule, const tr_restart_history_t *history, int64_t now_ms) {
    int64_t n = 0;
    for (size_t i = 0; i < history->count; i++)
        n += now_ms - history->times[i] < rule->period_ms;
    return n;
}

static void remember(const tr_restart_t *rule, tr_restart_history_t *history, int64_t now_ms) {
    size_t cap = (size_t)rule->intensity;
    history->times[history->next] = now_ms;
    history->next = (history->next + 1) % cap;
    if (history->count < cap)
        history->count++;
}

static int64_t wait_ms(const tr_restart_t *rule, unsigned doublings, uint32_t random) {
    int64_t wait = rule->backoff_ms;
    for (unsigned i = 0; i < doublings && wait < rule->max_backoff_ms; i++)
        wait *= 2;
    if (wait > rule->max_backoff_ms)
        wait = rule->max_backoff_ms;
    int64_t half = wait / 2;
    return wait - (half > 0 ? (int64_t)random % (half + 1) : 0);
}

int tr_restart_prepare(const tr_restart_t *rule, tr_restart_history_t *history) {
    if (!history->times && rule->intensity > 0)
        history->times = calloc((size_t)rule->intensity, sizeof *history->times);
    return history->times || rule->intensity <= 0 ? 0 : -ENOMEM;
}

int tr_restart_decide(const tr_restart_t *rule, tr_restart_history_t *history, bool failed,
    int64_t started_ms, int64_t now_ms, uint32_t random, tr_restart_decision_t *ret_decision) {
    if (rule->when == TR_RESTART_NEVER || (rule->when == TR_RESTART_ON_FAILURE && !failed)) {
        *ret_decision = (tr_restart_decision_t){.action = failed ? TR_RESTART_FAILED : TR_RESTART_DONE};
        return 0;
    }
    if (now_ms - started_ms >= rule->period_ms)
        history->doublings = 0;
    if (recent(rule, history, now_ms) >= rule->intensity) {
        *ret_decision = (tr_restart_decision_t){.action = TR_RESTART_FAILED, .intense = true};
        return 0;
    }
    if (tr_restart_prepare(rule, history) < 0)
        return -ENOMEM;
    int64_t due = now_ms + wait_ms(rule, history->doublings, random);
    remember(rule, history, now_ms);
    if (history->doublings < 62)
        history->doublings++;
    *ret_decision = (tr_restart_decision_t){.action = TR_RESTART_AGAIN, .due_ms = due};
    return 0;
}

void tr_restart_forget(tr_restart_history_t *history) {
    history->count = history->next = 0;
    history->doublings = 0;
}

void tr_restart_finish(tr_restart_history_t *history) {
    free(history->times);
    *history = (tr_restart_history_t){0};
}
