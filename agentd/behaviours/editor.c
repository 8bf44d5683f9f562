/*
 * editor: reads many documents by way of the fleet's readers and merges what they tell into one overview.
 * Offers the service `digest`.
 *
 *   args: {"service": "digest",    the service's name; "" offers none
 *          "reader": "svc:read",   whom it asks
 *          "in_flight": 16,        documents of one request that are with readers at once
 *          "timeout_ms": 60000}    for one document in one of the two phases
 *
 * A request {"action": "digest", "documents": [{"path": PATH} | {"name": NAME, "text": TEXT} | PATH ...]} of
 * 1 to 10000 documents is agreed to at once, and answered with an inform (editor_answer.h):
 *
 *   {brief, documents: [DIGEST], failed: [{document, reason, detail}], overview: OVERVIEW,
 *    counts: {documents, read, failed, redelivered, messages, words, bytes, seconds}}
 *
 * in two phases: the statistics of all documents, merged; then the digest of each, weighed against them. When
 * a reader dies the broker gives its document to another one; `redelivered` counts the answers that came so.
 *
 * Publishes {phase, done, total, failed} on digest.progress and every digest, as it comes, on
 * digest.document.
 *
 * A cancel with the request's conversation-id ends it: the request is answered with a failure, reason
 * "cancelled".
 */
#include "agentd/behaviours/args.h"
#include "agentd/behaviours/editor_answer.h"
#include "agentd/behaviours/editor_job.h"
#include "agentd/behaviours/table.h"

#include "lib/base/clock.h"
#include "proto/aid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define JOBS_MAX     64
#define ANSWER_LIMIT ((size_t)TR_RECORD_MAX - TR_ENVELOPE_MAX - TR_RECORD_HEADER)

typedef struct editor {
    tr_editor_conf_t conf;
    tr_replies_t replies;
    tr_editor_job_t *jobs;
    size_t job_count;
} editor_t;

typedef struct editor_args {
    char service[TR_NAME_MAX + 1];
    tr_editor_conf_t conf;
} editor_args_t;

#define AT(member)   offsetof(editor_args_t, member)
#define ROOM(member) sizeof((editor_args_t *)NULL)->member

static const tr_arg_t known_args[] = {
    {"service", TR_ARG_TEXT, AT(service), ROOM(service), .check = tr_arg_is_service,
        .expected = "the name of a service, or \"\" for none"},
    {"reader", TR_ARG_TEXT, AT(conf.service), ROOM(conf.service), .check = tr_arg_is_aid,
        .expected = "NAME, NAME@PLATFORM or svc:NAME"},
    {"in_flight", TR_ARG_WHOLE, AT(conf.in_flight), .min = 1, .max = 10000},
    {"timeout_ms", TR_ARG_WHOLE, AT(conf.timeout_ms), .min = 1, .max = 24 * 3600 * 1000},
};

static int read_args(tr_value_t args, editor_args_t *ret_args, tr_problem_t *problem) {
    *ret_args = (editor_args_t){
        .service = "digest", .conf = {.service = "svc:read", .in_flight = 16, .timeout_ms = 60000}};
    return tr_args_read(known_args, sizeof known_args / sizeof *known_args, args, ret_args, problem);
}

int tr_editor_check(tr_value_t args, tr_problem_t *problem) {
    editor_args_t read;
    return read_args(args, &read, problem);
}

static int init(tr_agent_t *agent, void *state, tr_value_t args) {
    editor_t *self = state;
    editor_args_t read;
    int rc = read_args(args, &read, NULL);
    self->conf = read.conf;
    if (rc == 0 && read.service[0])
        rc = tr_provide(agent, read.service, 0);
    return rc;
}

static void take_off(editor_t *self, tr_editor_job_t *job) {
    tr_editor_job_t **at = &self->jobs;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    self->job_count--;
}

