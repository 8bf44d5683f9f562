#include "tools/cluster/manifest_private.h"

#include <string.h>

const tr_plan_process_t *tr_manifest_process(const tr_manifest_t *self, const tr_fleet_agent_t *agent) {
    for (size_t i = 0; i < self->plan->count; i++)
        if (self->plan->processes[i].agent == agent)
            return &self->plan->processes[i];
    return NULL;
}

static json_t *port(const char *name, int number) {
    return json_pack("{s:s, s:i}", "name", name, "containerPort", number);
}

/* On this machine alone, and under the same number in the pod and outside: what the broker says of itself is right in both. */
static json_t *host_port(const char *name, int number) {
    return json_pack("{s:s, s:i, s:i, s:s}", "name", name, "containerPort", number, "hostPort", number,
        "hostIP", "127.0.0.1");
}

/* For Prometheus, where the fleet file wants it; takes the list's reference. NULL: no port at all. */
static json_t *and_metrics(const tr_manifest_t *m, json_t *ports) {
    if (!m->fleet->metrics || m->config->podman)
        return ports;
    if (!ports)
        ports = json_array();
    json_array_append_new(ports, port("metrics", TR_MANIFEST_HTTP));
    return ports;
}

/* ---- workloads ---- */

static json_t *claim(const tr_manifest_t *m, const tr_part_t *part) {
    return json_pack("[{s:{s:s, s:o}, s:{s:[s], s:{s:{s:s}}}}]", "metadata", "name", "data", "labels",
        tr_manifest_selector(m, part->component, part->agent ? part->name : NULL), "spec", "accessModes",
        "ReadWriteOnce", "resources", "requests", "storage", part->placement->storage);
}

static bool scales(const tr_part_t *part) {
    return part->agent && part->agent->autoscale.max;
}

static void put_stateful(tr_manifest_t *m, const tr_part_t *part, bool from_one) {
    const char *group = part->agent ? part->name : NULL;
    json_t *replicas = scales(part) ? NULL : json_integer(part->replicas); /* else it is the scaler's */
    json_t *spec = json_pack("{s:s, s:o*, s:s, s:{s:s}, s:{s:o}, s:o}", "serviceName", m->fleet->name,
        "replicas", replicas, "podManagementPolicy", "Parallel", "updateStrategy", "type", "RollingUpdate",
        "selector", "matchLabels", tr_manifest_selector(m, part->component, group), "template",
        tr_manifest_template(m, part));
    if (spec && from_one)
        json_object_set_new(spec, "ordinals", json_pack("{s:i}", "start", 1));
    if (spec && part->keeps)
        json_object_set_new(spec, "volumeClaimTemplates", claim(m, part));
    tr_manifest_put(
        m, json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", "apps/v1", "kind", "StatefulSet", "metadata",
               tr_manifest_metadata(m, part->name, part->component, group), "spec", spec));
    if (part->replicas > 1 || scales(part))
        tr_manifest_disruption(m, part->name, part->component, group);
    if (scales(part))
        tr_manifest_scaler(m, part->agent, "StatefulSet");
}

/* Of one that has its name for itself the old pod ends before the new one begins. */
static json_t *strategy(bool alone) {
    return alone ? json_pack("{s:s}", "type", "Recreate")
                 : json_pack("{s:s, s:{s:i, s:s}}", "type", "RollingUpdate", "rollingUpdate",
                       "maxUnavailable", 0, "maxSurge", "25%");
}

static void put_deployment(tr_manifest_t *m, const tr_part_t *part, bool alone) {
    json_t *spec = json_pack("{s:o, s:{s:o}, s:o}", "strategy", strategy(alone), "selector", "matchLabels",
        tr_manifest_selector(m, part->component, part->name), "template", tr_manifest_template(m, part));
    if (spec && !scales(part)) /* else it is the scaler's */
        json_object_set_new(spec, "replicas", json_integer(part->replicas));
    tr_manifest_put(
        m, json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", "apps/v1", "kind", "Deployment", "metadata",
               tr_manifest_metadata(m, part->name, part->component, part->name), "spec", spec));
    if (part->replicas > 1 || scales(part))
        tr_manifest_disruption(m, part->name, part->component, part->name);
    if (scales(part))
        tr_manifest_scaler(m, part->agent, "Deployment");
}

