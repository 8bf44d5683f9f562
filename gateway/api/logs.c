/* The ends of the logs of a fleet's processes: files of its state directory, which --fleet-state says. */
#include "gateway/api/api.h"
#include "gateway/http/server.h"
#include "proto/aid.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX    ".log"
#define NAMES_MAX 2000
#define TAIL_MAX  ((size_t)262144) /* bytes of a log's end that are looked at */
#define LINES_MAX 1000
#define LINES     200

static const char *place_of(tr_web_exchange_t *e) {
    const char *state = tr_web_server_options(e->server)->fleet_state;
    if (!state)
        tr_web_problem(e, 501, "unsupported-function",
            "the gateway knows no fleet: start it by `troupe up` (gateway: {} in the fleet file), or with "
            "--fleet-state");
    return state;
}

/* ---- whose there are ---- */

static json_t *log_json(int directory, const char *file) {
    struct stat st;
    size_t len = strlen(file), end = sizeof SUFFIX - 1;
    if (len <= end || strcmp(file + len - end, SUFFIX) != 0 || !tr_name_valid(file, len - end) ||
        fstatat(directory, file, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return NULL;
    return json_pack("{s:o, s:I, s:I}", "name", json_stringn(file, len - end), "bytes",
        (json_int_t)st.st_size, "changed_ms", (json_int_t)st.st_mtim.tv_sec * 1000);
}

static int by_name(const void *a, const void *b) {
    json_t *const *left = a, *const *right = b;
    return strverscmp(json_string_value(json_object_get(*left, "name")),
        json_string_value(json_object_get(*right, "name")));
}

static json_t *sorted(json_t **items, size_t count) {
    json_t *list = json_array();
    qsort(items, count, sizeof *items, by_name);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, items[i]);
    return list;
}

void tr_api_logs(tr_web_exchange_t *e) {
    const char *state = place_of(e);
    char path[PATH_MAX];
    if (!state)
        return;
    DIR *dir = snprintf(path, sizeof path, "%s/logs", state) < (int)sizeof path ? opendir(path) : NULL;
    json_t **items = calloc(NAMES_MAX, sizeof *items);
    size_t count = 0;
    for (struct dirent *entry; items && dir && count < NAMES_MAX && (entry = readdir(dir));)
        if ((items[count] = log_json(dirfd(dir), entry->d_name)))
            count++;
    if (dir)
        closedir(dir);
    tr_web_respond_json(e, 200, items ? json_pack("{s:o}", "logs", sorted(items, count)) : NULL);
    free(items);
}

/* ---- one ---- */

/* The last bytes of a file; the caller frees them. */
static char *tail_of(int fd, size_t *ret_len) {
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return NULL;
    size_t len = (size_t)st.st_size < TAIL_MAX ? (size_t)st.st_size : TAIL_MAX;
    char *text = malloc(len + 1);
    ssize_t n = text ? pread(fd, text, len, st.st_size - (off_t)len) : -1;
    if (n < 0) {
        free(text);
        return NULL;
    }
    text[n] = '\0';
    *ret_len = (size_t)n;
    return text;
}

/* The last lines, as they stand there; what is no UTF-8 is left out. */
static json_t *lines_of(const char *text, size_t len, size_t most) {
    json_t *list = json_array();
    const char *end = text + len, *at = end;
    if (len && end[-1] == '\n')
        end = --at;
    for (size_t n = 0; n < most && at > text; n++) {
        const char *begin = memrchr(text, '\n', (size_t)(at - text));
        begin = begin ? begin + 1 : text;
        json_t *line = json_stringn(begin, (size_t)(at - begin));
        if (line)
            json_array_insert_new(list, 0, line);
        at = begin > text ? begin - 1 : text;
    }
    return list;
}

void tr_api_log(tr_web_exchange_t *e) {
    const char *state = place_of(e), *wanted = tr_web_query(e, "lines");
    tr_web_part_t name = tr_web_match_part(&e->match, "name");
    long most = wanted ? strtol(wanted, NULL, 10) : LINES;
    char path[PATH_MAX];
    size_t len = 0;
    if (!state)
        return;
    if (most < 1 || most > LINES_MAX) {
        tr_web_problem(e, 400, "unrecognised-parameter-value", "lines: expected 1 to %d", LINES_MAX);
        return;
    }
    bool named = tr_name_valid(name.at, name.len) && snprintf(path, sizeof path, "%s/logs/%.*s" SUFFIX, state,
                                                         (int)name.len, name.at) < (int)sizeof path;
    int fd = named ? open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    char *text = fd < 0 ? NULL : tail_of(fd, &len);
    if (fd >= 0)
        close(fd);
    if (!text) {
        tr_web_problem(e, 404, "not-found", "there is no log of that name");
        return;
    }
    tr_web_respond_json(e, 200,
        json_pack("{s:o, s:o}", "name", json_stringn(name.at, name.len), "lines",
            lines_of(text, len, (size_t)most)));
    free(text);
}
