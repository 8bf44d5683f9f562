/*
 * Bids: who could do a task is called by a contract net, and the best bid gets it.
 *
 *     cfp              {"task", "description", "skills", "input", "deadline_ms"}
 *     propose          {"cost", "time-ms", "load", "match"}, numbers, all of which may be left out
 *     accept-proposal  the task's input, as a request would have it
 *
 * Of the bids the one with the smallest sum of cost, time and load is the best, each as a part of the largest that was bid; what a
 * bid leaves out counts as the middle. What is missing of its match to 1, how well its agent can do what is wanted, is added; where the bid
 * says nothing of it, that is how well its services fit (tr_board_fit). Of equal ones that which came first. The award is on the disk before
 * it is told.
 */
#include "coordinator/desk.h"
#include "coordinator/work.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLED_MAX 32u  /* agents for one task */
#define BIDS_MS    2000 /* until a bid must be there */
#define KEYS       3u

/* ---- the choice ---- */

static const char *const keys[KEYS] = {"cost", "time-ms", "load"};

/* Negative: it says nothing of it. */
static double bid_of(const tr_proposal_t *proposal, size_t key) {
    double value = tr_value_double(tr_value_get(proposal->value, keys[key]), -1);
    return value >= 0 && value <= 1e15 ? value : -1;
}

static double match_of(const tr_errand_t *errand, const tr_proposal_t *proposal) {
    double said = tr_value_double(tr_value_get(proposal->value, "match"), -1);
    return said >= 0 && said <= 1 ? said
                                  : tr_board_fit(errand->coordinator->board, errand->id, proposal->from);
}

static const tr_proposal_t *best_of(
    const tr_errand_t *errand, const tr_proposal_t *proposals, size_t count, const bool *full) {
    const tr_proposal_t *best = NULL;
    double most[KEYS] = {0}, least = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < KEYS; k++)
            most[k] = bid_of(&proposals[i], k) > most[k] ? bid_of(&proposals[i], k) : most[k];
    for (size_t i = 0; i < count; i++) {
        double sum = 1 - match_of(errand, &proposals[i]);
        for (size_t k = 0; k < KEYS; k++)
            sum += bid_of(&proposals[i], k) < 0 ? 0.5 : most[k] > 0 ? bid_of(&proposals[i], k) / most[k] : 0;
        if (full[i] || (best && sum >= least))
            continue;
        best = &proposals[i];
        least = sum;
    }
    return best;
}

/* "the best of 3 bids: cost 5, time-ms 100": of a bid what it says. */
static void print_why(const tr_proposal_t *best, size_t count, char *out, size_t size) {
    size_t at = count == 1 ? (size_t)snprintf(out, size, "the only bid")
                           : (size_t)snprintf(out, size, "the best of %zu bids", count);
    for (size_t k = 0, n = 0; k < KEYS && at < size; k++)
        if (bid_of(best, k) >= 0)
            at += (size_t)snprintf(
                out + at, size - at, "%s%s %.6g", n++ ? ", " : ": ", keys[k], bid_of(best, k));
}

/* ---- what the called say ---- */

/* Its acceptance follows after the commit (tr_bids_accept): until then it is the board's that it is assigned. */
static tr_decision_t on_proposals(tr_agent_t *agent, void *state, tr_call_t *call,
    const tr_proposal_t *proposals, size_t count, void *arg) {
    tr_errand_t *errand = arg;
    tr_board_t *board = errand->coordinator->board;
    const tr_proposal_t *best = NULL;
    bool full[CALLED_MAX] = {false}; /* since it was called: other tasks were given to it */
    char why[160];
    int rc = -ENOENT;
    (void)agent, (void)state, (void)call;
    while (!errand->stale && rc == -ENOENT && (best = best_of(errand, proposals, count, full))) {
        print_why(best, count, why, sizeof why);
        rc = tr_board_award(board, errand->id, errand->try, best->from, why, tr_clock_wall_ms());
        full[best - proposals] = rc == -ENOENT;
    }
    errand->awarded = rc == 0;
    errand->chosen = errand->awarded ? best : NULL;
    errand->full = count > 0 && rc == -ENOENT;
    return errand->awarded ? TR_DEFERRED : TR_DECIDED;
}

static void on_result(tr_agent_t *agent, void *state, tr_call_t *call, const tr_proposal_t *proposal,
    const tr_message_t *message, void *arg) {
    (void)agent, (void)state, (void)call, (void)proposal;
    tr_errand_complete(arg, message);
}

static void on_status(tr_agent_t *agent, void *state, tr_call_t *call, const tr_proposal_t *proposal,
    const tr_message_t *message, void *arg) {
    (void)agent, (void)state, (void)call, (void)proposal;
    tr_errand_status(arg, message);
}

