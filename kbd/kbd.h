/*
 * The process: an agent that takes documents and questions, and its store.
 *
 * The way of a request. It comes (desk.c) and is done at once within the transaction that is open; its answer waits (answers.c). When all that
 * came together has been dealt with, one commit makes it last, and only then is anybody answered: whatever was told is on the disk, many
 * documents share one sync, and who asks after his acknowledgement finds what he wrote. Documents that another program has to read
 * first (PDF, pdf.c) hold up only the request that they came with. Vectors are made behind all that (meaning.c).
 */
#ifndef TR_KBD_KBD_H
#define TR_KBD_KBD_H

#include "kbd/cache.h"
#include "kbd/front.h"
#include "kbd/linger.h"
#include "kbd/meaning.h"
#include "kbd/mover.h"
#include "kbd/options.h"
#include "kbd/owing.h"
#include "kbd/store.h"
#include "kbd/truth.h"
#include "kbd/turns.h"
#include "troupe/host.h"
#include "troupe/protocol.h"

/* What is to be told after the next commit. */
typedef struct tr_kb_answer {
    tr_message_t *to; /* owned */
    tr_performative_t act;
    tr_content_writer_t content;
} tr_kb_answer_t;

typedef struct tr_kb_job tr_kb_job_t;

typedef struct tr_kbd {
    tr_kbd_options_t *options; /* borrowed */
    tr_resident_t resident;
    tr_host_t *host; /* the resident's, as is the agent */
    tr_agent_t *agent;
    tr_kb_store_t *store;
    tr_kb_truth_t truth;
    tr_kb_meaning_t meaning;
    tr_kb_cache_t cache;
    tr_turns_t turns; /* searches: tr_message_t, kept */
    tr_linger_t linger;
    tr_kb_answer_t *answers;
    size_t answer_count, answer_room;
    tr_kb_job_t *jobs; /* additions that wait for a program */
    tr_kb_front_t front;
    tr_kb_mover_t mover;
    tr_kb_owing_t owing;
} tr_kbd_t;

/* 0, or the exit code after a line in the log. Destroy it in both cases. */
int tr_kbd_new(tr_kbd_options_t *options, tr_kbd_t **ret_self);
/* Serves until a signal; returns the exit code. */
int tr_kbd_run(tr_kbd_t *self);
void tr_kbd_destroy(tr_kbd_t **self); /* NULL-safe */

/* ---- answers.c ---- */

/* Answers what is asked by `message`: the writer for its content. NULL when out of memory: then nobody is told. */
tr_content_writer_t *tr_kb_answer(tr_kbd_t *self, const tr_message_t *message, tr_performative_t act);
/* An inform with one entry, a list of so many items, which were written one behind the other. Nothing where there is no memory. */
void tr_kb_answer_list(tr_kbd_t *self, const tr_message_t *message, const char *key,
    const tr_content_writer_t *items, size_t count);
void tr_kb_refuse(tr_kbd_t *self, const tr_message_t *message, tr_performative_t act, const char *reason,
    const char *detail);
/* The same for what a call has returned. */
void tr_kb_refuse_error(tr_kbd_t *self, const tr_message_t *message, const tr_error_t *error);
/* Commits, then answers. */
void tr_kb_settle(tr_kbd_t *self);
void tr_kb_answers_finish(tr_kbd_t *self);

/* ---- desk.c: what it is asked ---- */

extern const tr_behaviour_t tr_kbd_behaviour;
/* What a request asks for is done, or it is refused. */
void tr_kb_request(tr_kbd_t *self, const tr_message_t *message);

typedef struct tr_kb_question {
    tr_kbd_t *kbd;
    const tr_message_t *message;
    tr_value_t content;
    tr_kb_namespace_t ns; /* where it is about one */
} tr_kb_question_t;

/* The namespace that it is about; false: there is none, it was refused. */
bool tr_kb_find_namespace(tr_kb_question_t *q);
/* The namespace's name; false: it was refused. out: TR_KB_NAMESPACE_MAX + 1 bytes. */
bool tr_kb_read_name(const tr_kb_question_t *q, char *out);
void tr_kb_write_document(tr_content_writer_t *w, const tr_kb_document_t *document, size_t more);

/* ---- add.c: documents that come ---- */

void tr_kb_add(tr_kb_question_t *q);
/* Whether it can be done as it is asked; if not, it was refused. ret_ns: TR_KB_NAMESPACE_MAX + 1 bytes; *ret_language: NULL = not said. */
bool tr_kb_add_is_well(const tr_kb_question_t *q, char *ret_ns, const char **ret_language);
void tr_kb_jobs_finish(tr_kbd_t *self);

/* ---- search.c ---- */

void tr_kb_search(tr_kb_question_t *q); /* it waits for its turn */
/* Serves some of those that wait. True: others can be served at once. */
bool tr_kb_search_turns(tr_kbd_t *self);
void tr_kb_search_stop(tr_kbd_t *self);

#endif
