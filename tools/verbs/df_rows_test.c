/* Rows of `troupe df search`. */
#include "tools/verbs/df_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

static json_t *json(const char *text) {
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    return value;
}

static void expect_services(const char *services, const char *expected) {
    json_t *value = json(services);
    char *text = tr_df_services_text(value);
    if (expected)
        assert_string_equal(text, expected);
    else
        assert_null(text);
    free(text);
    json_decref(value);
}

static void services_as_text(void **state) {
    (void)state;
    expect_services(
        "[{\"name\": \"digest\", \"capacity\": 16}, \"echo\", {\"name\": \"x\"}]", "digest (16), echo, x");
    expect_services("[]", NULL);
    expect_services("null", NULL);
    expect_services("[7]", "");
    assert_null(tr_df_services_text(NULL));
}

static void template_of_a_service(void **state) {
    (void)state;
    json_t *template = tr_df_template(NULL, "echo"), *expected = json("{\"services\": [\"echo\"]}");
    assert_true(json_equal(template, expected));
    json_decref(template);
    json_decref(expected);
    template = tr_df_template(json("{\"services\": [\"a\"], \"languages\": [\"en\"]}"), "b");
    expected = json("{\"services\": [\"a\", \"b\"], \"languages\": [\"en\"]}");
    assert_true(json_equal(template, expected));
    json_decref(template);
    json_decref(expected);
    assert_null(tr_df_template(json("{\"services\": \"a\"}"), "b"));
}

static void expect_agent(const json_t *agents, const char *aid, const char *behaviour) {
    const json_t *agent = tr_df_agent(agents, aid);
    if (behaviour)
        assert_string_equal(json_string_value(json_object_get(agent, "behaviour")), behaviour);
    else
        assert_null(agent);
}

static void an_agent_of_a_range(void **state) {
    (void)state;
    json_t *agents = json("[{\"name\": \"c@p\", \"count\": 10, \"behaviour\": \"range\"},"
                          " {\"name\": \"c-3@p\", \"count\": 1, \"behaviour\": \"single\"},"
                          " {\"name\": \"cc@p\", \"count\": 1, \"behaviour\": \"other\"}, {}]");
    expect_agent(agents, "c-0@p", "range");
    expect_agent(agents, "c-9@p", "range");
    expect_agent(agents, "c-3@p", "single"); /* a name of its own comes first */
    expect_agent(agents, "cc@p", "other");
    expect_agent(agents, "c-10@p", NULL);
    expect_agent(agents, "c-07@p", NULL);
    expect_agent(agents, "c-@p", NULL);
    expect_agent(agents, "c-1x@p", NULL);
    expect_agent(agents, "cc-0@p", NULL); /* one agent is no range */
    expect_agent(agents, "c-99999999999999999999@p", NULL);
    json_decref(agents);
}

static void rows_by_name(void **state) {
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    tr_output_t *output;
    tr_output_config_t config = {.out = out,
        .format = TR_OUTPUT_JSON,
        .columns = tr_df_columns,
        .column_count = TR_DF_COLUMNS,
        .stream = true};
    json_t *found =
        json("[{\"name\": \"b-10@p\", \"services\": [\"s\"], \"rooms\": 3}, {\"name\": \"b-9@p\"}]");
    json_t *agents =
        json("[{\"name\": \"b-9@p\", \"count\": 1, \"behaviour\": \"echo\", \"state\": \"active\"}]");
    assert_int_equal(tr_output_new(&config, &output), 0);
    assert_int_equal(tr_df_put(found, agents, TR_OUTPUT_JSON, output), 0);
    assert_int_equal(tr_output_finish(output), 0);
    tr_output_destroy(&output);
    fclose(out);
    char *second = strchr(text, '\n') + 1;
    json_t *row = json_loadb(text, (size_t)(second - text), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(row, "name")), "b-9@p");
    assert_string_equal(json_string_value(json_object_get(row, "behaviour")), "echo");
    assert_string_equal(json_string_value(json_object_get(row, "state")), "active");
    assert_true(json_is_null(json_object_get(row, "properties")));
    json_decref(row);
    row = json_loads(second, 0, NULL);
    assert_true(json_is_null(json_object_get(row, "behaviour")));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(row, "properties"), "rooms")), 3);
    json_decref(row);
    json_decref(found);
    json_decref(agents);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services_as_text),
        cmocka_unit_test(template_of_a_service),
        cmocka_unit_test(an_agent_of_a_range),
        cmocka_unit_test(rows_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
