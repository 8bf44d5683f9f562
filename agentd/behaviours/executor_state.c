/*
 * The executor's journal: {"jobs": [{"number", "key", "has-id", "task", "steps", "calls", "needs", "known", "missing", "missing-why", "result", "used-ms", "left", "tokens", "nano",
 * "conversation", "limits", "begun", "once", "order", "token", "before"}]}. Between two of these, events: what came of one job, so that a step costs what it says, and not what all jobs have
 * said by then. An event is {"job": as above}, which is new or another one in all of its members, or {"number": which, "used-ms", "left", "token"} with one
 * of "begun" (the tool of the first of the calls), "step" (made: the first of the calls), "calls" with "tokens" and "nano", "result", or "gone".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/behaviours/executor.h"
#include "lib/base/clock.h"
#include "proto/json.h"

/* Somebody waits for it: until now. */
static int64_t left_of(const tr_job_t *job) {
    return job->message ? tr_clock_wall_ms() : job->left_ms;
}

static json_t *job_json(const tr_job_t *job) {
    const tr_job_limits_t *most = &job->limits;
    return json_pack(
        "{s:I, s:s, s:b, s:O, s:O, s:O, s:O, s:O*, s:O*, s:O*, s:O*, s:I, s:I, s:I, s:I, s:s*, s:[I, "
        "I, I, I], s:b, s:b, s:s*, s:I, s:I}",
        "number", (json_int_t)job->number, "key", job->key, "has-id", job->has_id, "task", job->task, "steps",
        job->steps, "calls", job->calls, "needs", job->needs, "known", job->known, "missing", job->missing,
        "missing-why", job->why, "result", job->result, "used-ms", (json_int_t)tr_job_used_ms(job), "left",
        (json_int_t)left_of(job), "tokens", (json_int_t)job->spent.tokens, "nano",
        (json_int_t)job->spent.nano, "conversation", job->conversation, "limits", (json_int_t)most->steps,
        (json_int_t)most->time_ms, (json_int_t)most->cost.tokens, (json_int_t)most->cost.nano, "begun",
        job->begun, "once", job->once, "order", job->order, "token", (json_int_t)job->token, "before",
        (json_int_t)job->before);
}

int tr_executor_save(tr_agent_t *agent, const void *state, tr_content_writer_t *out) {
    const tr_executor_t *self = state;
    json_t *jobs = json_array(), *all = json_pack("{s:o}", "jobs", jobs);
    int rc = all ? 0 : -ENOMEM;
    (void)agent;
    for (const tr_job_t *job = self->jobs; job && rc == 0; job = job->next)
        rc = json_array_append_new(jobs, job_json(job)) < 0 ? -ENOMEM : 0;
    if (rc == 0)
        rc = tr_json_write(all, out);
    json_decref(all);
    return rc;
}

/* ---- back ---- */

