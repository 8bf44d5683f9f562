#include "sim/scenario.h"

#include "proto/aid.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COUNT_OF(a)    (sizeof(a) / sizeof *(a))
#define AT(type, f)    offsetof(type, f)
#define ARENA_MAX      (64u << 20)
#define DAY_MS         INT64_C(86400000)
#define GROUP_NAME_MAX 100
#define LONGEST_MS     (100 * 365 * DAY_MS)
#define A_NAME         "a name: 1 to 128 of A-Z a-z 0-9 . _ - + ~, the first neither . nor -"

static bool not_empty(const char *text, size_t len) {
    (void)text;
    return len > 0;
}

static const tr_yaml_field_t group_fields[] = {
    {"name", TR_YAML_TEXT, AT(tr_sim_group_t, name), true, .check = tr_name_valid, .expected = A_NAME},
    {"behaviour", TR_YAML_TEXT, AT(tr_sim_group_t, behaviour), .check = tr_name_valid,
        .expected = "the name of a behaviour"},
    {"load", TR_YAML_TEXT, AT(tr_sim_group_t, load), .check = not_empty,
        .expected = "the path of a shared object"},
    {"count", TR_YAML_WHOLE, AT(tr_sim_group_t, count), .min = 1, .max = TR_SIM_AGENTS_MAX},
    {"processes", TR_YAML_WORD, AT(tr_sim_group_t, processes), .words = tr_fleet_processes_words},
    {"args", TR_YAML_JSON, AT(tr_sim_group_t, args)},
};
static const tr_sim_group_t group_initial = {.count = 1, .processes = TR_FLEET_ONE};

static int check_group(void *item, char *reason, size_t reason_size) {
    const tr_sim_group_t *g = item;
    if (!g->behaviour == !g->load)
        snprintf(reason, reason_size, "expected exactly one of the keys behaviour and load");
    else if (strlen(g->name) > GROUP_NAME_MAX)
        snprintf(reason, reason_size, "expected a name of %d bytes at most: numbers come behind it",
            GROUP_NAME_MAX);
    else
        return 0;
    return -EINVAL;
}

static const tr_yaml_table_t group_table = {group_fields, COUNT_OF(group_fields), sizeof(tr_sim_group_t),
    &group_initial, AT(tr_sim_group_t, line), check_group};

static const tr_yaml_field_t failure_fields[] = {
    {"agents", TR_YAML_TEXT, AT(tr_sim_failure_t, agents), true, .check = tr_name_valid,
        .expected = "the name of a group of agents"},
    {"every", TR_YAML_DURATION, AT(tr_sim_failure_t, every_ms), true, .min = 1, .max = 365 * DAY_MS},
    {"down", TR_YAML_DURATION, AT(tr_sim_failure_t, down_ms), .min = 1, .max = 365 * DAY_MS},
};
static const tr_sim_failure_t failure_initial = {.down_ms = 5000};
static const tr_yaml_table_t failure_table = {failure_fields, COUNT_OF(failure_fields),
    sizeof(tr_sim_failure_t), &failure_initial, AT(tr_sim_failure_t, line), NULL};

static const tr_yaml_field_t plot_fields[] = {
    {"title", TR_YAML_TEXT, AT(tr_sim_plot_t, title), true, .check = not_empty, .expected = "a title"},
    {"measures", TR_YAML_TEXTS, AT(tr_sim_plot_t, measures), true, 1, 16, .check = tr_name_valid,
        .expected = "the name of a measure"},
};
static const tr_yaml_table_t plot_table = {
    plot_fields, COUNT_OF(plot_fields), sizeof(tr_sim_plot_t), NULL, 0, NULL};

static const tr_yaml_field_t fields[] = {
    {"simulation", TR_YAML_TEXT, AT(tr_sim_scenario_t, name), true, .check = tr_name_valid,
        .expected = A_NAME},
    {"seed", TR_YAML_WHOLE, AT(tr_sim_scenario_t, seed), .min = 0, .max = INT64_MAX},
    {"steps", TR_YAML_WHOLE, AT(tr_sim_scenario_t, steps), .min = 1, .max = TR_SIM_STEPS_MAX},
    {"until", TR_YAML_DURATION, AT(tr_sim_scenario_t, until_ms), .min = 1, .max = 365 * DAY_MS},
    {"step", TR_YAML_DURATION, AT(tr_sim_scenario_t, step_ms), .min = 1, .max = 365 * DAY_MS},
    {"delay", TR_YAML_DURATION, AT(tr_sim_scenario_t, delay_ms), .min = 0, .max = DAY_MS},
    {"jitter", TR_YAML_DURATION, AT(tr_sim_scenario_t, jitter_ms), .min = 0, .max = DAY_MS},
    {"agents", TR_YAML_SECTIONS, AT(tr_sim_scenario_t, groups), true, 1, 1000, .table = &group_table},
    {"failures", TR_YAML_SECTIONS, AT(tr_sim_scenario_t, failures), .max = 1000, .table = &failure_table},
    {"plots", TR_YAML_SECTIONS, AT(tr_sim_scenario_t, plots), .max = 100, .table = &plot_table},
};

