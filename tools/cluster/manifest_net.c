#include "lib/base/file.h"
#include "lib/base/options.h"
#include "tools/cluster/manifest_private.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static json_t *tcp(int port) {
    return json_pack("{s:s, s:i}", "protocol", "TCP", "port", port);
}

static json_t *pods(const tr_manifest_t *m, const char *component) {
    return json_pack("{s:{s:o}}", "podSelector", "matchLabels", tr_manifest_selector(m, component, NULL));
}

/* Takes the references of both lists of rules; NULL: none of that kind is said, and the type is not in the policy. `group` NULL: of all. */
static void put_policy(tr_manifest_t *m, const char *group, const char *what, json_t *selector,
    json_t *ingress, json_t *egress) {
    char name[TR_PLATFORM_MAX + TR_NAME_MAX + 64];
    json_t *types = json_array(), *spec = json_pack("{s:o}", "podSelector", selector);
    snprintf(name, sizeof name, "%s-%s%s%s", m->fleet->name, group ? group : "", group ? "-" : "", what);
    if (ingress)
        json_array_append_new(types, json_string("Ingress"));
    if (egress)
        json_array_append_new(types, json_string("Egress"));
    json_object_set_new(spec, "policyTypes", types);
    if (ingress && json_array_size(ingress))
        json_object_set(spec, "ingress", ingress);
    if (egress && json_array_size(egress))
        json_object_set(spec, "egress", egress);
    json_decref(ingress);
    json_decref(egress);
    tr_manifest_put(
        m, json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", "networking.k8s.io/v1", "kind", "NetworkPolicy",
               "metadata", tr_manifest_metadata(m, name, NULL, group), "spec", spec));
}

static json_t *matching(json_t *labels) {
    return json_pack("{s:o}", "matchLabels", labels);
}

static const char *option_of(const tr_pairs_t *options, const char *key) {
    for (size_t i = 0; i < options->count; i++)
        if (strcmp(options->items[i].key, key) == 0)
            return options->items[i].value;
    return NULL;
}

/* Where they may go beside their broker: servers of models, pages, other programs' services; never what a node tells its own machine. */
static bool goes_out(const tr_fleet_agent_t *a) {
    const char *daemon = a->daemon ? a->daemon->kind->key : NULL;
    if (daemon && strcmp(daemon, "knowledge") == 0)
        return option_of(&a->daemon->options, "embed-config") != NULL;
    if (daemon && strcmp(daemon, "gateway") == 0)
        return option_of(&a->daemon->options, "push-to") || option_of(&a->daemon->options, "oidc-client") ||
               option_of(&a->daemon->options, "redis");
    if (daemon)
        return strcmp(daemon, "exporter") == 0;
    return a->tools || a->exec.command.count > 0 || tr_fleet_asks_models(a);
}

static json_t *outside(void) {
    return json_pack("[{s:[{s:{s:s, s:[s]}}, {s:{s:s, s:[s]}}]}]", "to", "ipBlock", "cidr", "0.0.0.0/0",
        "except", "169.254.0.0/16", "ipBlock", "cidr", "::/0", "except", "fe80::/10");
}

/* Of `... port=N ...` or postgresql://USER:PASSWORD@HOST:N/...; 0 where it says none. */
static int port_said(const char *text) {
    const char *uri = strstr(text, "://"), *first = uri ? uri + 3 : text;
    for (const char *at = uri ? first + strcspn(first, "/?") : first; at > first && !strchr("@]", at[-1]);
         at--)
        if (at[-1] == ':')
            return atoi(at);
    for (const char *word = strstr(text, "port="); word; word = strstr(word + 1, "port="))
        if (word == text || strchr(" \t\n?&", word[-1])) /* not in a password */
            return atoi(word + 5);
    return 0;
}

