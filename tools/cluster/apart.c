#include "tools/cluster/apart.h"

#include "lib/base/file.h"
#include "tools/cluster/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "apart.json"
#define FILE_MOST 262144

const char *const tr_apart_words[] = {"here", "kubernetes", "podman", "ssh", NULL};

void tr_apart_finish(tr_apart_t *self) {
    json_decref(self->hosts);
    *self = (tr_apart_t){0};
}

/* ---- the file ---- */

static bool take(const json_t *object, const char *key, char *out, size_t size) {
    const char *text = json_string_value(json_object_get(object, key));
    if (text && strlen(text) >= size)
        return false;
    strcpy(out, text ? text : "");
    return true;
}

static bool take_port(const json_t *object, const char *key, uint16_t *out) {
    json_int_t port = json_integer_value(json_object_get(object, key));
    *out = (uint16_t)port;
    return port >= 0 && port <= UINT16_MAX;
}

static bool take_all(const json_t *object, tr_apart_t *out) {
    const char *on = json_string_value(json_object_get(object, "on"));
    for (int i = TR_APART_KUBERNETES; on && tr_apart_words[i]; i++)
        if (strcmp(on, tr_apart_words[i]) == 0)
            out->on = (tr_apart_on_t)i;
    return out->on != TR_APART_HERE && take(object, "fleet", out->fleet, sizeof out->fleet) &&
           take(object, "context", out->context, sizeof out->context) &&
           take(object, "namespace", out->namespace, sizeof out->namespace) &&
           take(object, "image", out->image, sizeof out->image) &&
           take(object, "ssh-config", out->ssh_config, sizeof out->ssh_config) &&
           take(object, "program", out->program, sizeof out->program) &&
           take(object, "remote", out->remote, sizeof out->remote) && take_port(object, "link", &out->link) &&
           take_port(object, "stream", &out->stream) && take_port(object, "http", &out->http) &&
           take_port(object, "web", &out->web);
}

/* -ENOENT where it is not there, -EINVAL where it is no such file. */
static int read_one(const char *directory, tr_apart_t *ret_apart) {
    tr_apart_t apart = {0};
    char path[PATH_MAX], *bytes = NULL;
    size_t len = 0;
    if (snprintf(path, sizeof path, "%s/" FILE_NAME, directory) >= (int)sizeof path ||
        strlen(directory) >= sizeof apart.directory)
        return -ENAMETOOLONG;
    int rc = tr_file_read(path, "state", FILE_MOST, &bytes, &len, NULL);
    if (rc < 0)
        return rc;
    json_t *object = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, NULL);
    free(bytes);
    strcpy(apart.directory, directory);
    rc = take_all(object, &apart) ? 0 : -EINVAL;
    json_t *hosts = json_object_get(object, "hosts");
    apart.hosts = json_is_array(hosts) ? json_incref(hosts) : NULL;
    if (apart.on == TR_APART_SSH && json_array_size(hosts) == 0)
        rc = -EINVAL;
    json_decref(object);
    if (rc < 0)
        tr_apart_finish(&apart);
    else
        *ret_apart = apart;
    return rc;
}

int tr_apart_save(const tr_apart_t *self, tr_error_t *error) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/" FILE_NAME, self->directory) >= (int)sizeof path)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", self->directory);
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:s, s:s, s:O*}", "fleet",
        self->fleet, "on", tr_apart_words[self->on], "context", self->context, "namespace", self->namespace,
        "image", self->image, "link", self->link, "stream", self->stream, "http", self->http, "web",
        self->web, "ssh-config", self->ssh_config, "program", self->program, "remote", self->remote, "hosts",
        self->hosts);
    char *text = object ? json_dumps(object, JSON_INDENT(1)) : NULL;
    json_decref(object);
    int rc = text ? tr_file_write(path, text, strlen(text), 0600) : -ENOMEM;
    free(text);
    return rc < 0 ? tr_error_set(error, rc, "%s: %s", path, strerror(-rc)) : 0;
}

static int forget_attached(void *arg, const char *group, tr_error_t *error) {
    (void)error;
    tr_apart_unlink_attached(arg, group);
    return 0;
}

void tr_apart_forget(const tr_apart_t *self) {
    char path[PATH_MAX];
    tr_apart_each_attached(self, forget_attached, (void *)(uintptr_t)self, NULL);
    if (snprintf(path, sizeof path, "%s/" FILE_NAME, self->directory) < (int)sizeof path)
        unlink(path);
}

tr_exit_t tr_apart_exit(int rc) {
    switch (rc) {
    case 0: return TR_EXIT_OK;
    case -ENOENT:
    case -EHOSTUNREACH: return TR_EXIT_UNREACHABLE;
    case -ETIMEDOUT: return TR_EXIT_TIMEOUT;
    default: return TR_EXIT_REFUSED;
    }
}

