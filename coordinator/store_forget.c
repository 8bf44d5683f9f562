/* What ended long ago goes, a little at a time: a window of rows is looked at, by their numbers, and the next look begins behind it. */
#include "coordinator/store_private.h"
#include "lib/base/map.h"
#include "lib/base/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASKS     1000u
#define DECISIONS 100u

/* A window, and what of it is to go. */
typedef struct window {
    char (*ids)[TR_TASK_ID_MAX + 1];
    size_t count;
    size_t seen;
    int64_t last;
} window_t;

/* Columns: number, id, state, when. */
static int look(
    tr_store_t *self, size_t s, int64_t from, size_t most, int ended, int64_t before_ms, window_t *w) {
    int step;
    *w = (window_t){.ids = calloc(most, sizeof *w->ids), .last = from};
    if (!w->ids)
        return -ENOMEM;
    tr_sql_bind_int(self->sql, s, 1, from);
    tr_sql_bind_int(self->sql, s, 2, (int64_t)most);
    while ((step = tr_sql_step(self->sql, s)) > 0 && w->seen < most) {
        const char *id = tr_sql_text(self->sql, s, 1);
        w->seen++;
        w->last = tr_sql_int(self->sql, s, 0);
        if (id && strlen(id) <= TR_TASK_ID_MAX && tr_sql_int(self->sql, s, 2) >= ended &&
            tr_sql_int(self->sql, s, 3) < before_ms)
            snprintf(w->ids[w->count++], sizeof *w->ids, "%s", id);
    }
    return tr_store_end(self, s, step);
}

/* ---- what is needed still ---- */

static int note_needs(tr_map_t *needed, char *texts) {
    int rc = 0;
    for (char *word; rc == 0 && (word = strsep(&texts, " "));)
        if (*word && !tr_map_find(needed, word, strlen(word)))
            rc = tr_map_put(needed, word, strlen(word), 1);
    return rc;
}

static int find_needed(tr_store_t *self, tr_map_t *needed) {
    int step, rc = 0;
    while (rc == 0 && (step = tr_sql_step(self->sql, NEEDED)) > 0) {
        const char *text = tr_sql_text(self->sql, NEEDED, 0);
        char *copy = strdup(text ? text : "");
        rc = copy ? note_needs(needed, copy) : -ENOMEM;
        free(copy);
    }
    int ended = tr_store_end(self, NEEDED, rc == 0 ? step : 0);
    return rc < 0 ? rc : ended;
}

/* ---- tasks ---- */

static void run_on(tr_store_t *self, size_t s, const char *id) {
    tr_sql_bind_text(self->sql, s, 1, id);
    tr_sql_run(self->sql, s);
}

/* History goes with the task alone: where that stays, so does it. */
static void forget_task(tr_store_t *self, const char *id, int64_t before_ms) {
    tr_sql_bind_text(self->sql, FORGET_TASK, 1, id);
    tr_sql_bind_int(self->sql, FORGET_TASK, 2, before_ms);
    tr_sql_run(self->sql, FORGET_TASK);
    run_on(self, FORGET_HISTORY, id);
}

static int forget_tasks(tr_store_t *self, const window_t *w, int64_t before_ms) {
    tr_map_t needed;
    int count = 0;
    tr_map_init(&needed, tr_random_seed());
    int rc = find_needed(self, &needed);
    for (size_t i = 0; i < w->count && rc == 0; i++)
        if (!tr_map_find(&needed, w->ids[i], strlen(w->ids[i]))) {
            forget_task(self, w->ids[i], before_ms);
            count++;
        }
    tr_map_finish(&needed);
    return rc < 0 ? rc : count;
}

static int forget_decisions(tr_store_t *self, const window_t *w) {
    for (size_t i = 0; i < w->count; i++) {
        run_on(self, FORGET_DECISION, w->ids[i]);
        run_on(self, FORGET_EVENTS, w->ids[i]);
    }
    return (int)w->count;
}

int tr_store_forget(
    tr_store_t *self, tr_store_age_t *age, int64_t before_ms, void (*changes)(void *arg), void *arg) {
    window_t tasks = {0}, decisions = {0};
    int gone = 0, more = 0;
    int rc = look(self, AGES, age->task, TASKS, TR_TASK_COMPLETED, before_ms, &tasks);
    if (rc == 0)
        rc = look(self, DECISION_AGES, age->decision, DECISIONS, TR_MOTION_DECIDED, before_ms, &decisions);
    if (rc == 0 && (tasks.count || decisions.count))
        changes(arg);
    if (rc == 0 && tasks.count)
        rc = gone = forget_tasks(self, &tasks, before_ms);
    if (rc >= 0 && decisions.count)
        rc = more = forget_decisions(self, &decisions);
    if (rc >= 0) {
        age->task = tasks.seen < TASKS ? 0 : tasks.last;
        age->decision = decisions.seen < DECISIONS ? 0 : decisions.last;
        age->whole = age->task == 0 && age->decision == 0;
    }
    free(tasks.ids);
    free(decisions.ids);
    return rc < 0 ? rc : gone + more;
}
