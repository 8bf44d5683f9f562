#include "coordinator/store_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- opening ---- */

/* Each process that opens the store is an epoch of its own: what it has belongs to that. */
static int open_postgres(tr_store_t *self, const tr_store_place_t *place, tr_error_t *error) {
    unsigned char random[16];
    char session[384], fence[192], hex[sizeof random * 2 + 1];
    if (getentropy(random, sizeof random) < 0)
        return tr_error_set(error, -errno, "no random numbers: %s", strerror(errno));
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(hex + 2 * i, 3, "%02x", random[i]);
    snprintf(session, sizeof session,
        "SELECT set_config('troupe.epoch', '%s', false), "
        "set_config('idle_in_transaction_session_timeout', '%lld', false), "
        "set_config('statement_timeout', '%lld', false), "
        "set_config('client_connection_check_interval', '1000', false)", /* nothing goes on for who has gone */
        hex, (long long)place->hang_ms, (long long)place->most_ms);
    snprintf(fence, sizeof fence, "SELECT 1 FROM coordinator WHERE epoch = '%s' AND NOT dead FOR SHARE", hex);
    self->shared = true;
    return tr_sql_open_postgres(&(tr_sql_postgres_t){.conninfo = place->conninfo,
                                    .conninfo_file = place->conninfo_file,
                                    .space = place->space,
                                    .session = session,
                                    .fence = fence,
                                    .patience_ms = place->patience_ms,
                                    .interrupt_fd = place->interrupt_fd,
                                    .module = place->module},
        &tr_store_postgres_schema, &self->sql, error);
}

int tr_store_open(const tr_store_place_t *place, tr_store_t **ret_store, tr_error_t *error) {
    tr_store_t *self = *ret_store = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    int rc = place->directory
                 ? tr_sql_open_sqlite(place->directory, &tr_store_sqlite_schema, &self->sql, error)
                 : open_postgres(self, place, error);
    if (rc < 0)
        tr_store_close(ret_store);
    return rc;
}

void tr_store_close(tr_store_t **self) {
    if (!*self)
        return;
    tr_sql_close(&(*self)->sql);
    free(*self);
    *self = NULL;
}

const char *tr_store_why(const tr_store_t *self) {
    return tr_sql_why(self->sql);
}

/* ---- writing ---- */

/* The texts with spaces between: names have none. NULL when out of memory, and then the column, which may not be NULL, says so. */
static char *join(const char *const *texts, size_t count) {
    size_t len = 1;
    for (size_t i = 0; i < count; i++)
        len += strlen(texts[i]) + 1;
    char *joined = malloc(len), *end = joined;
    if (!joined)
        return NULL;
    *joined = '\0';
    for (size_t i = 0; i < count; i++)
        end = stpcpy(i ? stpcpy(end, " ") : end, texts[i]);
    return joined;
}

static void add_history(tr_store_t *self, const tr_task_t *task, int64_t at_ms, const char *reason) {
    tr_sql_t *db = self->sql;
    const size_t s = REMEMBER;
    tr_sql_bind_text(db, s, 1, task->id);
    tr_sql_bind_int(db, s, 2, at_ms);
    tr_sql_bind_int(db, s, 3, (int)task->state);
    tr_sql_bind_int(db, s, 4, task->tries);
    tr_sql_bind_text(db, s, 5, *task->agent ? task->agent : NULL);
    tr_sql_bind_text(db, s, 6, reason);
    tr_sql_run(db, s);
}

void tr_store_begin(tr_store_t *self) {
    tr_sql_begin(self->sql);
}

