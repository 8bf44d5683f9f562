#include "broker/core/platform/selector.h"

#include <ctype.h>
#include <string.h>

/* What is left to read. */
typedef struct reader {
    tr_selector_t *to;
    size_t at;
    const char *problem;
} reader_t;

static bool fail(reader_t *r, const char *problem) {
    r->problem = problem;
    return false;
}

static void skip_blanks(reader_t *r) {
    while (r->to->text[r->at] == ' ' || r->to->text[r->at] == '\t')
        r->at++;
}

/* Takes this text, where it is next. */
static bool take(reader_t *r, const char *text) {
    skip_blanks(r);
    size_t len = strlen(text);
    if (strncmp(r->to->text + r->at, text, len) != 0)
        return false;
    r->at += len;
    return true;
}

static bool is_word_char(char c) {
    return isalnum((unsigned char)c) || (c && strchr("._-/+~:@", c));
}

static bool take_word(reader_t *r, tr_selector_word_t *ret_word) {
    skip_blanks(r);
    size_t from = r->at;
    while (is_word_char(r->to->text[r->at]))
        r->at++;
    *ret_word = (tr_selector_word_t){(uint16_t)from, (uint16_t)(r->at - from)};
    return r->at > from;
}

static bool is_word(const reader_t *r, tr_selector_word_t word, const char *text) {
    return word.len == strlen(text) && !memcmp(r->to->text + word.at, text, word.len);
}

static bool take_value(reader_t *r, tr_selector_term_t *term) {
    tr_selector_word_t word;
    if (!take_word(r, &word))
        return fail(r, "a value is missing: A-Z a-z 0-9 . _ - / + ~ : @");
    if (r->to->words_n == TR_SELECTOR_WORDS)
        return fail(r, "more than 64 values");
    r->to->words[r->to->words_n++] = word;
    term->count++;
    return true;
}

/* (a, b, c) */
static bool take_list(reader_t *r, tr_selector_term_t *term) {
    if (!take(r, "("))
        return fail(r, "in and notin want values in parentheses");
    do {
        if (!take_value(r, term))
            return false;
    } while (take(r, ","));
    return take(r, ")") || fail(r, "a closing parenthesis is missing");
}

/* What follows a key. */
static bool take_test(reader_t *r, tr_selector_term_t *term) {
    size_t before = r->at;
    tr_selector_word_t word;
    if (take(r, "!=")) {
        term->negated = true;
        return take_value(r, term);
    }
    if (take(r, "==") || take(r, "="))
        return take_value(r, term);
    if (!take_word(r, &word))
        return true; /* only the key: it is there */
    term->negated = is_word(r, word, "notin");
    if (term->negated || is_word(r, word, "in"))
        return take_list(r, term);
    r->at = before;
    return fail(r, "a key is followed by =, !=, in, notin or a comma");
}

static bool take_term(reader_t *r) {
    if (r->to->terms_n == TR_SELECTOR_TERMS)
        return fail(r, "more than 32 requirements");
    tr_selector_term_t *term = &r->to->terms[r->to->terms_n];
    *term = (tr_selector_term_t){.first = (uint16_t)r->to->words_n};
    bool absent = take(r, "!");
    if (!take_word(r, &term->key))
        return fail(r, "a key is missing: A-Z a-z 0-9 . _ - / + ~ : @");
    if (!absent && !take_test(r, term))
        return false;
    term->negated |= absent;
    r->to->terms_n++;
    return true;
}

bool tr_selector_parse(const char *text, size_t len, tr_selector_t *ret_selector, const char **ret_problem) {
    reader_t r = {.to = ret_selector};
    memset(ret_selector, 0, sizeof *ret_selector);
    if (len > TR_SELECTOR_MAX || memchr(text, 0, len)) {
        *ret_problem = "longer than 512 bytes, or no text";
        return false;
    }
    memcpy(ret_selector->text, text, len);
    skip_blanks(&r);
    bool good = true;
    if (ret_selector->text[r.at]) {
        do
            good = take_term(&r);
        while (good && take(&r, ","));
    }
    skip_blanks(&r);
    if (good && ret_selector->text[r.at])
        good = fail(&r, "requirements are separated by commas");
    *ret_problem = r.problem;
    return good;
}

/* ---- matching ---- */

static const char *label_of(tr_value_t labels, const char *key, size_t key_len, size_t *ret_len) {
    for (uint32_t i = 0; tr_value_is_map(labels) && i < labels->via.map.size; i++) {
        size_t len;
        const char *name = tr_value_str(&labels->via.map.ptr[i].key, &len);
        if (name && len == key_len && !memcmp(name, key, len))
            return tr_value_str(&labels->via.map.ptr[i].val, ret_len);
    }
    return NULL;
}

static bool is_among(
    const tr_selector_t *self, const tr_selector_term_t *term, const char *value, size_t len) {
    for (size_t i = term->first; i < (size_t)term->first + term->count; i++)
        if (self->words[i].len == len && !memcmp(self->text + self->words[i].at, value, len))
            return true;
    return term->count == 0;
}

bool tr_selector_matches(const tr_selector_t *self, tr_value_t labels, size_t *steps) {
    for (size_t i = 0; i < self->terms_n; i++) {
        const tr_selector_term_t *term = &self->terms[i];
        size_t len = 0, cost = 1 + tr_value_size(labels) + term->count;
        *steps -= cost < *steps ? cost : *steps;
        if (!*steps)
            return false;
        const char *value = label_of(labels, self->text + term->key.at, term->key.len, &len);
        if ((value && is_among(self, term, value, len)) == term->negated)
            return false;
    }
    return true;
}
