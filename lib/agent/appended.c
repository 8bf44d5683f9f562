#include "lib/agent/appended.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void tr_appended_init(tr_appended_t *self) {
    *self = (tr_appended_t){.first = 1, .next = 1};
}

void tr_appended_finish(tr_appended_t *self) {
    while (self->fresh) {
        tr_event_t *e = self->fresh;
        self->fresh = e->next;
        free(e);
    }
    self->last = NULL;
}

int tr_appended_add(tr_appended_t *self, const void *event, size_t len) {
    tr_event_t *e = malloc(sizeof *e + len);
    if (!e)
        return -ENOMEM;
    e->next = NULL;
    e->len = len;
    memcpy(e->bytes, event, len);
    if (self->last)
        self->last->next = e;
    else
        self->fresh = e;
    self->last = e;
    return 0;
}

bool tr_appended_is_due(const tr_appended_t *self) {
    bool grown = self->bytes >= TR_APPENDED_BYTES && self->bytes >= self->state_bytes;
    return self->whole || grown || self->next - self->first >= TR_APPENDED_RECORDS_MAX;
}

void tr_appended_write(const tr_appended_t *self, tr_content_writer_t *out) {
    size_t n = 0;
    for (const tr_event_t *e = self->fresh; e; e = e->next)
        n++;
    tr_write_array(out, n);
    for (const tr_event_t *e = self->fresh; e; e = e->next)
        tr_write_bin(out, e->bytes, e->len);
}
