/* The operation act of the model mind: a chat with tools, in which the steps that were made are calls of them and their results. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/model_private.h"

#define CONTENT_MAX 8192 /* bytes of a result that a model is shown; of older ones a quarter */
#define RECENT      4

json_t *tr_mind_act_tools(const json_t *data) {
    const json_t *tools = json_object_get(data, "tools");
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *tool = json_array_get(tools, i);
        json_array_append_new(list,
            json_pack("{s:O, s:O*, s:O}", "name", json_object_get(tool, "name"), "description",
                json_object_get(tool, "description"), "parameters", json_object_get(tool, "parameters")));
    }
    return list;
}

static int shown(const char *text, size_t length, size_t most) {
    if (length > most)
        for (length = most; length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80;)
            length--;
    return (int)length;
}

static json_t *result_of(const char *id, uint64_t mark, const json_t *step, size_t most) {
    const json_t *text = json_object_get(step, "text");
    const char *bytes = json_string_value(text);
    json_t *told = json_pack("{s:O, s:s%}", "status", json_object_get(step, "status"), "data-of-tool", bytes,
        (size_t)shown(bytes, json_string_length(text), most));
    char *object = told ? json_dumps(told, JSON_COMPACT) : NULL;
    json_t *content =
        object ? json_sprintf("<data-%016" PRIx64 ">\n%s\n</data-%016" PRIx64 ">", mark, object, mark) : NULL;
    json_decref(told);
    free(object);
    return content ? json_pack("{s:s, s:s, s:o}", "role", "tool", "tool_call_id", id, "content", content)
                   : NULL;
}

static json_t *call_of(const char *id, const json_t *step) {
    char *arguments = json_dumps(json_object_get(step, "arguments"), JSON_COMPACT);
    json_t *call = arguments ? json_pack("{s:s, s:n, s:[{s:s, s:s, s:{s:O, s:s}}]}", "role", "assistant",
                                   "content", "tool_calls", "id", id, "type", "function", "function", "name",
                                   json_object_get(step, "tool"), "arguments", arguments)
                             : NULL;
    free(arguments);
    return call;
}

json_t *tr_mind_act_messages(const tr_mind_prompt_t *prompt, uint64_t mark, const json_t *data) {
    const json_t *steps = json_object_get(data, "steps");
    json_t *task = json_pack(
        "{s:O, s:O*}", "text", json_object_get(data, "text"), "context", json_object_get(data, "context"));
    json_t *messages = task ? tr_mind_prompt_messages(prompt, mark, task) : NULL;
    size_t count = json_array_size(steps);
    bool is_well = messages;
    for (size_t i = 0; is_well && i < count; i++) {
        char id[32];
        const json_t *step = json_array_get(steps, i);
        snprintf(id, sizeof id, "step-%zu", i);
        is_well = json_array_append_new(messages, call_of(id, step)) == 0 &&
                  json_array_append_new(messages,
                      result_of(id, mark, step, i + RECENT >= count ? CONTENT_MAX : CONTENT_MAX / 4)) == 0;
    }
    json_decref(task);
    if (is_well)
        return messages;
    json_decref(messages);
    return NULL;
}

/* What it rests on: all steps that went well. */
static json_t *evidence_of(const json_t *data) {
    const json_t *steps = json_object_get(data, "steps");
    json_t *evidence = json_array();
    for (size_t i = 0; i < json_array_size(steps); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(steps, i), "status")), "ok") == 0)
            json_array_append_new(evidence, json_integer((json_int_t)i));
    return evidence;
}

json_t *tr_mind_act_value(const tr_llm_result_t *result, const json_t *data) {
    json_t *calls = json_array();
    for (size_t i = 0; i < json_array_size(result->tool_calls); i++) {
        const json_t *call = json_array_get(result->tool_calls, i);
        json_array_append_new(calls, json_pack("{s:O, s:O}", "tool", json_object_get(call, "name"),
                                         "arguments", json_object_get(call, "arguments")));
    }
    if (json_array_size(calls) > 0)
        return json_pack("{s:o}", "calls", calls);
    json_decref(calls);
    return result->text_len > 0 ? json_pack("{s:s%, s:o}", "answer", result->text, result->text_len,
                                      "evidence", evidence_of(data))
                                : NULL;
}
