#include "coordinator/board.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What the hooks have heard, in short: "a:pending a>w1 a:assigned a:completed". */
typedef struct stage {
    tr_board_t *board;
    char heard[1 << 16];
    size_t len;
    int64_t now_ms;
    tr_error_t error;
    bool deaf;
    bool likes;
    int far; /* the state of "far" */
} stage_t;

static void __attribute__((format(printf, 2, 3))) hear(stage_t *s, const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (!s->deaf)
        s->len += (size_t)vsnprintf(s->heard + s->len, sizeof s->heard - s->len, format, args);
    va_end(args);
    assert_true(s->len < sizeof s->heard);
}

static void on_changed(void *arg, const tr_task_t *task, bool added) {
    hear(arg, "%s%s:%s ", added ? "+" : "", task->id, tr_task_state_words[task->state]);
}

static void on_assign(void *arg, const tr_task_t *task) {
    hear(arg, "%s/%u>%s ", task->id, task->tries, task->agent);
}

static bool on_call(void *arg, const tr_task_t *task) {
    hear(arg, "%s/%u? ", task->id, task->tries + 1);
    return strcmp(task->id, "mute") != 0;
}

static void on_withdraw(void *arg, const tr_task_t *task) {
    hear(arg, "%s/%u<%s ", task->id, task->tries, task->agent);
}

static void on_status(void *arg, const tr_task_t *task) {
    hear(arg, "%s says ", task->id);
}

/* Of those that ended before: those that begin with "done" or "lost". "far" is another coordinator's. */
static int on_find(void *arg, const char *id) {
    const stage_t *s = arg;
    if (strcmp(id, "far") == 0)
        return s->far;
    return strncmp(id, "done", 4) == 0   ? TR_TASK_COMPLETED
           : strncmp(id, "lost", 4) == 0 ? TR_TASK_FAILED
                                         : -ENOENT;
}

static void heard(stage_t *s, const char *wanted) {
    if (strcmp(s->heard, wanted) != 0)
        fail_msg("heard \"%s\", not \"%s\"", s->heard, wanted);
    s->len = 0;
    s->heard[0] = '\0';
}

/* Those that begin alike are. */
static double on_alike(void *arg, const char *wanted, const char *offered) {
    const stage_t *s = arg;
    return s->likes && wanted[0] == offered[0] ? 0.8 : 0.1;
}

static int setup(void **state) {
    stage_t *s = calloc(1, sizeof *s);
    tr_board_hooks_t hooks = {s, on_changed, on_assign, on_call, on_withdraw, on_status, on_find, NULL};
    s->board = tr_board_new(&hooks, 1);
    s->now_ms = 1000000;
    *state = s;
    return s->board ? 0 : -1;
}

static int teardown(void **state) {
    stage_t *s = *state;
    tr_board_destroy(&s->board);
    free(s);
    return 0;
}

static tr_task_wish_t wish_of(const stage_t *s, const char *id) {
    return (tr_task_wish_t){.id = id, .tries_max = 3, .created_ms = s->now_ms};
}

static int add(stage_t *s, tr_task_wish_t wish) {
    return tr_board_add(s->board, &wish, 1, s->now_ms, &s->error);
}

static int add_needing(stage_t *s, const char *id, const char *need) {
    tr_task_wish_t w = wish_of(s, id);
    w.needs = &need;
    w.need_count = 1;
    return add(s, w);
}

static void worker(stage_t *s, const char *name, const char *skill, uint32_t capacity) {
    assert_int_equal(tr_board_list_worker(s->board, name, &skill, skill ? 1 : 0, capacity), 0);
}

static void turn(stage_t *s) {
    tr_board_turn(s->board, true, s->now_ms);
}

