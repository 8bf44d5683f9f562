#include "tools/fleet/fleet_supervisors.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

static const char everything[] =
    "fleet: digest\n"
    "broker:\n"
    "  listen: ipc:///tmp/digest.sock\n"
    "  stream: tcp://[::1]:5571\n"
    "  http: 127.0.0.1:8080\n"
    "  options: {mailbox-records: 65536, lease: 5s}\n"
    "agents:\n"
    "  - name: reader\n"
    "    behaviour: reader\n"
    "    count: 4\n"
    "    processes: one\n"
    "    services: [read, skim=4]\n"
    "    subscribe: [news.>]\n"
    "    mind: built-in\n"
    "    args: {words: 3, ratio: 0.5, text: \"3\", deep: [true, null, {a: x}]}\n"
    "    restart: {policy: on-failure, backoff: 1s, max-backoff: 1m, intensity: 7, period: 2m}\n"
    "    env: {LANG: C, LEVEL: 3}\n"
    "  - {name: own, load: ./my.so}\n"
    "  - name: program\n"
    "    exec: {command: [python3, agent.py], mode: once, timeout: 1500ms}\n"
    "supervisors:\n"
    "  - {name: top, children: [line, program], intensity: 2, period: 1m, backoff: 1s, max-backoff: 2s}\n"
    "  - {name: line, strategy: rest-for-one, children: [own]}\n";

static tr_fleet_t *parsed(const char *text) {
    tr_fleet_t *fleet = NULL;
    tr_error_t error = {0};
    if (tr_fleet_parse(text, strlen(text), "f.yaml", &fleet, &error) < 0)
        fail_msg("%s", error.text);
    return fleet;
}

static void test_every_key_is_read(void **state) {
    (void)state;
    tr_fleet_t *fleet = parsed(everything);
    assert_string_equal(fleet->name, "digest");
    assert_string_equal(fleet->broker.listen, "ipc:///tmp/digest.sock");
    assert_string_equal(fleet->broker.stream, "tcp://[::1]:5571");
    assert_string_equal(fleet->broker.http, "127.0.0.1:8080");
    assert_int_equal(fleet->broker.options.count, 2);
    assert_string_equal(fleet->broker.options.items[1].key, "lease");
    assert_string_equal(fleet->broker.options.items[1].value, "5s");
    assert_int_equal(fleet->agent_list.count, 3);
    const tr_fleet_agent_t *a = tr_fleet_agents(fleet);
    assert_string_equal(a->behaviour, "reader");
    assert_int_equal(a->count, 4);
    assert_int_equal(a->processes, TR_FLEET_ONE);
    assert_int_equal(a->services.count, 2);
    assert_string_equal(a->services.items[1], "skim=4");
    assert_null(a->services.items[2]);
    assert_string_equal(a->subscribe.items[0], "news.>");
    assert_string_equal(
        a->args, "{\"words\":3,\"ratio\":0.5,\"text\":\"3\",\"deep\":[true,null,{\"a\":\"x\"}]}");
    assert_int_equal(a->restart.when, TR_RESTART_ON_FAILURE);
    assert_int_equal(a->restart.backoff_ms, 1000);
    assert_int_equal(a->restart.max_backoff_ms, 60000);
    assert_int_equal(a->restart.intensity, 7);
    assert_int_equal(a->restart.period_ms, 120000);
    assert_string_equal(a->env.items[1].value, "3");
    assert_int_equal(a->line, 8);
    assert_string_equal(a[1].load, "./my.so");
    assert_string_equal(a[2].exec.command.items[1], "agent.py");
    assert_int_equal(a[2].exec.mode, TR_FLEET_EXEC_ONCE);
    assert_int_equal(a[2].exec.timeout_ms, 1500);
    const tr_fleet_supervisor_t *top = tr_fleet_supervisor(fleet, "top");
    assert_int_equal(top->strategy, TR_ONE_FOR_ONE);
    assert_int_equal(top->restart.intensity, 2);
    assert_int_equal(top->restart.period_ms, 60000);
    assert_int_equal(top->restart.backoff_ms, 1000);
    assert_int_equal(top->restart.max_backoff_ms, 2000);
    assert_int_equal(tr_fleet_supervisor(fleet, "line")->strategy, TR_REST_FOR_ONE);
    assert_ptr_equal(tr_fleet_supervisor_of(fleet, "line"), top);
    assert_string_equal(tr_fleet_supervisor_of(fleet, "own")->name, "line");
    assert_null(tr_fleet_supervisor_of(fleet, "top"));
    tr_fleet_destroy(&fleet);
    assert_null(fleet);
    tr_fleet_destroy(&fleet);
}