void tr_store_add(tr_store_t *self, const tr_task_t *task) {
    tr_sql_t *db = self->sql;
    const size_t s = INSERT;
    const int64_t numbers[] = {task->priority, task->tries_max, task->created_ms, task->deadline_ms,
        task->timeout_ms, task->state, task->changed_ms, task->due_ms, task->tries};
    char *skills = join(task->skills, task->skill_count), *needs = join(task->needs, task->need_count);
    tr_sql_bind_text(db, s, 1, task->id);
    tr_sql_bind_text(db, s, 2, task->key);
    tr_sql_bind_text(db, s, 3, task->description);
    tr_sql_bind_text(db, s, 4, skills);
    tr_sql_bind_text(db, s, 5, needs);
    tr_sql_bind_blob(db, s, 6, task->input, task->input_len);
    tr_sql_bind_text(db, s, 7, task->language);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        tr_sql_bind_int(db, s, 8 + (int)i, numbers[i]);
    tr_sql_bind_text(db, s, 17, task->agent);
    tr_sql_bind_text(db, s, 18, task->reason);
    tr_sql_bind_blob(db, s, 19, task->result, task->result_len);
    tr_sql_bind_int(db, s, 20, (int)task->way);
    tr_sql_bind_int(db, s, 21, task->composes);
    for (int i = 0; i < TR_PURSE_KINDS; i++)
        tr_sql_bind_int(db, s, 22 + i, task->budget.of[i]);
    tr_sql_bind_text(db, s, 25, task->callback);
    tr_sql_bind_text(db, s, 26, task->trace);
    tr_sql_bind_int(db, s, 27, task->approval);
    tr_sql_run(db, s);
    free(skills);
    free(needs);
    add_history(self, task, task->changed_ms, task->reason);
}

void tr_store_update(tr_store_t *self, const tr_task_t *task) {
    tr_sql_t *db = self->sql;
    const size_t s = UPDATE;
    tr_sql_bind_int(db, s, 1, (int)task->state);
    tr_sql_bind_int(db, s, 2, task->changed_ms);
    tr_sql_bind_int(db, s, 3, task->due_ms);
    tr_sql_bind_int(db, s, 4, task->tries);
    tr_sql_bind_text(db, s, 5, task->agent);
    tr_sql_bind_text(db, s, 6, task->reason);
    tr_sql_bind_blob(db, s, 7, task->result, task->result_len);
    for (int i = 0; i < TR_PURSE_KINDS; i++)
        tr_sql_bind_int(db, s, 8 + i, task->spent.of[i]);
    tr_sql_bind_blob(db, s, 11, task->status, task->status_len);
    tr_sql_bind_int(db, s, 12, (int64_t)task->token);
    tr_sql_bind_int(db, s, 13, task->approval);
    tr_sql_bind_int(db, s, 14, task->tries_max);
    tr_sql_bind_text(db, s, 15, task->id);
    tr_sql_run(db, s);
    add_history(self, task, task->changed_ms, task->reason);
}

void tr_store_say_status(tr_store_t *self, const tr_task_t *task, const char *text) {
    tr_sql_t *db = self->sql;
    tr_sql_bind_blob(db, SAY_STATUS, 1, task->status, task->status_len);
    tr_sql_bind_text(db, SAY_STATUS, 2, task->id);
    tr_sql_run(db, SAY_STATUS);
    if (text)
        add_history(self, task, task->told_ms, text);
}

int tr_store_commit(tr_store_t *self, tr_error_t *error) {
    return tr_sql_commit(self->sql, error);
}

void tr_store_fail(tr_store_t *self, int rc) {
    tr_sql_fail(self->sql, rc, strerror(-rc));
}

/* ---- reading ---- */

/* Splits a copy in place; -1 when out of memory. */
static ssize_t split(const char *joined, char **ret_copy, const char ***ret_texts) {
    size_t count = 0;
    char *copy = strdup(joined ? joined : ""), *rest = copy, *word;
    const char **texts = copy ? calloc(strlen(copy) / 2 + 1, sizeof *texts) : NULL;
    *ret_copy = copy;
    *ret_texts = texts;
    if (!texts)
        return -1;
    while ((word = strsep(&rest, " ")))
        if (*word)
            texts[count++] = word;
    return (ssize_t)count;
}

