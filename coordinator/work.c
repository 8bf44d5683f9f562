/* What agents are asked: a task is a fipa-request whose content is the task's input. */
#include "coordinator/work.h"
#include "coordinator/desk.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNDELIVERED_MS 100  /* what could not be sent is tried again after this */
#define LOST_MS        1000 /* and what was lost with the broker, when the agents may be there again */

/* ---- errands by task and try ---- */

typedef char errand_key_t[TR_TASK_ID_MAX + 16];

static size_t print_key(errand_key_t key, const char *id, uint32_t try) {
    return (size_t)snprintf(key, sizeof(errand_key_t), "%s %u", id, try);
}

tr_errand_t *tr_errand_find(const tr_coordinator_t *self, const char *id, uint32_t try) {
    errand_key_t key;
    size_t len = print_key(key, id, try);
    return tr_map_find_ptr(&self->errands, key, len);
}

/* Numbers of tries come again: a task that was cancelled begins with the first when it is retried. */
static void outdate(tr_errand_t *errand) {
    errand_key_t key;
    size_t len = print_key(key, errand->id, errand->try);
    if (!errand->stale)
        tr_map_delete(&errand->coordinator->errands, key, len);
    errand->stale = true;
}

static void link_errand(tr_errand_t *errand) {
    tr_errand_t **first = &errand->coordinator->all_errands;
    errand->next = *first;
    errand->link = first;
    if (*first)
        (*first)->link = &errand->next;
    *first = errand;
}

tr_errand_t *tr_errand_new(tr_coordinator_t *self, const char *id, uint32_t try) {
    tr_errand_t *before = tr_errand_find(self, id, try);
    if (before)
        outdate(before);
    errand_key_t key;
    size_t len = print_key(key, id, try);
    tr_errand_t *errand = calloc(1, sizeof *errand);
    if (!errand)
        return NULL;
    *errand = (tr_errand_t){.coordinator = self, .try = try};
    snprintf(errand->id, sizeof errand->id, "%s", id);
    if (tr_map_put(&self->errands, key, len, (uint64_t)(uintptr_t)errand) < 0) {
        free(errand);
        return NULL;
    }
    link_errand(errand);
    return errand;
}

void tr_errand_free(tr_errand_t *errand) {
    outdate(errand);
    *errand->link = errand->next;
    if (errand->next)
        errand->next->link = errand->link;
    free(errand->picked);
    free(errand);
}

/* ---- what the agent says; an answer of a try that does not go on changes nothing ---- */

static void on_agree(
    tr_agent_t *agent, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg) {
    tr_errand_t *errand = arg;
    (void)agent, (void)state, (void)c, (void)message;
    if (!errand->stale)
        tr_board_agreed(errand->coordinator->board, errand->id, errand->try, tr_clock_wall_ms());
}

/* What is no msgpack is kept as a text, or as bytes. */
static void write_other(
    tr_content_writer_t *w, const tr_message_t *message, const void *content, size_t len) {
    const tr_acl_t *acl = tr_message_acl(message);
    bool bytes = acl && acl->language && strcmp(acl->language, "bytes") == 0;
    if (bytes)
        tr_write_bin(w, content, len);
    else
        tr_write_strn(w, content, len);
}

/* What of the budget is left, where the agent says so. */
static void take_change(const tr_errand_t *errand, const tr_message_t *message) {
    if (!message || tr_message_type(message) != TR_MESSAGE_DIRECT)
        return;
    tr_budget_t left = tr_message_budget(message);
    tr_purse_t back = {
        {left.of_tokens ? (int64_t)left.tokens : 0, left.of_money ? (int64_t)left.micro_cost : 0, 0}};
    tr_board_left(errand->coordinator->board, errand->id, errand->try, &back, tr_clock_wall_ms());
}

void tr_errand_status(const tr_errand_t *errand, const tr_message_t *message) {
    size_t len;
    tr_content_writer_t w;
    if (errand->stale || !tr_message_is_status(message) || tr_desk_is_deep(tr_message_value(message)))
        return;
    if (tr_value_bool(tr_value_get(tr_message_value(message), "kept"), false))
        tr_board_comes_back(errand->coordinator->board, errand->id, errand->try);
    const void *content = tr_message_content(message, &len);
    tr_content_writer_init(&w);
    if (!tr_message_value(message)) {
        write_other(&w, message, content, len);
        if (tr_content_writer_take(&w, &content, &len) < 0)
            len = 0;
    }
    /* What comes too often is left out, ignoring. */
    if (len)
        tr_board_status(
            errand->coordinator->board, errand->id, errand->try, content, len, tr_clock_wall_ms());
    tr_content_writer_finish(&w);
}

void tr_errand_complete(const tr_errand_t *errand, const tr_message_t *message) {
    size_t len;
    tr_content_writer_t w;
    tr_coordinator_t *self = errand->coordinator;
    const tr_task_t *task = errand->stale ? NULL : tr_board_task(self->board, errand->id);
    if (!task)
        return;
    take_change(errand, message);
    const char *wrong = tr_order_wrong(task, tr_message_value(message));
    const void *content = tr_message_content(message, &len);
    if (!wrong && len > TR_ANSWER_MAX)
        wrong = "its result is larger than 4032 KiB, and could be told to nobody: what is large is kept "
                "elsewhere, in the "
                "knowledge base say, and the result names it";
    if (wrong) {
        tr_board_failed(self->board, errand->id, errand->try, wrong, 0, tr_clock_wall_ms());
        return;
    }
    tr_content_writer_init(&w);
    if (!tr_message_value(message)) {
        write_other(&w, message, content, len);
        if (tr_content_writer_take(&w, &content, &len) < 0)
            len = 0;
    }
    tr_board_completed(errand->coordinator->board, errand->id, errand->try, content, len, tr_clock_wall_ms());
    tr_content_writer_finish(&w);
}

