#include "agentd/text/gazetteer.h"

#include <stdlib.h>
#include <string.h>

#include "lib/text/utf8.h"

#define LONGEST_NAME 96

static int compare_key(const void *key, const void *entry) {
    return strcmp(key, ((const tr_gazetteer_entry_t *)entry)->key);
}

static bool is_shouted(const char *name, size_t length) {
    size_t letters = 0;
    for (size_t at = 0; at < length;) {
        uint32_t code;
        at += tr_utf8_next(name + at, length - at, &code);
        if (!tr_utf8_is_letter(code))
            continue;
        if (!tr_utf8_is_upper(code))
            return false;
        letters++;
    }
    return letters >= 5;
}

const tr_gazetteer_entry_t *tr_gazetteer_find(const char *name, size_t length) {
    char key[LONGEST_NAME];
    if (length == 0 || length >= sizeof key)
        return NULL;
    tr_utf8_lower_copy(name, length, key, sizeof key);
    const tr_gazetteer_entry_t *entry = bsearch(
        key, tr_gazetteer_entries, tr_gazetteer_entry_count, sizeof *tr_gazetteer_entries, compare_key);
    if (!entry)
        return NULL;
    bool is_exact = strlen(entry->name) == length && memcmp(entry->name, name, length) == 0;
    return is_exact || is_shouted(name, length) ? entry : NULL;
}
