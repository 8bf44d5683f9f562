/*
 * Anthropic's Messages API (anthropic-version 2023-06-01), asked with the messages of OpenAI's: system messages become one
 * system text, calls of tools and their results become content blocks. An answer by a schema is asked for as the call of the
 * one tool that it may call, whose arguments are the answer.
 */
#include "lib/llm/dialect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_TOOL "answer"

/* ---- asking: content ---- */

/* "data:image/png;base64,..." */
static json_t *image_block(const char *url) {
    const char *comma = strncmp(url, "data:", 5) == 0 ? strchr(url, ',') : NULL;
    if (!comma)
        return json_pack("{s:s, s:{s:s, s:s}}", "type", "image", "source", "type", "url", "url", url);
    const char *type = url + 5;
    return json_pack("{s:s, s:{s:s, s:s%, s:s}}", "type", "image", "source", "type", "base64", "media_type",
        type, strcspn(type, ";,"), "data", comma + 1);
}

static void add_part(json_t *blocks, const json_t *part) {
    const char *url = json_string_value(json_object_get(json_object_get(part, "image_url"), "url"));
    const json_t *text = json_object_get(part, "text");
    if (url)
        json_array_append_new(blocks, image_block(url));
    else if (json_string_length(text))
        json_array_append_new(blocks, json_pack("{s:s, s:O}", "type", "text", "text", text));
}

/* A string or an array of parts, as blocks. */
static void add_content(json_t *blocks, const json_t *content) {
    if (json_string_length(content))
        json_array_append_new(blocks, json_pack("{s:s, s:O}", "type", "text", "text", content));
    for (size_t i = 0; i < json_array_size(content); i++)
        add_part(blocks, json_array_get(content, i));
}

static void add_tool_use(json_t *blocks, const json_t *call) {
    const json_t *function = json_object_get(call, "function");
    const char *text = json_string_value(json_object_get(function, "arguments"));
    json_t *input = text ? tr_llm_json(text, strlen(text), NULL) : NULL;
    json_array_append_new(blocks,
        json_pack("{s:s, s:O?, s:O?, s:o}", "type", "tool_use", "id", json_object_get(call, "id"), "name",
            json_object_get(function, "name"), "input", json_is_object(input) ? input : json_object()));
    if (!json_is_object(input))
        json_decref(input);
}

static json_t *tool_result(const json_t *message) {
    json_t *blocks = json_array();
    add_content(blocks, json_object_get(message, "content"));
    return json_pack("{s:s, s:O?, s:o}", "type", "tool_result", "tool_use_id",
        json_object_get(message, "tool_call_id"), "content", blocks);
}

/* ---- asking: messages ---- */

/* The content of the last message where it has this role, else that of a new one. */
static json_t *blocks_for(json_t *messages, const char *role) {
    json_t *last = json_array_get(messages, json_array_size(messages) - 1);
    const char *last_role = json_string_value(json_object_get(last, "role"));
    if (last_role && strcmp(last_role, role) == 0)
        return json_object_get(last, "content");
    json_t *blocks = json_array();
    json_array_append_new(messages, json_pack("{s:s, s:o}", "role", role, "content", blocks));
    return blocks;
}

static void add_message(json_t *messages, json_t *system, const json_t *message) {
    const char *role = json_string_value(json_object_get(message, "role"));
    const json_t *content = json_object_get(message, "content");
    const json_t *calls = json_object_get(message, "tool_calls");
    if (!role)
        return;
    if (strcmp(role, "system") == 0 || strcmp(role, "developer") == 0) {
        add_content(system, content);
    } else if (strcmp(role, "tool") == 0) {
        json_array_append_new(blocks_for(messages, "user"), tool_result(message));
    } else {
        json_t *blocks = blocks_for(messages, strcmp(role, "assistant") == 0 ? "assistant" : "user");
        add_content(blocks, content);
        for (size_t i = 0; i < json_array_size(calls); i++)
            add_tool_use(blocks, json_array_get(calls, i));
    }
}

static json_t *tools_of(const tr_llm_request_t *r) {
    json_t *tools = json_array();
    for (size_t i = 0; i < json_array_size(r->tools); i++) {
        const json_t *tool = json_array_get(r->tools, i);
        const json_t *schema = json_object_get(tool, "parameters");
        json_array_append_new(tools,
            json_pack("{s:O, s:O*, s:o}", "name", json_object_get(tool, "name"), "description",
                json_object_get(tool, "description"), "input_schema",
                schema ? json_incref((json_t *)(uintptr_t)schema) : json_pack("{s:s}", "type", "object")));
    }
    if (r->schema)
        json_array_append_new(tools, json_pack("{s:s, s:s, s:O}", "name", ANSWER_TOOL, "description",
                                         "Gives the answer.", "input_schema", r->schema));
    return tools;
}

