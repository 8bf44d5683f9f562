#include "tools/fleet/fleet.h"

#include "lib/base/map.h"
#include "proto/aid.h"
#include "tools/fleet/fleet_supervisors.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(a) (sizeof(a) / sizeof *(a))
#define ARENA_MAX   (64u << 20)
bool tr_fleet_name_valid(const char *name, size_t len) {
    return tr_platform_valid(name, len) && isalnum((unsigned char)name[0]);
}

/* HOST:PORT, the port in decimal. */
static bool host_port(const char *text, size_t len) {
    const char *colon = memrchr(text, ':', len);
    if (!colon || colon == text)
        return false;
    size_t digits = (size_t)(text + len - colon - 1);
    if (digits < 1 || digits > 5 || strspn(colon + 1, "0123456789") != digits)
        return false;
    return strpbrk(text, " \t/") == NULL && strtol(colon + 1, NULL, 10) <= 65535;
}

static bool endpoint(const char *text, size_t len) {
    if (strncmp(text, "tcp://", 6) == 0)
        return host_port(text + 6, len - 6);
    return strncmp(text, "ipc://", 6) == 0 && len > 6;
}

static bool option_name(const char *text, size_t len) {
    return len > 0 && len <= 63 && islower((unsigned char)text[0]) &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool not_empty(const char *text, size_t len) {
    (void)text;
    return len > 0;
}

#define AT(type, member) offsetof(type, member)
#define AN_ENDPOINT      "an endpoint such as tcp://127.0.0.1:0 or ipc:///run/troupe.sock"

static const tr_yaml_field_t broker_fields[] = {
    {"listen", TR_YAML_TEXT, AT(tr_fleet_broker_t, listen), .check = endpoint, .expected = AN_ENDPOINT},
    {"stream", TR_YAML_TEXT, AT(tr_fleet_broker_t, stream), .check = endpoint, .expected = AN_ENDPOINT},
    {"http", TR_YAML_TEXT, AT(tr_fleet_broker_t, http), .check = host_port,
        .expected = "HOST:PORT such as 127.0.0.1:0"},
    {"journal", TR_YAML_TEXT, AT(tr_fleet_broker_t, journal), .check = not_empty,
        .expected = "true, false, a directory or postgres"},
    {"options", TR_YAML_PAIRS, AT(tr_fleet_broker_t, options), .max = 64, .lists = true, .check = option_name,
        .expected = "the name of an option of troupe-broker, such as mailbox-records"},
    {"placement", TR_YAML_SECTION, AT(tr_fleet_broker_t, placement), .table = &tr_placement_table},
};

static const tr_fleet_broker_t broker_initial = {
    .listen = "tcp://127.0.0.1:0",
    .stream = "tcp://127.0.0.1:0",
    .http = "127.0.0.1:0",
    .placement = TR_PLACEMENT_DEFAULT,
};

static const tr_yaml_table_t broker_table = {
    broker_fields, COUNT_OF(broker_fields), sizeof(tr_fleet_broker_t), &broker_initial, 0, NULL};

/* Daemons have the same keys. */
#define DAEMON_KEYS(SUCH_AS)                                                                                 \
    {"name", TR_YAML_TEXT, AT(tr_fleet_daemon_t, name), .check = tr_name_valid,                              \
        .expected = "a name: 1 to 128 of A-Z a-z 0-9 . _ - + ~, the first neither . nor -"},                 \
        {"data", TR_YAML_TEXT, AT(tr_fleet_daemon_t, data), .check = not_empty, .expected = "a directory"},  \
        {"options", TR_YAML_PAIRS, AT(tr_fleet_daemon_t, options), .max = 64, .lists = true,                 \
            .check = option_name, .expected = "the name of an option of " SUCH_AS},                          \
    {                                                                                                        \
        "placement", TR_YAML_SECTION, AT(tr_fleet_daemon_t, placement), .table = &tr_placement_table         \
    }
#define DAEMON_FIELDS(SUCH_AS)                                                                               \
    { DAEMON_KEYS(SUCH_AS) }
static const tr_yaml_field_t coordinator_fields[] = DAEMON_FIELDS("troupe-coordinator, such as tries");
static const tr_yaml_field_t knowledge_fields[] = {DAEMON_KEYS("troupe-kbd, such as chunk-tokens"),
    {"shards", TR_YAML_WHOLE, AT(tr_fleet_daemon_t, shards), .min = 1, .max = TR_FLEET_SHARDS_MAX},
    {"leaving", TR_YAML_WHOLE, AT(tr_fleet_daemon_t, leaving), .min = 0, .max = TR_FLEET_SHARDS_MAX - 1},
    {"replicas", TR_YAML_WHOLE, AT(tr_fleet_daemon_t, replicas), .min = 1, .max = 2}};
static const tr_yaml_field_t exporter_fields[] = DAEMON_FIELDS("troupe-exporter, such as otlp");

/* It keeps nothing. */
static const tr_yaml_field_t gateway_fields[] = {
    {"name", TR_YAML_TEXT, AT(tr_fleet_daemon_t, name), .check = tr_name_valid,
        .expected = "a name: 1 to 128 of A-Z a-z 0-9 . _ - + ~, the first neither . nor -"},
    {"options", TR_YAML_PAIRS, AT(tr_fleet_daemon_t, options), .max = 64, .lists = true, .check = option_name,
        .expected = "the name of an option of troupe-gateway, such as listen"},
    {"placement", TR_YAML_SECTION, AT(tr_fleet_daemon_t, placement), .table = &tr_placement_table},
};

#define TEXTS(...)                                                                                           \
    {                                                                                                        \
        (const char **)(const char *const[]){__VA_ARGS__},                                                   \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)                                      \
    }
