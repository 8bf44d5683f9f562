#include "tools/fleet/state_file.h"

#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX 65536

/* The texts of the file, in its order. */
static const struct {
    const char *key;
    size_t offset, size;
    bool optional;
} texts[] = {
    {"fleet", offsetof(tr_state_info_t, fleet), sizeof(((tr_state_info_t *)0)->fleet)},
    {"platform", offsetof(tr_state_info_t, platform), sizeof(((tr_state_info_t *)0)->platform)},
    {"listen", offsetof(tr_state_info_t, listen), sizeof(((tr_state_info_t *)0)->listen)},
    {"stream", offsetof(tr_state_info_t, stream), sizeof(((tr_state_info_t *)0)->stream)},
    {"http", offsetof(tr_state_info_t, http), sizeof(((tr_state_info_t *)0)->http)},
    {"file", offsetof(tr_state_info_t, file), sizeof(((tr_state_info_t *)0)->file)},
    {"journal", offsetof(tr_state_info_t, journal), sizeof(((tr_state_info_t *)0)->journal)},
    {"cert", offsetof(tr_state_info_t, cert), sizeof(((tr_state_info_t *)0)->cert), true},
    {"certs", offsetof(tr_state_info_t, certs), sizeof(((tr_state_info_t *)0)->certs), true},
};

uint64_t tr_state_start_time(pid_t pid) {
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, line, sizeof line - 1);
    close(fd);
    if (n <= 0)
        return 0;
    line[n] = '\0';
    /* Field 2 is the command in parentheses and may hold anything; field 22 is the start time. */
    char *at = strrchr(line, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at + 1, NULL, 10) : 0;
}

static bool is_zombie(pid_t pid) {
    char path[64], line[1024] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, line, sizeof line - 1);
    close(fd);
    const char *at = n > 0 ? strrchr(line, ')') : NULL;
    return at && strncmp(at, ") Z", 3) == 0;
}

static json_t *to_json(const tr_state_info_t *info) {
    json_t *out = json_pack("{s:i, s:I, s:I, s:I}", "version", 1, "pid", (json_int_t)info->pid, "start_time",
        (json_int_t)info->start_time, "started_ms", (json_int_t)info->started_ms);
    for (size_t i = 0; out && i < sizeof texts / sizeof *texts; i++) {
        if (json_object_set_new(out, texts[i].key, json_string((const char *)info + texts[i].offset)) < 0) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

static bool get_whole(
    const json_t *object, const char *key, int64_t least, int64_t most, int64_t *ret_value) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < least || json_integer_value(value) > most)
        return false;
    *ret_value = json_integer_value(value);
    return true;
}

static int from_json(const json_t *object, tr_state_info_t *info) {
    int64_t version, pid, start;
    if (!get_whole(object, "version", 1, 1, &version) || !get_whole(object, "pid", 1, INT_MAX, &pid) ||
        !get_whole(object, "start_time", 0, INT64_MAX, &start) ||
        !get_whole(object, "started_ms", 0, INT64_MAX, &info->started_ms))
        return -EINVAL;
    info->pid = (pid_t)pid;
    info->start_time = (uint64_t)start;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text = json_string_value(json_object_get(object, texts[i].key));
        if (!text && texts[i].optional)
            text = "";
        if (!text || strlen(text) >= texts[i].size)
            return -EINVAL;
        strcpy((char *)info + texts[i].offset, text);
    }
    return 0;
}

int tr_state_file_write(const char *directory, const tr_state_info_t *info, tr_error_t *error) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/" TR_STATE_FILE, directory) >= (int)sizeof path)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", directory);
    json_t *object = to_json(info);
    char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
    json_decref(object);
    if (!text)
        return tr_error_set(error, -ENOMEM, "%s: out of memory, or a path that is not UTF-8", path);
    int rc = tr_file_write(path, text, strlen(text), 0600);
    free(text);
    if (rc < 0)
        return tr_error_set(error, rc, "%s: cannot write the fleet's state: %s", path, strerror(-rc));
    return 0;
}

int tr_state_file_read(const char *directory, tr_state_info_t *ret_info) {
    char path[PATH_MAX], text[FILE_MAX];
    if (snprintf(path, sizeof path, "%s/" TR_STATE_FILE, directory) >= (int)sizeof path)
        return -ENAMETOOLONG;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    ssize_t n = read(fd, text, sizeof text);
    close(fd);
    if (n < 0)
        return -EIO;
    json_t *object = json_loadb(text, (size_t)n, 0, NULL);
    tr_state_info_t info = {0};
    int rc = from_json(object, &info);
    json_decref(object);
    if (rc < 0)
        return rc;
    strcpy(info.directory, directory);
    info.running =
        info.start_time != 0 && tr_state_start_time(info.pid) == info.start_time && !is_zombie(info.pid);
    *ret_info = info;
    return 0;
}
