#include "lib/base/suggest.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static int same(char a, char b) {
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

size_t tr_suggest_distance(const char *a, const char *b) {
    size_t n = strnlen(a, TR_SUGGEST_WORD_MAX + 1), m = strnlen(b, TR_SUGGEST_WORD_MAX + 1);
    if (n > TR_SUGGEST_WORD_MAX || m > TR_SUGGEST_WORD_MAX)
        return SIZE_MAX;
    uint8_t d[TR_SUGGEST_WORD_MAX + 1][TR_SUGGEST_WORD_MAX + 1];
    for (size_t i = 0; i <= n; i++)
        d[i][0] = (uint8_t)i;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = (uint8_t)j;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            size_t replace = d[i - 1][j - 1] + (same(a[i - 1], b[j - 1]) ? 0U : 1U);
            size_t best = least(replace, least(d[i - 1][j] + 1U, d[i][j - 1] + 1U));
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                best = least(best, d[i - 2][j - 2] + 1U);
            d[i][j] = (uint8_t)best;
        }
    }
    return d[n][m];
}

/* The only word that begins with what was typed. */
static const char *completed(const char *word, const char *const *list) {
    size_t len = strlen(word);
    const char *found = NULL;
    if (len < 2)
        return NULL;
    for (; *list; list++) {
        if (strncasecmp(*list, word, len) != 0)
            continue;
        if (found)
            return NULL;
        found = *list;
    }
    return found;
}

const char *tr_suggest(const char *word, const char *const *list) {
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    for (const char *const *at = list; *at; at++) {
        size_t distance = tr_suggest_distance(word, *at);
        if (distance == SIZE_MAX)
            continue;
        size_t n = strlen(word), m = strlen(*at), longer = n > m ? n : m;
        size_t allowed = longer / 3 > 1 ? longer / 3 : 1;
        /* A word in which every letter differs is no misspelling of it. */
        if (distance <= allowed && distance < longer && distance < best) {
            best = distance;
            nearest = *at;
        }
    }
    return nearest ? nearest : completed(word, list);
}
