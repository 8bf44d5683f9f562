#include "tools/cluster/manifest_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- the command ---- */

/* Kubernetes puts variables in place of $(NAME), and one $ in place of two; what the file says is taken as it is. */
static json_t *literal(const char *text) {
    size_t extra = 0;
    for (const char *at = text; (at = strchr(at, '$')); at++)
        extra++;
    char *out = malloc(strlen(text) + extra + 1), *to = out;
    if (!out)
        return NULL;
    for (; *text; text++) {
        if (*text == '$')
            *to++ = '$';
        *to++ = *text;
    }
    *to = '\0';
    json_t *string = json_string(out);
    free(out);
    return string;
}

static bool is_conninfo(const char *option) {
    static const char *const all[] = {"--conninfo", "--journal-conninfo", "--state-conninfo", NULL};
    for (const char *const *one = all; *one; one++)
        if (strcmp(option, *one) == 0)
            return true;
    return false;
}

bool tr_manifest_in_postgres(const tr_manifest_t *self, const tr_plan_process_t *process) {
    const char *file = self->fleet->servers.postgres;
    for (const char **argv = process->argv; file && argv[0] && argv[1] && strcmp(argv[0], "--") != 0; argv++)
        if (is_conninfo(argv[0]) && strcmp(argv[1], file) == 0)
            return true;
    return false;
}

/* The value that an option has in a container, in place of the plan's; NULL: the plan's. */
static json_t *replaced(
    const tr_part_t *part, const tr_manifest_t *m, const char *option, const char *value) {
    if (strcmp(option, "--connect") == 0)
        return json_string(part->connect);
    if (strcmp(option, "--cert") == 0)
        return tr_manifest_printed(KEY_FOLDER "/%s.yaml", part->cert);
    if (strcmp(option, "--certs") == 0)
        return json_string(CERTS_FOLDER);
    if (is_conninfo(option) && strcmp(value, m->fleet->servers.postgres) == 0)
        return json_string(POSTGRES_FOLDER "/" POSTGRES_FILE);
    if (strcmp(option, "--name") == 0 && part->agent_name)
        return json_string(part->agent_name);
    if (strcmp(option, "--http") == 0 && part->agent)
        return tr_manifest_printed("0.0.0.0:%d", TR_MANIFEST_HTTP); /* for metrics */
    if (strcmp(option, "--platform") == 0 && !m->config->podman)
        return json_string("$(POD_NAME)");
    return NULL;
}

static void add(json_t *list, const char *option, json_t *value) {
    json_array_append_new(list, json_string(option));
    if (value)
        json_array_append_new(list, value);
}

static bool is_gateway(const tr_part_t *part) {
    return strcmp(part->component, "gateway") == 0;
}

/* What only a container is told. */
static void add_own(const tr_manifest_t *m, const tr_part_t *part, json_t *command) {
    bool podman = m->config->podman;
    if (!part->agent && m->fleet->broker.placement.replicas > 1 && !podman) {
        add(command, "--federation", tr_manifest_printed("tcp://0.0.0.0:%d", TR_MANIFEST_PEERS));
        add(command, "--peers-dns",
            tr_manifest_printed("%s.%s.svc:%d", m->fleet->name, m->namespace, TR_MANIFEST_PEERS));
    }
    if (is_gateway(part)) {
        add(command, "--listen",
            tr_manifest_printed("0.0.0.0:%d", podman ? m->config->web : TR_MANIFEST_WEB));
        add(command, "--insecure", NULL);
        add(command, "--tokens", json_string(TOKENS_FOLDER "/tokens"));
    }
    if (part->agent && strcmp(part->process->argv[0], "troupe-agentd") == 0)
        add(command, "--stay",
            NULL); /* an agent that was moved away: the pod would be started again and again */
    add(command, "--log-format", json_string("json"));
    if (part->agent)
        add(command, "--connect-time", json_string("5m")); /* the broker may come later */
}

