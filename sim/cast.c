/* Who there is: roles with their behaviours and arguments, and the processes that play them. */
#include "sim/simulation.h"

#include "proto/json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- roles ---- */

static json_t *world_of(const tr_simulation_t *self, size_t group) {
    json_t *groups = json_object();
    for (size_t i = 0; groups && i < self->scenario.groups.count; i++) {
        const tr_sim_group_t *g = tr_sim_scenario_group(&self->scenario, i);
        json_object_set_new(groups, g->name, json_integer(g->count));
    }
    uint64_t seed = (self->seed + 1) * UINT64_C(0x9e3779b97f4a7c15) + group * UINT64_C(0xbf58476d1ce4e5b9);
    return json_pack("{s:s, s:I, s:o}", "group", tr_sim_scenario_group(&self->scenario, group)->name, "seed",
        (json_int_t)(seed >> 1), "groups", groups);
}

/* What a built-in behaviour is given: the scenario's arguments, and the world. A user's own gets what the file says. */
static char *args_of(const tr_simulation_t *self, size_t group, bool built_in) {
    const char *own = tr_sim_scenario_group(&self->scenario, group)->args;
    json_t *args = own ? json_loads(own, 0, NULL) : json_object();
    if (args && built_in)
        json_object_set_new(args, "world", world_of(self, group));
    char *text = args ? json_dumps(args, JSON_COMPACT) : NULL;
    json_decref(args);
    return text;
}

static int unknown(const tr_simulation_t *self, size_t group, const char *name, tr_error_t *error) {
    const char *near = tr_sim_part_nearest(name);
    char key[64];
    snprintf(key, sizeof key, "agents[%zu].behaviour", group);
    return tr_yaml_file_wrong(&self->scenario.file, key, error,
        near ? "there is no behaviour \"%s\", did you mean \"%s\"? `troupe sim --list-behaviours` shows all"
             : "there is no behaviour \"%s\"%s; `troupe sim --list-behaviours` shows which there are",
        name, near ? near : "");
}

static int check_args(const tr_simulation_t *self, size_t group, const tr_sim_part_kind_t *kind,
    const char *args, tr_error_t *error) {
    tr_content_writer_t writer;
    tr_content_t content;
    tr_problem_t problem = {0};
    const void *bytes;
    size_t len;
    char key[128];
    tr_content_writer_init(&writer);
    int rc = tr_json_to_content(args, strlen(args), &writer, error);
    if (rc == 0 && (rc = tr_content_writer_take(&writer, &bytes, &len)) == 0 &&
        (rc = tr_content_init(&content, bytes, len)) == 0) {
        rc = kind->check(&content.root, &problem);
        snprintf(key, sizeof key, "agents[%zu].%s", group, problem.key);
        if (rc < 0)
            tr_yaml_file_wrong(&self->scenario.file, key, error, "%s", problem.error.text);
        tr_content_finish(&content);
    }
    tr_content_writer_finish(&writer);
    return rc;
}

static int load(
    const tr_simulation_t *self, size_t group, const char *file, tr_sim_role_t *role, tr_error_t *error) {
    char *path = NULL, key[64];
    tr_error_t why = {0};
    if (asprintf(&path, "%s%s%s", *file == '/' ? "" : self->scenario.file.directory, *file == '/' ? "" : "/",
            file) < 0)
        return tr_error_set(error, -ENOMEM, "out of memory");
    int rc = tr_load_behaviour(path, &role->loaded, &why);
    free(path);
    snprintf(key, sizeof key, "agents[%zu].load", group);
    if (rc < 0)
        return tr_yaml_file_wrong(&self->scenario.file, key, error, "%s", why.text);
    role->behaviour = tr_loaded_behaviour(role->loaded);
    return 0;
}

static int cast_role(tr_simulation_t *self, size_t group, tr_error_t *error) {
    const tr_sim_group_t *g = tr_sim_scenario_group(&self->scenario, group);
    const tr_sim_part_kind_t *kind = g->behaviour ? tr_sim_part_find(g->behaviour) : NULL;
    tr_sim_role_t *role = &self->roles[group];
    if (g->behaviour && !kind)
        return unknown(self, group, g->behaviour, error);
    int rc = g->load ? load(self, group, g->load, role, error) : 0;
    if (rc < 0)
        return rc;
    if (kind)
        role->behaviour = kind->behaviour;
    role->args = args_of(self, group, kind != NULL);
    if (!role->args)
        return tr_error_set(error, -ENOMEM, "out of memory");
    return kind ? check_args(self, group, kind, role->args, error) : 0;
}

/* ---- members ---- */

static const tr_sim_failure_t *failure_of(const tr_simulation_t *self, const char *group) {
    const tr_sim_failure_t *failures = self->scenario.failures.items;
    for (size_t i = 0; i < self->scenario.failures.count; i++)
        if (strcmp(failures[i].agents, group) == 0)
            return &failures[i];
    return NULL;
}

static tr_sim_member_t *add_member(tr_simulation_t *self) {
    tr_sim_member_t *m = &self->members[self->member_count];
    m->simulation = self;
    m->process = (tr_sim_process_t){
        .world = &self->world,
        .hub = &self->hub,
        .name = m->name,
        .index = (uint32_t)self->member_count++,
        .delay_ns = self->scenario.delay_ms * TR_SIM_MS,
        .jitter_ns = self->scenario.jitter_ms * TR_SIM_MS,
        .wake_ns = TR_SIM_NEVER,
    };
    return m;
}

