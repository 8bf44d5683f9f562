#include "tools/logs/log_place.h"

#include "proto/aid.h"
#include "tools/fleet/fleet.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX     ".log"
#define SUFFIX_LEN (sizeof SUFFIX - 1)

/* ---- the last fleet ---- */

typedef struct newest {
    const char *fleet; /* that is wanted; NULL = any */
    int64_t written_ns;
    tr_log_place_t place;
} newest_t;

static bool ours(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/* When the newest log of a directory was written; -1 = there is none. */
static int64_t last_written(const char *directory) {
    tr_log_names_t names;
    int64_t last = -1;
    if (tr_log_names_read(directory, &names) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        char path[PATH_MAX];
        struct stat st;
        int n = snprintf(path, sizeof path, "%s/%s" SUFFIX, directory, names.items[i]);
        if (n >= (int)sizeof path || stat(path, &st) < 0)
            continue;
        int64_t ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
        last = ns > last ? ns : last;
    }
    tr_log_names_finish(&names);
    return last;
}

static void look_at_fleet(newest_t *self, const char *root, const char *fleet) {
    tr_log_place_t place = {0};
    if (!tr_fleet_name_valid(fleet, strlen(fleet)) || (self->fleet && strcmp(fleet, self->fleet) != 0))
        return;
    if (strlen(fleet) >= sizeof place.fleet || snprintf(place.directory, sizeof place.directory, "%s/%s/logs",
                                                   root, fleet) >= (int)sizeof place.directory)
        return;
    strcpy(place.fleet, fleet);
    int64_t written_ns = ours(place.directory) ? last_written(place.directory) : -1;
    if (written_ns <= self->written_ns)
        return;
    self->written_ns = written_ns;
    self->place = place;
}

static void look_at_root(newest_t *self, const char *path) {
    char root[PATH_MAX];
    DIR *dir = ours(path) && realpath(path, root) ? opendir(root) : NULL;
    if (!dir)
        return;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        look_at_fleet(self, root, entry->d_name);
    closedir(dir);
}

/* The places where tools/fleet/state.h puts fleets. */
static void look_everywhere(newest_t *self, const char *override) {
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char path[PATH_MAX] = "";
    int n = 0;
    if (state && state[0] == '/')
        n = snprintf(path, sizeof path, "%s/troupe", state);
    else if (home && home[0] == '/')
        n = snprintf(path, sizeof path, "%s/.local/state/troupe", home);
    look_at_root(self, override ? override : ".troupe");
    if (!override && n > 0 && n < (int)sizeof path)
        look_at_root(self, path);
}

int tr_log_place_find(const char *override, const char *fleet, tr_log_place_t *ret_place, tr_error_t *error) {
    tr_state_info_t info;
    tr_log_place_t place = {.running = true};
    int rc = tr_state_find(override, fleet, &info, error);
    if (rc == 0) {
        strcpy(place.fleet, info.fleet);
        if (snprintf(place.directory, sizeof place.directory, "%s/logs", info.directory) >=
            (int)sizeof place.directory)
            return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", info.directory);
        *ret_place = place;
        return 0;
    }
    newest_t newest = {.fleet = fleet, .written_ns = -1};
    if (rc == -ENOENT)
        look_everywhere(&newest, override);
    if (newest.written_ns < 0)
        return rc;
    *ret_place = newest.place;
    return 0;
}

/* ---- names ---- */

static int by_name(const void *a, const void *b) {
    return strverscmp(*(const char *const *)a, *(const char *const *)b); /* reader-2 before reader-10 */
}

static int add_name(tr_log_names_t *names, const char *file) {
    size_t len = strlen(file);
    if (len <= SUFFIX_LEN || strcmp(file + len - SUFFIX_LEN, SUFFIX) != 0 ||
        !tr_name_valid(file, len - SUFFIX_LEN))
        return 0;
    char **items = realloc(names->items, (names->count + 2) * sizeof *items);
    if (!items)
        return -ENOMEM;
    names->items = items;
    items[names->count] = strndup(file, len - SUFFIX_LEN);
    if (!items[names->count])
        return -ENOMEM;
    items[++names->count] = NULL;
    return 0;
}

int tr_log_names_read(const char *directory, tr_log_names_t *ret_names) {
    tr_log_names_t names = {.items = calloc(1, sizeof *names.items)};
    DIR *dir = names.items ? opendir(directory) : NULL;
    int rc = dir ? 0 : names.items ? -errno : -ENOMEM;
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry && rc == 0; entry = readdir(dir))
        rc = add_name(&names, entry->d_name);
    if (dir)
        closedir(dir);
    if (rc < 0) {
        tr_log_names_finish(&names);
        return rc;
    }
    qsort(names.items, names.count, sizeof *names.items, by_name);
    *ret_names = names;
    return 0;
}

void tr_log_names_finish(tr_log_names_t *self) {
    for (size_t i = 0; i < self->count; i++)
        free(self->items[i]);
    free(self->items);
    *self = (tr_log_names_t){0};
}

bool tr_log_name_matches(const char *asked, const char *name) {
    size_t len = strlen(asked);
    if (strncmp(asked, name, len) != 0)
        return false;
    if (name[len] == '\0')
        return true;
    return name[len] == '-' && name[len + 1] &&
           strspn(name + len + 1, "0123456789") == strlen(name + len + 1);
}