static const tr_fleet_daemon_kind_t coordinator_kind = {
    .key = "coordinator",
    .room = "coordinator",
    .program = "troupe-coordinator",
    .place = "tasks",
    .services = TEXTS("tasks", "decisions"),
    .publish = TEXTS("task.>", "decision.>"),
    .subscribe = TEXTS("$sys.df.*", "$sys.agent.*"),
    .verbs = TEXTS("ams.services", "fleet.status", "fleet.scale"), /* for autoscale */
};
static const tr_fleet_daemon_kind_t knowledge_kind = {
    .key = "knowledge",
    .room = "kbd",
    .program = "troupe-kbd",
    .place = "knowledge",
    .services = TEXTS("kb"),
    .publish = TEXTS("kb.>"),
};

static const tr_fleet_daemon_kind_t gateway_kind = {
    .key = "gateway",
    .room = "gateway",
    .program = "troupe-gateway",
    .operates = true,
};

static const tr_fleet_daemon_kind_t exporter_kind = {
    .key = "exporter",
    .room = "exporter",
    .program = "troupe-exporter",
    .place = "exporter",
    .subscribe = TEXTS("$sys.spans"),
    .follows_logs = true,
};

static const tr_fleet_daemon_t coordinator_initial = {
    .name = "coordinator", .kind = &coordinator_kind, .placement = TR_PLACEMENT_DEFAULT};
static const tr_fleet_daemon_t knowledge_initial = {
    .name = "kb", .kind = &knowledge_kind, .placement = TR_PLACEMENT_DEFAULT, .shards = 1, .replicas = 1};
static const tr_fleet_daemon_t gateway_initial = {
    .name = "gateway", .kind = &gateway_kind, .placement = TR_PLACEMENT_DEFAULT};
static const tr_fleet_daemon_t exporter_initial = {
    .name = "exporter", .kind = &exporter_kind, .placement = TR_PLACEMENT_DEFAULT};

static const tr_yaml_table_t coordinator_table = {coordinator_fields, COUNT_OF(coordinator_fields),
    sizeof(tr_fleet_daemon_t), &coordinator_initial, AT(tr_fleet_daemon_t, line), NULL};
