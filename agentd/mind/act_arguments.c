#include "agentd/mind/act_arguments.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/instruction.h"

#define NAME_MOST 80

/* ---- what stands in a part ---- */

static bool is_blank(char c) {
    return isspace((unsigned char)c) || c == '"' || c == '<' || c == '>' || c == '(' || c == ')';
}

typedef bool (*word_fn)(tr_part_t word);

/* The first word for which `is_it`; nothing where there is none. */
static tr_part_t find_word(tr_part_t part, word_fn is_it) {
    for (size_t at = 0, end; at < part.length; at = end + 1) {
        for (end = at; end < part.length && !is_blank(part.text[end]);)
            end++;
        tr_part_t word = tr_part_trim((tr_part_t){part.text + at, end - at});
        if (word.length > 0 && is_it(word))
            return word;
    }
    return (tr_part_t){0};
}

static bool is_address(tr_part_t word) {
    return (word.length > 8 && strncasecmp(word.text, "https://", 8) == 0) ||
           (word.length > 7 && strncasecmp(word.text, "http://", 7) == 0);
}

static bool is_mail(tr_part_t word) {
    const char *at = memchr(word.text, '@', word.length);
    return at && at > word.text && memchr(at, '.', word.length - (size_t)(at - word.text));
}

static bool is_path(tr_part_t word) {
    const char *dot = memrchr(word.text, '.', word.length);
    bool has_ending =
        dot && dot > word.text && isalpha((unsigned char)dot[1]) && word.text + word.length - dot <= 6;
    return !is_address(word) && !is_mail(word) && (memchr(word.text, '/', word.length) || has_ending);
}

/* Digits and signs, with at least one sign between numbers. */
static tr_part_t find_arithmetic(tr_part_t part) {
    static const char between[] = "+*/^%";
    for (size_t at = 0; at < part.length; at++) {
        size_t end = at, digits = 0, signs = 0;
        if (!isdigit((unsigned char)part.text[at]) && !strchr("(-", part.text[at]))
            continue;
        for (; end < part.length &&
               (isdigit((unsigned char)part.text[end]) || strchr("+-*/^%(). ", part.text[end]));
             end++) {
            digits += isdigit((unsigned char)part.text[end]) != 0;
            signs += strchr(between, part.text[end]) != NULL || (part.text[end] == '-' && digits > 0);
        }
        tr_part_t found = tr_part_trim((tr_part_t){part.text + at, end - at});
        if (signs > 0 && digits > 1)
            return found;
        at = end > at ? end - 1 : at;
    }
    return (tr_part_t){0};
}

static tr_part_t find_quoted(tr_part_t part) {
    const char *from = memchr(part.text, '"', part.length);
    size_t left = from ? part.length - (size_t)(from + 1 - part.text) : 0;
    const char *to = from ? memchr(from + 1, '"', left) : NULL;
    return to && to > from + 1 ? (tr_part_t){from + 1, (size_t)(to - from - 1)} : (tr_part_t){0};
}

static bool is_number(tr_part_t word) {
    size_t digits = 0;
    for (size_t i = 0; i < word.length; i++) {
        if (!isdigit((unsigned char)word.text[i]) && !(strchr(".-", word.text[i]) && i + 1 < word.length))
            return false;
        digits += isdigit((unsigned char)word.text[i]) != 0;
    }
    return digits > 0 && word.length < 20;
}

static tr_part_t find_number(tr_part_t part, size_t nth) {
    tr_part_t word = find_word(part, is_number);
    while (nth-- > 0 && word.length > 0) {
        size_t end = (size_t)(word.text + word.length - part.text);
        part = (tr_part_t){part.text + end, part.length - end};
        word = find_word(part, is_number);
    }
    return word;
}

/* The first of these parameters that an instruction has; NULL where it is none. */
static json_t *find_parameter(tr_part_t part, const char *const *keys) {
    tr_instruction_t instruction = {0};
    json_t *found = NULL;
    if (tr_instruction_parse(part.text, part.length, &instruction) == 0 &&
        instruction.status == TR_INSTRUCTION_OK)
        for (; *keys && !found; keys++)
            found = json_incref(json_object_get(instruction.parameters, *keys));
    tr_instruction_finish(&instruction);
    return found;
}

/* What an instruction is about ("search for X": X), or else all of it. */
static json_t *find_subject(tr_part_t part) {
    static const char *const keys[] = {"query", "question", "subject", "content", "description", NULL};
    json_t *subject = find_parameter(part, keys);
    return subject ? subject : json_stringn(part.text, part.length);
}

