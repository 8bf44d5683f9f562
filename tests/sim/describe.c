#include "tests/sim/describe.h"

#include "proto/bundle.h"
#include "tests/sim/ledger.h"

#include <stdio.h>

/* "message 12": of a letter its number. */
static size_t describe_one(const tr_record_t *r, bool first, char *out, size_t size) {
    uint32_t number = tr_kind_is_data(r->h.kind) ? sim_letter_of(r) : 0;
    int n = number ? snprintf(out, size, "%s%s %u", first ? "" : ", ", tr_kind_name(r->h.kind), number)
                   : snprintf(out, size, "%s%s", first ? "" : ", ", tr_kind_name(r->h.kind));
    return n > 0 ? (size_t)n : 0;
}

const char *sim_describe(const void *bytes, size_t len, char *out, size_t size) {
    tr_bundle_reader_t reader;
    tr_record_t r;
    size_t at = 0;
    out[0] = 0;
    if (tr_bundle_open(&reader, bytes, len, UINT32_MAX) != TR_REASON_NONE)
        return "no bundle";
    while (at + 1 < size && tr_bundle_next(&reader, &r) > 0)
        at += describe_one(&r, at == 0, out + at, size - at);
    return at ? out : "empty";
}
