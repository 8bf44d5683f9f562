/* Each state of a task and all that may happen in it: where it goes, and that it goes nowhere else. */
#include "coordinator/board.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW  1000000
#define STAY TR_TASK_STATES /* it is refused, or does not concern it */

typedef struct stage {
    tr_board_t *board;
    tr_task_state_t state; /* of "t", as told last */
    uint32_t tries_max;
    bool moved[TR_TASK_STATES][TR_TASK_STATES];
} stage_t;

/* ---- what the board asks for ---- */

static void on_changed(void *arg, const tr_task_t *task, bool added) {
    stage_t *s = arg;
    if (!added)
        s->moved[task->before][task->state] = true;
    if (strcmp(task->id, "t") == 0)
        s->state = task->state;
}

static void on_task(void *arg, const tr_task_t *task) {
    (void)arg, (void)task;
}

static bool on_call(void *arg, const tr_task_t *task) {
    (void)arg, (void)task;
    return true;
}

static int on_find(void *arg, const char *id) {
    (void)arg, (void)id;
    return -ENOENT;
}

static void start(stage_t *s) {
    tr_board_hooks_t hooks = {s, on_changed, on_task, on_call, on_task, on_task, on_find, NULL};
    s->board = tr_board_new(&hooks, 1);
    assert_non_null(s->board);
}

/* ---- how "t" comes into each state ---- */

static void add(stage_t *s, bool approval) {
    tr_error_t error = {0};
    const char *need = "need";
    tr_task_wish_t first = {.id = need,
        .skills = (const char *[]){"nobody"},
        .skill_count = 1,
        .tries_max = 1,
        .created_ms = NOW};
    tr_task_wish_t wish = {.id = "t",
        .tries_max = s->tries_max,
        .created_ms = NOW,
        .deadline_ms = NOW + 5,
        .approval = approval};
    assert_int_equal(tr_board_add(s->board, &first, 1, NOW, &error), 0);
    assert_int_equal(tr_board_add(s->board, &wish, 1, NOW, &error), 0);
}

static void bring(stage_t *s, tr_task_state_t to) {
    add(s, to == TR_TASK_WAITING_APPROVAL);
    if (to == TR_TASK_WAITING_APPROVAL || to == TR_TASK_PENDING)
        return;
    assert_int_equal(tr_board_list_worker(s->board, "w", NULL, 0, 1), 0);
    tr_board_turn(s->board, true, NOW);
    if (to == TR_TASK_IN_PROGRESS)
        assert_int_equal(tr_board_agreed(s->board, "t", 1, NOW), 0);
    else if (to == TR_TASK_COMPLETED)
        assert_int_equal(tr_board_completed(s->board, "t", 1, NULL, 0, NOW), 0);
    else if (to == TR_TASK_FAILED)
        tr_board_turn(s->board, false, NOW + 5);
    else if (to == TR_TASK_CANCELLED)
        assert_int_equal(tr_board_cancel(s->board, "t", "no", NOW), 0);
}

/* ---- what may happen ---- */

static void agrees(stage_t *s) {
    tr_board_agreed(s->board, "t", 1, NOW);
}

static void tells(stage_t *s) {
    tr_board_status(s->board, "t", 1, "\xc0", 1, NOW);
}

static void completes(stage_t *s) {
    tr_board_completed(s->board, "t", 1, "\xc0", 1, NOW);
}

static void fails(stage_t *s) {
    tr_board_failed(s->board, "t", 1, "broken", 0, NOW);
}

static void answers_late(stage_t *s) {
    tr_board_completed(s->board, "t", 7, "\xc0", 1, NOW);
    tr_board_failed(s->board, "t", 7, "broken", 0, NOW);
    tr_board_agreed(s->board, "t", 7, NOW);
    tr_board_status(s->board, "t", 7, "\xc0", 1, NOW);
}

static void is_not_asked(stage_t *s) {
    tr_board_not_asked(s->board, "t", 1, "no link", 5, NOW);
}

static void is_cancelled(stage_t *s) {
    tr_board_cancel(s->board, "t", "no", NOW);
}

static void is_approved(stage_t *s) {
    tr_board_approve(s->board, "t", "approved by ann", NOW);
}

static void time_is_up(stage_t *s) {
    tr_board_turn(s->board, false, NOW + 5);
}

/* As the store has it, after a coordinator that was killed. */
static void comes_back(stage_t *s) {
    tr_task_wish_t wish = {.id = "t", .tries_max = s->tries_max, .created_ms = NOW};
    tr_task_t *task = tr_task_new(&wish);
    tr_task_state_t was = s->state;
    assert_non_null(task);
    task->state = was;
    task->tries = was == TR_TASK_ASSIGNED || was == TR_TASK_IN_PROGRESS;
    tr_board_destroy(&s->board);
    start(s);
    if (tr_task_ended(was)) {
        tr_task_destroy(&task); /* those that have ended are not loaded */
        return;
    }
    assert_int_equal(tr_board_restore(s->board, task), 0);
    assert_int_equal(tr_board_resume(s->board, "restarted", NOW), 0);
}

typedef struct row {
    const char *what;
    void (*happens)(stage_t *s);
    uint32_t tries_max;
    tr_task_state_t to[TR_TASK_STATES]; /* from each */
} row_t;

