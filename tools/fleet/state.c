#include "tools/fleet/state.h"

#include "lib/base/file.h"
#include "tools/fleet/fleet.h"
#include "tools/fleet/state_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct tr_state {
    int lock_fd;
    char directory[PATH_MAX];
};

/* A directory of another user is not used: they could put anything into it. */
static bool ours(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           access(path, W_OK | X_OK) == 0;
}

static int absolute(const char *path, char *ret_path, tr_error_t *error) {
    char real[PATH_MAX];
    if (!realpath(path, real)) {
        int rc = -errno;
        return tr_error_set(error, rc, "%s: cannot use this directory for state: %s", path, strerror(-rc));
    }
    strcpy(ret_path, real);
    return 0;
}

/* The place of XDG's base directories; it need not exist. */
static int xdg_root(char *out, tr_error_t *error) {
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n;
    if (state && state[0] == '/')
        n = snprintf(out, PATH_MAX, "%s/troupe", state);
    else if (home && home[0] == '/')
        n = snprintf(out, PATH_MAX, "%s/.local/state/troupe", home);
    else
        return tr_error_set(error, -ENOENT,
            "no place for the fleet's state: .troupe cannot be made here and HOME is not set; give --state "
            "DIR");
    return n < PATH_MAX
               ? 0
               : tr_error_set(error, -ENAMETOOLONG, "the path of XDG_STATE_HOME or HOME is too long");
}

int tr_state_user_root(const char *override, char ret_root[PATH_MAX]) {
    tr_error_t error;
    if (!override)
        return xdg_root(ret_root, &error);
    return snprintf(ret_root, PATH_MAX, "%s", override) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int tr_state_root(const char *override, char *ret_root, tr_error_t *error) {
    char path[PATH_MAX];
    if (override) {
        if (strlen(override) >= sizeof path)
            return tr_error_set(error, -ENAMETOOLONG, "--state: the path is too long");
        strcpy(path, override);
    } else if (mkdir(".troupe", 0700) == 0 || ours(".troupe")) {
        strcpy(path, ".troupe");
    } else {
        int rc = xdg_root(path, error);
        if (rc < 0)
            return rc;
    }
    int rc = tr_directory_make(path);
    if (rc < 0)
        return tr_error_set(error, rc,
            "%s: cannot make this directory for state: %s; give another with --state", path, strerror(-rc));
    return absolute(path, ret_root, error);
}

/* Absolute without asking whether it is there. */
static int absolute_text(const char *path, const char *fleet, char *ret_path, tr_error_t *error) {
    char here[PATH_MAX] = "";
    if (path[0] != '/' && !getcwd(here, sizeof here))
        return tr_error_set(error, -errno, "the working directory: %s", strerror(errno));
    if (strncmp(path, "./", 2) == 0)
        path += 2;
    int n = snprintf(ret_path, PATH_MAX, "%s%s%s/%s", here, path[0] == '/' ? "" : "/", path, fleet);
    return n < PATH_MAX ? 0 : tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", path);
}

int tr_state_where(const char *override, const char *fleet, char *ret_directory, tr_error_t *error) {
    char xdg[PATH_MAX];
    const char *root = override ? override : ".troupe";
    bool can = override || ours(root) || (access(root, F_OK) < 0 && access(".", W_OK | X_OK) == 0);
    int rc = can ? 0 : xdg_root(xdg, error);
    return rc == 0 ? absolute_text(can ? root : xdg, fleet, ret_directory, error) : rc;
}

int tr_state_left(const char *override, const char *fleet, char *ret_directory, tr_error_t *error) {
    char xdg[PATH_MAX], directory[PATH_MAX];
    const char *roots[] = {override ? override : ".troupe", NULL};
    if (!override && xdg_root(xdg, NULL) == 0)
        roots[1] = xdg;
    for (size_t i = 0; i < 2 && roots[i] && tr_fleet_name_valid(fleet, strlen(fleet)); i++) {
        int rc = absolute_text(roots[i], fleet, directory, error);
        if (rc < 0)
            return rc;
        if (!ours(directory))
            continue;
        strcpy(ret_directory, directory);
        return 0;
    }
    return tr_error_set(error, -ENOENT,
        "no fleet \"%.80s\" has left anything here; say where its state is with --state", fleet);
}

static void print_time(int64_t unix_ms, char *out, size_t size) {
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(out, size, "an unknown time");
}

static int already_running(const char *directory, const char *fleet, tr_error_t *error) {
    tr_state_info_t info;
    if (tr_state_file_read(directory, &info) < 0)
        return tr_error_set(error, -EBUSY, "fleet \"%s\" is being started by another `troupe up`", fleet);
    char since[32];
    print_time(info.started_ms, since, sizeof since);
    return tr_error_set(error, -EBUSY,
        "fleet \"%s\" already runs: supervisor pid %d, since %s; end it with `troupe down %s`, or add agents "
        "with `troupe attach`",
        fleet, (int)info.pid, since, fleet);
}

static int take_lock(tr_state_t *self, const char *fleet, tr_error_t *error) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/lock", self->directory) >= (int)sizeof path)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", self->directory);
    self->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (self->lock_fd < 0) {
        int rc = -errno;
        return tr_error_set(error, rc, "%s: cannot open the fleet's lock: %s", path, strerror(-rc));
    }
    if (flock(self->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    int rc = -errno;
    if (rc == -EWOULDBLOCK)
        return already_running(self->directory, fleet, error);
    return tr_error_set(error, rc, "%s: cannot lock: %s", path, strerror(-rc));
}

static void remove_file(const tr_state_t *self) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/" TR_STATE_FILE, self->directory) < (int)sizeof path)
        unlink(path);
}

