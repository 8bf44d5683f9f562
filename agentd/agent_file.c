#include "agentd/agent_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool tr_agent_file_is_path(const char *text) {
    static const char *const ends[] = {".yaml", ".yml", ".json"};
    size_t len = strlen(text);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);
        if (len > n && strcmp(text + len - n, ends[i]) == 0)
            return true;
    }
    return strchr(text, '/') != NULL;
}

/* ---- filling in ---- */

static bool is_free(const tr_agentd_options_t *self, const char *option) {
    return tr_options_source(self->flags, option) == TR_SOURCE_DEFAULT;
}

/* The items are not written to; the list's type is that of a file's reader. */
static tr_strings_t strings_of(const tr_texts_t *texts) {
    return (tr_strings_t){(const char *const *)texts->items, texts->count};
}

/* What the agent does: all of it is the file's, or the flags'. */
static void take_way(tr_agentd_options_t *self, const tr_fleet_agent_t *a) {
    if (self->behaviour || self->load || self->command.count > 0)
        return;
    self->described |= TR_DESCRIBED_WAY;
    self->behaviour = a->behaviour;
    self->load = a->load;
    if (a->exec.command.count == 0)
        return;
    self->command = strings_of(&a->exec.command);
    if (is_free(self, "exec-mode"))
        self->exec_mode = a->exec.mode;
    if (is_free(self, "exec-timeout"))
        self->exec_timeout_ms = a->exec.timeout_ms;
}

/* In a fleet the rule is for the process, which the supervisor starts again. Here nobody does: it is for the
 * behaviour within it. */
static void take_restart(tr_agentd_options_t *self, const tr_restart_t *rule) {
    if (is_free(self, "restart-intensity"))
        self->restart_intensity = rule->when == TR_RESTART_NEVER ? 0 : rule->intensity;
    if (is_free(self, "restart-period"))
        self->restart_period_ms = rule->period_ms;
    if (is_free(self, "restart-backoff"))
        self->restart_backoff_ms = rule->backoff_ms;
    if (is_free(self, "restart-max-backoff"))
        self->restart_max_backoff_ms = rule->max_backoff_ms;
}

/* From where the file is, as all of its paths (tr_agent_file_enter). */
static void take_state(tr_agentd_options_t *self, const tr_fleet_agent_t *a) {
    if (!self->state && tr_fleet_keeps_state(a))
        self->state = strcmp(a->state, "true") == 0 ? "state" : a->state;
    if (is_free(self, "passive-after"))
        self->passive_ms = a->passive_ms;
}

static void take_lists(tr_agentd_options_t *self, const tr_fleet_agent_t *a) {
    if (is_free(self, "service") && a->services.count > 0)
        self->services = strings_of(&a->services);
    if (is_free(self, "subscribe") && a->subscribe.count > 0)
        self->subscribe = strings_of(&a->subscribe);
}

int tr_agent_file_take(tr_agentd_options_t *self, tr_error_t *error) {
    int rc = tr_description_load(self->agent, &self->description, error);
    if (rc < 0)
        return rc;
    const tr_fleet_agent_t *a = &self->description->agent;
    if (!self->name)
        self->name = a->name;
    if (is_free(self, "count"))
        self->count = a->count;
    if (is_free(self, "durable"))
        self->durable = a->durable;
    take_state(self, a);
    if (!self->describe)
        self->describe = a->describe;
    take_way(self, a);
    take_lists(self, a);
    if (!self->args) {
        self->args = a->args;
        self->described |= TR_DESCRIBED_ARGS;
    }
    if (!self->mind) {
        self->mind = a->mind;
        self->described |= TR_DESCRIBED_MIND;
    }
    if (!self->tools) {
        self->tools = a->tools;
        self->described |= TR_DESCRIBED_TOOLS;
    }
    take_restart(self, &a->restart);
    return 0;
}

/* ---- the process ---- */

/* A path of the command line means what it meant where the process was started; allocated. */
static char *anchored(const char *before, const char *path, const char *here) {
    char *out = NULL;
    return asprintf(&out, "%s%s/%s", before, here, path) < 0 ? NULL : out;
}

static int anchor_paths(tr_agentd_options_t *self, tr_error_t *error) {
    char here[PATH_MAX];
    bool load = self->load && self->load[0] != '/' && !(self->described & TR_DESCRIBED_WAY);
    const char *socket = strncmp(self->connect, "ipc://", 6) == 0 ? self->connect + 6 : NULL;
    bool connect = socket && socket[0] != '/' && socket[0] != '@';
    if (!load && !connect)
        return 0;
    if (!getcwd(here, sizeof here))
        return tr_error_set(error, -errno, "the working directory: %s", strerror(errno));
    if (load)
        self->load = self->own_load = anchored("", self->load, here);
    if (connect)
        self->connect = self->own_connect = anchored("ipc://", socket, here);
    return (load && !self->load) || (connect && !self->connect)
               ? tr_error_set(error, -ENOMEM, "out of memory")
               : 0;
}

int tr_agent_file_enter(tr_agentd_options_t *self, tr_error_t *error) {
    if (!self->description)
        return 0;
    const tr_pairs_t *env = &self->description->agent.env;
    const char *directory = self->description->file.directory;
    int rc = anchor_paths(self, error);
    if (rc < 0)
        return rc;
    if (chdir(directory) < 0)
        return tr_error_set(error, -errno, "%s: %s", directory, strerror(errno));
    for (size_t i = 0; i < env->count; i++) {
        if (setenv(env->items[i].key, env->items[i].value, 1) < 0)
            return tr_error_set(error, -errno, "env: %s: %s", env->items[i].key, strerror(errno));
    }
    return 0;
}

/* ---- what is wrong ---- */

int tr_agent_file_explain(
    const tr_agentd_options_t *self, const tr_problem_t *problem, tr_error_t *ret_error) {
    bool of_args = strncmp(problem->key, "args", 4) == 0;
    bool of_mind = strncmp(problem->key, "mind", 4) == 0;
    bool of_tools = strncmp(problem->key, "tools", 5) == 0;
    unsigned source = of_args    ? TR_DESCRIBED_ARGS
                      : of_mind  ? TR_DESCRIBED_MIND
                      : of_tools ? TR_DESCRIBED_TOOLS
                                 : TR_DESCRIBED_WAY;
    if (self->description && self->described & source)
        tr_yaml_file_wrong(&self->description->file, problem->key, ret_error, "%s", problem->error.text);
    else
        tr_error_set(ret_error, problem->error.code, "%s: %s", problem->key, problem->error.text);
    return problem->error.code;
}