static void a_task_is_done(void **state) {
    stage_t *s = *state;
    assert_int_equal(add(s, wish_of(s, "a")), 0);
    turn(s);
    heard(s, "+a:pending ");
    worker(s, "w", NULL, 1);
    turn(s);
    heard(s, "a:assigned a/1>w ");
    assert_int_equal(tr_board_agreed(s->board, "a", 1, s->now_ms), 0);
    assert_int_equal(tr_board_agreed(s->board, "a", 1, s->now_ms), -ESTALE);
    assert_int_equal(tr_board_completed(s->board, "a", 1, "r", 1, s->now_ms), 0);
    heard(s, "a:in_progress a:completed ");
    assert_null(tr_board_task(s->board, "a"));
    assert_int_equal(tr_board_completed(s->board, "a", 1, "r", 1, s->now_ms), -ESTALE);
}

static void an_earlier_try_completes_nothing(void **state) {
    stage_t *s = *state;
    worker(s, "w", NULL, 1);
    worker(s, "x", NULL, 1);
    add(s, wish_of(s, "a"));
    turn(s);
    assert_int_equal(tr_board_failed(s->board, "a", 1, "gone", 1, s->now_ms), 0);
    s->now_ms += 1;
    turn(s);
    heard(s, "+a:pending a:assigned a/1>w a:pending a:assigned a/2>x "); /* another one than before */
    assert_int_equal(tr_board_completed(s->board, "a", 1, "", 0, s->now_ms), -ESTALE);
    assert_int_equal(tr_board_failed(s->board, "a", 1, "late", 0, s->now_ms), -ESTALE);
    assert_int_equal(tr_board_completed(s->board, "a", 2, "", 0, s->now_ms), 0);
    heard(s, "a:completed ");
}

static void what_was_not_asked_is_no_try(void **state) {
    stage_t *s = *state;
    worker(s, "w", NULL, 1);
    add(s, wish_of(s, "a"));
    assert_int_equal(tr_board_turn(s->board, false, s->now_ms), TR_BOARD_NEVER);
    heard(s, "+a:pending ");
    for (int i = 0; i < 9; i++) {
        turn(s);
        heard(s, "a:assigned a/1>w ");
        assert_int_equal(tr_board_not_asked(s->board, "a", 1, "no link", 5, s->now_ms), 0);
        heard(s, "a:pending ");
        s->now_ms += 5;
    }
}

static void tries_end_and_come_later_and_later(void **state) {
    stage_t *s = *state;
    worker(s, "w", NULL, 1);
    add(s, wish_of(s, "a"));
    for (uint32_t try = 1; try <= 3; try++) {
        turn(s);
        const tr_task_t *task = tr_board_task(s->board, "a");
        assert_int_equal(task->tries, try);
        assert_int_equal(tr_board_failed(s->board, "a", try, "no", 0, s->now_ms), 0);
        if (try == 3)
            break;
        assert_string_equal(task->reason, "no");
        assert_int_equal(task->due_ms, s->now_ms + TR_BOARD_BACKOFF_MS * try);
        s->now_ms = task->due_ms - 1;
        assert_int_equal(tr_board_turn(s->board, true, s->now_ms), s->now_ms + 1);
        assert_int_equal(task->state, TR_TASK_PENDING);
        s->now_ms++;
    }
    heard(s, "+a:pending a:assigned a/1>w a:pending a:assigned a/2>w a:pending a:assigned a/3>w a:failed ");
}

static void by_priority_and_age(void **state) {
    stage_t *s = *state;
    tr_task_wish_t low = wish_of(s, "low"), high = wish_of(s, "high"), old = wish_of(s, "old");
    high.priority = 2;
    old.created_ms = s->now_ms - 3 * TR_BOARD_AGE_MS;
    add(s, low);
    add(s, high);
    add(s, old);
    turn(s);
    heard(s, "+low:pending +high:pending +old:pending ");
    worker(s, "w", NULL, 3);
    turn(s);
    heard(s, "old:assigned old/1>w high:assigned high/1>w low:assigned low/1>w ");
}

