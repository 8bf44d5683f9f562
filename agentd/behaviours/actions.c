#include "agentd/behaviours/actions.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "agentd/mind/instruction.h"
#include "lib/base/suggest.h"
#include "proto/aid.h"

#define WORD_MAX        64
#define SUGGESTIONS_MAX 3

const char *tr_actions_wrong(tr_value_t value) {
    size_t n = tr_value_is_map(value) ? tr_value_size(value) : 0;
    if (n == 0 || n > TR_ACTIONS_MOST)
        return "a map of 1 to 64 actions, each with NAME, NAME@PLATFORM or svc:NAME, or \"\" for nobody";
    for (size_t i = 0; i < n; i++) {
        char word[WORD_MAX], to[TR_AID_MAX + 8];
        if (tr_value_copy(&value->via.map.ptr[i].key, word, sizeof word) < 0 || !*word ||
            word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-_")])
            return "names of actions of a-z, 0-9, - and _, 63 at most";
        if (tr_value_copy(&value->via.map.ptr[i].val, to, sizeof to) < 0 ||
            (*to && !tr_arg_is_aid(to, strlen(to))))
            return "for each action NAME, NAME@PLATFORM or svc:NAME, or \"\" for nobody";
    }
    return NULL;
}

json_t *tr_actions_others(const json_t *actions) {
    json_t *list = json_array(), *to;
    const char *action;
    json_object_foreach((json_t *)(uintptr_t)actions, action, to) {
        if (!tr_instruction_example_of(action))
            json_array_append_new(list, json_string(action));
    }
    if (json_array_size(list) > 0)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *known_names(const json_t *actions) {
    char names[600] = "";
    size_t used = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)actions, key, value) if (used < sizeof names) used +=
        (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", key);
    return json_string(names);
}

/* How the actions that there are would be asked for. */
static json_t *examples(const json_t *actions) {
    json_t *list = json_array();
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)actions, key, value) {
        const char *example = tr_instruction_example_of(key);
        if (json_array_size(list) < SUGGESTIONS_MAX)
            json_array_append_new(list, json_string(example ? example : key));
    }
    return list;
}

static json_t *refusal(const json_t *actions, const char *word, bool is_action) {
    const char *words[TR_ACTIONS_MOST + 1], *key;
    size_t n = 0;
    json_t *value, *names = known_names(actions);
    json_object_foreach((json_t *)(uintptr_t)actions, key, value) if (n < TR_ACTIONS_MOST) words[n++] = key;
    words[n] = NULL;
    const char *near = is_action ? NULL : tr_suggest(word, words);
    json_t *reason =
        near ? json_sprintf("I know no \"%s\"; did you mean \"%s\"?", word, near)
        : is_action
            ? json_sprintf("I understand \"%s\", but nobody does that here; what is done here: %s", word,
                  json_string_value(names))
            : json_sprintf("I did not understand that; what is done here: %s", json_string_value(names));
    json_decref(names);
    return json_pack("{s:b, s:o, s:o}", "understood", 0, "reason", reason, "suggestions", examples(actions));
}

/* The first word of the instruction, in small letters, and where what follows it begins. */
static size_t first_word(const char *text, size_t length, char word[WORD_MAX]) {
    size_t at = 0, n = 0;
    while (at < length && isspace((unsigned char)text[at]))
        at++;
    while (at < length && n + 1 < WORD_MAX &&
           (isalnum((unsigned char)text[at]) || text[at] == '-' || text[at] == '_'))
        word[n++] = (char)tolower((unsigned char)text[at++]);
    word[n] = '\0';
    while (at < length && (isspace((unsigned char)text[at]) || text[at] == ':'))
        at++;
    return at;
}

static json_t *named(const json_t *actions, const char *action, json_t *parameters) {
    return json_pack("{s:b, s:s, s:o, s:s}", "understood", 1, "action", action, "parameters", parameters,
        "to", json_string_value(json_object_get(actions, action)));
}

json_t *tr_actions_resolve(const json_t *actions, const char *text, size_t length, const json_t *parsed) {
    char word[WORD_MAX];
    bool understood = json_is_true(json_object_get(parsed, "understood"));
    const char *action = understood ? json_string_value(json_object_get(parsed, "action")) : NULL;
    if (!actions)
        return json_deep_copy(parsed);
    if (action && json_object_get(actions, action))
        return named(actions, action, json_deep_copy(json_object_get(parsed, "parameters")));
    size_t rest = first_word(text, length, word);
    if (json_object_get(actions, word)) {
        if (tr_instruction_example_of(
                word)) /* one of the grammar that is not complete: it says what is missing */
            return json_deep_copy(parsed);
        return named(actions, word, json_pack("{s:o}", "text", json_stringn(text + rest, length - rest)));
    }
    return refusal(actions, action ? action : word, action != NULL);
}
