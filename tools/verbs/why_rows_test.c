/* Each reason that `troupe why` can give, from what the AMS and the supervisor say. */
#include "tools/verbs/why_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1000000

/* What the AMS says of an agent that is well and idle; each row of a test changes some of it. */
static const char well[] =
    "{\"name\": \"a@p\", \"count\": 1, \"state\": \"active\", \"apart\": 0, \"since_ms\": 900000, \"by\": "
    "null, "
    "\"reason\": null, \"behaviour\": \"echo\", \"process\": \"agentd\", \"host\": \"h\", \"pid\": 11, "
    "\"silent_ms\": 100, \"reachable\": true, \"quarantined\": false, \"queued\": 0, \"queued_bytes\": 0, "
    "\"oldest_ms\": null, \"in_hand\": 0, \"work_total\": 0, \"work\": [], \"told\": {\"status\": "
    "\"running\", "
    "\"failures\": 0, \"last_error\": null, \"last_error_ms\": null, \"waiting\": 0, \"requests_total\": 0, "
    "\"requests\": [], \"conversations_total\": 0, \"conversations\": []}}";

static json_t *agent_with(const char *changes) {
    json_t *agent = json_loads(well, 0, NULL), *change = json_loads(changes, 0, NULL);
    assert_non_null(agent);
    assert_non_null(change);
    json_t *told = json_object_get(change, "told");
    if (json_is_object(told))
        json_object_update_missing(told, json_object_get(agent, "told"));
    json_object_update(agent, change);
    json_decref(change);
    return agent;
}

static void each_reason(void **state) {
    (void)state;
    static const struct {
        const char *changes, *because;
    } rows[] = {
        {"{}", "nothing holds it up"},
        {"{\"quarantined\": true, \"state\": \"suspended\"}", "it is in quarantine"},
        {"{\"state\": \"suspended\", \"by\": \"cli@p\", \"reason\": \"a pause\", \"since_ms\": 995000}",
            "it is suspended since 5.0s, by cli@p, because a pause: what it is sent waits"},
        {"{\"state\": \"waiting\"}", "it is waiting since 1m40s: what it is sent waits"},
        {"{\"reachable\": false, \"told\": null, \"silent_ms\": 4000}",
            "its process (agentd, pid 11 at h) has not been heard of for 4.0s"},
        {"{\"hung\": \"a@p\", \"hung_ms\": 12000, \"told\": null}",
            "it hangs: it has been busy with one message for 12s, while its link is well (heard 100ms ago)"},
        {"{\"hung\": \"b@p\", \"hung_ms\": 12000}", "in the same process, b@p hangs"},
        {"{\"hung\": \"a@p\", \"hung_ms\": 12000, \"reachable\": false, \"silent_ms\": 4000}",
            "has not been heard of for 4.0s"},
        {"{\"told\": null, \"in_hand\": 7}", "its behaviour is busy, or hangs, with 7 messages in hand"},
        {"{\"count\": 5, \"told\": null}", "nothing holds it up"},
        {"{\"told\": {\"status\": \"backoff\", \"failures\": 3, \"last_error\": \"no entry\", "
         "\"last_error_ms\": "
         "998000}}",
            "its behaviour failed 2.0s ago (no entry, 3 times by now)"},
        {"{\"told\": {\"requests_total\": 2, \"requests\": [{\"receiver\": \"b@p\", \"until_ms\": "
         "1030000}]}, "
         "\"queued\": 9}",
            "it waits for the answers to 2 requests, the first one from b@p, for 30s at most"},
        {"{\"told\": {\"conversations_total\": 1, \"conversations\": [{\"protocol\": \"fipa-request\", "
         "\"peer\": "
         "\"b@p\", \"state\": \"agreed\"}]}}",
            "it is in 1 conversations, the first one fipa-request with b@p (agreed)"},
        {"{\"queued\": 9, \"in_hand\": 2}", "9 messages wait for it, and 2 are at its process"},
        {"{\"told\": {\"status\": \"passive\"}}", "it rests"},
        {"{\"work_total\": 4}", "it has 4 requests in work"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512];
        json_t *agent = agent_with(rows[i].changes);
        tr_why_t why = {.name = "a", .agent = agent, .wall_ms = NOW};
        if (!strstr(tr_why_because(&why, text, sizeof text), rows[i].because))
            fail_msg("%s gives: %s", rows[i].changes, text);
        json_decref(agent);
    }
}

