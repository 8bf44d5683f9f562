/* What the core asks the journal for: numbered, answered later, or never when the broker ends. */
#include "broker/core/durable/durable.h"

#include <stdlib.h>

bool tr_read_ask(
    tr_core_t *core, const tr_read_t *read, const tr_key_t *from, const tr_key_t *to, size_t limit) {
    tr_durable_t *d = core->durable;
    tr_read_t *r = tr_core_out_room(core) ? malloc(sizeof *r) : NULL;
    char *keys = r ? malloc(from->len + to->len) : NULL;
    if (!keys) {
        free(r);
        return false;
    }
    memcpy(keys, from->bytes, from->len);
    memcpy(keys + from->len, to->bytes, to->len);
    *r = *read;
    r->number = ++d->next_read;
    r->next = d->reads;
    d->reads = r;
    tr_core_out(core, &(tr_core_out_t){.type = TR_OUT_READ,
                          .number = r->number,
                          .detail = keys,
                          .len = from->len + to->len,
                          .from_len = from->len,
                          .limit = limit});
    return true;
}

static void read_free(tr_read_t *read) {
    if (read->drop)
        read->drop(read);
    free(read);
}

void tr_reads_drop(tr_core_t *core) {
    while (core->durable->reads) {
        tr_read_t *next = core->durable->reads->next;
        read_free(core->durable->reads);
        core->durable->reads = next;
    }
}

void tr_core_read(tr_core_t *self, uint64_t number, const void *pairs, size_t len, bool more, bool failed,
    tr_core_now_t now) {
    self->now = now;
    if (!self->durable)
        return;
    for (tr_read_t **p = &self->durable->reads; *p; p = &(*p)->next) {
        tr_read_t *read = *p;
        if (read->number != number)
            continue;
        *p = read->next;
        read->done(self, read, &(tr_found_t){.pairs = pairs, .len = len, .more = more, .failed = failed});
        read_free(read);
        return;
    }
}
