#include "tools/cli/edit_history.h"

#include "lib/base/buffer.h"
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (8u << 20)                /* bytes: what is larger was not written by this */
#define KEPT_MAX (2 * TR_EDIT_HISTORY_MAX) /* lines: then the file is written anew */

/* ---- which lines ---- */

/* Words by which people name a secret, and what secrets begin with. */
static const char *const signs[] = {"password", "passwd", "passphrase", "passwort", "secret", "token",
    "credential", "api key", "api-key", "api_key", "apikey", "private key", "authorization:", "bearer ",
    "sk-", "ghp_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "akia", "-----begin"};

bool tr_edit_history_keeps(const char *line) {
    if (*line == '\0' || *line == ' ' || strlen(line) > TR_EDIT_HISTORY_LINE)
        return false;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strcasestr(line, signs[i]))
            return false;
    return true;
}

/* ---- the file ---- */

static int append(const char *path, const char *text, size_t len) {
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    ssize_t n = write(fd, text, len);
    int rc = n == (ssize_t)len ? 0 : n < 0 ? -errno : -EIO;
    close(fd);
    return rc;
}

int tr_edit_history_add(const char *path, const char *line) {
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!tr_edit_history_keeps(line))
        return 0;
    if (slash &&
        snprintf(directory, sizeof directory, "%.*s", (int)(slash - path), path) >= (int)sizeof directory)
        return -ENAMETOOLONG;
    int rc = slash && slash != path ? tr_directory_make(directory) : 0;
    if (rc < 0)
        return rc;
    json_t *text = json_string(line);
    char *bytes = text ? json_dumps(text, JSON_ENCODE_ANY) : NULL;
    tr_buffer_t whole = {0};
    if (bytes)
        tr_buffer_printf(&whole, "%s\n", bytes);
    rc = whole.size && !whole.failed ? append(path, whole.data, whole.size) : text ? -ENOMEM : -EINVAL;
    tr_buffer_finish(&whole);
    free(bytes);
    json_decref(text);
    return rc;
}

int tr_edit_history_forget(const char *path) {
    return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

/* Where the last `most` lines begin. */
static const char *tail(const char *bytes, size_t len, size_t most) {
    const char *at = bytes + len;
    for (size_t lines = 0; at > bytes; at--)
        if (at[-1] == '\n' && at != bytes + len && ++lines == most)
            break;
    return at;
}

static size_t count_lines(const char *bytes, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += bytes[i] == '\n';
    return n;
}

void tr_edit_history_load(const char *path, tr_edit_history_fn fn, void *arg) {
    char *bytes = NULL;
    size_t len = 0;
    tr_error_t error;
    if (tr_file_read(path, "history", FILE_MAX, &bytes, &len, &error) < 0)
        return; /* there is none yet, or none for us, ignoring */
    const char *end = bytes + len, *from = tail(bytes, len, TR_EDIT_HISTORY_MAX);
    if (count_lines(bytes, len) > KEPT_MAX)
        tr_file_write(path, from, (size_t)(end - from), 0600); /* it grows on, ignoring */
    for (const char *at = from, *next; at < end; at = next) {
        next = memchr(at, '\n', (size_t)(end - at));
        next = next ? next + 1 : end;
        json_t *text = json_loadb(at, (size_t)(next - at), JSON_DECODE_ANY, NULL);
        if (json_is_string(text) && tr_edit_history_keeps(json_string_value(text)))
            fn(arg, json_string_value(text));
        json_decref(text);
    }
    free(bytes);
}
