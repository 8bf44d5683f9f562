/* A fleet as objects of Kubernetes: what must be in them, whatever the fleet, and what cannot be. */
#include "tools/cluster/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLEET     FLEET_OF(", autoscale: {max: 8, backlog: 5, cooldown: 30s}")
#define IN_PODMAN FLEET_OF("")
#define FLEET_OF(SCALES)                                                                                     \
    "fleet: office\n"                                                                                        \
    "broker: {journal: true, placement: {replicas: 3, storage: 10Gi}}\n"                                     \
    "coordinator: {}\n"                                                                                      \
    "gateway: {options: {host: office.example, listen: \"127.0.0.1:1\"}, placement: {replicas: 2}}\n"        \
    "agents:\n"                                                                                              \
    "  - {name: reader, behaviour: reader, services: [read=4, skim]" SCALES "}\n"                            \
    "  - {name: crew, behaviour: echo, count: 3, placement: {nodes: {disk: ssd}, cpu: 250m, memory-limit: "  \
    "1Gi}}\n"                                                                                                \
    "  - {name: clerk, behaviour: echo, count: 2, durable: true}\n"                                          \
    "  - {name: program, exec: {command: [./x, --name, \"$(POD_NAME)\"]}}\n"

static json_t *made(const char *text, bool podman) {
    tr_fleet_t *fleet = NULL;
    tr_error_t error = {0};
    json_t *objects = NULL;
    if (tr_fleet_parse(text, strlen(text), "f.yaml", &fleet, &error) < 0)
        fail_msg("%s", error.text);
    tr_manifest_config_t config = {.fleet = fleet,
        .image = "troupe:1",
        .podman = podman,
        .link = 1001,
        .stream = 1002,
        .http = 1003,
        .web = 1004};
    if (tr_manifest_make(&config, &objects, &error) < 0)
        fail_msg("%s", error.text);
    tr_fleet_destroy(&fleet);
    return objects;
}

static void refused_on(bool podman, const char *text, const char *says) {
    tr_fleet_t *fleet = NULL;
    tr_error_t error = {0};
    json_t *objects = NULL;
    assert_int_equal(tr_fleet_parse(text, strlen(text), "f.yaml", &fleet, &error), 0);
    tr_manifest_config_t config = {.fleet = fleet, .image = "troupe:1", .podman = podman};
    assert_int_equal(tr_manifest_make(&config, &objects, &error), -EINVAL);
    assert_null(objects);
    if (!strstr(error.text, says))
        fail_msg("\"%s\" does not say \"%s\"", error.text, says);
    tr_fleet_destroy(&fleet);
}

static void refused(const char *text, const char *says) {
    refused_on(false, text, says);
}

/* Borrowed. */
static json_t *find(const json_t *objects, const char *kind, const char *name) {
    size_t i;
    json_t *object;
    json_array_foreach(objects, i,
        object) if (strcmp(json_string_value(json_object_get(object, "kind")), kind) == 0 &&
                    strcmp(json_string_value(json_object_get(json_object_get(object, "metadata"), "name")),
                        name) == 0) return object;
    return NULL;
}

/* Follows keys, and numbers in arrays; ends with NULL. */
static json_t *at(json_t *value, ...) {
    va_list args;
    va_start(args, value);
    for (const char *key; value && (key = va_arg(args, const char *));)
        value = json_is_array(value) ? json_array_get(value, (size_t)(key[0] - '0'))
                                     : json_object_get(value, key);
    va_end(args);
    return value;
}

static json_t *pod_of(json_t *object) {
    json_t *pod = at(object, "spec", "template", "spec", NULL);
    return pod ? pod : json_object_get(object, "spec");
}

static bool has_word(json_t *command, const char *word) {
    size_t i;
    json_t *item;
    json_array_foreach(command, i, item) if (strcmp(json_string_value(item), word) == 0) return true;
    return false;
}

static const char *after(json_t *command, const char *word) {
    size_t i;
    json_t *item;
    json_array_foreach(command, i, item) if (strcmp(json_string_value(item), word) ==
                                             0) return json_string_value(json_array_get(command, i + 1));
    return NULL;
}

static json_t *command_of(json_t *object) {
    return at(pod_of(object), "containers", "0", "command", NULL);
}

