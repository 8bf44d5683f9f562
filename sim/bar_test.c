#include "sim/bar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void expect(uint64_t step, uint64_t steps, double took, size_t width, const char *line) {
    char out[200];
    size_t len = tr_sim_bar(step, steps, took, width, out, sizeof out);
    assert_string_equal(out, line);
    assert_int_equal(len, strlen(line));
}

static void test_it_grows(void **state) {
    (void)state;
    expect(1, 60, 0.25, 80, "step 1 of 60 [..............................] 0.2 s");
    expect(2, 60, 0.3, 80, "step 2 of 60 [..............................] 0.3 s");
    expect(3, 60, 0.5, 80, "step 3 of 60 [#.............................] 0.5 s, about 14 s left");
    expect(31, 60, 1.5, 80, "step 31 of 60 [###############...............] 1.5 s, about 2 s left");
    expect(60, 60, 3, 0, "step 60 of 60 [#############################.] 3.0 s, about 0 s left");
}

static void test_it_stays_in_its_line(void **state) {
    (void)state;
    expect(500001, 1000000, 100, 90,
        "step 500001 of 1000000 [###############...............] 100.0 s, about 100 s left");
    expect(500001, 1000000, 100, 80,
        "step 500001 of 1000000 [##############..............] 100.0 s, about 100 s left");
    expect(500001, 1000000, 100, 60, "step 500001 of 1000000 [####....] 100.0 s, about 100 s left");
    expect(500001, 1000000, 100, 52, "step 500001 of 1000000 100.0 s, about 100 s left");
    expect(500001, 1000000, 100, 20, "step 500001 of 1000");
    for (size_t width = 2; width < 120; width++) {
        char out[200];
        assert_true(tr_sim_bar(999999, 1000000, 99999.9, width, out, sizeof out) < width);
    }
}

static void test_a_small_buffer(void **state) {
    (void)state;
    char out[8];
    assert_int_equal(tr_sim_bar(1, 60, 0, 80, out, sizeof out), 7);
    assert_string_equal(out, "step 1 ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_grows),
        cmocka_unit_test(test_it_stays_in_its_line),
        cmocka_unit_test(test_a_small_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
