#include "agentd/role.h"

#include "agentd/behaviours/exec_conf.h"
#include "agentd/behaviours/table.h"
#include "agentd/mind/open.h"
#include "lib/tool/tools.h"
#include "proto/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int find_behaviour(tr_role_t *self, const tr_agentd_options_t *o, tr_problem_t *problem) {
    if (o->load) {
        tr_error_t error = {0};
        int rc = tr_load_behaviour(o->load, &self->loaded, &error);
        if (rc < 0)
            return tr_problem_set(problem, rc, "load", "%s", error.text);
        self->behaviour = tr_loaded_behaviour(self->loaded);
        return 0;
    }
    const char *name = o->command.count ? tr_behaviour_exec.name : o->behaviour;
    self->behaviour = tr_behaviour_find(name);
    if (self->behaviour)
        return 0;
    char names[200];
    const char *near = tr_behaviour_nearest(name);
    tr_behaviour_names(names, sizeof names);
    return near ? tr_problem_set(problem, -ENOENT, "behaviour",
                      "unknown behaviour \"%.60s\", did you mean \"%s\"?", name, near)
                : tr_problem_set(problem, -ENOENT, "behaviour",
                      "unknown behaviour \"%.60s\"; the built-in ones are %s", name, names);
}

/* The object, a new reference; NULL with the problem. */
static json_t *parse_args(const char *args, tr_problem_t *problem) {
    json_error_t why;
    json_t *object = args ? json_loads(args, JSON_REJECT_DUPLICATES, &why) : json_object();
    if (!object)
        tr_problem_set(problem, -EINVAL, "args", "not JSON at column %d: %s", args ? why.column : 0,
            args ? why.text : "out of memory");
    else if (!json_is_object(object)) {
        tr_problem_set(problem, -EINVAL, "args", "expected a JSON object such as {\"key\": \"value\"}");
        json_decref(object);
        object = NULL;
    }
    return object;
}

/* As the behaviour will get them. */
static int check_args(const tr_role_t *self, const json_t *object, tr_problem_t *problem) {
    tr_content_writer_t writer;
    tr_content_t content;
    const void *bytes;
    size_t len;
    tr_content_writer_init(&writer);
    int rc = tr_json_write(object, &writer);
    if (rc == 0)
        rc = tr_content_writer_take(&writer, &bytes, &len);
    if (rc == 0)
        rc = tr_content_init(&content, bytes, len);
    if (rc < 0) {
        tr_problem_set(problem, rc, "args", "%s", rc == -E2BIG ? "nested too deeply" : strerror(-rc));
    } else {
        rc = tr_behaviour_check_args(self->behaviour, &content.root, problem);
        tr_content_finish(&content);
    }
    tr_content_writer_finish(&writer);
    return rc;
}

/* What the exec behaviour is told by flags has keys of its own. */
static int take_flags(const tr_agentd_options_t *o, json_t *object, tr_problem_t *problem) {
    tr_exec_flags_t flags = {
        o->command.items, o->command.count, o->exec_mode, o->exec_timeout_ms, o->log_level, o->log_format};
    return tr_exec_args(object, &flags, problem);
}

static void rename_command(const tr_agentd_options_t *o, tr_problem_t *problem) {
    static const char key[] = "args.command", as[] = "exec.command";
    if (problem && o->command.count > 0 && strncmp(problem->key, key, sizeof key - 1) == 0)
        memcpy(problem->key, as, sizeof as - 1);
}

/* "KEY" of the configuration as the description has it. */
static int wrong_part(tr_problem_t *problem, int rc, const char *part, const char *key, const char *text) {
    char full[sizeof((tr_problem_t *)0)->key];
    snprintf(full, sizeof full, "%s%s%s", part, *key ? "." : "", key);
    return tr_problem_set(problem, rc, full, "%s", text);
}

static int wrong_mind(tr_problem_t *problem, int rc, const char *key, const char *text) {
    return wrong_part(problem, rc, "mind", key, text);
}

static int wrong_tools(tr_problem_t *problem, int rc, const char *key, const char *text) {
    return wrong_part(problem, rc, "tools", key, text);
}

/* It is opened once, to find out what is wrong before anybody asks the agent something. */
static int check_mind(const json_t *config, tr_problem_t *problem) {
    char key[TR_MIND_KEY_MAX];
    tr_error_t error = {0};
    tr_mind_t *mind = NULL;
    int rc = tr_mind_open(config, NULL, &mind, key, &error);
    tr_mind_destroy(&mind);
    return rc < 0 ? wrong_mind(problem, rc, key, error.text) : 0;
}