static void by_skill_and_room(void **state) {
    stage_t *s = *state;
    static const char *const both[] = {"read", "count"}, *const one[] = {"count"};
    tr_task_wish_t a = wish_of(s, "a"), b = wish_of(s, "b"), c = wish_of(s, "c");
    a.skills = both;
    a.skill_count = 2;
    b.skills = c.skills = one;
    b.skill_count = c.skill_count = 1;
    add(s, a);
    add(s, b);
    add(s, c);
    worker(s, "reader", "read", 9);
    worker(s, "counter", "count", 1);
    turn(s);
    heard(s, "+a:pending +b:pending +c:pending b:assigned b/1>counter ");
    assert_int_equal(tr_board_list_worker(s->board, "both", both, 2, 2), 0);
    turn(s);
    heard(s, "a:assigned a/1>both c:assigned c/1>both ");
    assert_int_equal(tr_board_workers(s->board), 3);
}

/* The least part of its room taken, then who was asked longest ago. */
static void work_is_spread(void **state) {
    stage_t *s = *state;
    worker(s, "w1", NULL, 2);
    worker(s, "w2", NULL, 2);
    worker(s, "big", NULL, 4);
    char id[8];
    for (int i = 0; i < 8; i++) {
        snprintf(id, sizeof id, "%d", i);
        add(s, wish_of(s, id));
    }
    s->len = 0;
    turn(s);
    heard(s, "0:assigned 0/1>w1 1:assigned 1/1>w2 2:assigned 2/1>big 3:assigned 3/1>big 4:assigned 4/1>w1 "
             "5:assigned 5/1>w2 "
             "6:assigned 6/1>big 7:assigned 7/1>big ");
}

static void who_is_not_listed_gets_nothing(void **state) {
    stage_t *s = *state;
    worker(s, "w", NULL, 2);
    add(s, wish_of(s, "a"));
    turn(s);
    tr_board_begin_listing(s->board);
    worker(s, "x", NULL, 1);
    tr_board_end_listing(s->board);
    add(s, wish_of(s, "b"));
    add(s, wish_of(s, "c"));
    turn(s);
    heard(s, "+a:pending a:assigned a/1>w +b:pending +c:pending b:assigned b/1>x ");
    assert_int_equal(tr_board_completed(s->board, "a", 1, "", 0, s->now_ms), 0); /* it had it all the same */
    tr_board_begin_listing(s->board);
    tr_board_end_listing(s->board);
    assert_int_equal(tr_board_workers(s->board), 0);
}

static void tasks_wait_for_what_they_need(void **state) {
    stage_t *s = *state;
    worker(s, "w", NULL, 9);
    add(s, wish_of(s, "a"));
    assert_int_equal(add_needing(s, "b", "a"), 0);
    assert_int_equal(add_needing(s, "c", "done-1"), 0);
    assert_int_equal(add_needing(s, "d", "lost-1"), -ENOENT);
    assert_string_equal(s->error.text, "d needs lost-1, which has failed");
    assert_int_equal(add_needing(s, "d", "x"), -ENOENT);
    assert_string_equal(s->error.text, "d needs x, which is no task");
    turn(s);
    heard(s, "+a:pending +b:pending +c:pending a:assigned a/1>w c:assigned c/1>w ");
    tr_board_completed(s->board, "a", 1, "", 0, s->now_ms);
    turn(s);
    heard(s, "a:completed b:assigned b/1>w ");
}

static void what_can_never_be_done_fails(void **state) {
    stage_t *s = *state;
    add(s, wish_of(s, "a"));
    add_needing(s, "b", "a");
    add_needing(s, "c", "b");
    add(s, wish_of(s, "z"));
    const char *needs[] = {"a", "z"};
    tr_task_wish_t w = wish_of(s, "d");
    w.needs = needs;
    w.need_count = 2;
    add(s, w);
    s->len = 0;
    assert_int_equal(tr_board_cancel(s->board, "a", "not wanted", s->now_ms), 0);
    heard(s, "a:cancelled d:failed b:failed c:failed ");
    assert_int_equal(tr_board_cancel(s->board, "z", NULL, s->now_ms), 0); /* whose dependent is gone */
    heard(s, "z:cancelled ");
}