static void on_failure(tr_agent_t *agent, void *state, tr_call_t *call, const tr_proposal_t *proposal,
    tr_outcome_t outcome, const tr_message_t *last, void *arg) {
    (void)agent, (void)state, (void)call, (void)proposal;
    tr_errand_fail(arg, outcome, last);
}

static void on_end(tr_agent_t *agent, void *state, tr_call_t *call, void *arg) {
    tr_errand_t *errand = arg;
    (void)agent, (void)state, (void)call;
    tr_board_t *board = errand->coordinator->board;
    if (!errand->awarded && !errand->stale && errand->full)
        tr_board_no_room(board, errand->id, errand->try, tr_clock_wall_ms()); /* it has ended, ignoring */
    else if (!errand->awarded && !errand->stale)
        tr_board_no_bids(board, errand->id, errand->try, "no bid came in time: given away directly",
            tr_clock_wall_ms()); /* likewise */
    else
        tr_errand_fail(errand, TR_OUTCOME_CANCELLED, NULL); /* of one that has a result nothing changes */
    tr_errand_free(errand);
}

/* ---- calling ---- */

static void write_call(tr_content_writer_t *w, const tr_task_t *task) {
    tr_write_map(w, 5);
    tr_write_kv(w, "task", task->id);
    tr_write_kv(w, "description", task->description);
    tr_write_kv_int(w, "deadline_ms", task->deadline_ms);
    tr_write_str(w, "skills");
    tr_write_array(w, task->skill_count);
    for (size_t i = 0; i < task->skill_count; i++)
        tr_write_str(w, task->skills[i]);
    if (task->language) {
        tr_write_str(w, "input");
        tr_write_strn(w, task->input, task->input_len);
    } else {
        tr_desk_write_content(w, "input", task->input, task->input_len);
    }
}

static int start(tr_errand_t *errand, const tr_task_t *task, const char *const *names, size_t count) {
    tr_error_t error = {0};
    char under[TR_TRACEPARENT_SIZE];
    tr_content_writer_t w;
    tr_contract_net_t net = {
        .participants = names,
        .participants_n = count,
        .proposals_ms = BIDS_MS,
        .result_ms = tr_order_timeout(task),
        .traceparent = tr_span_context(task->trace, task->id, 0, under),
        .on_proposals = on_proposals,
        .on_status = on_status,
        .on_result = on_result,
        .on_failure = on_failure,
        .on_end = on_end,
        .arg = errand,
    };
    tr_content_writer_init(&w);
    write_call(&w, task);
    int rc = tr_content_writer_take(&w, &net.content, &net.content_len);
    if (rc == 0)
        rc = tr_contract_net_start(errand->coordinator->agent, &net, &errand->call, &error);
    tr_content_writer_finish(&w);
    return rc;
}

void tr_bids_call(tr_coordinator_t *self, const char *id, uint32_t try) {
    const tr_task_t *task = tr_board_task(self->board, id);
    const tr_worker_t *workers[CALLED_MAX];
    const char *names[CALLED_MAX];
    if (!task || !task->called || task->tries + 1 != try)
        return; /* it was cancelled meanwhile */
    size_t count = tr_board_candidates(self->board, task, workers, CALLED_MAX);
    for (size_t i = 0; i < count; i++)
        names[i] = workers[i]->name;
    tr_errand_t *errand = count ? tr_errand_new(self, id, try) : NULL;
    if (errand && start(errand, task, names, count) == 0)
        return;
    if (errand)
        tr_errand_free(errand);
    tr_board_no_bids(self->board, id, try, "bids could not be called for",
        tr_clock_wall_ms()); /* it is called for just now */
}

void tr_bids_accept(tr_errand_t *errand, const tr_task_t *task) {
    tr_error_t error = {0};
    if (!errand->chosen)
        return;
    tr_order_parameters_t with;
    tr_order_parameters(task, &with);
    const void *content;
    size_t len;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    int rc = tr_order_write(errand->coordinator, task, &w, &content, &len);
    tr_call_set_parameters(errand->call, &with.acl);
    if (rc == 0)
        rc = tr_call_accept(errand->call, errand->chosen, content, len, &error);
    else
        tr_error_set(&error, rc, "its parts cannot be read: %s", strerror(-rc));
    tr_call_set_parameters(errand->call, NULL);
    tr_content_writer_finish(&w);
    errand->chosen = NULL;
    if (rc < 0)
        tr_board_failed(errand->coordinator->board, errand->id, errand->try,
            rc == -EPROTO ? "the bid was withdrawn" : error.text, 0, tr_clock_wall_ms());
    tr_call_decided(errand->call);
}