/* ---- brokers ---- */

json_t *tr_manifest_service_port(const char *name, int number) {
    return json_pack(
        "{s:s, s:i, s:s, s:s}", "name", name, "port", number, "targetPort", name, "protocol", "TCP");
}

static json_t *service_ports(const tr_manifest_t *m) {
    json_t *list = json_pack("[o, o, o]", tr_manifest_service_port("link", TR_MANIFEST_LINK),
        tr_manifest_service_port("stream", TR_MANIFEST_STREAM),
        tr_manifest_service_port("http", TR_MANIFEST_HTTP));
    if (list && m->fleet->broker.placement.replicas > 1)
        json_array_append_new(list, tr_manifest_service_port("peers", TR_MANIFEST_PEERS));
    return list;
}

/* The headless one says who there is, whether ready or not: brokers find each other before they are. The other leads to one of those that are. */
static void put_services(tr_manifest_t *m) {
    char any[TR_PLATFORM_MAX + 8];
    snprintf(any, sizeof any, "%s-broker", m->fleet->name);
    tr_manifest_put(m, json_pack("{s:s, s:s, s:o, s:{s:s, s:b, s:o, s:o}}", "apiVersion", "v1", "kind",
                           "Service", "metadata", tr_manifest_metadata(m, m->fleet->name, "broker", NULL),
                           "spec", "clusterIP", "None", "publishNotReadyAddresses", true, "selector",
                           tr_manifest_selector(m, "broker", NULL), "ports", service_ports(m)));
    tr_manifest_put(m, json_pack("{s:s, s:s, s:o, s:{s:o, s:o}}", "apiVersion", "v1", "kind", "Service",
                           "metadata", tr_manifest_metadata(m, any, "broker", NULL), "spec", "selector",
                           tr_manifest_selector(m, "broker", NULL), "ports", service_ports(m)));
}

void tr_manifest_brokers(tr_manifest_t *self) {
    const tr_manifest_config_t *c = self->config;
    tr_part_t part = {
        .component = "broker",
        .name = self->fleet->name,
        .cert = TR_FLEET_BROKER,
        .process = &self->plan->processes[0],
        .placement = &self->fleet->broker.placement,
        .keeps = self->fleet->broker.journal && strcmp(self->fleet->broker.journal, "true") == 0,
        .replicas = self->fleet->broker.placement.replicas,
        .grace_s = 60,
    };
    if (c->podman) {
        part.name = TR_FLEET_BROKER;
        part.ports = json_pack("[o, o, o]", host_port("link", c->link), host_port("stream", c->stream),
            host_port("http", c->http));
        tr_manifest_pod(self, &part);
        return;
    }
    part.by_http = true;
    part.ports = json_pack("[o, o, o]", port("link", TR_MANIFEST_LINK), port("stream", TR_MANIFEST_STREAM),
        port("http", TR_MANIFEST_HTTP));
    if (part.replicas > 1)
        json_array_append_new(part.ports, port("peers", TR_MANIFEST_PEERS));
    put_services(self);
    put_stateful(self, &part, false);
}

/* ---- the database ---- */

/* A Job cannot be changed: what would change it makes another one. */
static uint32_t hash(const char *text) {
    uint32_t h = 2166136261u;
    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * 16777619u;
    return h;
}

static json_t *migration_pod(tr_manifest_t *m, const tr_fleet_agent_t *a) {
    tr_part_t part = {.component = "migrate",
        .name = a->name,
        .agent = a,
        .process = tr_manifest_process(m, a),
        .placement = &a->placement,
        .migrates = true,
        .grace_s = 30};
    json_t *template = tr_manifest_template(m, &part);
    json_object_set_new(json_object_get(template, "spec"), "restartPolicy", json_string("OnFailure"));
    return template;
}