/* By what it needs, and by what that needs. */
static void what_is_doomed_twice_fails_once(void **state) {
    stage_t *s = *state;
    const char *of_d[] = {"root", "b"}, *of_b[] = {"root"};
    tr_task_wish_t plan[] = {wish_of(s, "d"), wish_of(s, "b"), wish_of(s, "root")};
    plan[0].needs = of_d;
    plan[0].need_count = 2;
    plan[1].needs = of_b;
    plan[1].need_count = 1;
    assert_int_equal(tr_board_add(s->board, plan, 3, s->now_ms, &s->error), 0);
    s->len = 0;
    assert_int_equal(tr_board_cancel(s->board, "root", NULL, s->now_ms), 0);
    heard(s, "root:cancelled b:failed d:failed ");
    assert_int_equal(tr_board_count(s->board, TR_TASK_PENDING), 0);
}

/* What it needs has failed: nothing of it stays behind. */
static void what_cannot_be_revived_has_no_deadline(void **state) {
    stage_t *s = *state;
    const char *need = "lost-1";
    tr_task_wish_t wish = wish_of(s, "a");
    wish.needs = &need;
    wish.need_count = 1;
    wish.deadline_ms = s->now_ms + 50;
    tr_task_t *task = tr_task_new(&wish);
    assert_non_null(task);
    task->state = TR_TASK_FAILED;
    assert_int_equal(tr_board_revive(s->board, task, s->now_ms, &s->error), -ENOENT);
    tr_task_destroy(&task);
    assert_int_equal(tr_board_turn(s->board, true, s->now_ms), TR_BOARD_NEVER);
    s->now_ms += 50;
    turn(s);
    heard(s, "");
}

static void long_chains_fail(void **state) {
    stage_t *s = *state;
    char id[16], need[16];
    s->deaf = true;
    add(s, wish_of(s, "0"));
    for (int i = 1; i < 50000; i++) {
        snprintf(id, sizeof id, "%d", i);
        snprintf(need, sizeof need, "%d", i - 1);
        assert_int_equal(add_needing(s, id, need), 0);
    }
    assert_int_equal(tr_board_cancel(s->board, "0", NULL, s->now_ms), 0);
    assert_int_equal(tr_board_count(s->board, TR_TASK_PENDING), 0);
    assert_null(tr_board_task(s->board, "49999"));
}

static void all_or_none(void **state) {
    stage_t *s = *state;
    const char *of_c[] = {"a", "c"}, *of_a[] = {"b"}, *of_b[] = {"a"};
    tr_task_wish_t plan[] = {wish_of(s, "a"), wish_of(s, "b"), wish_of(s, "c")};
    plan[0].needs = of_a;
    plan[1].needs = of_b;
    plan[0].need_count = plan[1].need_count = 1;
    assert_int_equal(tr_board_add(s->board, plan, 3, s->now_ms, &s->error), -ELOOP);
    assert_string_equal(s->error.text, "a needs itself, by what it needs");
    plan[0].need_count = 0;
    plan[2].needs = of_c;
    plan[2].need_count = 2;
    assert_int_equal(tr_board_add(s->board, plan, 3, s->now_ms, &s->error), -ELOOP); /* itself */
    plan[2].need_count = 1;
    assert_int_equal(tr_board_add(s->board, plan, 3, s->now_ms, &s->error), 0);
    heard(s, "+a:pending +b:pending +c:pending ");
    assert_int_equal(tr_board_add(s->board, plan, 3, s->now_ms, &s->error), -EEXIST);
    assert_int_equal(add(s, wish_of(s, "done-7")), -EEXIST);
    assert_int_equal(tr_board_count(s->board, TR_TASK_PENDING), 3);
}