/* An option of the fleet file that a container has of its own. */
static bool left_out(const tr_part_t *part, const char *argument) {
    static const char *const ours[] = {"--log-format=", "--connect-time=", "--stay", NULL};
    static const char *const of_gateway[] = {"--listen=", "--tokens=", "--insecure", NULL};
    for (const char *const *word = ours; *word; word++)
        if (strncmp(argument, *word, strlen(*word)) == 0)
            return true;
    for (const char *const *word = of_gateway; is_gateway(part) && *word; word++)
        if (strncmp(argument, *word, strlen(*word)) == 0)
            return true;
    return false;
}

/* With a value: who waits for it, and folders that processes of one machine share. */
static bool of_one_machine(const char *option) {
    static const char *const all[] = {
        "--ready-fd", "--http-file", "--logs", "--fleet-state", "--autoscale", "--memory", NULL};
    for (const char *const *one = all; *one; one++)
        if (strcmp(option, *one) == 0)
            return true;
    return false;
}

/* Of the coordinator's command what says where the tables are. */
static json_t *migration_of(const tr_manifest_t *m, const tr_part_t *part) {
    json_t *list = json_pack("[s, s]", part->process->argv[0], "--migrate");
    static const char *const kept[] = {"--store", "--conninfo", "--schema", NULL};
    for (const char **argv = part->process->argv + 1; argv[0] && argv[1]; argv++)
        for (const char *const *one = kept; *one; one++)
            if (strcmp(*argv, *one) == 0) {
                json_t *value = replaced(part, m, argv[0], argv[1]);
                add(list, argv[0], value ? value : literal(argv[1]));
            }
    static const char schema[] = "--schema=";
    for (const char **argv = part->process->argv; *argv; argv++)
        if (strncmp(*argv, schema, sizeof schema - 1) == 0)
            json_array_append_new(list, literal(*argv));
    return list;
}

/* What the plan of one machine would run, told where things are in a container. `--` ends Troupe's own options. */
static json_t *command_of(const tr_manifest_t *m, const tr_part_t *part) {
    if (part->migrates)
        return migration_of(m, part);
    json_t *list = json_array();
    bool own = true;
    json_array_append_new(list, json_string(part->process->argv[0]));
    add_own(m, part, list);
    for (const char **argv = part->process->argv + 1; *argv; argv++) {
        own = own && strcmp(*argv, "--") != 0;
        if (own && of_one_machine(*argv)) {
            argv++;
            continue;
        }
        if (own && left_out(part, *argv))
            continue;
        json_t *file = own ? tr_manifest_file_argument(part->component, *argv) : NULL;
        json_array_append_new(list, file ? file : literal(*argv));
        json_t *value = own && argv[1] ? replaced(part, m, *argv, argv[1]) : NULL;
        if (value) {
            json_array_append_new(list, value);
            argv++;
        }
    }
    return list;
}

/* What the fleet says to whoever asks models. */
static bool is_redis(const tr_manifest_t *m, const tr_pair_t *variable) {
    return m->fleet->servers.redis && strcmp(variable->key, TR_FLEET_REDIS_ENV) == 0 &&
           strcmp(variable->value, m->fleet->servers.redis) == 0;
}

static bool has_redis(const tr_manifest_t *m, const tr_part_t *part) {
    for (size_t i = 0; part->agent && i < part->agent->env.count; i++)
        if (is_redis(m, &part->agent->env.items[i]))
            return true;
    return false;
}

static json_t *env_of(const tr_manifest_t *m, const tr_part_t *part) {
    json_t *list = json_array();
    if (!m->config->podman)
        json_array_append_new(list, json_pack("{s:s, s:{s:{s:s}}}", "name", "POD_NAME", "valueFrom",
                                        "fieldRef", "fieldPath", "metadata.name"));
    else /* it mounts no memory at /run/troupe */
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "name", "TROUPE_ALIVE_FILE", "value", "/dev/shm/troupe-alive"));
    for (size_t i = 0; part->agent && i < part->agent->env.count; i++) {
        json_t *value = is_redis(m, &part->agent->env.items[i]) ? json_string(REDIS_FOLDER "/" REDIS_FILE)
                                                                : literal(part->agent->env.items[i].value);
        json_array_append_new(
            list, json_pack("{s:s, s:o}", "name", part->agent->env.items[i].key, "value", value));
    }
    return list;
}

/* ---- probes ---- */

