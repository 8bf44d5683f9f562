#include "gateway/feed/ring.h"

#include "proto/topic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct slot {
    char *bytes; /* topic, NUL, json, NUL */
    size_t topic_len, len;
} slot_t;

struct tr_feed_ring {
    slot_t *slots;
    size_t room, most_bytes, bytes;
    uint64_t first, next; /* numbers: of the oldest that is there, and of the next one */
};

tr_feed_ring_t *tr_feed_ring_new(size_t most_events, size_t most_bytes) {
    tr_feed_ring_t *self = calloc(1, sizeof *self);
    slot_t *slots = calloc(most_events, sizeof *slots);
    if (!self || !slots) {
        free(self);
        free(slots);
        return NULL;
    }
    self->slots = slots;
    self->room = most_events;
    self->most_bytes = most_bytes;
    self->first = self->next = 1;
    return self;
}

static slot_t *slot_of(const tr_feed_ring_t *self, uint64_t id) {
    return &self->slots[id % self->room];
}

static size_t size_of(const slot_t *slot) {
    return slot->topic_len + slot->len + 2;
}

static void drop_first(tr_feed_ring_t *self) {
    slot_t *slot = slot_of(self, self->first++);
    self->bytes -= size_of(slot);
    free(slot->bytes);
    *slot = (slot_t){0};
}

void tr_feed_ring_destroy(tr_feed_ring_t **self_p) {
    tr_feed_ring_t *self = *self_p;
    if (!self)
        return;
    while (self->first < self->next)
        drop_first(self);
    free(self->slots);
    free(self);
    *self_p = NULL;
}

uint64_t tr_feed_ring_put(tr_feed_ring_t *self, const char *topic, const char *json, size_t len) {
    slot_t slot = {.topic_len = strlen(topic), .len = len};
    size_t size = size_of(&slot);
    if (size > self->most_bytes || !(slot.bytes = malloc(size)))
        return 0;
    memcpy(slot.bytes, topic, slot.topic_len + 1);
    memcpy(slot.bytes + slot.topic_len + 1, json, len);
    slot.bytes[size - 1] = '\0';
    while (self->first < self->next &&
           (self->next - self->first == self->room || self->bytes + size > self->most_bytes))
        drop_first(self);
    *slot_of(self, self->next) = slot;
    self->bytes += size;
    return self->next++;
}

uint64_t tr_feed_ring_next(const tr_feed_ring_t *self) {
    return self->next;
}

/* ---- readers ---- */

int tr_feed_reader_init(tr_feed_reader_t *self, const char *patterns, uint64_t next) {
    *self = (tr_feed_reader_t){.next = next};
    int rc = *patterns ? 0 : -EINVAL;
    while (*patterns && rc == 0) {
        size_t len = strcspn(patterns, ",");
        if (!tr_pattern_valid(patterns, len))
            rc = -EINVAL;
        else if (self->pattern_count == TR_FEED_PATTERNS_MAX)
            rc = -E2BIG;
        else if (!(self->patterns[self->pattern_count++] = strndup(patterns, len)))
            rc = -ENOMEM;
        patterns += len;
        patterns += *patterns == ',' && patterns[1];
        if (*patterns == ',')
            rc = -EINVAL;
    }
    if (rc < 0)
        tr_feed_reader_finish(self);
    return rc;
}

void tr_feed_reader_finish(tr_feed_reader_t *self) {
    for (size_t i = 0; i < self->pattern_count; i++)
        free(self->patterns[i]);
    self->pattern_count = 0;
}

static bool wants(const tr_feed_reader_t *reader, const char *topic, size_t len) {
    for (size_t i = 0; i < reader->pattern_count; i++)
        if (tr_pattern_matches(reader->patterns[i], strlen(reader->patterns[i]), topic, len))
            return true;
    return false;
}

bool tr_feed_waits(const tr_feed_ring_t *self, tr_feed_reader_t *reader) {
    for (; reader->next < self->next; reader->next++) {
        const slot_t *slot = slot_of(self, reader->next);
        if (reader->next < self->first || wants(reader, slot->bytes, slot->topic_len))
            return true;
    }
    return false;
}

tr_feed_found_t tr_feed_read(
    const tr_feed_ring_t *self, tr_feed_reader_t *reader, tr_feed_event_t *ret_event, uint64_t *ret_missed) {
    if (reader->next < self->first) {
        *ret_missed = self->first - reader->next;
        reader->next = self->first;
        return TR_FEED_GAP;
    }
    if (!tr_feed_waits(self, reader))
        return TR_FEED_NONE;
    uint64_t id = reader->next++;
    const slot_t *slot = slot_of(self, id);
    *ret_event = (tr_feed_event_t){id, slot->bytes, slot->bytes + slot->topic_len + 1, slot->len};
    return TR_FEED_EVENT;
}