static const tr_yaml_table_t knowledge_table = {knowledge_fields, COUNT_OF(knowledge_fields),
    sizeof(tr_fleet_daemon_t), &knowledge_initial, AT(tr_fleet_daemon_t, line), NULL};

static const tr_yaml_table_t gateway_table = {gateway_fields, COUNT_OF(gateway_fields),
    sizeof(tr_fleet_daemon_t), &gateway_initial, AT(tr_fleet_daemon_t, line), NULL};

static const tr_yaml_table_t exporter_table = {exporter_fields, COUNT_OF(exporter_fields),
    sizeof(tr_fleet_daemon_t), &exporter_initial, AT(tr_fleet_daemon_t, line), NULL};

static const tr_yaml_field_t servers_fields[] = {
    {"postgres", TR_YAML_TEXT, AT(tr_fleet_servers_t, postgres), .check = not_empty,
        .expected = "the path of a file with a connection string of PostgreSQL"},
    {"redis", TR_YAML_TEXT, AT(tr_fleet_servers_t, redis), .check = not_empty,
        .expected = "the path of a file with redis://:PASSWORD@HOST:PORT/DATABASE in it"},
};
static const tr_yaml_table_t servers_table = {
    servers_fields, COUNT_OF(servers_fields), sizeof(tr_fleet_servers_t), NULL, 0, NULL};

static const tr_yaml_field_t fleet_fields[] = {
    {"fleet", TR_YAML_TEXT, AT(tr_fleet_t, name), true, .check = tr_fleet_name_valid,
        .expected = "a name: 1 to 63 of A-Z a-z 0-9 . _ -, first a letter or a digit"},
    {"broker", TR_YAML_SECTION, AT(tr_fleet_t, broker), .table = &broker_table},
    {"coordinator", TR_YAML_SECTION, AT(tr_fleet_t, coordinator), .table = &coordinator_table},
    {"knowledge", TR_YAML_SECTION, AT(tr_fleet_t, knowledge), .table = &knowledge_table},
    {"gateway", TR_YAML_SECTION, AT(tr_fleet_t, gateway), .table = &gateway_table},
    {"exporter", TR_YAML_SECTION, AT(tr_fleet_t, exporter), .table = &exporter_table},
    {"state", TR_YAML_SECTION, AT(tr_fleet_t, servers), .table = &servers_table},
    {"secure", TR_YAML_TRUTH, AT(tr_fleet_t, secure)},
    {"metrics", TR_YAML_TRUTH, AT(tr_fleet_t, metrics)},
    {"trace-one-in", TR_YAML_WHOLE, AT(tr_fleet_t, trace_one_in), .min = 0, .max = INT32_MAX},
    {"agents", TR_YAML_SECTIONS, AT(tr_fleet_t, agent_list), true, 0, TR_FLEET_AGENTS_MAX,
        .table = &tr_fleet_agent_table},
    {"supervisors", TR_YAML_SECTIONS, AT(tr_fleet_t, supervisor_list), .max = TR_FLEET_SUPERVISORS_MAX,
        .table = &tr_fleet_supervisor_table},
};

static const tr_fleet_t fleet_initial = {
    .broker = {.listen = "tcp://127.0.0.1:0",
        .stream = "tcp://127.0.0.1:0",
        .http = "127.0.0.1:0",
        .placement = TR_PLACEMENT_DEFAULT},
};

static const tr_yaml_table_t fleet_table = {
    fleet_fields, COUNT_OF(fleet_fields), sizeof(tr_fleet_t), &fleet_initial, 0, NULL};

const tr_yaml_table_t *tr_fleet_table(void) {
    return &fleet_table;
}

static int taken(const tr_fleet_t *self, const tr_fleet_agent_t *agent, const char *name,
    const tr_fleet_agent_t *other, tr_error_t *error) {
    return tr_error_set(error, -EINVAL,
        "%s:%d:1: agents[%td].name: \"%s\" is taken by agents[%td] in line %d", self->path, agent->line,
        agent - tr_fleet_agents(self), name, other - tr_fleet_agents(self), other->line);
}

