#include "tools/fleet/plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const tr_programs_t programs = {"/usr/bin/troupe-broker", "/usr/bin/troupe-agentd",
    "/usr/bin/troupe-coordinator", "/usr/bin/troupe-kbd", "/usr/bin/troupe-gateway"};

static tr_fleet_t *parsed(const char *text) {
    tr_fleet_t *fleet = NULL;
    tr_error_t error = {0};
    if (tr_fleet_parse(text, strlen(text), "/tmp/f.yaml", &fleet, &error) < 0)
        fail_msg("%s", error.text);
    return fleet;
}

static tr_plan_t *planned(const tr_fleet_t *fleet, const tr_plan_at_t *at) {
    tr_plan_t *plan = NULL;
    tr_error_t error = {0};
    if (tr_plan_make(fleet, &programs, at, &plan, &error) < 0)
        fail_msg("%s", error.text);
    return plan;
}

static void expect_command(const tr_plan_t *plan, size_t i, const char *name, const char *command) {
    assert_true(i < plan->count);
    assert_string_equal(plan->processes[i].name, name);
    char *text = tr_plan_command(&plan->processes[i]);
    assert_string_equal(text, command);
    free(text);
}

/* What the broker of a fleet with this text is told of its journal; "" = nothing. */
static void expect_journal(const char *broker, const char *state, const char *expected) {
    char text[256];
    snprintf(text, sizeof text,
        "fleet: f\nbroker: {%s}\nagents: [{name: a, behaviour: echo, durable: true}]\n", broker);
    tr_fleet_t *fleet = parsed(text);
    fleet->state = state;
    tr_plan_t *plan = planned(fleet, NULL);
    const char *journal = "";
    for (size_t i = 0; plan->processes[0].argv[i]; i++)
        if (strcmp(plan->processes[0].argv[i], "--journal") == 0)
            journal = plan->processes[0].argv[i + 1];
    assert_string_equal(journal, expected);
    expect_command(plan, 1, "a",
        "/usr/bin/troupe-agentd --connect tcp://127.0.0.1:0 --name a --behaviour echo --durable --ready-fd "
        "3");
    tr_plan_destroy(&plan);
    tr_fleet_destroy(&fleet);
}

static void test_the_journal_is_where_the_file_says(void **state) {
    (void)state;
    expect_journal("journal: true", "/var/lib/f", "/var/lib/f/journal");
    expect_journal("journal: ./kept", "/var/lib/f", "/tmp/kept");
    expect_journal("journal: /srv/kept", NULL, "/srv/kept");
    expect_journal("journal: postgres", NULL, "postgres");
    expect_journal("options: {journal: kept}", NULL, ""); /* as an option: --journal=kept */
}

static void expect_options(const char *behaviour, const char *more, const char *state, const char *expected) {
    char text[256], command[256];
    snprintf(text, sizeof text, "fleet: f\nagents: [{name: a, behaviour: %s, %s}]\n", behaviour, more);
    tr_fleet_t *fleet = parsed(text);
    fleet->state = state;
    tr_plan_t *plan = planned(fleet, NULL);
    snprintf(command, sizeof command,
        "/usr/bin/troupe-agentd --connect tcp://127.0.0.1:0 --name a --behaviour %s %s--ready-fd 3",
        behaviour, expected);
    expect_command(plan, 1, "a", command);
    tr_plan_destroy(&plan);
    tr_fleet_destroy(&fleet);
}

static void expect_state(const char *more, const char *state, const char *expected) {
    expect_options("echo", more, state, expected);
}

static void test_what_is_known_of_users_is_in_the_state(void **state) {
    (void)state;
    expect_options("dialogue", "count: 1", "/var/lib/f", "--memory /var/lib/f/memory ");
    expect_options("assistant", "count: 1", NULL, "--memory STATE/memory ");
}

static void test_the_state_is_where_the_file_says(void **state) {
    (void)state;
    expect_state("state: true", "/var/lib/f", "--state /var/lib/f/agents ");
    expect_state(
        "state: ./kept, passive-after: 5m", "/var/lib/f", "--state /tmp/kept --passive-after 300000ms ");
    expect_state("state: /srv/kept", NULL, "--state /srv/kept ");
    expect_state("state: false", NULL, "");
    expect_state("describe: {labels: {a: b}}", NULL, "--describe '{\"labels\":{\"a\":\"b\"}}' ");
}

