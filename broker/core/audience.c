#include "broker/core/audience.h"

#include "broker/core/state.h"

#include <stdlib.h>

#define FIRST_CAP 4

/* Where it is, or belongs. */
static uint32_t place_of(const tr_audience_t *self, tr_route_t who) {
    uint32_t low = 0, high = self->n;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (self->sessions[mid] < who)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void drop_ended(const tr_core_t *core, tr_audience_t *self) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->n; i++)
        if (tr_session_of_route(core, self->sessions[i]))
            self->sessions[kept++] = self->sessions[i];
    self->n = kept;
}

/* At the limit each newcomer costs a look at all of them; below it the list doubles unless half of it has
 * ended. */
static bool make_room(const tr_core_t *core, tr_audience_t *self, uint32_t most) {
    if (self->n < self->cap)
        return true;
    drop_ended(core, self);
    uint32_t cap = self->cap ? self->cap * 2 : FIRST_CAP;
    if (cap > most)
        cap = most;
    if (self->n <= self->cap / 2 && self->cap)
        return true;
    tr_route_t *grown = cap > self->cap ? realloc(self->sessions, cap * sizeof *grown) : NULL;
    if (!grown)
        return self->n < self->cap;
    self->sessions = grown;
    self->cap = cap;
    return true;
}

tr_joined_t tr_audience_add(
    const tr_core_t *core, tr_audience_t *self, const tr_session_t *session, uint32_t most) {
    tr_route_t who = tr_session_route(session, 0);
    uint32_t at = place_of(self, who);
    if (at < self->n && self->sessions[at] == who)
        return TR_JOINED_BEFORE;
    if (!make_room(core, self, most))
        return TR_JOINED_NOT;
    at = place_of(self, who);
    memmove(self->sessions + at + 1, self->sessions + at, (self->n - at) * sizeof *self->sessions);
    self->sessions[at] = who;
    self->n++;
    return TR_JOINED_NOW;
}

void tr_audience_dismiss(tr_core_t *core, tr_audience_t *self,
    void (*tell)(tr_core_t *core, tr_session_t *session, const void *what), const void *what) {
    for (uint32_t i = 0; i < self->n; i++) {
        tr_session_t *s = tr_session_of_route(core, self->sessions[i]);
        if (s)
            tell(core, s, what);
    }
    tr_audience_finish(self);
}

void tr_audience_finish(tr_audience_t *self) {
    free(self->sessions);
    *self = (tr_audience_t){0};
}