/* The entry of several whose count makes `name` (its name, "-", a number within its count), or NULL. */
static const tr_fleet_agent_t *made_by(const tr_fleet_t *self, const tr_map_t *by_name, const char *name) {
    const char *dash = strrchr(name, '-');
    if (!dash || dash[1] == '\0' || (dash[1] == '0' && dash[2]) || strlen(dash) > 8 ||
        strspn(dash + 1, "0123456789") != strlen(dash + 1))
        return NULL;
    const uint64_t *index = tr_map_find(by_name, name, (size_t)(dash - name));
    if (!index)
        return NULL;
    const tr_fleet_agent_t *range = &tr_fleet_agents(self)[*index];
    return range->count > 1 && strtol(dash + 1, NULL, 10) <= range->count ? range : NULL;
}

static int check_names(const tr_fleet_t *self, tr_map_t *by_name, tr_error_t *error) {
    const tr_fleet_agent_t *agents = tr_fleet_agents(self);
    for (size_t i = 0; i < self->agent_list.count; i++) {
        size_t len = strlen(agents[i].name);
        const uint64_t *other = tr_map_find(by_name, agents[i].name, len);
        if (other)
            return taken(self, &agents[i], agents[i].name, &agents[*other], error);
        if (tr_map_put(by_name, agents[i].name, len, i) < 0)
            return tr_error_set(error, -ENOMEM, "%s: out of memory", self->path);
    }
    return 0;
}

/* Names of one that are made by the count of another. */
static int check_made_names(const tr_fleet_t *self, const tr_map_t *by_name, tr_error_t *error) {
    const tr_fleet_agent_t *agents = tr_fleet_agents(self);
    for (size_t i = 0; i < self->agent_list.count; i++) {
        const tr_fleet_agent_t *other = agents[i].count == 1 ? made_by(self, by_name, agents[i].name) : NULL;
        if (other)
            return taken(self, &agents[i], agents[i].name, other, error);
    }
    return 0;
}

static int check_processes(const tr_fleet_t *self, tr_error_t *error) {
    int64_t processes = 0;
    for (size_t i = 0; i < self->agent_list.count; i++) {
        const tr_fleet_agent_t *a = &tr_fleet_agents(self)[i];
        processes += a->processes == TR_FLEET_ONE ? 1 : tr_fleet_begins(a);
        if (processes > TR_FLEET_PROCESSES_MAX)
            return tr_error_set(error, -EINVAL,
                "%s:%d:1: agents[%zu]: with this entry there are more than %d processes; expected fewer, or "
                "processes: one",
                self->path, a->line, i, TR_FLEET_PROCESSES_MAX);
    }
    return 0;
}

/* ---- the journal ---- */

static const char *option_of(const tr_fleet_t *self, const char *name) {
    const tr_pairs_t *options = &self->broker.options;
    for (size_t i = 0; i < options->count; i++)
        if (strcmp(options->items[i].key, name) == 0)
            return options->items[i].value;
    return NULL;
}

static bool is_none(const char *journal) {
    return !journal || strcmp(journal, "false") == 0 || strcmp(journal, "none") == 0;
}