static bool take_state(tr_sql_t *db, size_t s, tr_task_t *t) {
    size_t len;
    int state = (int)tr_sql_int(db, s, 12);
    t->state = state >= 0 && state < TR_TASK_STATES ? (tr_task_state_t)state : TR_TASK_FAILED;
    t->changed_ms = tr_sql_int(db, s, 13);
    t->tries = (uint32_t)tr_sql_int(db, s, 15);
    t->token = (uint64_t)tr_sql_int(db, s, 31);
    t->approval = tr_sql_int(db, s, 32) != 0;
    snprintf(t->agent, sizeof t->agent, "%s", tr_sql_text(db, s, 16) ? tr_sql_text(db, s, 16) : "");
    for (int i = 0; i < TR_PURSE_KINDS; i++)
        t->spent.of[i] = tr_sql_int(db, s, 27 + i);
    const void *result = tr_sql_blob(db, s, 18, &len);
    if (!tr_task_set_reason(t, tr_sql_text(db, s, 17)) || (result && !tr_task_set_result(t, result, len)))
        return false;
    const void *status = tr_sql_blob(db, s, 30, &len);
    return !status || tr_task_set_status(t, status, len);
}

static tr_task_way_t way_of(int64_t number) {
    return number > 0 && number < TR_TASK_WAYS ? (tr_task_way_t)number : TR_TASK_DIRECT;
}

/* The row as a task; NULL when out of memory. */
static tr_task_t *take(tr_sql_t *db, size_t s) {
    size_t input_len;
    const void *input = tr_sql_blob(db, s, 5, &input_len);
    char *skill_text, *need_text = NULL;
    const char **skills, **needs = NULL;
    ssize_t skill_count = split(tr_sql_text(db, s, 3), &skill_text, &skills);
    ssize_t need_count = skill_count < 0 ? -1 : split(tr_sql_text(db, s, 4), &need_text, &needs);
    tr_task_wish_t wish = {
        .id = tr_sql_text(db, s, 0),
        .key = tr_sql_text(db, s, 1),
        .description = tr_sql_text(db, s, 2),
        .skills = skills,
        .needs = needs,
        .skill_count = (size_t)skill_count,
        .need_count = (size_t)need_count,
        .input = input,
        .input_len = input_len,
        .language = tr_sql_text(db, s, 6),
        .priority = (uint32_t)tr_sql_int(db, s, 7),
        .tries_max = (uint32_t)tr_sql_int(db, s, 8),
        .created_ms = tr_sql_int(db, s, 9),
        .deadline_ms = tr_sql_int(db, s, 10),
        .timeout_ms = tr_sql_int(db, s, 11),
        .due_ms = tr_sql_int(db, s, 14),
        .way = way_of(tr_sql_int(db, s, 20)),
        .composes = tr_sql_int(db, s, 21) != 0,
        .budget = {{tr_sql_int(db, s, 22), tr_sql_int(db, s, 23), tr_sql_int(db, s, 24)}},
        .callback = tr_sql_text(db, s, 25),
        .trace = tr_sql_text(db, s, 26),
    };
    tr_task_t *task = need_count < 0 || !wish.id ? NULL : tr_task_new(&wish);
    if (task && !take_state(db, s, task))
        tr_task_destroy(&task);
    free(skill_text);
    free(need_text);
    free(skills);
    free(needs);
    return task;
}

int tr_store_end(tr_store_t *self, size_t statement, int step) {
    tr_sql_reset(self->sql, statement);
    return step < 0 ? step : 0;
}

int tr_store_give(tr_store_t *self, size_t statement, tr_store_each_fn each, void *arg, tr_error_t *error) {
    int rc = 0, step = 0, count = 0;
    while (rc == 0 && (step = tr_sql_step(self->sql, statement)) > 0) {
        tr_task_t *task = take(self->sql, statement);
        rc = task ? each(arg, task) : -ENOMEM;
        if (rc < 0)
            tr_task_destroy(&task);
        count++;
    }
    int ended = tr_store_end(self, statement, step);
    rc = rc < 0 ? rc : ended;
    return rc < 0 ? tr_error_set(error, rc, "the tasks cannot be read: %s", strerror(-rc)) : count;
}

int tr_store_restore(tr_store_t *self, tr_store_each_fn each, void *arg, tr_error_t *error) {
    tr_sql_bind_int(self->sql, OPEN, 1, TR_TASK_COMPLETED);
    int rc = tr_store_give(self, OPEN, each, arg, error);
    return rc < 0 ? rc : 0;
}

