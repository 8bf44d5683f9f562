#include "lib/llm/schema.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static json_t *json(const char *text) {
    json_error_t error;
    json_t *value = json_loads(text, JSON_DECODE_ANY, &error);
    if (!value)
        fail_msg("%s: %s", text, error.text);
    return value;
}

static int check(const char *schema_text, const char *value_text, tr_error_t *error) {
    json_t *schema = json(schema_text), *value = json(value_text);
    int r = tr_llm_schema_check(schema, value, error);
    json_decref(schema);
    json_decref(value);
    return r;
}

/* What is wrong, "" = nothing. */
static void expect(const char *schema, const char *value, const char *wrong) {
    tr_error_t error = {0};
    int r = check(schema, value, &error);
    if (strcmp(error.text, wrong) != 0)
        fail_msg("%s against %s: \"%s\", expected \"%s\"", value, schema, error.text, wrong);
    assert_int_equal(r, *wrong ? -EINVAL : 0);
}

static void test_types(void **state) {
    (void)state;
    expect("{\"type\":\"string\"}", "\"x\"", "");
    expect("{\"type\":\"string\"}", "7", "$: expected type string, found 7");
    expect("{\"type\":\"integer\"}", "7", "");
    expect("{\"type\":\"integer\"}", "7.0", "");
    expect("{\"type\":\"integer\"}", "7.5", "$: expected type integer, found 7.5");
    expect("{\"type\":\"number\"}", "7", "");
    expect("{\"type\":\"boolean\"}", "false", "");
    expect("{\"type\":\"null\"}", "null", "");
    expect("{\"type\":[\"string\",\"null\"]}", "null", "");
    expect("{\"type\":[\"string\",\"null\"]}", "[]", "$: expected a type of [\"string\",\"null\"], found []");
    expect("{}", "{\"anything\":[1]}", "");
    expect("true", "1", "");
    expect("false", "1", "$: the schema allows nothing here");
}

static void test_values(void **state) {
    (void)state;
    expect("{\"enum\":[\"a\",\"b\",1]}", "\"b\"", "");
    expect("{\"enum\":[\"a\",\"b\",1]}", "1.0", "");
    expect("{\"enum\":[\"a\",\"b\"]}", "\"c\"", "$: expected one of [\"a\",\"b\"], found \"c\"");
    expect("{\"const\":{\"a\":1}}", "{\"a\":1}", "");
    expect("{\"const\":1}", "2", "$: expected 1, found 2");
    expect("{\"minimum\":1,\"maximum\":3}", "1", "");
    expect("{\"minimum\":1}", "0.5", "$: expected at least 1, found 0.5");
    expect("{\"maximum\":1}", "2", "$: expected at most 1, found 2");
    expect("{\"exclusiveMinimum\":1}", "1", "$: expected more than 1, found 1");
    expect("{\"exclusiveMaximum\":1}", "1", "$: expected less than 1, found 1");
    expect("{\"multipleOf\":0.1}", "0.3", "");
    expect("{\"multipleOf\":3}", "7", "$: expected a multiple of 3, found 7");
    expect("{\"minimum\":1}", "\"no number\"", "");
}

static void test_lengths(void **state) {
    (void)state;
    expect("{\"maxLength\":2}", "\"\xC3\xA4\xC3\xB6\"", "");
    expect("{\"maxLength\":2}", "\"abc\"", "$: expected a number of characters of at most 2, found 3");
    expect("{\"minLength\":2}", "\"\xC3\xA4\"", "$: expected a number of characters of at least 2, found 1");
    expect("{\"minItems\":1}", "[]", "$: expected a number of items of at least 1, found 0");
    expect("{\"maxItems\":1}", "[1,2]", "$: expected a number of items of at most 1, found 2");
    expect("{\"minProperties\":1}", "{}", "$: expected a number of members of at least 1, found 0");
    expect("{\"maxProperties\":1}", "{\"a\":1,\"b\":2}",
        "$: expected a number of members of at most 1, found 2");
    expect(
        "{\"uniqueItems\":true}", "[1,2,1]", "$: expected items that all differ, but 0 and 2 are the same");
    expect("{\"uniqueItems\":true}", "[1,2,\"1\"]", "");
}

