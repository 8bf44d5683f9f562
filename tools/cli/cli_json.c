#include "tools/cli/cli_json.h"

#include <stdlib.h>
#include <string.h>

void tr_cli_set_text(json_t *object, const char *key, const char *text) {
    if (text)
        json_object_set_new(object, key, json_string(text));
}

void tr_cli_set_number(json_t *object, const char *key, int64_t n) {
    if (n)
        json_object_set_new(object, key, json_integer(n));
}

void tr_cli_set_percent(json_t *object, const char *key, const char *text) {
    char *end = NULL;
    double value = text ? strtod(text, &end) : 0;
    if (!text)
        return;
    if (end != text && *end == '%')
        end++;
    json_object_set_new(object, key, end != text && !*end ? json_real(value) : json_string(text));
}

json_t *tr_cli_texts(const tr_strings_t *strings) {
    json_t *list = json_array();
    for (size_t i = 0; i < strings->count; i++)
        json_array_append_new(list, json_string(strings->items[i]));
    return list;
}
