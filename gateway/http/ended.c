#include "gateway/http/ended.h"

#include "lib/base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* All live equally long, so the order in which they came is that in which they go: a ring of ids, and a map by which one is found. */
typedef struct entry {
    unsigned char id[TR_WEB_SESSION_ID];
    int64_t until_ms;
} entry_t;

struct tr_web_ended {
    tr_map_t by_id;
    entry_t *ring;
    size_t first, count, room;
};

tr_web_ended_t *tr_web_ended_new(uint64_t seed) {
    tr_web_ended_t *self = calloc(1, sizeof *self);
    if (self)
        tr_map_init(&self->by_id, seed);
    return self;
}

void tr_web_ended_destroy(tr_web_ended_t **self) {
    if (!*self)
        return;
    tr_map_finish(&(*self)->by_id);
    free((*self)->ring);
    free(*self);
    *self = NULL;
}

static void drop_first(tr_web_ended_t *self) {
    tr_map_delete(&self->by_id, (const char *)self->ring[self->first].id, TR_WEB_SESSION_ID);
    self->first = (self->first + 1) % self->room;
    self->count--;
}

static bool make_room(tr_web_ended_t *self, int64_t now_ms) {
    while (self->count && (self->ring[self->first].until_ms <= now_ms || self->count >= TR_WEB_ENDED_MAX))
        drop_first(self);
    if (self->count < self->room)
        return true;
    size_t room = self->room ? 2 * self->room : 64;
    entry_t *ring = calloc(room, sizeof *ring);
    if (!ring)
        return false;
    for (size_t i = 0; i < self->count; i++)
        ring[i] = self->ring[(self->first + i) % self->room];
    free(self->ring);
    self->ring = ring;
    self->first = 0;
    self->room = room;
    return true;
}

int tr_web_ended_add(
    tr_web_ended_t *self, const unsigned char id[TR_WEB_SESSION_ID], int64_t until_ms, int64_t now_ms) {
    if (tr_web_ended_has(self, id))
        return 0;
    if (!make_room(self, now_ms) || tr_map_put(&self->by_id, (const char *)id, TR_WEB_SESSION_ID, 1) < 0)
        return -ENOMEM;
    entry_t *entry = &self->ring[(self->first + self->count++) % self->room];
    memcpy(entry->id, id, sizeof entry->id);
    entry->until_ms = until_ms;
    return 0;
}

bool tr_web_ended_has(const tr_web_ended_t *self, const unsigned char id[TR_WEB_SESSION_ID]) {
    return tr_map_find(&self->by_id, (const char *)id, TR_WEB_SESSION_ID) != NULL;
}

size_t tr_web_ended_count(const tr_web_ended_t *self) {
    return self->count;
}
