#include "tools/verbs/choices.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static bool has(const json_t *choices, const char *text, size_t len) {
    for (size_t i = 0; i < json_array_size(choices); i++) {
        const json_t *one = json_array_get(choices, i);
        if (json_string_length(one) == len && memcmp(json_string_value(one), text, len) == 0)
            return true;
    }
    return false;
}

static int add(json_t *choices, const char *text, size_t len, tr_error_t *error) {
    if (has(choices, text, len))
        return tr_error_set(error, -EINVAL,
            "the option %.*s is given twice: each may stand once, in --option or in --options",
            (int)(len < 200 ? len : 200), text);
    if (json_array_size(choices) == TR_CHOICES_MAX)
        return tr_error_set(
            error, -EINVAL, "more than %d options: expected 2 to %d", TR_CHOICES_MAX, TR_CHOICES_MAX);
    json_t *one = json_stringn(text, len);
    if (!one)
        return tr_error_set(
            error, -EINVAL, "the option %.*s is no text of UTF-8", (int)(len < 200 ? len : 200), text);
    return json_array_append_new(choices, one) == 0 ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
}

static int add_list(json_t *choices, const char *list, tr_error_t *error) {
    for (const char *from = list, *comma;; from = comma + 1) {
        comma = strchrnul(from, ',');
        const char *to = comma;
        while (from < to && isspace((unsigned char)*from))
            from++;
        while (from < to && isspace((unsigned char)to[-1]))
            to--;
        if (from == to)
            return tr_error_set(error, -EINVAL,
                "--options %.200s: one of the options between the commas is empty; expected A,B,C", list);
        int rc = add(choices, from, (size_t)(to - from), error);
        if (rc < 0 || !*comma)
            return rc;
    }
}

int tr_choices(
    const tr_strings_t *single, const tr_strings_t *lists, json_t **ret_choices, tr_error_t *error) {
    json_t *choices = json_array();
    int rc = choices ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < single->count && rc == 0; i++)
        rc = *single->items[i]
                 ? add(choices, single->items[i], strlen(single->items[i]), error)
                 : tr_error_set(error, -EINVAL, "--option: an option is empty; expected a text");
    for (size_t i = 0; i < lists->count && rc == 0; i++)
        rc = add_list(choices, lists->items[i], error);
    if (rc == 0 && json_array_size(choices) < 2)
        rc = tr_error_set(error, -EINVAL,
            "what may be chosen is missing: two options at least, by --options A,B or by --option given "
            "twice");
    if (rc < 0)
        json_decref(choices);
    else
        *ret_choices = choices;
    return rc;
}
