#include "agentd/mind/plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static tr_methods_t *methods_of(const char *yaml) {
    tr_methods_t *methods = NULL;
    tr_error_t error = {0};
    if (tr_methods_new(yaml, yaml ? strlen(yaml) : 0, "test.yaml", &methods, &error) < 0)
        fail_msg("%s", error.text);
    return methods;
}

/* The plan as "ID(SKILL)<NEED,NEED ...", or "none". */
static void assert_plan(
    const char *yaml, const char *request, const char *skills, size_t most, const char *expected) {
    tr_methods_t *methods = methods_of(yaml);
    json_t *known = skills ? json_loads(skills, 0, NULL) : NULL, *plan = NULL;
    char found[1000] = "";
    assert_int_equal(tr_plan_make(methods, request, strlen(request), known, most, &plan), 0);
    const json_t *subtasks = json_object_get(plan, "subtasks");
    for (size_t i = 0; i < json_array_size(subtasks); i++) {
        const json_t *s = json_array_get(subtasks, i), *needs = json_object_get(s, "needs");
        strcat(strcat(found, i > 0 ? " " : ""), json_string_value(json_object_get(s, "id")));
        strcat(strcat(found, "("), json_string_value(json_array_get(json_object_get(s, "skills"), 0)));
        strcat(found, ")");
        for (size_t j = 0; j < json_array_size(needs); j++)
            strcat(strcat(found, j == 0 ? "<" : ","), json_string_value(json_array_get(needs, j)));
    }
    assert_string_equal(plan ? found : "none", expected);
    if (plan)
        assert_null(tr_plan_wrong(subtasks, known, most));
    json_decref(plan);
    json_decref(known);
    tr_methods_destroy(&methods);
}

static void tasks_are_taken_apart(void **state) {
    (void)state;
    assert_plan(NULL, "Please write a report on whales.", NULL, 16,
        "research-search(search) research-analyse(analyse)<research-search write(write)<research-analyse "
        "review(review)<write");
    assert_plan(NULL, "compare ships with trains", NULL, 16,
        "one-search(search) one-analyse(analyse)<one-search other-search(search) "
        "other-analyse(analyse)<other-search "
        "compare(analyse)<one-analyse,other-analyse");
    assert_plan(NULL, "could you please wash the dishes", NULL, 16, "do(general)");
    assert_plan(NULL, "search for ships", "[\"general\"]", 16, "do(general)");
    assert_plan(NULL, "search for ships", "[\"write\"]", 16, "none");
}

static void methods_give_way_to_those_that_can_be_carried_out(void **state) {
    (void)state;
    assert_plan(NULL, "write a report on whales", "[\"search\", \"summarise\"]", 16,
        "research-search(search) summarise(summarise)<research-search");
    assert_plan(NULL, "write a report on whales", "[\"search\", \"analyse\", \"write\", \"review\"]", 3,
        "research-search(search) research-analyse(analyse)<research-search write(write)<research-analyse");
    assert_plan(NULL, "write a report on whales", "[\"send\"]", 16, "none");
    assert_plan(NULL, "wash the dishes", "[\"search\"]", 16, "none");
    assert_plan(NULL, "", NULL, 16, "none");
}

static void parts_follow_each_other(void **state) {
    (void)state;
    assert_plan(NULL, "search for whales, then send the list to Anna", NULL, 16,
        "1-search(search) 2-write(write)<1-search 2-send(send)<2-write");
}

static void descriptions_and_priority_come_from_the_request(void **state) {
    (void)state;
    json_t *plan = NULL;
    tr_methods_t *methods = methods_of(NULL);
    const char *request = "please find old ships, urgent";
    assert_int_equal(tr_plan_make(methods, request, strlen(request), NULL, 16, &plan), 0);
    char *text = json_dumps(plan, JSON_COMPACT);
    assert_string_equal(text,
        "{\"task\":\"find old ships\",\"priority\":7,\"method\":\"search\",\"subtasks\":[{\"id\":\"search\","
        "\"description\":\"Search for old ships\",\"skills\":[\"search\"],\"needs\":[]}]}");
    free(text);
    json_decref(plan);
    tr_methods_destroy(&methods);
}

