/*
 * Errors that a person will read: what went wrong, where, and the cure.
 *
 * Functions return 0 or a negative errno code; the text travels beside it in a tr_error_t that the caller
 * owns (usually on its stack). Every function that takes a `tr_error_t *` accepts NULL.
 */
#ifndef TR_BASE_ERROR_H
#define TR_BASE_ERROR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_error {
    int code;       /* negative errno, 0 = no error */
    char text[480]; /* one line: the place, what was found, what was expected or what to do */
} tr_error_t;

/* Sets the code and the text, and returns the code, so that `return tr_error_set(e, -EINVAL, "...")` reads
 * well. */
int tr_error_set(tr_error_t *self, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "PREFIX: " before the text that is there: callers add the place as an error travels up. Returns the
 * code. */
int tr_error_prefix(tr_error_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif

#endif
