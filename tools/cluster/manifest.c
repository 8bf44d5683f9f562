#include "tools/cluster/manifest_private.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what all of them need ---- */

void tr_manifest_put(tr_manifest_t *self, json_t *object) {
    if (!object || json_array_append_new(self->objects, object) < 0)
        self->failed = true;
}

json_t *tr_manifest_printed(const char *format, ...) {
    va_list args;
    va_start(args, format);
    json_t *text = json_vsprintf(format, args);
    va_end(args);
    return text;
}

json_t *tr_manifest_selector(const tr_manifest_t *self, const char *component, const char *group) {
    json_t *labels =
        json_pack("{s:s, s:s}", "app.kubernetes.io/name", "troupe", TR_MANIFEST_LABEL, self->fleet->name);
    if (component)
        json_object_set_new(labels, "app.kubernetes.io/component", json_string(component));
    if (group)
        json_object_set_new(labels, "troupe.dev/group", json_string(group));
    return labels;
}

json_t *tr_manifest_labels(const tr_manifest_t *self, const char *component, const char *group) {
    json_t *labels = tr_manifest_selector(self, component, group);
    json_object_set_new(labels, "app.kubernetes.io/part-of", json_string("troupe"));
    return labels;
}

json_t *tr_manifest_metadata(
    const tr_manifest_t *self, const char *name, const char *component, const char *group) {
    json_t *metadata =
        json_pack("{s:s, s:o}", "name", name, "labels", tr_manifest_labels(self, component, group));
    if (metadata && !self->config->podman)
        json_object_set_new(metadata, "namespace", json_string(self->namespace));
    return metadata;
}

const char *tr_manifest_endpoint(const tr_manifest_t *self, bool same, char out[256]) {
    const char *fleet = self->fleet->name;
    if (self->config->podman)
        snprintf(out, 256, "tcp://%s-" TR_FLEET_BROKER ":%d", fleet, self->config->link);
    else if (same)
        snprintf(out, 256, "tcp://%s-0.%s.%s.svc:%d", fleet, fleet, self->namespace, TR_MANIFEST_LINK);
    else
        snprintf(out, 256, "tcp://%s-broker.%s.svc:%d", fleet, self->namespace, TR_MANIFEST_LINK);
    return out;
}

bool tr_manifest_name_valid(const char *name) {
    size_t len = strlen(name);
    return len > 0 && len <= NAME_MOST && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len &&
           islower((unsigned char)name[0]) && name[len - 1] != '-';
}

/* ---- what cannot be ---- */

/* The brokers' StatefulSet and their Services have these names; an agent's objects have the agent's. */
static bool is_brokers(const tr_fleet_t *f, const char *name) {
    size_t len = strlen(f->name);
    return strncmp(name, f->name, len) == 0 && (!name[len] || strcmp(name + len, "-" TR_FLEET_BROKER) == 0);
}

static int check_names(const tr_manifest_config_t *c, tr_error_t *error) {
    const tr_fleet_t *f = c->fleet;
    if (!tr_manifest_name_valid(f->name))
        return tr_error_set(error, -EINVAL,
            "%s: fleet: \"%s\" cannot name objects of a cluster: expected at most %d of a-z 0-9 -, first a "
            "letter, last no -",
            f->path, f->name, NAME_MOST);
    for (size_t i = 0; i < f->agent_list.count; i++) {
        const tr_fleet_agent_t *a = &tr_fleet_agents(f)[i];
        if (!tr_manifest_name_valid(a->name))
            return tr_error_set(error, -EINVAL,
                "%s:%d:1: \"%s\" cannot name objects of a cluster: expected at most %d of a-z 0-9 -, first a "
                "letter, last no -",
                f->path, a->line, a->name, NAME_MOST);
        if (!c->podman && is_brokers(f, a->name))
            return tr_error_set(error, -EINVAL,
                "%s:%d:1: \"%s\" is what the brokers of this fleet are called in a cluster: expected another "
                "name",
                f->path, a->line, a->name);
    }
    return 0;
}

/* What stands in logs is on the standard output of each pod, where the exporter's own does not see it; a file is on this machine. */
static int check_exporter(const tr_fleet_t *f, tr_error_t *error) {
    const tr_fleet_daemon_t *d = &f->exporter;
    for (size_t i = 0; d->line && i < d->options.count; i++) {
        const char *key = d->options.items[i].key;
        if (strcmp(key, "loki") == 0 || strcmp(key, "elasticsearch") == 0 || strcmp(key, "sentry-dsn") == 0 ||
            strcmp(key, "logs") == 0)
            return tr_error_set(error, -EINVAL,
                "%s:%d:1: exporter.options.%s: in containers there are no files of logs to follow, each "
                "process writes its lines (JSON) to its standard output: let the collector of logs there "
                "take them; expected otlp alone",
                f->path, d->line, key);
    }
    return 0;
}

/* A coordinator in a container cannot begin others on its machine. */
static int check_scaled(const tr_fleet_t *f, tr_error_t *error) {
    char key[48];
    for (size_t i = 0; i < f->agent_list.count; i++) {
        snprintf(key, sizeof key, "agents[%zu].autoscale", i);
        if (tr_fleet_agents(f)[i].autoscale.max)
            return tr_yaml_file_wrong(&f->file, key, error,
                "in containers of one machine nobody sees to it: expected it left out (`count`, and `troupe "
                "scale` while it runs), or the fleet on Kubernetes, by ssh or in no containers");
    }
    return 0;
}