/* Tasks that contain themselves, in every method: depth and tries are bounded. */
static void a_library_that_runs_in_a_circle_ends(void **state) {
    (void)state;
    assert_plan("tasks:\n"
                "  - name: a\n"
                "    asked: ['go {x}']\n"
                "    methods:\n"
                "      - {name: m, steps: [{id: one, task: a, with: {x: '{x}'}}, {id: two, task: a}]}\n"
                "      - {name: n, steps: [{id: one, task: a}]}\n",
        "go on", NULL, 16, "none");
}

static void assert_wrong(const char *yaml, const char *expected) {
    tr_methods_t *methods = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_methods_new(yaml, strlen(yaml), "test.yaml", &methods, &error), -EINVAL);
    if (!strstr(error.text, expected) || strncmp(error.text, "test.yaml", 9) != 0)
        fail_msg("%s does not say %s", error.text, expected);
}

#define ONE(steps) "tasks: [{name: a, asked: ['a'], methods: [{name: m, steps: [" steps "]}]}]"

static void libraries_are_checked(void **state) {
    (void)state;
    assert_wrong("tasks: []", "tasks");
    assert_wrong(ONE("{id: x, text: t}"), "skills");
    assert_wrong(ONE("{id: x, text: t, task: a}"), "either a text or a task");
    assert_wrong(ONE("{id: x, task: b}"), "there is no task b");
    assert_wrong(ONE("{id: x, text: t, skills: s, needs: y}, {id: y, text: t, skills: s}"), "x needs y");
    assert_wrong(ONE("{id: x, text: t, skills: s}, {id: x, text: t, skills: s}"), "x twice");
    assert_wrong(ONE("{id: X, text: t, skills: s}"), "a-z");
}

static void assert_plan_wrong(const char *subtasks, const char *skills, const char *expected) {
    json_t *list = json_loads(subtasks, 0, NULL), *known = skills ? json_loads(skills, 0, NULL) : NULL;
    const char *wrong = tr_plan_wrong(list, known, 3);
    assert_non_null(list);
    if (!wrong || !strstr(wrong, expected))
        fail_msg("%s: %s and not %s", subtasks, wrong ? wrong : "nothing", expected);
    json_decref(list);
    json_decref(known);
}

#define SUBTASK(id, needs)                                                                                   \
    "{\"id\":\"" id "\",\"description\":\"d\",\"skills\":[\"s\"],\"needs\":[" needs "]}"

static void plans_are_checked(void **state) {
    (void)state;
    assert_plan_wrong("[]", NULL, "no subtask");
    assert_plan_wrong("[1]", NULL, "an id");
    assert_plan_wrong("[" SUBTASK("a b", "") "]", NULL, "an id");
    assert_plan_wrong("[" SUBTASK("a", "") "," SUBTASK("a", "") "]", NULL, "one id");
    assert_plan_wrong("[" SUBTASK("a", "\"z\"") "]", NULL, "not there");
    assert_plan_wrong("[" SUBTASK("a", "7") "]", NULL, "no id");
    assert_plan_wrong("[" SUBTASK("a", "\"a\"") "]", NULL, "circle");
    assert_plan_wrong(
        "[" SUBTASK("a", "\"c\"") "," SUBTASK("b", "\"a\"") "," SUBTASK("c", "\"b\"") "]", NULL, "circle");
    assert_plan_wrong("[" SUBTASK("a", "") "]", "[\"t\"]", "nobody has");
    assert_plan_wrong("[" SUBTASK("a", "") "," SUBTASK("b", "") "," SUBTASK("c", "") "," SUBTASK("d", "") "]",
        NULL, "too many");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_are_taken_apart),
        cmocka_unit_test(methods_give_way_to_those_that_can_be_carried_out),
        cmocka_unit_test(parts_follow_each_other),
        cmocka_unit_test(descriptions_and_priority_come_from_the_request),
        cmocka_unit_test(a_library_that_runs_in_a_circle_ends),
        cmocka_unit_test(libraries_are_checked),
        cmocka_unit_test(plans_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
