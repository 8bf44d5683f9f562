/*
 * Arithmetic as it is written: + - * / % ^ (powers, from the right), parentheses, decimal numbers, pi and e, and the functions abs, ceil, cos, exp, floor, ln,
 * log (base 10), round, sin, sqrt and tan. Pure.
 */
#ifndef TR_TOOL_EXPRESSION_H
#define TR_TOOL_EXPRESSION_H

#include "lib/base/error.h"

#include <stddef.h>

#define TR_EXPRESSION_MAX 1000 /* bytes */

/* 0; -EINVAL (it is none, and where), -ERANGE (no number: a division by 0, the root of -1), -EMSGSIZE (too long), each with a text. */
int tr_expression_value(const char *text, size_t len, double *ret_value, tr_error_t *error);

#endif
