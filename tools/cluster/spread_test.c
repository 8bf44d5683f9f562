#include "tools/cluster/spread.h"

#include "lib/base/buffer.h"
#include "tools/cluster/ssh.h"
#include "tools/cluster/unit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char text[] =
    "fleet: office\n"
    "broker: {options: {lease: 5s}}\n"
    "coordinator: {}\n"
    "knowledge: {placement: {nodes: {host: '2'}}}\n"
    "state: {postgres: /etc/pg}\n"
    "agents:\n"
    "  - {name: reader, behaviour: reader, count: 8, services: [read], env: {LEVEL: 3, ON: \"yes\"}}\n"
    "  - {name: editor, behaviour: editor}\n"
    "  - {name: pinned, behaviour: echo, count: 4, placement: {nodes: {host: north}}}\n"
    "  - {name: crowd, behaviour: echo, count: 50, processes: one}\n";

static tr_spread_host_t host(const char *word) {
    tr_spread_host_t one;
    tr_error_t error = {0};
    if (tr_spread_host(word, &one, &error) < 0)
        fail_msg("%s", error.text);
    return one;
}

static int take(const char *yaml, size_t count, json_t **ret_list, tr_error_t *error) {
    tr_spread_host_t hosts[] = {host("ada@east=10.0.0.1"), host("north"), host("ssh://bob@south:2222")};
    tr_fleet_t *fleet = NULL;
    if (tr_fleet_parse(yaml, strlen(yaml), "f.yaml", &fleet, error) < 0)
        fail_msg("%s", error->text);
    int rc = tr_spread(fleet, hosts, count, 5573, ret_list, error);
    tr_fleet_destroy(&fleet);
    return rc;
}

static void expect_host(const char *word, const char *at, const char *address) {
    tr_spread_host_t one = host(word);
    assert_string_equal(one.at, at);
    assert_string_equal(one.address, address);
}

static void hosts_are_what_ssh_takes(void **state) {
    (void)state;
    expect_host("h1", "h1", "h1");
    expect_host("ada@h1.example", "ada@h1.example", "h1.example");
    expect_host("ssh://ada@h1:2222", "ssh://ada@h1:2222", "h1");
    expect_host("h1=10.0.0.7", "h1", "10.0.0.7");
    static const char *const wrong[] = {
        "", "-oProxyCommand=x", "a b", "h;x", "$(x)", "h=", "=a", "h=a b", "`x`", "h=tcp://a"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        tr_spread_host_t one;
        tr_error_t error = {0};
        assert_int_equal(tr_spread_host(wrong[i], &one, &error), -EINVAL);
    }
}

/* "reader:4 editor:1 " of a host. */
static void expect_groups(const json_t *list, size_t i, const char *expected) {
    char *got = json_dumps(json_object_get(json_array_get(list, i), "groups"), JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(got, expected);
    free(got);
}

static void everybody_is_somewhere_once(void **state) {
    (void)state;
    json_t *list = NULL;
    tr_error_t error = {0};
    assert_int_equal(take(text, 3, &list, &error), 0);
    expect_groups(list, 0, "{\"coordinator\":1,\"crowd\":50,\"editor\":1,\"reader\":3}");
    expect_groups(list, 1, "{\"pinned\":4,\"reader\":3}");
    expect_groups(list, 2, "{\"kb\":1,\"reader\":2}");
    for (size_t i = 0; i < 3; i++) {
        json_t *one = json_array_get(list, i), *file = json_object_get(one, "file");
        char *whole = json_dumps(file, 0);
        tr_fleet_t *part = NULL;
        if (tr_fleet_parse(whole, strlen(whole), "part.yaml", &part, &error) < 0)
            fail_msg("%s: %s", whole, error.text);
        tr_fleet_destroy(&part);
        free(whole);
        json_t *options = json_object_get(json_object_get(file, "broker"), "options");
        assert_string_equal(json_string_value(json_object_get(options, "lease")), "5s");
        assert_string_equal(json_string_value(json_object_get(options, "config")), "broker.yaml");
        assert_true(json_is_true(json_object_get(options, "open-links")));
        assert_int_equal(json_array_size(json_object_get(one, "peers")), 2);
        assert_string_equal(
            json_string_value(json_object_get(json_object_get(file, "state"), "postgres")), "./postgres");
    }
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 1), "fleet")), "office-1");
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(json_array_get(list, 1), "peers"), 0)),
        "peer.office-0@tcp://10.0.0.1:5573");
    json_decref(list);
}

