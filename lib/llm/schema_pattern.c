/*
 * Patterns, by PCRE2. What JSON Schema asks for is ECMA-262's dialect, which PCRE2 reads nearly as it stands (PCRE2_ALT_BSUX and its like): what it cannot
 * read is told when the schema is verified.
 *
 * A pattern is written by a server's author and the text by a model, and with some pairs of these a backtracking matcher never comes to an end. So each match
 * has a limit: a small one first, which is nearly always enough, and then larger ones, each charged to the walk by what it may take. Neither the first nor the
 * last is a time, so what is refused is the same on each machine.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "lib/llm/schema_private.h"

#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#define KEPT         8
#define PATTERN_MAX  4096 /* bytes */
#define NESTING_MAX  64
#define HEAP_KIB     4096
#define FIRST_LIMIT  100u
#define GROWTH       50u
#define LAST_LIMIT   250000u
#define LIMIT_STEPS  10u /* of the matcher are one of the walk */
#define CHARS_OF_ONE 64u /* so many bytes are gone over in one step */
#define OPTIONS                                                                                              \
    (PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF |                         \
        PCRE2_ALLOW_EMPTY_CLASS | PCRE2_NEVER_BACKSLASH_C)

struct tr_llm_patterns {
    struct {
        const char *pattern;
        pcre2_code *code;
    } kept[KEPT];
    size_t next; /* of which the place is taken */
    pcre2_match_context *context;
    pcre2_match_data *found;
};

void tr_llm_patterns_finish(tr_llm_patterns_t **ref) {
    tr_llm_patterns_t *self = *ref;
    if (!self)
        return;
    for (size_t i = 0; i < KEPT; i++)
        pcre2_code_free(self->kept[i].code);
    pcre2_match_data_free(self->found);
    pcre2_match_context_free(self->context);
    free(self);
    *ref = NULL;
}

static tr_llm_patterns_t *patterns_of(tr_llm_schema_walk_t *walk) {
    tr_llm_patterns_t *self = walk->patterns ? walk->patterns : calloc(1, sizeof *self);
    walk->patterns = self;
    if (self && !self->context && (self->context = pcre2_match_context_create(NULL)))
        pcre2_set_heap_limit(self->context, HEAP_KIB);
    if (self && !self->found)
        self->found = pcre2_match_data_create(1, NULL);
    return self && self->context && self->found ? self : NULL;
}

/* ---- reading one ---- */

static int tell_unread(const char *pattern, int code, size_t at, tr_error_t *error) {
    PCRE2_UCHAR why[120];
    if (pcre2_get_error_message(code, why, sizeof why) < 0)
        why[0] = '\0';
    return tr_error_set(error, -ENOTSUP, "the pattern %.100s cannot be read: at its byte %zu: %s", pattern,
        at, (const char *)why);
}

static int compile(const char *pattern, pcre2_code **ret_code, tr_error_t *error) {
    int code = 0;
    size_t at = 0, len = strnlen(pattern, PATTERN_MAX + 1);
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (len > PATTERN_MAX || !context) {
        pcre2_compile_context_free(context);
        return context ? tr_error_set(error, -ENOTSUP,
                             "the pattern %.100s... has more than %d bytes, which is too long", pattern,
                             PATTERN_MAX)
                       : tr_error_set(error, -ENOMEM, "out of memory");
    }
    pcre2_set_parens_nest_limit(context, NESTING_MAX);
    pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF);
    pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
    pcre2_code *read = pcre2_compile((PCRE2_SPTR)pattern, len, OPTIONS, &code, &at, context);
    pcre2_compile_context_free(context);
    if (!read)
        return tell_unread(pattern, code, at, error);
    *ret_code = read;
    return 0;
}

int tr_llm_pattern_verify(const char *pattern, tr_error_t *error) {
    pcre2_code *code = NULL;
    int rc = compile(pattern, &code, error);
    pcre2_code_free(code);
    return rc;
}

/* ---- matching ---- */

static int code_of(
    tr_llm_patterns_t *self, const char *pattern, const pcre2_code **ret_code, tr_error_t *error) {
    pcre2_code *read = NULL;
    for (size_t i = 0; i < KEPT; i++)
        if (self->kept[i].pattern == pattern) {
            *ret_code = self->kept[i].code;
            return 0;
        }
    int rc = compile(pattern, &read, error);
    if (rc < 0)
        return rc;
    size_t at = self->next++ % KEPT;
    pcre2_code_free(self->kept[at].code);
    self->kept[at].pattern = pattern;
    self->kept[at].code = read;
    *ret_code = read;
    return 0;
}

static int match_within(tr_llm_schema_walk_t *walk, const pcre2_code *code, const char *text, size_t len,
    uint32_t limit, int *ret_found) {
    tr_llm_patterns_t *self = walk->patterns;
    int rc = tr_llm_schema_charge(walk, limit / LIMIT_STEPS * (1 + len / CHARS_OF_ONE));
    if (rc < 0)
        return rc;
    pcre2_set_match_limit(self->context, limit);
    *ret_found = pcre2_match(code, (PCRE2_SPTR)text, len, 0, 0, self->found, self->context);
    return 0;
}

int tr_llm_pattern_matches(tr_llm_schema_walk_t *walk, const char *pattern, const char *text, size_t len) {
    const pcre2_code *code = NULL;
    tr_llm_patterns_t *self = patterns_of(walk);
    int found = PCRE2_ERROR_MATCHLIMIT;
    int rc = self ? code_of(self, pattern, &code, walk->error)
                  : tr_error_set(walk->error, -ENOMEM, "out of memory");
    for (uint32_t limit = FIRST_LIMIT; rc == 0 && found == PCRE2_ERROR_MATCHLIMIT && limit <= LAST_LIMIT;
         limit *= GROWTH)
        rc = match_within(walk, code, text, len, limit, &found);
    if (rc < 0)
        return rc;
    if (found >= 0 || found == PCRE2_ERROR_NOMATCH)
        return found >= 0;
    if (found == PCRE2_ERROR_NOMEMORY)
        return tr_error_set(walk->error, -ENOMEM, "out of memory");
    return tr_error_set(walk->error, -E2BIG,
        "%s: whether the text has the pattern %.100s takes too long to find out", walk->path, pattern);
}
