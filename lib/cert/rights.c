#include "lib/cert/rights.h"

#include "proto/aid.h"
#include "proto/topic.h"

#include <string.h>

/* Of a topic's first part, but for the `$` of the platform's own. */
static const char firsts[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+~@:/";

static bool begins(const char *text, size_t len, const char *with, size_t with_len) {
    return with_len <= len && !memcmp(text, with, with_len);
}

bool tr_word_pattern_valid(const char *pattern, size_t len) {
    bool open = len > 0 && pattern[len - 1] == '*';
    size_t word = len - open;
    return len <= TR_NAME_MAX && (word ? tr_name_valid(pattern, word) : open);
}

bool tr_right_word(const tr_strings_t *patterns, const char *word, size_t len) {
    for (size_t i = 0; i < patterns->count; i++) {
        const char *p = patterns->items[i];
        size_t n = strlen(p);
        bool open = n > 0 && p[n - 1] == '*';
        if (open ? begins(word, len, p, n - 1) : n == len && !memcmp(p, word, len))
            return true;
    }
    return false;
}

bool tr_right_range(const tr_strings_t *patterns, const char *name, size_t len) {
    for (size_t i = 0; i < patterns->count; i++) {
        const char *p = patterns->items[i];
        size_t n = strlen(p);
        if (n == 0 || p[n - 1] != '*')
            continue;
        n--;
        bool dashed = n == len + 1 && p[len] == '-' && !memcmp(p, name, len);
        if (dashed || begins(name, len, p, n))
            return true;
    }
    return false;
}

/* A wildcard in front does not stand for the platform's own. */
static bool reaches(const char *pattern, const char *topic) {
    return topic[0] != '$' || pattern[0] == '$';
}

bool tr_right_topic(const tr_strings_t *patterns, const char *topic, size_t len) {
    for (size_t i = 0; i < patterns->count; i++) {
        const char *p = patterns->items[i];
        if (len && reaches(p, topic) && tr_pattern_matches(p, strlen(p), topic, len))
            return true;
    }
    return false;
}

static size_t part_len(const char *text, size_t len) {
    const char *dot = memchr(text, '.', len);
    return dot ? (size_t)(dot - text) : len;
}

static bool is(const char *part, size_t len, char wildcard) {
    return len == 1 && part[0] == wildcard;
}

/* Part by part, all that the second one matches the first one does too. */
static bool covers(const char *wide, size_t wide_len, const char *narrow, size_t narrow_len) {
    for (;;) {
        size_t w = part_len(wide, wide_len), n = part_len(narrow, narrow_len);
        if (is(wide, w, '>'))
            return true;
        bool any = is(wide, w, '*') && !is(narrow, n, '>');
        if (!any && (w != n || memcmp(wide, narrow, w) != 0))
            return false;
        if (w == wide_len || n == narrow_len)
            return w == wide_len && n == narrow_len;
        wide += w + 1;
        wide_len -= w + 1;
        narrow += n + 1;
        narrow_len -= n + 1;
    }
}

bool tr_right_covers(const tr_strings_t *patterns, const char *pattern, size_t len) {
    for (size_t i = 0; i < patterns->count; i++) {
        const char *p = patterns->items[i];
        if (len && reaches(p, pattern) && covers(p, strlen(p), pattern, len))
            return true;
    }
    return false;
}

/* What "a.b.>" says of beginnings: "a.b."; false where it is no pattern of that kind. */
static bool open_end(const char *pattern, size_t *ret_len) {
    size_t len = strlen(pattern);
    if (!len || pattern[len - 1] != '>' || memchr(pattern, '*', len))
        return false;
    *ret_len = len - 1;
    return true;
}

static void all_but_platform(const char *prefix, size_t len, tr_right_prefix_fn each, void *arg) {
    if (len) {
        if (prefix[0] != '$')
            each(arg, prefix, len);
        return;
    }
    for (size_t i = 0; firsts[i]; i++)
        each(arg, &firsts[i], 1);
}

void tr_right_prefixes(
    const tr_strings_t *patterns, const char *prefix, size_t len, tr_right_prefix_fn each, void *arg) {
    for (size_t i = 0; i < patterns->count; i++) {
        const char *p = patterns->items[i];
        size_t allowed;
        if (!open_end(p, &allowed))
            continue;
        if (!allowed)
            all_but_platform(prefix, len, each, arg);
        else if (begins(prefix, len, p, allowed))
            each(arg, prefix, len);
        else if (begins(p, allowed, prefix, len))
            each(arg, p, allowed);
    }
}
