#include "tools/kb/measure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void near(double a, double b) {
    if (fabs(a - b) > 1e-9)
        fail_msg("%.9f is not %.9f", a, b);
}

static void a_perfect_ranking(void **state) {
    (void)state;
    double ranked[] = {3, 2, 1, 0}, judged[] = {1, 3, 2};
    tr_kb_measures_t m = tr_kb_measure(ranked, 4, judged, 3, 10);
    near(m.ndcg, 1);
    near(m.recall, 1);
    near(m.rr, 1);
}

/* By hand: DCG = 2/log2(3) + 1/log2(5); ideal = 2 + 1/log2(3). */
static void one_by_hand(void **state) {
    (void)state;
    double ranked[] = {0, 2, 0, 1}, judged[] = {1, 2};
    tr_kb_measures_t m = tr_kb_measure(ranked, 4, judged, 2, 10);
    near(m.ndcg, (2 / log2(3) + 1 / log2(5)) / (2 + 1 / log2(3)));
    near(m.recall, 1);
    near(m.rr, .5);
}

static void what_is_behind_k_does_not_count(void **state) {
    (void)state;
    double ranked[] = {0, 0, 1}, judged[] = {1, 1, 1, 0};
    tr_kb_measures_t m = tr_kb_measure(ranked, 3, judged, 4, 2);
    near(m.ndcg, 0);
    near(m.recall, 0);
    near(m.rr, 0);
    m = tr_kb_measure(ranked, 3, judged, 4, 3);
    near(m.recall, 1.0 / 3);
    near(m.rr, 1.0 / 3);
}

static void nothing_relevant(void **state) {
    (void)state;
    double ranked[] = {0}, judged[] = {0};
    near(tr_kb_measure(ranked, 1, judged, 1, 10).ndcg, 0);
    near(tr_kb_measure(NULL, 0, NULL, 0, 10).recall, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_perfect_ranking),
        cmocka_unit_test(one_by_hand),
        cmocka_unit_test(what_is_behind_k_does_not_count),
        cmocka_unit_test(nothing_relevant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