static const char *shards_at(const json_t *list, size_t i) {
    const json_t *file = json_object_get(json_array_get(list, i), "file");
    const json_t *options = json_object_get(json_object_get(file, "knowledge"), "options");
    return json_string_value(json_object_get(options, "shards"));
}

static void shards_are_on_hosts_of_their_own(void **state) {
    (void)state;
    json_t *list = NULL;
    tr_error_t error = {0};
    assert_int_equal(
        take("fleet: f\nknowledge: {shards: 1, leaving: 1, options: {chunk-tokens: 200}}\nagents: []\n", 3,
            &list, &error),
        0);
    expect_groups(list, 0, "{\"kb-1\":1}");
    expect_groups(list, 1, "{\"kb-2\":1}");
    expect_groups(list, 2, "{}");
    for (size_t i = 0; i < 2; i++) {
        char name[8], *whole = json_dumps(json_object_get(json_array_get(list, i), "file"), 0);
        tr_fleet_t *part = NULL;
        if (tr_fleet_parse(whole, strlen(whole), "part.yaml", &part, &error) < 0)
            fail_msg("%s: %s", whole, error.text);
        snprintf(name, sizeof name, "kb-%zu", i + 1);
        assert_string_equal(part->knowledge.name, name);
        assert_int_equal(part->knowledge.options.count, 2);
        tr_fleet_destroy(&part);
        free(whole);
        assert_string_equal(shards_at(list, i), "kb-1@f-0,kb-2@f-1:leaving");
    }
    json_decref(list);
}

static void more_shards_than_hosts_are_together(void **state) {
    (void)state;
    json_t *list = NULL;
    tr_error_t error = {0};
    assert_int_equal(take("fleet: f\nknowledge: {shards: 3}\nagents: []\n", 2, &list, &error), 0);
    expect_groups(list, 0, "{\"kb-1\":1,\"kb-2\":1,\"kb-3\":1}");
    expect_groups(list, 1, "{}");
    assert_null(shards_at(list, 0));
    json_decref(list);
    const char *placed = "fleet: f\nknowledge: {shards: 2, placement: {nodes: {host: '1'}}}\nagents: []\n";
    assert_int_equal(take(placed, 3, &list, &error), 0);
    expect_groups(list, 0, "{}");
    expect_groups(list, 1, "{\"kb-1\":1,\"kb-2\":1}");
    json_decref(list);
}

static void one_host_needs_no_links(void **state) {
    (void)state;
    json_t *list = NULL;
    tr_error_t error = {0};
    assert_int_equal(take("fleet: f\nagents: [{name: a, behaviour: echo, count: 3}]\n", 1, &list, &error), 0);
    expect_groups(list, 0, "{\"a\":3}");
    json_t *broker = json_object_get(json_object_get(json_array_get(list, 0), "file"), "broker");
    assert_int_equal(json_object_size(json_object_get(broker, "options")), 0);
    json_decref(list);
}

