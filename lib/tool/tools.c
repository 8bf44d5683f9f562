/* The registry. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/tool/tools_private.h"

static int is_tool(const tr_tool_t *tool) {
    size_t len = tool->name ? strlen(tool->name) : 0;
    return len > 0 && len <= TR_TOOL_NAME_MAX && strspn(tool->name, TR_TOOL_NAME_BYTES) == len &&
           tool->description && json_is_object(tool->parameters);
}

static int reserve(tr_tools_t *self) {
    size_t room = self->room ? 2 * self->room : 8;
    if (self->count < self->room)
        return 0;
    tr_tool_t **grown = realloc(self->tools, room * sizeof(tr_tool_t *));
    if (!grown)
        return -ENOMEM;
    self->tools = grown;
    self->room = room;
    return 0;
}

int tr_tools_add(tr_tools_t *self, tr_tool_t *tool) {
    int rc = !is_tool(tool)                    ? -EINVAL
             : tr_tools_find(self, tool->name) ? -EEXIST
             : self->count == TR_TOOLS_MAX     ? -E2BIG
                                               : reserve(self);
    if (rc == 0)
        self->tools[self->count++] = tool;
    else
        tool->ops->destroy(tool);
    return rc;
}

const tr_tool_t *tr_tools_find(const tr_tools_t *self, const char *name) {
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->tools[i]->name, name) == 0)
            return self->tools[i];
    return NULL;
}

static json_t *told(const tr_tool_t *tool) {
    json_t *object = json_pack("{s:s, s:s, s:O}", "name", tool->name, "description", tool->description,
        "parameters", (json_t *)(uintptr_t)tool->parameters);
    if (object && tool->privileged)
        json_object_set_new(object, "privileged", json_true());
    return object;
}

json_t *tr_tools_list(const tr_tools_t *self) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < self->count; i++) {
        if (json_array_append_new(list, told(self->tools[i])) == 0)
            continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

bool tr_tools_ready(const tr_tools_t *self) {
    (void)self;
    return true;
}

int tr_tools_open(const tr_tools_options_t *options, tr_tools_t **ret_tools, char key[TR_TOOLS_KEY_MAX],
    tr_error_t *error) {
    tr_tools_t *self = calloc(1, sizeof *self);
    key[0] = '\0';
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->options = *options;
    self->options.config = NULL;
    self->result_max = TR_TOOLS_RESULT_BYTES;
    int rc = tr_llm_loop_init(&self->loop);
    if (rc < 0) {
        tr_error_set(error, rc, "cannot have an epoll and a timer: %s", strerror(-rc));
        tr_tools_close(&self);
        return rc;
    }
    *ret_tools = self;
    return 0;
}

void tr_tools_close(tr_tools_t **ref) {
    tr_tools_t *self = *ref;
    if (!self)
        return;
    while (self->runs)
        tr_tool_run_drop(self->runs);
    for (size_t i = 0; i < self->count; i++)
        self->tools[i]->ops->destroy(self->tools[i]);
    free(self->tools);
    tr_llm_loop_finish(&self->loop);
    free(self);
    *ref = NULL;
}

int tr_tools_fd(const tr_tools_t *self) {
    return tr_llm_loop_fd(&self->loop);
}

void tr_tools_work(tr_tools_t *self) {
    tr_llm_loop_turn(&self->loop);
}
