/* What may be spent on a task, what its agent says of how it goes, and what becomes of the parts of one that is cancelled. */
#include "coordinator/board.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct stage {
    tr_board_t *board;
    tr_task_state_t last;
    char reason[200];
    tr_purse_t spent;
    uint32_t tries;
    size_t statuses, cancelled, withdrawn, called;
    int64_t now_ms;
    tr_error_t error;
} stage_t;

static void on_changed(void *arg, const tr_task_t *task, bool added) {
    stage_t *s = arg;
    (void)added;
    s->last = task->state;
    s->spent = task->spent;
    s->tries = task->tries;
    s->cancelled += task->state == TR_TASK_CANCELLED;
    snprintf(s->reason, sizeof s->reason, "%s", task->reason ? task->reason : "");
}

static void on_assign(void *arg, const tr_task_t *task) {
    (void)arg, (void)task;
}

static bool on_call(void *arg, const tr_task_t *task) {
    (void)task;
    ((stage_t *)arg)->called++;
    return true;
}

static void on_withdraw(void *arg, const tr_task_t *task) {
    (void)task;
    ((stage_t *)arg)->withdrawn++;
}

static void on_status(void *arg, const tr_task_t *task) {
    assert_non_null(task->status);
    ((stage_t *)arg)->statuses++;
}

static int on_find(void *arg, const char *id) {
    (void)arg, (void)id;
    return -ENOENT;
}

static int setup(void **state) {
    stage_t *s = calloc(1, sizeof *s);
    tr_board_hooks_t hooks = {.arg = s,
        .changed = on_changed,
        .assign = on_assign,
        .call = on_call,
        .withdraw = on_withdraw,
        .status = on_status,
        .find = on_find};
    assert_non_null(s);
    s->board = tr_board_new(&hooks, 1);
    s->now_ms = 1000000;
    *state = s;
    return s->board && tr_board_list_worker(s->board, "w", NULL, 0, 9) == 0 ? 0 : -1;
}

static int teardown(void **state) {
    stage_t *s = *state;
    tr_board_destroy(&s->board);
    free(s);
    return 0;
}

static void add(stage_t *s, const char *id, uint32_t tries, tr_purse_t budget) {
    tr_task_wish_t wish = {
        .id = id, .tries_max = tries, .created_ms = s->now_ms, .timeout_ms = 60000, .budget = budget};
    assert_int_equal(tr_board_add(s->board, &wish, 1, s->now_ms, &s->error), 0);
    tr_board_turn(s->board, true, s->now_ms);
}

static const tr_task_t *again(stage_t *s, const char *id) {
    s->now_ms = tr_board_task(s->board, id)->due_ms;
    tr_board_turn(s->board, true, s->now_ms);
    return tr_board_task(s->board, id);
}

/* Whatever the tries do, all that is granted is never more than the budget. */
static void tries_share_a_budget(void **state) {
    stage_t *s = *state;
    add(s, "a", 3, (tr_purse_t){{900, 10, 0}});
    const tr_task_t *task = tr_board_task(s->board, "a");
    assert_int_equal(task->granted.of[TR_PURSE_TOKENS], 300);
    assert_int_equal(task->granted.of[TR_PURSE_MICRO_COST], 4);
    tr_purse_t left = {{250, 4, 0}};
    assert_int_equal(tr_board_left(s->board, "a", 1, &left, s->now_ms), 0);
    assert_int_equal(tr_board_failed(s->board, "a", 1, "no", 0, s->now_ms), 0);
    assert_int_equal(task->spent.of[TR_PURSE_TOKENS], 50); /* it has given the rest back */
    task = again(s, "a");
    assert_int_equal(task->granted.of[TR_PURSE_TOKENS], 425);
    assert_int_equal(
        tr_board_failed(s->board, "a", 2, "gone", 0, s->now_ms), 0); /* and says nothing of its own */
    assert_int_equal(task->spent.of[TR_PURSE_TOKENS], 475);
    task = again(s, "a");
    assert_int_equal(task->granted.of[TR_PURSE_TOKENS], 425); /* the last one may have all that is left */
    assert_int_equal(task->granted.of[TR_PURSE_MICRO_COST], 5);
    left = (tr_purse_t){{100000, 100000, 0}}; /* nobody gives back more than he got */
    assert_int_equal(tr_board_left(s->board, "a", 3, &left, s->now_ms), 0);
    assert_int_equal(tr_board_completed(s->board, "a", 3, "r", 1, s->now_ms), 0);
    assert_int_equal(s->spent.of[TR_PURSE_TOKENS], 475);
}