static json_t *probe(const tr_part_t *part, const char *path, bool serving, int period_s, int failures) {
    json_t *how;
    if (part->by_http)
        how = json_pack("{s:{s:s, s:s}}", "httpGet", "path", path, "port", "http");
    else if (serving)
        how = json_pack("{s:{s:[s,s,s]}}", "exec", "command", "troupe", "alive", "--serving");
    else
        how = json_pack("{s:{s:[s,s]}}", "exec", "command", "troupe", "alive");
    if (how) {
        json_object_set_new(how, "periodSeconds", json_integer(period_s));
        json_object_set_new(how, "timeoutSeconds", json_integer(5));
        json_object_set_new(how, "failureThreshold", json_integer(failures));
    }
    return how;
}

/* A thread of its own answers each of them: one that is busy is alive. A start may wait for the broker, and for a journal that is read. */
static void add_probes(const tr_part_t *part, json_t *container) {
    json_object_set_new(container, "startupProbe", probe(part, "/readyz", true, 2, 300));
    json_object_set_new(container, "readinessProbe", probe(part, "/readyz", true, 5, 2));
    json_object_set_new(container, "livenessProbe", probe(part, "/healthz", false, 10, 6));
}

/* ---- volumes ---- */

static void mount(json_t *mounts, const char *name, const char *path, bool readonly) {
    json_t *item = json_pack("{s:s, s:s}", "name", name, "mountPath", path);
    if (readonly)
        json_object_set_new(item, "readOnly", json_true());
    json_array_append_new(mounts, item);
}

static const char *state_of(const tr_manifest_t *m) {
    return m->config->state ? m->config->state : "STATE";
}

static json_t *secret_volume(const char *volume, json_t *name) {
    return json_pack("{s:s, s:{s:o, s:i, s:b}}", "name", volume, "secret", "secretName", name, "defaultMode",
        0440, "optional", false);
}

/* podman gives the files of its secrets to everybody in the container, which Troupe refuses: there it is a file of this machine. */
static void add_secret(const tr_manifest_t *m, const char *volume, const char *folder, const char *file,
    json_t *name, json_t *volumes, json_t *mounts) {
    char path[PATH_MAX];
    if (!m->config->podman) {
        json_array_append_new(volumes, secret_volume(volume, name));
        mount(mounts, volume, folder, true);
        return;
    }
    json_decref(name);
    json_array_append_new(
        volumes, json_pack("{s:s, s:{s:o, s:s}}", "name", volume, "hostPath", "path",
                     tr_manifest_printed("%s/" TR_MANIFEST_KEYS "/%s", state_of(m), file), "type", "File"));
    snprintf(path, sizeof path, "%s/%s", folder, file);
    mount(mounts, volume, path, true);
}

/* Of podman each is a file of its own, as all secrets are. */
static void add_files(const tr_manifest_t *m, const char *daemon, json_t *volumes, json_t *mounts) {
    char path[PATH_MAX];
    tr_error_t ignored;
    snprintf(path, sizeof path, FILES_FOLDER "/%s", daemon);
    if (!m->config->podman) {
        json_array_append_new(
            volumes, secret_volume(daemon, tr_manifest_printed("%s-%s", m->fleet->name, daemon)));
        mount(mounts, daemon, path, true);
        return;
    }
    for (const tr_manifest_file_t *file = tr_manifest_files; file->daemon; file++) {
        if (strcmp(file->daemon, daemon) != 0 ||
            !tr_manifest_file(m->fleet, m->directory, file, path, &ignored))
            continue;
        json_array_append_new(volumes,
            json_pack("{s:s, s:{s:o, s:s}}", "name", file->option, "hostPath", "path",
                tr_manifest_printed("%s/" TR_MANIFEST_KEYS "/%s-%s", state_of(m), daemon, file->option),
                "type", "File"));
        snprintf(path, sizeof path, FILES_FOLDER "/%s/%s", daemon, file->option);
        mount(mounts, file->option, path, true);
    }
}