static void add_group(tr_simulation_t *self, size_t group) {
    const tr_sim_group_t *g = tr_sim_scenario_group(&self->scenario, group);
    const tr_sim_role_t *role = &self->roles[group];
    int64_t processes = tr_sim_group_processes(g);
    for (int64_t i = 0; i < processes; i++) {
        tr_sim_member_t *m = add_member(self);
        if (processes > 1)
            snprintf(m->name, sizeof m->name, "%.100s-%lld", g->name, (long long)i);
        else
            snprintf(m->name, sizeof m->name, "%s", g->name);
        m->crew = (tr_sim_crew_t){.name = m->name,
            .count = processes > 1 || g->count == 1 ? 0 : (uint32_t)g->count,
            .behaviour = role->behaviour,
            .args = role->args};
        m->failure = failure_of(self, g->name);
    }
    self->agents += (uint64_t)g->count;
}

int tr_sim_cast(tr_simulation_t *self, tr_error_t *error) {
    size_t count = 1;
    self->roles = calloc(self->scenario.groups.count, sizeof *self->roles);
    if (!self->roles)
        return tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < self->scenario.groups.count; i++) {
        int rc = cast_role(self, i, error);
        if (rc < 0)
            return rc;
        count += (size_t)tr_sim_group_processes(tr_sim_scenario_group(&self->scenario, i));
    }
    self->members = calloc(count, sizeof *self->members);
    if (!self->members)
        return tr_error_set(error, -ENOMEM, "out of memory");
    snprintf(add_member(self)->name, TR_NAME_MAX, "simulation");
    for (size_t i = 0; i < self->scenario.groups.count; i++)
        add_group(self, i);
    return 0;
}

/* ---- their lives ---- */

static int64_t wait_of(tr_simulation_t *self, int64_t mean_ms) {
    double chance = (double)(tr_sim_random(&self->world) >> 11) * 0x1p-53;
    double ms = -log1p(-chance) * (double)mean_ms;
    return (int64_t)((ms < 1 ? 1 : ms) * (double)TR_SIM_MS);
}

static void start_again(void *owner, uint64_t arg);

static void die(void *owner, uint64_t arg) {
    tr_sim_member_t *m = owner;
    tr_simulation_t *self = m->simulation;
    (void)arg;
    if (self->over)
        return;
    tr_sim_process_kill(&m->process);
    tr_sim_results_add(&self->results, "down", 1);
    tr_sim_results_event(
        &self->results, tr_sim_time(self), self->step, NULL, json_pack("{s:s}", "died", m->name));
    tr_sim_at(&self->world, self->world.now_ns + wait_of(self, m->failure->down_ms), start_again, m, 0);
}

static void plan_death(tr_sim_member_t *m) {
    tr_simulation_t *self = m->simulation;
    if (m->failure)
        tr_sim_at(&self->world, self->world.now_ns + wait_of(self, m->failure->every_ms), die, m, 0);
}

static void start_again(void *owner, uint64_t arg) {
    tr_sim_member_t *m = owner;
    tr_simulation_t *self = m->simulation;
    tr_error_t error = {0};
    (void)arg;
    if (self->over)
        return;
    int rc = tr_sim_process_start(&m->process, &m->crew, 1, &error);
    if (rc < 0 && self->code == 0) {
        self->code = rc;
        tr_error_set(&self->error, rc, "%s cannot be started again: %s", m->name, error.text);
    }
    tr_sim_results_add(&self->results, "down", -1);
    tr_sim_results_event(
        &self->results, tr_sim_time(self), self->step, NULL, json_pack("{s:s}", "started", m->name));
    plan_death(m);
}

int tr_sim_cast_start(tr_simulation_t *self, tr_error_t *error) {
    const tr_sim_crew_t own[] = {{.name = "observer", .behaviour = &tr_sim_observer},
        {.name = "environment", .behaviour = &tr_sim_environment}};
    tr_sim_process_t *first = &self->members[0].process;
    int rc = tr_sim_process_start(first, own, 2, error);
    if (rc < 0)
        return rc;
    self->observer = tr_host_agent(first->host, "observer", 0);
    self->environment = tr_host_agent(first->host, "environment", 0);
    *(tr_simulation_t **)tr_agent_state(self->observer) = self;
    for (size_t i = 1; i < self->member_count && rc == 0; i++) {
        tr_sim_member_t *m = &self->members[i];
        rc = tr_sim_process_start(&m->process, &m->crew, 1, error);
        if (rc == 0)
            plan_death(m);
        else
            tr_error_prefix(error, "%s cannot be started", m->name);
        tr_sim_progress(self);
    }
    return rc;
}

void tr_sim_cast_finish(tr_simulation_t *self) {
    for (size_t i = 0; i < self->member_count; i++)
        tr_sim_process_kill(&self->members[i].process);
    for (size_t i = 0; self->roles && i < self->scenario.groups.count; i++) {
        tr_loaded_destroy(&self->roles[i].loaded);
        free(self->roles[i].args);
    }
    free(self->roles);
    free(self->members);
    self->roles = NULL;
    self->members = NULL;
    self->member_count = 0;
}