static int check_length(void *item, char *reason, size_t reason_size) {
    const tr_sim_scenario_t *s = item;
    if (!s->steps == !s->until_ms)
        snprintf(reason, reason_size, "expected exactly one of the keys steps and until");
    else if (s->steps > LONGEST_MS / s->step_ms || s->until_ms > LONGEST_MS)
        snprintf(reason, reason_size, "expected a world of 100 years at most");
    else
        return 0;
    return -EINVAL;
}

static const tr_sim_scenario_t initial = {.seed = 1, .step_ms = 1000, .delay_ms = 1};
static const tr_yaml_table_t table = {
    fields, COUNT_OF(fields), sizeof(tr_sim_scenario_t), &initial, 0, check_length};

int64_t tr_sim_group_processes(const tr_sim_group_t *group) {
    return group->processes == TR_FLEET_ONE ? 1 : group->count;
}

/* The names of a group's agents, as they will register, are those of no other group: NAME-7 is another name than NAME. */
static bool may_collide(const char *group, const char *other) {
    size_t len = strlen(group);
    return strncmp(group, other, len) == 0 && other[len] == '-' && other[len + 1] &&
           strspn(other + len + 1, "0123456789") == strlen(other + len + 1);
}

static bool has_group(const tr_sim_scenario_t *self, const char *name, size_t before) {
    for (size_t i = 0; i < before; i++)
        if (strcmp(tr_sim_scenario_group(self, i)->name, name) == 0)
            return true;
    return false;
}

static int check_groups(const tr_sim_scenario_t *self, tr_error_t *error) {
    int64_t agents = 0, processes = 0;
    char key[64];
    for (size_t i = 0; i < self->groups.count; i++) {
        const tr_sim_group_t *g = tr_sim_scenario_group(self, i);
        snprintf(key, sizeof key, "agents[%zu].name", i);
        if (has_group(self, g->name, i))
            return tr_yaml_file_wrong(&self->file, key, error, "%s is there twice", g->name);
        for (size_t k = 0; k < self->groups.count; k++)
            if (g->count > 1 && may_collide(g->name, tr_sim_scenario_group(self, k)->name))
                return tr_yaml_file_wrong(&self->file, key, error,
                    "an agent of it may be called %s, as another group is",
                    tr_sim_scenario_group(self, k)->name);
        agents += g->count;
        processes += tr_sim_group_processes(g);
    }
    if (agents > TR_SIM_AGENTS_MAX || processes > TR_SIM_PROCESSES_MAX)
        return tr_yaml_file_wrong(&self->file, "agents", error,
            "%lld agents in %lld processes; expected at most %d in %d", (long long)agents,
            (long long)processes, TR_SIM_AGENTS_MAX, TR_SIM_PROCESSES_MAX);
    return 0;
}

static int check_failures(const tr_sim_scenario_t *self, tr_error_t *error) {
    const tr_sim_failure_t *failures = self->failures.items;
    char key[64];
    for (size_t i = 0; i < self->failures.count; i++) {
        snprintf(key, sizeof key, "failures[%zu].agents", i);
        if (!has_group(self, failures[i].agents, self->groups.count))
            return tr_yaml_file_wrong(
                &self->file, key, error, "there is no group of agents %s", failures[i].agents);
        for (size_t k = 0; k < i; k++)
            if (strcmp(failures[k].agents, failures[i].agents) == 0)
                return tr_yaml_file_wrong(&self->file, key, error,
                    "%s has failures already: expected one entry for a group", failures[i].agents);
    }
    return 0;
}

int tr_sim_scenario_read(tr_sim_scenario_t *self, const char *path, tr_error_t *error) {
    tr_arena_t arena;
    tr_yaml_file_t file = {0};
    tr_arena_init(&arena, ARENA_MAX);
    int rc = tr_yaml_file_load(path, "scenario", TR_YAML_BYTES_MAX, &arena, &file, error);
    if (rc == 0)
        rc = tr_yaml_table_read(&table, file.bytes, file.len, file.path, &arena, self, error);
    self->arena = arena;
    self->file = file;
    if (rc == 0)
        rc = check_groups(self, error);
    return rc == 0 ? check_failures(self, error) : rc;
}

void tr_sim_scenario_finish(tr_sim_scenario_t *self) {
    tr_arena_finish(&self->arena);
}
