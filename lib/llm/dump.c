#include "lib/llm/dump.h"

#include <stdint.h>
#include <string.h>

#define SCALAR_MAX 64 /* bytes of a number */

#define EACH           UINT64_C(0x0101010101010101)
#define HIGHS          (EACH << 7)
#define HAS_LESS(w, n) (((w)-EACH * (n)) & ~(w)&HIGHS)
#define HAS(w, byte)   HAS_LESS((w) ^ EACH * (unsigned char)(byte), 1)

static bool is_plain(unsigned char byte) {
    return byte >= 0x20 && byte != '"' && byte != '\\';
}

/* Whether eight bytes need no escape. */
static bool are_plain(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return !(HAS_LESS(word, 0x20) | HAS(word, '"') | HAS(word, '\\'));
}

static void put_escape(tr_buffer_t *to, unsigned char byte) {
    static const char from[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *known = byte ? strchr(from, byte) : NULL;
    if (known)
        tr_buffer_put(to, (char[]){'\\', letters[known - from]}, 2);
    else
        tr_buffer_printf(to, "\\u%04X", byte);
}

static void put_string(tr_buffer_t *to, const char *at, size_t len) {
    const char *end = at + len;
    tr_buffer_char(to, '"');
    while (at < end) {
        const char *from = at;
        while (end - at >= 8 && are_plain(at))
            at += 8;
        while (at < end && is_plain((unsigned char)*at))
            at++;
        tr_buffer_put(to, from, (size_t)(at - from));
        if (at < end)
            put_escape(to, (unsigned char)*at++);
    }
    tr_buffer_char(to, '"');
}

static void put_object(tr_buffer_t *to, const json_t *object) {
    const char *key, *comma = "";
    json_t *member;
    tr_buffer_char(to, '{');
    json_object_foreach((json_t *)(uintptr_t)object, key, member) {
        tr_buffer_text(to, comma);
        put_string(to, key, strlen(key));
        tr_buffer_char(to, ':');
        tr_llm_dump(member, to);
        comma = ",";
    }
    tr_buffer_char(to, '}');
}

static void put_array(tr_buffer_t *to, const json_t *array) {
    tr_buffer_char(to, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i > 0)
            tr_buffer_char(to, ',');
        tr_llm_dump(json_array_get(array, i), to);
    }
    tr_buffer_char(to, ']');
}

static void put_scalar(tr_buffer_t *to, const json_t *value) {
    char text[SCALAR_MAX];
    size_t len = json_dumpb(value, text, sizeof text, JSON_ENCODE_ANY | JSON_COMPACT);
    if (len == 0 || len > sizeof text)
        to->failed = true;
    else
        tr_buffer_put(to, text, len);
}

void tr_llm_dump(const json_t *value, tr_buffer_t *to) {
    switch (json_typeof(value)) {
    case JSON_OBJECT: put_object(to, value); break;
    case JSON_ARRAY: put_array(to, value); break;
    case JSON_STRING: put_string(to, json_string_value(value), json_string_length(value)); break;
    case JSON_TRUE: tr_buffer_text(to, "true"); break;
    case JSON_FALSE: tr_buffer_text(to, "false"); break;
    case JSON_NULL: tr_buffer_text(to, "null"); break;
    default: put_scalar(to, value); break;
    }
}
