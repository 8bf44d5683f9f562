#include "agentd/problem.h"

#include <stdarg.h>
#include <stdio.h>

int tr_problem_set(tr_problem_t *self, int code, const char *key, const char *format, ...) {
    if (!self)
        return code;
    va_list args;
    va_start(args, format);
    snprintf(self->key, sizeof self->key, "%s", key);
    self->error.code = code;
    vsnprintf(self->error.text, sizeof self->error.text, format, args);
    va_end(args);
    return code;
}
