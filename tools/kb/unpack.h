/* Files that gzip has packed, as manual pages and documentation often are. */
#ifndef TR_TOOLS_KB_UNPACK_H
#define TR_TOOLS_KB_UNPACK_H

#include <stdbool.h>
#include <stddef.h>

bool tr_kb_is_packed(const char *bytes, size_t len);
/* At most `most` bytes of what is in it, and one more where there are more. The caller frees *ret_bytes. 0; -EBADMSG: it is damaged; -ENOMEM. */
int tr_kb_unpack(const char *bytes, size_t len, size_t most, char **ret_bytes, size_t *ret_len);

#endif
