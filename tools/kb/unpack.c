#include "tools/kb/unpack.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP_ONLY (15 + 16) /* the largest window, and gzip's frame */

bool tr_kb_is_packed(const char *bytes, size_t len) {
    return len >= 18 && memcmp(bytes, "\x1f\x8b\x08", 3) == 0;
}

/* Into `out`; how much is not known before, but 4 GiB at most are told in the last bytes. */
static int inflate_all(z_stream *z, char *out, size_t room, size_t *ret_len) {
    int rc = Z_OK;
    z->next_out = (Bytef *)out;
    z->avail_out = (uInt)room;
    while (rc == Z_OK && z->avail_out > 0)
        rc = inflate(z, Z_NO_FLUSH);
    *ret_len = room - z->avail_out;
    bool is_whole = rc == Z_STREAM_END || (rc == Z_OK && z->avail_out == 0);
    return is_whole ? 0 : rc == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

int tr_kb_unpack(const char *bytes, size_t len, size_t most, char **ret_bytes, size_t *ret_len) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)len};
    size_t room = most + 1;
    if (inflateInit2(&z, GZIP_ONLY) != Z_OK)
        return -ENOMEM;
    char *out = malloc(room);
    int rc = out ? inflate_all(&z, out, room, ret_len) : -ENOMEM;
    inflateEnd(&z);
    if (rc < 0)
        free(out);
    else
        *ret_bytes = out;
    return rc;
}