/* Where the fleet's database listens, as its connection string says; a file that cannot be read is told of where it is needed. */
static json_t *database(const tr_manifest_t *m) {
    const char *path = m->fleet->servers.postgres;
    char *text = NULL;
    size_t size = 0;
    tr_error_t ignored;
    int port = 0;
    if (path && tr_file_read(path, "secret", CONNECTION_MAX, &text, &size, &ignored) == 0) {
        port = port_said(text);
        sodium_memzero(text, size);
        free(text);
    }
    return json_pack("[{s:[o]}]", "ports", tcp(port > 0 && port <= 65535 ? port : 5432));
}

void tr_manifest_policies_of(tr_manifest_t *self, const tr_fleet_agent_t *a) {
    json_t *selector = tr_manifest_selector(self, a->daemon ? a->daemon->kind->key : "agent", a->name);
    if (goes_out(a))
        put_policy(self, a->name, "out", matching(json_incref(selector)), NULL, outside());
    if (a->state && strcmp(a->state, "postgres") == 0)
        put_policy(self, a->name, "database", matching(json_incref(selector)), NULL, database(self));
    json_decref(selector);
}

/* Who keeps something in a database may go there; with a server of the fleet's, who has its connection string. */
static void policies_of_databases(tr_manifest_t *m) {
    const tr_fleet_t *f = m->fleet;
    const char *store = option_of(&f->coordinator.options, "store");
    bool tasks =
        f->coordinator.line && (store ? strcmp(store, "postgres") == 0 : f->servers.postgres != NULL);
    if (tasks)
        put_policy(m, NULL, "coordinator-database", matching(tr_manifest_selector(m, "coordinator", NULL)),
            NULL, database(m));
    if (tasks && f->servers.postgres)
        put_policy(m, NULL, "migrate-database", matching(tr_manifest_selector(m, "migrate", NULL)), NULL,
            database(m));
    if (f->broker.journal && strcmp(f->broker.journal, "postgres") == 0)
        put_policy(
            m, NULL, "broker-database", matching(tr_manifest_selector(m, "broker", NULL)), NULL, database(m));
}

/* First nobody may anything; then names are looked up, links lead to brokers, brokers to brokers, and who is marked may read metrics. */
void tr_manifest_policies(tr_manifest_t *self) {
    json_t *links = json_pack("[o, o]", tcp(TR_MANIFEST_LINK), tcp(TR_MANIFEST_STREAM));
    json_t *peers =
        self->fleet->broker.placement.replicas > 1 ? json_pack("[o]", tcp(TR_MANIFEST_PEERS)) : NULL;
    put_policy(
        self, NULL, "deny", matching(tr_manifest_selector(self, NULL, NULL)), json_array(), json_array());
    put_policy(self, NULL, "names", matching(tr_manifest_selector(self, NULL, NULL)), NULL,
        json_pack("[{s:[{s:{}, s:{s:{s:s}}}], s:[{s:s, s:i}, {s:s, s:i}]}]", "to", "namespaceSelector",
            "podSelector", "matchLabels", "k8s-app", "kube-dns", "ports", "protocol", "UDP", "port", 53,
            "protocol", "TCP", "port", 53));
    put_policy(self, NULL, "links", matching(tr_manifest_selector(self, NULL, NULL)), NULL,
        json_pack("[{s:[o], s:O}]", "to", pods(self, "broker"), "ports", links));
    put_policy(self, NULL, "broker", matching(tr_manifest_selector(self, "broker", NULL)),
        json_pack("[{s:[o], s:O}, {s:[{s:{s:{s:s}}}], s:[o]}]", "from", pods(self, NULL), "ports", links,
            "from", "namespaceSelector", "matchLabels", "troupe.dev/monitoring", "true", "ports",
            tcp(TR_MANIFEST_HTTP)),
        NULL);
    json_decref(links);
    if (self->fleet->metrics)
        put_policy(self, NULL, "metrics", matching(tr_manifest_selector(self, NULL, NULL)),
            json_pack("[{s:[{s:{s:{s:s}}}], s:[o]}]", "from", "namespaceSelector", "matchLabels",
                "troupe.dev/monitoring", "true", "ports", tcp(TR_MANIFEST_HTTP)),
            NULL);
    if (peers)
        put_policy(self, NULL, "peers", matching(tr_manifest_selector(self, "broker", NULL)),
            json_pack("[{s:[o], s:O}]", "from", pods(self, "broker"), "ports", peers),
            json_pack("[{s:[o], s:O}]", "to", pods(self, "broker"), "ports", peers));
    json_decref(peers);
    policies_of_databases(self);
    for (size_t i = 0; i < self->fleet->agent_list.count; i++)
        tr_manifest_policies_of(self, &tr_fleet_agents(self->fleet)[i]);
}