void tr_manifest_migration(tr_manifest_t *self) {
    const tr_fleet_agent_t *agents = tr_fleet_agents(self->fleet);
    char name[TR_PLATFORM_MAX + 24];
    for (size_t i = 0; i < self->fleet->agent_list.count; i++) {
        const tr_plan_process_t *process = tr_manifest_process(self, &agents[i]);
        if (!agents[i].daemon || strcmp(agents[i].daemon->kind->key, "coordinator") != 0 ||
            !tr_manifest_in_postgres(self, process))
            continue;
        json_t *template = migration_pod(self, &agents[i]);
        char *text = json_dumps(template, JSON_COMPACT | JSON_SORT_KEYS);
        snprintf(name, sizeof name, "%s-migrate-%08x", self->fleet->name, hash(text ? text : ""));
        free(text);
        tr_manifest_put(
            self, json_pack("{s:s, s:s, s:o, s:{s:i, s:i, s:o}}", "apiVersion", "batch/v1", "kind", "Job",
                      "metadata", tr_manifest_metadata(self, name, "migrate", agents[i].name), "spec",
                      "backoffLimit", 10, "ttlSecondsAfterFinished", 86400, "template", template));
    }
}

/* ---- agents and daemons ---- */

/* Whoever is kept by name, there or at the broker. */
static bool by_name(const tr_fleet_agent_t *a) {
    return a->durable || tr_fleet_keeps_state(a) || (a->daemon && a->daemon->kind->place);
}

static tr_part_t part_of(tr_manifest_t *m, const tr_fleet_agent_t *a, char endpoint[256]) {
    bool alone = a->processes == TR_FLEET_ONE || (a->count == 1 && !a->autoscale.max);
    tr_part_t part = {
        .component = a->daemon ? a->daemon->kind->key : "agent",
        .name = a->name,
        .agent = a,
        .process = tr_manifest_process(m, a),
        .placement = &a->placement,
        .agent_name = alone || m->config->podman ? NULL : "$(POD_NAME)",
        .connect = tr_manifest_endpoint(m, by_name(a), endpoint),
        .keeps = (tr_fleet_keeps_state(a) && strcmp(a->state, "postgres") != 0) ||
                 (a->daemon && a->daemon->kind->place),
        .replicas = alone ? 1 : a->count,
        .grace_s = 45,
    };
    return part;
}

static void put_gateway(tr_manifest_t *m, tr_part_t *part) {
    part->by_http = true;
    part->agent_name = "$(POD_NAME)";
    part->replicas = part->placement->replicas;
    part->ports = and_metrics(m, json_pack("[o]", port("http", TR_MANIFEST_WEB)));
    put_deployment(m, part, false);
    tr_manifest_gateway_ways(m, part->agent);
}

/* A pod for each process of it, as many as there are on one machine. */
static void put_pods(tr_manifest_t *m, tr_part_t *part) {
    bool gateway = strcmp(part->component, "gateway") == 0;
    for (size_t i = 0; i < m->plan->count; i++) {
        part->process = &m->plan->processes[i];
        part->ports = gateway ? json_pack("[o]", host_port("http", m->config->web)) : NULL;
        if (part->process->agent == part->agent)
            tr_manifest_pod(m, part);
        else
            json_decref(part->ports);
    }
}

void tr_manifest_agent(tr_manifest_t *self, const tr_fleet_agent_t *a) {
    char cert[TR_NAME_MAX + 1], endpoint[256];
    tr_part_t part = part_of(self, a, endpoint);
    snprintf(cert, sizeof cert, "agent.%s", a->name);
    part.cert = cert;
    if (self->config->podman) {
        put_pods(self, &part);
        return;
    }
    if (strcmp(part.component, "gateway") == 0) {
        put_gateway(self, &part);
        return;
    }
    part.ports = and_metrics(self, NULL);
    if (by_name(a))
        put_stateful(self, &part, part.replicas > 1 || scales(&part));
    else
        put_deployment(self, &part, !part.agent_name);
}
