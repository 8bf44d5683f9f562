#include "proto/bundle.h"

tr_reason_t tr_bundle_open(tr_bundle_reader_t *self, const void *bytes, size_t len, uint32_t max_record) {
    const uint8_t *p = bytes;
    if (len < TR_BUNDLE_HEADER || p[0] != 'T' || p[1] != 'B')
        return TR_REASON_BAD_BUNDLE;
    if (p[2] != TR_PROTOCOL_VERSION || p[3] != 0)
        return TR_REASON_BAD_VERSION;
    uint32_t count = tr_get32(p + 4);
    if (count > (len - TR_BUNDLE_HEADER) / TR_RECORD_HEADER)
        return TR_REASON_BAD_BUNDLE;
    *self = (tr_bundle_reader_t){
        .at = p + TR_BUNDLE_HEADER, .end = p + len, .left = count, .max_record = max_record};
    return TR_REASON_NONE;
}
