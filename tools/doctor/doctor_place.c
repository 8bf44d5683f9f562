/* What `troupe doctor` finds out of the installation, and of the state that fleets keep. */
#include "tools/doctor/doctor.h"

#include "lib/base/clock.h"
#include "lib/base/process.h"
#include "tools/fleet/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define VERSION_MS 5000 /* for a program to say its version */

/* ---- programs ---- */

void tr_doctor_program(tr_report_t *report, const char *name, const char *path, const char *text) {
    char expected[80];
    size_t len = strcspn(text, "\n");
    snprintf(expected, sizeof expected, "%s %s", name, TROUPE_VERSION);
    if (len == 0)
        tr_report_add(report, name, TR_HEALTH_FAIL, "Install Troupe again, as a whole.",
            "%s does not say its version", path);
    else if (len == strlen(expected) && memcmp(text, expected, len) == 0)
        tr_report_add(report, name, TR_HEALTH_OK, NULL, "%s, version %s", path, TROUPE_VERSION);
    else
        tr_report_add(report, name, TR_HEALTH_FAIL, "Install all of Troupe in one version, and look at PATH.",
            "%s says \"%.*s\", where this is troupe %s", path, len < 100 ? (int)len : 100, text,
            TROUPE_VERSION);
}

/* Reads until the end, or for so long. */
static void read_all(int fd, char *out, size_t size) {
    int64_t until_ms = tr_clock_ms() + VERSION_MS;
    size_t used = 0;
    for (;;) {
        int64_t left = until_ms - tr_clock_ms();
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        if (used + 1 >= size || left <= 0 || poll(&readable, 1, (int)left) <= 0)
            break;
        ssize_t n = read(fd, out + used, size - used - 1);
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    out[used] = '\0';
}

/* What `PATH --version` prints; "" where it does not. */
static void ask_version(const char *path, char *out, size_t size) {
    extern char **environ;
    int ends[2];
    pid_t pid;
    posix_spawn_file_actions_t actions;
    char *argv[] = {(char *)path, (char *)"--version", NULL};
    out[0] = '\0';
    if (pipe2(ends, O_CLOEXEC) < 0)
        return;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int rc = posix_spawn(&pid, path, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (rc == 0) {
        read_all(ends[0], out, size);
        kill(pid, SIGKILL); /* one that has ended already does not mind */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    close(ends[0]);
}

void tr_doctor_programs_look(tr_report_t *report) {
    static const struct {
        const char *name, *room;
    } programs[] = {{"troupe-broker", "broker"}, {"troupe-agentd", "agentd"}};
    char self[PATH_MAX], path[PATH_MAX], text[256];
    tr_process_directory(self, sizeof self);
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        tr_error_t error = {0};
        if (tr_programs_find_one(self, programs[i].room, programs[i].name, path, &error) < 0) {
            tr_report_add(report, programs[i].name, TR_HEALTH_FAIL,
                "`troupe up` needs it: install Troupe as a whole.", "%s", error.text);
            continue;
        }
        ask_version(path, text, sizeof text);
        tr_doctor_program(report, programs[i].name, path, text);
    }
}

/* ---- the state directory ---- */

/* The nearest directory that is there, of a path that may have to be made. */
static void nearest_there(char *path) {
    struct stat st;
    while (stat(path, &st) < 0 && errno == ENOENT) {
        char *slash = strrchr(path, '/');
        if (!slash || slash == path) {
            strcpy(path, slash ? "/" : ".");
            return;
        }
        *slash = '\0';
    }
}

/* Whether a fleet's state can be put there, as tools/fleet/state.c would: a directory that is ours, or one that can
 * be made. */
static bool usable(const char *path, bool *ret_there, int *ret_problem) {
    char nearest[PATH_MAX];
    struct stat st;
    if (strlen(path) >= sizeof nearest) {
        *ret_problem = ENAMETOOLONG;
        return false;
    }
    strcpy(nearest, path);
    nearest_there(nearest);
    *ret_there = strcmp(nearest, path) == 0;
    *ret_problem = 0;
    if (stat(nearest, &st) < 0)
        *ret_problem = errno;
    else if (!S_ISDIR(st.st_mode))
        *ret_problem = ENOTDIR;
    else if (*ret_there && st.st_uid != geteuid())
        *ret_problem = EPERM;
    else if (access(nearest, W_OK | X_OK) < 0)
        *ret_problem = errno;
    return *ret_problem == 0;
}

static bool xdg_place(char *out) {
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n = 0;
    if (state && state[0] == '/')
        n = snprintf(out, PATH_MAX, "%s/troupe", state);
    else if (home && home[0] == '/')
        n = snprintf(out, PATH_MAX, "%s/.local/state/troupe", home);
    return n > 0 && n < PATH_MAX;
}

/* A fleet's journal is there. */
static void look_at_disk(tr_report_t *report, const char *place) {
    char nearest[PATH_MAX];
    snprintf(nearest, sizeof nearest, "%s", place);
    nearest_there(nearest);
    tr_doctor_disk_look(report, nearest);
}

void tr_doctor_state_look(tr_report_t *report, const char *override) {
    static const char cure[] = "Give a directory that can be written with --state DIR, or in TROUPE_STATE.";
    char xdg[PATH_MAX] = "";
    bool there = false;
    int problem = 0;
    const char *place = override ? override : ".troupe";
    bool good = usable(place, &there, &problem);
    if (!good && !override && xdg_place(xdg)) {
        place = xdg;
        good = usable(place, &there, &problem);
    }
    if (good)
        look_at_disk(report, place);
    if (good)
        tr_report_add(report, "state directory", TR_HEALTH_OK, NULL, "%.400s %s", place,
            there ? "can be written" : "can be made");
    else
        tr_report_add(report, "state directory", TR_HEALTH_FAIL, cure, "%.400s cannot be written: %s", place,
            strerror(problem));
}

/* ---- fleets ---- */

static size_t running(const tr_state_list_t *fleets) {
    size_t n = 0;
    for (size_t i = 0; i < fleets->count; i++)
        n += fleets->items[i].running;
    return n;
}

void tr_doctor_fleets(tr_report_t *report, const tr_state_list_t *fleets) {
    if (running(fleets) == 0)
        tr_report_add(report, "fleets", TR_HEALTH_OK, NULL, "none runs here");
    for (size_t i = 0; i < fleets->count; i++) {
        const tr_state_info_t *info = &fleets->items[i];
        char uptime[24], cure[400];
        int64_t up_ms = tr_clock_wall_ms() - info->started_ms;
        tr_print_duration(up_ms > 0 ? up_ms : 0, uptime, sizeof uptime);
        snprintf(cure, sizeof cure,
            "`troupe logs up --fleet %s` has its last words; start it again with `troupe up %.240s`.",
            info->fleet, info->file);
        if (info->running)
            tr_report_add(report, "fleets", TR_HEALTH_OK, NULL,
                "%s runs for %s: supervisor pid %d, broker %s", info->fleet, uptime, (int)info->pid,
                info->listen);
        else
            tr_report_add(report, "fleets", TR_HEALTH_WARN, cure,
                "%s: its supervisor (pid %d) has died and left its state in %s", info->fleet, (int)info->pid,
                info->directory);
    }
}
