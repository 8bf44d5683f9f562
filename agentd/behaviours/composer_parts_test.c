/* What a composer cites, and how it numbers that. */
#include "agentd/behaviours/composer_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static json_t *job_of(const char *text) {
    const char *wrong = NULL;
    json_t *asked = json_loads(text, 0, NULL);
    assert_non_null(asked);
    json_t *job = tr_composer_job(asked, &wrong);
    json_decref(asked);
    assert_non_null(job);
    assert_null(wrong);
    return job;
}

static void expect(json_t *value, const char *wanted) {
    json_t *same = json_loads(wanted, JSON_DECODE_ANY, NULL);
    assert_non_null(same);
    if (!json_equal(value, same)) {
        char *told = json_dumps(value, JSON_ENCODE_ANY);
        fail_msg("%s", told);
    }
    json_decref(same);
    json_decref(value);
}

#define PARTS                                                                                                \
    "[{\"task\": \"a\", \"agent\": \"x\", \"description\": \"read\", \"result\": {\"text\": \"T\", "         \
    "\"citations\": ["                                                                                       \
    "{\"number\": 4, \"id\": \"one\", \"quote\": \"First.\"}, {\"id\": \"two\", \"quote\": \"Second.\"}]}}," \
    " {\"task\": \"b\", \"result\": \"Third.\"}, {\"task\": \"c\", \"result\": {\"winner\": \"two\", "       \
    "\"why\": \"votes\"}}]"

static void the_chosen_document_comes_first(void **state) {
    (void)state;
    json_t *job = job_of("{\"action\": \"compose\", \"question\": \"What?\", \"parts\": " PARTS "}");
    expect(tr_composer_passages(job), "[\"Second.\", \"First.\", \"Third.\"]");
    expect(tr_composer_text(job), "\"Second.\\n\\nFirst.\\n\\nThird.\\n\\n\"");
    json_decref(job);
}

static void what_is_cited_is_numbered_anew(void **state) {
    (void)state;
    json_t *job = job_of("{\"action\": \"compose\", \"question\": \"What?\", \"parts\": " PARTS "}");
    json_t *answer = json_loads("{\"text\": \"Third. [3] As [7] and [0] say: Second. [1] Again. [3]\", "
                                "\"citations\": [{\"passage\": 2},"
                                " {\"passage\": 0, \"text\": \"Second.\"}, {\"passage\": 2, \"text\": "
                                "\"More.\"}, {\"passage\": 99}]}",
        0, NULL);
    assert_non_null(answer);
    expect(tr_composer_answer(job, answer, "me"),
        "{\"text\": \"Third. [1] As [7] and [0] say: Second. [2] Again. [1]\", \"by\": \"me\","
        " \"evidence\": [{\"task\": \"b\", \"quote\": \"Third. [...] More.\", \"number\": 1},"
        " {\"task\": \"a\", \"agent\": \"x\", \"description\": \"read\", \"id\": \"two\", \"quote\": "
        "\"Second.\", \"number\": 2}],"
        " \"choice\": {\"winner\": \"two\", \"why\": \"votes\"}}");
    json_object_set_new(answer, "citations", json_array());
    assert_null(tr_composer_answer(job, answer, "me")); /* nothing is said without evidence */
    json_decref(answer);
    json_decref(job);
}

static void a_sum_has_each_part_for_its_evidence(void **state) {
    (void)state;
    json_t *job = job_of("{\"action\": \"compose\", \"input\": {\"text\": \"What?\"}, \"parts\": [{\"task\": "
                         "\"a\", \"result\": {\"n\": 7}},"
                         " {\"task\": \"b\", \"result\": null}]}");
    expect(tr_composer_passages(job), "[\"{\\\"n\\\":7}\"]");
    json_t *text = json_string("Seven.");
    expect(tr_composer_sum(job, text, "me"),
        "{\"text\": \"Seven.\", \"by\": \"me\", \"evidence\": [{\"task\": "
        "\"a\", \"number\": 1}, {\"task\": \"b\", \"number\": 2}]}");
    expect(tr_composer_sum(job, NULL, "me"), "{\"text\": \"\", \"by\": \"me\", \"evidence\": []}");
    json_decref(text);
    json_decref(job);
}

static void what_is_no_composition_is_told(void **state) {
    static const char *const wrong[] = {"{}", "{\"action\": \"compose\"}",
        "{\"action\": \"compose\", \"question\": \"q\", \"parts\": []}",
        "{\"action\": \"compose\", \"question\": \"q\", \"parts\": [{}]}",
        "{\"action\": \"compose\", \"question\": \"q\", \"parts\": [7]}",
        "{\"action\": \"compose\", \"parts\": [{\"task\": \"a\"}]}"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *why = NULL;
        json_t *asked = json_loads(wrong[i], 0, NULL);
        assert_null(tr_composer_job(asked, &why));
        assert_non_null(why);
        json_decref(asked);
    }
    const char *why = NULL;
    assert_null(tr_composer_job(NULL, &why));
    assert_non_null(why);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chosen_document_comes_first),
        cmocka_unit_test(what_is_cited_is_numbered_anew),
        cmocka_unit_test(a_sum_has_each_part_for_its_evidence),
        cmocka_unit_test(what_is_no_composition_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
