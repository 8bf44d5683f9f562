#include "agentd/behaviours/editor_job.h"

#include "agentd/behaviours/editor_corpus.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS       20  /* nothing can be sent now */
#define BUSY_MS        50  /* the broker said so without telling when */
#define NO_PROVIDER_MS 250 /* a reader may be on its way back */
#define REASON_MAX     64
#define DETAIL_MAX     512
#define PROGRESS_TOPIC "digest.progress"
#define DOCUMENT_TOPIC "digest.document"
#define LIST_MAX       ((size_t)2 << 20) /* twice what a reader sends */

static const char *const phase_names[TR_EDITOR_PHASES] = {"statistics", "digest"};

static void pump(tr_editor_job_t *job);
static void ask(tr_editor_document_t *d);

/* ---- making and freeing ---- */

static int read_documents(tr_editor_job_t *self, tr_error_t *error) {
    tr_value_t list = tr_value_get(tr_message_value(self->request), "documents");
    size_t n = tr_value_size(list);
    if (!tr_value_is_array(list) || n < 1 || n > TR_EDITOR_DOCUMENTS_MAX)
        return tr_error_set(error, -EBADMSG,
            "\"documents\": expected a list of 1 to %d documents, each {\"path\": PATH} "
            "or {\"name\": NAME, \"text\": TEXT}",
            TR_EDITOR_DOCUMENTS_MAX);
    self->documents = calloc(n, sizeof *self->documents);
    if (!self->documents)
        return -ENOMEM;
    self->count = n;
    for (size_t i = 0; i < n; i++) {
        tr_editor_document_t *d = &self->documents[i];
        d->job = self;
        if (tr_document_ref_read(tr_value_at(list, i), &d->ref, error) < 0)
            return tr_error_prefix(error, "documents[%zu]", i);
        d->name = strndup(d->ref.name, d->ref.name_len);
        if (!d->name)
            return -ENOMEM;
    }
    return 0;
}

int tr_editor_job_new(tr_agent_t *agent, const tr_editor_conf_t *conf, const tr_message_t *request,
    tr_editor_job_t **ret_job, tr_error_t *error) {
    /* Looked at before the copy: a request that is refused stays its sender's matter. */
    tr_value_t content = tr_message_value(request);
    if (!tr_value_is_map(content))
        return tr_error_set(
            error, -EBADMSG, "expected a map such as {\"action\": \"digest\", \"documents\": [...]}");
    tr_editor_job_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->agent = agent;
    self->conf = conf;
    self->begun_ns = tr_clock_ns();
    self->corpus = tr_corpus_new();
    self->request = self->corpus ? tr_message_keep(request) : NULL;
    int rc = self->request ? read_documents(self, error) : -ENOMEM;
    if (rc < 0) {
        tr_editor_job_destroy(&self, false);
        return rc;
    }
    *ret_job = self;
    return 0;
}

static void drop_list(tr_editor_document_t *d) {
    free(d->list);
    d->job->lists_bytes -= d->list_len;
    d->list = NULL;
    d->list_len = 0;
}

void tr_editor_job_destroy(tr_editor_job_t **self_p, bool release) {
    if (!self_p || !*self_p)
        return;
    tr_editor_job_t *self = *self_p;
    for (size_t i = 0; i < self->count; i++) {
        tr_editor_document_t *d = &self->documents[i];
        if (!d->job)
            break; /* half made */
        if (d->retry)
            tr_timer_cancel(&d->retry);
        drop_list(d);
        tr_digest_destroy(&d->digest);
        free(d->name);
        free(d->reason);
        free(d->detail);
    }
    free(self->documents);
    tr_corpus_destroy(&self->corpus);
    if (release)
        tr_message_release(&self->request);
    else
        tr_message_done(&self->request);
    free(self);
    *self_p = NULL;
}

/* ---- news ---- */

/* For who watches: work goes on without it, ignoring errors. */
static void tell_progress(const tr_editor_job_t *self) {
    tr_content_writer_t out;
    tr_content_writer_init(&out);
    tr_write_map(&out, 4);
    tr_write_kv(&out, "phase", phase_names[self->phase]);
    tr_write_kv_uint(&out, "done", self->done);
    tr_write_kv_uint(&out, "total", self->count);
    tr_write_kv_uint(&out, "failed", self->failed);
    tr_publish_content(self->agent, PROGRESS_TOPIC, &out);
}

