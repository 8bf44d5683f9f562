/* A descent by precedence: sum -> product -> sign -> power -> atom. Depth is bounded, since the text is anybody's. */
#include "lib/tool/expression.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64

typedef struct reader {
    const char *from, *at;
    unsigned depth;
    const char *wrong; /* what was expected; NULL = all is well */
} reader_t;

static double read_sum(reader_t *self);

static char peek(reader_t *self) {
    while (isspace((unsigned char)*self->at))
        self->at++;
    return *self->at;
}

static bool take(reader_t *self, char c) {
    if (peek(self) != c)
        return false;
    self->at++;
    return true;
}

static double fail(reader_t *self, const char *expected) {
    if (!self->wrong)
        self->wrong = expected;
    return 0;
}

static double in_parentheses(reader_t *self) {
    double value = read_sum(self);
    return take(self, ')') ? value : fail(self, "expected )");
}

static double read_name(reader_t *self) {
    static const struct {
        const char *name;
        double (*function)(double);
    } functions[] = {{"abs", fabs}, {"ceil", ceil}, {"cos", cos}, {"exp", exp}, {"floor", floor}, {"ln", log},
        {"log", log10}, {"round", round}, {"sin", sin}, {"sqrt", sqrt}, {"tan", tan}};
    const char *from = self->at;
    while (isalpha((unsigned char)*self->at))
        self->at++;
    size_t len = (size_t)(self->at - from);
    if (len == 2 && memcmp(from, "pi", 2) == 0)
        return M_PI;
    if (len == 1 && *from == 'e')
        return M_E;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strlen(functions[i].name) == len && memcmp(functions[i].name, from, len) == 0)
            return take(self, '(') ? functions[i].function(in_parentheses(self)) : fail(self, "expected (");
    self->at = from;
    return fail(self, "expected a number, pi, e, or a function (abs, sqrt ...)");
}

static double read_number(reader_t *self) {
    const char *from = self->at;
    size_t digits = strspn(from, "0123456789"), point = from[digits] == '.';
    size_t len = digits + point + (point ? strspn(from + digits + 1, "0123456789") : 0);
    char text[64] = "";
    if (len >= sizeof text || len == point)
        return fail(self, "expected a number");
    memcpy(text, from, len);
    self->at += len;
    return strtod(text, NULL);
}

static double read_atom(reader_t *self) {
    char c = peek(self);
    if (take(self, '('))
        return in_parentheses(self);
    return isalpha((unsigned char)c) ? read_name(self) : read_number(self);
}

static double read_sign(reader_t *self);

static double read_power(reader_t *self) {
    double value = read_atom(self);
    return take(self, '^') ? pow(value, read_sign(self)) : value;
}

static double read_sign(reader_t *self) {
    double value = 0;
    if (self->wrong || ++self->depth > DEPTH_MAX)
        return fail(self, "it is nested too deeply");
    if (take(self, '-'))
        value = -read_sign(self);
    else
        value = take(self, '+') ? read_sign(self) : read_power(self);
    self->depth--;
    return value;
}

static double read_product(reader_t *self) {
    double value = read_sign(self);
    while (!self->wrong) {
        if (take(self, '*'))
            value *= read_sign(self);
        else if (take(self, '/'))
            value /= read_sign(self);
        else if (take(self, '%'))
            value = fmod(value, read_sign(self));
        else
            break;
    }
    return value;
}

static double read_sum(reader_t *self) {
    double value = read_product(self);
    while (!self->wrong) {
        if (take(self, '+'))
            value += read_product(self);
        else if (take(self, '-'))
            value -= read_product(self);
        else
            break;
    }
    return value;
}

int tr_expression_value(const char *text, size_t len, double *ret_value, tr_error_t *error) {
    char copy[TR_EXPRESSION_MAX + 1] = "";
    if (len > TR_EXPRESSION_MAX)
        return tr_error_set(error, -EMSGSIZE, "it has %zu bytes; %d at most", len, TR_EXPRESSION_MAX);
    memcpy(copy, text, len);
    reader_t reader = {.from = copy, .at = copy};
    double value = read_sum(&reader);
    if (!reader.wrong && peek(&reader))
        reader.wrong = "expected an operator (+ - * / % ^)";
    if (reader.wrong)
        return tr_error_set(
            error, -EINVAL, "at character %zu: %s", (size_t)(reader.at - reader.from) + 1, reader.wrong);
    if (!isfinite(value))
        return tr_error_set(error, -ERANGE, "there is no such number");
    *ret_value = value;
    return 0;
}