static void who_has_spent_all_is_not_tried_again(void **state) {
    stage_t *s = *state;
    add(s, "a", 5, (tr_purse_t){{1, 0, 0}});
    assert_int_equal(tr_board_failed(s->board, "a", 1, "gone", 0, s->now_ms), 0);
    assert_int_equal(s->last, TR_TASK_FAILED);
    assert_string_equal(s->reason, "gone; its budget is spent");
    add(s, "b", 5, (tr_purse_t){{0, 0, 1000}});
    s->now_ms += 400;
    assert_int_equal(tr_board_failed(s->board, "b", 1, "no", 0, s->now_ms), 0);
    assert_int_equal(s->last, TR_TASK_PENDING);
    assert_int_equal(s->spent.of[TR_PURSE_TIME_MS], 400);
    assert_int_equal(again(s, "b")->granted.of[TR_PURSE_TIME_MS], 600);
    s->now_ms += 600;
    assert_int_equal(tr_board_failed(s->board, "b", 2, "late", 0, s->now_ms), 0);
    assert_int_equal(s->last, TR_TASK_FAILED);
    assert_string_equal(s->reason, "late; its budget is spent");
}

/* An agent that was never asked has spent nothing; one that had it when the coordinator died may have spent all of its share. */
static void what_is_not_known_counts_as_spent(void **state) {
    stage_t *s = *state;
    add(s, "a", 2, (tr_purse_t){{100, 0, 0}});
    assert_int_equal(tr_board_not_asked(s->board, "a", 1, "busy", 5, s->now_ms), 0);
    assert_int_equal(s->spent.of[TR_PURSE_TOKENS], 0);
    tr_task_wish_t wish = {.id = "b", .tries_max = 2, .timeout_ms = 60000, .budget = {{100, 0, 0}}};
    tr_task_t *task = tr_task_new(&wish);
    assert_non_null(task);
    task->state = TR_TASK_IN_PROGRESS;
    task->tries = 1;
    task->changed_ms = s->now_ms - 700;
    assert_int_equal(tr_board_restore(s->board, task), 0);
    assert_int_equal(tr_board_resume(s->board, "started again", s->now_ms), 0);
    assert_int_equal(s->last, TR_TASK_PENDING);
    assert_int_equal(s->spent.of[TR_PURSE_TOKENS], 50);
    assert_int_equal(s->spent.of[TR_PURSE_TIME_MS], 700);
}

static void how_it_goes_is_told(void **state) {
    stage_t *s = *state;
    char much[TR_TASK_STATUS_MAX + 1] = "";
    add(s, "a", 3, (tr_purse_t){0});
    assert_int_equal(tr_board_status(s->board, "a", 2, "\x01", 1, s->now_ms), -ESTALE); /* of another try */
    assert_int_equal(tr_board_status(s->board, "a", 1, much, sizeof much, s->now_ms), -EAGAIN);
    assert_int_equal(tr_board_task(s->board, "a")->state, TR_TASK_IN_PROGRESS); /* whoever speaks has begun */
    assert_int_equal(tr_board_status(s->board, "a", 1, "\x01", 1, s->now_ms), 0);
    assert_int_equal(tr_board_status(s->board, "a", 1, "\x02", 1, s->now_ms + 1), -EAGAIN); /* too soon */
    assert_int_equal(tr_board_status(s->board, "a", 1, "\x02", 1, s->now_ms + TR_BOARD_STATUS_MS), 0);
    assert_int_equal(s->statuses, 2);
    assert_int_equal(
        tr_board_status(s->board, "a", 1, "\x02", 1, s->now_ms - 3600000), 0); /* the clock was set */
    assert_memory_equal(tr_board_task(s->board, "a")->status, "\x02", 1);
}

static void add_needing(stage_t *s, const char *id, const char *const *needs, size_t count, bool composes) {
    tr_task_wish_t wish = {.id = id,
        .tries_max = 3,
        .created_ms = s->now_ms,
        .needs = needs,
        .need_count = count,
        .composes = composes};
    assert_int_equal(tr_board_add(s->board, &wish, 1, s->now_ms, &s->error), 0);
}

