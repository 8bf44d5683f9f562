#include "agentd/mind/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The score of the only criterion, whose reason begins so. */
static double judged(const char *text, double mood, const char *input, const char *reason) {
    json_t *object = json_loads(input, 0, NULL);
    assert_null(tr_judge_wrong(object));
    json_t *criteria = tr_judge_criteria(object);
    assert_int_equal(json_array_size(criteria), 1);
    json_t *value = tr_judge_value(tr_judge_all(&(tr_judge_t){text, strlen(text), mood, object}, criteria));
    const json_t *judgement = json_array_get(json_object_get(value, "judgements"), 0);
    const char *said = json_string_value(json_object_get(judgement, "reason"));
    if (strncmp(said, reason, strlen(reason)) != 0)
        fail_msg("\"%s\" is not \"%s\"", said, reason);
    double score = json_number_value(json_object_get(judgement, "score"));
    assert_true(score == json_number_value(json_object_get(value, "score")));
    json_decref(value);
    json_decref(criteria);
    json_decref(object);
    return score;
}

static void test_coverage(void **state) {
    (void)state;
    const char *input = "{\"criteria\":[\"coverage\"],\"question\":\"When was the harbour of Oslo built?\"}";
    assert_true(judged("The harbours in Oslo were built in 1990.", 0, input, "it has all") == 1);
    double half =
        judged("Oslo is nice, built on hills.", 0, input, "it has 67 % of the words, and none like");
    assert_true(half > 0.6 && half < 0.7);
    assert_true(judged("", 0, input, "it has 0 %") == 0);
}

static void test_evidence(void **state) {
    (void)state;
    const char *input =
        "{\"criteria\":[\"evidence\"],\"evidence\":[\"The harbour was rebuilt in 1990.\",\"It is deep.\"]}";
    assert_true(judged("The harbour was rebuilt in 1990.", 0, input, "the evidence bears out all 1 ") == 1);
    assert_true(judged("The harbour was rebuilt in 1990. Whales live there happily.", 0, input,
                    "the evidence bears out 1 of 2 sentences, and not \"Whales live") == 0.5);
    assert_true(judged("", 0, input, "the evidence bears out all 0") == 0);
    const char *apart =
        "{\"criteria\":[\"evidence\"],\"evidence\":[\"It is deep.\",\"The harbour was rebuilt in 1990.\","
        "\"It cost three million euros.\"]}";
    assert_true(judged("The harbour was rebuilt in 1990 and cost three million euros.", 0, apart,
                    "the evidence bears out all 1 ") == 1);
    assert_true(judged("The harbour was rebuilt in 1990 and cost nine hundred dollars.", 0, apart,
                    "the evidence bears out 0 of 1 ") == 0);
}

static void test_length_and_tone(void **state) {
    (void)state;
    assert_true(judged("a b c d", 0, "{\"criteria\":[\"length\"]}", "4 words") == 1);
    assert_true(judged("no", 0, "{\"criteria\":[\"length\"]}", "1 words: too short") < 0.4);
    assert_true(
        judged("a b c d e f", 0, "{\"criteria\":[\"length\"],\"most\":3}", "6 words: too long") == 0.5);
    assert_true(judged("x", -0.5, "{\"criteria\":[\"tone\"]}", "its mood is -0.50") == 0.5);
    assert_true(judged("x", 0.5, "{\"criteria\":[\"tone\"]}", "its mood is 0.50") == 1);
    assert_true(judged("the price is low", 0, "{\"criteria\":[\"prices and dates\"]}", "it has 50 %") == 0.5);
}

static void test_the_usual_criteria(void **state) {
    (void)state;
    json_t *input = json_loads("{\"question\":\"what?\",\"evidence\":[\"that\"]}", 0, NULL);
    json_t *all = tr_judge_criteria(input), *few = tr_judge_criteria(NULL);
    assert_int_equal(json_array_size(all), 4);
    assert_int_equal(json_array_size(few), 2);
    json_decref(all);
    json_decref(few);
    json_decref(input);
}

static void test_wrong_inputs(void **state) {
    static const char *const wrong[] = {"{\"criteria\":[]}", "{\"criteria\":[\"\"]}", "{\"criteria\":5}",
        "{\"evidence\":[1]}", "{\"question\":1}", "{\"most\":2}"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_t *input = json_loads(wrong[i], 0, NULL);
        assert_non_null(tr_judge_wrong(input));
        json_decref(input);
    }
    assert_null(tr_judge_wrong(NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_evidence),
        cmocka_unit_test(test_length_and_tone),
        cmocka_unit_test(test_the_usual_criteria),
        cmocka_unit_test(test_wrong_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
