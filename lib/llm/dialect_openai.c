/* OpenAI's chat/completions, and all that speak it. */
#include "lib/llm/dialect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- asking ---- */

static json_t *tools_of(const tr_llm_request_t *r) {
    json_t *tools = json_array();
    for (size_t i = 0; i < json_array_size(r->tools); i++)
        json_array_append_new(
            tools, json_pack("{s:s, s:O}", "type", "function", "function", json_array_get(r->tools, i)));
    return tools;
}

static json_t *tool_choice_of(const char *choice) {
    if (strcmp(choice, "auto") == 0 || strcmp(choice, "none") == 0 || strcmp(choice, "required") == 0)
        return json_string(choice);
    return json_pack("{s:s, s:{s:s}}", "type", "function", "function", "name", choice);
}

static json_t *format_of(const tr_llm_preset_t *preset, const tr_llm_request_t *r) {
    if (preset->schema_way == TR_LLM_SCHEMA_VALUE)
        return json_pack("{s:s, s:O}", "type", "json_object", "value", r->schema);
    return json_pack("{s:s, s:{s:s, s:O}}", "type", "json_schema", "json_schema", "name",
        r->schema_name ? r->schema_name : "answer", "schema", r->schema);
}

static json_t *ask(const tr_llm_preset_t *preset, const tr_llm_request_t *r, const json_t *messages,
    const char *model, uint32_t max_tokens) {
    json_t *body = json_pack(
        "{s:s, s:O, s:I}", "model", model, "messages", messages, preset->max_tokens, (json_int_t)max_tokens);
    if (!body)
        return NULL;
    if (r->temperature >= 0)
        json_object_set_new(body, "temperature", json_real(r->temperature));
    if (json_array_size(r->tools))
        json_object_set_new(body, "tools", tools_of(r));
    if (json_array_size(r->tools) && r->tool_choice)
        json_object_set_new(body, "tool_choice", tool_choice_of(r->tool_choice));
    if (r->schema)
        json_object_set_new(body, "response_format", format_of(preset, r));
    if (r->stream) {
        json_object_set_new(body, "stream", json_true());
        json_object_set_new(body, "stream_options", json_pack("{s:b}", "include_usage", 1));
    }
    return body;
}

/* ---- answers ---- */

static void read_usage(tr_llm_answer_t *a, const json_t *json) {
    const json_t *usage = json_object_get(json, "usage");
    const json_t *input = json_object_get(usage, "prompt_tokens");
    const json_t *output = json_object_get(usage, "completion_tokens");
    if (!json_is_integer(input) || !tr_llm_answer_counts(json_integer_value(input)) ||
        !tr_llm_answer_counts(json_integer_value(output)))
        return;
    a->input_tokens = (uint64_t)json_integer_value(input);
    a->output_tokens = (uint64_t)json_integer_value(output);
    a->has_usage = true;
}

static int read_tool(tr_llm_answer_t *a, const json_t *tool, size_t place) {
    const json_t *index = json_object_get(tool, "index");
    const json_t *function = json_object_get(tool, "function");
    const json_t *arguments = json_object_get(function, "arguments");
    tr_llm_tool_sign_t sign = {json_string_value(json_object_get(tool, "id")),
        json_string_value(json_object_get(function, "name")),
        json_string_length(arguments) > 0 || json_is_object(arguments)};
    tr_llm_tool_call_t *t =
        tr_llm_answer_tool(a, json_is_integer(index) ? json_integer_value(index) : (int64_t)place, &sign);
    if (!t)
        return -EMSGSIZE;
    if (json_is_string(arguments)) {
        tr_buffer_put(&t->arguments, json_string_value(arguments), json_string_length(arguments));
    } else if (json_is_object(arguments)) { /* some servers give them as they are */
        char *text = json_dumps(arguments, JSON_COMPACT);
        tr_buffer_text(&t->arguments, text ? text : "");
        free(text);
    }
    return 0;
}

/* A message, or a piece of one. */
static int read_message(tr_llm_answer_t *a, const json_t *message, tr_error_t *error) {
    const json_t *tools = json_object_get(message, "tool_calls");
    tr_llm_answer_text(a, json_object_get(message, "content"));
    tr_llm_answer_refusal(a, json_object_get(message, "refusal"));
    for (size_t i = 0; i < json_array_size(tools); i++)
        if (read_tool(a, json_array_get(tools, i), i) < 0)
            return tr_error_set(error, -EMSGSIZE, "the answer calls more than %d tools", TR_LLM_TOOLS_MAX);
    return 0;
}

