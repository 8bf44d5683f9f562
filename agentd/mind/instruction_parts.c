#include "agentd/mind/instruction_parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OPTIONS_MAX 32

static bool is_between(char c) {
    return isspace((unsigned char)c) || c == ',' || c == ';' || c == ':';
}

static bool is_inside(char c) {
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 || c == '\'' || c == '-';
}

tr_part_t tr_part_trim(tr_part_t part) {
    while (part.length > 0 && is_between(part.text[0])) {
        part.text++;
        part.length--;
    }
    while (part.length > 0 &&
           (is_between(part.text[part.length - 1]) || strchr(".!?", part.text[part.length - 1])))
        part.length--;
    return part;
}

size_t tr_part_begins(tr_part_t part, const char *phrase) {
    size_t size = strlen(phrase);
    if (size == 0 || part.length < size || strncasecmp(part.text, phrase, size) != 0)
        return 0;
    return part.length == size || !is_inside(part.text[size]) ? size : 0;
}

tr_part_t tr_part_after(tr_part_t part, size_t size) {
    return tr_part_trim((tr_part_t){part.text + size, part.length - size});
}

static bool cut(tr_part_t part, size_t at, size_t size, tr_part_t *ret_before, tr_part_t *ret_after) {
    tr_part_t before = tr_part_trim((tr_part_t){part.text, at}), after = tr_part_after(part, at + size);
    if (before.length == 0 || after.length == 0)
        return false;
    *ret_before = before;
    *ret_after = after;
    return true;
}

static bool stands_at(tr_part_t part, size_t at, const char *word) {
    return (at == 0 || !is_inside(part.text[at - 1])) &&
           tr_part_begins((tr_part_t){part.text + at, part.length - at}, word) > 0;
}

bool tr_part_split(tr_part_t part, const char *word, tr_part_t *ret_before, tr_part_t *ret_after) {
    for (size_t at = 0; at < part.length; at++)
        if (stands_at(part, at, word))
            return cut(part, at, strlen(word), ret_before, ret_after);
    return false;
}

bool tr_part_split_last(tr_part_t part, const char *word, tr_part_t *ret_before, tr_part_t *ret_after) {
    for (size_t at = part.length; at-- > 0;)
        if (stands_at(part, at, word))
            return cut(part, at, strlen(word), ret_before, ret_after);
    return false;
}

/* After the first of the words that it begins with. */
static tr_part_t skip_any(tr_part_t part, const char *const *words) {
    for (; *words; words++) {
        size_t size = tr_part_begins(part, *words);
        if (size > 0 && size < part.length)
            return tr_part_after(part, size);
    }
    return part;
}

tr_part_t tr_part_without_article(tr_part_t part) {
    static const char *const articles[] = {"in the", "the", "our", "my", "a", "an", "in", NULL};
    return skip_any(part, articles);
}

bool tr_part_put(json_t *object, const char *key, tr_part_t part) {
    return part.length > 0 && json_object_set_new(object, key, json_stringn(part.text, part.length)) == 0;
}

tr_part_t tr_part_without_last(tr_part_t part, json_t *out, const char *key) {
    static const char *const places[] = {"knowledge base", "archive", "web", "internet", "logs", "log",
        "index", "library", "catalogue", "database", "documents", "inbox", NULL};
    static const char *const links[] = {"in", "on", "from", NULL};
    for (const char *const *link = links; *link; link++) {
        tr_part_t before, after;
        if (!tr_part_split_last(part, *link, &before, &after))
            continue;
        after = tr_part_without_article(after);
        for (const char *const *place = places; *place; place++)
            if (tr_part_begins(after, *place) == after.length && tr_part_put(out, key, after))
                return before;
    }
    return part;
}

