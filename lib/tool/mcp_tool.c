/* The tools of a server in the registry: those that it tells, and two of ours for its resources. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/llm/schema.h"
#include "lib/text/utf8.h"
#include "lib/tool/mcp.h"

#define SCHEMA_BYTES 65536 /* of one tool, as JSON: what a model is told of it */

static const struct {
    tr_mcp_act_t act;
    const char *suffix, *before, *after, *schema;
} ours[] = {
    {TR_MCP_LIST_RESOURCES, "list_resources", "Lists the resources of the server ",
        ", each with its URI, or with a template for the URIs of many, in which what stands in braces is to "
        "be filled in.",
        "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}"},
    {TR_MCP_READ_RESOURCE, "read_resource", "Reads a resource of the server ", " by its URI.",
        "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"uri\"],\"properties\":{\"uri\":{"
        "\"type\":\"string\","
        "\"minLength\":1,\"maxLength\":2048}}}"},
};

/* ---- calls ---- */

static void start(tr_tool_call_t *call) {
    tr_mcp_tool_t *self = (tr_mcp_tool_t *)call->tool;
    json_t *arguments = (json_t *)(uintptr_t)call->arguments;
    if (self->act == TR_MCP_LIST_RESOURCES)
        tr_mcp_start(self->mcp, call, tr_mcp_catalogue_method(&(tr_mcp_catalogue_t){0}), json_object());
    else if (self->act == TR_MCP_READ_RESOURCE)
        tr_mcp_start(
            self->mcp, call, "resources/read", json_pack("{s:O}", "uri", json_object_get(arguments, "uri")));
    else
        tr_mcp_start(self->mcp, call, "tools/call",
            json_pack("{s:s, s:O}", "name", self->remote, "arguments", arguments));
}

static void cancel(tr_tool_call_t *call) {
    tr_mcp_cancel(((tr_mcp_tool_t *)call->tool)->mcp, call);
}

static void destroy(tr_tool_t *tool) {
    tr_mcp_tool_t *self = (tr_mcp_tool_t *)tool;
    for (tr_mcp_tool_t **at = &self->mcp->owned; *at; at = &(*at)->next) {
        if (*at != self)
            continue;
        *at = self->next;
        break;
    }
    json_decref(self->spec);
    json_decref(self->schema);
    free(self->description);
    free(self);
}

static const tr_tool_ops_t ops = {start, cancel, destroy};

/* ---- which there are ---- */

static bool is_named(const tr_texts_t *names, const char *name) {
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

/* "SERVER_TOOL", with _ for what names of tools may not have; false where that is too long. */
static bool print_name(const tr_mcp_t *mcp, const char *remote, char out[TR_TOOL_NAME_MAX + 1]) {
    int n = snprintf(out, TR_TOOL_NAME_MAX + 1, "%s_%s", mcp->name, remote);
    if (n < 0 || n > TR_TOOL_NAME_MAX)
        return false;
    for (char *c = out; *c; c++)
        if (!strchr(TR_TOOL_NAME_BYTES, *c))
            *c = '_';
    return true;
}

/* What its server says of it; resources are read. */
static bool is_repeatable(const tr_mcp_tool_t *self) {
    const json_t *hints = json_object_get(self->spec, "annotations");
    return self->act != TR_MCP_CALL || json_is_true(json_object_get(hints, "readOnlyHint")) ||
           json_is_true(json_object_get(hints, "idempotentHint"));
}

/* Consumes schema; its name is printed. */
static void add_tool(tr_mcp_t *mcp, tr_mcp_tool_t *self, json_t *schema, const char *description) {
    size_t len = tr_utf8_cut(description, strlen(description), TR_TOOL_DESCRIPTION_MAX);
    self->mcp = mcp;
    self->schema = schema;
    self->told = true;
    self->description = strndup(description, len);
    self->tool = (tr_tool_t){.ops = &ops,
        .name = self->name,
        .description = self->description,
        .parameters = schema,
        .repeatable = is_repeatable(self)};
    self->next = mcp->owned;
    mcp->owned = self;
    tr_tools_add(
        mcp->tools, &self->tool); /* another server may have one of this name: then there is none, ignoring */
}

static tr_mcp_tool_t *find_tool(tr_mcp_t *mcp, const char *name) {
    for (tr_mcp_tool_t *tool = mcp->owned; tool; tool = tool->next)
        if (strcmp(tool->name, name) == 0)
            return tool;
    return NULL;
}

/* A new one, or NULL: it is there already as it is told now. */
static tr_mcp_tool_t *new_tool(tr_mcp_t *mcp, const char *name, const json_t *spec) {
    tr_mcp_tool_t *known = find_tool(mcp, name);
    if (known && (spec == known->spec ||
                     (spec && known->spec && json_equal((json_t *)(uintptr_t)spec, known->spec)))) {
        known->told = true;
        return NULL;
    }
    if (known)
        tr_tools_remove(mcp->tools, &known->tool);
    tr_mcp_tool_t *self = calloc(1, sizeof *self);
    if (self)
        snprintf(self->name, sizeof self->name, "%s", name);
    return self;
}

/* Whether its calls can be checked. What a person should know of it is kept, of the first one. */
static bool can_be_checked(tr_mcp_t *mcp, const char *remote, const json_t *schema) {
    tr_error_t note = {0}, error = {0};
    int rc = tr_llm_schema_verify(schema, &note, &error);
    if (rc < 0 && !*mcp->refused)
        snprintf(mcp->refused, sizeof mcp->refused,
            "%.60s is left out, as its inputSchema cannot be checked: %.180s", remote, error.text);
    else if (*note.text && !*mcp->noted)
        snprintf(mcp->noted, sizeof mcp->noted, "the inputSchema of %.60s: %.180s", remote, note.text);
    return rc == 0;
}

static void take_told(tr_mcp_t *mcp, json_t *spec) {
    const json_t *schema = json_object_get(spec, "inputSchema");
    const char *remote = json_string_value(json_object_get(spec, "name"));
    const char *description = json_string_value(json_object_get(spec, "description"));
    char name[TR_TOOL_NAME_MAX + 1];
    bool is_wanted = remote && (mcp->config->tools.count == 0 || is_named(&mcp->config->tools, remote));
    if (!is_wanted || !json_is_object(schema) || json_dumpb(schema, NULL, 0, JSON_COMPACT) > SCHEMA_BYTES ||
        !print_name(mcp, remote, name) || !can_be_checked(mcp, remote, schema))
        return;
    tr_mcp_tool_t *self = new_tool(mcp, name, spec);
    if (!self)
        return;
    self->spec = json_incref(spec);
    self->remote = remote;
    add_tool(mcp, self, json_incref((json_t *)(uintptr_t)schema), description ? description : remote);
}

static void add_ours(tr_mcp_t *mcp) {
    char name[TR_TOOL_NAME_MAX + 1], description[300];
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        tr_mcp_tool_t *self = print_name(mcp, ours[i].suffix, name) ? new_tool(mcp, name, NULL) : NULL;
        if (!self)
            continue;
        self->act = ours[i].act;
        snprintf(description, sizeof description, "%s%s%s", ours[i].before, mcp->name, ours[i].after);
        add_tool(mcp, self, json_loads(ours[i].schema, 0, NULL), description);
    }
}

