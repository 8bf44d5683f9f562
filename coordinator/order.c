/*
 * What an agent is given with a task. Of one that composes (`compose`) that are the results of the tasks that it needs:
 *
 *     {"action": "compose", "task", "question": its description, "input", "parts": [{"task", "agent", "description", "result"}]}
 *
 * Its answer is {"text", "evidence": [{"task": one of the parts, ...}]}, and says nothing without evidence: an answer that is none of this
 * counts as a failure. Any agent may compose that offers the skill; the behaviour `composer` has a mind for it (docs/minds.md).
 */
#include "coordinator/desk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- what it is composed of ---- */

static int write_part(tr_coordinator_t *self, tr_content_writer_t *w, const char *id) {
    tr_task_t *part = NULL;
    int rc = tr_store_load(self->store, id, &part);
    if (rc < 0)
        return rc;
    tr_write_map(w, 4);
    tr_write_kv(w, "task", part->id);
    tr_write_kv(w, "agent", part->agent);
    tr_write_kv(w, "description", part->description);
    tr_desk_write_content(w, "result", part->result, part->result_len);
    tr_task_destroy(&part);
    return 0;
}

static int write_parts(tr_coordinator_t *self, const tr_task_t *task, tr_content_writer_t *w) {
    int rc = 0;
    tr_write_map(w, 5);
    tr_write_kv(w, "action", "compose");
    tr_write_kv(w, "task", task->id);
    tr_write_kv(w, "question", task->description);
    if (task->language) {
        tr_write_str(w, "input");
        tr_write_strn(w, task->input, task->input_len);
    } else {
        tr_desk_write_content(w, "input", task->input, task->input_len);
    }
    tr_write_str(w, "parts");
    tr_write_array(w, task->need_count);
    for (size_t i = 0; i < task->need_count && rc == 0; i++)
        rc = write_part(self, w, task->needs[i]);
    return rc;
}

int tr_order_write(tr_coordinator_t *self, const tr_task_t *task, tr_content_writer_t *w, const void **ret,
    size_t *ret_len) {
    if (task->composes || tr_reference_any(task)) {
        int rc = task->composes ? write_parts(self, task, w) : tr_reference_write(self, task, w);
        if (rc == 0)
            rc = tr_content_writer_take(w, ret, ret_len);
        return rc < 0 ? rc : tr_content_check(*ret, *ret_len); /* they may be too deep within each other */
    }
    *ret = task->input;
    *ret_len = task->input_len;
    return 0;
}

static bool is_part(const tr_task_t *task, tr_value_t id) {
    for (size_t i = 0; i < task->need_count; i++)
        if (tr_value_equals(id, task->needs[i]))
            return true;
    return false;
}

const char *tr_order_wrong(const tr_task_t *task, tr_value_t answer) {
    if (tr_desk_is_deep(answer))
        return "its result is nested too deeply: expected arrays and maps 12 deep at most";
    if (!task->composes)
        return NULL;
    tr_value_t text = tr_value_get(answer, "text"), evidence = tr_value_get(answer, "evidence");
    size_t len = 0, count = tr_value_size(evidence);
    if (!tr_value_is_map(answer) || !tr_value_str(text, &len) || !tr_value_is_array(evidence))
        return "its answer is not composed: expected a text and a list of evidence";
    if (len > 0 && count == 0)
        return "its answer has no evidence for what it says";
    for (size_t i = 0; i < count; i++)
        if (!is_part(task, tr_value_get(tr_value_at(evidence, i), "task")))
            return "its answer has evidence that is of none of its parts";
    return NULL;
}

/* ---- means ---- */

void tr_order_parameters(const tr_task_t *task, tr_order_parameters_t *ret) {
    const int64_t *of = task->granted.of;
    *ret = (tr_order_parameters_t){.user = {{"X-task", task->id}, {"X-token", ret->token}},
        .acl = {.budget = {.of_tokens = of[TR_PURSE_TOKENS] > 0,
                    .of_money = of[TR_PURSE_MICRO_COST] > 0,
                    .tokens = (uint64_t)of[TR_PURSE_TOKENS],
                    .micro_cost = (uint64_t)of[TR_PURSE_MICRO_COST]},
            .user = ret->user,
            .user_count = 2}};
    snprintf(ret->token, sizeof ret->token, "%llu", (unsigned long long)task->token);
}

int64_t tr_order_timeout(const tr_task_t *task) {
    tr_purse_t share =
        task->worker ? task->granted : tr_task_share(task); /* of one that is called for, what it will be */
    int64_t most_ms = share.of[TR_PURSE_TIME_MS];
    return most_ms > 0 && most_ms < task->timeout_ms ? most_ms : task->timeout_ms;
}
