#include "tools/up/fleet_status.h"
#include "tools/verbs/ps_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1000000

static const char processes[] = "[{\"name\": \"broker\", \"state\": \"running\", \"pid\": 10, \"restarts\": "
                                "2, \"since_ms\": 990000, \"agents\": 0,"
                                "  \"attached\": false},"
                                " {\"name\": \"r-1\", \"group\": \"r\", \"state\": \"running\", \"pid\": 11, "
                                "\"restarts\": 0, \"since_ms\": 999000,"
                                "  \"agents\": 1, \"attached\": true, \"last_exit\": \"exited with 1\"},"
                                " {\"name\": \"r-2\", \"group\": \"r\", \"state\": \"failed\", \"pid\": 0, "
                                "\"restarts\": 5, \"since_ms\": 999000,"
                                "  \"agents\": 1, \"attached\": false, \"reason\": \"too often\"},"
                                " {\"name\": \"r\", \"group\": \"r\", \"state\": \"running\", \"pid\": 12, "
                                "\"restarts\": 0, \"since_ms\": 2000000,"
                                "  \"agents\": 9, \"attached\": false}]";
static const char agents[] =
    "[{\"name\": \"r-1@p\", \"count\": 1, \"state\": \"suspended\", \"behaviour\": \"echo\", \"pid\": 11, "
    "\"queued\": 3,"
    "  \"received\": 4, \"in_hand\": 1, \"sent\": 2, \"since_ms\": 999500, \"host\": \"h\", \"process\": "
    "\"agentd\"},"
    " {\"name\": \"r@p\", \"count\": 9, \"state\": \"active\", \"behaviour\": \"echo\", \"pid\": 12, "
    "\"since_ms\": 1},"
    " {\"name\": \"far@p\", \"count\": 2, \"state\": \"active\", \"behaviour\": \"relay\", \"pid\": 77, "
    "\"since_ms\": 900000},"
    " {\"name\": \"cli-1@p\", \"count\": 1, \"state\": \"active\", \"pid\": 78, \"since_ms\": 900000}]";

static json_t *rows_of(const char *of_processes, const char *of_agents, const char *self) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    tr_output_t *output = NULL;
    tr_column_t columns[TR_PS_COLUMNS];
    tr_ps_columns(NULL, columns);
    tr_output_config_t config = {
        .out = out, .format = TR_OUTPUT_JSON, .columns = columns, .column_count = TR_PS_COLUMNS};
    tr_ps_t ps = {.processes = of_processes ? json_loads(of_processes, 0, NULL) : NULL,
        .agents = json_loads(of_agents, 0, NULL),
        .self = self,
        .wall_ms = NOW};
    assert_int_equal(tr_output_new(&config, &output), 0);
    size_t n;
    assert_int_equal(tr_ps_put(&ps, output, &n), 0);
    assert_int_equal(tr_output_finish(output), 0);
    tr_output_destroy(&output);
    fclose(out);
    json_t *rows = json_loads(text, 0, NULL);
    free(text);
    json_decref(ps.processes);
    json_decref(ps.agents);
    assert_int_equal(json_array_size(rows), n);
    return rows;
}

/* Compares some columns of a row with `expected`, a JSON object. */
static void holds(const json_t *rows, size_t i, const char *expected) {
    json_t *want = json_loads(expected, 0, NULL), *value;
    const char *key;
    assert_non_null(want);
    json_object_foreach(want, key, value) {
        json_t *have = json_object_get(json_array_get(rows, i), key);
        char *text = json_dumps(have, JSON_ENCODE_ANY);
        if (!json_equal(have, value))
            fail_msg("row %zu: %s is %s", i, key, text);
        free(text);
    }
    json_decref(want);
}