static void test_defaults_are_those_of_the_header(void **state) {
    (void)state;
    tr_fleet_t *fleet = parsed("fleet: f\nagents: [{name: a, behaviour: echo}]\n");
    assert_string_equal(fleet->broker.listen, "tcp://127.0.0.1:0");
    assert_string_equal(fleet->broker.stream, "tcp://127.0.0.1:0");
    assert_string_equal(fleet->broker.http, "127.0.0.1:0");
    const tr_fleet_agent_t *a = tr_fleet_agents(fleet);
    assert_int_equal(a->count, 1);
    assert_int_equal(a->processes, TR_FLEET_PER_AGENT);
    assert_null(a->args);
    assert_int_equal(a->exec.command.count, 0);
    assert_memory_equal(&a->restart, &tr_restart_default, sizeof a->restart);
    char here[4096];
    assert_non_null(getcwd(here, sizeof here));
    assert_string_equal(fleet->directory, here);
    tr_fleet_destroy(&fleet);
    fleet = parsed("fleet: f\nagents: []\nbroker:\n");
    assert_int_equal(fleet->agent_list.count, 0);
    assert_string_equal(fleet->broker.http, "127.0.0.1:0");
    tr_fleet_destroy(&fleet);
}

#define ONE "fleet: f\nagents:\n  - name: a\n    behaviour: echo\n"

