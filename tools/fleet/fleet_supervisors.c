#include "tools/fleet/fleet_supervisors.h"

#include "lib/base/suggest.h"
#include "proto/aid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(a)     (sizeof(a) / sizeof *(a))
#define CHILDREN_MAX    1000
#define DAY_MS          86400000
#define AT(member)      offsetof(tr_fleet_supervisor_t, member)
#define AT_RULE(member) (AT(restart) + offsetof(tr_restart_t, member))
#define A_NAME          "a name: 1 to 128 of A-Z a-z 0-9 . _ - + ~, the first neither . nor -"

static const tr_yaml_field_t fields[] = {
    {"name", TR_YAML_TEXT, AT(name), true, .check = tr_name_valid, .expected = A_NAME},
    {"strategy", TR_YAML_WORD, AT(strategy), .words = tr_strategy_words},
    {"children", TR_YAML_TEXTS, AT(children), true, 1, CHILDREN_MAX, .check = tr_name_valid,
        .expected = A_NAME},
    {"intensity", TR_YAML_WHOLE, AT_RULE(intensity), .min = 0, .max = TR_RESTART_INTENSITY_MAX},
    {"period", TR_YAML_DURATION, AT_RULE(period_ms), .min = 1, .max = DAY_MS},
    {"backoff", TR_YAML_DURATION, AT_RULE(backoff_ms), .min = 0, .max = DAY_MS},
    {"max-backoff", TR_YAML_DURATION, AT_RULE(max_backoff_ms), .min = 0, .max = DAY_MS},
};

static const tr_fleet_supervisor_t initial = {.restart = {TR_RESTART_ALWAYS, 200, 10000, 5, 30000}};

static int check_rule(void *item, char *reason, size_t reason_size) {
    tr_fleet_supervisor_t *self = item;
    return tr_fleet_check_restart(&self->restart, reason, reason_size);
}

const tr_yaml_table_t tr_fleet_supervisor_table = {
    fields, COUNT_OF(fields), sizeof(tr_fleet_supervisor_t), &initial, AT(line), check_rule};

/* ---- who is who ---- */

const tr_fleet_supervisor_t *tr_fleet_supervisor(const tr_fleet_t *fleet, const char *name) {
    for (size_t i = 0; i < fleet->supervisor_list.count; i++) {
        if (strcmp(tr_fleet_supervisors(fleet)[i].name, name) == 0)
            return &tr_fleet_supervisors(fleet)[i];
    }
    return NULL;
}

static bool has(const tr_fleet_supervisor_t *self, const char *child) {
    for (size_t i = 0; i < self->children.count; i++) {
        if (strcmp(self->children.items[i], child) == 0)
            return true;
    }
    return false;
}

const tr_fleet_supervisor_t *tr_fleet_supervisor_of(const tr_fleet_t *fleet, const char *child) {
    for (size_t i = 0; i < fleet->supervisor_list.count; i++) {
        if (has(&tr_fleet_supervisors(fleet)[i], child))
            return &tr_fleet_supervisors(fleet)[i];
    }
    return NULL;
}

const tr_fleet_agent_t *tr_fleet_agent(const tr_fleet_t *fleet, const char *name) {
    for (size_t i = 0; i < fleet->agent_list.count; i++) {
        if (strcmp(tr_fleet_agents(fleet)[i].name, name) == 0)
            return &tr_fleet_agents(fleet)[i];
    }
    return NULL;
}

/* ---- checks ---- */

static const char *nearest(const tr_fleet_t *fleet, const char *name) {
    size_t n = 0, most = fleet->agent_list.count + fleet->supervisor_list.count;
    const char **names = calloc(most + 1, sizeof *names);
    if (!names)
        return NULL;
    for (size_t i = 0; i < fleet->agent_list.count; i++)
        names[n++] = tr_fleet_agents(fleet)[i].name;
    for (size_t i = 0; i < fleet->supervisor_list.count; i++)
        names[n++] = tr_fleet_supervisors(fleet)[i].name;
    const char *found = tr_suggest(name, names);
    free(names);
    return found;
}

