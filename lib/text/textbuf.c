#include "lib/text/textbuf.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text/utf8.h"

static bool reserve(tr_textbuf_t *self, size_t more) {
    if (self->failed || more > SIZE_MAX / 4 - self->length) {
        self->failed = true;
        return false;
    }
    size_t need = self->length + more + 1;
    if (need <= self->capacity)
        return true;
    size_t capacity = self->capacity < 64 ? 64 : self->capacity;
    while (capacity < need)
        capacity *= 2;
    char *bytes = realloc(self->bytes, capacity);
    if (!bytes) {
        self->failed = true;
        return false;
    }
    self->bytes = bytes;
    self->capacity = capacity;
    return true;
}

void tr_textbuf_add(tr_textbuf_t *self, const char *bytes, size_t length) {
    if (!reserve(self, length))
        return;
    if (length > 0)
        memcpy(self->bytes + self->length, bytes, length);
    self->length += length;
    self->bytes[self->length] = '\0';
}

void tr_textbuf_add_string(tr_textbuf_t *self, const char *string) {
    tr_textbuf_add(self, string, strlen(string));
}

void tr_textbuf_add_code(tr_textbuf_t *self, unsigned code) {
    char bytes[4];
    tr_textbuf_add(self, bytes, tr_utf8_encode(code, bytes));
}

void tr_textbuf_finish(tr_textbuf_t *self) {
    free(self->bytes);
    *self = (tr_textbuf_t){0};
}

char *tr_textbuf_take(tr_textbuf_t *self) {
    tr_textbuf_add(self, "", 0);
    if (self->failed) {
        tr_textbuf_finish(self);
        return NULL;
    }
    char *bytes = self->bytes;
    *self = (tr_textbuf_t){0};
    return bytes;
}

int tr_array_reserve(void *items, size_t count, size_t *capacity, size_t item_size) {
    if (count < *capacity)
        return 0;
    size_t grown = *capacity < 8 ? 8 : *capacity * 2;
    if (grown <= count || grown > SIZE_MAX / item_size)
        return -ENOMEM;
    void *old, *moved;
    memcpy(&old, items, sizeof old);
    moved = realloc(old, grown * item_size);
    if (!moved)
        return -ENOMEM;
    memcpy(items, &moved, sizeof moved);
    *capacity = grown;
    return 0;
}