static void add_keys(const tr_manifest_t *m, const tr_part_t *part, json_t *volumes, json_t *mounts) {
    char file[TR_NAME_MAX + 8];
    const char *fleet = m->fleet->name;
    snprintf(file, sizeof file, "%s.yaml", part->cert);
    if (!part->migrates)
        add_secret(m, "key", KEY_FOLDER, file,
            tr_manifest_printed("%s-%s-key", fleet, part->agent ? part->name : TR_FLEET_BROKER), volumes,
            mounts);
    if (is_gateway(part))
        add_secret(
            m, "tokens", TOKENS_FOLDER, "tokens", tr_manifest_printed("%s-tokens", fleet), volumes, mounts);
    if (tr_manifest_has_files(m->fleet, part->component))
        add_files(m, part->component, volumes, mounts);
    if (tr_manifest_in_postgres(m, part->process))
        add_secret(m, "postgres", POSTGRES_FOLDER, POSTGRES_FILE, tr_manifest_printed("%s-postgres", fleet),
            volumes, mounts);
    if (has_redis(m, part))
        add_secret(
            m, "redis", REDIS_FOLDER, REDIS_FILE, tr_manifest_printed("%s-redis", fleet), volumes, mounts);
    if (part->agent)
        return;
    if (m->config->podman)
        json_array_append_new(volumes,
            json_pack("{s:s, s:{s:o, s:s}}", "name", "certs", "hostPath", "path",
                tr_manifest_printed("%s/" TR_MANIFEST_KEYS "/certs", state_of(m)), "type", "Directory"));
    else
        json_array_append_new(volumes, json_pack("{s:s, s:{s:o, s:b}}", "name", "certs", "configMap", "name",
                                           tr_manifest_printed("%s-certs", fleet), "optional", false));
    mount(mounts, "certs", CERTS_FOLDER, true);
}

static void add_volumes(const tr_manifest_t *m, const tr_part_t *part, json_t *spec, json_t *container) {
    json_t *volumes = json_array(), *mounts = json_array();
    if (!m->config->podman) {
        json_array_append_new(volumes, json_pack("{s:s, s:{s:s, s:s}}", "name", "run", "emptyDir", "medium",
                                           "Memory", "sizeLimit", "1Mi"));
        json_array_append_new(
            volumes, json_pack("{s:s, s:{s:s}}", "name", "tmp", "emptyDir", "sizeLimit", "256Mi"));
        mount(mounts, "run", "/run/troupe", false);
        mount(mounts, "tmp", "/tmp", false);
    }
    if (part->keeps && m->config->podman)
        json_array_append_new(
            volumes, json_pack("{s:s, s:{s:o}}", "name", "data", "persistentVolumeClaim", "claimName",
                         tr_manifest_printed("%s-%s-data", m->fleet->name, part->process->name)));
    if (part->keeps)
        mount(mounts, "data", DATA_FOLDER, false);
    add_keys(m, part, volumes, mounts);
    json_object_set_new(container, "volumeMounts", mounts);
    json_object_set_new(spec, "volumes", volumes);
}

/* ---- the pod ---- */

static json_t *resources(const tr_placement_t *p) {
    json_t *limits = json_pack("{s:s}", "memory", tr_placement_memory_limit(p));
    if (limits && p->cpu_limit)
        json_object_set_new(limits, "cpu", json_string(p->cpu_limit));
    return json_pack("{s:{s:s, s:s}, s:o}", "requests", "cpu", p->cpu, "memory", p->memory, "limits", limits);
}

static json_t *container_of(const tr_manifest_t *m, const tr_part_t *part) {
    json_t *command = command_of(m, part);
    json_t *container = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "name", part->component, "image",
        m->config->image, "imagePullPolicy", "IfNotPresent", "command", command, "env", env_of(m, part),
        "resources", resources(part->placement));
    if (!container)
        return NULL;
    json_object_set_new(container, "securityContext",
        json_pack("{s:b, s:b, s:{s:[s]}}", "readOnlyRootFilesystem", true, "allowPrivilegeEscalation", false,
            "capabilities", "drop", "ALL"));
    if (part->agent && part->agent->exec.command.count > 0)
        json_object_set_new(container, "workingDir", json_string(TR_MANIFEST_FOLDER));
    if (part->agent && !part->agent->daemon && !m->config->podman)
        json_object_set_new(container, "envFrom",
            json_pack("[{s:{s:o, s:b}}]", "secretRef", "name", tr_manifest_printed("%s-env", m->fleet->name),
                "optional", true));
    if (part->ports)
        json_object_set_new(container, "ports", part->ports);
    if (!part->migrates)
        add_probes(part, container);
    /* Whoever finds it by a service stops doing so before it ends; what is in work is ended on SIGTERM. */
    if (!m->config->podman && part->by_http)
        json_object_set_new(container, "lifecycle",
            json_pack("{s:{s:{s:[s,s]}}}", "preStop", "exec", "command", "sleep", "3"));
    return container;
}

