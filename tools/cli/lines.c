#include "tools/cli/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct lines {
    const tr_call_t *call;
    tr_cli_line_fn fn;
    void *arg;
    char *bytes;
    size_t len;
    bool ended;
} lines_t;

/* What there is; stdin is known to be readable, so this does not block. */
static int read_some(lines_t *l) {
    if (l->len == TR_CLI_LINE_MAX)
        return tr_cli_fail(l->call, TR_EXIT_REFUSED, "stdin: a line of more than %u bytes", TR_CLI_LINE_MAX);
    ssize_t n = read(STDIN_FILENO, l->bytes + l->len, TR_CLI_LINE_MAX - l->len);
    if (n < 0 && errno != EINTR && errno != EAGAIN)
        return tr_cli_fail(l->call, TR_EXIT_REFUSED, "stdin: %s", strerror(errno));
    l->ended = n == 0;
    l->len += n > 0 ? (size_t)n : 0;
    return TR_EXIT_OK;
}

static int take_lines(lines_t *l) {
    size_t at = 0;
    int code = TR_EXIT_OK;
    while (at < l->len && code == TR_EXIT_OK) {
        const char *end = memchr(l->bytes + at, '\n', l->len - at);
        if (!end && !l->ended)
            break;
        size_t n = end ? (size_t)(end - (l->bytes + at)) : l->len - at;
        if (end || n > 0)
            code = l->fn(l->arg, l->bytes + at, n);
        at += n + (end ? 1 : 0);
    }
    memmove(l->bytes, l->bytes + at, l->len - at);
    l->len -= at;
    return code;
}

int tr_cli_read_lines(const tr_call_t *call, tr_cli_session_t *session, tr_cli_line_fn fn, void *arg) {
    lines_t l = {.call = call, .fn = fn, .arg = arg, .bytes = malloc(TR_CLI_LINE_MAX)};
    int code = l.bytes ? TR_EXIT_OK : tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    while (code == TR_EXIT_OK && !l.ended) {
        bool ready = false;
        tr_cli_wait_fd(session, STDIN_FILENO, &ready);
        code = tr_cli_wait(session, &ready, INT64_MAX);
        tr_cli_wait_fd(session, -1, NULL);
        if (code == TR_EXIT_OK)
            code = read_some(&l);
        if (code == TR_EXIT_OK)
            code = take_lines(&l);
    }
    free(l.bytes);
    return code;
}