/* ---- the gateway ---- */

/* What a gateway has in its memory (tasks of A2A, responses that may be gone on from, the last events) is at the one that began it: who comes back is
 * led there again. ingress-nginx has one way of choosing for each service, so these are services of their own, before the same pods. */
typedef struct way {
    const char *suffix, *paths[2];
    const char *by; /* by what a gateway is chosen; NULL: the one that has answered faster of late */
} way_t;

static const way_t ways[] = {
    {"", {"/"}, NULL},
    {"-by-token", {"/a2a", "/v1/responses"}, "$http_authorization"},
    {"-by-client", {"/api/v1/events", "/api/v1/ws"}, "$remote_addr"},
};

static json_t *ingress_rule(const tr_manifest_t *m, const way_t *way, const char *name) {
    const char *host = option_of(&m->fleet->gateway.options, "host");
    json_t *paths = json_array(), *rule;
    for (size_t i = 0; i < 2 && way->paths[i]; i++)
        json_array_append_new(
            paths, json_pack("{s:s, s:s, s:{s:{s:s, s:{s:s}}}}", "path", way->paths[i], "pathType", "Prefix",
                       "backend", "service", "name", name, "port", "name", "http"));
    rule = json_pack("{s:{s:o}}", "http", "paths", paths);
    if (rule && host)
        json_object_set_new(rule, "host", json_string(host));
    return rule;
}

/* WebSockets and streams of events stay open; a request that waits for an agent is not cut; a body is as large as the gateway takes it. */
static json_t *ingress_annotations(const tr_manifest_t *m, const way_t *way) {
    const char *said = option_of(&m->fleet->gateway.options, "body-max");
    char most[24] = "4m"; /* as the gateway has it where nothing is said */
    tr_error_t error;
    size_t bytes;
    if (said && tr_parse_size(said, &bytes, &error) == 0) /* else the gateway says what is wrong with it */
        snprintf(most, sizeof most, "%zu", bytes);
    json_t *annotations = json_pack("{s:s, s:s, s:s, s:s}", "nginx.ingress.kubernetes.io/proxy-read-timeout",
        "3600", "nginx.ingress.kubernetes.io/proxy-send-timeout", "3600",
        "nginx.ingress.kubernetes.io/proxy-buffering", "off", "nginx.ingress.kubernetes.io/proxy-body-size",
        most);
    if (annotations)
        json_object_set_new(annotations,
            way->by ? "nginx.ingress.kubernetes.io/upstream-hash-by"
                    : "nginx.ingress.kubernetes.io/load-balance",
            json_string(way->by ? way->by : "ewma"));
    return annotations;
}

static void put_way(tr_manifest_t *m, const way_t *way, const char *gateway) {
    char name[TR_NAME_MAX + 16];
    snprintf(name, sizeof name, "%s%s", gateway, way->suffix);
    json_t *metadata = tr_manifest_metadata(m, name, "gateway", gateway);
    tr_manifest_put(
        m, json_pack("{s:s, s:s, s:o, s:{s:o, s:[o]}}", "apiVersion", "v1", "kind", "Service", "metadata",
               tr_manifest_metadata(m, name, "gateway", gateway), "spec", "selector",
               tr_manifest_selector(m, "gateway", gateway), "ports", tr_manifest_service_port("http", 80)));
    json_object_set_new(metadata, "annotations", ingress_annotations(m, way));
    tr_manifest_put(m,
        json_pack("{s:s, s:s, s:o, s:{s:s, s:[o]}}", "apiVersion", "networking.k8s.io/v1", "kind", "Ingress",
            "metadata", metadata, "spec", "ingressClassName", "nginx", "rules", ingress_rule(m, way, name)));
}

