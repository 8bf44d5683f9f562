#include "agentd/behaviours/toolbox.h"

#include <errno.h>
#include <poll.h>

#include "proto/json.h"

static void on_readable(tr_agent_t *agent, void *state, int fd, short events, void *arg) {
    tr_toolbox_t *self = arg;
    (void)agent, (void)state, (void)fd, (void)events;
    tr_tools_work(self->tools);
}

/* Once, and again where it is something else. */
static void warn(tr_toolbox_t *self, const json_t *server) {
    const char *name = json_string_value(json_object_get(server, "server"));
    json_t *warning = json_object_get(server, "warning"), *before = json_object_get(self->warned, name);
    if (!warning || (before && json_equal(before, warning)))
        return;
    if (!self->warned)
        self->warned = json_object();
    json_object_set(self->warned, name, warning); /* else it is told once more, ignoring */
    json_t *line = json_sprintf("the server %s of its tools: %s", name, json_string_value(warning));
    tr_agent_warn(self->agent, line ? json_string_value(line) : name);
    json_decref(line);
}

static void on_change(void *arg) {
    tr_toolbox_t *self = arg;
    size_t i;
    json_t *servers = tr_tools_servers(self->tools), *server;
    json_array_foreach(servers, i, server) warn(self, server);
    json_decref(servers);
    if (self->on_change)
        self->on_change(self->arg);
}

int tr_toolbox_init(
    tr_toolbox_t *self, tr_agent_t *agent, tr_value_t args, void (*changed)(void *arg), void *arg) {
    char key[TR_TOOLS_KEY_MAX];
    tr_value_t said = tr_value_get(args, "tools");
    json_t *config = said ? tr_value_to_json(said) : NULL;
    self->agent = agent;
    self->on_change = changed;
    self->arg = arg;
    if (said && !config)
        return -ENOMEM;
    /* What is wrong with it was told when the process started. */
    int rc = tr_tools_open(
        &(tr_tools_options_t){.config = config, .agent = agent, .on_change = on_change, .arg = self},
        &self->tools, key, NULL);
    json_decref(config);
    return rc < 0 ? rc : tr_watch(agent, tr_tools_fd(self->tools), POLLIN, on_readable, self);
}

void tr_toolbox_finish(tr_toolbox_t *self) {
    if (!self->tools)
        return;
    tr_watch(self->agent, tr_tools_fd(self->tools), 0, NULL, NULL); /* ending one does not fail, ignoring */
    tr_tools_close(&self->tools);
    json_decref(self->warned);
    self->warned = NULL;
}
