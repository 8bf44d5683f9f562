/* A form of others, behind a line with its boundary: each part is within what came, and none is made up. */
#include <stdlib.h>
#include <string.h>

#include "gateway/http/multipart.h"
#include "tests/fuzz/fuzz.h"

static void is_within(tr_multipart_text_t text, const char *bytes, size_t len) {
    PROMISE(!text.at || (text.at >= bytes && text.at + text.len <= bytes + len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
    size_t head = line ? (size_t)(line - data) : size, rest = line ? size - head - 1 : 0;
    char boundary[TR_MULTIPART_BOUNDARY_MAX + 1];
    tr_multipart_part_t parts[TR_MULTIPART_PARTS_MAX];
    const char *why = NULL;
    char *type = malloc(head + 1), *bytes = malloc(rest + 1);
    if (head)
        memcpy(type, data, head);
    type[head] = '\0';
    if (rest)
        memcpy(bytes, line + 1, rest);
    if (tr_multipart_boundary(type, boundary)) {
        int count = tr_multipart_parse(boundary, bytes, rest, parts, &why);
        PROMISE(count <= TR_MULTIPART_PARTS_MAX && (count >= 0) == !why);
        for (int i = 0; i < count; i++) {
            is_within(parts[i].name, bytes, rest);
            is_within(parts[i].file_name, bytes, rest);
            is_within(parts[i].bytes, bytes, rest);
        }
    }
    free(type);
    free(bytes);
    return 0;
}
