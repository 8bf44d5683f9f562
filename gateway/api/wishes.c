#include "gateway/api/wishes.h"

#include "gateway/api/openai.h"
#include "lib/text/utf8.h"

#include <stdlib.h>
#include <string.h>

#define STOPS_MAX 4

typedef struct wish {
    const char *name;
    bool (*fits)(const json_t *value); /* NULL: nothing does */
    const char *expected;
} wish_t;

/* ---- what may be asked for ---- */

static bool is_one(const json_t *value) {
    return json_is_integer(value) && json_integer_value(value) == 1;
}

static bool is_none(const json_t *value) {
    return json_is_integer(value) && json_integer_value(value) == 0;
}

static bool is_positive(const json_t *value) {
    return json_is_integer(value) && json_integer_value(value) > 0;
}

static bool is_false(const json_t *value) {
    return json_is_false(value);
}

static bool is_empty(const json_t *value) {
    return (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

static bool is_word(const json_t *value, const char *a, const char *b) {
    const char *text = json_string_value(value);
    return text && (strcmp(text, a) == 0 || strcmp(text, b) == 0);
}

static bool is_no_choice(const json_t *value) {
    return is_word(value, "none", "auto");
}

static bool is_usual_tier(const json_t *value) {
    return is_word(value, "auto", "default");
}

static bool is_format(const json_t *value) {
    return is_word(value, "float", "base64");
}

static bool is_plain(const json_t *format) {
    return is_word(json_object_get(format, "type"), "text", "text");
}

/* {"format": {"type": "text"}, "verbosity"} */
static bool is_plain_within(const json_t *value) {
    const json_t *format = json_object_get(value, "format");
    return json_is_object(value) && (!format || is_plain(format));
}

static bool is_text_alone(const json_t *value) {
    return json_array_size(value) == 1 && is_word(json_array_get(value, 0), "text", "text");
}

static bool is_stop(const json_t *value) {
    const json_t *one;
    size_t i;
    if (json_is_string(value))
        return json_string_length(value) > 0;
    json_array_foreach(value, i, one) {
        if (!json_string_length(one))
            return false;
    }
    return json_is_array(value) && json_array_size(value) <= STOPS_MAX;
}

static bool is_of_stream(const json_t *value) {
    const char *name;
    json_t *one;
    json_object_foreach((json_t *)(uintptr_t)value, name, one) {
        if ((strcmp(name, "include_usage") != 0 && strcmp(name, "include_obfuscation") != 0) ||
            !json_is_boolean(one))
            return false;
    }
    return json_is_object(value);
}

static bool is_usual_speed(const json_t *value) {
    return json_number_value(value) == 1;
}

/* A form has texts alone. */
static bool is_coldest(const json_t *value) {
    const char *text = json_string_value(value);
    char *end = NULL;
    return text && strtod(text, &end) == 0 && end != text && !*end;
}

static bool is_segments(const json_t *value) {
    return is_word(value, "segment", "segment");
}

static bool is_whole(const json_t *value) {
    return is_word(value, "none", "auto") || is_word(value, "disabled", "disabled");
}

#define TOOLS                                                                                                \
    "none: an agent has tools of its own (docs/tools.md), and those of a request are called by nobody"
#define ONE_TEXT "what comes is a text"

/* Of talks and of embeddings. */
static const wish_t of_texts[] = {
    {"n", is_one, "1: an agent answers once"},
    {"stop", is_stop, "a text, or 1 to 4 of them, none empty"},
    {"max_tokens", is_positive, "a number above 0"},
    {"max_completion_tokens", is_positive, "a number above 0"},
    {"max_output_tokens", is_positive, "a number above 0"},
    {"logprobs", is_false, "false: how likely a word was nobody knows"},
    {"top_logprobs", is_none, "0: how likely a word was nobody knows"},
    {"logit_bias", is_empty, "none: an agent's words are its own"},
    {"tool_choice", is_no_choice, "none or auto: " TOOLS},
    {"function_call", is_no_choice, "none or auto: " TOOLS},
    {"response_format", is_plain, "{\"type\": \"text\"}: " ONE_TEXT},
    {"text", is_plain_within, "{\"format\": {\"type\": \"text\"}}: " ONE_TEXT},
    {"stream_options", is_of_stream, "include_usage or include_obfuscation, and nothing else"},
    {"modalities", is_text_alone, "[\"text\"]: what is said aloud comes of /v1/audio/speech"},
    {"audio", NULL, "none: what is said aloud comes of /v1/audio/speech"},
    {"prediction", NULL, "none"},
    {"web_search_options", NULL, "none: whether an agent searches is told where it is described"},
    {"service_tier", is_usual_tier, "auto or default"},
    {"include", is_empty, "none"},
    {"background", is_false, "false: for work that outlives a request there are tasks (/api/v1/tasks)"},
    {"truncation", is_whole, "auto or disabled"},
    {"conversation", NULL, "none: previous_response_id goes on where a response ended"},
    {"prompt", NULL, "none: prompts are kept by nobody here"},
    {"max_tool_calls", NULL, "none: " TOOLS},
    {"context_management", NULL, "none"},
    {"encoding_format", is_format, "float or base64"},
};

/* Of what is heard and spoken. */
static const wish_t of_sounds[] = {
    {"prompt", NULL, "none: what is said is written as it is heard"},
    {"include[]", NULL, "none: how likely a word was nobody knows"},
    {"temperature", is_coldest, "0"},
    {"chunking_strategy", NULL, "none: a recording is heard as a whole"},
    {"timestamp_granularities[]", is_segments, "segment: when a word was said is not known"},
    {"known_speaker_names[]", NULL, "none: who speaks is not known"},
    {"known_speaker_references[]", NULL, "none: who speaks is not known"},
    {"instructions", NULL, "none: how it is said is told by the voice alone"},
    {"speed", is_usual_speed, "1"},
};

/* Read by an agent that asks a model, where it likes. */
static const char *const for_agent[] = {"temperature", "top_p", "seed", "frequency_penalty",
    "presence_penalty", "reasoning_effort", "reasoning", "verbosity"};

/* ---- checking ---- */

static bool refuse(tr_web_exchange_t *e, const char *name, const char *expected) {
    tr_web_problem_of(e, name, 400, "unrecognised-parameter-value", "%s: expected %s", name, expected);
    return false;
}

/* null stands for nothing. */
static bool is_said(const tr_web_exchange_t *e, const char *name) {
    const json_t *value = json_object_get(e->body, name);
    return value && !json_is_null(value);
}

static bool check_tools(tr_web_exchange_t *e) {
    static const char *const lists[][2] = {{"tools", "tool_choice"}, {"functions", "function_call"}};
    for (size_t i = 0; i < 2; i++) {
        const json_t *list = json_object_get(e->body, lists[i][0]);
        if (json_array_size(list) > 0 && !is_word(json_object_get(e->body, lists[i][1]), "none", "none"))
            return refuse(e, lists[i][0], TOOLS);
    }
    return true;
}

bool tr_wishes_check(tr_web_exchange_t *e) {
    bool sounds = strncmp(e->match.route->path, "/v1/audio/", 10) == 0;
    const wish_t *wishes = sounds ? of_sounds : of_texts;
    size_t count = sounds ? sizeof of_sounds / sizeof *of_sounds : sizeof of_texts / sizeof *of_texts;
    for (size_t i = 0; i < count; i++) {
        const wish_t *wish = &wishes[i];
        if (is_said(e, wish->name) && (!wish->fits || !wish->fits(json_object_get(e->body, wish->name))))
            return refuse(e, wish->name, wish->expected);
    }
    return check_tools(e);
}

json_t *tr_wishes_for_agent(const tr_web_exchange_t *e) {
    json_t *all = json_object();
    for (size_t i = 0; i < sizeof for_agent / sizeof *for_agent; i++)
        if (is_said(e, for_agent[i]))
            json_object_set(all, for_agent[i], json_object_get(e->body, for_agent[i]));
    if (json_object_size(all))
        return all;
    json_decref(all);
    return NULL;
}

/* ---- keeping to them ---- */

/* 0: as many as there are. */
static size_t most_tokens(const tr_web_exchange_t *e) {
    static const char *const names[] = {"max_tokens", "max_completion_tokens", "max_output_tokens"};
    json_int_t most = 0;
    for (size_t i = 0; i < 3; i++) {
        json_int_t said = json_integer_value(json_object_get(e->body, names[i]));
        most = said && (!most || said < most) ? said : most;
    }
    return (size_t)most;
}

bool tr_wishes_bound(const tr_web_exchange_t *e) {
    const json_t *stop = json_object_get(e->body, "stop");
    return most_tokens(e) || json_is_string(stop) || json_array_size(stop) > 0;
}

static void cut_before(char *reply, const json_t *stop) {
    const char *text = json_string_value(stop);
    char *at = text ? strstr(reply, text) : NULL;
    if (at)
        *at = '\0';
}

const char *tr_wishes_cut(const tr_web_exchange_t *e, char *reply) {
    const json_t *stop = json_object_get(e->body, "stop"), *one;
    size_t most = most_tokens(e), i;
    cut_before(reply, stop);
    json_array_foreach(stop, i, one) cut_before(reply, one);
    size_t len = strlen(reply);
    if (!most || most > SIZE_MAX / TR_OPENAI_TOKEN || len <= most * TR_OPENAI_TOKEN)
        return "stop";
    reply[tr_utf8_cut(reply, len, most * TR_OPENAI_TOKEN)] = '\0';
    return "length";
}
