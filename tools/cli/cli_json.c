#include "tools/cli/cli_json.h"

#include "lib/text/utf8.h"
#include "tools/cli/terminal_text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

int tr_cli_dump_json(const json_t *value, FILE *out, size_t flags) {
    if (!isatty(fileno(out)))
        return json_dumpf(value, out, flags);
    char *text = json_dumps(value, flags);
    size_t len = text ? strlen(text) : 0;
    uint32_t code;
    for (size_t at = 0, n; at < len; at += n) {
        n = tr_utf8_next(text + at, len - at, &code);
        if (code == '\n' || tr_terminal_is_safe(code)) /* of jansson's own there are no others of ASCII */
            fwrite(text + at, 1, n, out);
        else
            fprintf(out, "\\u%04x", code); /* all of them have four digits */
    }
    free(text);
    return text ? 0 : -1;
}