static void test_one_database_for_all(void **state) {
    (void)state;
    tr_fleet_t *fleet =
        parsed("fleet: Far-Away\nbroker: {journal: postgres}\nstate: {postgres: ./pg, redis: /r}\n"
               "coordinator: {options: {tries: 5}}\n"
               "agents:\n  - {name: a, behaviour: planner, state: postgres}\n"
               "  - {name: m, behaviour: dialogue, mind: m.yaml, env: {A: b}}\n");
    tr_plan_t *plan = planned(fleet, NULL);
    expect_command(plan, 0, "broker",
        "/usr/bin/troupe-broker --listen tcp://127.0.0.1:0 --stream tcp://127.0.0.1:0 --http 127.0.0.1:0 "
        "--platform Far-Away "
        "--ready-fd 3 --journal postgres --journal-conninfo /tmp/pg --journal-table 'troupe_journal_*'");
    expect_command(plan, 1, "a",
        "/usr/bin/troupe-agentd --connect tcp://127.0.0.1:0 --name a --behaviour planner --state postgres "
        "--state-conninfo /tmp/pg --state-table 'troupe_state_far_away_ffd658df_*' --ready-fd 3");
    expect_command(plan, 3, "coordinator",
        "/usr/bin/troupe-coordinator --connect tcp://127.0.0.1:0 --name coordinator --data STATE/tasks "
        "--ready-fd 3 "
        "--store postgres --conninfo /tmp/pg --schema troupe_far_away_ffd658df --tries=5");
    tr_child_spec_t thinker = tr_plan_spec(plan, &plan->processes[2], NULL);
    assert_int_equal(thinker.env_count, 2);
    assert_string_equal(thinker.env[1].key, "TROUPE_REDIS_FILE");
    assert_string_equal(thinker.env[1].value, "/r");
    assert_int_equal(tr_plan_spec(plan, &plan->processes[1], NULL).env_count, 0);
    tr_plan_destroy(&plan);
    tr_fleet_destroy(&fleet);
}

static void test_the_coordinator_is_told_whom_to_scale(void **state) {
    (void)state;
    tr_fleet_t *fleet =
        parsed("fleet: f\nbroker: {journal: true}\ncoordinator: {}\nknowledge: {}\nagents:\n"
               "  - {name: a, behaviour: echo, services: [read=4, skim], autoscale: {min: 0, max: 8}}\n"
               "  - {name: b, behaviour: echo, services: [w], durable: true, autoscale: {max: 2, backlog: 3, "
               "cooldown: 5s}}\n");
    fleet->state = "/s";
    tr_plan_t *plan = planned(fleet, NULL);
    expect_command(plan, 3, "kb",
        "/usr/bin/troupe-kbd --connect tcp://127.0.0.1:0 --name kb --data /s/knowledge --ready-fd 3");
    expect_command(plan, 4, "coordinator",
        "/usr/bin/troupe-coordinator --connect tcp://127.0.0.1:0 --name coordinator --data /s/tasks "
        "--ready-fd 3 "
        "--autoscale a=1..8/10/60000ms@read,skim --autoscale b=0..2/3/5000ms@w --fleet-state /s");
    tr_plan_destroy(&plan);

    tr_fleet_t part = *fleet; /* `troupe up` plans each process by itself */
    part.agent_list = (tr_yaml_list_t){(void *)(uintptr_t)&tr_fleet_agents(fleet)[3], 1};
    part.whole = fleet;
    plan = planned(&part, NULL);
    assert_non_null(strstr(plan->processes[1].argv[0], "coordinator"));
    bool told = false;
    for (const char **arg = plan->processes[1].argv; *arg; arg++)
        told = told || strcmp(*arg, "b=0..2/3/5000ms@w") == 0;
    assert_true(told);
    tr_plan_destroy(&plan);
    tr_fleet_destroy(&fleet);
}

