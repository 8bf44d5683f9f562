/* What a task needs of others: their results, asked of the coordinator one after the other, become part of its context. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/behaviours/executor.h"
#include "lib/agent/json_request.h"
#include "lib/text/utf8.h"

#define ASK_MS     10000
#define AGAIN_MS   500
#define EACH_MAX   4000 /* bytes of a result */
#define LENGTH_MAX 32000

/* The text of a result, or all of it; a new reference. */
static json_t *text_of(const json_t *result) {
    const json_t *text = json_is_object(result) ? json_object_get(result, "text") : result;
    if (json_is_string(text))
        return json_incref((json_t *)(uintptr_t)text);
    char *all = json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY);
    json_t *dumped = all ? json_string(all) : NULL;
    free(all);
    return dumped;
}

/* Behind what is known already. */
static void add_result(tr_job_t *job, const json_t *shown) {
    const char *known = json_string_value(job->known);
    const char *description = json_string_value(json_object_get(shown, "description"));
    json_t *text = text_of(json_object_get(shown, "result"));
    const char *said = text ? json_string_value(text) : "";
    if (known && strlen(known) > LENGTH_MAX)
        known = NULL; /* the last results matter more than the first */
    json_t *longer = json_sprintf("%s%s%s:\n%.*s", known ? known : "", known ? "\n\n" : "",
        description ? description : "A task", (int)tr_utf8_cut(said, strlen(said), EACH_MAX), said);
    json_decref(job->known);
    job->known = longer;
    json_decref(text);
}

/* The mind and who asked are told of it. */
static void miss(tr_job_t *job) {
    if (!job->missing)
        job->missing = json_array();
    json_array_append(job->missing, json_array_get(job->needs, 0));
    json_array_remove(job->needs, 0);
}

static void on_again(tr_agent_t *agent, void *state, void *arg) {
    tr_job_t *job = tr_job_find(state, (json_int_t)(intptr_t)arg);
    (void)agent;
    if (job && job->message && json_array_size(job->needs) > 0)
        tr_job_go_on(job);
}

/* Who is not there says so at once, and may be there soon. */
static bool waits_for_who_is_away(tr_agent_t *agent, const tr_message_t *answer, void *arg) {
    return answer && tr_message_type(answer) == TR_MESSAGE_FAILED &&
           tr_timer_start(agent, AGAIN_MS, on_again, arg);
}

/* Without an answer it is asked for again, until the time of the job is up. */
static void on_shown(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_job_t *job = tr_job_find(state, (json_int_t)(intptr_t)arg);
    json_t *shown = tr_answer_json(answer);
    if (job && job->message && json_array_size(job->needs) > 0 &&
        !waits_for_who_is_away(agent, answer, arg)) {
        if (tr_answer_is_good(answer) && json_object_get(shown, "result")) {
            add_result(job, shown);
            json_array_remove(job->needs, 0);
        } else if (answer) {
            miss(job);
        }
        tr_job_note(job);
        tr_job_go_on(job);
    }
    json_decref(shown);
}

/* What is not there is left out. A new reference; NULL where neither is. */
static json_t *joined(json_t *first, json_t *second) {
    if (!first || !second)
        return json_incref(first ? first : second);
    return json_sprintf("%s\n\n%s", json_string_value(first), json_string_value(second));
}

json_t *tr_job_context(const tr_job_t *self) {
    json_t *context = joined(json_object_get(self->task, "context"), self->known);
    char *ids = json_array_size(self->missing) ? json_dumps(self->missing, JSON_COMPACT) : NULL;
    json_t *note =
        ids ? json_sprintf("The results of these tasks are needed, and could not be had: %s", ids) : NULL;
    json_t *all = joined(context, note);
    free(ids);
    json_decref(note);
    json_decref(context);
    return all;
}

/* In its own name: within the conversation of a task the coordinator takes the request for what its agent says of the task. */
bool tr_job_asks_needs(tr_job_t *self) {
    if (json_array_size(self->needs) == 0)
        return false;
    json_t *request = json_pack("{s:s, s:O}", "action", "show", "task", json_array_get(self->needs, 0));
    int rc = tr_request_json(self->executor->agent, NULL, self->executor->tasks, request, ASK_MS, on_shown,
        (void *)(intptr_t)self->number);
    json_decref(request);
    while (rc < 0 && json_array_size(self->needs) > 0)
        miss(self); /* it is done with what is known */
    return rc == 0;
}
