/* Bundles: whatever the bytes, every record that is given out lies within them. */
#include "proto/bundle.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tr_bundle_reader_t reader;
    tr_record_t r;
    if (tr_bundle_open(&reader, data, size, TR_RECORD_MAX) != TR_REASON_NONE)
        return 0;
    const uint8_t *before = data + TR_BUNDLE_HEADER;
    while (tr_bundle_next(&reader, &r) > 0) {
        PROMISE(r.bytes == before);
        PROMISE(r.h.length >= TR_RECORD_HEADER && (size_t)(data + size - r.bytes) >= r.h.length);
        PROMISE(r.content + r.content_len == r.bytes + r.h.length);
        PROMISE(r.envelope + r.h.envelope_len == r.content);
        before = r.bytes + r.h.length;
    }
    return 0;
}