static void test_a_group_that_grows_begins_with_its_least(void **state) {
    (void)state;
    tr_fleet_t *fleet = parsed(
        "fleet: f\ncoordinator: {}\nagents:\n"
        "  - {name: a, behaviour: echo, services: [x], autoscale: {min: 2, max: 8}}\n"
        "  - {name: b, behaviour: echo, count: 2, services: [y], autoscale: {min: 1, max: 8}}\n"
        "  - {name: c, behaviour: echo, services: [z], autoscale: {max: 2, by: boss@far, begin: 0}}\n");
    tr_plan_t *plan = planned(fleet, NULL);
    static const char *const names[] = {"broker", "a", "a-2", "b-1", "b-2", "coordinator"};
    assert_int_equal(plan->count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(plan->processes[i].name, names[i]);
    for (const char **arg = plan->processes[5].argv; *arg; arg++)
        assert_null(strstr(*arg, "c=")); /* another one sees to it */
    tr_plan_destroy(&plan);
    tr_fleet_destroy(&fleet);
}

static void test_each_process_has_its_command_line(void **state) {
    (void)state;
    tr_fleet_t *fleet = parsed(
        "fleet: digest\n"
        "broker: {listen: 'ipc://d.sock', options: {lease: 5s, mailbox-records: 100}}\n"
        "agents:\n"
        "  - {name: reader, behaviour: reader, count: 2, services: [read=4, skim], subscribe: news.>}\n"
        "  - {name: crowd, behaviour: echo, count: 100, processes: one, args: {text: it's}}\n"
        "  - {name: own, load: ./my.so}\n"
        "  - {name: sums, exec: {command: [python3, sums.py, -v], mode: once, timeout: 2s}, env: {A: b}}\n");
    tr_plan_at_t at = {
        .listen = "tcp://127.0.0.1:5570", .stream = "tcp://127.0.0.1:5571", .http = "127.0.0.1:80"};
    tr_plan_t *plan = planned(fleet, &at);
    memset(&at, 'x', sizeof at); /* the plan has a copy */
    assert_int_equal(plan->count, 6);
    expect_command(plan, 0, "broker",
        "/usr/bin/troupe-broker --listen tcp://127.0.0.1:5570 --stream tcp://127.0.0.1:5571 --http "
        "127.0.0.1:80 "
        "--platform digest --ready-fd 3 --lease=5s --mailbox-records=100");
    expect_command(plan, 1, "reader-1",
        "/usr/bin/troupe-agentd --connect tcp://127.0.0.1:5570 --name reader-1 --behaviour reader --service "
        "read=4 "
        "--service skim --subscribe 'news.>' --ready-fd 3");
    expect_command(plan, 2, "reader-2",
        "/usr/bin/troupe-agentd --connect tcp://127.0.0.1:5570 --name reader-2 --behaviour reader --service "
        "read=4 "
        "--service skim --subscribe 'news.>' --ready-fd 3");
    expect_command(plan, 3, "crowd",
        "/usr/bin/troupe-agentd --connect tcp://127.0.0.1:5570 --name crowd --behaviour echo --count 100 "
        "--args '{\"text\":\"it'\\''s\"}' --ready-fd 3");
    expect_command(plan, 4, "own",
        "/usr/bin/troupe-agentd --connect tcp://127.0.0.1:5570 --name own --load /tmp/my.so --ready-fd 3");
    expect_command(plan, 5, "sums",
        "/usr/bin/troupe-agentd --connect tcp://127.0.0.1:5570 --name sums --ready-fd 3 --exec-mode once "
        "--exec-timeout 2000ms -- python3 sums.py -v");
    assert_int_equal(plan->processes[3].agents, 100);
    assert_int_equal(plan->processes[1].agents, 1);
    tr_plan_destroy(&plan);
    tr_plan_destroy(&plan);
    plan = planned(fleet, NULL);
    assert_string_equal(plan->processes[0].argv[2], "ipc:///tmp/d.sock");
    assert_string_equal(plan->processes[0].argv[4], "tcp://127.0.0.1:0");
    assert_string_equal(plan->processes[1].argv[2], "ipc:///tmp/d.sock");
    tr_plan_destroy(&plan);
    tr_fleet_destroy(&fleet);
}

static void test_daemons_are_the_last_of_the_agents(void **state) {
    (void)state;
    tr_fleet_t *fleet =
        parsed("fleet: f\ncoordinator: {name: c, data: ./kept, options: {tries: 5, assign: direct}}\n"
               "agents: [{name: a, behaviour: echo}]\n");
    tr_plan_t *plan = planned(fleet, NULL);
    assert_int_equal(plan->count, 3);
    expect_command(plan, 2, "c",
        "/usr/bin/troupe-coordinator --connect tcp://127.0.0.1:0 --name c --data /tmp/kept --ready-fd 3 "
        "--tries=5 "
        "--assign=direct");
    tr_plan_destroy(&plan);
    tr_fleet_destroy(&fleet);
    fleet = parsed("fleet: f\ncoordinator: {}\nknowledge: {options: {chunk-tokens: 100}}\nagents: []\n");
    fleet->state = "/state";
    plan = planned(fleet, NULL);
    expect_command(plan, 1, "kb",
        "/usr/bin/troupe-kbd --connect tcp://127.0.0.1:0 --name kb --data /state/knowledge --ready-fd 3 "
        "--chunk-tokens=100");
    expect_command(plan, 2, "coordinator",
        "/usr/bin/troupe-coordinator --connect tcp://127.0.0.1:0 --name coordinator --data /state/tasks "
        "--ready-fd 3");
    tr_plan_destroy(&plan);
    tr_fleet_destroy(&fleet);
    fleet = parsed("fleet: f\nknowledge: {name: k, data: ./kept, shards: 2, options: {chunk-tokens: "
                   "100}}\nagents: []\n");
    plan = planned(fleet, NULL);
    assert_int_equal(plan->count, 3);
    expect_command(plan, 1, "k-1",
        "/usr/bin/troupe-kbd --connect tcp://127.0.0.1:0 --name k-1 --data /tmp/kept/k-1 --shards k-1,k-2 "
        "--ready-fd 3 --chunk-tokens=100");
    expect_command(plan, 2, "k-2",
        "/usr/bin/troupe-kbd --connect tcp://127.0.0.1:0 --name k-2 --data /tmp/kept/k-2 --shards k-1,k-2 "
        "--ready-fd 3 --chunk-tokens=100");
    tr_plan_destroy(&plan);
    tr_fleet_destroy(&fleet);
    fleet = parsed("fleet: f\nknowledge: {name: k, data: ./kept, shards: 2, replicas: 2}\nagents: []\n");
    plan = planned(fleet, NULL);
    expect_command(plan, 2, "k-2",
        "/usr/bin/troupe-kbd --connect tcp://127.0.0.1:0 --name k-2 --data /tmp/kept/k-2 --shards k-1,k-2 "
        "--replicas 2 --ready-fd 3");
    tr_plan_destroy(&plan);
    tr_fleet_destroy(&fleet);
    fleet = parsed("fleet: f\nknowledge: {name: k, data: ./kept, shards: 1, leaving: 2}\nagents: []\n");
    plan = planned(fleet, NULL);
    assert_int_equal(plan->count, 4);
    expect_command(plan, 3, "k-3",
        "/usr/bin/troupe-kbd --connect tcp://127.0.0.1:0 --name k-3 --data /tmp/kept/k-3 --shards "
        "k-1,k-2:leaving,k-3:leaving --ready-fd 3");
    tr_plan_destroy(&plan);
    tr_fleet_destroy(&fleet);
    fleet = parsed("fleet: f\ngateway: {options: {listen: '127.0.0.1:0'}}\nagents: []\n");
    plan = planned(fleet, NULL);
    expect_command(plan, 1, "gateway",
        "/usr/bin/troupe-gateway --connect tcp://127.0.0.1:0 --name gateway --ready-fd 3 "
        "--fleet-state STATE --listen=127.0.0.1:0");
    tr_plan_destroy(&plan);
    tr_fleet_destroy(&fleet);
    fleet = parsed(
        "fleet: f\ngateway: {options: {oidc-role: [a=admin, '*=viewer'], host: [], rate: 5}}\nagents: []\n");
    plan = planned(fleet, NULL);
    expect_command(plan, 1, "gateway",
        "/usr/bin/troupe-gateway --connect tcp://127.0.0.1:0 --name gateway --ready-fd 3 "
        "--fleet-state STATE --oidc-role=a=admin '--oidc-role=*=viewer' --rate=5");
    tr_plan_destroy(&plan);
    tr_fleet_destroy(&fleet);
}

static void test_specs_stop_agents_before_the_broker(void **state) {
    (void)state;
    tr_fleet_t *fleet =
        parsed("fleet: f\nagents: [{name: a, behaviour: echo, env: {A: b}, restart: {policy: never}}]\n");
    tr_plan_t *plan = planned(fleet, NULL);
    tr_child_spec_t broker = tr_plan_spec(plan, &plan->processes[0], "/l/broker.log");
    tr_child_spec_t agent = tr_plan_spec(plan, &plan->processes[1], NULL);
    assert_string_equal(broker.log, "/l/broker.log");
    assert_true(broker.stop_order > agent.stop_order);
    assert_int_equal(broker.restart.when, TR_RESTART_ALWAYS);
    assert_int_equal(agent.restart.when, TR_RESTART_NEVER);
    assert_int_equal(agent.env_count, 1);
    assert_string_equal(agent.directory, "/tmp");
    assert_true(agent.ready_pipe && broker.ready_pipe);
    tr_plan_destroy(&plan);
    tr_fleet_destroy(&fleet);
}

static void test_what_the_broker_says_when_it_is_ready(void **state) {
    (void)state;
    static const char line[] = "{\"endpoint\":\"tcp://0.0.0.0:37133\",\"stream\":\"tcp://127.0.0.1:40875\","
                               "\"http\":\"\",\"platform\":\"digest\",\"pid\":3625}\n";
    tr_plan_at_t at;
    tr_error_t error = {0};
    assert_int_equal(tr_plan_at_parse(line, strlen(line), &at, &error), 0);
    assert_string_equal(at.stream, "tcp://127.0.0.1:40875");
    assert_string_equal(at.http, "");
    tr_fleet_t *fleet = parsed("fleet: f\nagents: [{name: a, behaviour: echo}]\n");
    tr_plan_t *plan = planned(fleet, &at);
    assert_string_equal(plan->processes[0].argv[2], "tcp://0.0.0.0:37133");
    assert_string_equal(plan->processes[0].argv[6], "127.0.0.1:0");
    assert_string_equal(plan->processes[1].argv[2], "tcp://127.0.0.1:37133");
    tr_plan_destroy(&plan);
    tr_fleet_destroy(&fleet);
    static const char *const wrongs[] = {
        "", "READY\n", "{}", "{\"endpoint\":1,\"stream\":\"\",\"http\":\"\"}"};
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++)
        assert_int_equal(tr_plan_at_parse(wrongs[i], strlen(wrongs[i]), &at, &error), -EINVAL);
    assert_non_null(strstr(error.text, "expected a line of JSON"));
}

