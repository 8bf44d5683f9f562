#include "lib/base/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tr_buffer_init(tr_buffer_t *self, size_t limit) {
    *self = (tr_buffer_t){.limit = limit};
}

void tr_buffer_finish(tr_buffer_t *self) {
    free(self->data);
    tr_buffer_init(self, self->limit);
}

/* Room for `more` bytes and the NUL behind them. */
static bool make_room(tr_buffer_t *self, size_t more) {
    if (self->failed)
        return false;
    size_t limit = self->limit ? self->limit : SIZE_MAX / 4;
    if (more > limit || self->size > limit - more) {
        self->failed = true;
        return false;
    }
    size_t needed = self->size + more + 1;
    if (needed <= self->capacity)
        return true;
    size_t capacity = self->capacity ? self->capacity : 256;
    while (capacity < needed)
        capacity *= 2;
    char *data = realloc(self->data, capacity);
    if (!data) {
        self->failed = true;
        return false;
    }
    self->data = data;
    self->capacity = capacity;
    return true;
}

void tr_buffer_put(tr_buffer_t *self, const void *bytes, size_t len) {
    if (len == 0 || !make_room(self, len))
        return;
    memcpy(self->data + self->size, bytes, len);
    self->size += len;
    self->data[self->size] = '\0';
}

void tr_buffer_text(tr_buffer_t *self, const char *text) {
    tr_buffer_put(self, text, strlen(text));
}

void tr_buffer_char(tr_buffer_t *self, char c) {
    tr_buffer_put(self, &c, 1);
}

void tr_buffer_printf(tr_buffer_t *self, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        self->failed = true;
    else if (make_room(self, (size_t)n)) {
        vsnprintf(self->data + self->size, (size_t)n + 1, format, again);
        self->size += (size_t)n;
    }
    va_end(again);
}

void tr_buffer_drop(tr_buffer_t *self, size_t len) {
    if (len == 0)
        return;
    self->size -= len;
    memmove(self->data, self->data + len, self->size + 1);
}

const char *tr_buffer_string(const tr_buffer_t *self) {
    return self->data ? self->data : "";
}