static void nobody_is_root_and_nothing_is_written(void **state) {
    (void)state;
    for (int podman = 0; podman < 2; podman++) {
        json_t *objects = made(podman ? IN_PODMAN : FLEET, podman), *object;
        size_t i, pods = 0;
        json_array_foreach(objects, i, object) {
            json_t *pod = pod_of(object);
            if (!json_object_get(pod, "containers"))
                continue;
            pods++;
            assert_true(json_is_true(at(pod, "securityContext", "runAsNonRoot", NULL)));
            json_t *context = at(pod, "containers", "0", "securityContext", NULL);
            assert_true(json_is_true(json_object_get(context, "readOnlyRootFilesystem")));
            assert_true(json_is_false(json_object_get(context, "allowPrivilegeEscalation")));
            assert_string_equal(json_string_value(at(context, "capabilities", "drop", "0", NULL)), "ALL");
            assert_non_null(at(pod, "containers", "0", "livenessProbe", NULL));
            assert_non_null(at(pod, "containers", "0", "resources", "limits", "memory", NULL));
            assert_false(has_word(command_of(object), "--ready-fd"));
        }
        assert_int_equal(pods, podman ? 1 + 1 + 3 + 2 + 1 + 2 : 7);
        json_decref(objects);
    }
}

static void brokers_are_platforms_by_the_names_of_their_pods(void **state) {
    (void)state;
    json_t *objects = made(FLEET, false), *brokers = find(objects, "StatefulSet", "office"),
           *command = command_of(brokers);
    assert_int_equal(json_integer_value(at(brokers, "spec", "replicas", NULL)), 3);
    assert_string_equal(after(command, "--platform"), "$(POD_NAME)");
    assert_string_equal(after(command, "--peers-dns"), "office.office.svc:5573");
    assert_string_equal(after(command, "--journal"), "/var/lib/troupe/journal");
    assert_string_equal(after(command, "--cert"), "/etc/troupe/key/broker.yaml");
    json_t *claim =
        at(brokers, "spec", "volumeClaimTemplates", "0", "spec", "resources", "requests", "storage", NULL);
    assert_string_equal(json_string_value(claim), "10Gi");
    assert_string_equal(
        json_string_value(at(find(objects, "Service", "office"), "spec", "clusterIP", NULL)), "None");
    assert_non_null(find(objects, "PodDisruptionBudget", "office"));
    json_decref(objects);
}

static void durable_groups_grow_too(void **state) {
    (void)state;
    json_t *objects = made("fleet: office\nbroker: {journal: true}\ncoordinator: {}\nagents:\n"
                           "  - {name: reader, behaviour: echo, services: [read], durable: true, autoscale: "
                           "{min: 3, max: 8}}\n",
        false);
    json_t *group = find(objects, "StatefulSet", "reader"),
           *scaler = find(objects, "HorizontalPodAutoscaler", "reader");
    assert_non_null(group);
    assert_null(at(group, "spec", "replicas", NULL));
    assert_int_equal(json_integer_value(at(group, "spec", "ordinals", "start", NULL)), 1);
    assert_string_equal(after(command_of(group), "--name"), "$(POD_NAME)");
    assert_string_equal(json_string_value(at(scaler, "spec", "scaleTargetRef", "kind", NULL)), "StatefulSet");
    assert_int_equal(json_integer_value(at(scaler, "spec", "minReplicas", NULL)), 3);
    assert_non_null(find(objects, "PodDisruptionBudget", "reader"));
    json_decref(objects);
}

static void agents_have_the_names_of_pods_or_those_of_the_file(void **state) {
    (void)state;
    json_t *objects = made(FLEET, false);
    json_t *crew = find(objects, "Deployment", "crew"), *clerk = find(objects, "StatefulSet", "clerk");
    assert_string_equal(after(command_of(crew), "--name"), "$(POD_NAME)");
    assert_int_equal(json_integer_value(at(crew, "spec", "replicas", NULL)), 3);
    assert_string_equal(json_string_value(at(pod_of(crew), "nodeSelector", "disk", NULL)), "ssd");
    assert_string_equal(
        json_string_value(at(pod_of(crew), "containers", "0", "resources", "requests", "cpu", NULL)), "250m");
    assert_string_equal(after(command_of(crew), "--connect"), "tcp://office-broker.office.svc:5570");
    /* What waits by name is found by name: clerk-1 and clerk-2, at the same broker always. */
    assert_int_equal(json_integer_value(at(clerk, "spec", "ordinals", "start", NULL)), 1);
    assert_string_equal(after(command_of(clerk), "--connect"), "tcp://office-0.office.office.svc:5570");
    /* One alone has its name, and what the file says is no variable. */
    json_t *program = find(objects, "Deployment", "program");
    assert_string_equal(after(command_of(program), "--cert"), "/etc/troupe/key/agent.program.yaml");
    assert_string_equal(json_string_value(at(program, "spec", "strategy", "type", NULL)), "Recreate");
    assert_true(has_word(command_of(program), "$$(POD_NAME)"));
    json_decref(objects);
}