static bool is_it(const json_t *text) {
    static const char *const words[] = {
        "it", "this", "that", "them", "the result", "the results", "the text", "the answer"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (json_is_string(text) && strcasecmp(json_string_value(text), words[i]) == 0)
            return true;
    return false;
}

/* ---- properties ---- */

typedef struct search {
    tr_part_t part;
    const char *before;
    size_t numbers; /* that were taken */
    double telling;
} search_t;

static bool names(const char *key, const char *const *words) {
    for (; *words; words++)
        if (strcasestr(key, *words))
            return true;
    return false;
}

static json_t *take(tr_part_t found) {
    return found.length > 0 ? json_stringn(found.text, found.length) : NULL;
}

static json_t *tell(search_t *search, tr_part_t found) {
    search->telling = found.length > 0 ? TR_ACT_TELLING : search->telling;
    return take(found);
}

static json_t *subject(search_t *search) {
    tr_part_t quoted = find_quoted(search->part);
    if (quoted.length > 0)
        return take(quoted);
    json_t *found = find_subject(search->part);
    if (!search->before || !is_it(found))
        return found;
    json_decref(found);
    return json_string(search->before);
}

static json_t *text_for(search_t *search, const char *key, const char *format) {
    static const char *const addresses[] = {"url", "uri", "href", "link", NULL};
    static const char *const sums[] = {"expression", "formula", "arithmetic", NULL};
    static const char *const paths[] = {"path", "file", "folder", "directory", NULL};
    static const char *const mails[] = {"mail", NULL};
    if (names(key, addresses) || strncmp(format, "uri", 3) == 0)
        return tell(search, find_word(search->part, is_address));
    if (names(key, sums))
        return tell(search, find_arithmetic(search->part));
    if (names(key, mails) || strcmp(format, "email") == 0)
        return tell(search, find_word(search->part, is_mail));
    return names(key, paths) ? tell(search, find_word(search->part, is_path)) : subject(search);
}

static json_t *number_for(search_t *search, bool is_whole) {
    tr_part_t found = find_number(search->part, search->numbers);
    char text[24] = "";
    if (found.length == 0)
        return NULL;
    search->numbers++;
    memcpy(text, found.text, found.length);
    bool is_real = strchr(text, '.') != NULL;
    return is_real && is_whole ? NULL
           : is_real           ? json_real(strtod(text, NULL))
                               : json_integer(strtoll(text, NULL, 10));
}

/* Of a list of words, the one that stands in the text. */
static json_t *alternative_for(const search_t *search, const json_t *alternatives) {
    for (size_t i = 0; i < json_array_size(alternatives); i++) {
        json_t *word = json_array_get(alternatives, i);
        for (size_t at = 0; json_is_string(word) && at < search->part.length; at++)
            if ((at == 0 || !isalnum((unsigned char)search->part.text[at - 1])) &&
                tr_part_begins((tr_part_t){search->part.text + at, search->part.length - at},
                    json_string_value(word)) > 0)
                return json_incref(word);
    }
    return NULL;
}

static json_t *value_for(search_t *search, const char *key, const json_t *property) {
    const char *type = json_string_value(json_object_get(property, "type"));
    const char *format = json_string_value(json_object_get(property, "format"));
    const json_t *alternatives = json_object_get(property, "enum");
    if (alternatives)
        return alternative_for(search, alternatives);
    if (!type || strcmp(type, "string") == 0)
        return text_for(search, key, format ? format : "");
    if (strcmp(type, "integer") == 0 || strcmp(type, "number") == 0)
        return number_for(search, type[0] == 'i');
    if (strcmp(type, "boolean") == 0)
        return json_false();
    return strcmp(type, "array") == 0 ? tr_part_options(search->part) : NULL;
}

static bool is_needed(const json_t *schema, const char *key) {
    const json_t *needed = json_object_get(schema, "required");
    for (size_t i = 0; i < json_array_size(needed); i++) {
        const char *name = json_string_value(json_array_get(needed, i));
        if (name && strcmp(name, key) == 0)
            return true;
    }
    return false;
}

/* One that may be left out: an alternative that the text has, or how many ("the first 5"). */
static json_t *optional_for(search_t *search, const char *key, const json_t *property) {
    static const char *const amounts[] = {"limit", "most", "max", "count", "top", NULL};
    static const char *const most[] = {"most", NULL};
    const char *type = json_string_value(json_object_get(property, "type"));
    if (json_object_get(property, "enum"))
        return alternative_for(search, json_object_get(property, "enum"));
    if (!type || strcmp(type, "integer") != 0 || (!names(key, amounts) && strcmp(key, "k") != 0))
        return NULL;
    return find_parameter(search->part, most);
}

json_t *tr_act_arguments(const json_t *schema, tr_part_t part, const char *before, double *ret_telling) {
    search_t search = {.part = part, .before = before};
    json_t *arguments = json_object(), *property;
    const char *key;
    json_object_foreach(json_object_get(schema, "properties"), key, property) {
        bool needed = is_needed(schema, key) && strlen(key) <= NAME_MOST;
        json_t *value = needed ? value_for(&search, key, property) : optional_for(&search, key, property);
        if (value)
            json_object_set_new(arguments, key, value);
        if (!needed || value)
            continue;
        json_decref(arguments);
        return NULL;
    }
    *ret_telling = search.telling;
    return arguments;
}
