/*
 * Several coordinators on one database: what two of them would make or take at the same moment the second one puts off. It holds nothing
 * meanwhile, so that nobody waits for each other; the first one's commit comes soon, and then the second sees what that has made. So is what
 * needs to know who offers what while the directory is being read.
 */
#include "coordinator/coordinator.h"
#include "lib/base/clock.h"

#include <stdlib.h>

#define AGAIN_MS 10

typedef struct tr_put_off {
    struct tr_put_off *next;
    tr_message_t *message; /* kept */
    int64_t due_ms;
    unsigned times;
} tr_put_off_t;

static void put(tr_coordinator_t *self, tr_put_off_t *p) {
    tr_put_off_t **end = &self->put_off;
    while (*end)
        end = &(*end)->next;
    p->next = NULL;
    p->due_ms = tr_clock_ms() + AGAIN_MS;
    *end = p;
}

bool tr_put_off(tr_coordinator_t *self, const tr_message_t *message, unsigned most) {
    tr_put_off_t *p = self->again;
    if (p && p->times >= most)
        return false;
    if (p) {
        p->times++;
        self->again = NULL;
        put(self, p);
        return true;
    }
    p = calloc(1, sizeof *p);
    if (!p || !(p->message = tr_message_keep(message))) {
        free(p);
        return false;
    }
    p->times = 1;
    put(self, p);
    return true;
}

int64_t tr_put_off_when(const tr_coordinator_t *self) {
    return self->put_off ? self->put_off->due_ms : INT64_MAX;
}

void tr_put_off_turn(tr_coordinator_t *self) {
    int64_t now_ms = tr_clock_ms();
    while (!self->lost && self->put_off && self->put_off->due_ms <= now_ms) {
        tr_put_off_t *p = self->put_off;
        self->put_off = p->next;
        self->again = p;
        tr_desk_take(self, p->message);
        if (!self->again)
            continue; /* put off once more */
        self->again = NULL;
        tr_message_done(&p->message);
        free(p);
    }
}

void tr_put_off_finish(tr_coordinator_t *self) {
    while (self->put_off) {
        tr_put_off_t *p = self->put_off;
        self->put_off = p->next;
        tr_message_release(&p->message);
        free(p);
    }
}
