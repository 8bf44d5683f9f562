#include "agentd/mind/rank.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SPAN(s) ((tr_text_span_t){(s), strlen(s)})

static void what_shares_rare_words_comes_first(void **state) {
    (void)state;
    const tr_text_span_t texts[] = {SPAN("The weather in the city was fine."),
        SPAN("Brokers route messages between agents in the city."),
        SPAN("A message broker is routing; the broker keeps messages."), SPAN("")};
    double scores[4];
    assert_int_equal(tr_rank(SPAN("how does the broker route a message"), texts, 4, scores), 0);
    assert_true(scores[2] > scores[1]);
    assert_true(scores[1] > 0);
    assert_true(scores[0] == 0);
    assert_true(scores[3] == 0);
    assert_int_equal(tr_rank(SPAN("of the"), texts, 4, scores), 0);
    assert_true(scores[2] == 0);
    assert_int_equal(tr_rank(SPAN("broker"), texts, 0, scores), 0);
}

static void profile_and_evidence_choose(void **state) {
    (void)state;
    const tr_text_span_t options[] = {SPAN("take the train"), SPAN("take the plane"), SPAN("take the car")};
    const tr_text_span_t evidence[] = {SPAN("the plane is terribly late"), SPAN("the car is in good order")};
    double scores[3];
    assert_int_equal(tr_choose(SPAN("I like trains"), options, 3, NULL, NULL, 0, scores), 0);
    assert_true(scores[0] > scores[1] && scores[0] > scores[2]);
    assert_int_equal(tr_choose(SPAN(""), options, 3, evidence, (double[]){-.6, .4}, 2, scores), 0);
    assert_true(scores[2] > scores[0]);
    assert_true(scores[0] > scores[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_shares_rare_words_comes_first),
        cmocka_unit_test(profile_and_evidence_choose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