/* Into the arguments: a path stands for itself, all else is JSON. */
static int take_mind(tr_role_t *self, const tr_agentd_options_t *o, json_t *args, tr_problem_t *problem) {
    json_error_t why;
    bool thinks = !self->loaded && tr_behaviour_thinks(self->behaviour);
    if (thinks && json_object_get(args, "mind"))
        return tr_problem_set(
            problem, -EINVAL, "args.mind", "expected beside `args`, as `mind`, or as --mind");
    if (!o->mind || strcmp(o->mind, "built-in") == 0)
        return 0;
    if (!thinks)
        return wrong_mind(problem, -EINVAL, "", "this behaviour asks no mind: expected none, or built-in");
    json_t *config = o->mind[0] == '{' || o->mind[0] == '"'
                         ? json_loads(o->mind, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why)
                         : json_string(o->mind);
    if (!config)
        return wrong_mind(problem, -EINVAL, "", "not JSON");
    int rc = check_mind(config, problem);
    if (rc == 0 && json_object_set(args, "mind", config) < 0)
        rc = wrong_mind(problem, -ENOMEM, "", "out of memory");
    if (rc == 0)
        self->warning = tr_mind_config_warning(config);
    if (rc == 0)
        self->strays = tr_mind_config_strays(config);
    json_decref(config);
    return rc;
}

static int check_tools(const json_t *config, tr_problem_t *problem) {
    char key[TR_TOOLS_KEY_MAX];
    tr_error_t error = {0};
    tr_tools_t *tools = NULL;
    int rc = tr_tools_open(&(tr_tools_options_t){.config = config, .check = true}, &tools, key, &error);
    tr_tools_close(&tools);
    return rc < 0 ? wrong_tools(problem, rc, key, error.text) : 0;
}

static int take_tools(
    const tr_role_t *self, const tr_agentd_options_t *o, json_t *args, tr_problem_t *problem) {
    json_error_t why;
    bool acts = !self->loaded && tr_behaviour_acts(self->behaviour);
    if (acts && json_object_get(args, "tools"))
        return tr_problem_set(
            problem, -EINVAL, "args.tools", "expected beside `args`, as `tools`, or as --tools");
    if (!o->tools)
        return 0;
    if (!acts)
        return wrong_tools(problem, -EINVAL, "", "this behaviour uses no tools: expected none");
    json_t *config = json_loads(o->tools, JSON_REJECT_DUPLICATES, &why);
    if (!config)
        return wrong_tools(problem, -EINVAL, "", "not JSON");
    int rc = check_tools(config, problem);
    if (rc == 0 && json_object_set(args, "tools", config) < 0)
        rc = wrong_tools(problem, -ENOMEM, "", "out of memory");
    json_decref(config);
    return rc;
}

/* Into the arguments; those that say another place keep to it. */
static int take_memory(
    const tr_role_t *self, const tr_agentd_options_t *o, json_t *args, tr_problem_t *problem) {
    bool remembers = !self->loaded && tr_behaviour_remembers(self->behaviour);
    if (remembers && json_object_get(args, "memories"))
        return tr_problem_set(problem, -EINVAL, "args.memories", "expected as --memory");
    if (!o->memory)
        return 0;
    if (!remembers)
        return tr_problem_set(
            problem, -EINVAL, "memory", "this behaviour talks with no users: expected none");
    return json_object_set_new(args, "memories", json_string(o->memory)) == 0
               ? 0
               : tr_problem_set(problem, -EINVAL, "memory", "expected a path in UTF-8");
}

static int find_args(tr_role_t *self, const tr_agentd_options_t *o, tr_problem_t *problem) {
    bool exec = self->behaviour == &tr_behaviour_exec;
    json_t *object = parse_args(o->args, problem);
    if (!object)
        return -EINVAL;
    int rc = exec ? take_flags(o, object, problem) : 0;
    if (rc == 0)
        rc = take_mind(self, o, object, problem);
    if (rc == 0)
        rc = take_tools(self, o, object, problem);
    if (rc == 0)
        rc = take_memory(self, o, object, problem);
    if (rc == 0)
        rc = check_args(self, object, problem);
    if (rc < 0)
        rename_command(o, problem);
    if (rc == 0 && (exec || o->args || o->mind || o->tools || o->memory)) {
        self->args = json_dumps(object, JSON_COMPACT);
        rc = self->args ? 0 : tr_problem_set(problem, -ENOMEM, "args", "out of memory");
    }
    json_decref(object);
    return rc;
}

int tr_role_init(tr_role_t *ret_role, const tr_agentd_options_t *options, tr_problem_t *problem) {
    tr_role_t role = {0};
    int rc = find_behaviour(&role, options, problem);
    if (rc == 0)
        rc = find_args(&role, options, problem);
    if (rc < 0)
        tr_role_finish(&role);
    else
        *ret_role = role;
    return rc;
}

void tr_role_finish(tr_role_t *self) {
    tr_loaded_destroy(&self->loaded);
    free(self->args);
    free(self->warning);
    free(self->strays);
    self->args = self->warning = self->strays = NULL;
}
