#include "tools/logs/log_tail.h"

#include "tools/cli/terminal_text.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int64_t tr_log_length(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

/* Where the last `lines` lines of the text begin. */
static const char *last_lines(const char *text, size_t len, size_t lines) {
    while (len > 0 && lines > 0) {
        const char *newline = memrchr(text, '\n', len);
        if (!newline || --lines == 0)
            return newline ? newline + 1 : text;
        len = (size_t)(newline - text);
    }
    return text;
}

const char *tr_log_tail(const char *path, int64_t from, size_t lines, char *out, size_t size) {
    out[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return out;
    int64_t end = tr_log_length(path), room = (int64_t)size - 1;
    bool cut = end - from > room;
    ssize_t n = from < end ? pread(fd, out, (size_t)room, cut ? end - room : from) : 0;
    close(fd);
    size_t len = n > 0 ? (size_t)n : 0;
    while (len > 0 && out[len - 1] == '\n')
        len--;
    out[len] = '\0';
    const char *first = cut ? strchr(out, '\n') : NULL; /* not in the middle of a line */
    const char *begin = last_lines(out, len, lines);
    if (first && begin <= first)
        begin = first + 1;
    memmove(out, begin, strlen(begin) + 1);
    tr_terminal_make_safe(out);
    return out;
}
