#include "lib/text/vocabulary.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text/textbuf.h"

#define LONGEST ((size_t)64 * 1024)

typedef struct {
    size_t offset; /* of the string in `bytes` */
    uint32_t hash, length;
} entry_t;

struct tr_vocabulary {
    tr_textbuf_t bytes; /* the strings, each with its NUL */
    entry_t *entries;
    size_t count, capacity;
    uint32_t *slots; /* open addressing: number + 1, or 0; twice the room that is used at least */
    size_t slot_count;
    uint64_t seed;
};

tr_vocabulary_t *tr_vocabulary_new(void) {
    tr_vocabulary_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->slot_count = 256;
    self->slots = calloc(self->slot_count, sizeof *self->slots);
    /* Where the heap lies differs from process to process; no output depends on the seed. */
    self->seed = (uint64_t)(uintptr_t)self * 0x9E3779B97F4A7C15u;
    if (!self->slots)
        tr_vocabulary_destroy(&self);
    return self;
}

void tr_vocabulary_destroy(tr_vocabulary_t **self) {
    if (!self || !*self)
        return;
    tr_textbuf_finish(&(*self)->bytes);
    free((*self)->entries);
    free((*self)->slots);
    free(*self);
    *self = NULL;
}

static uint32_t hash_of(const tr_vocabulary_t *self, const char *string, size_t length) {
    uint64_t hash = self->seed ^ length;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)string[i]) * 0xFF51AFD7ED558CCDu;
        hash ^= hash >> 32;
    }
    return (uint32_t)(hash ^ hash >> 29);
}

const char *tr_vocabulary_string(const tr_vocabulary_t *self, uint32_t number) {
    assert(number < self->count);
    return self->bytes.bytes + self->entries[number].offset;
}

uint32_t tr_vocabulary_count(const tr_vocabulary_t *self) {
    return (uint32_t)self->count;
}

/* The slot that holds the string, or the free one where it would go. */
static size_t find_slot(const tr_vocabulary_t *self, uint32_t hash, const char *string, size_t length) {
    size_t at = hash & (self->slot_count - 1);
    for (; self->slots[at] != 0; at = (at + 1) & (self->slot_count - 1)) {
        uint32_t number = self->slots[at] - 1;
        const entry_t *entry = &self->entries[number];
        if (entry->hash == hash && entry->length == length &&
            memcmp(self->bytes.bytes + entry->offset, string, length) == 0)
            break;
    }
    return at;
}

uint32_t tr_vocabulary_find(const tr_vocabulary_t *self, const char *string, size_t length) {
    size_t at = find_slot(self, hash_of(self, string, length), string, length);
    return self->slots[at] == 0 ? TR_VOCABULARY_NONE : self->slots[at] - 1;
}

static int grow_slots(tr_vocabulary_t *self) {
    size_t grown = self->slot_count * 2;
    uint32_t *slots = calloc(grown, sizeof *slots);
    if (!slots)
        return -1;
    for (size_t i = 0; i < self->count; i++) {
        size_t at = self->entries[i].hash & (grown - 1);
        while (slots[at] != 0)
            at = (at + 1) & (grown - 1);
        slots[at] = (uint32_t)i + 1;
    }
    free(self->slots);
    self->slots = slots;
    self->slot_count = grown;
    return 0;
}

uint32_t tr_vocabulary_add(tr_vocabulary_t *self, const char *string, size_t length) {
    if (length > LONGEST || memchr(string, '\0', length) || self->count >= UINT32_MAX - 1)
        return TR_VOCABULARY_NONE;
    uint32_t hash = hash_of(self, string, length);
    size_t at = find_slot(self, hash, string, length);
    if (self->slots[at] != 0)
        return self->slots[at] - 1;
    if ((self->count + 1) * 2 > self->slot_count) {
        if (grow_slots(self) < 0)
            return TR_VOCABULARY_NONE;
        at = find_slot(self, hash, string, length);
    }
    if (tr_array_reserve(&self->entries, self->count, &self->capacity, sizeof *self->entries) < 0)
        return TR_VOCABULARY_NONE;
    size_t offset = self->bytes.length;
    tr_textbuf_add(&self->bytes, string, length);
    tr_textbuf_add(&self->bytes, "", 1);
    if (self->bytes.failed)
        return TR_VOCABULARY_NONE;
    self->entries[self->count] = (entry_t){.offset = offset, .hash = hash, .length = (uint32_t)length};
    self->slots[at] = (uint32_t)++self->count;
    return (uint32_t)self->count - 1;
}