void tr_manifest_gateway_ways(tr_manifest_t *self, const tr_fleet_agent_t *agent) {
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        put_way(self, &ways[i], agent->name);
    put_policy(self, NULL, "gateway", matching(tr_manifest_selector(self, "gateway", agent->name)),
        json_pack("[{s:[{s:{}}], s:[o]}]", "from", "namespaceSelector", "ports", tcp(TR_MANIFEST_WEB)), NULL);
}

/* ---- how many ---- */

void tr_manifest_disruption(tr_manifest_t *self, const char *name, const char *component, const char *group) {
    json_t *spec =
        json_pack("{s:{s:o}}", "selector", "matchLabels", tr_manifest_selector(self, component, group));
    /* A broker at a time; of agents a quarter. */
    if (spec)
        json_object_set_new(spec, "maxUnavailable", group ? json_string("25%") : json_integer(1));
    tr_manifest_put(
        self, json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", "policy/v1", "kind", "PodDisruptionBudget",
                  "metadata", tr_manifest_metadata(self, name, component, group), "spec", spec));
}

/* {"matchLabels": {"fleet": F}, "matchExpressions": [{"key": "service", "operator": "In", "values": [...]}]} */
static json_t *backlog_selector(const tr_manifest_t *m, const tr_fleet_agent_t *a) {
    json_t *services = json_array();
    for (size_t i = 0; i < a->services.count; i++) {
        const char *one = a->services.items[i]; /* NAME or NAME=CAPACITY */
        json_array_append_new(services, json_stringn(one, strcspn(one, "=")));
    }
    return json_pack("{s:{s:s}, s:[{s:s, s:s, s:o}]}", "matchLabels", "fleet", m->fleet->name,
        "matchExpressions", "key", "service", "operator", "In", "values", services);
}

/* By load, and by what is unfinished of their services: the metric is the brokers', which the adapter for Prometheus adds up
 * (k8s/observability/prometheus-adapter.yaml). Less than one it cannot do. */
void tr_manifest_scaler(tr_manifest_t *self, const tr_fleet_agent_t *a, const char *kind) {
    json_t *cpu = json_pack("{s:s, s:{s:s, s:{s:s, s:i}}}", "type", "Resource", "resource", "name", "cpu",
        "target", "type", "Utilization", "averageUtilization", 80);
    json_t *backlog = json_pack("{s:s, s:{s:{s:s, s:o}, s:{s:s, s:o}}}", "type", "External", "external",
        "metric", "name", "troupe_broker_service_unfinished_records", "selector", backlog_selector(self, a),
        "target", "type", "AverageValue", "averageValue",
        tr_manifest_printed("%lld", (long long)a->autoscale.backlog));
    json_t *down = json_pack("{s:{s:I}}", "scaleDown", "stabilizationWindowSeconds",
        (json_int_t)(a->autoscale.cooldown_ms / 1000));
    tr_manifest_put(self, json_pack("{s:s, s:s, s:o, s:{s:{s:s, s:s, s:s}, s:I, s:I, s:[o, o], s:o}}",
                              "apiVersion", "autoscaling/v2", "kind", "HorizontalPodAutoscaler", "metadata",
                              tr_manifest_metadata(self, a->name, "agent", a->name), "spec", "scaleTargetRef",
                              "apiVersion", "apps/v1", "kind", kind, "name", a->name, "minReplicas",
                              (json_int_t)(a->autoscale.min ? a->autoscale.min : 1), "maxReplicas",
                              (json_int_t)a->autoscale.max, "metrics", cpu, backlog, "behavior", down));
}