/* ---- who has to be asked ---- */

static bool is_destructive(const tr_mcp_tool_t *self) {
    return json_is_true(json_object_get(json_object_get(self->spec, "annotations"), "destructiveHint"));
}

/* A name of the configuration that fits none, so that nobody knows which was meant. */
static const char *find_unknown(const tr_mcp_t *mcp) {
    const tr_texts_t *names = &mcp->config->common.privileged;
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->items[i];
        bool is_known = strcmp(name, "true") == 0 || strcmp(name, "false") == 0;
        for (const tr_mcp_tool_t *tool = mcp->owned; tool && !is_known; tool = tool->next)
            is_known = strcmp(tool->name, name) == 0 || (tool->remote && strcmp(tool->remote, name) == 0);
        if (!is_known)
            return name;
    }
    return NULL;
}

/* What its server calls destructive is privileged where the configuration does not say that nothing is. */
static void judge(tr_mcp_tool_t *self) {
    const tr_tool_config_t *common = &self->mcp->config->common;
    tr_tool_take_config(&self->tool, common, self->remote);
    if (self->mcp->unknown || (is_destructive(self) && !is_named(&common->privileged, "false")))
        self->tool.privileged = true;
}

void tr_mcp_tools_settle(tr_mcp_t *mcp) {
    size_t i;
    json_t *spec;
    mcp->refused[0] = mcp->noted[0] = '\0';
    for (tr_mcp_tool_t *tool = mcp->owned; tool; tool = tool->next)
        tool->told = false;
    json_array_foreach(mcp->listing, i, spec) take_told(mcp, spec);
    if (mcp->resources)
        add_ours(mcp);
    json_decref(mcp->listing);
    mcp->listing = NULL;
    for (tr_mcp_tool_t *tool = mcp->owned, *next; tool; tool = next) {
        next = tool->next;
        if (!tool->told)
            tr_tools_remove(mcp->tools, &tool->tool);
    }
    mcp->unknown = find_unknown(mcp);
    for (tr_mcp_tool_t *tool = mcp->owned; tool; tool = tool->next) {
        tool->tool.privileged = false;
        judge(tool);
    }
}

json_t *tr_mcp_tools_warning(const tr_mcp_t *self) {
    char unknown[200] = "", line[sizeof self->refused + sizeof self->noted + sizeof unknown] = "";
    if (self->unknown)
        snprintf(unknown, sizeof unknown,
            "privileged: no tool of it is called %.80s: until one is, all of them are", self->unknown);
    const char *const parts[] = {unknown, self->refused, self->noted};
    for (size_t i = 0, used = 0; i < sizeof parts / sizeof *parts; i++) {
        int n = *parts[i] ? snprintf(line + used, sizeof line - used, "%s%s", used ? "; " : "", parts[i]) : 0;
        used += n > 0 ? (size_t)n : 0;
    }
    return *line ? json_stringn(line, tr_utf8_drop_broken(line, strlen(line))) : NULL;
}