static void the_parts_go_with_the_whole(void **state) {
    stage_t *s = *state;
    static const char *const a[] = {"a"}, *const parts[] = {"a", "b", "c", "other"},
                             *const other[] = {"other"};
    add(s, "a", 3, (tr_purse_t){0});
    add(s, "other", 3, (tr_purse_t){0});
    add_needing(s, "b", a, 1, false);
    add_needing(s, "c", a, 1, false);
    add_needing(s, "whole", parts, 4, true);
    add_needing(s, "mine", other, 1, false);
    assert_int_equal(tr_board_cancel(s->board, "mine", "no", s->now_ms), 0);
    assert_int_equal(s->cancelled, 1); /* it is none that composes */
    add_needing(s, "mine", other, 1, false);
    assert_int_equal(tr_board_cancel(s->board, "whole", "enough", s->now_ms), 0);
    assert_int_equal(s->cancelled, 5); /* whole, b, c and a */
    assert_int_equal(s->withdrawn, 1);
    assert_string_equal(s->reason, "whole was cancelled");
    assert_non_null(tr_board_task(s->board, "other")); /* somebody else needs it */
    assert_null(tr_board_task(s->board, "a"));
}

/* Nobody had begun it: all of the budget is there for who gets it now. */
static void what_is_taken_back_has_spent_nothing(void **state) {
    stage_t *s = *state;
    tr_purse_t budget = {{900, 5000, 60000}};
    for (int i = 0; i < 3; i++)
        add(s, (const char *[]){"a", "b", "c"}[i], 1, budget);
    assert_int_equal(tr_board_list_worker(s->board, "v", NULL, 0, 9), 0);
    s->now_ms += 5000;
    tr_board_spread(s->board, s->now_ms);
    tr_board_turn(s->board, true, s->now_ms);
    assert_int_equal(s->withdrawn, 1);
    const tr_task_t *task = tr_board_task(s->board, "c");
    assert_string_equal(task->agent, "v");
    assert_int_equal(task->spent.of[TR_PURSE_TOKENS] + task->spent.of[TR_PURSE_TIME_MS], 0);
    assert_memory_equal(&task->granted, &budget, sizeof budget);
    assert_int_equal(tr_board_failed(s->board, "c", task->tries, "no", 0, s->now_ms), 0);
    assert_int_equal(s->last, TR_TASK_FAILED); /* the one try that it has */
}

static void call(stage_t *s, const char *id) {
    tr_task_wish_t wish = {.id = id,
        .skills = (const char *[]){"dig"},
        .skill_count = 1,
        .way = TR_TASK_CONTRACT_NET,
        .tries_max = 1,
        .created_ms = s->now_ms};
    assert_int_equal(tr_board_add(s->board, &wish, 1, s->now_ms, &s->error), 0);
    tr_board_turn(s->board, true, s->now_ms);
    assert_int_equal(s->called, 1);
    s->called = 0;
}

/* Two in two seconds, both at once: a call that came to nothing took nothing. */
static void a_call_without_bids_takes_nothing_of_a_rate(void **state) {
    stage_t *s = *state;
    assert_int_equal(tr_rates_add(tr_board_rates(s->board), "dig=2/2s", &s->error), 0);
    assert_int_equal(tr_board_list_worker(s->board, "d", (const char *[]){"dig"}, 1, 9), 0);
    for (int i = 0; i < 2; i++) {
        const char *id = (const char *[]){"a", "b"}[i];
        call(s, id);
        assert_int_equal(tr_board_no_bids(s->board, id, 1, "nobody wants it", s->now_ms), 0);
        tr_board_turn(s->board, true, s->now_ms);
        assert_int_equal(tr_board_task(s->board, id)->state, TR_TASK_ASSIGNED);
    }
}

/* Who bid got other tasks meanwhile: bids are called for again, and it is not given away to whoever has room. */
static void who_bid_has_no_room_any_more(void **state) {
    stage_t *s = *state;
    assert_int_equal(tr_board_list_worker(s->board, "d", (const char *[]){"dig"}, 1, 1), 0);
    call(s, "a");
    call(s, "b");
    assert_int_equal(tr_board_award(s->board, "a", 1, "d", "the best bid", s->now_ms), 0);
    assert_int_equal(tr_board_award(s->board, "b", 1, "d", "the best bid", s->now_ms), -ENOENT);
    assert_int_equal(tr_board_no_room(s->board, "b", 1, s->now_ms), 0);
    tr_board_turn(s->board, true, s->now_ms);
    assert_int_equal(s->called, 0); /* nobody has room */
    assert_int_equal(tr_board_completed(s->board, "a", 1, NULL, 0, s->now_ms), 0);
    tr_board_turn(s->board, true, s->now_ms);
    assert_int_equal(s->called, 1);
    assert_int_equal(tr_board_award(s->board, "b", 1, "d", "the best bid", s->now_ms), 0);
}

