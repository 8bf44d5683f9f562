#include "agentd/mind/act.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agentd/mind/act_arguments.h"

#define TOOLS                                                                                                \
    "[{\"name\":\"calculate\",\"description\":\"Works out "                                                  \
    "arithmetic.\",\"parameters\":{\"type\":\"object\","                                                     \
    "\"required\":[\"expression\"],\"properties\":{\"expression\":{\"type\":\"string\"}}}},"                 \
    "{\"name\":\"fetch\",\"description\":\"Gets a page of the web.\",\"parameters\":{\"type\":\"object\","   \
    "\"required\":[\"url\"],\"properties\":{\"url\":{\"type\":\"string\",\"format\":\"uri\"}}}},"            \
    "{\"name\":\"knowledge\",\"description\":\"Searches the knowledge base for texts.\",\"parameters\":{"    \
    "\"type\":\"object\",\"required\":[\"query\"],\"properties\":{\"query\":{\"type\":\"string\"},"          \
    "\"k\":{\"type\":\"integer\"}}}},"                                                                       \
    "{\"name\":\"archive\",\"description\":\"Searches the archive for old texts.\",\"parameters\":{"         \
    "\"type\":\"object\",\"required\":[\"query\"],\"properties\":{\"query\":{\"type\":\"string\"}}}}]"

/* What comes next, as JSON, or why not; freed by the caller. */
static char *next_of(const char *task, const char *steps) {
    tr_thesaurus_t *thesaurus = NULL;
    json_t *value = NULL;
    const char *why = "";
    json_t *input =
        json_pack("{s:o, s:o}", "tools", json_loads(TOOLS, 0, NULL), "steps", json_loads(steps, 0, NULL));
    assert_null(tr_act_wrong(input));
    assert_int_equal(tr_thesaurus_new(NULL, 0, &thesaurus), 0);
    assert_int_equal(tr_act_next(thesaurus, task, strlen(task), input, &value, &why), 0);
    char *told = value ? json_dumps(value, JSON_COMPACT) : strdup(why);
    json_decref(value);
    json_decref(input);
    tr_thesaurus_destroy(&thesaurus);
    return told;
}

static void assert_next(const char *task, const char *steps, const char *expected) {
    char *told = next_of(task, steps);
    assert_string_equal(told, expected);
    free(told);
}

static void test_a_tool_is_chosen_by_words_and_by_what_it_needs(void **state) {
    (void)state;
    assert_next("what is (2 + 3) * 4?", "[]",
        "{\"calls\":[{\"tool\":\"calculate\",\"arguments\":{\"expression\":\"(2 + 3) * 4\"}}]}");
    assert_next("Please read https://example.org/a.html.", "[]",
        "{\"calls\":[{\"tool\":\"fetch\",\"arguments\":{\"url\":\"https://example.org/a.html\"}}]}");
    assert_next("search the knowledge base for the top 5 whales", "[]",
        "{\"calls\":[{\"tool\":\"knowledge\",\"arguments\":{\"query\":\"whales\",\"k\":5}}]}");
    assert_next("find texts about whales", "[]",
        "{\"calls\":[{\"tool\":\"knowledge\",\"arguments\":{\"query\":\"texts about whales\"}}]}");
    assert_next("dance", "[]", "none of the tools fits the task, or what they need is not in it");
}

#define FAILED "{\"tool\":\"knowledge\",\"arguments\":{},\"status\":\"unavailable\",\"text\":\"\"}"

static void test_where_one_fails_the_next_is_tried(void **state) {
    (void)state;
    assert_next("search for old texts", "[" FAILED "]",
        "{\"calls\":[{\"tool\":\"knowledge\",\"arguments\":{\"query\":\"old texts\"}}]}");
    assert_next("search for old texts", "[" FAILED "," FAILED "]", "none of the tools that fit it succeeded");
}

#define SUM "{\"tool\":\"calculate\",\"arguments\":{},\"status\":\"ok\",\"text\":\"5\"}"
#define FOUND                                                                                                \
    "{\"tool\":\"knowledge\",\"arguments\":{},\"status\":\"ok\",\"text\":\"{\\\"results\\\":[{\\\"id\\\":"   \
    "\\\"x\\\",\\\"text\\\":\\\"Five is odd.\\\"}]}\"}"

#define UNKNOWN "{\"tool\":\"knowledge\",\"arguments\":{},\"status\":\"unknown-outcome\",\"text\":\"\"}"

