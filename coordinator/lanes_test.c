/* Lanes come and go with their tasks, and agents with the directory. */
#include "coordinator/board_private.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct stage {
    tr_board_t *board;
    size_t assigned;
    char last[TR_TASK_ID_MAX + 1], agent[257];
    tr_error_t error;
} stage_t;

static void on_changed(void *arg, const tr_task_t *task, bool added) {
    (void)arg, (void)task, (void)added;
}

static void on_assign(void *arg, const tr_task_t *task) {
    stage_t *s = arg;
    s->assigned++;
    snprintf(s->last, sizeof s->last, "%s", task->id);
    snprintf(s->agent, sizeof s->agent, "%s", task->agent);
}

static int on_find(void *arg, const char *id) {
    (void)arg, (void)id;
    return -ENOENT;
}

static int setup(void **state) {
    stage_t *s = calloc(1, sizeof *s);
    tr_board_hooks_t hooks = {.arg = s, .changed = on_changed, .assign = on_assign, .find = on_find};
    assert_non_null(s);
    s->board = tr_board_new(&hooks, 1);
    *state = s;
    return s->board ? 0 : -1;
}

static int teardown(void **state) {
    stage_t *s = *state;
    tr_board_destroy(&s->board);
    free(s);
    return 0;
}

static void worker(stage_t *s, const char *name, const char *skill) {
    assert_int_equal(tr_board_list_worker(s->board, name, &skill, 1, 1), 0);
}

static void add(stage_t *s, const char *id, const char *skill) {
    tr_task_wish_t wish = {.id = id, .tries_max = 3, .created_ms = 1000, .skills = &skill, .skill_count = 1};
    assert_int_equal(tr_board_add(s->board, &wish, 1, 1000, &s->error), 0);
}

static void turn(stage_t *s) {
    tr_board_turn(s->board, true, 1000);
}

/* A page of the directory that does not come: who would have been on it still gets work. */
static void a_listing_that_is_not_ended_takes_nothing(void **state) {
    stage_t *s = *state;
    worker(s, "w", "work");
    tr_board_begin_listing(s->board);
    worker(s, "x", "work");
    assert_int_equal(tr_board_workers(s->board), 2);
    add(s, "a", "work");
    add(s, "b", "work");
    turn(s);
    assert_int_equal(s->assigned, 2);
    tr_board_begin_listing(s->board);
    worker(s, "x", "work");
    tr_board_end_listing(s->board);
    assert_int_equal(tr_board_workers(s->board), 1);
}

/* Skills that nobody asks for any more cost nothing. */
static void lanes_go_with_their_tasks(void **state) {
    stage_t *s = *state;
    char id[16];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 100; i++) {
            snprintf(id, sizeof id, "t%d", i);
            add(s, id, id);
        }
        assert_int_equal(s->board->lane_count, 100);
        for (int i = 0; i < 100; i++) {
            snprintf(id, sizeof id, "t%d", i * 37 % 100);
            assert_int_equal(tr_board_cancel(s->board, id, NULL, 1000), 0);
            assert_int_equal(s->board->lane_count, 99 - i);
        }
    }
    worker(s, "w", "t7");
    add(s, "again", "t7");
    turn(s);
    assert_string_equal(s->last, "again");
}

/* Lanes that wait hold up no other: in a round each is looked at once. */
static void what_nobody_can_do_is_looked_at_once(void **state) {
    stage_t *s = *state;
    char id[16];
    for (int i = 0; i < 200; i++) {
        snprintf(id, sizeof id, "none%d", i);
        add(s, id, id);
        snprintf(id, sizeof id, "t%d", i);
        add(s, id, "work");
        snprintf(id, sizeof id, "w%d", i);
        worker(s, id, "work");
    }
    turn(s);
    assert_int_equal(s->assigned, 200);
    for (size_t i = 0; i < s->board->lane_count; i++)
        assert_int_equal(s->board->lanes[i]->stuck, s->board->lanes[i]->ready.count ? s->board->round : 0);
    worker(s, "late", "none7"); /* and in the next one again */
    turn(s);
    assert_int_equal(s->assigned, 201);
    assert_string_equal(s->last, "none7");
    assert_string_equal(s->agent, "late");
}

#define A_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        A_TEST(a_listing_that_is_not_ended_takes_nothing),
        A_TEST(lanes_go_with_their_tasks),
        A_TEST(what_nobody_can_do_is_looked_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