static int claim(tr_state_t *self, const char *root, const char *fleet, tr_error_t *error) {
    if (!tr_fleet_name_valid(fleet, strlen(fleet)))
        return tr_error_set(error, -EINVAL, "\"%.80s\" cannot be the name of a fleet", fleet);
    if (snprintf(self->directory, sizeof self->directory, "%s/%s", root, fleet) >=
        (int)sizeof self->directory)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", root);
    int rc = tr_directory_make(self->directory);
    if (rc < 0)
        return tr_error_set(
            error, rc, "%s: cannot make the fleet's directory: %s", self->directory, strerror(-rc));
    rc = take_lock(self, fleet, error);
    if (rc == 0)
        remove_file(self); /* of a supervisor that died, if any */
    return rc;
}

int tr_state_claim(const char *root, const char *fleet, tr_state_t **ret_state, tr_error_t *error) {
    tr_state_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->lock_fd = -1;
    int rc = claim(self, root, fleet, error);
    if (rc < 0) {
        tr_state_leave(&self);
        return rc;
    }
    *ret_state = self;
    return 0;
}

int tr_state_save(tr_state_t *self, const tr_state_info_t *info, tr_error_t *error) {
    return tr_state_file_write(self->directory, info, error);
}

const char *tr_state_directory(const tr_state_t *self) {
    return self->directory;
}

void tr_state_leave(tr_state_t **self) {
    if (!self || !*self)
        return;
    /* Closed, not unlocked: a forked supervisor that shares the lock keeps it. */
    if ((*self)->lock_fd >= 0)
        close((*self)->lock_fd);
    free(*self);
    *self = NULL;
}

void tr_state_release(tr_state_t **self) {
    if (!self || !*self)
        return;
    remove_file(*self);
    tr_state_leave(self);
}

int tr_state_log_path(
    const char *directory, const char *name, char *out, size_t out_size, tr_error_t *error) {
    if (!tr_name_valid(name, strlen(name)))
        return tr_error_set(error, -EINVAL, "\"%.140s\" is not an agent's name", name);
    char logs[PATH_MAX];
    if (snprintf(logs, sizeof logs, "%s/logs", directory) >= (int)sizeof logs ||
        snprintf(out, out_size, "%s/%s.log", logs, name) >= (int)out_size)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", directory);
    int rc = tr_directory_make(logs);
    if (rc < 0)
        return tr_error_set(error, rc, "%s: cannot make this directory: %s", logs, strerror(-rc));
    return 0;
}

static int add_fleet(tr_state_list_t *list, const char *root, const char *name) {
    char directory[PATH_MAX];
    tr_state_info_t info;
    if (!tr_fleet_name_valid(name, strlen(name)) ||
        snprintf(directory, sizeof directory, "%s/%s", root, name) >= (int)sizeof directory ||
        tr_state_file_read(directory, &info) < 0)
        return 0;
    tr_state_info_t *items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (!items)
        return -ENOMEM;
    list->items = items;
    items[list->count++] = info;
    return 0;
}