static void deadlines_and_withdrawals(void **state) {
    stage_t *s = *state;
    tr_task_wish_t w = wish_of(s, "a"), later = wish_of(s, "b");
    w.deadline_ms = s->now_ms + 50;
    later.due_ms = s->now_ms + 30;
    worker(s, "w", NULL, 1);
    add(s, w);
    add(s, later);
    assert_int_equal(tr_board_turn(s->board, true, s->now_ms), s->now_ms + 30);
    heard(s, "+a:pending +b:pending a:assigned a/1>w ");
    s->now_ms += 50;
    turn(s);
    heard(s, "a/1<w a:failed b:assigned b/1>w ");
    assert_int_equal(tr_board_cancel(s->board, "b", "no", s->now_ms), 0);
    heard(s, "b/1<w b:cancelled ");
    assert_int_equal(tr_board_cancel(s->board, "b", "no", s->now_ms), -ENOENT);
}

static void bids_are_called_for(void **state) {
    stage_t *s = *state;
    tr_task_wish_t wish = wish_of(s, "a");
    const tr_worker_t *candidates[2];
    wish.way = TR_TASK_CONTRACT_NET;
    assert_int_equal(add(s, wish), 0);
    turn(s);
    heard(s, "+a:pending "); /* nobody is there */
    worker(s, "w", NULL, 1);
    worker(s, "x", NULL, 4);
    worker(s, "y", "s", 4);
    assert_int_equal(add(s, wish_of(s, "b")), 0); /* w's */
    turn(s);
    heard(s, "+b:pending a/1? b:assigned b/1>w ");
    turn(s);
    heard(s, "");
    assert_int_equal(tr_board_candidates(s->board, tr_board_task(s->board, "a"), candidates, 2), 2);
    assert_string_equal(candidates[0]->name, "x");
    assert_int_equal(tr_board_award(s->board, "a", 2, "x", "the best bid", s->now_ms), -ESTALE);
    assert_int_equal(tr_board_award(s->board, "a", 1, "w", "the best bid", s->now_ms), -ENOENT); /* full */
    assert_int_equal(tr_board_award(s->board, "a", 1, "x", "the best bid", s->now_ms), 0);
    heard(s, "a:assigned a/1>x ");
    assert_int_equal(tr_board_award(s->board, "a", 1, "y", "the best bid", s->now_ms), -ESTALE);
    assert_int_equal(tr_board_failed(s->board, "a", 1, "no", 1, s->now_ms), 0);
    s->now_ms += 1;
    turn(s);
    heard(s, "a:pending a/2? "); /* called for again */
    assert_int_equal(tr_board_no_bids(s->board, "a", 1, "nobody wants it", s->now_ms), -ESTALE);
    assert_int_equal(tr_board_no_bids(s->board, "a", 2, "nobody wants it", s->now_ms), 0);
    turn(s);
    heard(s, "a:assigned a/2>y ");
    assert_int_equal(tr_board_completed(s->board, "a", 2, NULL, 0, s->now_ms), 0);
}

static void what_is_called_for_can_be_cancelled(void **state) {
    stage_t *s = *state;
    tr_task_wish_t wish = wish_of(s, "a"), mute = wish_of(s, "mute");
    wish.way = mute.way = TR_TASK_CONTRACT_NET;
    worker(s, "w", NULL, 1);
    assert_int_equal(add(s, wish), 0);
    turn(s);
    assert_int_equal(tr_board_cancel(s->board, "a", "no", s->now_ms), 0);
    heard(s, "+a:pending a/1? a:cancelled ");
    assert_int_equal(tr_board_award(s->board, "a", 1, "w", "the best bid", s->now_ms), -ESTALE);
    assert_int_equal(add(s, mute), 0); /* no memory to call for it */
    turn(s);
    heard(s, "+mute:pending mute/1? mute:assigned mute/1>w ");
}

