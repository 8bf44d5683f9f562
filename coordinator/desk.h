/* What the coordinator is asked: a fipa-request whose content is {"action": ...} (docs/tasks.md, docs/deciding.md). */
#ifndef TR_COORDINATOR_DESK_H
#define TR_COORDINATOR_DESK_H

#include "coordinator/coordinator.h"

#define TR_PAGE_MAX   200
#define TR_ANSWER_MAX ((4u << 20) - (64u << 10)) /* bytes of what an answer may hold: a message has 4 MiB */
#define TR_ROW_MAX    (128u << 10)               /* of a row of a list, at most */

/* One request, while it is dealt with. */
typedef struct tr_question {
    tr_coordinator_t *coordinator;
    const tr_message_t *message;
    tr_value_t content;
    int64_t now_ms;
    char id[TR_TASK_ID_MAX + 1]; /* the task or the decision that it is about; "" */
} tr_question_t;

/* ---- desk.c: answers; they go out after the next commit ---- */

void tr_question_refuse(const tr_question_t *q, const char *reason, const char *detail);
void tr_question_fail(const tr_question_t *q, int rc);
/* The writer for the content of an inform; NULL when out of memory. */
tr_content_writer_t *tr_question_answer(const tr_question_t *q);
void tr_question_done(const tr_question_t *q);
/* The traceparent under which it is asked; NULL where that is not traced. */
const char *tr_question_trace(const tr_question_t *q);
/* What a person may call a thing, that is part of a topic as well. */
bool tr_desk_is_id(const char *text);
/* An id that nobody has: `kind` and 16 hexadecimal digits. */
void tr_desk_make_id(char kind, char id[TR_TASK_ID_MAX + 1]);
/* How much of a text there is in its first `most` bytes, whole characters alone. */
size_t tr_desk_cut(const char *text, size_t len, size_t most);
/* Whether arrays and maps lie deeper within each other than what is told of it has room for: rows in a list, parts in an order. */
bool tr_desk_is_deep(tr_value_t v);
/* A content as a value, where it is one. */
void tr_desk_write_value(tr_content_writer_t *w, const void *bytes, size_t len);
void tr_desk_write_content(tr_content_writer_t *w, const char *key, const void *bytes, size_t len);

/* A page of a list that is being gathered, and how it is told: {"before": N, key: [...]}. */
typedef struct tr_page {
    tr_content_writer_t rows; /* one behind the other: the array's head comes when they are counted */
    size_t count, most;
    int64_t last, before;
    bool full; /* a row more might not fit into a message: the rest is another page */
} tr_page_t;

void tr_page_begin(const tr_question_t *q, tr_page_t *page);
/* A row was written, whose number that is. False: it is the last one. */
bool tr_page_count(tr_page_t *page, int64_t number);
/* rc: of what gathered it. The rows stay the caller's. */
void tr_page_tell(const tr_question_t *q, const tr_page_t *page, const char *key, int rc);
/* The index of the content's "state" in `words`, -1 where there is none, -2 after a refusal. */
int tr_page_state(const tr_question_t *q, const char *const *words);

/* ---- task_desk.c ---- */

void tr_desk_show(tr_question_t *q);
void tr_desk_list(tr_question_t *q);
void tr_desk_stats(tr_question_t *q);
void tr_desk_cancel(tr_question_t *q);
void tr_desk_approve(tr_question_t *q);
void tr_desk_retry(tr_question_t *q);

/* ---- submit_desk.c ---- */

void tr_desk_submit(tr_question_t *q);
/* What is wrong with a task as it would be submitted; NULL: nothing. */
const char *tr_desk_task_wrong(const tr_question_t *q, tr_value_t task);
/* Submits one under this id, for nobody. 0 or a negative errno with a text. */
int tr_desk_submit_one(
    tr_coordinator_t *self, tr_value_t task, const char *id, int64_t now_ms, tr_error_t *error);

/* ---- names.c: what a request makes something of, as tr_store_reserve takes it; to be freed. NULL: no memory ---- */

char *tr_names_of_tasks(const tr_question_t *q);
char *tr_names_of_schedule(const tr_question_t *q);
char *tr_names_of_decision(const tr_question_t *q);
char *tr_names_of_records(const tr_question_t *q);

/* ---- schedule_desk.c ---- */

void tr_desk_schedule(tr_question_t *q);
void tr_desk_unschedule(tr_question_t *q);
void tr_desk_schedules(tr_question_t *q);

/* ---- council/council_desk.c, wish.c ---- */

void tr_desk_decide(tr_question_t *q);
void tr_desk_decision(tr_question_t *q);
void tr_desk_decisions(tr_question_t *q);
void tr_desk_vote(tr_question_t *q);
void tr_desk_settle(tr_question_t *q);
void tr_desk_withdraw(tr_question_t *q);
void tr_desk_truth(tr_question_t *q);
void tr_desk_records(tr_question_t *q);

#endif
