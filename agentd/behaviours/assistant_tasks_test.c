/* Plans as a planner tells them. */
#include "agentd/behaviours/assistant_tasks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The ids of the subtasks, in their order, with blanks between. */
static void taken_as(const char *subtasks, const char *expected) {
    char ids[100] = "";
    json_t *plan = json_object(), *one;
    json_t *known = json_pack("{s:{s:o}}", "plan", "subtasks", json_loads(subtasks, 0, NULL));
    size_t i;
    assert_non_null(known);
    tr_assistant_take_plan(plan, known);
    json_array_foreach(json_object_get(plan, "subtasks"), i, one) {
        strcat(ids, i ? " " : "");
        strcat(ids, json_string_value(json_object_get(one, "id")));
    }
    assert_string_equal(ids, expected);
    json_decref(known);
    json_decref(plan);
}

static void test_each_stands_behind_what_it_needs(void **state) {
    (void)state;
    taken_as("[{\"id\": \"c\", \"needs\": [\"b\"]}, {\"id\": \"a\", \"needs\": []}, {\"id\": \"b\", "
             "\"needs\": [\"a\"]}]",
        "a b c");
}

static void test_what_needs_something_unknown_is_there_too(void **state) {
    (void)state;
    taken_as("[{\"id\": \"b\", \"needs\": [\"x\"]}, {\"id\": \"c\", \"needs\": [\"b\"]}, {\"id\": \"a\"}]",
        "a b c");
    taken_as("[{\"id\": \"a\", \"needs\": [\"b\"]}, {\"id\": \"b\", \"needs\": [\"a\"]}]",
        "a b"); /* in a circle */
}

static void test_what_is_no_subtask_is_left_out(void **state) {
    (void)state;
    taken_as("[null, 3, {\"needs\": []}, {\"id\": 7}, {\"id\": \"a\"}, {\"id\": \"a\"}]", "a");
    taken_as("[null]", "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_stands_behind_what_it_needs),
        cmocka_unit_test(test_what_needs_something_unknown_is_there_too),
        cmocka_unit_test(test_what_is_no_subtask_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