static int check_child(const tr_fleet_t *fleet, size_t index, size_t child, tr_error_t *error) {
    const tr_fleet_supervisor_t *self = &tr_fleet_supervisors(fleet)[index];
    const char *name = self->children.items[child];
    const tr_fleet_supervisor_t *other = tr_fleet_supervisor_of(fleet, name);
    char key[80];
    snprintf(key, sizeof key, "supervisors[%zu].children[%zu]", index, child);
    if (!tr_fleet_agent(fleet, name) && !tr_fleet_supervisor(fleet, name)) {
        const char *near = nearest(fleet, name);
        return tr_yaml_file_wrong(&fleet->file, key, error, "there is no agent or supervisor \"%s\"%s%s%s",
            name, near ? ", did you mean \"" : "; expected the name of an entry", near ? near : "",
            near ? "\"?" : "");
    }
    if (other != self)
        return tr_yaml_file_wrong(&fleet->file, key, error,
            "\"%s\" is a child of \"%s\" in line %d already; expected one supervisor for each", name,
            other->name, other->line);
    for (size_t i = 0; i < child; i++) {
        if (strcmp(self->children.items[i], name) == 0)
            return tr_yaml_file_wrong(&fleet->file, key, error, "\"%s\" is given twice", name);
    }
    return 0;
}

/* Going up from it, one comes to the top. */
static int check_circle(const tr_fleet_t *fleet, size_t index, tr_error_t *error) {
    const tr_fleet_supervisor_t *at = &tr_fleet_supervisors(fleet)[index];
    for (size_t steps = 0; at; steps++) {
        if (steps > fleet->supervisor_list.count) {
            char key[48];
            snprintf(key, sizeof key, "supervisors[%zu].children", index);
            return tr_yaml_file_wrong(&fleet->file, key, error,
                "\"%s\" is, by others, a supervisor of itself; expected a tree",
                tr_fleet_supervisors(fleet)[index].name);
        }
        at = tr_fleet_supervisor_of(fleet, at->name);
    }
    return 0;
}

static int check_name(const tr_fleet_t *fleet, size_t index, tr_error_t *error) {
    const tr_fleet_supervisor_t *self = &tr_fleet_supervisors(fleet)[index];
    char key[48];
    snprintf(key, sizeof key, "supervisors[%zu].name", index);
    if (tr_fleet_supervisor(fleet, self->name) != self || tr_fleet_agent(fleet, self->name))
        return tr_yaml_file_wrong(&fleet->file, key, error,
            "\"%s\" is taken: expected a name that no agent and no other supervisor has", self->name);
    return 0;
}

static bool counts_itself(const tr_restart_t *rule) {
    const tr_restart_t *usual = &tr_restart_default;
    return rule->backoff_ms != usual->backoff_ms || rule->max_backoff_ms != usual->max_backoff_ms ||
           rule->intensity != usual->intensity || rule->period_ms != usual->period_ms;
}

/* Of an agent with a supervisor, what is counted is the supervisor's. */
static int check_agent(const tr_fleet_t *fleet, size_t index, tr_error_t *error) {
    const tr_fleet_agent_t *a = &tr_fleet_agents(fleet)[index];
    const tr_fleet_supervisor_t *above = tr_fleet_supervisor_of(fleet, a->name);
    if (!above || !counts_itself(&a->restart))
        return 0;
    char key[48];
    snprintf(key, sizeof key, "agents[%zu].restart", index);
    return tr_yaml_file_wrong(&fleet->file, key, error,
        "\"%s\" has the supervisor \"%s\": expected only `policy` here, and the rest in line %d", a->name,
        above->name, above->line);
}

int tr_fleet_check_supervisors(const tr_fleet_t *fleet, tr_error_t *error) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < fleet->supervisor_list.count; i++) {
        rc = check_name(fleet, i, error);
        for (size_t j = 0; rc == 0 && j < tr_fleet_supervisors(fleet)[i].children.count; j++)
            rc = check_child(fleet, i, j, error);
        rc = rc == 0 ? check_circle(fleet, i, error) : rc;
    }
    for (size_t i = 0; rc == 0 && fleet->supervisor_list.count && i < fleet->agent_list.count; i++)
        rc = check_agent(fleet, i, error);
    return rc;
}