static void how_many_follows_the_file(void **state) {
    (void)state;
    json_t *objects = made(FLEET, false), *scaler = find(objects, "HorizontalPodAutoscaler", "reader");
    assert_null(at(find(objects, "Deployment", "reader"), "spec", "replicas", NULL));
    assert_int_equal(json_integer_value(at(scaler, "spec", "minReplicas", NULL)), 1);
    assert_int_equal(json_integer_value(at(scaler, "spec", "maxReplicas", NULL)), 8);
    assert_string_equal(
        json_string_value(at(scaler, "spec", "metrics", "1", "external", "target", "averageValue", NULL)),
        "5");
    json_t *metric = at(scaler, "spec", "metrics", "1", "external", "metric", NULL);
    assert_string_equal(
        json_string_value(json_object_get(metric, "name")), "troupe_broker_service_unfinished_records");
    assert_string_equal(json_string_value(at(metric, "selector", "matchLabels", "fleet", NULL)), "office");
    json_t *services = at(metric, "selector", "matchExpressions", "0", "values", NULL);
    assert_int_equal(json_array_size(services), 2);
    assert_string_equal(json_string_value(json_array_get(services, 0)), "read");
    assert_string_equal(json_string_value(json_array_get(services, 1)), "skim");
    assert_int_equal(
        json_integer_value(at(scaler, "spec", "behavior", "scaleDown", "stabilizationWindowSeconds", NULL)),
        30);
    json_decref(objects);
}

static json_t *port_of(const json_t *objects, const char *kind, const char *name, const char *port) {
    json_t *ports = at(pod_of(find(objects, kind, name)), "containers", "0", "ports", NULL), *one;
    size_t i;
    json_array_foreach(
        ports, i, one) if (!strcmp(json_string_value(json_object_get(one, "name")), port)) return one;
    return NULL;
}

static void each_process_has_a_port_for_prometheus_where_it_is_wanted(void **state) {
    (void)state;
    static const struct {
        const char *kind, *name;
    } all[] = {{"Deployment", "reader"}, {"Deployment", "gateway"}, {"StatefulSet", "coordinator"},
        {"StatefulSet", "clerk"}};
    json_t *without = made(FLEET, false), *with = made("metrics: true\n" FLEET, false);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        json_t *workload = find(with, all[i].kind, all[i].name);
        json_t *port = port_of(with, all[i].kind, all[i].name, "metrics");
        assert_int_equal(json_integer_value(json_object_get(port, "containerPort")), TR_MANIFEST_HTTP);
        assert_string_equal(after(command_of(workload), "--http"), "0.0.0.0:5572");
        assert_null(port_of(without, all[i].kind, all[i].name, "metrics"));
    }
    assert_non_null(port_of(with, "Deployment", "gateway", "http"));
    assert_null(at(pod_of(find(with, "Deployment", "reader")), "containers", "0", "lifecycle", NULL));
    assert_non_null(find(with, "NetworkPolicy", "office-metrics"));
    assert_null(find(without, "NetworkPolicy", "office-metrics"));
    json_decref(with);
    json_decref(without);
}

static void nobody_may_talk_but_who_must(void **state) {
    (void)state;
    json_t *objects = made(FLEET, false), *deny = find(objects, "NetworkPolicy", "office-deny");
    assert_int_equal(json_array_size(at(deny, "spec", "policyTypes", NULL)), 2);
    assert_null(at(deny, "spec", "ingress", NULL));
    assert_null(at(deny, "spec", "egress", NULL));
    assert_non_null(find(objects, "NetworkPolicy", "office-program-out"));
    assert_null(find(objects, "NetworkPolicy", "office-crew-out"));
    assert_non_null(find(objects, "NetworkPolicy", "office-peers"));
    json_t *gateway = find(objects, "Deployment", "gateway");
    assert_string_equal(after(command_of(gateway), "--listen"), "0.0.0.0:8080");
    assert_false(has_word(command_of(gateway), "--listen=127.0.0.1:1"));
    assert_string_equal(
        json_string_value(at(find(objects, "Ingress", "gateway"), "spec", "rules", "0", "host", NULL)),
        "office.example");
    json_decref(objects);
}