static void who_is_not_registered_is_his_supervisors(void **state) {
    (void)state;
    char text[512];
    json_t *process = json_loads("{\"name\": \"a\", \"state\": \"failed\", \"last_exit\": \"exited with 3\", "
                                 "\"reason\": \"too often\", \"restarts\": 5, \"since_ms\": 990000}",
        0, NULL);
    tr_why_t why = {.name = "a", .supervisor = process, .wall_ms = NOW};
    assert_string_equal(tr_why_because(&why, text, sizeof text),
        "it is not registered: its process is failed, last: exited with 3: too often");
    why.agent = agent_with("{\"reachable\": false, \"told\": null}");
    assert_non_null(
        strstr(tr_why_because(&why, text, sizeof text), "it is out of reach: its process is failed"));
    json_decref((json_t *)why.agent);
    why.agent = NULL;
    why.supervisor = NULL;
    assert_non_null(strstr(tr_why_because(&why, text, sizeof text), "no agent of this name"));
    json_decref(process);
}

static char *printed(const tr_why_t *why, bool lines) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    tr_output_t *output = NULL;
    tr_output_config_t config = {.out = out,
        .format = lines ? TR_OUTPUT_TABLE : TR_OUTPUT_JSON,
        .columns = lines ? tr_why_lines : tr_why_columns,
        .column_count = lines ? 2 : TR_WHY_FIELDS};
    assert_int_equal(tr_output_new(&config, &output), 0);
    if (lines)
        tr_why_put_lines(why, output);
    else
        tr_why_put_object(why, output);
    assert_int_equal(tr_output_finish(output), 0);
    tr_output_destroy(&output);
    fclose(out);
    return text;
}

static void all_is_shown_in_both_forms(void **state) {
    (void)state;
    static const char *const lines[] = {"because", "suspended since", "2 messages (1.0K), the oldest for 10s",
        "request of b@p for svc:sum, conversation c1, for 1.0s",
        "the answer of d@p to query-ref, conversation c2", "c3: fipa-query with e@p as initiator, agreed",
        "no entry, 50s ago; failures: 2", "error before", "no room, 1m00s ago", "pid 11 at h",
        "a-1 running since 1m40s, restarts: 2, last: exited with 3"};
    json_t *agent = agent_with(
        "{\"state\": \"suspended\", \"queued\": 2, \"queued_bytes\": 1024, \"oldest_ms\": 990000, "
        "\"work_total\": 1, "
        "\"work\": [{\"service\": \"sum\", \"performative\": \"request\", \"sender\": \"b@p\", "
        "\"conversation_id\": "
        "\"c1\", \"since_ms\": 999000}], \"told\": {\"requests\": [{\"receiver\": \"d@p\", \"performative\": "
        "\"query-ref\", \"conversation_id\": \"c2\", \"until_ms\": 1000500}], \"conversations\": "
        "[{\"conversation_id\": \"c3\", \"protocol\": \"fipa-query\", \"role\": \"initiator\", \"peer\": "
        "\"e@p\", "
        "\"state\": \"agreed\"}], \"last_error\": \"no entry\", \"last_error_ms\": 950000, \"failures\": 2, "
        "\"errors\": [{\"error\": \"no entry\", \"at_ms\": 950000}, {\"error\": \"no room\", \"at_ms\": "
        "940000}]}}");
    json_t *process = json_loads("{\"name\": \"a-1\", \"state\": \"running\", \"restarts\": 2, \"since_ms\": "
                                 "900000, \"last_exit\": \"exited with 3\"}",
        0, NULL);
    tr_why_t why = {.name = "a", .agent = agent, .supervisor = process, .wall_ms = NOW};
    char *text = printed(&why, true);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(text, lines[i]))
            fail_msg("\"%s\" is not in:\n%s", lines[i], text);
    free(text);
    text = printed(&why, false);
    json_t *rows = json_loads(text, 0, NULL), *row = json_array_get(rows, 0);
    assert_int_equal(json_object_size(row), TR_WHY_FIELDS);
    assert_string_equal(json_string_value(json_object_get(row, "name")), "a@p");
    assert_int_equal(json_integer_value(json_object_get(row, "queued")), 2);
    assert_true(json_equal(json_object_get(row, "supervisor"), process));
    assert_true(json_equal(json_object_get(row, "told"), json_object_get(agent, "told")));
    json_decref(rows);
    free(text);
    json_decref(agent);
    json_decref(process);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reason),
        cmocka_unit_test(who_is_not_registered_is_his_supervisors),
        cmocka_unit_test(all_is_shown_in_both_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