static json_t *spread(const tr_manifest_t *m, const tr_part_t *part, const char *key) {
    const char *group = part->agent ? part->name : NULL;
    return json_pack("{s:i, s:s, s:s, s:{s:o}}", "maxSkew", 1, "topologyKey", key, "whenUnsatisfiable",
        "ScheduleAnyway", "labelSelector", "matchLabels", tr_manifest_selector(m, part->component, group));
}

static void add_place(const tr_manifest_t *m, const tr_part_t *part, json_t *spec) {
    const tr_pairs_t *nodes = &part->placement->nodes;
    json_t *selector = json_object();
    for (size_t i = 0; i < nodes->count; i++)
        json_object_set_new(selector, nodes->items[i].key, json_string(nodes->items[i].value));
    if (nodes->count)
        json_object_set(spec, "nodeSelector", selector);
    json_decref(selector);
    if (part->replicas > 1 || (part->agent && part->agent->autoscale.max > 1))
        json_object_set_new(spec, "topologySpreadConstraints",
            json_pack("[o, o]", spread(m, part, "kubernetes.io/hostname"),
                spread(m, part, "topology.kubernetes.io/zone")));
}

static json_t *pod_spec(const tr_manifest_t *m, const tr_part_t *part) {
    json_t *container = container_of(m, part), *spec = json_object();
    if (!container || !spec) {
        json_decref(container);
        json_decref(spec);
        return NULL;
    }
    add_volumes(m, part, spec, container);
    json_object_set_new(spec, "automountServiceAccountToken", json_false());
    json_object_set_new(spec, "securityContext",
        json_pack("{s:b, s:i, s:i, s:i, s:s, s:{s:s}}", "runAsNonRoot", true, "runAsUser", TR_MANIFEST_USER,
            "runAsGroup", TR_MANIFEST_USER, "fsGroup", TR_MANIFEST_USER, "fsGroupChangePolicy",
            "OnRootMismatch", "seccompProfile", "type", "RuntimeDefault"));
    json_object_set_new(spec, "terminationGracePeriodSeconds", json_integer(part->grace_s));
    json_object_set_new(spec, "containers", json_pack("[o]", container));
    if (m->config->podman) {
        json_object_set_new(spec, "restartPolicy", json_string("Always"));
        return spec;
    }
    json_object_set_new(spec, "serviceAccountName", json_string(m->fleet->name));
    add_place(m, part, spec);
    return spec;
}

json_t *tr_manifest_template(tr_manifest_t *self, const tr_part_t *part) {
    json_t *labels = tr_manifest_labels(self, part->component, part->agent ? part->name : NULL);
    return json_pack("{s:{s:o}, s:o}", "metadata", "labels", labels, "spec", pod_spec(self, part));
}

/* Of podman: its volume before it. */
void tr_manifest_pod(tr_manifest_t *self, const tr_part_t *part) {
    json_t *labels = tr_manifest_labels(self, part->component, part->agent ? part->name : NULL);
    if (part->keeps)
        tr_manifest_put(self, json_pack("{s:s, s:s, s:{s:o, s:O}, s:{s:[s], s:{s:{s:s}}}}", "apiVersion",
                                  "v1", "kind", "PersistentVolumeClaim", "metadata", "name",
                                  tr_manifest_printed("%s-%s-data", self->fleet->name, part->process->name),
                                  "labels", labels, "spec", "accessModes", "ReadWriteOnce", "resources",
                                  "requests", "storage", part->placement->storage));
    tr_manifest_put(
        self, json_pack("{s:s, s:s, s:{s:o, s:o}, s:o}", "apiVersion", "v1", "kind", "Pod", "metadata",
                  "name", tr_manifest_printed("%s-%s", self->fleet->name, part->process->name), "labels",
                  labels, "spec", pod_spec(self, part)));
}
