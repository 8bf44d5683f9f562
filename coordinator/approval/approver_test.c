#include "coordinator/approval/approver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void an_empty_list_is_everybody(void **state) {
    (void)state;
    assert_true(tr_approver_may(NULL, "ann@p"));
    assert_true(tr_approver_may("", "ann@p"));
}

static void names_of_agents(void **state) {
    static const char list[] = "ann\nbob@office\ncli-*";
    static const char *const may[] = {"ann@p", "ann@office", "bob@office", "cli-7f@p", "cli-@q"};
    static const char *const may_not[] = {
        "anna@p", "an@p", "bob@p", "bob@office2", "cli@p", "xcli-1@p", "eve@ann", "@p"};
    (void)state;
    for (size_t i = 0; i < sizeof may / sizeof *may; i++)
        assert_true(tr_approver_may(list, may[i]));
    for (size_t i = 0; i < sizeof may_not / sizeof *may_not; i++)
        assert_false(tr_approver_may(list, may_not[i]));
}

static void persons_behind_an_agent(void **state) {
    (void)state;
    assert_true(tr_approver_may("gateway/ann", "gateway@p/ann"));
    assert_true(tr_approver_may("gateway@p/ann", "gateway@p/ann"));
    assert_true(tr_approver_may("gateway", "gateway@p/bob")); /* whom it lets in */
    assert_false(tr_approver_may("gateway/ann", "gateway@p/bob"));
    assert_false(tr_approver_may("gateway/ann", "gateway@p/anna"));
    assert_false(tr_approver_may("gateway/ann", "gateway@p")); /* without saying for whom */
    assert_false(tr_approver_may("gateway/ann", "other@p/ann"));
    assert_false(tr_approver_may("ann", "gateway@p/ann"));
    assert_false(tr_approver_may("gateway/ann", "gateway@p/a\nann"));
}

static void what_is_a_name(void **state) {
    char too_long[TR_APPROVER_MAX + 2];
    (void)state;
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    assert_true(tr_approver_valid("ann") && tr_approver_valid("cli-*") && tr_approver_valid("gateway@p/ann"));
    assert_false(tr_approver_valid("") || tr_approver_valid("a b") || tr_approver_valid("a\nb") ||
                 tr_approver_valid("/ann") || tr_approver_valid("gateway/") || tr_approver_valid(too_long));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_list_is_everybody),
        cmocka_unit_test(names_of_agents),
        cmocka_unit_test(persons_behind_an_agent),
        cmocka_unit_test(what_is_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
