#include "coordinator/heap.h"

#include <stdlib.h>

static size_t *place_of(const tr_heap_t *h, tr_task_t *task) {
    return (size_t *)(void *)((char *)task + h->place);
}

static void set(tr_heap_t *h, size_t i, tr_task_t *task) {
    h->items[i] = task;
    *place_of(h, task) = i + 1;
}

static void rise(tr_heap_t *h, size_t i, tr_task_t *task) {
    for (size_t up; i > 0 && h->before(task, h->items[up = (i - 1) / 2]); i = up)
        set(h, i, h->items[up]);
    set(h, i, task);
}

static void sink(tr_heap_t *h, size_t i, tr_task_t *task) {
    for (size_t down; (down = 2 * i + 1) < h->count; i = down) {
        if (down + 1 < h->count && h->before(h->items[down + 1], h->items[down]))
            down++;
        if (!h->before(h->items[down], task))
            break;
        set(h, i, h->items[down]);
    }
    set(h, i, task);
}

void tr_heap_finish(tr_heap_t *self) {
    free(self->items);
    self->items = NULL;
    self->count = self->room = 0;
}

bool tr_heap_reserve(tr_heap_t *self, size_t count) {
    if (count <= self->room)
        return true;
    size_t room = count < 64 ? 64 : count + count / 2;
    tr_task_t **grown = realloc(self->items, room * sizeof(tr_task_t *));
    if (!grown)
        return false;
    self->items = grown;
    self->room = room;
    return true;
}

void tr_heap_add(tr_heap_t *self, tr_task_t *task) {
    rise(self, self->count++, task);
}

void tr_heap_remove(tr_heap_t *self, tr_task_t *task) {
    size_t i = *place_of(self, task) - 1;
    tr_task_t *last = self->items[--self->count];
    *place_of(self, task) = 0;
    if (last == task)
        return;
    if (i > 0 && self->before(last, self->items[(i - 1) / 2]))
        rise(self, i, last);
    else
        sink(self, i, last);
}
