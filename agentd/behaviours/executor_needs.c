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
#define WHY_MAX    300

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

/* The mind and who asked are told of it, and why. */
static void miss(tr_job_t *job, const char *reason, const char *detail) {
    json_t *id = json_array_get(job->needs, 0);
    if (!job->missing)
        job->missing = json_array();
    if (!job->why)
        job->why = json_object();
    bool is_more = *detail && strcmp(detail, reason) != 0;
    json_array_append(job->missing, id);
    json_object_set_new(job->why, json_string_value(id),
        json_sprintf("%s%s%.*s", reason, is_more ? ": " : "",
            is_more ? (int)tr_utf8_cut(detail, strlen(detail), WHY_MAX) : 0, detail));
    json_array_remove(job->needs, 0);
}

static void on_again(tr_agent_t *agent, void *state, void *arg) {
    tr_job_t *job = tr_job_find(state, (json_int_t)(intptr_t)arg);
    (void)agent;
    if (job && job->message && json_array_size(job->needs) > 0)
        tr_job_go_on(job);
}

/* ---- what is said ---- */

/* Who is not there, or has no room, may be there soon. Another reason, also one that is not known, holds for the next time, too. */
static bool may_come(tr_reason_t reason) {
    static const tr_reason_t passing[] = {TR_REASON_NOT_FOUND, TR_REASON_STALE_ROUTE, TR_REASON_BUSY,
        TR_REASON_NO_PROVIDER, TR_REASON_AGENT_GONE, TR_REASON_EXPIRED, TR_REASON_LIMIT, TR_REASON_CREDIT,
        TR_REASON_SHUTDOWN, TR_REASON_UNKNOWN_PLATFORM, TR_REASON_PEER_DOWN, TR_REASON_NO_SESSION};
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (passing[i] == reason)
            return true;
    return false;
}

static const char *text_at(const json_t *said, const char *key) {
    const char *text = json_string_value(json_object_get(said, key));
    return text ? text : "";
}

/* Whether it is worth asking for again: a refusal for good is not. */
static bool passes(const tr_message_t *answer, const json_t *said) {
    if (!answer)
        return true;
    if (tr_message_type(answer) == TR_MESSAGE_FAILED)
        return may_come(tr_message_reason(answer));
    return !tr_answer_is_good(answer) && strcmp(text_at(said, "reason"), "busy") == 0;
}

static void miss_for(tr_job_t *job, const tr_message_t *answer, const json_t *said) {
    if (tr_message_type(answer) == TR_MESSAGE_FAILED)
        miss(job, tr_reason_name(tr_message_reason(answer)), "");
    else if (tr_answer_is_good(answer))
        miss(job, "no-result", "it has none, or none yet");
    else
        miss(job, *text_at(said, "reason") ? text_at(said, "reason") : "refused", text_at(said, "detail"));
}

static void on_shown(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_job_t *job = tr_job_find(state, (json_int_t)(intptr_t)arg);
    json_t *said = tr_answer_json(answer);
    bool is_wanted = job && job->message && json_array_size(job->needs) > 0;
    bool comes_again = answer && passes(answer, said);
    if (is_wanted && !(comes_again && tr_timer_start(agent, AGAIN_MS, on_again, arg))) {
        if (tr_answer_is_good(answer) && json_object_get(said, "result")) {
            add_result(job, said);
            json_array_remove(job->needs, 0);
        } else if (answer && !comes_again) {
            miss_for(job, answer, said);
        }
        tr_job_note(job);
        tr_job_go_on(job); /* without an answer it is asked for again, until the time of the job is up */
    }
    json_decref(said);
}

/* ---- what it is for ---- */

/* What is not there is left out. A new reference; NULL where neither is. */
static json_t *joined(json_t *first, json_t *second) {
    if (!first || !second)
        return json_incref(first ? first : second);
    return json_sprintf("%s\n\n%s", json_string_value(first), json_string_value(second));
}

json_t *tr_job_context(const tr_job_t *self) {
    json_t *context = joined(json_object_get(self->task, "context"), self->known);
    const json_t *those = self->why ? self->why : self->missing; /* of an older journal there are only ids */
    char *ids = json_array_size(self->missing) ? json_dumps(those, JSON_COMPACT) : NULL;
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
    bool passes = rc == -EAGAIN || rc == -ENOBUFS || rc == -ENOMEM; /* the link is full, or memory */
    if (passes && tr_timer_start(self->executor->agent, AGAIN_MS, on_again, (void *)(intptr_t)self->number))
        return true;
    while (rc < 0 && json_array_size(self->needs) > 0)
        miss(self, "cannot-ask", strerror(-rc)); /* it is done with what is known */
    return rc == 0;
}
