/*
 * The mind's choice: who gets a task is asked of an agent that chooses between those who could do it, as a voter is asked (docs/deciding.md):
 *
 *     {"action": "vote", "question": the task's description, "options": ["NAME: its services, what it has in hand"], "method": "plurality"}
 *
 * Its "choice" gets the task. Where there is nothing to choose, or nobody chooses, it is given away directly.
 */
#include "coordinator/desk.h"
#include "coordinator/work.h"
#include "lib/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHOICES_MAX 32u
#define CHOICE_MS   10000
#define OPTION_MAX  200u /* bytes, as of any option that is voted on */

typedef char option_t[OPTION_MAX + 1];

/* What does not fit is left out. */
static void print_option(const tr_worker_t *w, option_t option) {
    size_t len = (size_t)snprintf(option, sizeof(option_t), "%s:", w->name);
    for (size_t i = 0; i < w->skill_count && len + strlen(w->skills[i]) + 32 < sizeof(option_t); i++)
        len += (size_t)snprintf(option + len, sizeof(option_t) - len, " %s", w->skills[i]);
    if (len + 32 < sizeof(option_t))
        snprintf(option + len, sizeof(option_t) - len, ", %u of %u in hand", w->in_hand + w->elsewhere,
            w->capacity);
}

static void write_question(
    tr_content_writer_t *w, const tr_task_t *task, const tr_worker_t *const *workers, size_t count) {
    option_t option;
    tr_write_map(w, 7);
    tr_write_kv(w, "action", "vote");
    tr_write_kv(w, "decision", task->id);
    tr_write_kv(w, "question", task->description);
    tr_write_kv(w, "method", "plurality");
    tr_write_kv_uint(w, "round", 1);
    tr_write_str(w, "opinions");
    tr_write_array(w, 0);
    tr_write_str(w, "options");
    tr_write_array(w, count);
    for (size_t i = 0; i < count; i++) {
        print_option(workers[i], option);
        tr_write_str(w, option);
    }
}

static void on_result(
    tr_agent_t *agent, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg) {
    tr_errand_t *errand = arg;
    option_t choice;
    (void)agent, (void)state, (void)c;
    if (tr_value_copy(tr_value_get(tr_message_value(message), "choice"), choice, sizeof choice) < 0)
        return;
    choice[strcspn(choice, ":")] = '\0';
    free(errand->picked);
    errand->picked = strdup(choice); /* without memory nobody was chosen */
}

static void on_end(tr_agent_t *agent, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    tr_errand_t *errand = arg;
    tr_board_t *board = errand->coordinator->board;
    int64_t now_ms = tr_clock_wall_ms();
    char why[280];
    (void)agent, (void)state, (void)c, (void)outcome, (void)last;
    if (errand->stale) {
        tr_errand_free(errand);
        return;
    }
    snprintf(why, sizeof why, "chosen by %s", errand->coordinator->options->chooser);
    if (!errand->picked || tr_board_award(board, errand->id, errand->try, errand->picked, why, now_ms) < 0)
        tr_board_no_bids(board, errand->id, errand->try, "nobody was chosen: given away directly",
            now_ms);        /* it has ended, ignoring */
    tr_errand_free(errand); /* before it is given away, which follows the commit */
}

static int ask(tr_errand_t *errand, const tr_task_t *task, const tr_worker_t *const *workers, size_t count) {
    tr_coordinator_t *self = errand->coordinator;
    tr_error_t error = {0};
    char under[TR_TRACEPARENT_SIZE];
    tr_content_writer_t w;
    tr_initiator_t initiator = {
        .protocol = "fipa-request",
        .receiver = self->options->chooser,
        .performative = TR_REQUEST,
        .parameters = &(tr_acl_t){.traceparent = tr_span_context(task->trace, task->id, 0, under)},
        .timeout_ms = CHOICE_MS,
        .on_result = on_result,
        .on_end = on_end,
        .arg = errand,
    };
    tr_content_writer_init(&w);
    write_question(&w, task, workers, count);
    int rc = tr_content_writer_take(&w, &initiator.content, &initiator.content_len);
    if (rc == 0)
        rc = tr_conversation_start(self->agent, &initiator, &errand->conversation, &error);
    tr_content_writer_finish(&w);
    return rc;
}

void tr_choice_call(tr_coordinator_t *self, const char *id, uint32_t try) {
    const tr_task_t *task = tr_board_task(self->board, id);
    const tr_worker_t *workers[CHOICES_MAX];
    if (!task || !task->called || task->tries + 1 != try)
        return; /* it was cancelled meanwhile */
    size_t count = tr_board_candidates(self->board, task, workers, CHOICES_MAX);
    tr_errand_t *errand = count > 1 ? tr_errand_new(self, id, try) : NULL;
    if (errand && ask(errand, task, workers, count) == 0)
        return;
    if (errand)
        tr_errand_free(errand);
    tr_board_no_bids(self->board, id, try, "nobody could be asked to choose",
        tr_clock_wall_ms()); /* it is called for just now */
}