int tr_fleet_journal(const tr_fleet_t *self, char *out, size_t size) {
    const char *journal = self->broker.journal ? self->broker.journal : option_of(self, "journal");
    int n;
    if (is_none(journal))
        n = snprintf(out, size, "%s", "");
    else if (self->broker.journal && strcmp(journal, "true") == 0)
        n = snprintf(out, size, "%s/" TR_FLEET_JOURNAL, self->state ? self->state : "STATE");
    else if (strcmp(journal, "postgres") == 0 || journal[0] == '/')
        n = snprintf(out, size, "%s", journal);
    else
        n = snprintf(out, size, "%s/%s", self->directory, journal + (strncmp(journal, "./", 2) ? 0 : 2));
    return n >= 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

/* ---- daemons ---- */

int tr_fleet_daemon_data(const tr_fleet_t *self, const tr_fleet_daemon_t *daemon, char *out, size_t size) {
    const char *data = daemon->data;
    int n;
    if (!daemon->kind->place)
        n = snprintf(out, size, "%s", "");
    else if (!data)
        n = snprintf(out, size, "%s/%s", self->state ? self->state : "STATE", daemon->kind->place);
    else if (data[0] == '/')
        n = snprintf(out, size, "%s", data);
    else
        n = snprintf(out, size, "%s/%s", self->directory, data + (strncmp(data, "./", 2) ? 0 : 2));
    if (n >= 0 && (size_t)n < size && daemon->all_names)
        n += snprintf(out + n, size - (size_t)n, "/%s", daemon->name);
    return n >= 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

/* It is one of the agents from here on, with the rights that it needs in a secure fleet. */
static int add_daemon(tr_fleet_t *self, const tr_fleet_daemon_t *daemon, tr_error_t *error) {
    size_t n = self->agent_list.count;
    tr_fleet_agent_t *all = tr_arena_alloc(&self->arena, (n + 1) * sizeof *all);
    if (!all)
        return tr_error_set(error, -ENOMEM, "%s: out of memory", self->path);
    if (n)
        memcpy(all, self->agent_list.items, n * sizeof *all);
    all[n] = (tr_fleet_agent_t){
        .name = daemon->name,
        .daemon = daemon,
        .count = 1,
        .placement = daemon->placement,
        .services = daemon->kind->services,
        .publish = daemon->kind->publish,
        .subscribe = daemon->kind->subscribe,
        .restart = tr_restart_default,
        .line = daemon->line,
    };
    self->agent_list = (tr_yaml_list_t){all, n + 1};
    return 0;
}

static int64_t shard_count(const tr_fleet_t *self) {
    return self->knowledge.shards + self->knowledge.leaving;
}

/* "kb-1,kb-2,kb-3:leaving"; NULL when out of memory. */
static const char *shard_names(tr_fleet_t *self) {
    const tr_fleet_daemon_t *kb = &self->knowledge;
    size_t size = (size_t)shard_count(self) * (strlen(kb->name) + 4 + strlen(":leaving")), len = 0;
    char *names = tr_arena_alloc(&self->arena, size + 1);
    for (int64_t i = 1; i <= shard_count(self) && names; i++)
        len += (size_t)snprintf(names + len, size + 1 - len, "%s%s-%" PRId64 "%s", i > 1 ? "," : "", kb->name,
            i, i > kb->shards ? ":leaving" : "");
    return names;
}

/* Each is a daemon like the others, which is told of all. */
static int add_shards(tr_fleet_t *self, tr_error_t *error) {
    const char *all = shard_names(self);
    int rc = shard_count(self) <= TR_FLEET_SHARDS_MAX
                 ? 0
                 : tr_yaml_file_wrong(&self->file, "knowledge.leaving", error,
                       "expected %d shards at most, with those that are leaving", TR_FLEET_SHARDS_MAX);
    for (int64_t i = 1; i <= shard_count(self) && rc == 0; i++) {
        size_t size = strlen(self->knowledge.name) + 4;
        tr_fleet_daemon_t *one = tr_arena_alloc(&self->arena, sizeof *one);
        char *name = tr_arena_alloc(&self->arena, size);
        if (!all || !one || !name)
            return tr_error_set(error, -ENOMEM, "%s: out of memory", self->path);
        snprintf(name, size, "%s-%" PRId64, self->knowledge.name, i);
        if (!tr_name_valid(name, strlen(name)))
            return tr_yaml_file_wrong(
                &self->file, "knowledge.name", error, "too long for the name of a shard, %s", name);
        *one = self->knowledge;
        one->name = name;
        one->all_names = all;
        rc = add_daemon(self, one, error);
    }
    return rc;
}

static int add_daemons(tr_fleet_t *self, tr_error_t *error) {
    int rc = !self->knowledge.line   ? 0
             : shard_count(self) > 1 ? add_shards(self, error)
                                     : add_daemon(self, &self->knowledge, error);
    if (rc == 0 && self->coordinator.line)
        rc = add_daemon(self, &self->coordinator, error);
    if (rc == 0 && self->gateway.line)
        rc = add_daemon(self, &self->gateway, error);
    return rc == 0 && self->exporter.line ? add_daemon(self, &self->exporter, error) : rc;
}

/* A durable agent cannot register where there is none. */
static int check_journal(const tr_fleet_t *self, tr_error_t *error) {
    const char *option = option_of(self, "journal");
    if (self->broker.journal && option)
        return tr_yaml_file_wrong(&self->file, "broker.options.journal", error,
            "broker.journal says it already: expected one of the two");
    bool none = is_none(self->broker.journal) && is_none(option);
    for (size_t i = 0; none && i < self->agent_list.count; i++) {
        char key[48];
        snprintf(key, sizeof key, "agents[%zu].durable", i);
        if (tr_fleet_agents(self)[i].durable)
            return tr_yaml_file_wrong(&self->file, key, error,
                "its broker keeps no journal: expected `broker: {journal: true}`, or no durable agent");
    }
    return 0;
}

/* Who keeps something in a database, and no file says which. */
static int check_database(const tr_fleet_t *self, tr_error_t *error) {
    for (size_t i = 0; !self->servers.postgres && i < self->agent_list.count; i++) {
        char key[48];
        const char *state = tr_fleet_agents(self)[i].state;
        snprintf(key, sizeof key, "agents[%zu].state", i);
        if (state && strcmp(state, "postgres") == 0)
            return tr_yaml_file_wrong(&self->file, key, error,
                "the fleet names no database: expected `state: {postgres: FILE}` beside `agents`");
    }
    return 0;
}

int tr_fleet_check_scaled(const tr_fleet_t *self, tr_error_t *error) {
    for (size_t i = 0; !self->coordinator.line && i < self->agent_list.count; i++) {
        char key[48];
        snprintf(key, sizeof key, "agents[%zu].autoscale", i);
        if (tr_fleet_agents(self)[i].autoscale.max && !tr_fleet_agents(self)[i].autoscale.by)
            return tr_yaml_file_wrong(&self->file, key, error,
                "the coordinator sees to it, and the fleet has none: expected `coordinator: {}` beside "
                "`agents`");
    }
    return 0;
}

/* In a secure fleet, `up` says who the broker is and whom it knows. */
static int check_secure(const tr_fleet_t *self, tr_error_t *error) {
    static const char *const own[] = {"cert", "certs", "insecure"};
    for (size_t i = 0; self->secure && i < COUNT_OF(own); i++) {
        char key[48];
        snprintf(key, sizeof key, "broker.options.%s", own[i]);
        if (option_of(self, own[i]))
            return tr_yaml_file_wrong(
                &self->file, key, error, "the fleet is secure: its certificates are made by `troupe up`");
    }
    return 0;
}

static int check_all(const tr_fleet_t *self, tr_error_t *error) {
    tr_map_t by_name;
    tr_map_init(&by_name, (uint64_t)(uintptr_t)self);
    int rc = check_names(self, &by_name, error);
    if (rc == 0)
        rc = check_made_names(self, &by_name, error);
    if (rc == 0)
        rc = check_processes(self, error);
    if (rc == 0)
        rc = check_journal(self, error);
    if (rc == 0)
        rc = check_database(self, error);
    if (rc == 0)
        rc = check_secure(self, error);
    if (rc == 0)
        rc = tr_fleet_check_supervisors(self, error);
    tr_map_finish(&by_name);
    return rc;
}

/* A path of the file, from where it is; NULL where there is none, or no memory. */
static const char *anchored(tr_fleet_t *self, const char *path) {
    if (!path || path[0] == '/')
        return path;
    path += strncmp(path, "./", 2) == 0 ? 2 : 0;
    size_t size = strlen(self->directory) + strlen(path) + 2;
    char *whole = tr_arena_alloc(&self->arena, size);
    if (whole)
        snprintf(whole, size, "%s/%s", self->directory, path);
    return whole;
}

static int anchor_servers(tr_fleet_t *self, tr_error_t *error) {
    tr_fleet_servers_t said = self->servers;
    self->servers = (tr_fleet_servers_t){anchored(self, said.postgres), anchored(self, said.redis)};
    return (said.postgres && !self->servers.postgres) || (said.redis && !self->servers.redis)
               ? tr_error_set(error, -ENOMEM, "%s: out of memory", self->path)
               : 0;
}

/* Unless the file says of the agent itself which. */
static int give_redis(tr_fleet_t *self, tr_fleet_agent_t *a, tr_error_t *error) {
    if (!self->servers.redis || !tr_fleet_asks_models(a))
        return 0;
    for (size_t i = 0; i < a->env.count; i++)
        if (strcmp(a->env.items[i].key, TR_FLEET_REDIS_ENV) == 0)
            return 0;
    tr_pair_t *env = tr_arena_alloc(&self->arena, (a->env.count + 1) * sizeof *env);
    if (!env)
        return tr_error_set(error, -ENOMEM, "%s: out of memory", self->path);
    if (a->env.count)
        memcpy(env, a->env.items, a->env.count * sizeof *env);
    env[a->env.count] = (tr_pair_t){TR_FLEET_REDIS_ENV, self->servers.redis};
    a->env = (tr_pairs_t){env, a->env.count + 1};
    return 0;
}

static int give_servers(tr_fleet_t *self, tr_error_t *error) {
    tr_fleet_agent_t *agents = self->agent_list.items;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < self->agent_list.count; i++)
        rc = give_redis(self, &agents[i], error);
    return rc;
}

static int read_fleet(tr_fleet_t *self, tr_error_t *error) {
    /* The reader overwrites the whole struct with its defaults, the arena included. */
    tr_fleet_t read = {0};
    tr_arena_t arena = self->arena;
    tr_yaml_file_t file = self->file;
    int rc = tr_yaml_table_read(&fleet_table, file.bytes, file.len, file.path, &arena, &read, error);
    read.arena = arena;
    read.file = file;
    read.path = file.path;
    read.directory = file.directory;
    *self = read;
    return rc == 0 ? anchor_servers(self, error) : rc;
}

/* Takes a file or, with `bytes`, a text. */
static int open_fleet(
    const char *path, const char *bytes, size_t len, tr_fleet_t **ret_fleet, tr_error_t *error) {
    tr_fleet_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "%s: out of memory", path);
    tr_arena_init(&self->arena, ARENA_MAX);
    int rc = bytes
                 ? tr_yaml_file_take(bytes, len, path, &self->arena, &self->file, error)
                 : tr_yaml_file_load(path, "fleet file", TR_YAML_BYTES_MAX, &self->arena, &self->file, error);
    if (rc == 0)
        rc = read_fleet(self, error);
    if (rc == 0)
        rc = give_servers(self, error);
    if (rc == 0)
        rc = add_daemons(self, error);
    if (rc == 0)
        rc = check_all(self, error);
    if (rc < 0) {
        tr_fleet_destroy(&self);
        return rc;
    }
    *ret_fleet = self;
    return 0;
}

int tr_fleet_parse(
    const char *bytes, size_t len, const char *path, tr_fleet_t **ret_fleet, tr_error_t *error) {
    return open_fleet(path, bytes ? bytes : "", len, ret_fleet, error);
}

int tr_fleet_load(const char *path, tr_fleet_t **ret_fleet, tr_error_t *error) {
    return open_fleet(path, NULL, 0, ret_fleet, error);
}

void tr_fleet_destroy(tr_fleet_t **self) {
    if (!self || !*self)
        return;
    tr_arena_finish(&(*self)->arena);
    free(*self);
    *self = NULL;
}
