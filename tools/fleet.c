#include "tools/fleet.h"

#include "lib/base/file.h"
#include "lib/base/map.h"
#include "lib/base/options.h"
#include "proto/aid.h"
#include "proto/topic.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT_OF(a) (sizeof(a) / sizeof *(a))
#define ARENA_MAX   (64u << 20)
#define DAY_MS      INT64_C(86400000)

const char *const tr_fleet_processes_words[] = {"per-agent", "one", NULL};
const char *const tr_fleet_exec_mode_words[] = {"persistent", "once", NULL};
static const char *const mind_words[] = {"built-in", NULL};

bool tr_fleet_name_valid(const char *name, size_t len) {
    return tr_platform_valid(name, len) && isalnum((unsigned char)name[0]);
}

static bool not_empty(const char *text, size_t len) {
    (void)text;
    return len > 0;
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

static bool variable_name(const char *text, size_t len) {
    return len > 0 && !isdigit((unsigned char)text[0]) &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

/* NAME or NAME=N, N the unfinished requests that each agent may have. */
static bool service(const char *text, size_t len) {
    const char *equals = memchr(text, '=', len);
    if (!equals)
        return tr_name_valid(text, len);
    int64_t capacity = 0;
    return tr_name_valid(text, (size_t)(equals - text)) &&
           tr_parse_int(equals + 1, 1, 1 << 20, &capacity, NULL) == 0;
}

#define AT(type, member) offsetof(type, member)
#define A_NAME           "a name: 1 to 128 of A-Z a-z 0-9 . _ - + ~"
#define AN_ENDPOINT      "an endpoint such as tcp://127.0.0.1:0 or ipc:///run/troupe.sock"

static const tr_yaml_field_t broker_fields[] = {
    {"listen", TR_YAML_TEXT, AT(tr_fleet_broker_t, listen), .check = endpoint, .expected = AN_ENDPOINT},
    {"stream", TR_YAML_TEXT, AT(tr_fleet_broker_t, stream), .check = endpoint, .expected = AN_ENDPOINT},
    {"http", TR_YAML_TEXT, AT(tr_fleet_broker_t, http), .check = host_port,
        .expected = "HOST:PORT such as 127.0.0.1:0"},
    {"options", TR_YAML_PAIRS, AT(tr_fleet_broker_t, options), .max = 64, .check = option_name,
        .expected = "the name of an option of troupe-broker, such as mailbox-records"},
};

static const tr_fleet_broker_t broker_initial = {
    .listen = "tcp://127.0.0.1:0",
    .stream = "tcp://127.0.0.1:0",
    .http = "127.0.0.1:0",
};

static const tr_yaml_table_t broker_table = {
    broker_fields, COUNT_OF(broker_fields), sizeof(tr_fleet_broker_t), &broker_initial, 0, NULL};

static const tr_yaml_field_t exec_fields[] = {
    {"command", TR_YAML_TEXTS, AT(tr_fleet_exec_t, command), true, 1, 256, .check = not_empty,
        .expected = "a program or an argument"},
    {"mode", TR_YAML_WORD, AT(tr_fleet_exec_t, mode), .words = tr_fleet_exec_mode_words},
    {"timeout", TR_YAML_DURATION, AT(tr_fleet_exec_t, timeout_ms), .min = 1, .max = DAY_MS},
};

static const tr_fleet_exec_t exec_initial = {.timeout_ms = 30000};

static const tr_yaml_table_t exec_table = {
    exec_fields, COUNT_OF(exec_fields), sizeof(tr_fleet_exec_t), &exec_initial, 0, NULL};

static const tr_yaml_field_t restart_fields[] = {
    {"policy", TR_YAML_WORD, AT(tr_restart_t, when), .words = tr_restart_words},
    {"backoff", TR_YAML_DURATION, AT(tr_restart_t, backoff_ms), .min = 0, .max = DAY_MS},
    {"max-backoff", TR_YAML_DURATION, AT(tr_restart_t, max_backoff_ms), .min = 0, .max = DAY_MS},
    {"intensity", TR_YAML_WHOLE, AT(tr_restart_t, intensity), .min = 0, .max = TR_RESTART_INTENSITY_MAX},
    {"period", TR_YAML_DURATION, AT(tr_restart_t, period_ms), .min = 1, .max = DAY_MS},
};

static int check_restart(void *item, char *reason, size_t reason_size) {
    const tr_restart_t *restart = item;
    if (restart->backoff_ms <= restart->max_backoff_ms)
        return 0;
    snprintf(reason, reason_size,
        "expected a max-backoff (%" PRId64 "ms) of at least the backoff (%" PRId64 "ms)",
        restart->max_backoff_ms, restart->backoff_ms);
    return -EINVAL;
}

static const tr_yaml_table_t restart_table = {
    restart_fields, COUNT_OF(restart_fields), sizeof(tr_restart_t), &tr_restart_default, 0, check_restart};

static const tr_yaml_field_t agent_fields[] = {
    {"name", TR_YAML_TEXT, AT(tr_fleet_agent_t, name), true, .check = tr_name_valid, .expected = A_NAME},
    {"behaviour", TR_YAML_TEXT, AT(tr_fleet_agent_t, behaviour), .check = tr_name_valid,
        .expected = "the name of a built-in behaviour"},
    {"load", TR_YAML_TEXT, AT(tr_fleet_agent_t, load), .check = not_empty,
        .expected = "the path of a shared object"},
    {"exec", TR_YAML_SECTION, AT(tr_fleet_agent_t, exec), .table = &exec_table},
    {"count", TR_YAML_WHOLE, AT(tr_fleet_agent_t, count), .min = 1, .max = TR_FLEET_COUNT_MAX},
    {"processes", TR_YAML_WORD, AT(tr_fleet_agent_t, processes), .words = tr_fleet_processes_words},
    {"services", TR_YAML_TEXTS, AT(tr_fleet_agent_t, services), .max = 64, .check = service,
        .expected = "the name of a service, or NAME=N for N unfinished requests at once"},
    {"subscribe", TR_YAML_TEXTS, AT(tr_fleet_agent_t, subscribe), .max = 256, .check = tr_pattern_valid,
        .expected = "a topic or a pattern such as news.> or news.*.today"},
    {"mind", TR_YAML_WORD, AT(tr_fleet_agent_t, mind), .words = mind_words},
    {"args", TR_YAML_JSON, AT(tr_fleet_agent_t, args)},
    {"restart", TR_YAML_SECTION, AT(tr_fleet_agent_t, restart), .table = &restart_table},
    {"env", TR_YAML_PAIRS, AT(tr_fleet_agent_t, env), .max = 256, .check = variable_name,
        .expected = "the name of an environment variable"},
};

static bool is_reserved(const char *name) {
    return strcmp(name, "ams") == 0 || strcmp(name, "df") == 0 || strcmp(name, TR_FLEET_BROKER) == 0 ||
           strcmp(name, TR_FLEET_SUPERVISOR) == 0;
}

static int check_agent(void *item, char *reason, size_t reason_size) {
    const tr_fleet_agent_t *a = item;
    if (is_reserved(a->name)) {
        snprintf(reason, reason_size, "expected another name: \"%s\" is the platform's own", a->name);
        return -EINVAL;
    }
    int ways = (a->behaviour != NULL) + (a->load != NULL) + (a->exec.command.count > 0);
    if (ways != 1) {
        snprintf(reason, reason_size, "expected exactly one of the keys behaviour, load and exec, found %s",
            ways == 0 ? "none" : "several");
        return -EINVAL;
    }
    if (a->behaviour && strcmp(a->behaviour, "exec") == 0) {
        snprintf(reason, reason_size,
            "expected `exec: {command: [PROGRAM, ARGUMENT...]}` in place of behaviour: exec");
        return -EINVAL;
    }
    if (a->processes == TR_FLEET_PER_AGENT && a->count > TR_FLEET_PROCESSES_MAX) {
        snprintf(reason, reason_size,
            "a count of %" PRId64 " would start as many processes; expected at most %d, or processes: one",
            a->count, TR_FLEET_PROCESSES_MAX);
        return -EINVAL;
    }
    int digits = a->count > 1 ? snprintf(NULL, 0, "-%" PRId64, a->count) : 0;
    if (strlen(a->name) + (size_t)digits > TR_NAME_MAX) {
        snprintf(reason, reason_size,
            "the name is too long: with a count of %" PRId64 " expected at most %d characters", a->count,
            TR_NAME_MAX - digits);
        return -EINVAL;
    }
    return 0;
}

static const tr_fleet_agent_t agent_initial = {
    .count = 1,
    .exec = {.timeout_ms = 30000},
    .restart = {TR_RESTART_ALWAYS, 200, 10000, 5, 30000},
};

static const tr_yaml_table_t agent_table = {agent_fields, COUNT_OF(agent_fields), sizeof(tr_fleet_agent_t),
    &agent_initial, offsetof(tr_fleet_agent_t, line), check_agent};

static const tr_yaml_field_t fleet_fields[] = {
    {"fleet", TR_YAML_TEXT, AT(tr_fleet_t, name), true, .check = tr_fleet_name_valid,
        .expected = "a name: 1 to 63 of A-Z a-z 0-9 . _ -, first a letter or a digit"},
    {"broker", TR_YAML_SECTION, AT(tr_fleet_t, broker), .table = &broker_table},
    {"agents", TR_YAML_SECTIONS, AT(tr_fleet_t, agent_list), true, 0, TR_FLEET_AGENTS_MAX,
        .table = &agent_table},
};

static const tr_fleet_t fleet_initial = {
    .broker = {.listen = "tcp://127.0.0.1:0", .stream = "tcp://127.0.0.1:0", .http = "127.0.0.1:0"},
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
        processes += a->processes == TR_FLEET_ONE ? 1 : a->count;
        if (processes > TR_FLEET_PROCESSES_MAX)
            return tr_error_set(error, -EINVAL,
                "%s:%d:1: agents[%zu]: with this entry there are more than %d processes; expected fewer, or "
                "processes: one",
                self->path, a->line, i, TR_FLEET_PROCESSES_MAX);
    }
    return 0;
}

/* The absolute directory of `path`, in the arena. */
static const char *directory_of(tr_arena_t *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    const char *given = slash ? tr_arena_strn(arena, path, slash == path ? 1 : (size_t)(slash - path)) : ".";
    char real[PATH_MAX];
    if (!given || !realpath(given, real))
        return given;
    return tr_arena_strn(arena, real, strlen(real));
}

static int parse_into(tr_fleet_t *self, const char *bytes, size_t len, const char *path, tr_error_t *error) {
    /* The reader overwrites the whole struct with its defaults, the arena included. */
    tr_fleet_t read = {0};
    tr_arena_t arena = self->arena;
    int rc = tr_yaml_table_read(&fleet_table, bytes, len, path, &arena, &read, error);
    read.arena = arena;
    *self = read;
    if (rc < 0)
        return rc;
    self->path = tr_arena_strn(&self->arena, path, strlen(path));
    self->directory = directory_of(&self->arena, path);
    if (!self->path || !self->directory)
        return tr_error_set(error, -ENOMEM, "%s: out of memory", path);
    tr_map_t by_name;
    tr_map_init(&by_name, (uint64_t)(uintptr_t)self);
    rc = check_names(self, &by_name, error);
    if (rc == 0)
        rc = check_made_names(self, &by_name, error);
    if (rc == 0)
        rc = check_processes(self, error);
    tr_map_finish(&by_name);
    return rc;
}

int tr_fleet_parse(
    const char *bytes, size_t len, const char *path, tr_fleet_t **ret_fleet, tr_error_t *error) {
    tr_fleet_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "%s: out of memory", path);
    tr_arena_init(&self->arena, ARENA_MAX);
    int rc = parse_into(self, bytes, len, path, error);
    if (rc < 0) {
        tr_fleet_destroy(&self);
        return rc;
    }
    *ret_fleet = self;
    return 0;
}

int tr_fleet_load(const char *path, tr_fleet_t **ret_fleet, tr_error_t *error) {
    char *bytes = NULL;
    size_t len = 0;
    int rc = tr_file_read(path, "fleet file", TR_YAML_BYTES_MAX, &bytes, &len, error);
    if (rc == 0)
        rc = tr_fleet_parse(bytes, len, path, ret_fleet, error);
    free(bytes);
    return rc;
}

void tr_fleet_destroy(tr_fleet_t **self) {
    if (!self || !*self)
        return;
    tr_arena_finish(&(*self)->arena);
    free(*self);
    *self = NULL;
}
