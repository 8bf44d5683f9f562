/* The registry. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/llm/schema.h"
#include "lib/tool/config.h"
#include "lib/tool/tools_private.h"

static int is_tool(const tr_tool_t *tool) {
    size_t len = tool->name ? strlen(tool->name) : 0;
    tr_error_t error;
    return len > 0 && len <= TR_TOOL_NAME_MAX && strspn(tool->name, TR_TOOL_NAME_BYTES) == len &&
           tool->description && json_is_object(tool->parameters) &&
           tr_llm_schema_verify(tool->parameters, NULL, &error) == 0;
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
    if (object && tool->repeatable)
        json_object_set_new(object, "repeatable", json_true());
    return object;
}

json_t *tr_tools_list(const tr_tools_t *self) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < self->count; i++)
        json_array_append_new(
            list, told(self->tools[i])); /* one that cannot be told leaves the others, ignoring */
    return list;
}

void tr_tools_remove(tr_tools_t *self, tr_tool_t *tool) {
    for (tr_tool_run_t *run = self->runs; run; run = run->next)
        if (run->call.tool == tool)
            tr_tool_run_orphan(run);
    for (size_t i = 0; i < self->count; i++)
        if (self->tools[i] == tool)
            self->tools[i--] = self->tools[--self->count];
    tool->ops->destroy(tool);
}

bool tr_tools_ready(const tr_tools_t *self) {
    for (const tr_tool_source_t *source = self->sources; source; source = source->next)
        if (!source->ready)
            return false;
    return true;
}

json_t *tr_tools_servers(const tr_tools_t *self) {
    json_t *list = json_array();
    for (const tr_tool_source_t *source = self->sources; list && source; source = source->next)
        if (json_array_insert_new(list, 0, source->describe(source)) < 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

void tr_tools_take_source(tr_tools_t *self, tr_tool_source_t *source) {
    source->next = self->sources;
    self->sources = source;
}

void tr_tools_changed(tr_tools_t *self) {
    tr_tool_runs_wake(self);
    if (self->options.on_change)
        self->options.on_change(self->options.arg);
}

static int open_parts(tr_tools_t *self, const json_t *config, char key[TR_TOOLS_KEY_MAX], tr_error_t *error) {
    int rc = tr_llm_loop_init(&self->loop);
    if (rc < 0)
        return tr_error_set(error, rc, "cannot have an epoll and a timer: %s", strerror(-rc));
    return config ? tr_tools_configure(self, config, key, error) : 0;
}

int tr_tools_open(const tr_tools_options_t *options, tr_tools_t **ret_tools, char key[TR_TOOLS_KEY_MAX],
    tr_error_t *error) {
    tr_tools_t *self = calloc(1, sizeof *self);
    key[0] = '\0';
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->options = *options;
    self->options.config = NULL;
    tr_arena_init(&self->arena, TR_TOOLS_CONFIG_MAX);
    int rc = open_parts(self, options->config, key, error);
    if (rc < 0)
        tr_tools_close(&self);
    else
        *ret_tools = self;
    return rc;
}

static void destroy_sources(tr_tools_t *self) {
    while (self->sources) {
        tr_tool_source_t *source = self->sources;
        self->sources = source->next;
        source->destroy(source);
    }
}

void tr_tools_close(tr_tools_t **ref) {
    tr_tools_t *self = *ref;
    if (!self)
        return;
    while (self->runs)
        tr_tool_run_drop(self->runs);
    for (size_t i = 0; i < self->count; i++)
        self->tools[i]->ops->destroy(self->tools[i]);
    destroy_sources(self);
    tr_asks_finish(&self->asks);
    free(self->tools);
    tr_llm_loop_finish(&self->loop);
    tr_arena_finish(&self->arena);
    free(self);
    *ref = NULL;
}

int tr_tools_fd(const tr_tools_t *self) {
    return tr_llm_loop_fd(&self->loop);
}

void tr_tools_work(tr_tools_t *self) {
    tr_llm_loop_turn(&self->loop);
}
