#include "lib/fleet/description.h"

#include "lib/base/options.h"
#include "proto/aid.h"
#include "proto/topic.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(a) (sizeof(a) / sizeof *(a))
#define ARENA_MAX   (64u << 20)
#define DAY_MS      INT64_C(86400000)

const char *const tr_fleet_processes_words[] = {"per-agent", "one", NULL};
const char *const tr_fleet_exec_mode_words[] = {"persistent", "once", NULL};
const char *const tr_fleet_protocol_words[] = {"off", "check", "enforce", NULL};

bool tr_fleet_keeps_state(const tr_fleet_agent_t *agent) {
    return agent->state && strcmp(agent->state, "false") != 0;
}

static bool not_empty(const char *text, size_t len) {
    (void)text;
    return len > 0;
}

static bool variable_name(const char *text, size_t len) {
    return len > 0 && !isdigit((unsigned char)text[0]) &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

bool tr_fleet_asks_models(const tr_fleet_agent_t *agent) {
    return !agent->daemon && agent->mind && strcmp(agent->mind, "built-in") != 0;
}

int64_t tr_fleet_begins(const tr_fleet_agent_t *agent) {
    const tr_autoscale_t *s = &agent->autoscale;
    if (!s->max)
        return agent->count;
    return s->begin >= 0 ? s->begin : s->min > agent->count ? s->min : agent->count;
}

/* Messages of a group that is not durable wait nowhere while it has no agents. */
void tr_fleet_scale_rule(const tr_fleet_agent_t *agent, tr_buffer_t *out) {
    const tr_autoscale_t *s = &agent->autoscale;
    tr_buffer_printf(out, "%s=%" PRId64 "..%" PRId64 "/%" PRId64 "/%" PRId64 "ms@", agent->name,
        s->min || agent->durable ? s->min : 1, s->max, s->backlog, s->cooldown_ms);
    for (size_t i = 0; i < agent->services.count; i++) {
        const char *service = agent->services.items[i];
        tr_buffer_printf(out, "%s%.*s", i ? "," : "", (int)strcspn(service, "="), service);
    }
}

/* As the value of `mind` that is no mapping. */
static bool mind_word(const char *text, size_t len) {
    return (len == 8 && memcmp(text, "built-in", 8) == 0) ||
           (len > 5 && memcmp(text + len - 5, ".yaml", 5) == 0) || memchr(text, '/', len);
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

/* As in the rights of a certificate (lib/cert/rights.h). */
static bool service_pattern(const char *text, size_t len) {
    bool star = len > 0 && text[len - 1] == '*';
    return (star && len == 1) || tr_name_valid(text, len - star);
}

#define AT(type, member) offsetof(type, member)
#define A_NAME           "a name: 1 to 128 of A-Z a-z 0-9 . _ - + ~, the first neither . nor -"

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

int tr_fleet_check_restart(void *item, char *reason, size_t reason_size) {
    const tr_restart_t *restart = item;
    if (restart->backoff_ms <= restart->max_backoff_ms)
        return 0;
    snprintf(reason, reason_size,
        "expected a max-backoff (%" PRId64 "ms) of at least the backoff (%" PRId64 "ms)",
        restart->max_backoff_ms, restart->backoff_ms);
    return -EINVAL;
}

static const tr_yaml_table_t restart_table = {restart_fields, COUNT_OF(restart_fields), sizeof(tr_restart_t),
    &tr_restart_default, 0, tr_fleet_check_restart};

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
    {"publish", TR_YAML_TEXTS, AT(tr_fleet_agent_t, publish), .max = 256, .check = tr_pattern_valid,
        .expected = "a topic or a pattern such as news.> or news.*.today"},
    {"ask", TR_YAML_TEXTS, AT(tr_fleet_agent_t, ask), .max = 256, .check = service_pattern,
        .expected = "the name of a service, or its beginning and *"},
    {"durable", TR_YAML_TRUTH, AT(tr_fleet_agent_t, durable)},
    {"state", TR_YAML_TEXT, AT(tr_fleet_agent_t, state), .check = not_empty,
        .expected = "true, false, a directory or postgres"},
    {"passive-after", TR_YAML_DURATION, AT(tr_fleet_agent_t, passive_ms), .min = 0, .max = DAY_MS},
    {"describe", TR_YAML_JSON, AT(tr_fleet_agent_t, describe)},
    {"protocol", TR_YAML_WORD, AT(tr_fleet_agent_t, protocol), .words = tr_fleet_protocol_words},
    {"mind", TR_YAML_JSON, AT(tr_fleet_agent_t, mind), .check = mind_word,
        .expected = "built-in, a mapping, or a file of models (NAME.yaml)"},
    {"tools", TR_YAML_JSON, AT(tr_fleet_agent_t, tools)},
    {"args", TR_YAML_JSON, AT(tr_fleet_agent_t, args)},
    {"restart", TR_YAML_SECTION, AT(tr_fleet_agent_t, restart), .table = &restart_table},
    {"env", TR_YAML_PAIRS, AT(tr_fleet_agent_t, env), .max = 256, .check = variable_name,
        .expected = "the name of an environment variable"},
    {"placement", TR_YAML_SECTION, AT(tr_fleet_agent_t, placement), .table = &tr_placement_table},
    {"autoscale", TR_YAML_SECTION, AT(tr_fleet_agent_t, autoscale), .table = &tr_autoscale_table},
};

static bool is_reserved(const char *name) {
    return strcmp(name, "ams") == 0 || strcmp(name, "df") == 0 || strcmp(name, TR_FLEET_BROKER) == 0 ||
           strcmp(name, TR_FLEET_SUPERVISOR) == 0;
}

static int check_way(const tr_fleet_agent_t *a, char *reason, size_t reason_size) {
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
    return 0;
}

static int check_state(const tr_fleet_agent_t *a, char *reason, size_t reason_size) {
    if (a->passive_ms && !tr_fleet_keeps_state(a)) {
        snprintf(reason, reason_size, "passive-after needs `state`: an agent that rests is kept there");
        return -EINVAL;
    }
    return 0;
}

/* What is started and ended are whole processes, by number. */
static int check_autoscale(const tr_fleet_agent_t *a, char *reason, size_t reason_size) {
    if (!a->autoscale.max)
        return 0;
    if (a->processes == TR_FLEET_ONE) {
        snprintf(reason, reason_size, "autoscale starts and ends processes: expected processes: per-agent");
        return -EINVAL;
    }
    if (a->services.count == 0) {
        snprintf(reason, reason_size,
            "autoscale goes by what waits for a service: expected at least one in `services`");
        return -EINVAL;
    }
    return 0;
}

static int check_count(const tr_fleet_agent_t *a, char *reason, size_t reason_size) {
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

static int check_agent(void *item, char *reason, size_t reason_size) {
    const tr_fleet_agent_t *a = item;
    if (is_reserved(a->name)) {
        snprintf(reason, reason_size, "expected another name: \"%s\" is the platform's own", a->name);
        return -EINVAL;
    }
    int rc = check_way(a, reason, reason_size);
    if (rc == 0)
        rc = check_state(a, reason, reason_size);
    if (rc == 0)
        rc = check_autoscale(a, reason, reason_size);
    return rc == 0 ? check_count(a, reason, reason_size) : rc;
}

static const tr_fleet_agent_t agent_initial = {
    .count = 1,
    .exec = {.timeout_ms = 30000},
    .restart = {TR_RESTART_ALWAYS, 200, 10000, 5, 30000},
    .placement = TR_PLACEMENT_DEFAULT,
};

const tr_yaml_table_t tr_fleet_agent_table = {agent_fields, COUNT_OF(agent_fields), sizeof(tr_fleet_agent_t),
    &agent_initial, offsetof(tr_fleet_agent_t, line), check_agent};

/* ---- a file of its own ---- */

/* It is read by one process, which hosts all that it describes. */
static const tr_fleet_agent_t alone_initial = {
    .count = 1,
    .processes = TR_FLEET_ONE,
    .exec = {.timeout_ms = 30000},
    .restart = {TR_RESTART_ALWAYS, 200, 10000, 5, 30000},
    .placement = TR_PLACEMENT_DEFAULT,
};

static int check_alone(void *item, char *reason, size_t reason_size) {
    const tr_fleet_agent_t *a = item;
    if (a->autoscale.max) {
        snprintf(reason, reason_size, "autoscale is for a whole fleet: expected none here");
        return -EINVAL;
    }
    if (a->protocol) {
        snprintf(reason, reason_size,
            "protocol is for a fleet's supervisor to ask for: expected none here, see `troupe mailbox "
            "protocol`");
        return -EINVAL;
    }
    if (a->processes == TR_FLEET_ONE || a->count == 1)
        return check_agent(item, reason, reason_size);
    snprintf(reason, reason_size,
        "expected processes: one: whoever reads this file hosts all %" PRId64
        " agents; `troupe up` starts a process for each",
        a->count);
    return -EINVAL;
}

static const tr_yaml_table_t alone_table = {
    agent_fields, COUNT_OF(agent_fields), sizeof(tr_fleet_agent_t), &alone_initial, 0, check_alone};

static int read_alone(tr_description_t *self, tr_error_t *error) {
    return tr_yaml_table_read(
        &alone_table, self->file.bytes, self->file.len, self->file.path, &self->arena, &self->agent, error);
}

/* Takes a file or, with `bytes`, a text. */
static int open_description(
    const char *path, const char *bytes, size_t len, tr_description_t **ret_description, tr_error_t *error) {
    tr_description_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "%s: out of memory", path);
    tr_arena_init(&self->arena, ARENA_MAX);
    int rc = bytes ? tr_yaml_file_take(bytes, len, path, &self->arena, &self->file, error)
                   : tr_yaml_file_load(path, "description of an agent", TR_YAML_BYTES_MAX, &self->arena,
                         &self->file, error);
    if (rc == 0)
        rc = read_alone(self, error);
    if (rc < 0) {
        tr_description_destroy(&self);
        return rc;
    }
    *ret_description = self;
    return 0;
}

int tr_description_load(const char *path, tr_description_t **ret_description, tr_error_t *error) {
    return open_description(path, NULL, 0, ret_description, error);
}

int tr_description_parse(
    const char *bytes, size_t len, const char *path, tr_description_t **ret_description, tr_error_t *error) {
    return open_description(path, bytes ? bytes : "", len, ret_description, error);
}

void tr_description_destroy(tr_description_t **self) {
    if (!self || !*self)
        return;
    tr_arena_finish(&(*self)->arena);
    free(*self);
    *self = NULL;
}