static void test_behind_what_may_have_been_done_nothing_more_is(void **state) {
    static const char why[] =
        "whether a tool has done what it was called for is not known, since its process ended "
        "meanwhile: see what it has done, and then ask for what is left";
    (void)state;
    assert_next("search for old texts", "[" UNKNOWN "]", why);
    assert_next("search for old texts, then calculate 2+3", "[" UNKNOWN "]", why);
}

static void test_parts_follow_each_other(void **state) {
    const char *task = "calculate 2+3, then search the knowledge base for the result";
    (void)state;
    assert_next(task, "[]", "{\"calls\":[{\"tool\":\"calculate\",\"arguments\":{\"expression\":\"2+3\"}}]}");
    assert_next(task, "[" SUM "]", "{\"calls\":[{\"tool\":\"knowledge\",\"arguments\":{\"query\":\"5\"}}]}");
    assert_next(task, "[" SUM "," FOUND "]", "{\"answer\":\"5\\nFive is odd.\",\"evidence\":[0,1]}");
    assert_next("Calculate 2+3. Read http://example.org/x.", "[" SUM "]",
        "{\"calls\":[{\"tool\":\"fetch\",\"arguments\":{\"url\":\"http://example.org/x\"}}]}");
    assert_next("calculate 2+3, then dance", "[" SUM "]", "{\"answer\":\"5\",\"evidence\":[0]}");
}

static void assert_arguments(const char *schema, const char *part, const char *expected) {
    double telling;
    json_t *object = json_loads(schema, 0, NULL);
    json_t *found = tr_act_arguments(object, (tr_part_t){part, strlen(part)}, NULL, &telling);
    char *told = found ? json_dumps(found, JSON_COMPACT) : strdup("none");
    assert_string_equal(told, expected);
    free(told);
    json_decref(found);
    json_decref(object);
}

static void test_arguments(void **state) {
    (void)state;
    assert_arguments("{\"required\":[\"a\",\"b\"],\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{"
                     "\"type\":\"number\"}}}",
        "add 3 to 4.5", "{\"a\":3,\"b\":4.5}");
    assert_arguments(
        "{\"required\":[\"a\"],\"properties\":{\"a\":{\"type\":\"integer\"}}}", "add 4.5", "none");
    assert_arguments("{\"required\":[\"file\"],\"properties\":{\"file\":{\"type\":\"string\"}}}",
        "count /etc/hosts.", "{\"file\":\"/etc/hosts\"}");
    assert_arguments("{\"required\":[\"unit\"],\"properties\":{\"unit\":{\"enum\":[\"km\",\"miles\"]}}}",
        "how many miles?", "{\"unit\":\"miles\"}");
    assert_arguments(
        "{\"properties\":{\"unit\":{\"enum\":[\"km\"]},\"x\":{\"type\":\"string\"}}}", "now", "{}");
    assert_arguments("{\"required\":[\"text\"],\"properties\":{\"text\":{\"type\":\"string\"}}}",
        "say \"good day\" to all", "{\"text\":\"good day\"}");
    assert_arguments(
        "{\"required\":[\"to\"],\"properties\":{\"to\":{\"type\":\"string\",\"format\":\"email\"}}}",
        "write to ann@example.org, please", "{\"to\":\"ann@example.org\"}");
    assert_arguments("{\"required\":[\"on\",\"all\"],\"properties\":{\"on\":{\"type\":\"boolean\"},\"all\":{"
                     "\"type\":\"array\"}}}",
        "tea, milk and sugar", "{\"on\":false,\"all\":[\"tea\",\"milk\",\"sugar\"]}");
    assert_arguments("{\"required\":[\"o\"],\"properties\":{\"o\":{\"type\":\"object\"}}}", "x", "none");
}

static void test_wrong_inputs(void **state) {
    static const char *const wrong[] = {"{}", "{\"tools\":5}", "{\"tools\":[{\"name\":\"x\"}]}",
        "{\"tools\":[],\"steps\":[1]}", "{\"tools\":[],\"steps\":{}}", "{\"tools\":[],\"context\":1}"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_t *input = json_loads(wrong[i], 0, NULL);
        assert_non_null(tr_act_wrong(input));
        json_decref(input);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tool_is_chosen_by_words_and_by_what_it_needs),
        cmocka_unit_test(test_where_one_fails_the_next_is_tried),
        cmocka_unit_test(test_behind_what_may_have_been_done_nothing_more_is),
        cmocka_unit_test(test_parts_follow_each_other),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_wrong_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