static int64_t number_at(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

static int take_list(const json_t *from, const char *key, json_t **list) {
    json_t *value = json_object_get(from, key);
    if (!json_is_array(value))
        return -EBADMSG;
    json_decref(*list);
    *list = json_incref(value);
    return 0;
}

static int take_limits(const json_t *list, tr_job_limits_t *limits) {
    int64_t numbers[4];
    if (json_array_size(list) != 4)
        return -EBADMSG;
    for (size_t i = 0; i < 4; i++)
        if ((numbers[i] = json_integer_value(json_array_get(list, i))) < 0)
            return -EBADMSG;
    *limits = (tr_job_limits_t){numbers[0], numbers[1], {(uint64_t)numbers[2], (uint64_t)numbers[3]}};
    return 0;
}

static void take_any(const json_t *from, const char *key, json_t **value) {
    json_decref(*value);
    *value = json_incref(json_object_get(from, key));
}

static void take_times(tr_job_t *job, const json_t *saved) {
    job->begun_ms = tr_clock_ms() - number_at(saved, "used-ms");
    job->left_ms = number_at(saved, "left");
    job->token = (uint64_t)number_at(saved, "token");
}

static void take_cost(tr_job_t *job, const json_t *saved) {
    job->spent = (tr_mind_cost_t){(uint64_t)number_at(saved, "tokens"), (uint64_t)number_at(saved, "nano")};
}

/* The one of its number, or a new one. */
static int find_or_make(tr_executor_t *self, const json_t *saved, tr_job_t **ret_job) {
    const char *key = json_string_value(json_object_get(saved, "key"));
    json_t *task = json_object_get(saved, "task");
    int64_t number = number_at(saved, "number"); /* none in what an older version has saved */
    if (!key || number < 0 || !json_is_string(json_object_get(task, "text")))
        return -EBADMSG;
    *ret_job = number ? tr_job_find(self, number) : NULL;
    if (*ret_job)
        return 0;
    uint64_t numbers = self->numbers;
    *ret_job = tr_job_new(self, key, json_is_true(json_object_get(saved, "has-id")), task);
    if (*ret_job && number) {
        (*ret_job)->number = (uint64_t)number;
        self->numbers = numbers > (uint64_t)number ? numbers : (uint64_t)number;
    }
    return *ret_job ? 0 : -ENOMEM;
}

static void take_text(const json_t *from, const char *key, char **text) {
    const char *value = json_string_value(json_object_get(from, key));
    free(*text);
    *text = value ? strdup(value) : NULL;
}

static int restore_job(tr_executor_t *self, const json_t *saved) {
    tr_job_t *job;
    int rc = find_or_make(self, saved, &job);
    if (rc < 0)
        return rc;
    take_any(saved, "result", &job->result);
    take_any(saved, "known", &job->known);
    take_any(saved, "missing", &job->missing);
    take_any(saved, "missing-why", &job->why);
    take_times(job, saved);
    take_cost(job, saved);
    job->begun = json_is_true(json_object_get(saved, "begun"));
    job->before = (size_t)number_at(saved, "before");
    job->once = job->begun || json_is_true(json_object_get(saved, "once"));
    take_text(saved, "conversation", &job->conversation);
    take_text(saved, "order", &job->order);
    rc = take_list(saved, "steps", &job->steps);
    if (rc == 0)
        rc = take_list(saved, "calls", &job->calls);
    if (rc == 0)
        rc = take_list(saved, "needs", &job->needs);
    return rc == 0 ? take_limits(json_object_get(saved, "limits"), &job->limits) : rc;
}

int tr_executor_restore(tr_agent_t *agent, void *state, tr_value_t saved) {
    tr_executor_t *self = state;
    json_t *all = tr_value_to_json(saved);
    const json_t *jobs = json_object_get(all, "jobs");
    int rc = json_is_array(jobs) ? 0 : -EBADMSG;
    (void)agent;
    for (size_t i = json_array_size(jobs); i-- > 0 && rc == 0;) /* the list is built from its end */
        rc = restore_job(self, json_array_get(jobs, i));
    json_decref(all);
    return rc;
}

/* ---- events ---- */

/* Where it cannot be appended the whole state is saved; where there is no store it is not wanted. */
static void append(const tr_job_t *job, json_t *event) {
    tr_agent_t *agent = job->executor->agent;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    int rc = event ? tr_json_write(event, &w) : -ENOMEM;
    if (rc < 0 || tr_agent_append_content(agent, &w) < 0)
        tr_agent_snapshot(agent);
    tr_content_writer_finish(&w);
    json_decref(event);
}

static json_t *about(const tr_job_t *job) {
    return json_pack("{s:I, s:I, s:I, s:I}", "number", (json_int_t)job->number, "used-ms",
        (json_int_t)tr_job_used_ms(job), "left", (json_int_t)left_of(job), "token", (json_int_t)job->token);
}

void tr_job_note(const tr_job_t *job) {
    append(job, json_pack("{s:o}", "job", job_json(job)));
}

void tr_job_note_begun(const tr_job_t *job) {
    json_t *event = about(job);
    json_object_set_new(event, "begun", json_true());
    append(job, event);
}

void tr_job_note_step(const tr_job_t *job, json_t *step) {
    json_t *event = about(job);
    json_object_set(event, "step", step);
    append(job, event);
}

void tr_job_note_calls(const tr_job_t *job) {
    json_t *event = about(job);
    json_object_set(event, "calls", job->calls);
    json_object_set_new(event, "tokens", json_integer((json_int_t)job->spent.tokens));
    json_object_set_new(event, "nano", json_integer((json_int_t)job->spent.nano));
    append(job, event);
}

void tr_job_note_end(const tr_job_t *job) {
    json_t *event = about(job);
    if (job->result)
        json_object_set(event, "result", job->result);
    else
        json_object_set_new(event, "gone", json_true());
    append(job, event);
}

static int replay_step(tr_job_t *job, json_t *step) {
    job->begun = false;
    json_array_remove(job->calls, 0);
    return json_array_append(job->steps, step) < 0 ? -ENOMEM : 0;
}

static int replay_part(tr_executor_t *self, const json_t *event) {
    tr_job_t *job = tr_job_find(self, number_at(event, "number"));
    json_t *step = json_object_get(event, "step"), *calls = json_object_get(event, "calls");
    if (!job)
        return -EBADMSG;
    take_times(job, event);
    if (json_is_true(json_object_get(event, "gone"))) {
        tr_job_free(job);
        return 0;
    }
    if (json_is_true(json_object_get(event, "begun"))) {
        job->begun = job->once = true;
        return 0;
    }
    if (step)
        return replay_step(job, step);
    if (!calls) {
        take_any(event, "result", &job->result);
        return job->result ? 0 : -EBADMSG;
    }
    take_cost(job, event);
    return take_list(event, "calls", &job->calls);
}

int tr_executor_replay(tr_agent_t *agent, void *state, tr_value_t saved) {
    json_t *event = tr_value_to_json(saved);
    const json_t *job = json_object_get(event, "job");
    (void)agent;
    int rc = job ? restore_job(state, job) : replay_part(state, event);
    json_decref(event);
    return rc;
}

void tr_executor_forget(tr_executor_t *self) {
    int64_t now = tr_clock_wall_ms();
    size_t kept[2] = {0};
    for (tr_job_t *job = self->jobs, *next; job; job = next) { /* the newest come first */
        next = job->next;
        if (job->message ||
            (now - job->left_ms <= TR_JOB_KEPT_MS && ++kept[job->result != NULL] <= TR_JOBS_KEPT))
            continue;
        json_decref(job->result);
        job->result = NULL;
        tr_job_note_end(job);
        tr_job_free(job);
    }
}