static int read_choice(tr_llm_answer_t *a, const json_t *json, const char *member, tr_error_t *error) {
    const json_t *told = json_object_get(json, "error");
    const json_t *choice = json_array_get(json_object_get(json, "choices"), 0);
    if (told && !json_is_null(told))
        return tr_llm_dialect_told_error(told, error);
    if (!json_is_object(json))
        return tr_error_set(error, -EBADMSG, "expected an object with choices");
    tr_llm_answer_copy(a->model, sizeof a->model, json_object_get(json, "model"));
    tr_llm_answer_copy(a->id, sizeof a->id, json_object_get(json, "id"));
    read_usage(a, json);
    tr_llm_answer_copy(a->finish, sizeof a->finish, json_object_get(choice, "finish_reason"));
    return read_message(a, json_object_get(choice, member), error);
}

/* The last event has the usage and no choices. */
static int read_event(tr_llm_answer_t *a, const char *name, const json_t *json, tr_error_t *error) {
    if (strcmp(name, "error") == 0)
        return tr_llm_dialect_told_error(
            json_object_get(json, "error") ? json_object_get(json, "error") : json, error);
    return read_choice(a, json, "delta", error);
}

/* ---- pieces ---- */

static bool is_nothing(const tr_llm_node_t *node) {
    return tr_llm_node_is_none(node) || tr_llm_node_is(node, "");
}

/* More of the arguments of a call that has begun, and nothing else. */
static bool put_arguments(tr_llm_answer_t *a, const tr_llm_scan_t *scan, const tr_llm_node_t *tools) {
    const tr_llm_node_t *tool = tr_llm_scan_only(scan, tools);
    const tr_llm_node_t *function = tr_llm_scan_member(scan, tool, "function");
    const tr_llm_node_t *arguments = tr_llm_scan_member(scan, function, "arguments");
    tr_llm_tool_call_t *open =
        tr_llm_answer_open_tool(a, tr_llm_node_integer(tr_llm_scan_member(scan, tool, "index")));
    return open && is_nothing(tr_llm_scan_member(scan, tool, "id")) &&
           is_nothing(tr_llm_scan_member(scan, function, "name")) && tr_llm_node_is_string(arguments) &&
           tr_llm_node_put(arguments, &open->arguments);
}

static bool put_piece(tr_llm_answer_t *a, const tr_llm_scan_t *scan, const tr_llm_node_t *delta) {
    const tr_llm_node_t *content = tr_llm_scan_member(scan, delta, "content");
    const tr_llm_node_t *tools = tr_llm_scan_member(scan, delta, "tool_calls");
    if (!is_nothing(tr_llm_scan_member(scan, delta, "refusal")))
        return false; /* once in a model's life, and read as JSON is */
    if (!tr_llm_node_is_none(tools))
        return is_nothing(content) && put_arguments(a, scan, tools);
    return tr_llm_node_is_none(content) ||
           (tr_llm_node_is_string(content) && tr_llm_node_put(content, &a->text)); /* else it has parts */
}

/* Once something was put, nothing fails any more. */
static bool read_piece(tr_llm_answer_t *a, const char *name, const tr_llm_scan_t *scan) {
    const tr_llm_node_t *json = scan->nodes;
    const tr_llm_node_t *choice = tr_llm_scan_only(scan, tr_llm_scan_member(scan, json, "choices"));
    const tr_llm_node_t *delta = tr_llm_scan_member(scan, choice, "delta");
    return delta && strcmp(name, "error") != 0 &&
           tr_llm_node_is_none(tr_llm_scan_member(scan, json, "error")) &&
           tr_llm_node_is_none(tr_llm_scan_member(scan, json, "usage")) &&
           tr_llm_answer_copy_node(a->model, sizeof a->model, tr_llm_scan_member(scan, json, "model")) &&
           tr_llm_answer_copy_node(a->id, sizeof a->id, tr_llm_scan_member(scan, json, "id")) &&
           tr_llm_answer_copy_node(
               a->finish, sizeof a->finish, tr_llm_scan_member(scan, choice, "finish_reason")) &&
           put_piece(a, scan, delta);
}

static int read_body(tr_llm_answer_t *a, const json_t *json, tr_error_t *error) {
    int r = read_choice(a, json, "message", error);
    if (r == 0 && !json_array_size(json_object_get(json, "choices")))
        return tr_error_set(
            error, -EBADMSG, "the answer has no choices: is the base-url that of a chat API?");
    if (r == 0 && !*a->finish)
        return tr_error_set(error, -EBADMSG, "the answer has no finish_reason");
    return r;
}

const tr_llm_dialect_t tr_llm_dialect_openai = {"chat/completions", ask, read_event, read_piece, read_body};
