#include "gateway/a2a/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static tr_a2a_task_t *begin(tr_a2a_tasks_t *tasks, const char *who, size_t bytes) {
    json_t *message = json_pack("{s:s, s:s}", "messageId", "m", "role", "ROLE_USER");
    tr_a2a_task_t *task = tr_a2a_task_begin(tasks, "echo", who, "", message, bytes, 1000);
    json_decref(message);
    return task;
}

typedef struct told {
    tr_a2a_waiter_t waiter; /* first */
    tr_a2a_state_t state;
    int times;
} told_t;

static void on_end(tr_a2a_waiter_t *waiter, const tr_a2a_task_t *task) {
    told_t *told = (told_t *)waiter;
    told->state = task->state;
    told->times++;
}

static void test_a_task_ends_once(void **state) {
    tr_a2a_tasks_t *tasks = tr_a2a_tasks_new();
    tr_a2a_task_t *task = begin(tasks, "ann", 10);
    told_t first = {.waiter = {.on_end = on_end}}, second = first, gone = first;
    (void)state;
    tr_a2a_task_wait(task, &first.waiter);
    tr_a2a_task_wait(task, &gone.waiter);
    tr_a2a_task_wait(task, &second.waiter);
    tr_a2a_task_leave(&gone.waiter);
    tr_a2a_task_leave(&gone.waiter);
    tr_a2a_task_end(tasks, task, TR_A2A_COMPLETED, json_pack("[{s:s}]", "text", "done"), NULL, 4, 2000);
    tr_a2a_task_end(tasks, task, TR_A2A_FAILED, json_array(), "late", 4, 3000);
    assert_int_equal(first.times, 1);
    assert_int_equal(second.times, 1);
    assert_int_equal(gone.times, 0);
    assert_int_equal(first.state, TR_A2A_COMPLETED);
    json_t *json = tr_a2a_task_json(task, 1, true);
    const char *words, *when;
    assert_int_equal(json_unpack(json, "{s:{s:s, s:s}}", "status", "state", &words, "timestamp", &when), 0);
    assert_string_equal(words, "TASK_STATE_COMPLETED");
    assert_string_equal(when, "1970-01-01T00:00:02.000Z");
    assert_int_equal(json_array_size(json_object_get(json, "artifacts")), 1);
    json_decref(json);
    tr_a2a_tasks_destroy(&tasks);
}

static void test_each_sees_his_own(void **state) {
    tr_a2a_tasks_t *tasks = tr_a2a_tasks_new();
    tr_a2a_task_t *task = begin(tasks, "ann", 10);
    (void)state;
    assert_ptr_equal(tr_a2a_task_find(tasks, task->id, "ann"), task);
    assert_null(tr_a2a_task_find(tasks, task->id, "ben"));
    assert_null(tr_a2a_task_find(tasks, "", "ann"));
    tr_a2a_tasks_destroy(&tasks);
}

static void test_what_has_ended_makes_room(void **state) {
    tr_a2a_tasks_t *tasks = tr_a2a_tasks_new();
    char oldest[40];
    (void)state;
    for (int i = 0; i < TR_A2A_TASKS_MAX; i++)
        assert_non_null(begin(tasks, "ann", 10));
    assert_null(begin(tasks, "ann", 10)); /* all are being worked on */
    tr_a2a_task_t *task = tr_a2a_tasks_first(tasks)->next;
    strcpy(oldest, task->id);
    tr_a2a_task_end(tasks, task, TR_A2A_FAILED, NULL, "no", 0, 2000);
    task->asked = true; /* its agent may answer yet */
    assert_null(begin(tasks, "ann", 10));
    task->asked = false;
    assert_non_null(begin(tasks, "ann", 10));
    assert_null(tr_a2a_task_find(tasks, oldest, "ann"));
    assert_int_equal(tr_a2a_tasks_count(tasks), TR_A2A_TASKS_MAX);
    tr_a2a_tasks_destroy(&tasks);
}

static void test_bytes_are_bounded(void **state) {
    tr_a2a_tasks_t *tasks = tr_a2a_tasks_new();
    (void)state;
    tr_a2a_task_t *large = begin(tasks, "ann", TR_A2A_BYTES_MAX - 5);
    assert_non_null(large);
    assert_null(begin(tasks, "ann", 10));
    tr_a2a_task_end(tasks, large, TR_A2A_COMPLETED, NULL, NULL, 0, 2000);
    assert_non_null(begin(tasks, "ann", 10));
    assert_int_equal(tr_a2a_tasks_count(tasks), 1);
    tr_a2a_tasks_destroy(&tasks);
}

static void test_an_hour_later_it_is_forgotten(void **state) {
    tr_a2a_tasks_t *tasks = tr_a2a_tasks_new();
    (void)state;
    tr_a2a_task_end(tasks, begin(tasks, "ann", 10), TR_A2A_COMPLETED, NULL, NULL, 0, 5000);
    begin(tasks, "ann", 10);
    tr_a2a_tasks_tick(tasks, 5000 + TR_A2A_KEEP_MS - 1);
    assert_int_equal(tr_a2a_tasks_count(tasks), 2);
    tr_a2a_tasks_tick(tasks, 5000 + TR_A2A_KEEP_MS);
    assert_int_equal(tr_a2a_tasks_count(tasks), 1); /* the other one goes on */
    tr_a2a_tasks_destroy(&tasks);
}

static json_t *push_of(const char *id) {
    return json_pack("{s:s}", "id", id);
}

static void count_end(void *arg, const tr_a2a_task_t *task) {
    (void)task;
    ++*(int *)arg;
}

static void test_pushes_have_ids_and_are_bounded(void **state) {
    tr_a2a_tasks_t *tasks = tr_a2a_tasks_new();
    tr_a2a_task_t *task = begin(tasks, "ann", 10);
    int ends = 0;
    char id[] = "a";
    (void)state;
    tr_a2a_tasks_tell(tasks, count_end, &ends);
    for (int i = 0; i < TR_A2A_PUSHES; i++, id[0]++)
        assert_true(tr_a2a_task_push(tasks, task, push_of(id), 10));
    assert_false(tr_a2a_task_push(tasks, task, push_of(id), 10));
    assert_true(tr_a2a_task_push(tasks, task, push_of("c"), 10)); /* in place of that */
    assert_false(tr_a2a_task_push(tasks, task, push_of("c"), TR_A2A_BYTES_MAX));
    assert_int_equal(json_array_size(task->pushes), TR_A2A_PUSHES);
    assert_int_equal(tr_a2a_task_push_at(task, "c"), 2);
    assert_int_equal(tr_a2a_task_push_at(task, "z"), TR_A2A_PUSHES);
    tr_a2a_task_end(tasks, task, TR_A2A_COMPLETED, NULL, NULL, 0, 2000);
    tr_a2a_task_end(tasks, task, TR_A2A_FAILED, NULL, NULL, 0, 2000);
    assert_int_equal(ends, 1);
    tr_a2a_tasks_destroy(&tasks);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_task_ends_once),
        cmocka_unit_test(test_each_sees_his_own),
        cmocka_unit_test(test_what_has_ended_makes_room),
        cmocka_unit_test(test_bytes_are_bounded),
        cmocka_unit_test(test_an_hour_later_it_is_forgotten),
        cmocka_unit_test(test_pushes_have_ids_and_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