#define ENDED STAY, STAY, STAY
static const row_t rows[] = {
    {"agrees", agrees, 2, {STAY, STAY, TR_TASK_IN_PROGRESS, STAY, ENDED}},
    {"tells", tells, 2, {STAY, STAY, TR_TASK_IN_PROGRESS, STAY, ENDED}},
    {"completes", completes, 2, {STAY, STAY, TR_TASK_COMPLETED, TR_TASK_COMPLETED, ENDED}},
    {"fails", fails, 2, {STAY, STAY, TR_TASK_PENDING, TR_TASK_PENDING, ENDED}},
    {"fails for the last time", fails, 1, {STAY, STAY, TR_TASK_FAILED, TR_TASK_FAILED, ENDED}},
    {"answers for another try", answers_late, 2, {STAY, STAY, STAY, STAY, ENDED}},
    {"is not asked", is_not_asked, 1, {STAY, STAY, TR_TASK_PENDING, TR_TASK_PENDING, ENDED}},
    {"is cancelled", is_cancelled, 2,
        {TR_TASK_CANCELLED, TR_TASK_CANCELLED, TR_TASK_CANCELLED, TR_TASK_CANCELLED, ENDED}},
    {"is approved", is_approved, 2, {TR_TASK_PENDING, STAY, STAY, STAY, ENDED}},
    {"time is up", time_is_up, 2, {TR_TASK_FAILED, TR_TASK_FAILED, TR_TASK_FAILED, TR_TASK_FAILED, ENDED}},
    {"comes back", comes_back, 2, {STAY, STAY, TR_TASK_PENDING, TR_TASK_PENDING, ENDED}},
    /* that its coordinator was killed is no fault of its own: it has a try more */
    {"comes back from its last try", comes_back, 1, {STAY, STAY, TR_TASK_PENDING, TR_TASK_PENDING, ENDED}},
};

static void check(stage_t *s, const row_t *row, tr_task_state_t from) {
    tr_task_state_t to = row->to[from] == STAY ? from : row->to[from];
    s->tries_max = row->tries_max;
    start(s);
    bring(s, from);
    assert_int_equal(s->state, from);
    row->happens(s);
    if (s->state != to)
        fail_msg("%s %s: it is %s, not %s", tr_task_state_words[from], row->what,
            tr_task_state_words[s->state], tr_task_state_words[to]);
    tr_board_destroy(&s->board);
}

/* A person tries it again: the desk refuses what tr_task_may does. */
static void revive(stage_t *s, tr_task_state_t from, bool approval) {
    tr_error_t error = {0};
    tr_task_wish_t wish = {.id = "t", .tries_max = 2, .created_ms = NOW, .approval = approval};
    tr_task_t *task = tr_task_new(&wish);
    start(s);
    assert_non_null(task);
    task->state = from;
    task->tries = 2;
    task->token = 5;
    assert_int_equal(tr_board_revive(s->board, task, NOW, &error), 0);
    assert_int_equal(s->state, approval ? TR_TASK_WAITING_APPROVAL : TR_TASK_PENDING);
    if (approval)
        assert_int_equal(tr_board_approve(s->board, "t", "approved by ann", NOW), 0);
    assert_int_equal(tr_board_list_worker(s->board, "w", NULL, 0, 1), 0);
    tr_board_turn(s->board, true, NOW);
    assert_int_equal(tr_board_task(s->board, "t")->tries, 1);
    assert_int_equal(
        tr_board_task(s->board, "t")->token, 6); /* tries begin again, what is fenced with does not */
    tr_board_destroy(&s->board);
}

/* What it needs cannot be done. */
static void doom(stage_t *s, bool approval) {
    tr_error_t error = {0};
    const char *need = "need";
    tr_task_wish_t wishes[] = {{.id = need, .tries_max = 1, .created_ms = NOW}, {.id = "t",
                                                                                    .needs = &need,
                                                                                    .need_count = 1,
                                                                                    .tries_max = 1,
                                                                                    .created_ms = NOW,
                                                                                    .approval = approval}};
    start(s);
    assert_int_equal(tr_board_add(s->board, wishes, 2, NOW, &error), 0);
    assert_int_equal(tr_board_cancel(s->board, need, "no", NOW), 0);
    assert_int_equal(s->state, TR_TASK_FAILED);
    tr_board_destroy(&s->board);
}

static void each_goes_where_it_should_and_nowhere_else(void **state) {
    stage_t s = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (tr_task_state_t from = 0; from < TR_TASK_STATES; from++)
            check(&s, &rows[i], from);
    for (int approval = 0; approval < 2; approval++) {
        revive(&s, TR_TASK_FAILED, approval);
        revive(&s, TR_TASK_CANCELLED, approval);
    }
    doom(&s, false);
    doom(&s, true);
    for (tr_task_state_t from = 0; from < TR_TASK_STATES; from++)
        for (tr_task_state_t to = 0; to < TR_TASK_STATES; to++)
            if (s.moved[from][to] != tr_task_may(from, to))
                fail_msg("%s to %s: it may %sand has %sbeen seen", tr_task_state_words[from],
                    tr_task_state_words[to], tr_task_may(from, to) ? "" : "not ",
                    s.moved[from][to] ? "" : "not ");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_goes_where_it_should_and_nowhere_else)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
