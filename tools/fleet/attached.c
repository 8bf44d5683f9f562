#include "tools/fleet/attached.h"

#include "tools/fleet/running.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".json"

int tr_attached_directory(const char *state, char *out, tr_error_t *error) {
    char root[PATH_MAX];
    int rc = tr_state_root(state, root, error);
    if (rc < 0)
        return rc;
    if (snprintf(out, PATH_MAX, "%s/_attached", root) >= PATH_MAX)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", root);
    if (mkdir(out, 0700) < 0 && errno != EEXIST)
        return tr_error_set(error, -errno, "%s: cannot make this directory: %s", out, strerror(errno));
    return 0;
}

static int path_of(const char *directory, const char *name, const char *suffix, char *out) {
    if (!tr_name_valid(name, strlen(name)))
        return -EINVAL;
    return snprintf(out, PATH_MAX, "%s/%s%s", directory, name, suffix) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static bool read_record(const char *path, tr_attached_t *out) {
    json_t *object = json_load_file(path, 0, NULL);
    const char *name = json_string_value(json_object_get(object, "name"));
    const char *endpoint = json_string_value(json_object_get(object, "endpoint"));
    json_int_t pid = json_integer_value(json_object_get(object, "pid"));
    json_int_t start = json_integer_value(json_object_get(object, "start_time"));
    bool ok = name && endpoint && strlen(name) <= TR_NAME_MAX && strlen(endpoint) <= TR_STATE_ENDPOINT_MAX &&
              pid > 1 && pid <= INT_MAX && start > 0;
    if (ok) {
        strcpy(out->name, name);
        strcpy(out->endpoint, endpoint);
        out->pid = (pid_t)pid;
        out->start_time = (uint64_t)start;
    }
    json_decref(object);
    return ok;
}

/* A process that has ended and waits for its parent does not run. */
static bool runs(const tr_attached_t *attached) {
    tr_running_t process;
    if (tr_running_open(&process, attached->pid, attached->start_time) < 0)
        return tr_state_start_time(attached->pid) == attached->start_time; /* a kernel without pidfds */
    bool ended = tr_running_wait(&process, 0);
    tr_running_close(&process);
    return !ended;
}

int tr_attached_find(const char *directory, const char *name, tr_attached_t *ret_attached) {
    char path[PATH_MAX];
    tr_attached_t found;
    if (path_of(directory, name, SUFFIX, path) < 0 || !read_record(path, &found))
        return -ENOENT;
    if (!runs(&found)) {
        unlink(path);
        return -ENOENT;
    }
    *ret_attached = found;
    return 0;
}

int tr_attached_save(const char *directory, const tr_attached_t *attached, tr_error_t *error) {
    char path[PATH_MAX], next[PATH_MAX];
    int rc = path_of(directory, attached->name, SUFFIX, path);
    if (rc == 0)
        rc = path_of(directory, attached->name, SUFFIX "~", next);
    json_t *object = json_pack("{s:s, s:s, s:i, s:I}", "name", attached->name, "endpoint", attached->endpoint,
        "pid", (int)attached->pid, "start_time", (json_int_t)attached->start_time);
    if (rc == 0 && (!object || json_dump_file(object, next, JSON_INDENT(2)) < 0 || rename(next, path) < 0))
        rc = errno ? -errno : -EIO;
    json_decref(object);
    return rc < 0 ? tr_error_set(error, rc, "%s: cannot note the agent %s there: %s", directory,
                        attached->name, strerror(-rc))
                  : 0;
}

void tr_attached_remove(const char *directory, const char *name) {
    char path[PATH_MAX];
    if (path_of(directory, name, SUFFIX, path) == 0)
        unlink(path);
}

size_t tr_attached_names(const char *directory, char *out, size_t size) {
    size_t n = 0, used = 0;
    out[0] = '\0';
    DIR *dir = opendir(directory);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        char name[TR_NAME_MAX + 1];
        tr_attached_t found;
        size_t len = strlen(entry->d_name), suffix = strlen(SUFFIX);
        if (len <= suffix || len - suffix > TR_NAME_MAX || strcmp(entry->d_name + len - suffix, SUFFIX) != 0)
            continue;
        memcpy(name, entry->d_name, len - suffix);
        name[len - suffix] = '\0';
        if (tr_attached_find(directory, name, &found) < 0)
            continue;
        if (used < size)
            used += (size_t)snprintf(out + used, size - used, "%s%s", n ? ", " : "", name);
        n++;
    }
    if (dir)
        closedir(dir);
    return n;
}