/* "3", "three", "a": how many; 0 where it begins with no number. */
static json_int_t read_number(tr_part_t part, size_t *ret_size) {
    static const char *const names[] = {
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"};
    json_int_t number = 0;
    size_t digits = 0;
    while (digits < part.length && digits < 4 && isdigit((unsigned char)part.text[digits]))
        number = number * 10 + (part.text[digits++] - '0');
    *ret_size = digits;
    if (digits > 0)
        return digits == part.length || !is_inside(part.text[digits]) ? number : 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if ((*ret_size = tr_part_begins(part, names[i])) > 0)
            return (json_int_t)i + 1;
    *ret_size = tr_part_begins(part, "a");
    return *ret_size > 0;
}

tr_part_t tr_part_without_number(tr_part_t part, json_t *out, const char *key) {
    static const char *const heads[] = {"the top", "top", "the first", "the best", NULL};
    tr_part_t rest = skip_any(part, heads);
    size_t size;
    json_int_t number = rest.length < part.length ? read_number(rest, &size) : 0;
    tr_part_t behind = number > 0 ? tr_part_after(rest, size) : part;
    if (number == 0 || behind.length == 0 || json_object_set_new(out, key, json_integer(number)) < 0)
        return part;
    return behind;
}

tr_part_t tr_part_without_size(tr_part_t part, json_t *out, const char *key) {
    static const char *const units[] = {
        "sentences", "sentence", "lines", "line", "points", "bullet points", NULL};
    tr_part_t before, after;
    size_t size;
    if (!tr_part_split_last(part, "in", &before, &after) &&
        !tr_part_split_last(part, "into", &before, &after))
        return part;
    json_int_t number = read_number(after, &size);
    tr_part_t unit = number > 0 ? tr_part_after(after, size) : after;
    for (const char *const *word = units; number > 0 && *word; word++)
        if (unit.length > 0 && tr_part_begins(unit, *word) == unit.length &&
            json_object_set_new(out, key, json_integer(number)) == 0)
            return before;
    return part;
}

tr_part_t tr_part_without_priority(tr_part_t part, json_t *out, const char *key) {
    static const struct {
        const char *phrase, *priority;
    } endings[] = {{"with high priority", "high"}, {"with low priority", "low"}, {"high priority", "high"},
        {"low priority", "low"}, {"urgently", "high"}, {"urgent", "high"}, {"asap", "high"},
        {"as soon as possible", "high"}, {"immediately", "high"}, {"when you have time", "low"}};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t size = strlen(endings[i].phrase);
        if (part.length <= size || !stands_at(part, part.length - size, endings[i].phrase))
            continue;
        if (json_object_set_new(out, key, json_string(endings[i].priority)) < 0)
            return part;
        return tr_part_trim((tr_part_t){part.text, part.length - size});
    }
    return part;
}

/* Whether it begins with a day, a time or a date. */
static bool is_time(tr_part_t part) {
    static const char *const words[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday",
        "sunday", "today", "tomorrow", "tonight", "noon", "midnight", "next", "the end of", "january",
        "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
        "december", NULL};
    if (part.length > 0 && isdigit((unsigned char)part.text[0]))
        return true;
    for (const char *const *word = words; *word; word++)
        if (tr_part_begins(part, *word) > 0)
            return true;
    return false;
}

tr_part_t tr_part_without_time(tr_part_t part, json_t *out, const char *key) {
    static const char *const links[] = {"by", "until", "before", "on", "at", "for", NULL};
    static const char *const days[] = {"tomorrow", "today", "tonight", NULL};
    tr_part_t before, after;
    for (const char *const *link = links; *link; link++)
        if (tr_part_split_last(part, *link, &before, &after) && is_time(after) &&
            tr_part_put(out, key, after))
            return before;
    for (const char *const *day = days; *day; day++) {
        size_t size = strlen(*day);
        if (part.length > size && stands_at(part, part.length - size, *day) &&
            tr_part_put(out, key, (tr_part_t){part.text + part.length - size, size}))
            return tr_part_trim((tr_part_t){part.text, part.length - size});
    }
    return part;
}

/* "the new logo: red or green": what is asked about is none of them. */
static tr_part_t behind_colon(tr_part_t part) {
    const char *colon = memmem(part.text, part.length, ": ", 2);
    return colon ? tr_part_after(part, (size_t)(colon - part.text) + 1) : part;
}

json_t *tr_part_options(tr_part_t part) {
    json_t *options = json_array();
    tr_part_t before, after;
    part = behind_colon(part);
    bool is_list =
        tr_part_split_last(part, "or", &before, &after) || tr_part_split_last(part, "and", &before, &after);
    while (options && is_list && json_array_size(options) < OPTIONS_MAX) {
        const char *comma = memchr(before.text, ',', before.length);
        tr_part_t one =
            tr_part_trim((tr_part_t){before.text, comma ? (size_t)(comma - before.text) : before.length});
        if (one.length > 0)
            json_array_append_new(options, json_stringn(one.text, one.length));
        if (!comma)
            break;
        before = tr_part_after(before, (size_t)(comma - before.text) + 1);
    }
    if (is_list && options && json_array_append_new(options, json_stringn(after.text, after.length)) == 0)
        return options;
    json_decref(options);
    return NULL;
}