static void a_person_says_yes(void **state) {
    stage_t *s = *state;
    tr_task_wish_t w = wish_of(s, "a");
    w.approval = true;
    worker(s, "w", NULL, 1);
    add(s, w);
    turn(s);
    heard(s, "+a:waiting_approval ");
    assert_int_equal(tr_board_approve(s->board, "a", "by ann", s->now_ms), 0);
    turn(s);
    heard(s, "a:pending a:assigned a/1>w ");
    assert_int_equal(tr_board_approve(s->board, "a", "by ann", s->now_ms), -EPROTO);
    assert_int_equal(tr_board_approve(s->board, "b", "by ann", s->now_ms), -ENOENT);
}

static tr_task_t *before(stage_t *s, const char *id, tr_task_state_t was, const char *need) {
    tr_task_wish_t w = wish_of(s, id);
    w.needs = &need;
    w.need_count = need ? 1 : 0;
    tr_task_t *task = tr_task_new(&w);
    assert_non_null(task);
    task->state = was;
    task->tries = 1;
    return task;
}

static void what_was_there_before_goes_on(void **state) {
    stage_t *s = *state;
    assert_int_equal(tr_board_restore(s->board, before(s, "a", TR_TASK_IN_PROGRESS, NULL)), 0);
    assert_int_equal(tr_board_restore(s->board, before(s, "b", TR_TASK_PENDING, "a")), 0);
    assert_int_equal(tr_board_restore(s->board, before(s, "c", TR_TASK_PENDING, "lost-1")), 0);
    assert_int_equal(tr_board_resume(s->board, "again", s->now_ms), 0);
    assert_null(tr_board_task(s->board, "c"));
    assert_int_equal(tr_board_task(s->board, "a")->state, TR_TASK_PENDING);
    worker(s, "w", NULL, 9);
    s->len = 0;
    turn(s);
    heard(s, "a:assigned a/2>w "); /* with another number than the try that may go on somewhere */
    tr_task_t *again = before(s, "d", TR_TASK_FAILED, NULL);
    assert_int_equal(tr_board_revive(s->board, again, s->now_ms, &s->error), 0);
    turn(s);
    heard(s, "d:pending d:assigned d/1>w ");
    again = before(s, "e", TR_TASK_FAILED, "lost-1");
    assert_int_equal(tr_board_revive(s->board, again, s->now_ms, &s->error), -ENOENT);
    tr_task_destroy(&again);
    assert_int_equal(tr_board_count(s->board, TR_TASK_FAILED), 0);
}

static void what_another_coordinator_has_is_waited_for(void **state) {
    stage_t *s = *state;
    worker(s, "w", NULL, 9);
    s->far = TR_TASK_PENDING;
    assert_int_equal(add_needing(s, "a", "far"), 0);
    assert_int_equal(add_needing(s, "b", "far"), 0);
    assert_int_equal(tr_board_cancel(s->board, "b", "enough", s->now_ms), 0);
    s->far = TR_TASK_IN_PROGRESS;
    tr_board_look(s->board, s->now_ms);
    turn(s);
    heard(s, "+a:pending +b:pending b:cancelled ");
    s->far = TR_TASK_COMPLETED;
    tr_board_look(s->board, s->now_ms);
    turn(s);
    heard(s, "a:assigned a/1>w ");
    s->far = TR_TASK_ASSIGNED;
    assert_int_equal(add_needing(s, "c", "far"), 0);
    s->far = -ENOENT;
    tr_board_look(s->board, s->now_ms);
    heard(s, "+c:pending c:failed ");
}

static void what_others_gave_an_agent_takes_its_room(void **state) {
    stage_t *s = *state;
    worker(s, "w", NULL, 2);
    tr_board_note_elsewhere(s->board, "w", 2);
    tr_board_note_elsewhere(s->board, "nobody", 2);
    assert_int_equal(add(s, wish_of(s, "a")), 0);
    turn(s);
    heard(s, "+a:pending ");
    tr_board_forget_elsewhere(s->board);
    turn(s);
    heard(s, "a:assigned a/1>w ");
}