static void test_a_socket_path_that_is_too_long_is_refused(void **state) {
    (void)state;
    char text[300], path[150];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    snprintf(text, sizeof text, "fleet: f\nagents: []\nbroker: {stream: 'ipc:///%s'}\n", path);
    tr_fleet_t *fleet = parsed(text);
    tr_plan_t *plan = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_plan_make(fleet, &programs, NULL, &plan, &error), -EINVAL);
    assert_null(plan);
    assert_non_null(strstr(error.text, "/tmp/f.yaml: broker.stream: the path of the socket is too long"));
    tr_fleet_destroy(&fleet);
}

static void touch_program(const char *path) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(chmod(path, 0755), 0);
}

static void test_programs_are_found_beside_in_the_tree_and_in_path(void **state) {
    (void)state;
    char dir[] = "/tmp/troupe-programs-XXXXXX", path[128], tools[64], out[PATH_MAX], command[64];
    tr_error_t error = {0};
    assert_non_null(mkdtemp(dir));
    static const char *const places[] = {"path/troupe-x", "x/troupe-x", "tools/troupe-x"};
    static const char *const rooms[] = {"path", "x", "tools"};
    snprintf(tools, sizeof tools, "%s/tools", dir);
    snprintf(path, sizeof path, "relative:%s/path", dir);
    char *before = strdup(getenv("PATH"));
    setenv("PATH", path, 1);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, rooms[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    assert_int_equal(tr_programs_find_one(tools, "x", "troupe-x", out, &error), -ENOENT);
    assert_non_null(strstr(error.text, "troupe-x was not found: not in "));
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, places[i]);
        touch_program(path);
        assert_int_equal(tr_programs_find_one(tools, "x", "troupe-x", out, &error), 0);
        assert_string_equal(out, path);
    }
    setenv("PATH", before, 1);
    free(before);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_journal_is_where_the_file_says),
        cmocka_unit_test(test_what_is_known_of_users_is_in_the_state),
        cmocka_unit_test(test_the_state_is_where_the_file_says),
        cmocka_unit_test(test_one_database_for_all),
        cmocka_unit_test(test_the_coordinator_is_told_whom_to_scale),
        cmocka_unit_test(test_a_group_that_grows_begins_with_its_least),
        cmocka_unit_test(test_each_process_has_its_command_line),
        cmocka_unit_test(test_daemons_are_the_last_of_the_agents),
        cmocka_unit_test(test_specs_stop_agents_before_the_broker),
        cmocka_unit_test(test_what_the_broker_says_when_it_is_ready),
        cmocka_unit_test(test_a_socket_path_that_is_too_long_is_refused),
        cmocka_unit_test(test_programs_are_found_beside_in_the_tree_and_in_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