static const struct {
    const char *text, *error;
} wrongs[] = {
    {"", "f.yaml:1:1: the file is empty"},
    {"[]", "f.yaml:1:1: expected a mapping, found a list"},
    {"agents: []", "f.yaml:1:1: missing key \"fleet\""},
    {"fleet: f", "f.yaml:1:1: missing key \"agents\""},
    {"fleet: f\nagents:\n", "f.yaml:2:1: agents: nothing is given, and it is needed"},
    {"fleet: f\nfleet: g\nagents: []", "f.yaml:2:1: fleet: given twice"},
    {"fleet: ../f\nagents: []", "f.yaml:1:8: fleet: expected a name: 1 to 63 of A-Z a-z 0-9 . _ -, first a "
                                "letter or a digit, found \"../f\""},
    {"fleet: ..\nagents: []", "f.yaml:1:8: fleet: expected a name: 1 to 63 of A-Z a-z 0-9 . _ -, first a "
                              "letter or a digit, found \"..\""},
    {"fleet: f\nagent: []", "f.yaml:2:1: unknown key \"agent\", did you mean \"agents\"?"},
    {"fleet: f\nzzz: []", "f.yaml:2:1: unknown key \"zzz\"; the keys are fleet, broker, coordinator, "
                          "knowledge, gateway, exporter, state, secure, metrics, "
                          "trace-one-in, agents, supervisors"},
    {"fleet: f\nknowledge: {shards: 60, leaving: 5}\nagents: []",
        "f.yaml:2:34: knowledge.leaving: expected 64 shards at most, with those that are leaving"},
    {"fleet: f\nagents: {}", "f.yaml:2:9: agents: expected a list, found a mapping"},
    {"fleet: f\nagents: [7]", "f.yaml:2:10: agents[0]: expected a mapping, found \"7\""},
    {"fleet: f\nagents: [[]]", "f.yaml:2:10: agents[0]: expected a mapping, found a list"},
    {"fleet: f\nagents:\n  - behaviour: echo", "f.yaml:3:5: agents[0]: missing key \"name\""},
    {"fleet: f\nagents:\n  - name: a",
        "f.yaml:3:5: agents[0]: expected exactly one of the keys behaviour, load and exec, found none"},
    {ONE "supervisors: [{name: s}]", "f.yaml:5:15: supervisors[0]: missing key \"children\""},
    {ONE "supervisors: [{name: s, children: [b]}]", "f.yaml:5:36: supervisors[0].children[0]: there is no "
                                                    "agent or supervisor \"b\"; expected the name of "
                                                    "an entry"},
    {ONE "supervisors: [{name: sup, children: [a]}, {name: t, children: [spu]}]",
        "f.yaml:5:64: supervisors[1].children[0]: there is no agent or supervisor \"spu\", did you mean "
        "\"sup\"?"},
    {ONE "supervisors: [{name: s, children: [a]}, {name: t, children: [a]}]",
        "f.yaml:5:62: supervisors[1].children[0]: \"a\" is a child of \"s\" in line 5 already; expected one "
        "supervisor for each"},
    {ONE "supervisors: [{name: s, children: [a, a]}]",
        "f.yaml:5:39: supervisors[0].children[1]: \"a\" is given twice"},
    {ONE "supervisors: [{name: s, children: [t]}, {name: t, children: [s]}]",
        "f.yaml:5:35: supervisors[0].children: \"s\" is, by others, a supervisor of itself; expected a tree"},
    {ONE "supervisors: [{name: a, children: [a]}]",
        "f.yaml:5:22: supervisors[0].name: \"a\" is taken: expected a name that no agent and no other "
        "supervisor has"},
    {ONE "supervisors: [{name: s, strategy: all, children: [a]}]",
        "f.yaml:5:35: supervisors[0].strategy: expected one-for-one, one-for-all or rest-for-one, found "
        "\"all\""},
    {ONE "    restart: {policy: never, intensity: 9}\nsupervisors: [{name: s, children: [a]}]",
        "f.yaml:5:14: agents[0].restart: \"a\" has the supervisor \"s\": expected only `policy` here, and "
        "the "
        "rest in line 6"},
    {ONE "    load: x.so",
        "f.yaml:3:5: agents[0]: expected exactly one of the keys behaviour, load and exec, found several"},
    {"fleet: f\nagents: [{name: a, behaviour: exec}]",
        "f.yaml:2:10: agents[0]: expected `exec: {command: [PROGRAM, ARGUMENT...]}` in place of behaviour: "
        "exec"},
    {ONE "    count: four",
        "f.yaml:5:12: agents[0].count: expected a whole number from 1 to 1000000, found \"four\""},
    {ONE "    count: 0",
        "f.yaml:5:12: agents[0].count: expected a whole number from 1 to 1000000, found \"0\""},
    {ONE "    count: 1000001",
        "f.yaml:5:12: agents[0].count: expected a whole number from 1 to 1000000, found \"1000001\""},
    {ONE "    count: [1]",
        "f.yaml:5:12: agents[0].count: expected a whole number from 1 to 1000000, found a list"},
    {ONE "    count: 20000",
        "f.yaml:3:5: agents[0]: a count of 20000 would start as many processes; expected at most "
        "10000, or processes: one"},
    {ONE "    processes: on", "f.yaml:5:16: agents[0].processes: expected per-agent or one, found \"on\""},
    {ONE "    durable: yes", "f.yaml:5:14: agents[0].durable: expected false or true, found \"yes\""},
    {ONE "    durable: true",
        "f.yaml:5:14: agents[0].durable: its broker keeps no journal: expected `broker: {journal: "
        "true}`, or no durable agent"},
    {ONE "    durable: true\nbroker: {journal: false}",
        "f.yaml:5:14: agents[0].durable: its broker keeps no journal: expected `broker: {journal: true}`, or "
        "no durable "
        "agent"},
    {ONE "broker: {journal: ''}",
        "f.yaml:5:19: broker.journal: expected true, false, a directory or postgres, found nothing"},
    {ONE "broker: {journal: true, options: {journal: j}}",
        "f.yaml:5:44: broker.options.journal: broker.journal says it already: expected one of the two"},
    {ONE "    state: postgres", "f.yaml:5:12: agents[0].state: the fleet names no database: expected `state: "
                                "{postgres: FILE}` beside `agents`"},
    {ONE "    mind: gpt", "f.yaml:5:11: agents[0].mind: expected built-in, a mapping, or a file of models "
                          "(NAME.yaml), found \"gpt\""},
    {ONE "    mind: [gpt]", "f.yaml:5:11: agents[0].mind: expected built-in, a mapping, or a file of models "
                            "(NAME.yaml), found a list"},
    {ONE "    services: [read, 'a b']", "f.yaml:5:22: agents[0].services[1]: expected the name of a service, "
                                        "or NAME=N for N unfinished requests at once, found \"a b\""},
    {ONE "    subscribe: [a..b]",
        "f.yaml:5:17: agents[0].subscribe[0]: expected a topic or a pattern such as news.> or "
        "news.*.today, found \"a..b\""},
    {ONE "    args: [1]", "f.yaml:5:11: agents[0].args: expected a mapping, found a list"},
    {ONE "    args: {a: 1, a: 2}", "f.yaml:5:18: agents[0].args: this key is given twice"},
    {ONE "    args: {a: 99999999999999999999}",
        "f.yaml:5:15: agents[0].args: this number is too large; quote it to make it a text"},
    {ONE "    args: {a: \"x\\0y\"}",
        "f.yaml:5:15: agents[0].args: a NUL character cannot be part of a value"},
    {ONE "    args: &x {a: *x}",
        "f.yaml:5:11: agents[0].args: nested too deep: does an alias contain itself?"},
    {ONE "    restart: {policy: often}",
        "f.yaml:5:23: agents[0].restart.policy: expected always, on-failure or never, found \"often\""},
    {ONE "    restart: {backoff: 5}",
        "f.yaml:5:24: agents[0].restart.backoff: expected a time from 0s to 86400s, such as "
        "200ms, 10s or 1m30s, found \"5\""},
    {ONE "    restart: {backoff: 1h}", "f.yaml:5:14: agents[0].restart: expected a max-backoff (10000ms) of "
                                       "at least the backoff (3600000ms)"},
    {ONE "    restart: {bakoff: 1s}",
        "f.yaml:5:15: agents[0].restart: unknown key \"bakoff\", did you mean \"backoff\"?"},
    {ONE "    env: {1A: x}",
        "f.yaml:5:11: agents[0].env: expected the name of an environment variable, found \"1A\""},
    {ONE "    env: {A: [x]}", "f.yaml:5:14: agents[0].env.A: expected a text or a number, found a list"},
    {ONE "    env: {A: x, A: y}", "f.yaml:5:17: agents[0].env.A: given twice"},
    {"fleet: f\nagents: [{name: a, exec: {command: []}}]",
        "f.yaml:2:36: agents[0].exec.command: expected a list of 1 to 256 items, found 0"},
    {"fleet: f\nagents: [{name: a, exec: {mode: once}}]",
        "f.yaml:2:26: agents[0].exec: missing key \"command\""},
    {"fleet: f\nagents: []\nbroker: {listen: 'tcp://127.0.0.1'}",
        "f.yaml:3:18: broker.listen: expected an endpoint such as tcp://127.0.0.1:0 or "
        "ipc:///run/troupe.sock, found "
        "\"tcp://127.0.0.1\""},
    {"fleet: f\nagents: []\nbroker: {http: 'x:99999'}",
        "f.yaml:3:16: broker.http: expected HOST:PORT such as 127.0.0.1:0, found \"x:99999\""},
    {"fleet: f\nagents: []\ngateway: {options: {origin: [[a]]}}",
        "f.yaml:3:30: gateway.options.origin: expected a text or a number, found a list"},
    {"fleet: f\nagents: []\ngateway: {options: {origin: [a], rate: 1, origin: b}}",
        "f.yaml:3:43: gateway.options.origin: given twice"},
    {"fleet: f\nagents: [{name: a, behaviour: echo, env: {A: [b]}}]",
        "f.yaml:2:46: agents[0].env.A: expected a text or a number, found a list"},
    {"fleet: f\nagents: []\nbroker: {options: {--lease: 1s}}",
        "f.yaml:3:20: broker.options: expected the name of an option of troupe-broker, such as "
        "mailbox-records, found "
        "\"--lease\""},
    {ONE "  - {name: a, behaviour: echo}",
        "f.yaml:5:1: agents[1].name: \"a\" is taken by agents[0] in line 3"},
    {ONE "    count: 3\n  - {name: a-3, behaviour: echo}",
        "f.yaml:6:1: agents[1].name: \"a-3\" is taken by agents[0] in line 3"},
    {"fleet: f\nagents: [{name: df, behaviour: echo}]",
        "f.yaml:2:10: agents[0]: expected another name: \"df\" is the platform's own"},
    {ONE "    count: 6000\n  - {name: b, behaviour: echo, count: 6000}",
        "f.yaml:6:1: agents[1]: with this entry there are more than 10000 processes; expected fewer, or "
        "processes: one"},
    {ONE "    services: [read=0]",
        "f.yaml:5:16: agents[0].services[0]: expected the name of a service, or NAME=N for "
        "N unfinished requests at once, found \"read=0\""},
    {"fleet: f\nagents: [\n", "f.yaml:3:1: this is not YAML: did not find expected node content"},
    {"fleet: f\x01", "f.yaml:1:1: this is not YAML: control characters are not allowed"},
    {"fleet: f\nagents: []\n---\nfleet: g\n",
        "f.yaml:3:1: a second document begins here; expected one document in a file"},
    {"? [a]\n: b\n", "f.yaml:1:3: expected a key, found a list"},
};

