/*
 * knowledge: a search of a knowledge base, which is asked by the agent's link (docs/knowledge.md). What it says is the passages, each with where it
 * is from, so that who uses them can cite them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/text/textbuf.h"
#include "lib/tool/ask.h"
#include "lib/tool/config.h"

#define SCHEMA                                                                                               \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"query\"],\"properties\":{"          \
    "\"query\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":4096,\"description\":\"what to look for, " \
    "in words\"},"                                                                                           \
    "\"results\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":50,\"description\":\"how many "             \
    "passages\"}}}"

typedef struct knowledge_config {
    tr_tool_config_t common; /* first */
    const char *service, *space;
    int64_t results;
} knowledge_config_t;

typedef struct knowledge {
    tr_tool_t tool; /* first */
    const knowledge_config_t *config;
    json_t *schema;
    tr_asks_t asks;
} knowledge_t;

static bool is_said(const char *text, size_t len) {
    (void)text;
    return len > 0;
}

#define AT(member) offsetof(knowledge_config_t, member)

static const tr_yaml_field_t fields[] = {
    TR_TOOL_FIELDS,
    {"service", TR_YAML_TEXT, AT(service), .check = is_said, .expected = "NAME, NAME@PLATFORM or svc:NAME"},
    {"namespace", TR_YAML_TEXT, AT(space), .check = is_said, .expected = "the name of a namespace"},
    {"results", TR_YAML_WHOLE, AT(results), .min = 1, .max = 50},
};

static const knowledge_config_t initial = {
    .common = TR_TOOL_COMMON, .service = "svc:kb", .space = "default", .results = 5};
static const tr_yaml_table_t table = {
    fields, sizeof fields / sizeof *fields, sizeof(knowledge_config_t), &initial, 0, NULL};

/* ---- what came ---- */

static void add_line(tr_textbuf_t *out, const char *label, const json_t *value) {
    if (!json_is_string(value) || json_string_length(value) == 0)
        return;
    tr_textbuf_add_string(out, label);
    tr_textbuf_add(out, json_string_value(value), json_string_length(value));
    tr_textbuf_add_string(out, "\n");
}

static char *as_text(const json_t *results) {
    tr_textbuf_t out = {0};
    size_t i;
    json_t *one;
    json_array_foreach((json_t *)(uintptr_t)results, i, one) {
        add_line(&out, i ? "\nsource: " : "source: ", json_object_get(one, "id"));
        add_line(&out, "title: ", json_object_get(one, "title"));
        add_line(&out, "heading: ", json_object_get(one, "heading"));
        add_line(&out, "", json_object_get(one, "text"));
    }
    return tr_textbuf_take(&out);
}

static void on_answer(void *arg, bool good, const json_t *content) {
    tr_tool_call_t *call = arg;
    const json_t *results = json_object_get(content, "results");
    char why[300];
    if (!good) {
        tr_tool_call_fail(call, TR_TOOL_UNAVAILABLE, "the knowledge base %s: %s",
            ((knowledge_t *)call->tool)->config->service, tr_ask_why(content, why, sizeof why));
    } else if (!json_is_array(results)) {
        tr_tool_call_fail(call, TR_TOOL_GARBLED, "the knowledge base %s answered without results",
            ((knowledge_t *)call->tool)->config->service);
    } else {
        char *text = as_text(results);
        if (text)
            tr_tool_call_done(call, text, strlen(text));
        else
            tr_tool_call_fail(call, TR_TOOL_FAILED, "out of memory");
        free(text);
    }
}

/* ---- what is asked ---- */

static void start(tr_tool_call_t *call) {
    knowledge_t *self = (knowledge_t *)call->tool;
    const knowledge_config_t *config = self->config;
    const json_t *results = json_object_get(call->arguments, "results");
    json_int_t most = results ? json_integer_value(results) : config->results;
    if (!call->agent) {
        tr_tool_call_fail(call, TR_TOOL_UNAVAILABLE, "%s: an agent with a link has to ask", self->tool.name);
        return;
    }
    tr_question_to_t question = {.agent = call->agent,
        .under = call->under,
        .to = config->service,
        .content = json_pack("{s:s, s:s, s:O, s:I}", "action", "search", "namespace", config->space, "query",
            json_object_get(call->arguments, "query"), "k", most),
        .timeout_ms = call->deadline_ms - tr_clock_ms(),
        .on_answer = on_answer,
        .arg = call};
    int rc = tr_ask_send(&self->asks, &question, (tr_ask_t **)&call->state);
    if (rc < 0)
        tr_tool_call_fail(call, rc == -ENOMEM ? TR_TOOL_FAILED : TR_TOOL_UNAVAILABLE, "cannot ask %s: %s",
            config->service, strerror(-rc));
}

static void cancel(tr_tool_call_t *call) {
    tr_ask_forget((tr_ask_t **)&call->state);
}

static void destroy(tr_tool_t *tool) {
    knowledge_t *self = (knowledge_t *)tool;
    tr_asks_finish(&self->asks);
    json_decref(self->schema);
    free(self);
}

static const tr_tool_ops_t ops = {start, cancel, destroy};

static int open_knowledge(
    tr_tools_t *tools, const char *name, const tr_tool_config_t *config, tr_error_t *error) {
    knowledge_t *self = calloc(1, sizeof *self);
    if (!self || !(self->schema = json_loads(SCHEMA, 0, NULL))) {
        free(self);
        return tr_error_set(error, -ENOMEM, "out of memory");
    }
    self->config = (const knowledge_config_t *)config;
    self->tool = (tr_tool_t){.ops = &ops,
        .name = name,
        .description =
            "Searches the knowledge base, and gives the passages that fit best, with their sources.",
        .parameters = self->schema,
        .repeatable = true};
    tr_tool_take_config(&self->tool, config, NULL);
    int rc = tr_tools_add(tools, &self->tool);
    return rc < 0 ? tr_error_set(error, rc, "cannot be added: %s", strerror(-rc)) : 0;
}

const tr_tool_kind_t tr_tool_kind_knowledge = {"knowledge", &table, open_knowledge};