static void whose_deadline_has_passed_is_not_tried_again(void **state) {
    stage_t *s = *state;
    tr_task_t *task = tr_task_new(&(tr_task_wish_t){.id = "a", .tries_max = 1, .deadline_ms = s->now_ms});
    assert_non_null(task);
    task->state = TR_TASK_FAILED;
    assert_int_equal(tr_board_revive(s->board, task, s->now_ms, &s->error), -ETIME);
    assert_non_null(strstr(s->error.text, "the deadline of a has passed"));
    assert_null(tr_board_task(s->board, "a"));
    tr_task_destroy(&task);
}

static void what_an_agent_keeps_comes_back_to_it(void **state) {
    stage_t *s = *state;
    char first[sizeof((tr_task_t *)0)->agent];
    assert_int_equal(tr_board_list_worker(s->board, "other", NULL, 0, 9), 0);
    add(s, "a", 3, (tr_purse_t){0});
    const tr_task_t *task = tr_board_task(s->board, "a");
    snprintf(first, sizeof first, "%s", task->agent);
    assert_int_equal(tr_board_comes_back(s->board, "a", 2), -ESTALE);
    assert_int_equal(tr_board_comes_back(s->board, "a", 1), 0);
    for (uint32_t try = 1; try <= 2; try++) {
        assert_int_equal(tr_board_failed(s->board, "a", try, "no", 1, s->now_ms), 0);
        tr_board_turn(s->board, true, ++s->now_ms);
        assert_int_equal(task->tries, try + 1);
        assert_int_equal(strcmp(task->agent, first) == 0, try == 1); /* for the next try alone */
    }
}

/* Who had it may be at work still: of a lost link, and of a coordinator that was started again. */
static void what_was_lost_comes_back_to_who_had_it(void **state) {
    stage_t *s = *state;
    assert_int_equal(tr_board_list_worker(s->board, "other", NULL, 0, 9), 0);
    add(s, "a", 3, (tr_purse_t){0});
    const tr_task_t *task = tr_board_task(s->board, "a");
    char first[sizeof task->agent];
    snprintf(first, sizeof first, "%s", task->agent);
    assert_int_equal(tr_board_lost(s->board, "a", 1, "the link broke", 1, s->now_ms), 0);
    tr_board_turn(s->board, true, ++s->now_ms);
    assert_int_equal(task->tries, 2);
    assert_string_equal(task->agent, first);
    assert_int_equal(tr_board_not_asked(s->board, "a", 2, "no room", 1, s->now_ms), 0);
    tr_board_turn(s->board, true, ++s->now_ms);
    assert_int_equal(task->tries, 2);
    assert_string_equal(task->agent, first);

    tr_task_t *before =
        tr_task_new(&(tr_task_wish_t){.id = "b", .tries_max = 1, .way = TR_TASK_CONTRACT_NET});
    assert_non_null(before);
    before->state = TR_TASK_IN_PROGRESS;
    before->tries = 1;
    snprintf(before->agent, sizeof before->agent, "other");
    assert_int_equal(tr_board_restore(s->board, before), 0);
    assert_int_equal(tr_board_resume(s->board, "restarted", s->now_ms), 0);
    tr_board_turn(s->board, true, ++s->now_ms);
    assert_int_equal(s->called, 0); /* no bids */
    assert_int_equal(before->tries, 2);
    assert_string_equal(before->agent, "other");
}

static void what_has_failed_for_good_is_not_tried_again(void **state) {
    stage_t *s = *state;
    add(s, "a", 3, (tr_purse_t){0});
    assert_int_equal(tr_board_failed_for_good(s->board, "a", 2, "nobody knows", s->now_ms), -ESTALE);
    assert_int_equal(tr_board_failed_for_good(s->board, "a", 1, "nobody knows", s->now_ms), 0);
    assert_int_equal(s->last, TR_TASK_FAILED);
    assert_string_equal(s->reason, "nobody knows");
    assert_int_equal(s->tries, 1);
}

#define A_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        A_TEST(tries_share_a_budget),
        A_TEST(who_has_spent_all_is_not_tried_again),
        A_TEST(what_is_not_known_counts_as_spent),
        A_TEST(how_it_goes_is_told),
        A_TEST(the_parts_go_with_the_whole),
        A_TEST(what_is_taken_back_has_spent_nothing),
        A_TEST(a_call_without_bids_takes_nothing_of_a_rate),
        A_TEST(who_bid_has_no_room_any_more),
        A_TEST(whose_deadline_has_passed_is_not_tried_again),
        A_TEST(what_an_agent_keeps_comes_back_to_it),
        A_TEST(what_was_lost_comes_back_to_who_had_it),
        A_TEST(what_has_failed_for_good_is_not_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