static void test_what_is_wrong_is_told_with_its_place(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        tr_fleet_t *fleet = NULL;
        tr_error_t error = {0};
        int rc = tr_fleet_parse(wrongs[i].text, strlen(wrongs[i].text), "f.yaml", &fleet, &error);
        if (rc != -EINVAL || strcmp(error.text, wrongs[i].error) != 0)
            fail_msg("row %zu: %d\n     got: %s\nexpected: %s", i, rc, error.text, wrongs[i].error);
        assert_null(fleet);
    }
}

static void test_names_that_only_look_alike_are_fine(void **state) {
    (void)state;
    tr_fleet_t *fleet = parsed(ONE "    count: 3\n"
                                   "  - {name: a-4, behaviour: echo}\n"
                                   "  - {name: a-01, behaviour: echo}\n"
                                   "  - {name: a-1-1, behaviour: echo}\n"
                                   "  - {name: a-2x, behaviour: echo}\n");
    assert_int_equal(fleet->agent_list.count, 5);
    tr_fleet_destroy(&fleet);
}

static int refused(const char *text, size_t len, const char *needle) {
    tr_fleet_t *fleet = NULL;
    tr_error_t error = {0};
    int rc = tr_fleet_parse(text, len, "f.yaml", &fleet, &error);
    assert_true(rc < 0);
    if (!strstr(error.text, needle))
        fail_msg("%s", error.text);
    return rc;
}

