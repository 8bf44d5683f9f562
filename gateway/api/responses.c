/*
 * /v1/responses of OpenAI: a turn with an agent, whose answer is a response with one message. Nothing is kept here: an assistant has its own memory of
 * each user, so `previous_response_id` and `store` are not looked at.
 */
#include "gateway/api/api.h"
#include "gateway/api/openai.h"

#include <stdio.h>
#include <string.h>

static json_t *part_json(const char *text) {
    return json_pack("{s:s, s:s, s:[]}", "type", "output_text", "text", text, "annotations");
}

static json_t *item_json(const tr_talk_t *talk, const char *status, const char *text) {
    json_t *content = json_array();
    if (text)
        json_array_append_new(content, part_json(text));
    return json_pack("{s:s+, s:s, s:s, s:s, s:o}", "id", "msg_", talk->id + strlen("resp_"), "type",
        "message", "status", status, "role", "assistant", "content", content);
}

static json_t *response_json(const tr_talk_t *talk, const char *status, const char *text) {
    json_t *output = json_array(), *usage = json_null();
    if (text) {
        json_int_t in = tr_openai_tokens(talk->exchange->raw.size), out = tr_openai_tokens(strlen(text));
        json_array_append_new(output, item_json(talk, "completed", text));
        usage = json_pack("{s:I, s:{s:i}, s:I, s:{s:i}, s:I}", "input_tokens", in, "input_tokens_details",
            "cached_tokens", 0, "output_tokens", out, "output_tokens_details", "reasoning_tokens", 0,
            "total_tokens", in + out);
    }
    return json_pack("{s:s, s:s, s:I, s:s, s:s, s:o, s:n, s:n, s:b, s:[], s:s, s:n, s:{}, s:o}", "id",
        talk->id, "object", "response", "created_at", (json_int_t)talk->created, "status", status, "model",
        talk->model, "output", output, "error", "incomplete_details", "parallel_tool_calls", 0, "tools",
        "tool_choice", "none", "previous_response_id", "metadata", "usage", usage);
}

static json_t *whole(const tr_talk_t *talk, const char *text) {
    return response_json(talk, "completed", text);
}

/* ---- the stream ---- */

/* Steals more: what the event has beside its type and number. */
static void put(tr_talk_t *talk, const char *type, json_t *more) {
    json_object_set_new(more, "type", json_string(type));
    json_object_set_new(more, "sequence_number", json_integer((json_int_t)talk->events));
    tr_openai_put(talk, type, more);
}

/* Where in the response it is. */
static json_t *place(const tr_talk_t *talk) {
    return json_pack("{s:s+, s:i, s:i}", "item_id", "msg_", talk->id + strlen("resp_"), "output_index", 0,
        "content_index", 0);
}

static json_t *place_with(const tr_talk_t *talk, const char *key, json_t *value) {
    json_t *all = place(talk);
    json_object_set_new(all, key, value);
    return all;
}

static void begin(tr_talk_t *talk) {
    put(talk, "response.created", json_pack("{s:o}", "response", response_json(talk, "in_progress", NULL)));
    put(talk, "response.in_progress",
        json_pack("{s:o}", "response", response_json(talk, "in_progress", NULL)));
    put(talk, "response.output_item.added",
        json_pack("{s:i, s:o}", "output_index", 0, "item", item_json(talk, "in_progress", NULL)));
    put(talk, "response.content_part.added", place_with(talk, "part", part_json("")));
}

static void piece(tr_talk_t *talk, const char *text) {
    put(talk, "response.output_text.delta", place_with(talk, "delta", json_string(text)));
}

static void end(tr_talk_t *talk, const char *text) {
    put(talk, "response.output_text.done", place_with(talk, "text", json_string(text)));
    put(talk, "response.content_part.done", place_with(talk, "part", part_json(text)));
    put(talk, "response.output_item.done",
        json_pack("{s:i, s:o}", "output_index", 0, "item", item_json(talk, "completed", text)));
    put(talk, "response.completed", json_pack("{s:o}", "response", response_json(talk, "completed", text)));
}

static void problem(tr_talk_t *talk, const char *text, const char *code) {
    json_t *response = response_json(talk, "failed", NULL);
    json_object_set_new(response, "error", json_pack("{s:s, s:s}", "code", code, "message", text));
    put(talk, "response.failed", json_pack("{s:o}", "response", response));
}

void tr_api_responses(tr_web_exchange_t *e) {
    static const tr_talk_kind_t kind = {"resp_", "input", whole, begin, piece, end, problem};
    tr_openai_talk(e, &kind);
}
