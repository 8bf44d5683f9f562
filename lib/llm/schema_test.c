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

static void test_patterns(void **state) {
    (void)state;
    expect("{\"pattern\":\"^[a-z]+$\"}", "\"abc\"", "");
    expect("{\"pattern\":\"b\"}", "\"abc\"", "");
    expect(
        "{\"pattern\":\"^[a-z]+$\"}", "\"a1\"", "$: expected a text with the pattern ^[a-z]+$, found \"a1\"");
    expect("{\"pattern\":\"^[a-z]+$\"}", "\"abc\\n\"",
        "$: expected a text with the pattern ^[a-z]+$, found \"abc\\n\"");
    expect("{\"pattern\":\"^\\\\d{3}-\\\\w+$\"}", "\"123-x_Y\"", "");
    expect("{\"pattern\":\"^(?<y>\\\\u0041)\\\\k<y>$\"}", "\"AA\"", "");
    expect("{\"pattern\":\"^\\\\p{L}{2}$\"}", "\"\xC3\xA4\xC3\xB6\"", "");
    expect("{\"pattern\":\"^.$\"}", "\"\xC3\xA4\"", "");
    expect("{\"pattern\":\"^a\"}", "7", "");
    expect("{\"items\":{\"pattern\":\"^[a-c]$\"}}", "[\"a\",\"d\"]",
        "$[1]: expected a text with the pattern ^[a-c]$, found \"d\"");
}

static void test_names_of_members(void **state) {
    const char *open = "{\"properties\":{\"id\":{}},\"patternProperties\":{\"^x-\":{\"type\":\"string\"},\"^."
                       "-n\":{\"maxLength\":2}},\"additionalProperties\":false}";
    (void)state;
    expect(open, "{\"id\":1,\"x-a\":\"b\"}", "");
    expect(open, "{\"x-a\":1}", "$.x-a: expected type string, found 1");
    expect(open, "{\"x-n\":\"abc\"}", "$.x-n: expected a number of characters of at most 2, found 3");
    expect(open, "{\"y\":1}", "$: there is a member \"y\", which the schema does not have");
    expect("{\"propertyNames\":{\"pattern\":\"^[a-z]+$\"}}", "{\"ab\":1}", "");
    expect("{\"propertyNames\":{\"maxLength\":2}}", "{\"abc\":1}",
        "the name of the member \"abc\": $: expected a number of characters of at most 2, found 3");
}

static void test_what_members_ask_for(void **state) {
    const char *card = "{\"dependentRequired\":{\"card\":[\"address\"]}}";
    const char *old = "{\"dependencies\":{\"card\":[\"address\"],\"tip\":{\"required\":[\"sum\"]}}}";
    (void)state;
    expect(card, "{\"name\":1}", "");
    expect(card, "{\"card\":1,\"address\":2}", "");
    expect(card, "{\"card\":1}", "with the member \"card\": $: the member \"address\" is missing");
    expect(old, "{\"card\":1}", "with the member \"card\": $: the member \"address\" is missing");
    expect(old, "{\"tip\":1}", "with the member \"tip\": $: the member \"sum\" is missing");
    expect("{\"dependentSchemas\":{\"a\":{\"maxProperties\":1}}}", "{\"a\":1,\"b\":2}",
        "with the member \"a\": $: expected a number of members of at most 1, found 2");
}

static void test_items(void **state) {
    const char *pair = "{\"items\":[{\"type\":\"string\"},{\"type\":\"integer\"}],\"additionalItems\":false}";
    (void)state;
    expect(pair, "[\"a\",1]", "");
    expect(pair, "[\"a\",\"b\"]", "$[1]: expected type integer, found \"b\"");
    expect(pair, "[\"a\",1,2]", "$[2]: the schema allows nothing here");
    expect("{\"contains\":{\"const\":1},\"minContains\":2}", "[1,2]",
        "$: expected 2 items at least that are as \"contains\" asks, found 1");
    expect("{\"contains\":{\"const\":1},\"minContains\":0}", "[2]", "");
    expect("{\"contains\":{\"const\":1},\"maxContains\":1}", "[1,1]",
        "$: expected 1 items at most that are as \"contains\" asks, found 2");
}