static void what_cannot_be_is_told(void **state) {
    (void)state;
    static const struct {
        const char *yaml, *why;
    } all[] = {
        {"fleet: f\nagents:\n  - {name: a, behaviour: echo, placement: {nodes: {host: west}}}\n",
            "f.yaml:3: placement.nodes.host: no host \"west\""},
        {"fleet: f\nbroker: {options: {federation: 'tcp://0.0.0.0:1'}}\nagents: []\n",
            "broker.options.federation"},
        {"fleet: f\nagents: [{name: a, behaviour: echo}]\nsupervisors: [{name: s, children: [a]}]\n",
            "supervisors: they are of one machine"},
        {"fleet: f\ngateway: {options: {users: ./users}}\nagents: []\n",
            "f.yaml:2: gateway.options.users: \"./users\" does not go to the host"},
        {"fleet: f\ngateway: {options: {redis: redis}}\nagents: []\n",
            "f.yaml:2: gateway.options.redis: \"redis\" does not go to the host"},
        {"fleet: f\ngateway: {options: {oidc-ca: /etc/ca.pem}}\nexporter: {options: {otlp-headers: "
         "h}}\nagents: []\n",
            "f.yaml:3: exporter.options.otlp-headers: \"h\" does not go to the host"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        json_t *list = NULL;
        tr_error_t error = {0};
        assert_int_equal(take(all[i].yaml, 2, &list, &error), -EINVAL);
        if (!strstr(error.text, all[i].why))
            fail_msg("%s", error.text);
    }
}

static void a_file_that_is_on_the_host_is_taken(void **state) {
    (void)state;
    json_t *list = NULL;
    tr_error_t error = {0};
    assert_int_equal(
        take("fleet: f\ngateway: {options: {users: /etc/troupe/users}}\nagents: []\n", 2, &list, &error), 0);
    json_t *file = json_object_get(json_array_get(list, 0), "file");
    json_t *options = json_object_get(json_object_get(file, "gateway"), "options");
    assert_string_equal(json_string_value(json_object_get(options, "users")), "/etc/troupe/users");
    json_decref(list);
}

static void shares_add_up(void **state) {
    (void)state;
    for (int64_t count = 0; count < 40; count++)
        for (size_t n = 1; n < 9; n++) {
            int64_t sum = 0;
            for (size_t i = 0; i < n; i++)
                sum += tr_spread_share(count, i, n);
            assert_int_equal(sum, count);
        }
}

/* What a shell over there would make of it. */
static void words_arrive_as_they_are(void **state) {
    (void)state;
    const char *const words[] = {"plain", "a b", "it's", "$(x)`y`;z", "", "*", "tcp://h:1", NULL};
    tr_buffer_t out;
    tr_buffer_init(&out, 0);
    tr_ssh_quote(words, &out);
    assert_string_equal(tr_buffer_string(&out), "plain 'a b' 'it'\\''s' '$(x)`y`;z' '' '*' tcp://h:1");
    tr_buffer_finish(&out);
}

static void a_unit_takes_names_as_they_are(void **state) {
    (void)state;
    tr_buffer_t out;
    tr_buffer_init(&out, 0);
    tr_unit_print(
        &(tr_unit_t){.fleet = "f-0", .program = "/opt/50% \"t\"/troupe", .root = "/var/$x", .system = true},
        &out);
    assert_non_null(
        strstr(tr_buffer_string(&out), "ExecStart=\"/opt/50%% \\\"t\\\"/troupe\" up "
                                       "\"/var/$$x/f-0/fleet.yaml\" --timeout 10m --state \"/var/$$x\"\n"));
    assert_non_null(strstr(tr_buffer_string(&out), "ProtectSystem=strict\n"));
    tr_buffer_finish(&out);
}

static json_t *entry_at(const json_t *list, size_t i, const char *group) {
    size_t k;
    json_t *entry;
    json_array_foreach(json_object_get(json_object_get(json_array_get(list, i), "file"), "agents"), k,
        entry) if (strcmp(json_string_value(json_object_get(entry, "name")), group) == 0) return entry;
    return NULL;
}

/* "BY/BEGIN" of an entry of host i; "" where it has none. */
static void expect_scaler(const json_t *list, size_t i, const char *group, const char *expected) {
    char got[200] = "";
    const json_t *s = json_object_get(entry_at(list, i, group), "autoscale");
    if (s)
        snprintf(got, sizeof got, "%s/%lld", json_string_value(json_object_get(s, "by")),
            (long long)json_integer_value(json_object_get(s, "begin")));
    assert_string_equal(got, expected);
}

static void parts_are_fleets(const json_t *list) {
    size_t i;
    json_t *one;
    json_array_foreach((json_t *)(uintptr_t)list, i, one) {
        tr_fleet_t *part = NULL;
        tr_error_t error = {0};
        char *whole = json_dumps(json_object_get(one, "file"), 0);
        if (tr_fleet_parse(whole, strlen(whole), "part.yaml", &part, &error) < 0 ||
            tr_fleet_check_scaled(part, &error) < 0)
            fail_msg("%s: %s", whole, error.text);
        tr_fleet_destroy(&part);
        free(whole);
    }
}

/* Those of the coordinator, which is on host 1; of the others none is one. */
static const json_t *rules_at(const json_t *list, size_t i) {
    const json_t *file = json_object_get(json_array_get(list, i), "file");
    return json_object_get(json_object_get(json_object_get(file, "coordinator"), "options"), "autoscale");
}

static void what_grows_does_so_on_all_hosts(void **state) {
    (void)state;
    static const char grows[] =
        "fleet: f\nbroker: {journal: true}\n%sagents:\n"
        "  - {name: a, behaviour: echo, count: 4, services: [w], autoscale: {min: 5, max: 9}}\n"
        "  - {name: b, behaviour: echo, services: [x=2, y], durable: true, autoscale: {max: 3}}\n"
        "  - {name: c, behaviour: echo, services: [z], autoscale: {max: 3}, placement: {nodes: {host: "
        "east}}}\n"
        "  - {name: d, behaviour: echo}\n";
    char yaml[sizeof grows + 64];
    json_t *list = NULL;
    tr_error_t error = {0};
    snprintf(yaml, sizeof yaml, grows, "coordinator: {name: boss, placement: {nodes: {host: north}}}\n");
    assert_int_equal(take(yaml, 3, &list, &error), 0);
    parts_are_fleets(list);
    expect_groups(list, 0, "{\"a\":2,\"b\":1,\"c\":1,\"d\":1}");
    expect_groups(list, 1, "{\"a\":2,\"b\":0,\"boss\":1}");
    expect_groups(list, 2, "{\"a\":1,\"b\":0}");
    expect_scaler(list, 0, "a", "boss@f-1/2");
    expect_scaler(list, 2, "a", "boss@f-1/1");
    expect_scaler(list, 2, "b", "boss@f-1/0");
    expect_scaler(list, 0, "c", "boss@f-1/1");
    expect_scaler(list, 0, "d", "");
    assert_null(entry_at(list, 1, "c"));
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(json_is_true(json_object_get(json_array_get(list, i), "scales")), i == 1);
    char *rules = json_dumps(rules_at(list, 1), JSON_COMPACT);
    assert_string_equal(rules, "[\"a=5..9/10/60000ms@w:f-0,f-1,f-2\",\"b=0..3/10/60000ms@x,y:f-0,f-1,f-2\","
                               "\"c=1..3/10/60000ms@z:f-0\"]");
    free(rules);
    json_decref(list);
    list = NULL;
    snprintf(yaml, sizeof yaml, grows, "");
    assert_int_equal(take(yaml, 2, &list, &error), -EINVAL);
    assert_non_null(strstr(error.text, "f.yaml:4:"));
    json_decref(list);
}

/* Of one host alone its own coordinator sees to it, as without ssh. */
static void one_host_scales_by_itself(void **state) {
    (void)state;
    json_t *list = NULL;
    tr_error_t error = {0};
    assert_int_equal(take("fleet: f\ncoordinator: {}\nagents:\n"
                          "  - {name: a, behaviour: echo, count: 2, services: [w], autoscale: {max: 9}}\n",
                         1, &list, &error),
        0);
    const json_t *scale = json_object_get(entry_at(list, 0, "a"), "autoscale");
    assert_int_equal(json_object_size(scale), 1);
    assert_null(rules_at(list, 0));
    json_decref(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_what_ssh_takes),
        cmocka_unit_test(everybody_is_somewhere_once),
        cmocka_unit_test(shards_are_on_hosts_of_their_own),
        cmocka_unit_test(more_shards_than_hosts_are_together),
        cmocka_unit_test(one_host_needs_no_links),
        cmocka_unit_test(what_cannot_be_is_told),
        cmocka_unit_test(a_file_that_is_on_the_host_is_taken),
        cmocka_unit_test(what_grows_does_so_on_all_hosts),
        cmocka_unit_test(one_host_scales_by_itself),
        cmocka_unit_test(shares_add_up),
        cmocka_unit_test(words_arrive_as_they_are),
        cmocka_unit_test(a_unit_takes_names_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
