/*
 * /v1/responses of OpenAI: a turn with an agent, whose answer is a response with one message. Unless `store` is false it is kept for a while (kept.h), and
 * what goes on from it (`previous_response_id`) is asked with all that was said before: the agent gets the messages of all of it. `instructions` are of
 * one turn alone, as OpenAI has it.
 */
#include "gateway/api/api.h"
#include "gateway/api/kept.h"
#include "gateway/api/openai.h"
#include "gateway/api/wishes.h"
#include "gateway/http/server.h"
#include "lib/base/clock.h"

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

static bool is_stored(const tr_talk_t *talk) {
    return !json_is_false(json_object_get(talk->exchange->body, "store"));
}

/* What was asked, told again; null where nothing was said of it. */
static json_t *with_asked(const tr_talk_t *talk, json_t *response) {
    static const char *const told[] = {"previous_response_id", "instructions", "metadata", "temperature",
        "top_p", "max_output_tokens", "truncation", "reasoning", "text"};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        json_t *value = json_object_get(talk->exchange->body, told[i]);
        json_object_set_new(response, told[i], value ? json_incref(value) : json_null());
    }
    return response;
}

/* Of all that the agent was sent: what was said before, too. */
static json_int_t tokens_in(const tr_talk_t *talk) {
    const json_t *body = talk->exchange->body;
    return tr_openai_tokens(json_dumpb(json_object_get(body, "input"), NULL, 0, JSON_COMPACT) +
                            json_string_length(json_object_get(body, "instructions")));
}

static json_t *response_json(const tr_talk_t *talk, const char *status, const char *text) {
    json_t *output = json_array(), *usage = json_null();
    if (text) {
        json_int_t in = tokens_in(talk), out = tr_openai_tokens(strlen(text));
        json_array_append_new(output, item_json(talk, status, text));
        usage = json_pack("{s:I, s:{s:i}, s:I, s:{s:i}, s:I}", "input_tokens", in, "input_tokens_details",
            "cached_tokens", 0, "output_tokens", out, "output_tokens_details", "reasoning_tokens", 0,
            "total_tokens", in + out);
    }
    json_t *all = json_pack("{s:s, s:s, s:I, s:s, s:s, s:o, s:n, s:n, s:b, s:[], s:s, s:b, s:o}", "id",
        talk->id, "object", "response", "created_at", (json_int_t)talk->created, "status", status, "model",
        talk->model, "output", output, "error", "incomplete_details", "parallel_tool_calls", 0, "tools",
        "tool_choice", "none", "store", is_stored(talk), "usage", usage);
    if (strcmp(status, "incomplete") == 0)
        json_object_set_new(all, "incomplete_details", json_pack("{s:s}", "reason", "max_output_tokens"));
    return with_asked(talk, all);
}

static const char *end_of(const tr_talk_t *talk) {
    return strcmp(talk->finish, "length") == 0 ? "incomplete" : "completed";
}

/* What is not kept, for its size or for want of memory, is said not to be stored. */
static void keep(const tr_talk_t *talk, json_t *response, const char *text) {
    tr_web_exchange_t *e = talk->exchange;
    if (!response || !is_stored(talk))
        return;
    json_t *messages = json_copy(json_object_get(e->body, "input"));
    json_array_append_new(messages, json_pack("{s:s, s:s}", "role", "assistant", "content", text));
    if (!tr_kept_put(tr_web_server_kept(e->server), e->who, messages, json_incref(response), tr_clock_ms()))
        json_object_set_new(response, "store", json_false());
}

static json_t *whole(const tr_talk_t *talk, const char *text) {
    json_t *response = response_json(talk, end_of(talk), text);
    keep(talk, response, text);
    return response;
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
    const char *how = end_of(talk);
    put(talk, "response.output_item.done",
        json_pack("{s:i, s:o}", "output_index", 0, "item", item_json(talk, how, text)));
    put(talk, strcmp(how, "completed") == 0 ? "response.completed" : "response.incomplete",
        json_pack("{s:o}", "response", whole(talk, text)));
}

static void problem(tr_talk_t *talk, const char *text, const char *code) {
    json_t *response = response_json(talk, "failed", NULL);
    json_object_set_new(response, "error", json_pack("{s:s, s:s}", "code", code, "message", text));
    put(talk, "response.failed", json_pack("{s:o}", "response", response));
}

/* ---- what is asked ---- */

/* `input` becomes a list. */
static bool make_list(tr_web_exchange_t *e) {
    json_t *input = json_object_get(e->body, "input");
    if (!json_is_string(input))
        return json_is_array(input);
    return json_object_set_new(
               e->body, "input", json_pack("[{s:s, s:O}]", "role", "user", "content", input)) == 0;
}

/* What was said before comes before it. False: it was responded to. */
static bool go_back(tr_web_exchange_t *e) {
    const char *id = tr_web_text(e, "previous_response_id");
    json_t *before = id ? tr_kept_messages(tr_web_server_kept(e->server), e->who, id, tr_clock_ms()) : NULL;
    if (!id)
        return true;
    if (!before) {
        tr_web_problem_of(e, "previous_response_id", 400, "previous_response_not_found",
            "previous_response_id: there is no response \"%.60s\" here: it was asked for by somebody else, "
            "at "
            "another gateway, with store: false, or is forgotten",
            id);
        return false;
    }
    json_t *all = json_copy(before);
    json_array_extend(all, json_object_get(e->body, "input"));
    return json_object_set_new(e->body, "input", all) == 0;
}

void tr_api_responses(tr_web_exchange_t *e) {
    static const tr_talk_kind_t kind = {"resp_", "input", whole, begin, piece, end, problem};
    if (!make_list(e))
        tr_web_problem_of(
            e, "input", 400, "unrecognised-parameter-value", "input: expected a text, or a list of messages");
    else if (tr_parts_check(e, "input") && tr_openai_asks(e, "input") &&
             go_back(e)) /* what was said before is not asked again */
        tr_openai_talk(e, &kind);
}

/* ---- what is kept ---- */

/* The id in the path; longer than any is nobody's. */
static const char *read_id(const tr_web_exchange_t *e, char out[80]) {
    tr_web_part_t part = tr_web_match_part(&e->match, "response");
    snprintf(out, 80, "%.*s", (int)(part.len < 79 ? part.len : 79), part.at);
    return out;
}

static void not_found(tr_web_exchange_t *e) {
    tr_web_problem_of(e, "response", 404, "not-found", "there is no such response here");
}

void tr_api_show_response(tr_web_exchange_t *e) {
    char id[80];
    json_t *response = tr_kept_response(tr_web_server_kept(e->server), e->who, read_id(e, id), tr_clock_ms());
    if (response)
        tr_web_respond_json(e, 200, json_incref(response));
    else
        not_found(e);
}

void tr_api_drop_response(tr_web_exchange_t *e) {
    char id[80];
    if (tr_kept_drop(tr_web_server_kept(e->server), e->who, read_id(e, id)))
        tr_web_respond_json(
            e, 200, json_pack("{s:s, s:s, s:b}", "id", id, "object", "response", "deleted", 1));
    else
        not_found(e);
}
