#include "kbd/linger.h"

void tr_linger_init(tr_linger_t *self, unsigned processors) {
    *self = (tr_linger_t){.can = processors > 1};
}

void tr_linger_answered(tr_linger_t *self, int64_t now_ns) {
    if (!self->can)
        return;
    if (self->rest > 0) {
        self->rest--;
        return;
    }
    self->lingers = true;
    self->since_ns = self->looked_ns = now_ns;
}

bool tr_linger_looks(tr_linger_t *self, int64_t now_ns) {
    if (!self->lingers)
        return false;
    bool was_kept = now_ns - self->looked_ns > TR_LINGER_KEPT_NS;
    bool is_late = now_ns - self->since_ns > TR_LINGER_NS;
    self->looked_ns = now_ns;
    if (was_kept || is_late) {
        self->lingers = false;
        self->rest = TR_LINGER_REST;
    }
    return self->lingers;
}

void tr_linger_end(tr_linger_t *self) {
    self->lingers = false;
}