static int add_root(tr_state_list_t *list, const char *path) {
    char root[PATH_MAX];
    DIR *dir = ours(path) && realpath(path, root) ? opendir(root) : NULL;
    if (!dir)
        return 0;
    int rc = 0;
    for (struct dirent *entry = readdir(dir); entry && rc == 0; entry = readdir(dir))
        rc = add_fleet(list, root, entry->d_name);
    closedir(dir);
    return rc;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const tr_state_info_t *)a)->fleet, ((const tr_state_info_t *)b)->fleet);
}

/* What was named is to be there and to be looked into; what is only usual may be missing. */
static int check_named(const char *path, tr_error_t *error) {
    struct stat st;
    int rc = lstat(path, &st) == 0 ? 0 : -errno;
    if (rc == 0 && !S_ISDIR(st.st_mode))
        rc = -ENOTDIR;
    if (rc == 0 && st.st_uid != geteuid())
        return tr_error_set(error, -EPERM, "%s: this directory of state is another user's", path);
    if (rc == 0 && access(path, R_OK | W_OK | X_OK) < 0)
        rc = -errno;
    if (rc == 0 || rc == -ENOENT)
        return 0; /* no fleet was started there */
    return tr_error_set(error, rc, "%s: cannot look for fleets there: %s", path, strerror(-rc));
}

int tr_state_list(const char *override, tr_state_list_t *ret_list, tr_error_t *error) {
    tr_state_list_t list = {0};
    char xdg[PATH_MAX];
    int rc = override ? check_named(override, error) : 0;
    if (rc < 0)
        return rc;
    rc = add_root(&list, override ? override : ".troupe");
    if (rc == 0 && !override && xdg_root(xdg, NULL) == 0)
        rc = add_root(&list, xdg);
    if (rc < 0) {
        tr_state_list_finish(&list);
        return tr_error_set(error, rc, "out of memory");
    }
    if (list.count > 0)
        qsort(list.items, list.count, sizeof *list.items, by_name);
    *ret_list = list;
    return 0;
}

void tr_state_list_finish(tr_state_list_t *self) {
    free(self->items);
    *self = (tr_state_list_t){0};
}

/* Removes the state of a dead supervisor, unless somebody is starting that fleet just now. */
static void clean(const tr_state_info_t *info) {
    tr_state_t dead = {.lock_fd = -1};
    strcpy(dead.directory, info->directory);
    if (take_lock(&dead, info->fleet, NULL) == 0)
        remove_file(&dead);
    if (dead.lock_fd >= 0)
        close(dead.lock_fd);
}

static int not_found(const char *fleet, const tr_state_info_t *dead, tr_error_t *error) {
    if (dead)
        return tr_error_set(error, -ENOENT,
            "fleet \"%s\" does not run: its supervisor (pid %d) has died; start it with `troupe up %s`",
            dead->fleet, (int)dead->pid, dead->file);
    if (fleet)
        return tr_error_set(error, -ENOENT,
            "no fleet \"%.80s\" runs here; start it with `troupe up FILE`, or say where its state is with "
            "--state",
            fleet);
    return tr_error_set(error, -ENOENT, "no fleet runs here; start one with `troupe up FILE`");
}

static int several(const tr_state_list_t *list, tr_error_t *error) {
    char names[300] = "";
    size_t used = 0;
    for (size_t i = 0; i < list->count && used < sizeof names; i++) {
        if (list->items[i].running)
            used += (size_t)snprintf(
                names + used, sizeof names - used, "%s%s", used ? ", " : "", list->items[i].fleet);
    }
    return tr_error_set(error, -EINVAL, "several fleets run: %s; choose one with --fleet NAME", names);
}

static int choose(
    const tr_state_list_t *list, const char *fleet, tr_state_info_t *ret_info, tr_error_t *error) {
    const tr_state_info_t *found = NULL, *dead = NULL;
    size_t running = 0;
    for (size_t i = 0; i < list->count; i++) {
        const tr_state_info_t *info = &list->items[i];
        if (fleet && strcmp(info->fleet, fleet) != 0)
            continue;
        if (!info->running) {
            clean(info);
            dead = info;
            continue;
        }
        found = info;
        running++;
    }
    if (running == 0)
        return not_found(fleet, dead, error);
    if (running > 1)
        return several(list, error);
    *ret_info = *found;
    return 0;
}

int tr_state_find(const char *override, const char *fleet, tr_state_info_t *ret_info, tr_error_t *error) {
    tr_state_list_t list;
    int rc = tr_state_list(override, &list, error);
    if (rc < 0)
        return rc;
    rc = choose(&list, fleet, ret_info, error);
    tr_state_list_finish(&list);
    return rc;
}