/* ---- who was attached ---- */

#define ATTACHED_SUFFIX ".yaml"

int tr_apart_each_attached(const tr_apart_t *self,
    int (*one)(void *arg, const char *group, tr_error_t *error), void *arg, tr_error_t *error) {
    char directory[PATH_MAX], group[TR_NAME_MAX + 1];
    int rc = 0, suffix = (int)strlen(ATTACHED_SUFFIX);
    if (snprintf(directory, sizeof directory, "%s/attached", self->directory) >= (int)sizeof directory)
        return 0;
    DIR *dir = opendir(directory);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; rc == 0 && entry; entry = readdir(dir)) {
        int len = (int)strlen(entry->d_name) - suffix;
        if (len <= 0 || len > TR_NAME_MAX || strcmp(entry->d_name + len, ATTACHED_SUFFIX) != 0)
            continue;
        snprintf(group, sizeof group, "%.*s", len, entry->d_name);
        rc = one(arg, group, error);
    }
    if (dir)
        closedir(dir);
    return rc;
}

bool tr_apart_unlink_attached(const tr_apart_t *self, const char *group) {
    char path[PATH_MAX];
    return snprintf(path, sizeof path, "%s/attached/%s" ATTACHED_SUFFIX, self->directory, group) <
               (int)sizeof path &&
           unlink(path) == 0;
}

/* ---- which ---- */

/* The only one of a directory. */
static int find_only(const char *root, tr_apart_t *ret_apart, tr_error_t *error) {
    char directory[PATH_MAX];
    tr_apart_t one = {0}, found = {0};
    int n = 0;
    DIR *dir = opendir(root);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        if (entry->d_name[0] == '.' ||
            snprintf(directory, sizeof directory, "%s/%s", root, entry->d_name) >= (int)sizeof directory ||
            read_one(directory, &one) < 0)
            continue;
        if (n++ == 0)
            found = one;
        else
            tr_error_set(error, -EINVAL, "several fleets run apart: %s and %s; say which with --fleet",
                found.fleet, one.fleet);
        if (n > 1)
            tr_apart_finish(&one);
    }
    if (dir)
        closedir(dir);
    if (n == 1) {
        *ret_apart = found;
        return 0;
    }
    tr_apart_finish(&found);
    return n ? -EINVAL : tr_error_set(error, -ENOENT, "no fleet runs apart");
}

int tr_apart_find(const char *state, const char *fleet, tr_apart_t *ret_apart, tr_error_t *error) {
    char directory[PATH_MAX];
    int rc = tr_state_where(state, fleet ? fleet : "x", directory, error);
    if (rc < 0)
        return rc;
    if (!fleet) {
        *strrchr(directory, '/') = '\0';
        return find_only(directory, ret_apart, error);
    }
    rc = read_one(directory, ret_apart);
    return rc < 0 ? tr_error_set(error, rc, "no fleet %s runs apart", fleet) : 0;
}

bool tr_apart_instead(const char *state, const char *fleet, tr_apart_t *ret_apart) {
    tr_state_info_t info;
    if (tr_apart_find(state, fleet, ret_apart, NULL) < 0)
        return false; /* before a look at those that run here, which says of one that has died once that it has */
    if (tr_state_find(state, fleet, &info, NULL) == -ENOENT)
        return true;
    tr_apart_finish(ret_apart);
    return false;
}

/* ---- its file ---- */

static bool has(const tr_fleet_t *fleet, const char *group) {
    for (size_t i = 0; i < fleet->agent_list.count; i++)
        if (strcmp(tr_fleet_agents(fleet)[i].name, group) == 0)
            return true;
    return false;
}

int tr_apart_load(const tr_apart_t *self, const char *group, tr_fleet_t **ret_fleet, tr_error_t *error) {
    char path[PATH_MAX];
    tr_fleet_t *fleet = NULL;
    if (snprintf(path, sizeof path, "%s/fleet.yaml", self->directory) >= (int)sizeof path)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", self->directory);
    int rc = tr_fleet_load(path, &fleet, error);
    if (rc == 0 && group && !has(fleet, group)) {
        tr_fleet_destroy(&fleet);
        if (snprintf(path, sizeof path, "%s/attached/%s.yaml", self->directory, group) >= (int)sizeof path ||
            access(path, R_OK) < 0)
            return tr_error_set(error, -ENOENT, "the fleet %s has no group \"%s\"", self->fleet, group);
        rc = tr_fleet_load(path, &fleet, error);
    }
    if (rc < 0)
        return rc;
    *ret_fleet = fleet;
    return 0;
}