static void test_processes_and_agents_become_one_list(void **state) {
    (void)state;
    json_t *rows = rows_of(processes, agents, "cli-1@p");
    assert_int_equal(json_array_size(rows), 5);
    holds(rows, 0,
        "{\"name\": \"broker\", \"state\": \"running\", \"behaviour\": null, \"pid\": 10, \"uptime\": 10000,"
        " \"restarts\": 2, \"queued\": null, \"agents\": 0, \"group\": null}");
    holds(rows, 1,
        "{\"name\": \"r-1\", \"state\": \"suspended\", \"behaviour\": \"echo\", \"pid\": 11, \"uptime\": "
        "1000,"
        " \"queued\": 3, \"received\": 4, \"in_hand\": 1, \"sent\": 2, \"attached\": true, \"host\": \"h\","
        " \"last_exit\": \"exited with 1\"}");
    holds(rows, 2,
        "{\"name\": \"r-2\", \"state\": \"failed\", \"pid\": null, \"uptime\": null, \"restarts\": 5,"
        " \"reason\": \"too often\"}");
    holds(rows, 3, "{\"name\": \"r\", \"state\": \"running\", \"agents\": 9, \"uptime\": 0}");
    holds(rows, 4,
        "{\"name\": \"far\", \"state\": \"active\", \"behaviour\": \"relay\", \"pid\": 77, \"uptime\": "
        "100000,"
        " \"restarts\": null, \"agents\": 2, \"attached\": null}");
    json_decref(rows);
}

static void test_who_hangs_and_who_rests(void **state) {
    (void)state;
    json_t *rows = rows_of("[{\"name\": \"busy\", \"state\": \"running\", \"pid\": 10, \"agents\": 1}]",
        "[{\"name\": \"busy@p\", \"count\": 1, \"state\": \"active\", \"hung\": \"busy@p\", \"hung_ms\": "
        "12000},"
        " {\"name\": \"idle@p\", \"count\": 3, \"state\": \"active\", \"passive\": 3, \"hung_ms\": null},"
        " {\"name\": \"most@p\", \"count\": 3, \"state\": \"active\", \"passive\": 2}]",
        NULL);
    holds(rows, 0, "{\"state\": \"hangs\", \"reason\": \"busy@p has been busy with one message for 12s\"}");
    holds(rows, 1, "{\"state\": \"passive\", \"passive\": 3, \"reason\": null}");
    holds(rows, 2, "{\"state\": \"active\", \"passive\": 2}");
    json_decref(rows);
}

static void test_what_runs_and_cannot_be_reached(void **state) {
    (void)state;
    json_t *rows = rows_of("[{\"name\": \"broker\", \"state\": \"running\", \"pid\": 10, \"agents\": 0},"
                           " {\"name\": \"gone\", \"state\": \"running\", \"pid\": 11, \"agents\": 1},"
                           " {\"name\": \"mute\", \"state\": \"running\", \"pid\": 12, \"agents\": 1},"
                           " {\"name\": \"new\", \"state\": \"starting\", \"pid\": 13, \"agents\": 1}]",
        "[{\"name\": \"mute@p\", \"count\": 1, \"state\": \"active\", \"reachable\": false},"
        " {\"name\": \"far@p\", \"count\": 1, \"state\": \"waiting\", \"reachable\": false}]",
        NULL);
    holds(rows, 0, "{\"name\": \"broker\", \"state\": \"running\", \"reason\": null}");
    holds(rows, 1,
        "{\"name\": \"gone\", \"state\": \"lost\", \"pid\": 11,"
        " \"reason\": \"the broker has given it up: it is stopped, or cut off\"}");
    holds(rows, 2, "{\"name\": \"mute\", \"state\": \"unreachable\"}");
    holds(rows, 3, "{\"name\": \"new\", \"state\": \"starting\"}");
    holds(rows, 4, "{\"name\": \"far\", \"state\": \"unreachable\"}");
    json_decref(rows);
}

static void test_without_a_supervisor_there_are_the_agents(void **state) {
    (void)state;
    json_t *rows = rows_of(NULL, agents, NULL);
    assert_int_equal(json_array_size(rows), 4);
    holds(rows, 0, "{\"name\": \"r-1\", \"state\": \"suspended\", \"pid\": 11, \"uptime\": 500}");
    json_decref(rows);
}

static void test_words_of_a_status(void **state) {
    (void)state;
    tr_member_t member = {.ready = false};
    assert_string_equal(tr_member_state_word(&member, TR_CHILD_IDLE), "starting");
    assert_string_equal(tr_member_state_word(&member, TR_CHILD_RUNNING), "starting");
    assert_string_equal(tr_member_state_word(&member, TR_CHILD_BACKOFF), "backoff");
    member.ready = true;
    assert_string_equal(tr_member_state_word(&member, TR_CHILD_RUNNING), "running");
    char text[80];
    tr_print_exit(&(tr_child_view_t){.ended = true, .exit_code = 3}, text, sizeof text);
    assert_string_equal(text, "exited with 3");
    tr_print_exit(&(tr_child_view_t){.ended = true, .exit_code = -1, .exit_signal = 9}, text, sizeof text);
    assert_string_equal(text, "killed by signal 9 (SIGKILL)");
    tr_print_exit(&(tr_child_view_t){0}, text, sizeof text);
    assert_string_equal(text, "");
}