static void test_somebody_has_to_see_to_what_grows(void **state) {
    (void)state;
    static const char text[] = "fleet: f\nagents:\n  - {name: a, behaviour: echo}\n"
                               "  - {name: b, behaviour: echo, services: [w], autoscale: {max: 2}}\n";
    char with[sizeof text + 32];
    tr_error_t error = {0};
    tr_fleet_t *fleet = parsed(text);
    assert_int_equal(tr_fleet_check_scaled(fleet, &error), -EINVAL);
    assert_non_null(strstr(error.text, "f.yaml:4:"));
    assert_non_null(strstr(error.text, "agents[1].autoscale: the coordinator sees to it"));
    tr_fleet_destroy(&fleet);
    snprintf(with, sizeof with, "%scoordinator: {}\n", text);
    fleet = parsed(with);
    assert_int_equal(tr_fleet_check_scaled(fleet, &error), 0);
    tr_fleet_destroy(&fleet);
}

static void test_bombs_are_refused_at_once(void **state) {
    (void)state;
    size_t len = TR_YAML_BYTES_MAX;
    char *text = malloc(len + 1);
    memset(text, '[', len + 1);
    refused(text, len, "nested too deep");
    assert_int_equal(refused(text, len + 1, "expected at most 1 MiB"), -E2BIG);
    size_t used = 0;
    for (int i = 0; used + 32 < len; i++)
        used += (size_t)sprintf(text + used, "- &a%d x\n", i);
    refused(text, used, "too many anchors");
    /* Ten times ten, nine times over. */
    used = (size_t)sprintf(text, ONE "    args:\n      a0: &a0 [x]\n");
    for (int i = 1; i < 10; i++) {
        used += (size_t)sprintf(text + used, "      a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            used += (size_t)sprintf(text + used, "*a%d%s", i - 1, k < 9 ? "," : "]\n");
    }
    refused(text, used, "aliases multiply it");
    /* The same entry by alias, too often. */
    used = (size_t)sprintf(text, "fleet: f\nbroker: {options: &o {");
    for (int i = 0; i < 60; i++)
        used += (size_t)sprintf(text + used, "o%d: x,", i);
    used += (size_t)sprintf(text + used, "}}\nagents:\n");
    for (int i = 0; i < 9000; i++)
        used += (size_t)sprintf(text + used, " - {name: n%d, behaviour: echo, args: *o}\n", i);
    refused(text, used, "aliases");
    free(text);
}