static void who_joins_gets_what_others_have_not_begun(void **state) {
    stage_t *s = *state;
    worker(s, "w", NULL, 16);
    for (int i = 0; i < 4; i++)
        assert_int_equal(add(s, wish_of(s, (const char *[]){"a", "b", "c", "d"}[i])), 0);
    turn(s);
    assert_int_equal(tr_board_agreed(s->board, "d", 1, s->now_ms), 0);
    tr_board_spread(s->board, s->now_ms);
    s->len = 0;
    worker(s, "v", NULL, 16);
    tr_board_spread(s->board, s->now_ms);
    turn(s);
    heard(s, "c/1<w c:pending b/1<w b:pending b:assigned b/2>v c:assigned c/2>v ");
    tr_board_spread(s->board, s->now_ms); /* once */
    heard(s, "");
    assert_int_equal(tr_board_completed(s->board, "b", 1, "r", 1, s->now_ms), -ESTALE);
    assert_int_equal(tr_board_task(s->board, "b")->tries_max, 4);
}

static void who_fits_best_where_nobody_fits(void **state) {
    stage_t *s = *state;
    const char *wanted[] = {"summarise", "translate"};
    tr_board_hooks_t hooks = {s, on_changed, on_assign, on_call, on_withdraw, on_status, on_find, on_alike};
    tr_task_wish_t w = wish_of(s, "a");
    tr_board_destroy(&s->board);
    s->board = tr_board_new(&hooks, 1);
    assert_non_null(s->board);
    w.skills = wanted;
    w.skill_count = 2;
    worker(s, "none", "cook", 9);
    worker(s, "half", "translate", 9);
    assert_int_equal(add(s, w), 0);
    turn(s);
    heard(s, "+a:pending a:assigned a/1>half "); /* one of two is enough */
    s->likes = true;
    tr_board_list_worker(s->board, "both", (const char *[]){"sum-up", "turn-into"}, 2, 9);
    w.id = "b";
    assert_int_equal(add(s, w), 0);
    turn(s);
    heard(s, "+b:pending b:assigned b/1>both ");
    tr_board_list_worker(s->board, "exact", wanted, 2, 1);
    w.id = "c";
    assert_int_equal(add(s, w), 0);
    w.id = "d"; /* who can do it by name has no room: it waits */
    assert_int_equal(add(s, w), 0);
    turn(s);
    heard(s, "+c:pending +d:pending c:assigned c/1>exact ");
}

#define A_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        A_TEST(a_task_is_done),
        A_TEST(an_earlier_try_completes_nothing),
        A_TEST(what_was_not_asked_is_no_try),
        A_TEST(tries_end_and_come_later_and_later),
        A_TEST(by_priority_and_age),
        A_TEST(by_skill_and_room),
        A_TEST(work_is_spread),
        A_TEST(who_is_not_listed_gets_nothing),
        A_TEST(tasks_wait_for_what_they_need),
        A_TEST(what_can_never_be_done_fails),
        A_TEST(what_is_doomed_twice_fails_once),
        A_TEST(what_cannot_be_revived_has_no_deadline),
        A_TEST(long_chains_fail),
        A_TEST(all_or_none),
        A_TEST(deadlines_and_withdrawals),
        A_TEST(bids_are_called_for),
        A_TEST(what_is_called_for_can_be_cancelled),
        A_TEST(a_person_says_yes),
        A_TEST(what_was_there_before_goes_on),
        A_TEST(what_another_coordinator_has_is_waited_for),
        A_TEST(who_joins_gets_what_others_have_not_begun),
        A_TEST(who_fits_best_where_nobody_fits),
        A_TEST(what_others_gave_an_agent_takes_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