static void podman_has_a_pod_for_each_process(void **state) {
    (void)state;
    json_t *objects = made(IN_PODMAN, true), *broker = find(objects, "Pod", "office-broker");
    assert_string_equal(after(command_of(broker), "--platform"), "office");
    json_t *port = at(broker, "spec", "containers", "0", "ports", "0", NULL);
    assert_int_equal(json_integer_value(json_object_get(port, "hostPort")), 1001);
    assert_int_equal(json_integer_value(json_object_get(port, "containerPort")), 1001);
    assert_string_equal(json_string_value(json_object_get(port, "hostIP")), "127.0.0.1");
    assert_string_equal(after(command_of(find(objects, "Pod", "office-crew-3")), "--name"), "crew-3");
    assert_string_equal(
        after(command_of(find(objects, "Pod", "office-crew-3")), "--connect"), "tcp://office-broker:1001");
    assert_non_null(find(objects, "PersistentVolumeClaim", "office-broker-data"));
    assert_null(find(objects, "NetworkPolicy", "office-deny"));
    json_decref(objects);
}

static void what_cannot_be_is_told_with_its_place(void **state) {
    (void)state;
    refused_on(true, FLEET, "f.yaml:6:");
    refused_on(true, FLEET, "agents[0].autoscale: in containers of one machine nobody sees to it");
    refused("fleet: Big\nagents: []\n", "fleet: \"Big\" cannot name objects");
    refused(
        "fleet: f\nagents:\n  - {name: a_b, behaviour: echo}\n", "f.yaml:3:1: \"a_b\" cannot name objects");
    refused("fleet: f\nbroker: {journal: ./here}\nagents: []\n", "broker.journal");
    refused("fleet: f\nbroker: {listen: \"ipc:///x\"}\nagents: []\n", "no ipc://");
    refused("fleet: f\nagents: [{name: a, behaviour: echo}]\nsupervisors: [{name: s, children: [a]}]\n",
        "supervisors");
    refused("fleet: f\nexporter: {options: {otlp: \"http://c:4318\", loki: \"http://l\"}}\nagents: []\n",
        "f.yaml:2:1: exporter.options.loki: in containers");
    refused("fleet: f\nexporter: {options: {sentry-dsn: dsn}}\nagents: []\n", "exporter.options.sentry-dsn");
}

/* The port of the policy that lets the coordinator to a database of this connection string. */
static json_int_t database_port(const char *conninfo) {
    char path[] = "/tmp/troupe-conninfo-XXXXXX", text[512];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, conninfo, strlen(conninfo)), strlen(conninfo));
    close(fd);
    snprintf(text, sizeof text, "fleet: office\ncoordinator: {}\nstate: {postgres: %s}\nagents: []\n", path);
    json_t *objects = made(text, false);
    json_int_t port = json_integer_value(at(find(objects, "NetworkPolicy", "office-coordinator-database"),
        "spec", "egress", "0", "ports", "0", "port", NULL));
    json_decref(objects);
    unlink(path);
    return port;
}

static void a_database_is_reached_where_it_listens(void **state) {
    (void)state;
    assert_int_equal(database_port("host=db dbname=x"), 5432);
    assert_int_equal(database_port("host=db port=6543 dbname=x\n"), 6543);
    assert_int_equal(database_port("host=db password=port=1 user=x"), 5432);
    assert_int_equal(database_port("postgresql://ann:se:cret@db:6432/x"), 6432);
    assert_int_equal(database_port("postgresql://ann:secret@db/x"), 5432);
    assert_int_equal(database_port("postgresql://ann@[::1]/x?port=7000"), 7000);
}

static void daemons_go_out_where_their_options_lead(void **state) {
    (void)state;
    json_t *in = made("fleet: office\ngateway: {}\nknowledge: {}\nagents: []\n", false);
    assert_null(find(in, "NetworkPolicy", "office-kb-out"));
    assert_null(find(in, "NetworkPolicy", "office-gateway-out"));
    json_t *out = made("fleet: office\ngateway: {options: {push-to: \"https://hooks.example/\"}}\n"
                       "knowledge: {options: {embed-config: models.yaml}}\nagents: []\n",
        false);
    json_t *kb = find(out, "NetworkPolicy", "office-kb-out");
    assert_string_equal(
        json_string_value(at(kb, "spec", "egress", "0", "to", "1", "ipBlock", "cidr", NULL)), "::/0");
    assert_non_null(find(out, "NetworkPolicy", "office-gateway-out"));
    json_decref(in);
    json_decref(out);
}