int tr_store_load(tr_store_t *self, const char *id, tr_task_t **ret_task) {
    tr_sql_bind_text(self->sql, BY_ID, 1, id);
    int step = tr_sql_step(self->sql, BY_ID), rc = 0;
    if (step > 0)
        rc = (*ret_task = take(self->sql, BY_ID)) ? 0 : -ENOMEM;
    int ended = tr_store_end(self, BY_ID, step);
    return ended < 0 ? ended : step == 0 ? -ENOENT : rc;
}

int tr_store_state(tr_store_t *self, const char *id) {
    tr_sql_bind_text(self->sql, STATE_OF, 1, id);
    int step = tr_sql_step(self->sql, STATE_OF);
    int state = step > 0 ? (int)tr_sql_int(self->sql, STATE_OF, 0) : -ENOENT;
    int ended = tr_store_end(self, STATE_OF, step);
    return ended < 0 ? ended : state;
}

int tr_store_find(tr_store_t *self, size_t statement, const char *key, char *id) {
    tr_sql_bind_text(self->sql, statement, 1, key);
    int step = tr_sql_step(self->sql, statement);
    if (step > 0)
        snprintf(id, TR_TASK_ID_MAX + 1, "%s", tr_sql_text(self->sql, statement, 0));
    int ended = tr_store_end(self, statement, step);
    return ended < 0 ? ended : step == 0 ? -ENOENT : 0;
}

int tr_store_find_key(tr_store_t *self, const char *key, char *id) {
    return tr_store_find(self, BY_KEY, key, id);
}

int tr_store_list(
    tr_store_t *self, int state, int64_t before, size_t most, tr_store_listed_fn listed, void *arg) {
    tr_sql_t *db = self->sql;
    const size_t s = LIST;
    bool more = true;
    int step;
    tr_sql_bind_int(db, s, 1, state);
    tr_sql_bind_int(db, s, 2, before);
    tr_sql_bind_int(db, s, 3, (int64_t)most);
    while (more && (step = tr_sql_step(db, s)) > 0) {
        tr_task_t *task = take(db, s);
        if (!task) {
            tr_store_end(self, s, step);
            return -ENOMEM;
        }
        more = listed(arg, task, tr_sql_int(db, s, 19));
        tr_task_destroy(&task);
    }
    return tr_store_end(self, s, more ? step : 0);
}

static void give_event(tr_sql_t *db, size_t s, tr_store_event_fn event, void *arg) {
    int state = (int)tr_sql_int(db, s, 12);
    tr_store_event_t e = {
        .at_ms = tr_sql_int(db, s, 13),
        .state = state >= 0 && state < TR_TASK_STATES ? (tr_task_state_t)state : TR_TASK_FAILED,
        .tries = (uint32_t)tr_sql_int(db, s, 15),
        .agent = tr_sql_text(db, s, 16),
        .reason = tr_sql_text(db, s, 17),
    };
    event(arg, &e);
}

int tr_store_show(
    tr_store_t *self, const char *id, tr_task_t **ret_task, tr_store_event_fn event, void *arg) {
    tr_sql_t *db = self->sql;
    tr_task_t *task = NULL;
    int step;
    tr_sql_bind_text(db, SHOW, 1, id);
    while ((step = tr_sql_step(db, SHOW)) > 0 && (task || (task = take(db, SHOW))))
        if (tr_sql_text(db, SHOW, 0) == NULL)
            give_event(db, SHOW, event, arg);
    int rc = tr_store_end(self, SHOW, step);
    if (rc == 0)
        rc = task ? 0 : step > 0 ? -ENOMEM : -ENOENT;
    if (rc < 0)
        tr_task_destroy(&task);
    *ret_task = task;
    return rc;
}

int tr_store_count(tr_store_t *self, uint64_t counts[TR_TASK_STATES]) {
    tr_sql_t *db = self->sql;
    const size_t s = COUNT;
    int step;
    memset(counts, 0, TR_TASK_STATES * sizeof *counts);
    while ((step = tr_sql_step(db, s)) > 0) {
        int state = (int)tr_sql_int(db, s, 0);
        if (state >= 0 && state < TR_TASK_STATES)
            counts[state] = (uint64_t)tr_sql_int(db, s, 1);
    }
    return tr_store_end(self, s, step);
}