static void test_what_nobody_looked_at(void **state) {
    const char *sum =
        "{\"allOf\":[{\"$ref\":\"#/$defs/a\"}],\"properties\":{\"b\":{}},\"unevaluatedProperties\":false,"
        "\"$defs\":{\"a\":{\"properties\":{\"a\":{}},\"patternProperties\":{\"^x\":{}}}}}";
    const char *either = "{\"anyOf\":[{\"properties\":{\"a\":{\"const\":1}},\"required\":[\"a\"]},{"
                         "\"properties\":{\"b\":{}}}],"
                         "\"unevaluatedProperties\":{\"type\":\"string\"}}";
    const char *branch =
        "{\"if\":{\"properties\":{\"k\":{\"const\":1}}},\"then\":{\"properties\":{\"a\":{}}},"
        "\"else\":{\"properties\":{\"k\":{},\"b\":{}}},\"unevaluatedProperties\":false}";
    const char *list =
        "{\"prefixItems\":[{}],\"contains\":{\"const\":5},\"unevaluatedItems\":{\"type\":\"string\"}}";
    (void)state;
    expect(sum, "{\"a\":1,\"b\":2,\"x1\":3}", "");
    expect(sum, "{\"c\":1}", "$: there is a member \"c\", which the schema does not have");
    expect(either, "{\"a\":1}", "");
    expect(either, "{\"a\":2}", "$.a: expected type string, found 2");
    expect(branch, "{\"k\":1,\"a\":1}", "");
    expect(branch, "{\"k\":2,\"a\":1}", "$: there is a member \"a\", which the schema does not have");
    expect(list, "[1,5,\"a\"]", "");
    expect(list, "[1,5,2]", "$[2]: expected type string, found 2");
}

static void test_limits_of_draft_4(void **state) {
    (void)state;
    expect("{\"minimum\":1,\"exclusiveMinimum\":true}", "1", "$: expected more than 1, found 1");
    expect("{\"minimum\":1,\"exclusiveMinimum\":false}", "1", "");
    expect("{\"maximum\":1,\"exclusiveMaximum\":true}", "1", "$: expected less than 1, found 1");
}

static void test_formats(void **state) {
    static const struct {
        const char *format, *good, *bad;
    } cases[] = {
        {"date-time", "2024-02-29T23:59:60.5+02:00", "2023-02-29T10:00:00Z"},
        {"date-time", "2026-11-28t12:00:00z", "2026-11-28 12:00:00"},
        {"date", "2026-11-28", "2026-11-31"},
        {"date", "2000-02-29", "1900-02-29"},
        {"time", "12:00:00Z", "25:00:00Z"},
        {"duration", "P1Y2M3DT4H5M6S", "P"},
        {"duration", "P2W", "P1DT"},
        {"email", "ann@example.org", "ann"},
        {"hostname", "a-b.example", "-a.example"},
        {"ipv4", "192.0.2.1", "192.0.2.256"},
        {"ipv6", "2001:db8::1", "2001:db8:::1"},
        {"uri", "https://example.org/a?b=%20c", "example org"},
        {"uri", "urn:isbn:1", "/a"},
        {"uri-reference", "../a", "a b"},
        {"iri", "https://example.org/\xC3\xA4", "https://example.org/a b"},
        {"uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567"},
        {"json-pointer", "/a~0b/0", "a"},
        {"regex", "^(a|b)$", "("},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char schema[60];
        tr_error_t error = {0};
        snprintf(schema, sizeof schema, "{\"format\":\"%s\"}", cases[i].format);
        json_t *read = json(schema), *good = json_string(cases[i].good), *bad = json_string(cases[i].bad);
        if (tr_llm_schema_check(read, good, &error) != 0)
            fail_msg("%s: %s", cases[i].good, error.text);
        assert_int_equal(tr_llm_schema_check(read, bad, &error), -EINVAL);
        assert_non_null(strstr(error.text, cases[i].format));
        json_decref(read);
        json_decref(good);
        json_decref(bad);
    }
    expect("{\"format\":\"int32\"}", "2147483647", "");
    expect("{\"format\":\"int32\"}", "2147483648", "$: expected an integer of 32 bits, found 2147483648");
    expect("{\"format\":\"date\"}", "7", "");
    expect("{\"format\":\"colour\"}", "\"anything\"", "");
}

/* What is wrong, "" = nothing. */
static void expect_verified(const char *text, const char *wrong, const char *noted) {
    tr_error_t error = {0}, note = {0};
    json_t *schema = json(text);
    int r = tr_llm_schema_verify(schema, &note, &error);
    if (strncmp(error.text, wrong, strlen(wrong)) != 0 || (!*wrong && *error.text))
        fail_msg("%s: \"%s\", expected \"%s\"", text, error.text, wrong);
    assert_int_equal(r, *wrong ? -ENOTSUP : 0);
    assert_string_equal(note.text, noted);
    json_decref(schema);
}

