#include "agentd/behaviours/assistant_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_most_of_the_words_that_say_something(void **state) {
    (void)state;
    static const char report[] = "write a report about the harbour of the town, Friday";
    assert_true(tr_assistant_fits(report, "the report"));
    assert_true(tr_assistant_fits(report, "my reports on harbours"));
    assert_true(tr_assistant_fits(report, "REPORTING"));
    assert_true(tr_assistant_fits(report, "the task about the town\xe2\x80\x99s harbour"));
    assert_false(tr_assistant_fits(report, "the meeting about Friday"));
    assert_false(tr_assistant_fits(report, "the port")); /* a part of a word is none */
    assert_false(tr_assistant_fits(report, "this task"));
    assert_false(tr_assistant_fits(report, ""));
    assert_false(tr_assistant_fits("", "the report"));
    assert_true(tr_assistant_fits(report, "how is the report coming along"));
    assert_true(tr_assistant_asks_how_far("Is the report ready?"));
    assert_false(tr_assistant_asks_how_far("is the harbour deep?"));
}

static void test_words_of_other_languages(void **state) {
    (void)state;
    static const char bericht[] = "Schreibe einen Bericht über den Hafen und die Schiffe der Stadt";
    assert_true(tr_assistant_fits(bericht, "den Bericht über den Hafen"));
    assert_true(tr_assistant_fits(bericht, "Bericht über das Schiff"));
    assert_true(tr_assistant_fits(bericht, "the Bericht")); /* who says it may mix them */
    assert_false(tr_assistant_fits(bericht, "den Termin über die Reise und den Bericht"));
    assert_true(tr_assistant_fits("Préparer les présentations pour la réunion de lundi", "la présentation"));
    assert_false(tr_assistant_fits("Préparer les présentations pour la réunion de lundi", "le café pour la"));
}

static void test_how_many_there_are(void **state) {
    size_t all = 0;
    (void)state;
    assert_int_equal(tr_assistant_words("prepare the slides", "the slides of Monday", &all), 1);
    assert_int_equal(all, 2);
    assert_int_equal(tr_assistant_words("prepare the slides", "it", &all), 0);
    assert_int_equal(all, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_most_of_the_words_that_say_something),
        cmocka_unit_test(test_words_of_other_languages),
        cmocka_unit_test(test_how_many_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
