#include "lib/text/word.h"

#include <string.h>

#include "lib/text/utf8.h"

#define RIGHT_QUOTE 0x2019u

static bool is_inside(uint32_t code) {
    return tr_utf8_is_letter(code) || tr_utf8_is_digit(code) || tr_utf8_is_mark(code);
}

/* A sign that holds two halves of a word together, if a letter or digit follows it. */
static bool is_joint(uint32_t before, uint32_t code, uint32_t after) {
    if (!is_inside(after))
        return false;
    if (code == '\'' || code == RIGHT_QUOTE)
        return tr_utf8_is_letter(before) && tr_utf8_is_letter(after);
    if (code == '.' || code == ',')
        return tr_utf8_is_digit(before) && tr_utf8_is_digit(after);
    return code == '-' || code == '_' || code == 0x2010 || code == 0x2011;
}

/* "U.S." and "e.g.": single letters with dots. Returns the length without the last dot, or 0. */
static size_t dotted_letters(const char *text, size_t length) {
    size_t at = 0;
    while (at + 1 < length && tr_utf8_is_letter((unsigned char)text[at]) && text[at + 1] == '.')
        at += 2;
    bool is_one_more = at + 1 < length && tr_utf8_is_letter((unsigned char)text[at]);
    return at >= 4 && !is_one_more ? at - 1 : 0;
}

/* "l'", "d'", "qu'" belong to the next word in writing only. */
static bool is_elision(const char *word, size_t length) {
    return length == 1 || (length == 2 && (word[0] | 0x20) == 'q' && (word[1] | 0x20) == 'u') ||
           (length == 4 && strncmp(word + 1, "ell", 3) == 0) ||
           (length == 3 && strncmp(word + 1, "ll", 2) == 0);
}

static void look_at(tr_word_span_t *span, uint32_t code, size_t *letters, bool *has_small) {
    if (!tr_utf8_is_letter(code))
        return;
    if (*letters == 0)
        span->begins_upper = tr_utf8_is_upper(code);
    *has_small |= !tr_utf8_is_upper(code);
    ++*letters;
}

static size_t find_end(const char *text, size_t length, size_t start, tr_word_span_t *span) {
    size_t at = start, letters = 0;
    bool has_small = false;
    uint32_t before = 0, code;
    size_t dotted = dotted_letters(text + start, length - start);
    while (at < length) {
        size_t size = tr_utf8_next(text + at, length - at, &code);
        uint32_t after = 0;
        if (at + size < length)
            tr_utf8_next(text + at + size, length - at - size, &after);
        bool is_in = is_inside(code) || at < start + dotted;
        if (!is_in && !is_joint(before, code, after))
            break;
        if (!is_in && (code == '\'' || code == RIGHT_QUOTE) && is_elision(text + start, at - start))
            break;
        look_at(span, code, &letters, &has_small);
        before = code;
        at += size;
    }
    /* C++ and C# */
    if (at == start + 1 && at + 1 < length && (text[start] | 0x20) == 'c' && strncmp(text + at, "++", 2) == 0)
        at += 2;
    else if (at == start + 1 && at < length && span->begins_upper && text[at] == '#')
        at++;
    span->has_letter = letters > 0;
    span->is_capitals = letters >= 2 && !has_small;
    return at;
}

bool tr_word_next(const char *text, size_t length, size_t *at, tr_word_span_t *ret_span) {
    while (*at < length) {
        uint32_t code;
        size_t size = tr_utf8_next(text + *at, length - *at, &code);
        if (tr_utf8_is_letter(code) || tr_utf8_is_digit(code)) {
            tr_word_span_t span = {.offset = *at};
            size_t end = find_end(text, length, *at, &span);
            span.length = end - span.offset;
            *at = end;
            *ret_span = span;
            return true;
        }
        *at += size;
    }
    return false;
}

size_t tr_word_fold(const char *word, size_t length, char *out, size_t capacity) {
    size_t size = tr_utf8_lower_copy(word, length, out, capacity);
    size_t written = 0;
    for (size_t at = 0; at < size; at++) {
        if (at + 2 < size && memcmp(out + at, "\xE2\x80\x99", 3) == 0) {
            out[written++] = '\'';
            at += 2;
        } else {
            out[written++] = out[at];
        }
    }
    out[written] = '\0';
    return written;
}