static void test_schemas_are_verified(void **state) {
    (void)state;
    expect_verified(
        "{\"type\":\"object\",\"properties\":{\"a\":{\"pattern\":\"^a\",\"x-own\":1}},\"required\":[\"a\"]}",
        "", "");
    expect_verified(
        "{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"items\":{\"$ref\":\"#/$defs/a\"}}}}", "", "");
    expect_verified("{\"$ref\":\"#/definitions/a%20b~1c\",\"definitions\":{\"a b/c\":{}}}", "", "");
    expect_verified("{\"default\":{\"type\":7},\"enum\":[{\"pattern\":\"(\"}]}", "", "");
    expect_verified("{\"properties\":{\"a\":{\"pattern\":\"(\"}}}",
        "properties.a.pattern: the pattern ( cannot be read: ", "");
    expect_verified(
        "{\"patternProperties\":{\"[\":{}}}", "patternProperties.[: the pattern [ cannot be read: ", "");
    expect_verified("{\"pattern\":\"\\\\C\"}", "pattern: ", "");
    expect_verified("{\"type\":\"strng\"}", "type: expected one of the types", "");
    expect_verified("{\"type\":[]}", "type: expected one of the types", "");
    expect_verified("{\"items\":[{},7]}", "items[1]: expected a schema", "");
    expect_verified("{\"properties\":[]}", "properties: expected names, and a schema of each", "");
    expect_verified("{\"required\":true}", "required: expected a list of texts", "");
    expect_verified(
        "{\"dependentRequired\":{\"a\":[1]}}", "dependentRequired.a: expected a list of texts", "");
    expect_verified(
        "{\"dependencies\":{\"a\":[\"b\"],\"c\":{\"type\":1}}}", "dependencies.c.type: expected", "");
    expect_verified("{\"minLength\":-1}", "minLength: expected a number of 0 or more", "");
    expect_verified("{\"allOf\":[{\"not\":{\"$dynamicRef\":\"#a\"}}]}",
        "allOf[0].not.$dynamicRef: it cannot be checked", "");
    expect_verified(
        "{\"$ref\":\"https://elsewhere/schema\"}", "$ref: \"https://elsewhere/schema\" leads nowhere", "");
    expect_verified("{\"$ref\":\"#/x/y\",\"x\":{\"y\":{\"type\":7}}}", "$ref.type: expected", "");
    expect_verified("{\"anyOf\":[{\"format\":\"colour\"},{\"format\":\"date\"}]}", "",
        "anyOf[0].format: colour is no format that is checked");
    expect_verified("[]", "the schema: expected a schema", "");
}

static void test_patterns_are_bounded(void **state) {
    static const char *const schemas[] = {
        "{\"pattern\":\"^(a+)+$\"}", "{\"pattern\":\"^(a|aa)+$\"}", "{\"pattern\":\"(.*)*(.*)*[0-9]\"}"};
    char value[20100] = "\"";
    tr_error_t error = {0};
    (void)state;
    memset(value + 1, 'a', 60);
    strcpy(value + 61, "!\"");
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        int r = check(schemas[i], value, &error);
        if (r != -E2BIG || !strstr(error.text, "takes too long"))
            fail_msg("%s: %d, %s", schemas[i], r, error.text);
    }
    memset(value + 1, 'a', 20000);
    strcpy(value + 20001, "\"");
    expect("{\"pattern\":\"^a+$\"}", value, ""); /* length alone is no reason */
    /* many that are each within its limit are too many together */
    json_t *list = json_array();
    for (int i = 0; i < 20000; i++)
        json_array_append_new(list, json_string("aaaaaaaaaaaac"));
    json_t *any = json_pack("{s:o}", "items", json("{\"not\":{\"pattern\":\"^(a?){12}[bd]$\"}}"));
    assert_int_equal(tr_llm_schema_check(any, list, &error), -E2BIG);
    json_decref(any);
    json_decref(list);
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
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_names_of_members),
        cmocka_unit_test(test_what_members_ask_for),
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_what_nobody_looked_at),
        cmocka_unit_test(test_limits_of_draft_4),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_schemas_are_verified),
        cmocka_unit_test(test_patterns_are_bounded),
        cmocka_unit_test(test_references_that_lead_nowhere),
        cmocka_unit_test(test_work_is_bounded),
        cmocka_unit_test(test_long_values_are_cut_in_the_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