static void an_exporter_has_its_way_and_its_headers(void **state) {
    (void)state;
    json_t *in = made(
        "fleet: office\nexporter: {options: {otlp: \"https://c:4318\", otlp-headers: ./hush}}\nagents: []\n",
        false);
    json_t *pod = find(in, "StatefulSet", "exporter");
    assert_true(has_word(command_of(pod), "--otlp-headers=/etc/troupe/exporter/otlp-headers"));
    assert_false(has_word(command_of(pod), "--logs"));
    assert_non_null(find(in, "NetworkPolicy", "office-exporter-out"));
    json_decref(in);
}

static void files_of_a_gateway_go_with_it(void **state) {
    (void)state;
    static const char text[] =
        "fleet: office\ngateway: {options: {users: ./people, oidc-client: troupe, oidc-secret: "
        "/etc/hush}}\nagents: []\n";
    json_t *in = made(text, false);
    json_t *pod = find(in, "Deployment", "gateway");
    assert_true(has_word(command_of(pod), "--users=/etc/troupe/gateway/users"));
    assert_true(has_word(command_of(pod), "--oidc-secret=/etc/troupe/gateway/oidc-secret"));
    assert_non_null(find(in, "NetworkPolicy", "office-gateway-out"));
    json_decref(in);
    json_t *here = made(text, true), *volume;
    size_t i, count = 0;
    pod = find(here, "Pod", "office-gateway");
    assert_true(has_word(command_of(pod), "--users=/etc/troupe/gateway/users"));
    json_array_foreach(json_object_get(pod_of(pod), "volumes"), i, volume) {
        const char *path = json_string_value(at(volume, "hostPath", "path", NULL));
        count += path && (strcmp(path, "STATE/keys/gateway-users") == 0 ||
                             strcmp(path, "STATE/keys/gateway-oidc-secret") == 0);
    }
    assert_int_equal(count, 2);
    json_decref(here);
}

static void the_redis_of_gateways_goes_with_them(void **state) {
    (void)state;
    static const char text[] = "fleet: office\ngateway: {options: {redis: ./redis}}\nagents: []\n";
    json_t *in = made(text, false);
    assert_true(has_word(command_of(find(in, "Deployment", "gateway")), "--redis=/etc/troupe/gateway/redis"));
    assert_non_null(find(in, "NetworkPolicy", "office-gateway-out"));
    json_decref(in);
    json_t *here = made(text, true), *volume;
    json_t *pod = find(here, "Pod", "office-gateway");
    size_t i, count = 0;
    assert_true(has_word(command_of(pod), "--redis=/etc/troupe/gateway/redis"));
    json_array_foreach(json_object_get(pod_of(pod), "volumes"), i, volume) {
        const char *path = json_string_value(at(volume, "hostPath", "path", NULL));
        count += path && strcmp(path, "STATE/keys/gateway-redis") == 0;
    }
    assert_int_equal(count, 1);
    json_decref(here);
}

static void traces_leave_by_an_exporter(void **state) {
    (void)state;
    json_t *objects = made(FLEET "exporter: {options: {otlp: \"http://collector:4318\"}}\n", false);
    json_t *command = command_of(find(objects, "StatefulSet", "exporter"));
    assert_true(has_word(command, "--otlp=http://collector:4318"));
    assert_false(has_word(command, "--logs"));
    assert_non_null(find(objects, "NetworkPolicy", "office-exporter-out"));
    json_decref(objects);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_root_and_nothing_is_written),
        cmocka_unit_test(brokers_are_platforms_by_the_names_of_their_pods),
        cmocka_unit_test(durable_groups_grow_too),
        cmocka_unit_test(agents_have_the_names_of_pods_or_those_of_the_file),
        cmocka_unit_test(how_many_follows_the_file),
        cmocka_unit_test(each_process_has_a_port_for_prometheus_where_it_is_wanted),
        cmocka_unit_test(nobody_may_talk_but_who_must),
        cmocka_unit_test(podman_has_a_pod_for_each_process),
        cmocka_unit_test(a_database_is_reached_where_it_listens),
        cmocka_unit_test(daemons_go_out_where_their_options_lead),
        cmocka_unit_test(an_exporter_has_its_way_and_its_headers),
        cmocka_unit_test(files_of_a_gateway_go_with_it),
        cmocka_unit_test(the_redis_of_gateways_goes_with_them),
        cmocka_unit_test(traces_leave_by_an_exporter),
        cmocka_unit_test(what_cannot_be_is_told_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
