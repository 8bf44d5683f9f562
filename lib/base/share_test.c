#include "lib/base/share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect_share(const char *has, int64_t total, const char *expected) {
    int64_t counts[9];
    size_t n = 0;
    char got[40] = "";
    for (; has[n]; n++)
        counts[n] = has[n] - '0';
    tr_share_out(counts, n, total);
    for (size_t i = 0; i < n; i++)
        got[i] = (char)('0' + counts[i]);
    assert_string_equal(got, expected);
}

static void places_get_even_shares_and_nothing_moves(void **state) {
    (void)state;
    expect_share("000", 4, "211");
    expect_share("211", 1, "100");
    expect_share("222", 5, "221");
    expect_share("900", 9, "900"); /* as it is is well */
    expect_share("900", 11, "911");
    expect_share("905", 6, "303");
    expect_share("12", 0, "00");
    expect_share("3", 8, "8");
    expect_share("", 4, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_get_even_shares_and_nothing_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
