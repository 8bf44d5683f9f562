#include "agentd/mind/dialogue.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* The text, cut at a whole code point; NULL where it is no text. */
static json_t *cut(const json_t *text, size_t most) {
    const char *bytes = json_string_value(text);
    size_t length = json_string_length(text);
    if (!bytes)
        return NULL;
    if (length > most)
        for (length = most; length > 0 && ((unsigned char)bytes[length] & 0xC0) == 0x80;)
            length--;
    return json_stringn(bytes, length);
}

static void take_text(const json_t *from, const char *key, json_t *to) {
    json_t *text = cut(json_object_get(from, key), TR_DIALOGUE_TEXT);
    if (text)
        json_object_set_new(to, key, text);
}

/* Two texts of an object; NULL where one is missing. */
static json_t *pair_of(const json_t *object, const char *first, const char *second) {
    json_t *pair = json_object();
    take_text(object, first, pair);
    take_text(object, second, pair);
    if (json_object_size(pair) == 2)
        return pair;
    json_decref(pair);
    return NULL;
}

static void add_turn(json_t *history, json_t *turn) {
    if (!turn)
        return;
    json_array_append_new(history, turn);
    while (json_array_size(history) > TR_DIALOGUE_TURNS)
        json_array_remove(history, 0);
}

json_t *tr_dialogue_context(const json_t *given) {
    const json_t *turns = json_object_get(given, "history");
    json_int_t count = json_integer_value(json_object_get(given, "turns"));
    json_t *history = json_array(), *pending = pair_of(json_object_get(given, "pending"), "action", "said");
    size_t size = json_array_size(turns);
    for (size_t i = size > TR_DIALOGUE_TURNS ? size - TR_DIALOGUE_TURNS : 0; i < size; i++)
        add_turn(history, pair_of(json_array_get(turns, i), "user", "reply"));
    json_t *context = json_pack("{s:I, s:o, s:o}", "turns", count > 0 ? count : 0, "pending",
        pending ? pending : json_null(), "history", history);
    if (context)
        take_text(given, "subject", context);
    json_t *summary = context ? cut(json_object_get(given, "summary"), TR_DIALOGUE_SUMMARY) : NULL;
    if (json_string_length(summary) > 0)
        json_object_set(context, "summary", summary);
    json_decref(summary);
    return context;
}

/* "All tasks" is nothing that "it" could mean: who says "cancel it" later means one. */
static bool means_many(const json_t *value, const json_t *subject) {
    static const char *const ends[] = {"tasks", "all", "everything", "of them", "mine"};
    const char *action = json_string_value(json_object_get(value, "action")),
               *text = json_string_value(subject);
    size_t length = json_string_length(subject);
    bool is_of_tasks = action && (strcmp(action, "status") == 0 || strcmp(action, "cancel") == 0);
    for (size_t i = 0; is_of_tasks && i < sizeof ends / sizeof *ends; i++)
        if (length >= strlen(ends[i]) && strcasecmp(text + length - strlen(ends[i]), ends[i]) == 0)
            return true;
    return false;
}

/* What an action was about, for "it" later. */
static const json_t *subject_of(const json_t *value) {
    static const char *const keys[] = {"subject", "query", "description", "question", "content"};
    const json_t *parameters = json_object_get(value, "parameters");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_is_string(json_object_get(parameters, keys[i])) &&
            !means_many(value, json_object_get(parameters, keys[i])))
            return json_object_get(parameters, keys[i]);
    return NULL;
}

int tr_dialogue_remember(json_t *context, const char *user, const json_t *value) {
    const char *state = json_string_value(json_object_get(value, "state"));
    const json_t *subject = state && strcmp(state, "act") == 0 ? subject_of(value) : NULL;
    json_t *turn = json_pack("{s:s, s:O}", "user", user, "reply", json_object_get(value, "reply"));
    json_int_t turns = json_integer_value(json_object_get(context, "turns"));
    if (!turn)
        return -ENOMEM;
    add_turn(json_object_get(context, "history"), pair_of(turn, "user", "reply"));
    json_decref(turn);
    if (subject)
        json_object_set_new(context, "subject", cut(subject, TR_DIALOGUE_TEXT));
    return json_object_set_new(context, "turns", json_integer(turns + 1)) < 0 ? -ENOMEM : 0;
}

void tr_dialogue_said(json_t *context, const json_t *reply) {
    json_t *history = json_object_get(context, "history"), *text = cut(reply, TR_DIALOGUE_TEXT);
    size_t size = json_array_size(history);
    if (size && text)
        json_object_set(json_array_get(history, size - 1), "reply", text);
    json_decref(text);
}