static void tell_digest(const tr_editor_document_t *d) {
    tr_content_writer_t out;
    tr_content_writer_init(&out);
    tr_write_map(&out, tr_digest_pairs());
    tr_digest_write_pairs(&out, d->digest);
    tr_publish_content(d->job->agent, DOCUMENT_TOPIC, &out);
}

/* ---- one document ---- */

/* Its part of this phase is over. Only the pump looks at the job after this. */
static void settle(tr_editor_document_t *d) {
    d->job->asked--;
    d->job->done++;
    tell_progress(d->job);
}

static void fail(tr_editor_document_t *d, const char *reason, const char *detail) {
    if (!d->reason) {
        d->job->failed++;
        d->reason = strdup(reason);
        d->detail = strdup(detail);
    }
    settle(d);
}

static void take_statistics(tr_editor_document_t *d, tr_value_t answer) {
    tr_editor_job_t *job = d->job;
    tr_error_t error = {0};
    size_t len = 0;
    const char *list = tr_value_str(tr_value_get(answer, "statistics"), &len);
    if (!list || len > LIST_MAX || tr_corpus_merge(job->corpus, list, len, &error) < 0) {
        fail(d, "bad-answer", error.text[0] ? error.text : "the reader's answer has no statistics");
        return;
    }
    if (job->lists_bytes + len <= TR_EDITOR_LISTS_MAX) {
        d->list = strndup(list, len);
        d->list_len = d->list ? len : 0;
        job->lists_bytes += d->list_len;
    }
    settle(d);
}

static void take_digest(tr_editor_document_t *d, tr_value_t answer) {
    tr_error_t error = {0};
    if (tr_digest_read(answer, &d->digest, &error) < 0) {
        fail(d, "bad-answer", error.text);
        return;
    }
    tell_digest(d);
    settle(d);
}

/* refuse, failure and not-understood bring {reason, detail}. */
static void take_refusal(tr_editor_document_t *d, const tr_message_t *answer) {
    tr_value_t content = tr_message_value(answer);
    char reason[REASON_MAX], detail[DETAIL_MAX];
    if (tr_value_copy(tr_value_get(content, "reason"), reason, sizeof reason) < 0)
        strcpy(reason, tr_performative_name(tr_message_performative(answer)));
    if (tr_value_copy(tr_value_get(content, "detail"), detail, sizeof detail) < 0)
        detail[0] = '\0';
    fail(d, reason, detail);
}

static void on_retry(tr_agent_t *agent, void *state, void *arg) {
    (void)agent;
    (void)state;
    tr_editor_document_t *d = arg;
    d->retry = NULL;
    ask(d);
    pump(d->job);
}

static void ask_later(tr_editor_document_t *d, int64_t after_ms, const char *reason) {
    bool late = tr_clock_ms() + after_ms >= d->due_ms;
    if (!late)
        d->retry = tr_timer_start(d->job->agent, after_ms, on_retry, d);
    if (!d->retry)
        fail(d, reason, late ? "it was tried until the document's time was over" : "out of memory");
}

static void undelivered(tr_editor_document_t *d, const tr_message_t *answer) {
    tr_reason_t reason = tr_message_reason(answer);
    int64_t advice = tr_message_retry_ms(answer);
    const char *name = tr_reason_name(reason);
    switch (reason) {
    case TR_REASON_BUSY: ask_later(d, advice ? advice : BUSY_MS, name); break;
    case TR_REASON_NO_PROVIDER: ask_later(d, advice ? advice : NO_PROVIDER_MS, name); break;
    case TR_REASON_AGENT_GONE:
    case TR_REASON_STALE_ROUTE: ask_later(d, BUSY_MS, name); break;
    default: fail(d, name, "the broker could not deliver the request"); break;
    }
}

static void on_answer(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    (void)agent;
    (void)state;
    tr_editor_document_t *d = arg;
    tr_editor_job_t *job = d->job;
    if (!answer)
        fail(d, "timeout", "no reader answered in the document's time");
    else if (tr_message_type(answer) == TR_MESSAGE_FAILED)
        undelivered(d, answer);
    else if (tr_message_performative(answer) != TR_INFORM)
        take_refusal(d, answer);
    else {
        tr_value_t content = tr_message_value(answer);
        d->redelivered += tr_value_int(tr_value_get(content, "attempt"), 0) > 0;
        if (job->phase == TR_EDITOR_STATISTICS)
            take_statistics(d, content);
        else
            take_digest(d, content);
    }
    pump(job);
}

