/* The end of a log file, for people who want to know why a process failed. */
#ifndef TR_TOOLS_LOG_TAIL_H
#define TR_TOOLS_LOG_TAIL_H

#include <stddef.h>
#include <stdint.h>

/* The last `lines` lines of what was written from byte `from` on, as far as they fit (whole lines, but
 * for one that is longer than the room). Control characters become '?'. Returns `out`, "" where there
 * is nothing. */
const char *tr_log_tail(const char *path, int64_t from, size_t lines, char *out, size_t size);
/* How long the file is; 0 where there is none. */
int64_t tr_log_length(const char *path);

#endif