static json_t *tool_choice_of(const tr_llm_request_t *r) {
    if (r->schema)
        return json_pack("{s:s, s:s}", "type", "tool", "name", ANSWER_TOOL);
    if (strcmp(r->tool_choice, "required") == 0)
        return json_pack("{s:s}", "type", "any");
    if (strcmp(r->tool_choice, "auto") == 0 || strcmp(r->tool_choice, "none") == 0)
        return json_pack("{s:s}", "type", r->tool_choice);
    return json_pack("{s:s, s:s}", "type", "tool", "name", r->tool_choice);
}

static json_t *ask(const tr_llm_preset_t *preset, const tr_llm_request_t *r, const json_t *messages,
    const char *model, uint32_t max_tokens) {
    json_t *own = json_array(), *system = json_array();
    for (size_t i = 0; i < json_array_size(messages); i++)
        add_message(own, system, json_array_get(messages, i));
    json_t *body = json_pack(
        "{s:s, s:o, s:I}", "model", model, "messages", own, preset->max_tokens, (json_int_t)max_tokens);
    if (json_array_size(system))
        json_object_set(body, "system", system);
    json_decref(system);
    if (r->temperature >= 0)
        json_object_set_new(body, "temperature", json_real(r->temperature > 1 ? 1 : r->temperature));
    if (json_array_size(r->tools) || r->schema)
        json_object_set_new(body, "tools", tools_of(r));
    if (r->schema || (json_array_size(r->tools) && r->tool_choice))
        json_object_set_new(body, "tool_choice", tool_choice_of(r));
    if (r->stream)
        json_object_set_new(body, "stream", json_true());
    return body;
}

/* ---- answers ---- */

static void read_usage(tr_llm_answer_t *a, const json_t *usage) {
    static const char *const inputs[] = {
        "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"};
    const json_t *output = json_object_get(usage, "output_tokens");
    json_int_t input = 0;
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        json_int_t n = json_integer_value(json_object_get(usage, inputs[i]));
        input += tr_llm_answer_counts(n) ? n : 0;
    }
    if (input > 0)
        a->input_tokens = (uint64_t)input;
    if (tr_llm_answer_counts(json_integer_value(output)) && json_integer_value(output) > 0)
        a->output_tokens = (uint64_t)json_integer_value(output);
    a->has_usage |= json_is_integer(output) && tr_llm_answer_counts(json_integer_value(output));
}

static void read_head(tr_llm_answer_t *a, const json_t *message) {
    tr_llm_answer_copy(a->model, sizeof a->model, json_object_get(message, "model"));
    tr_llm_answer_copy(a->id, sizeof a->id, json_object_get(message, "id"));
    read_usage(a, json_object_get(message, "usage"));
    tr_llm_answer_copy(a->finish, sizeof a->finish, json_object_get(message, "stop_reason"));
}

static int put_arguments(tr_llm_tool_call_t *t, const json_t *input) {
    char *text = json_object_size(input) ? json_dumps(input, JSON_COMPACT) : NULL;
    if (text)
        tr_buffer_text(&t->arguments, text);
    free(text);
    return 0;
}

static int read_block(tr_llm_answer_t *a, const json_t *block, int64_t index, tr_error_t *error) {
    const char *type = json_string_value(json_object_get(block, "type"));
    if (type && strcmp(type, "text") == 0)
        tr_llm_answer_text(a, json_object_get(block, "text"));
    if (!type || strcmp(type, "tool_use") != 0)
        return 0;
    tr_llm_tool_sign_t sign = {.id = json_string_value(json_object_get(block, "id")),
        .name = json_string_value(json_object_get(block, "name"))};
    tr_llm_tool_call_t *t = tr_llm_answer_tool(a, index, &sign);
    if (!t)
        return tr_error_set(error, -EMSGSIZE, "the answer calls more than %d tools", TR_LLM_TOOLS_MAX);
    return put_arguments(t, json_object_get(block, "input"));
}