static int check_fleet(const tr_manifest_config_t *c, tr_error_t *error) {
    const tr_fleet_t *f = c->fleet;
    const char *journal = f->broker.journal;
    if (f->supervisor_list.count)
        return tr_error_set(error, -EINVAL,
            "%s: supervisors: a cluster starts each process again by itself: expected none", f->path);
    if (journal && strcmp(journal, "true") != 0 && strcmp(journal, "false") != 0 &&
        strcmp(journal, "postgres") != 0)
        return tr_error_set(error, -EINVAL,
            "%s: broker.journal: in a cluster it is on the broker's volume: expected true, false or postgres",
            f->path);
    if (strncmp(f->broker.listen, "ipc://", 6) == 0 || strncmp(f->broker.stream, "ipc://", 6) == 0)
        return tr_error_set(error, -EINVAL,
            "%s: broker.listen: a cluster has no ipc://: expected none of listen and stream", f->path);
    int rc = check_exporter(f, error);
    if (rc == 0 && c->podman)
        rc = check_scaled(f, error);
    return rc == 0 ? check_names(c, error) : rc;
}

/* ---- the whole ---- */

static void put_head(tr_manifest_t *m) {
    if (!m->config->namespace) {
        json_t *metadata =
            json_pack("{s:s, s:o}", "name", m->namespace, "labels", tr_manifest_labels(m, NULL, NULL));
        json_t *labels = json_object_get(metadata, "labels");
        static const char *const modes[] = {"enforce", "audit", "warn"};
        for (size_t i = 0; labels && i < sizeof modes / sizeof *modes; i++) {
            char key[64];
            snprintf(key, sizeof key, "pod-security.kubernetes.io/%s", modes[i]);
            json_object_set_new(labels, key, json_string("restricted"));
        }
        tr_manifest_put(
            m, json_pack("{s:s, s:s, s:o}", "apiVersion", "v1", "kind", "Namespace", "metadata", metadata));
    }
    tr_manifest_put(
        m, json_pack("{s:s, s:s, s:o, s:b}", "apiVersion", "v1", "kind", "ServiceAccount", "metadata",
               tr_manifest_metadata(m, m->fleet->name, NULL, NULL), "automountServiceAccountToken", false));
}

static int put_all(tr_manifest_t *m, tr_error_t *error) {
    if (!m->config->podman)
        put_head(m);
    int rc = tr_manifest_certificates(m, error);
    if (rc == 0)
        rc = tr_manifest_secrets(m, NULL, error);
    if (rc < 0)
        return rc;
    if (!m->config->podman)
        tr_manifest_policies(m);
    if (!m->config->podman)
        tr_manifest_migration(m);
    tr_manifest_brokers(m);
    for (size_t i = 0; i < m->fleet->agent_list.count; i++)
        tr_manifest_agent(m, &tr_fleet_agents(m->fleet)[i]);
    return 0;
}

static int put_group(tr_manifest_t *m, const char *group, tr_error_t *error) {
    int rc = tr_manifest_certificates(m, error); /* the broker must know it */
    if (rc == 0)
        rc = tr_manifest_secrets(m, group, error);
    for (size_t i = 0; rc == 0 && i < m->fleet->agent_list.count; i++)
        if (strcmp(tr_fleet_agents(m->fleet)[i].name, group) == 0) {
            if (!m->config->podman)
                tr_manifest_policies_of(m, &tr_fleet_agents(m->fleet)[i]);
            tr_manifest_agent(m, &tr_fleet_agents(m->fleet)[i]);
        }
    return rc;
}

/* The plan is that of one machine, whose folders are those of a container. */
static int make_plan(tr_manifest_t *m, tr_error_t *error) {
    static const tr_programs_t programs = {"troupe-broker", "troupe-agentd", "troupe-coordinator",
        "troupe-kbd", "troupe-gateway", "troupe-exporter"};
    const tr_manifest_config_t *c = m->config;
    tr_plan_at_t at = {{0}, {0}, {0}};
    snprintf(at.listen, sizeof at.listen, "tcp://0.0.0.0:%d", c->podman ? c->link : TR_MANIFEST_LINK);
    snprintf(at.stream, sizeof at.stream, "tcp://0.0.0.0:%d", c->podman ? c->stream : TR_MANIFEST_STREAM);
    snprintf(at.http, sizeof at.http, "0.0.0.0:%d", c->podman ? c->http : TR_MANIFEST_HTTP);
    c->fleet->secure = true;
    c->fleet->state = DATA_FOLDER;
    c->fleet->directory = TR_MANIFEST_FOLDER;
    return tr_plan_make(c->fleet, &programs, &at, &m->plan, error);
}

static int make(
    const tr_manifest_config_t *config, const char *group, json_t **ret_objects, tr_error_t *error) {
    tr_manifest_t m = {.config = config,
        .fleet = config->fleet,
        .namespace = config->namespace ? config->namespace : config->fleet->name,
        .directory = config->fleet->directory,
        .objects = json_array()};
    int rc = check_fleet(config, error);
    if (rc == 0)
        rc = make_plan(&m, error);
    if (rc == 0)
        rc = group ? put_group(&m, group, error) : put_all(&m, error);
    if (rc == 0 && (m.failed || !m.objects))
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    tr_plan_destroy(&m.plan);
    if (rc == 0)
        *ret_objects = m.objects;
    else
        json_decref(m.objects);
    return rc;
}

int tr_manifest_make(const tr_manifest_config_t *config, json_t **ret_objects, tr_error_t *error) {
    return make(config, NULL, ret_objects, error);
}

int tr_manifest_group(
    const tr_manifest_config_t *config, const char *group, json_t **ret_objects, tr_error_t *error) {
    return make(config, group, ret_objects, error);
}