static void test_members(void **state) {
    const char *plan =
        "{\"type\":\"object\",\"required\":[\"steps\"],\"additionalProperties\":false,\"properties\":"
        "{\"steps\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/step\"}}},\"$defs\":{\"step\":"
        "{\"type\":\"object\",\"required\":[\"name\"],\"properties\":{\"name\":{\"type\":\"string\"},"
        "\"then\":{\"$ref\":\"#/$defs/step\"}}}}}";
    (void)state;
    expect(plan, "{\"steps\":[]}", "");
    expect(plan, "{\"steps\":[{\"name\":\"a\",\"then\":{\"name\":\"b\"}}]}", "");
    expect(plan, "{}", "$: the member \"steps\" is missing");
    expect(plan, "{\"steps\":[{\"name\":\"a\"},{\"name\":7}]}",
        "$.steps[1].name: expected type string, found 7");
    expect(plan, "{\"steps\":[{\"name\":\"a\",\"then\":{}}]}",
        "$.steps[0].then: the member \"name\" is missing");
    expect(
        plan, "{\"steps\":[],\"more\":1}", "$: there is a member \"more\", which the schema does not have");
    expect("{\"additionalProperties\":{\"type\":\"integer\"}}", "{\"a\":\"x\"}",
        "$.a: expected type integer, found \"x\"");
    expect("{\"prefixItems\":[{\"type\":\"string\"}],\"items\":{\"type\":\"integer\"}}", "[\"a\",1]", "");
    expect("{\"prefixItems\":[{\"type\":\"string\"}],\"items\":{\"type\":\"integer\"}}", "[\"a\",\"b\"]",
        "$[1]: expected type integer, found \"b\"");
    expect("{\"contains\":{\"const\":3}}", "[1,2,3]", "");
    expect("{\"contains\":{\"const\":3}}", "[1,2]", "$: no item is as the schema's \"contains\" asks");
}

static void test_combinations(void **state) {
    const char *one = "{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":5}]}";
    const char *kind = "{\"if\":{\"properties\":{\"k\":{\"const\":1}}},\"then\":{\"required\":[\"a\"]},"
                       "\"else\":{\"required\":[\"b\"]}}";
    (void)state;
    expect("{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]}", "\"x\"", "");
    expect("{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]}", "[]",
        "$: it is none of the 2 alternatives of anyOf");
    expect("{\"anyOf\":[{\"type\":\"integer\"}]}", "[]", "$: expected type integer, found []");
    expect("{\"allOf\":[{\"minimum\":1},{\"maximum\":2}]}", "3", "$: expected at most 2, found 3");
    expect(one, "3", "");
    expect(one, "5.5", "");
    expect(one, "6", "$: expected exactly one of the 2 alternatives of oneOf, it is 2");
    expect("{\"not\":{\"type\":\"string\"}}", "\"x\"", "$: it is what \"not\" forbids");
    expect("{\"not\":{\"type\":\"string\"}}", "1", "");
    expect(kind, "{\"k\":1,\"a\":0}", "");
    expect(kind, "{\"k\":2,\"a\":0}", "$: the member \"b\" is missing");
}

static void test_references_that_lead_nowhere(void **state) {
    static const char *const schemas[] = {"{\"$ref\":\"#/$defs/none\"}",
        "{\"$ref\":\"http://elsewhere/schema\"}", "{\"$ref\":7}", "{\"anyOf\":[{\"$ref\":\"#/none\"},{}]}"};
    (void)state;
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        tr_error_t error = {0};
        assert_int_equal(check(schemas[i], "1", &error), -ENOTSUP);
        assert_non_null(strstr(error.text, "$ref"));
    }
    expect("{\"$defs\":{\"a/b\":{\"type\":\"string\"}},\"$ref\":\"#/$defs/a~1b\"}", "1",
        "$: expected type string, found 1");
}

static void test_work_is_bounded(void **state) {
    tr_error_t error = {0};
    (void)state;
    assert_int_equal(check("{\"$ref\":\"#\"}", "1", &error), -E2BIG);
    /* each level doubles it: 2^40 looks */
    char schema[8000] = "{\"$defs\":{";
    for (int i = 0; i < 40; i++)
        sprintf(schema + strlen(schema),
            "\"%d\":{\"allOf\":[{\"$ref\":\"#/$defs/%d\"},{\"$ref\":\"#/$defs/%d\"}]},", i, i + 1, i + 1);
    strcat(schema, "\"40\":{}},\"$ref\":\"#/$defs/0\"}");
    assert_int_equal(check(schema, "1", &error), -E2BIG);
}

static void test_long_values_are_cut_in_the_words(void **state) {
    char value[400] = "\"";
    tr_error_t error = {0};
    (void)state;
    for (int i = 0; i < 100; i++)
        strcat(value, "\xC3\xA4");
    strcat(value, "\"");
    assert_int_equal(check("{\"type\":\"integer\"}", value, &error), -EINVAL);
    assert_non_null(strstr(error.text, "\xC3\xA4..."));
    assert_true(strlen(error.text) < 120);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_combinations),
        cmocka_unit_test(test_references_that_lead_nowhere),
        cmocka_unit_test(test_work_is_bounded),
        cmocka_unit_test(test_long_values_are_cut_in_the_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