void tr_work_print_reason(tr_outcome_t outcome, const tr_message_t *last, char *out, size_t size) {
    char reason[128] = "", detail[512] = "";
    tr_value_t v = last && tr_message_type(last) == TR_MESSAGE_DIRECT ? tr_message_value(last) : NULL;
    if (last && tr_message_type(last) == TR_MESSAGE_FAILED)
        snprintf(reason, sizeof reason, "%s", tr_reason_name(tr_message_reason(last)));
    else if (tr_value_copy(tr_value_get(v, "reason"), reason, sizeof reason) < 0)
        *reason = '\0';
    if (tr_value_copy(tr_value_get(v, "detail"), detail, sizeof detail) < 0)
        *detail = '\0';
    snprintf(out, size, "%s%s%s%s%s", tr_outcome_name(outcome), *reason ? ": " : "", reason,
        *detail ? ": " : "", detail);
}

void tr_errand_fail(const tr_errand_t *errand, tr_outcome_t outcome, const tr_message_t *last) {
    char reason[800];
    if (errand->stale)
        return;
    tr_board_t *board = errand->coordinator->board;
    tr_value_t said = outcome == TR_OUTCOME_FAILED && last && tr_message_type(last) == TR_MESSAGE_DIRECT
                          ? tr_message_value(last)
                          : NULL;
    tr_work_print_reason(outcome, last, reason, sizeof reason);
    take_change(errand, last);
    /* Of what is completed this is an earlier try. */
    if (tr_value_equals(tr_value_get(said, "reason"), "unknown-outcome")) {
        tr_board_failed_for_good(board, errand->id, errand->try, reason, tr_clock_wall_ms());
        return;
    }
    if (tr_value_bool(tr_value_get(said, "kept"), false))
        tr_board_comes_back(board, errand->id, errand->try);
    tr_board_failed(board, errand->id, errand->try, reason, 0, tr_clock_wall_ms());
}

static void on_status(
    tr_agent_t *agent, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg) {
    (void)agent, (void)state, (void)c;
    tr_errand_status(arg, message);
}

static void on_result(
    tr_agent_t *agent, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg) {
    (void)agent, (void)state, (void)c;
    tr_errand_complete(arg, message);
}

static void on_end(tr_agent_t *agent, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    (void)agent, (void)state, (void)c;
    tr_errand_fail(arg, outcome, last);
    tr_errand_free(arg);
}

/* Those that are called for go on: who bids may do so still. */
void tr_work_lost(tr_coordinator_t *self, const char *reason) {
    for (tr_errand_t *errand = self->all_errands; errand; errand = errand->next)
        if (!errand->stale &&
            tr_board_lost(self->board, errand->id, errand->try, reason, LOST_MS, tr_clock_wall_ms()) == 0)
            outdate(errand);
}

/* ---- asking ---- */

static int ask(tr_errand_t *errand, const tr_task_t *task, tr_error_t *error) {
    tr_coordinator_t *self = errand->coordinator;
    tr_content_writer_t w;
    tr_order_parameters_t with;
    char under[TR_TRACEPARENT_SIZE];
    tr_order_parameters(task, &with);
    with.acl.language = task->composes ? NULL : task->language;
    with.acl.traceparent = tr_span_context(task->trace, task->id, errand->try, under);
    tr_initiator_t initiator = {
        .protocol = "fipa-request",
        .receiver = task->agent,
        .performative = TR_REQUEST,
        .parameters = &with.acl,
        .timeout_ms = tr_order_timeout(task),
        .on_agree = on_agree,
        .on_inform = on_status,
        .on_result = on_result,
        .on_end = on_end,
        .arg = errand,
    };
    tr_content_writer_init(&w);
    int rc = tr_order_write(self, task, &w, &initiator.content, &initiator.content_len);
    if (rc == 0)
        rc = tr_conversation_start(self->agent, &initiator, &errand->conversation, error);
    else
        tr_error_set(error, rc, "its parts cannot be read: %s", strerror(-rc));
    tr_content_writer_finish(&w);
    return rc;
}

void tr_work_assign(tr_coordinator_t *self, const char *id, uint32_t try) {
    const tr_task_t *task = tr_board_task(self->board, id);
    if (!task || task->tries != try || task->state != TR_TASK_ASSIGNED)
        return; /* it was cancelled meanwhile */
    tr_errand_t *errand = tr_errand_find(self, id, try);
    if (errand && errand->chosen) {
        tr_bids_accept(errand, task);
        return;
    }
    errand = tr_errand_new(self, id, try);
    tr_error_t error = {0};
    int rc = errand ? ask(errand, task, &error) : -ENOMEM;
    if (rc == 0)
        return;
    if (errand)
        tr_errand_free(errand);
    const char *why = *error.text ? error.text : strerror(-rc);
    if (rc == -EAGAIN || rc == -ENOBUFS || rc == -ENOMEM)
        tr_board_not_asked(self->board, id, try, why, UNDELIVERED_MS, tr_clock_wall_ms());
    else
        tr_board_failed(self->board, id, try, why, 0, tr_clock_wall_ms());
}

void tr_work_finish(tr_coordinator_t *self) {
    while (self->all_errands)
        tr_errand_free(self->all_errands);
    tr_map_finish(&self->errands);
}

void tr_work_withdraw(tr_coordinator_t *self, const char *id, uint32_t try) {
    tr_errand_t *errand = tr_errand_find(self, id, try);
    if (!errand)
        return;
    outdate(errand);
    if (errand->call)
        tr_call_cancel(errand->call);
    else
        tr_conversation_cancel(errand->conversation); /* one that cannot be is of no consequence, ignoring */
}
