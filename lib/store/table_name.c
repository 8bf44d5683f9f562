#include "lib/store/table_name.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define HASH_LEN 9u /* an underscore and 8 digits */

/* FNV-1a. */
static uint32_t hash(const char *text) {
    uint64_t h = UINT64_C(14695981039346656037);
    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * UINT64_C(1099511628211);
    return (uint32_t)(h ^ h >> 32);
}

static bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static char plain(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 32) : is_plain(c) ? c : '_';
}

const char *tr_table_name(const char *pattern, const char *name, size_t most, char out[TR_TABLE_NAME_SIZE]) {
    size_t head = strlen(pattern), len = strlen(name), n = 0;
    const char *dot = memrchr(pattern, '.', head);
    size_t own =
        dot ? head - (size_t)(dot - pattern) - 2 : head - 1; /* of the table's name, before the star */
    if (head == 0 || pattern[head - 1] != '*' || head > TR_TABLE_NAME_SIZE - 80 || own + HASH_LEN > most) {
        snprintf(out, TR_TABLE_NAME_SIZE, "%s", pattern);
        return out;
    }
    bool changed = own + len > most;
    for (size_t i = 0; i < len; i++)
        changed = changed || !is_plain(name[i]);
    size_t room = most - own - (changed ? HASH_LEN : 0);
    memcpy(out, pattern, head - 1);
    for (n = 0; n < len && n < room; n++)
        out[head - 1 + n] = plain(name[n]);
    out[head - 1 + n] = '\0';
    if (changed)
        snprintf(out + head - 1 + n, HASH_LEN + 1, "_%08x", (unsigned)hash(name));
    return out;
}
