/* The header of a segment's file: what is accepted fits the file, and is written again as it was. */
#include "kbd/segment_file.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tr_segment_header_t h;
    uint8_t again[TR_SEGMENT_HEADER];
    uint64_t file_size = 0;
    if (size < sizeof file_size)
        return 0;
    memcpy(&file_size, data, sizeof file_size);
    data += sizeof file_size;
    size -= sizeof file_size;
    int rc = tr_segment_header_read(data, size, file_size, &h);
    PROMISE(rc == 0 || rc == -EBADMSG);
    if (rc < 0)
        return 0;
    PROMISE(h.kind < TR_SEGMENT_KINDS && h.replaced_count <= TR_SEGMENT_REPLACED_MAX &&
            memchr(h.model, '\0', sizeof h.model));
    PROMISE(TR_SEGMENT_HEADER + h.chunk_bytes + h.vector_bytes + h.index_bytes == file_size);
    PROMISE(h.chunk_bytes == 8 * h.count &&
            (h.vector_bytes == 0 || h.vector_bytes == 4 * h.count * h.dimensions));
    tr_segment_header_write(&h, again);
    tr_segment_header_t read;
    PROMISE(tr_segment_header_read(again, sizeof again, file_size, &read) == 0);
    PROMISE(read.count == h.count && read.sequence == h.sequence && strcmp(read.model, h.model) == 0);
    return 0;
}