static int read_delta(tr_llm_answer_t *a, const json_t *delta, int64_t index, tr_error_t *error) {
    const json_t *partial = json_object_get(delta, "partial_json");
    tr_llm_answer_text(a, json_object_get(delta, "text"));
    if (!json_is_string(partial))
        return 0;
    tr_llm_tool_call_t *t = tr_llm_answer_tool(a, index, &(tr_llm_tool_sign_t){0});
    if (!t)
        return tr_error_set(error, -EMSGSIZE, "the answer calls more than %d tools", TR_LLM_TOOLS_MAX);
    tr_buffer_put(&t->arguments, json_string_value(partial), json_string_length(partial));
    return 0;
}

/* The answer by a schema came as a tool's arguments: they are the text. */
static void take_answer(tr_llm_answer_t *a) {
    if (!a->answers_by_tool || !*a->finish)
        return;
    for (size_t i = 0; i < a->tools_n; i++)
        if (a->tools[i].name && strcmp(a->tools[i].name, ANSWER_TOOL) == 0) {
            const char *arguments = tr_buffer_string(&a->tools[i].arguments);
            a->text.size = 0;
            tr_buffer_text(&a->text, *arguments ? arguments : "{}");
            return;
        }
}

static int read_event(tr_llm_answer_t *a, const char *name, const json_t *json, tr_error_t *error) {
    int64_t index = json_integer_value(json_object_get(json, "index"));
    (void)name; /* it is in the data as well */
    const char *type = json_string_value(json_object_get(json, "type"));
    if (!type)
        return tr_error_set(error, -EBADMSG, "an event of the stream has no type");
    if (strcmp(type, "error") == 0)
        return tr_llm_dialect_told_error(json_object_get(json, "error"), error);
    if (strcmp(type, "message_start") == 0)
        read_head(a, json_object_get(json, "message"));
    else if (strcmp(type, "content_block_start") == 0)
        return read_block(a, json_object_get(json, "content_block"), index, error);
    else if (strcmp(type, "content_block_delta") == 0)
        return read_delta(a, json_object_get(json, "delta"), index, error);
    else if (strcmp(type, "message_delta") == 0) {
        read_usage(a, json_object_get(json, "usage"));
        tr_llm_answer_copy(
            a->finish, sizeof a->finish, json_object_get(json_object_get(json, "delta"), "stop_reason"));
        take_answer(a);
    } else if (strcmp(type, "message_stop") == 0)
        a->ended = true;
    return 0;
}

/* What of a delta is neither text nor arguments (thinking, signatures) says nothing. */
static bool read_piece(tr_llm_answer_t *a, const char *name, const tr_llm_scan_t *scan) {
    const tr_llm_node_t *json = scan->nodes, *delta = tr_llm_scan_member(scan, json, "delta");
    const tr_llm_node_t *text = tr_llm_scan_member(scan, delta, "text");
    const tr_llm_node_t *partial = tr_llm_scan_member(scan, delta, "partial_json");
    (void)name;
    if (!tr_llm_node_is(tr_llm_scan_member(scan, json, "type"), "content_block_delta") ||
        (tr_llm_node_is_string(text) && tr_llm_node_is_string(partial)))
        return false;
    if (tr_llm_node_is_string(text))
        return tr_llm_node_put(text, &a->text);
    if (!tr_llm_node_is_string(partial))
        return true;
    tr_llm_tool_call_t *open =
        tr_llm_answer_open_tool(a, tr_llm_node_integer(tr_llm_scan_member(scan, json, "index")));
    return open && tr_llm_node_put(partial, &open->arguments);
}

static int read_body(tr_llm_answer_t *a, const json_t *json, tr_error_t *error) {
    const json_t *content = json_object_get(json, "content");
    const json_t *told = json_object_get(json, "error");
    if (told && !json_is_null(told))
        return tr_llm_dialect_told_error(told, error);
    if (!json_is_array(content))
        return tr_error_set(
            error, -EBADMSG, "the answer has no content: is the base-url that of a Messages API?");
    read_head(a, json);
    for (size_t i = 0; i < json_array_size(content); i++) {
        int r = read_block(a, json_array_get(content, i), (int64_t)i, error);
        if (r < 0)
            return r;
    }
    take_answer(a);
    return *a->finish ? 0 : tr_error_set(error, -EBADMSG, "the answer has no stop_reason");
}

const tr_llm_dialect_t tr_llm_dialect_anthropic = {"messages", ask, read_event, read_piece, read_body};
