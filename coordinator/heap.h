/* A binary heap of tasks, which know their places in it: the first one, and any one out, in O(log n). */
#ifndef TR_COORDINATOR_HEAP_H
#define TR_COORDINATOR_HEAP_H

#include "coordinator/task.h"

typedef struct tr_heap {
    tr_task_t **items;
    size_t count, room;
    bool (*before)(const tr_task_t *a, const tr_task_t *b);
    size_t place; /* offset of the member of a task that is its place here; 0 there = not in it */
} tr_heap_t;

void tr_heap_finish(tr_heap_t *self);
/* Room for so many; false when out of memory. */
bool tr_heap_reserve(tr_heap_t *self, size_t count);
/* There must be room. */
void tr_heap_add(tr_heap_t *self, tr_task_t *task);
/* One that is in it. */
void tr_heap_remove(tr_heap_t *self, tr_task_t *task);
static inline tr_task_t *tr_heap_first(const tr_heap_t *self) {
    return self->count ? self->items[0] : NULL;
}

#endif
