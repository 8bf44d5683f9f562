#include "tools/fleet/fleet_request.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct read {
    json_t *content;
    tr_fleet_request_t request;
    tr_error_t error;
    int rc;
} read_t;

static read_t *read_text(const char *text) {
    read_t *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->content = json_loads(text, JSON_ALLOW_NUL, NULL);
    assert_non_null(r->content);
    r->rc = tr_fleet_request_read(r->content, &r->request, &r->error);
    return r;
}

static void done(read_t *r) {
    tr_fleet_request_finish(&r->request);
    json_decref(r->content);
    free(r);
}

static void refused(const char *text, const char *says) {
    read_t *r = read_text(text);
    assert_int_equal(r->rc, -EINVAL);
    if (!strstr(r->error.text, says))
        fail_msg("%s: \"%s\" does not say \"%s\"", text, r->error.text, says);
    done(r);
}

static void test_a_new_agent_with_all_settings(void **state) {
    (void)state;
    read_t *r = read_text(
        "{\"action\": \"attach\", \"name\": \"py\", \"count\": 3, \"services\": [\"sum\", \"mul=4\"],"
        "\"subscribe\": [\"news.>\"], \"args\": {\"a\": [1]}, \"command\": [\"python3\", \"x.py\"],"
        "\"exec_mode\": \"once\", \"exec_timeout_ms\": 5, \"directory\": \"/tmp\", \"timeout_ms\": 70,"
        "\"ticket\": \"t\"}");
    const tr_fleet_agent_t *a = &r->request.agent;
    assert_int_equal(r->rc, 0);
    assert_int_equal(r->request.action, TR_FLEET_ATTACH);
    assert_true(r->request.settings);
    assert_true(r->request.wait);
    assert_string_equal(r->request.ticket, "t");
    assert_string_equal(r->request.directory, "/tmp");
    assert_int_equal(r->request.timeout_ms, 70);
    assert_string_equal(a->name, "py");
    assert_int_equal(a->count, 3);
    assert_int_equal(a->services.count, 2);
    assert_string_equal(a->services.items[1], "mul=4");
    assert_null(a->services.items[2]);
    assert_string_equal(a->subscribe.items[0], "news.>");
    assert_string_equal(a->args, "{\"a\":[1]}");
    assert_int_equal(a->exec.command.count, 2);
    assert_int_equal(a->exec.mode, TR_FLEET_EXEC_ONCE);
    assert_int_equal(a->exec.timeout_ms, 5);
    assert_int_equal(a->restart.intensity, tr_restart_default.intensity);
    done(r);
}

static void test_a_command_may_be_called_exec(void **state) {
    (void)state;
    read_t *r =
        read_text("{\"action\": \"attach\", \"name\": \"a\", \"behaviour\": \"exec\", \"command\": [\"x\"]}");
    assert_int_equal(r->rc, 0);
    assert_true(r->request.settings);
    assert_null(r->request.agent.behaviour);
    done(r);
}

static void test_a_further_member_brings_no_settings(void **state) {
    (void)state;
    read_t *r = read_text("{\"action\": \"attach\", \"name\": \"reader\", \"wait\": false}");
    assert_int_equal(r->rc, 0);
    assert_false(r->request.settings);
    assert_false(r->request.wait);
    assert_int_equal(r->request.count, 1);
    done(r);
}

static void test_what_is_wrong_is_told(void **state) {
    (void)state;
    refused("{}", "expected status, attach");
    refused("{\"action\": \"dwon\"}", "did you mean \"down\"");
    refused("{\"action\": 7}", "expected status, attach");
    refused("{\"action\": \"attach\"}", "name: is missing");
    refused("{\"action\": \"attach\", \"name\": \"a b\"}", "is no name");
    refused("{\"action\": \"attach\", \"name\": \"a\\u0000b\"}", "name: expected a text");
    refused("{\"action\": \"attach\", \"name\": \"broker\", \"behaviour\": \"echo\"}", "the platform's own");
    refused("{\"action\": \"attach\", \"name\": \"fleet\", \"behaviour\": \"echo\"}", "the platform's own");
    refused(
        "{\"action\": \"attach\", \"name\": \"a\", \"behaviour\": \"b\", \"load\": \"c\"}", "found several");
    refused("{\"action\": \"attach\", \"name\": \"a\", \"behaviour\": \"exec\"}", "needs a command");
    refused("{\"action\": \"attach\", \"name\": \"a\", \"args\": {}}", "needs a behaviour");
    refused("{\"action\": \"attach\", \"name\": \"a\", \"services\": \"s\"}", "services: expected a list");
    refused(
        "{\"action\": \"attach\", \"name\": \"a\", \"services\": [1]}", "services: expected a list of texts");
    refused("{\"action\": \"attach\", \"name\": \"a\", \"args\": [1]}", "args: expected a JSON object");
    refused("{\"action\": \"attach\", \"name\": \"a\", \"count\": 0}", "from 1 to 1000");
    refused("{\"action\": \"attach\", \"name\": \"a\", \"count\": 1001}", "from 1 to 1000");
    refused("{\"action\": \"attach\", \"name\": \"a\", \"count\": \"1\"}", "from 1 to 1000");
    refused("{\"action\": \"attach\", \"name\": \"a\", \"command\": [\"x\"], \"exec_mode\": \"twice\"}",
        "persistent or once");
    refused("{\"action\": \"attach\", \"name\": \"a\", \"behaviour\": \"b\", \"directory\": \"x\"}",
        "absolute path");
    refused("{\"action\": \"detach\"}", "name: is missing");
    refused("{\"action\": \"status\", \"offset\": -1}", "offset");
    refused("{\"action\": \"down\", \"timeout_ms\": 0}", "timeout_ms");
}

static void test_scale(void **state) {
    (void)state;
    read_t *r = read_text("{\"action\": \"scale\", \"groups\": {\"reader\": 3, \"clerk\": 0}}");
    assert_int_equal(r->rc, 0);
    assert_int_equal(json_object_size(r->request.groups), 2);
    done(r);
    refused("{\"action\": \"scale\"}", "groups: expected");
    refused("{\"action\": \"scale\", \"groups\": {}}", "groups: expected");
    refused("{\"action\": \"scale\", \"groups\": {\"reader\": -1}}", "reader: expected a whole number");
    refused("{\"action\": \"scale\", \"groups\": {\"reader\": 1e9}}", "reader: expected a whole number");
    refused("{\"action\": \"scale\", \"groups\": {\"reader\": null}}", "reader: expected a whole number");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_agent_with_all_settings),
        cmocka_unit_test(test_a_command_may_be_called_exec),
        cmocka_unit_test(test_a_further_member_brings_no_settings),
        cmocka_unit_test(test_what_is_wrong_is_told),
        cmocka_unit_test(test_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