/* {action, path or name and text, corpus} */
static int write_request(tr_editor_document_t *d, tr_content_writer_t *out) {
    const tr_editor_job_t *job = d->job;
    size_t len = 0;
    char *corpus = NULL;
    if (job->phase == TR_EDITOR_DIGESTS && d->list) {
        corpus = tr_editor_corpus_select(job->corpus, d->list, d->list_len, &len);
        if (!corpus)
            return -ENOMEM;
    }
    tr_write_map(out, 1 + tr_document_ref_pairs(&d->ref) + (corpus != NULL));
    tr_write_kv(out, "action", phase_names[job->phase]);
    tr_document_ref_write(out, &d->ref);
    if (corpus) {
        tr_write_str(out, "corpus");
        tr_write_strn(out, corpus, len);
    }
    free(corpus);
    return 0;
}

static int send_request(tr_editor_document_t *d, int64_t timeout_ms) {
    const tr_editor_job_t *job = d->job;
    const tr_acl_t *asked = tr_message_acl(job->request);
    const char *receiver = job->conf->service;
    tr_content_writer_t out;
    tr_content_writer_init(&out);
    tr_acl_t acl = {
        .performative = TR_REQUEST,
        .receivers = {&receiver, 1},
        .protocol = "fipa-request",
        .ontology = "digest",
        .traceparent = asked ? asked->traceparent : NULL,
    };
    int rc = write_request(d, &out);
    if (rc == 0)
        rc = tr_content_writer_take(&out, &acl.content, &acl.content_len);
    if (rc == 0)
        rc = tr_request(job->agent, &acl, timeout_ms, on_answer, d);
    tr_content_writer_finish(&out);
    return rc;
}

/* It counts as asked until it is settled. */
static void ask(tr_editor_document_t *d) {
    int64_t left = d->due_ms - tr_clock_ms();
    int rc = d->job->cancelled ? -ECANCELED : left > 0 ? send_request(d, left) : -ETIMEDOUT;
    if (rc == 0)
        d->job->messages++;
    else if (rc == -EAGAIN)
        ask_later(d, RETRY_MS, "not-sent");
    else if (rc == -EMSGSIZE)
        fail(d, "too-large", "the document is larger than a message may be: give its path");
    else
        fail(d, rc == -ETIMEDOUT ? "timeout" : "not-sent", strerror(-rc));
}

/* ---- the job ---- */

/* The next that takes part in this phase: what failed before does not. */
static tr_editor_document_t *next_document(tr_editor_job_t *self) {
    while (self->next_document < self->count) {
        tr_editor_document_t *d = &self->documents[self->next_document++];
        if (!d->reason && !self->cancelled)
            return d;
        self->done++;
    }
    return NULL;
}

static bool next_phase(tr_editor_job_t *self) {
    if (self->phase + 1 == TR_EDITOR_PHASES)
        return false;
    self->phase++;
    self->next_document = self->done = 0;
    return true;
}

static void ask_more(tr_editor_job_t *self) {
    while (self->asked < (size_t)self->conf->in_flight) {
        tr_editor_document_t *d = next_document(self);
        if (!d)
            return;
        self->asked++;
        d->due_ms = tr_clock_ms() + self->conf->timeout_ms;
        ask(d);
    }
}

/* The job may be gone when this returns. */
static void pump(tr_editor_job_t *self) {
    if (self->finished)
        return;
    do
        ask_more(self);
    while (self->asked == 0 && self->next_document == self->count && next_phase(self));
    if (self->asked > 0)
        return;
    self->finished = true;
    self->on_finished(self, self->arg);
}

void tr_editor_job_start(
    tr_editor_job_t *self, void (*on_finished)(tr_editor_job_t *self, void *arg), void *arg) {
    self->on_finished = on_finished;
    self->arg = arg;
    tell_progress(self);
    pump(self);
}

void tr_editor_job_cancel(tr_editor_job_t *self) {
    self->cancelled = true;
}
