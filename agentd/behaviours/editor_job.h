/*
 * One request to the editor on its way: its documents, what readers told of them, and what is still to be
 * asked.
 *
 * First all statistics, then all digests; of both so many at a time as `in_flight` says. A document that no
 * reader can read is listed with the reason, and the others go on. What the broker refuses for the moment
 * (nobody offers the service, all queues are full) is asked again until the document's time is over.
 */
#ifndef TR_AGENTD_BEHAVIOURS_EDITOR_JOB_H
#define TR_AGENTD_BEHAVIOURS_EDITOR_JOB_H

#include "agentd/behaviours/digest_content.h"
#include "agentd/behaviours/replies.h"
#include "troupe/agent.h"

#define TR_EDITOR_DOCUMENTS_MAX 10000
/* Of the documents' own statistics, so that a job's memory is bounded; what is over it is weighed by its own
 * counts alone. */
#define TR_EDITOR_LISTS_MAX ((size_t)128 << 20)

typedef struct tr_editor_conf {
    char service[4 + 128 + 1 + 63 + 1]; /* "svc:read" */
    int64_t in_flight;
    int64_t timeout_ms; /* for one document in one phase */
} tr_editor_conf_t;

typedef enum tr_editor_phase {
    TR_EDITOR_STATISTICS,
    TR_EDITOR_DIGESTS,
    TR_EDITOR_PHASES,
} tr_editor_phase_t;

typedef struct tr_editor_document {
    struct tr_editor_job *job;
    tr_document_ref_t ref; /* points into the request */
    char *name;
    char *list; /* its statistics; NULL = none */
    size_t list_len;
    tr_digest_t *digest;
    char *reason, *detail; /* why it failed; NULL = it did not */
    int64_t due_ms;        /* monotonic, of this phase */
    tr_timer_t *retry;     /* it waits to be asked again */
    uint32_t redelivered;  /* answers of readers that had it from one that died */
} tr_editor_document_t;

typedef struct tr_editor_job {
    struct tr_editor_job *next;
    tr_agent_t *agent;
    const tr_editor_conf_t *conf;
    tr_message_t *request;
    tr_editor_document_t *documents;
    size_t count;
    tr_editor_phase_t phase;
    size_t next_document; /* the first that was not asked in this phase */
    size_t asked;         /* and not answered */
    size_t done;          /* in this phase */
    size_t failed;
    tr_corpus_t *corpus;
    size_t lists_bytes;
    size_t messages; /* requests sent */
    int64_t begun_ns;
    bool cancelled;
    bool finished; /* every document is dealt with: the owner writes the answer */
    void (*on_finished)(struct tr_editor_job *self, void *arg);
    void *arg;
} tr_editor_job_t;

/* Takes a copy of the request. 0; -EBADMSG with what was expected of its content; -ENOMEM.
 * Nothing is sent. */
int tr_editor_job_new(tr_agent_t *agent, const tr_editor_conf_t *conf, const tr_message_t *request,
    tr_editor_job_t **ret_job, tr_error_t *error);
/* Frees it. Requests to readers must not be under way any more, or the agent is ending (then the library
 * drops them). `release`: the request goes to another editor. */
void tr_editor_job_destroy(tr_editor_job_t **self, bool release);

/* Asks. on_finished is called once, possibly before this returns: then the job may be destroyed. */
void tr_editor_job_start(
    tr_editor_job_t *self, void (*on_finished)(tr_editor_job_t *self, void *arg), void *arg);
/* Asks nothing more; on_finished comes with the last answer that is under way. */
void tr_editor_job_cancel(tr_editor_job_t *self);

#endif
