#include "agentd/behaviours/toolbox.h"

#include <errno.h>
#include <poll.h>

#include "proto/json.h"

static void on_readable(tr_agent_t *agent, void *state, int fd, short events, void *arg) {
    tr_toolbox_t *self = arg;
    (void)agent, (void)state, (void)fd, (void)events;
    tr_tools_work(self->tools);
}

int tr_toolbox_init(
    tr_toolbox_t *self, tr_agent_t *agent, tr_value_t args, void (*on_change)(void *arg), void *arg) {
    char key[TR_TOOLS_KEY_MAX];
    tr_value_t said = tr_value_get(args, "tools");
    json_t *config = said ? tr_value_to_json(said) : NULL;
    self->agent = agent;
    if (said && !config)
        return -ENOMEM;
    /* What is wrong with it was told when the process started. */
    int rc = tr_tools_open(
        &(tr_tools_options_t){.config = config, .agent = agent, .on_change = on_change, .arg = arg},
        &self->tools, key, NULL);
    json_decref(config);
    return rc < 0 ? rc : tr_watch(agent, tr_tools_fd(self->tools), POLLIN, on_readable, self);
}

void tr_toolbox_finish(tr_toolbox_t *self) {
    if (!self->tools)
        return;
    tr_watch(self->agent, tr_tools_fd(self->tools), 0, NULL, NULL); /* ending one does not fail, ignoring */
    tr_tools_close(&self->tools);
}