static void test_aliases_within_reason_work(void **state) {
    (void)state;
    tr_fleet_t *fleet = parsed("fleet: f\nagents:\n"
                               "  - {name: a, behaviour: echo, restart: &r {policy: never}}\n"
                               "  - {name: b, behaviour: echo, restart: *r}\n");
    assert_int_equal(tr_fleet_agents(fleet)[1].restart.when, TR_RESTART_NEVER);
    tr_fleet_destroy(&fleet);
}

static void test_files_are_read_or_the_reason_is_told(void **state) {
    (void)state;
    char dir[] = "/tmp/troupe-fleet-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/f.yaml", dir);
    tr_fleet_t *fleet = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_fleet_load(path, &fleet, &error), -ENOENT);
    assert_non_null(strstr(error.text, "f.yaml: cannot read this fleet file: No such file"));
    assert_int_equal(tr_fleet_load(dir, &fleet, &error), -EISDIR);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(everything, f);
    fclose(f);
    assert_int_equal(tr_fleet_load(path, &fleet, &error), 0);
    assert_string_equal(fleet->path, path);
    assert_string_equal(fleet->directory, dir);
    tr_fleet_destroy(&fleet);
    unlink(path);
    rmdir(dir);
}

/* The keys of the table on one side, those of the schema on the other. */
typedef struct keys {
    const json_t *schema;
    json_t *found;
} keys_t;

static const json_t *resolved(const json_t *schema, const json_t *node) {
    const char *ref = json_string_value(json_object_get(node, "$ref"));
    if (!ref)
        return node;
    assert_int_equal(strncmp(ref, "#/$defs/", 8), 0);
    const json_t *def = json_object_get(json_object_get(schema, "$defs"), ref + 8);
    assert_non_null(def);
    return def;
}

static void walk(keys_t *keys, const json_t *node, const char *prefix) {
    const char *key;
    json_t *property;
    json_object_foreach(json_object_get(node, "properties"), key, property) {
        const json_t *def = resolved(keys->schema, property);
        const json_t *items = json_object_get(def, "items");
        const json_t *item = items ? resolved(keys->schema, items) : NULL;
        bool list = json_object_get(item, "properties") != NULL;
        char path[200];
        snprintf(path, sizeof path, "%s%s%s", prefix, key, list ? "[]" : "");
        json_object_set_new(keys->found, path, json_true());
        strcat(path, ".");
        walk(keys, list ? item : def, path);
    }
}

static void expect_in_schema(void *context, const char *path) {
    keys_t *keys = context;
    if (json_object_del(keys->found, path) < 0)
        fail_msg("docs/fleet.schema.json has no %s", path);
}

static void test_the_schema_has_the_keys_of_the_table(void **state) {
    (void)state;
    const char *root = getenv("TROUPE_SOURCE_ROOT");
    char path[4096];
    snprintf(path, sizeof path, "%s/docs/fleet.schema.json", root ? root : ".");
    json_error_t error;
    json_t *schema = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!schema)
        fail_msg("%s:%d: %s", path, error.line, error.text);
    keys_t keys = {schema, json_object()};
    walk(&keys, schema, "");
    tr_yaml_table_keys(tr_fleet_table(), expect_in_schema, &keys);
    const char *more;
    json_t *unused;
    json_object_foreach(keys.found, more, unused) {
        fail_msg("the reader does not know %s of docs/fleet.schema.json", more);
    }
    json_decref(keys.found);
    json_decref(schema);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key_is_read),
        cmocka_unit_test(test_defaults_are_those_of_the_header),
        cmocka_unit_test(test_what_is_wrong_is_told_with_its_place),
        cmocka_unit_test(test_names_that_only_look_alike_are_fine),
        cmocka_unit_test(test_somebody_has_to_see_to_what_grows),
        cmocka_unit_test(test_bombs_are_refused_at_once),
        cmocka_unit_test(test_aliases_within_reason_work),
        cmocka_unit_test(test_files_are_read_or_the_reason_is_told),
        cmocka_unit_test(test_the_schema_has_the_keys_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
