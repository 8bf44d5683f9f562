#include "proto/topic.h"

#include <string.h>

static bool is_part_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("_-+~@$:/", c));
}

/* The length of the part that begins at `text`: up to the next dot or the end. */
static size_t part_len(const char *text, size_t len) {
    const char *dot = memchr(text, '.', len);
    return dot ? (size_t)(dot - text) : len;
}

static bool is_wildcard(const char *part, size_t len, char wildcard) {
    return len == 1 && part[0] == wildcard;
}

static bool part_valid(const char *part, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (!is_part_char(part[i]))
            return false;
    return len > 0;
}

static bool dotted_valid(const char *text, size_t len, bool wildcards) {
    if (!text || len == 0 || len > TR_TOPIC_MAX)
        return false;
    for (size_t at = 0;;) {
        size_t n = part_len(text + at, len - at);
        bool last = at + n == len;
        bool wild = wildcards && (is_wildcard(text + at, n, '*') || (last && is_wildcard(text + at, n, '>')));
        if (!wild && !part_valid(text + at, n))
            return false;
        if (last)
            return true;
        at += n + 1; /* a dot at the very end leaves an empty part, which is refused */
    }
}

bool tr_topic_valid(const char *topic, size_t len) {
    return dotted_valid(topic, len, false);
}

bool tr_pattern_valid(const char *pattern, size_t len) {
    return dotted_valid(pattern, len, true);
}

bool tr_pattern_matches(const char *pattern, size_t pattern_len, const char *topic, size_t topic_len) {
    if (!pattern || !topic)
        return false;
    for (;;) {
        size_t p = part_len(pattern, pattern_len);
        size_t t = part_len(topic, topic_len);
        if (t == 0)
            return false;
        if (p == pattern_len && is_wildcard(pattern, p, '>'))
            return true;
        if (!is_wildcard(pattern, p, '*') && (p != t || memcmp(pattern, topic, p) != 0))
            return false;
        if (p == pattern_len || t == topic_len)
            return p == pattern_len && t == topic_len;
        pattern += p + 1;
        pattern_len -= p + 1;
        topic += t + 1;
        topic_len -= t + 1;
    }
}

bool tr_patterns_meet(const char *a, size_t a_len, const char *b, size_t b_len) {
    for (;;) {
        size_t m = part_len(a, a_len), n = part_len(b, b_len);
        if (m == 0 || n == 0)
            return false;
        if ((m == a_len && is_wildcard(a, m, '>')) || (n == b_len && is_wildcard(b, n, '>')))
            return true;
        if (!is_wildcard(a, m, '*') && !is_wildcard(b, n, '*') && (m != n || memcmp(a, b, m) != 0))
            return false;
        if (m == a_len || n == b_len)
            return m == a_len && n == b_len;
        a += m + 1;
        a_len -= m + 1;
        b += n + 1;
        b_len -= n + 1;
    }
}

size_t tr_pattern_prefix(const char *pattern, size_t len) {
    size_t i = 0;
    while (i < len && pattern[i] != '*' && pattern[i] != '>')
        i++;
    return i;
}
