/* One agent in a file of its own, and where in a file its keys are. */
#include "lib/fleet/description.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static tr_description_t *parsed(const char *text) {
    tr_description_t *description = NULL;
    tr_error_t error = {0};
    if (tr_description_parse(text, strlen(text), "a.yaml", &description, &error) < 0)
        fail_msg("%s", error.text);
    return description;
}

static void refused(const char *text, const char *says) {
    tr_description_t *description = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_description_parse(text, strlen(text), "a.yaml", &description, &error), -EINVAL);
    assert_null(description);
    if (!strstr(error.text, says))
        fail_msg("\"%s\" does not say \"%s\"", error.text, says);
}

static void an_agent_as_yaml(void **state) {
    (void)state;
    tr_description_t *d = parsed("name: reader\nbehaviour: reader\ncount: 4\nservices: read=2\n"
                                 "args: {root: /tmp}\nrestart: {intensity: 0}\nenv: {LANG: C}\n");
    assert_string_equal(d->agent.name, "reader");
    assert_int_equal(d->agent.count, 4);
    assert_int_equal(d->agent.processes, TR_FLEET_ONE);
    assert_string_equal(d->agent.services.items[0], "read=2");
    assert_string_equal(d->agent.args, "{\"root\":\"/tmp\"}");
    assert_int_equal(d->agent.restart.intensity, 0);
    assert_int_equal(d->agent.restart.period_ms, 30000);
    assert_string_equal(d->agent.env.items[0].key, "LANG");
    tr_description_destroy(&d);
    assert_null(d);
}

static void its_state_and_what_the_df_tells(void **state) {
    (void)state;
    tr_description_t *d = parsed(
        "name: a\nbehaviour: echo\nstate: ./kept\npassive-after: 10m\ndescribe: {labels: {env: prod}}\n");
    assert_string_equal(d->agent.state, "./kept");
    assert_true(tr_fleet_keeps_state(&d->agent));
    assert_int_equal(d->agent.passive_ms, 600000);
    assert_string_equal(d->agent.describe, "{\"labels\":{\"env\":\"prod\"}}");
    tr_description_destroy(&d);
    d = parsed("name: a\nbehaviour: echo\nstate: false\n");
    assert_false(tr_fleet_keeps_state(&d->agent));
    tr_description_destroy(&d);
}

static void an_agent_as_json(void **state) {
    (void)state;
    tr_description_t *d =
        parsed("{\"name\":\"sums\",\"exec\":{\"command\":[\"python3\",\"sum.py\"],"
               "\"timeout\":\"5s\"},\"services\":[\"sum\"],\n\t\"args\":{\"in_flight\":4}}");
    assert_string_equal(d->agent.exec.command.items[1], "sum.py");
    assert_int_equal(d->agent.exec.timeout_ms, 5000);
    assert_string_equal(d->agent.args, "{\"in_flight\":4}");
    tr_description_destroy(&d);
}

static void what_is_wrong_is_told_with_its_place(void **state) {
    (void)state;
    refused("behaviour: echo\n", "a.yaml:1:1: missing key \"name\"");
    refused("name: a\nbehavior: echo\n", "a.yaml:2:1: unknown key \"behavior\", did you mean \"behaviour\"?");
    refused("name: a\n", "expected exactly one of the keys behaviour, load and exec");
    refused("name: a\nbehaviour: echo\ncount: 3\nprocesses: per-agent\n", "expected processes: one");
    refused("name: a\nbehaviour: echo\npassive-after: 1m\n", "passive-after needs `state`");
    refused("name: a\nbehaviour: echo\npassive-after: 1m\nstate: false\n", "passive-after needs `state`");
    refused("name: a\nbehaviour: echo\nprotocol: check\n", "for a fleet's supervisor to ask for");
    refused("name: a\nbehaviour: echo\ndescribe: text\n", "describe");
    refused("name: df\nbehaviour: echo\n", "the platform's own");
    refused("- name: a\n", "a.yaml:1:1: expected a mapping, found a list");
    refused("", "the file is empty");
}

static void files_that_cannot_be_read(void **state) {
    (void)state;
    tr_description_t *d = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_description_load("no/such.yaml", &d, &error), -ENOENT);
    assert_string_equal(
        error.text, "no/such.yaml: cannot read this description of an agent: No such file or directory");
    assert_int_equal(tr_description_load("/", &d, &error), -EISDIR);
    assert_null(d);
}

static void keys_have_places(void **state) {
    (void)state;
    static const struct {
        const char *key, *says;
    } rows[] = {
        {"name", "a.yaml:1:7: name: no"},
        {"exec.command[1]", "a.yaml:3:22: exec.command[1]: no"},
        {"exec.command[9]", "a.yaml:3:12: exec.command[9]: no"},
        {"exec.mode", "a.yaml:3:3: exec.mode: no"},
        {"args.deep.x", "a.yaml:5:13: args.deep.x: no"},
        {"args.limit", "a.yaml:4:7: args.limit: no"},
        {"load", "a.yaml:1:1: load: no"},
        {"name.x[0]", "a.yaml:1:7: name.x[0]: no"},
    };
    tr_description_t *d =
        parsed("name: a\nexec:\n  command: [python3, a.py]\nargs: {small: 1,\n  deep: {x: [1]}}\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tr_error_t error = {0};
        assert_int_equal(tr_yaml_file_wrong(&d->file, rows[i].key, &error, "no"), -EINVAL);
        assert_string_equal(error.text, rows[i].says);
    }
    tr_description_destroy(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agent_as_yaml),
        cmocka_unit_test(its_state_and_what_the_df_tells),
        cmocka_unit_test(an_agent_as_json),
        cmocka_unit_test(what_is_wrong_is_told_with_its_place),
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(keys_have_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
