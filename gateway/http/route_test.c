#include "gateway/http/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const tr_web_route_t routes[] = {
    {.method = TR_WEB_GET, .path = "/", .id = "root"},
    {.method = TR_WEB_GET, .path = "/tasks", .id = "list"},
    {.method = TR_WEB_POST, .path = "/tasks", .id = "submit"},
    {.method = TR_WEB_GET, .path = "/tasks/{task}", .id = "show"},
    {.method = TR_WEB_GET, .path = "/tasks/numbers", .id = "numbers"},
    {.method = TR_WEB_POST, .path = "/tasks/{task}/cancel", .id = "cancel"},
};

static tr_web_match_t find(tr_web_method_t method, const char *path) {
    tr_web_match_t match;
    tr_web_route_find(routes, sizeof routes / sizeof *routes, method, path, &match);
    return match;
}

static void test_the_route_of_method_and_path(void **state) {
    (void)state;
    assert_string_equal(find(TR_WEB_GET, "/").route->id, "root");
    assert_string_equal(find(TR_WEB_GET, "/tasks").route->id, "list");
    assert_string_equal(find(TR_WEB_POST, "/tasks").route->id, "submit");
    assert_string_equal(find(TR_WEB_HEAD, "/tasks").route->id, "list");
    assert_string_equal(find(TR_WEB_POST, "/tasks/a/cancel").route->id, "cancel");
}

static void test_what_is_given_comes_before_what_may_be_anything(void **state) {
    (void)state;
    assert_string_equal(find(TR_WEB_GET, "/tasks/numbers").route->id, "numbers");
    assert_string_equal(find(TR_WEB_GET, "/tasks/number").route->id, "show");
}

static void test_another_method_is_told_from_another_path(void **state) {
    (void)state;
    tr_web_match_t match = find(TR_WEB_DELETE, "/tasks");
    assert_null(match.route);
    assert_int_equal(match.allowed, 1u << TR_WEB_GET | 1u << TR_WEB_POST);
    match = find(TR_WEB_GET, "/task");
    assert_null(match.route);
    assert_int_equal(match.allowed, 0);
}

static void test_paths_that_are_none(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "", "tasks", "//", "/tasks//cancel", "/tasks/a/cancel/b", "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(find(TR_WEB_GET, wrong[i]).allowed, 0);
}

static void test_the_parts_of_a_path(void **state) {
    (void)state;
    tr_web_match_t match = find(TR_WEB_POST, "/tasks/abc/cancel");
    tr_web_part_t part = tr_web_match_part(&match, "task");
    assert_int_equal(part.len, 3);
    assert_memory_equal(part.at, "abc", 3);
    assert_null(tr_web_match_part(&match, "tas").at);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_route_of_method_and_path),
        cmocka_unit_test(test_what_is_given_comes_before_what_may_be_anything),
        cmocka_unit_test(test_another_method_is_told_from_another_path),
        cmocka_unit_test(test_paths_that_are_none),
        cmocka_unit_test(test_the_parts_of_a_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
