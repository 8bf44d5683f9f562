#include "lib/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int tr_error_set(tr_error_t *self, int code, const char *format, ...) {
    if (!self)
        return code;
    char text[sizeof self->text]; /* what is in it already may be an argument */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    self->code = code;
    memcpy(self->text, text, strlen(text) + 1);
    return code;
}

int tr_error_prefix(tr_error_t *self, const char *format, ...) {
    if (!self)
        return 0;
    char old[sizeof self->text];
    memcpy(old, self->text, sizeof old);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(self->text, sizeof self->text, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n + 2 < sizeof self->text)
        snprintf(self->text + n, sizeof self->text - (size_t)n, ": %s", old);
    return self->code;
}