static void test_the_status_of_a_fleet(void **state) {
    (void)state;
    static const char *const argv[] = {"/bin/true", NULL};
    tr_roster_t roster;
    tr_supervise_t *supervise = NULL;
    tr_supervise_config_t config = {0};
    tr_group_t *group = NULL;
    tr_fleet_agent_t agent = {.name = "echo", .behaviour = "echo", .count = 1200};
    tr_state_info_t info = {.fleet = "trio", .pid = 4711, .listen = "tcp://h:1"};
    tr_roster_init(&roster);
    assert_int_equal(tr_supervise_new(&config, &supervise), 0);
    assert_int_equal(tr_roster_add_group(&roster, &agent, "/", false, &group, NULL), 0);
    for (int i = 1; i <= 1200; i++) {
        tr_member_t *member = NULL;
        assert_int_equal(tr_roster_join(&roster, group, i, &member, NULL), 0);
        tr_child_spec_t spec = {.name = member->name, .argv = argv};
        assert_int_equal(tr_supervise_add(supervise, &spec, &member->child, NULL), 0);
    }
    tr_fleet_status_t status = {.info = &info,
        .roster = &roster,
        .supervise = supervise,
        .now_ms = 500,
        .wall_ms = NOW,
        .offset = 1000};
    json_t *json = tr_fleet_status_json(&status);
    assert_int_equal(json_integer_value(json_object_get(json, "total")), 1200);
    assert_int_equal(json_array_size(json_object_get(json, "processes")), 200);
    const json_t *first = json_array_get(json_object_get(json, "processes"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "name")), "echo-1001");
    assert_string_equal(json_string_value(json_object_get(first, "state")), "starting");
    assert_int_equal(json_integer_value(json_object_get(first, "agents")), 1);
    assert_string_equal(tr_fleet_state_word(&status), "ready");
    roster.members[7]->state = TR_CHILD_FAILED;
    assert_string_equal(tr_fleet_state_word(&status), "degraded");
    status.ending = true;
    assert_string_equal(tr_fleet_state_word(&status), "ending");
    json_decref(json);
    tr_supervise_destroy(&supervise);
    tr_roster_finish(&roster);
}

static bool shows(const char *text, const char *column) {
    tr_column_t columns[TR_PS_COLUMNS];
    json_t *json = json_loads(text, 0, NULL);
    tr_ps_columns(json, columns);
    json_decref(json);
    for (size_t i = 0; i < TR_PS_COLUMNS; i++)
        if (!strcmp(columns[i].name, column))
            return !columns[i].wide;
    return false;
}

static void test_what_is_durable_is_shown_where_there_is_any(void **state) {
    (void)state;
    assert_false(shows("[]", "on_disk"));
    assert_false(shows("[{\"durable\": false, \"leased\": 0, \"on_disk\": 0}]", "leased"));
    assert_true(shows("[{\"durable\": true}]", "on_disk"));
    assert_true(shows("[{}, {\"leased\": 2}]", "leased"));
    assert_false(shows("[{\"durable\": true}]", "host"));
}

static void test_a_range_is_shown_with_its_count(void **state) {
    (void)state;
    assert_false(shows("[{\"count\": 1}]", "agents"));
    assert_true(shows("[{\"count\": 1}, {\"count\": 100}]", "agents"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_processes_and_agents_become_one_list),
        cmocka_unit_test(test_who_hangs_and_who_rests),
        cmocka_unit_test(test_what_runs_and_cannot_be_reached),
        cmocka_unit_test(test_without_a_supervisor_there_are_the_agents),
        cmocka_unit_test(test_what_is_durable_is_shown_where_there_is_any),
        cmocka_unit_test(test_a_range_is_shown_with_its_count),
        cmocka_unit_test(test_words_of_a_status),
        cmocka_unit_test(test_the_status_of_a_fleet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
