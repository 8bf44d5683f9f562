#include "lib/base/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const verbs[] = {
    "up", "down", "ps", "attach", "detach", "scale", "topics", "completion", NULL};

static void counts_edits(void **state) {
    (void)state;
    assert_int_equal(tr_suggest_distance("", ""), 0);
    assert_int_equal(tr_suggest_distance("listen", "listen"), 0);
    assert_int_equal(tr_suggest_distance("LISTEN", "listen"), 0);
    assert_int_equal(tr_suggest_distance("lisen", "listen"), 1);
    assert_int_equal(tr_suggest_distance("lsiten", "listen"), 1);
    assert_int_equal(tr_suggest_distance("ca", "abc"), 3);
    assert_int_equal(tr_suggest_distance("", "abc"), 3);
    char longer[TR_SUGGEST_WORD_MAX + 2];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_true(tr_suggest_distance(longer, "abc") == SIZE_MAX);
    assert_int_equal(tr_suggest_distance(longer + 1, ""), TR_SUGGEST_WORD_MAX);
}

static void finds_the_nearest(void **state) {
    (void)state;
    assert_string_equal(tr_suggest("attahc", verbs), "attach");
    assert_string_equal(tr_suggest("dettach", verbs), "detach");
    assert_string_equal(tr_suggest("sclae", verbs), "scale");
    assert_string_equal(tr_suggest("compl", verbs), "completion");
    assert_string_equal(tr_suggest("pss", verbs), "ps");
}

static void finds_nothing_far(void **state) {
    (void)state;
    assert_null(tr_suggest("elephant", verbs));
    assert_null(tr_suggest("", verbs));
    assert_null(tr_suggest("c", verbs));
    assert_null(tr_suggest("x", (const char *const[]){"y", NULL}));
    assert_null(tr_suggest("x", (const char *const[]){NULL}));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_edits),
        cmocka_unit_test(finds_the_nearest),
        cmocka_unit_test(finds_nothing_far),
    };
    return cmocka_run_group_tests_name("suggest", tests, NULL, NULL);
}
