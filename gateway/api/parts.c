/*
 * What may be in a message of OpenAI's: texts, and images of a user. What nobody here reads (a sound, a file, a call of a tool, what has no type that is
 * known) is refused by its place, since an answer to the rest of it would be one to another question.
 */
#include "gateway/api/wishes.h"

#include <stdio.h>
#include <string.h>

#define PLACE_MAX 80

/* Where a wrong one is: "messages[2].content[0]". */
typedef struct spot {
    tr_web_exchange_t *e;
    char place[PLACE_MAX];
} spot_t;

static bool wrong(const spot_t *spot, const char *member, const char *expected) {
    char place[PLACE_MAX + 16];
    snprintf(place, sizeof place, "%s%s", spot->place, member);
    tr_web_problem_of(
        spot->e, place, 400, "unrecognised-parameter-value", "%s: expected %s", place, expected);
    return false;
}

static bool is_one_of(const char *word, const char *const *words) {
    while (*words && strcmp(*words, word) != 0)
        words++;
    return *words;
}

static bool is_image(const char *type) {
    return strcmp(type, "image_url") == 0 || strcmp(type, "input_image") == 0;
}

static bool check_part(const spot_t *spot, const json_t *part) {
    static const char *const texts[] = {"text", "input_text", "output_text", NULL};
    const char *type = json_string_value(json_object_get(part, "type"));
    if (type && is_one_of(type, texts))
        return json_is_string(json_object_get(part, "text")) || wrong(spot, ".text", "a text");
    if (type && strcmp(type, "refusal") == 0)
        return json_is_string(json_object_get(part, "refusal")) || wrong(spot, ".refusal", "a text");
    if (type && is_image(type)) /* which are looked at where they are asked about (pictures.c) */
        return true;
    if (type && strcmp(type, "input_audio") == 0)
        return wrong(spot, ".type",
            "text or an image: for what is said in a recording ask /v1/audio/transcriptions, and send its "
            "text");
    return wrong(spot, ".type",
        "text, refusal or image_url, or input_text, output_text or input_image: a file's text is to be sent "
        "as a text");
}

static bool check_content(const spot_t *spot, const json_t *content, bool may_miss) {
    const json_t *part;
    size_t i;
    if (json_is_string(content) || (may_miss && (!content || json_is_null(content))))
        return true;
    if (!json_is_array(content))
        return wrong(spot, ".content", "a text, or a list of parts");
    json_array_foreach(content, i, part) {
        spot_t at = {.e = spot->e};
        snprintf(at.place, sizeof at.place, "%s.content[%zu]", spot->place, i);
        if (!check_part(&at, part))
            return false;
    }
    return true;
}

static bool check_message(const spot_t *spot, const json_t *message) {
    static const char *const roles[] = {"user", "assistant", "system", "developer", "tool", "function", NULL};
    const json_t *type =
        json_object_get(message, "type"); /* of a response's input alone; it may be missing */
    const char *role = json_string_value(json_object_get(message, "role"));
    if (!json_is_object(message))
        return wrong(spot, "", "a message");
    if (type && (!json_is_string(type) || strcmp(json_string_value(type), "message") != 0))
        return wrong(spot, ".type",
            "message: calls of tools, what came of them, and references are read by nobody here");
    if (!role || !is_one_of(role, roles))
        return wrong(spot, ".role", "user, assistant, system, developer or tool");
    bool called = json_object_get(message, "tool_calls") || json_object_get(message, "function_call") ||
                  json_object_get(message, "refusal");
    return check_content(spot, json_object_get(message, "content"), strcmp(role, "assistant") == 0 && called);
}

bool tr_parts_check(tr_web_exchange_t *e, const char *field) {
    const json_t *messages = json_object_get(e->body, field), *message;
    size_t i;
    json_array_foreach(messages, i, message) {
        spot_t spot = {.e = e};
        snprintf(spot.place, sizeof spot.place, "%.20s[%zu]", field, i);
        if (!check_message(&spot, message))
            return false;
    }
    return true;
}