/* Digests and failures of the job's documents, as the answer wants them. 0 or -ENOMEM. */
static int answer(editor_t *self, tr_editor_job_t *job) {
    const tr_digest_t **digests = calloc(job->count, sizeof *digests);
    tr_editor_failure_t *failures = calloc(job->count, sizeof *failures);
    tr_editor_result_t result = {.digests = digests,
        .count = job->count,
        .failures = failures,
        .messages = job->messages,
        .seconds = (double)(tr_clock_ns() - job->begun_ns) / 1e9};
    tr_content_writer_t out;
    tr_content_writer_init(&out);
    int rc = digests && failures ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < job->count; i++) {
        const tr_editor_document_t *d = &job->documents[i];
        digests[i] = d->digest;
        result.redelivered += d->redelivered;
        if (!d->digest)
            failures[result.failure_count++] = (tr_editor_failure_t){d->name, d->reason, d->detail};
    }
    if (rc == 0)
        rc = tr_editor_answer_write(&out, &result, ANSWER_LIMIT);
    if (rc == 0)
        rc = tr_replies_send(&self->replies, job->agent, job->request, TR_INFORM, &out);
    tr_content_writer_finish(&out);
    free(digests);
    free(failures);
    return rc;
}

static void on_finished(tr_editor_job_t *job, void *arg) {
    editor_t *self = arg;
    int rc = 0;
    if (job->cancelled)
        tr_replies_send_reason(
            &self->replies, job->agent, job->request, TR_FAILURE, "cancelled", "as its sender asked");
    else
        rc = answer(self, job);
    if (rc < 0)
        tr_replies_send_reason(&self->replies, job->agent, job->request, TR_FAILURE,
            rc == -EMSGSIZE ? "too-large" : "internal-error", strerror(-rc));
    take_off(self, job);
    tr_editor_job_destroy(&job, false);
}

static int refuse(editor_t *self, tr_agent_t *agent, const tr_message_t *message, tr_performative_t act,
    const char *reason, const char *detail) {
    int rc = tr_replies_send_reason(&self->replies, agent, message, act, reason, detail);
    return rc == -ENOMEM ? rc : 0;
}

static int request(editor_t *self, tr_agent_t *agent, const tr_message_t *message) {
    tr_error_t error = {0};
    tr_editor_job_t *job = NULL;
    tr_value_t action = tr_value_get(tr_message_value(message), "action");
    if (action && !tr_value_equals(action, "digest"))
        return refuse(
            self, agent, message, TR_NOT_UNDERSTOOD, "unsupported-value", "\"action\": expected \"digest\"");
    if (self->job_count >= JOBS_MAX)
        return refuse(self, agent, message, TR_REFUSE, "busy", "64 requests are in work: ask again later");
    int rc = tr_editor_job_new(agent, &self->conf, message, &job, &error);
    if (rc == -EBADMSG)
        return refuse(self, agent, message, TR_NOT_UNDERSTOOD, "bad-content", error.text);
    if (rc < 0)
        return rc;
    job->next = self->jobs;
    self->jobs = job;
    self->job_count++;
    /* The answer proper may take minutes. That the agree cannot be sent now is no harm, ignoring. */
    tr_reply(agent, job->request, TR_AGREE, NULL, 0);
    tr_editor_job_start(job, on_finished, self);
    return 0;
}

static int cancel(editor_t *self, const tr_message_t *message) {
    for (tr_editor_job_t *job = self->jobs; job; job = job->next) {
        if (tr_replies_cancels(message, job->request))
            tr_editor_job_cancel(job);
    }
    return 0;
}

static int receive(tr_agent_t *agent, void *state, const tr_message_t *message) {
    editor_t *self = state;
    if (tr_message_type(message) != TR_MESSAGE_DIRECT)
        return 0;
    switch (tr_message_performative(message)) {
    case TR_REQUEST:
    case TR_QUERY_REF: return request(self, agent, message);
    case TR_CANCEL: return cancel(self, message);
    case TR_REQUEST_WHEN:
    case TR_REQUEST_WHENEVER:
    case TR_QUERY_IF:
    case TR_CFP:
    case TR_PROPOSE:
    case TR_SUBSCRIBE:
        return refuse(self, agent, message, TR_NOT_UNDERSTOOD, "unsupported-act", "expected a request");
    default: return 0; /* it asks for nothing, or came too late */
    }
}

static void fini(tr_agent_t *agent, void *state) {
    (void)agent;
    editor_t *self = state;
    while (self->jobs) {
        tr_editor_job_t *job = self->jobs;
        take_off(self, job);
        tr_editor_job_destroy(&job, true);
    }
    tr_replies_finish(&self->replies);
}

const tr_behaviour_t tr_behaviour_editor = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "editor",
    .summary = "merges what readers tell about many documents into one overview (service digest)",
    .state_size = sizeof(editor_t),
    .capacity = 4,
    .init = init,
    .receive = receive,
    .fini = fini,
};
