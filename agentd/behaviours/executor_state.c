/* The executor's journal: {"jobs": [{"key", "has-id", "task", "steps", "calls", "needs", "known", "result", "used-ms", "left", "tokens", "nano", "conversation", "limits"}]}. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/behaviours/executor.h"
#include "lib/base/clock.h"
#include "proto/json.h"

static json_t *job_json(const tr_job_t *job) {
    const tr_job_limits_t *most = &job->limits;
    return json_pack("{s:s, s:b, s:O, s:O, s:O, s:O, s:O*, s:O*, s:I, s:I, s:I, s:I, s:s*, s:[I, I, I, I]}",
        "key", job->key, "has-id", job->has_id, "task", job->task, "steps", job->steps, "calls", job->calls,
        "needs", job->needs, "known", job->known, "result", job->result, "used-ms",
        (json_int_t)tr_job_used_ms(job), "left",
        (json_int_t)(job->message ? tr_clock_wall_ms() : job->left_ms), "tokens",
        (json_int_t)job->spent.tokens, "nano", (json_int_t)job->spent.nano, "conversation", job->conversation,
        "limits", (json_int_t)most->steps, (json_int_t)most->time_ms, (json_int_t)most->cost.tokens,
        (json_int_t)most->cost.nano);
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

static int restore_job(tr_executor_t *self, const json_t *saved) {
    const char *key = json_string_value(json_object_get(saved, "key"));
    const char *conversation = json_string_value(json_object_get(saved, "conversation"));
    json_t *task = json_object_get(saved, "task");
    if (!key || !json_is_string(json_object_get(task, "text")))
        return -EBADMSG;
    tr_job_t *job = tr_job_new(self, key, json_is_true(json_object_get(saved, "has-id")), task);
    if (!job)
        return -ENOMEM;
    job->result = json_incref(json_object_get(saved, "result"));
    job->known = json_incref(json_object_get(saved, "known"));
    job->begun_ms -= number_at(saved, "used-ms");
    job->left_ms = number_at(saved, "left");
    job->spent = (tr_mind_cost_t){(uint64_t)number_at(saved, "tokens"), (uint64_t)number_at(saved, "nano")};
    job->conversation = conversation ? strdup(conversation) : NULL;
    int rc = take_list(saved, "steps", &job->steps);
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

void tr_executor_forget(tr_executor_t *self) {
    int64_t now = tr_clock_wall_ms();
    size_t kept = 0;
    for (tr_job_t *job = self->jobs, *next; job; job = next) { /* the newest come first */
        next = job->next;
        if (!job->message && (now - job->left_ms > TR_JOB_KEPT_MS || ++kept > TR_JOBS_KEPT))
            tr_job_free(job);
    }
}
