/*
 * What all that runs in the room together holds, looked at by its first process. A limit of each process by itself is the kernel's (limits.c), and lets n
 * processes have n times as much; how many processes there are it does not count for root. A cgroup would hold them all, but belongs to the system, and
 * hardly ever to who starts agents (docs/decisions.md).
 *
 * What is counted is what processes have mapped and is in memory or swapped, a page that several share by its part for each (Pss). What can be held without being
 * mapped is refused (filter.c) or bounded otherwise: /tmp has its size and its number of files. Where the room can have no /proc of its own it is looked for in the one outside, by the
 * namespace of its processes.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/tool/sandbox/sandbox.h"

#define LOOK_MS 20
#define REST    10 /* times as long as a look took, at least */
#define AT_GATE 64 /* processes of the first one that may connect for the program (gate.c) */

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- where they are seen ---- */

typedef struct view {
    int proc;      /* -1 = nowhere */
    ino_t room;    /* the namespace of its processes; 0 = all are of it */
    char self[24]; /* this one, there */
} view_t;

static ino_t room_of(int proc, const char *pid) {
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "%.20s/ns/pid", pid);
    return fstatat(proc, path, &st, 0) == 0 ? st.st_ino : 0;
}

/* The room's own /proc shows no other processes; the one outside shows all, those of the room too. */
static view_t open_view(const tr_sandbox_t *self) {
    view_t v = {.proc = self->has_proc ? open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : self->host_proc};
    ssize_t n = v.proc < 0 ? -1 : readlinkat(v.proc, "self", v.self, sizeof v.self - 1);
    if (!self->has_proc && (n <= 0 || !(v.room = room_of(v.proc, "self"))))
        v.proc = -1;
    return v;
}

static FILE *open_of(const view_t *v, const char *pid, const char *what) {
    char path[64];
    snprintf(path, sizeof path, "%.20s/%s", pid, what);
    int fd = openat(v->proc, path, O_RDONLY | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    if (fd >= 0 && !file)
        close(fd);
    return file;
}

static bool is_of_room(const view_t *v, const char *pid) {
    return isdigit((unsigned char)pid[0]) && strcmp(pid, v->self) != 0 &&
           (!v->room || room_of(v->proc, pid) == v->room);
}

/* ---- what they hold ---- */

/* Its resident pages, in bytes: no less than its Pss, and read at once. */
static uint64_t resident(const view_t *v, const char *pid) {
    unsigned long long size = 0, pages = 0;
    FILE *file = open_of(v, pid, "statm");
    if (!file) /* it has ended */
        return 0;
    if (fscanf(file, "%llu %llu", &size, &pages) != 2)
        pages = 0;
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t proportional(const view_t *v, const char *pid) {
    char line[256];
    uint64_t sum = 0;
    unsigned long long kib;
    FILE *file = open_of(v, pid, "smaps_rollup");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Pss: %llu kB", &kib) == 1 || sscanf(line, "SwapPss: %llu kB", &kib) == 1)
            sum += kib << 10;
    if (file)
        fclose(file);
    return sum;
}

static uint64_t one(const view_t *v, const char *pid) {
    (void)v, (void)pid;
    return 1;
}

/* Of all but this one. */
static uint64_t sum_of(const view_t *v, uint64_t (*each)(const view_t *v, const char *pid)) {
    int fd = openat(v->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *all = fd < 0 ? NULL : fdopendir(fd);
    uint64_t sum = 0;
    for (struct dirent *process; all && (process = readdir(all));)
        if (is_of_room(v, process->d_name))
            sum += each(v, process->d_name);
    if (all)
        closedir(all);
    else if (fd >= 0)
        close(fd);
    return sum;
}

/* Both say why on stderr. */
static bool are_too_many(const tr_sandbox_t *self, const view_t *v) {
    uint64_t most = self->processes + (tr_sandbox_has_gate(self) ? AT_GATE : 0);
    if (v->proc < 0 || sum_of(v, one) <= most)
        return false;
    fprintf(stderr, "troupe-sandbox: its processes were more than the %llu that they may be\n",
        (unsigned long long)self->processes);
    return true;
}

static bool hold_too_much(const tr_sandbox_t *self, const view_t *v) {
    if (v->proc < 0)
        return false;
    if (sum_of(v, resident) <= self->memory || sum_of(v, proportional) <= self->memory)
        return false;
    fprintf(stderr,
        "troupe-sandbox: its processes together held more memory than the %llu bytes that they may\n",
        (unsigned long long)self->memory);
    return true;
}

/* ---- waiting ---- */

/* For a while (-1 = without an end), or until one has ended, or is at the gate. */
static void pause_for(const tr_sandbox_t *self, int64_t ms, int ends, int gate) {
    struct signalfd_siginfo end;
    struct pollfd waits[] = {{.fd = ends, .events = POLLIN}, {.fd = gate, .events = POLLIN}};
    if (poll(waits, 2, (int)ms) <= 0)
        return;
    if (waits[0].revents && read(ends, &end, sizeof end) < 0)
        return; /* whoever has ended is looked for in any case */
    if (waits[1].revents & POLLIN)
        tr_sandbox_gate(self, gate);
}

int tr_sandbox_watch_ends(void) {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    int fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? tr_sandbox_say("signalfd", errno) : fd;
}

void tr_sandbox_unwatch_ends(void) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* 1: the program has ended; 0: not yet; negative: there is no child any more. */
static int reap(pid_t program, int *ret_status) {
    pid_t ended;
    int status;
    while ((ended = waitpid(-1, &status, WNOHANG)) > 0)
        if (ended == program) {
            *ret_status = status;
            return 1;
        }
    return ended < 0 && errno == ECHILD ? -ECHILD : 0;
}

/* When they are to be looked at again. */
typedef struct plan {
    int64_t look_at, count_at;
} plan_t;

/* Names alone are read at once, so between the looks too where the kernel does not count them: who becomes more and more is not to be waited for. */
static plan_t plan_next(const tr_sandbox_t *self, const view_t *v, const plan_t *last, int64_t began) {
    int64_t now = now_ms(), rest = (now - began) * REST;
    bool looked = began >= last->look_at, counts = self->is_root && !v->room;
    plan_t next = *last;
    if (looked)
        next.look_at = now + (rest > LOOK_MS ? rest : LOOK_MS);
    if (looked || began >= last->count_at)
        next.count_at = counts ? now + LOOK_MS : next.look_at;
    return next;
}

static int64_t left_of(const view_t *v, const plan_t *plan) {
    int64_t next = plan->count_at < plan->look_at ? plan->count_at : plan->look_at, left = next - now_ms();
    return v->proc < 0 ? -1 : left > 0 ? left : 0;
}

int tr_sandbox_wait(const tr_sandbox_t *self, pid_t program, int ends, int gate, int *ret_status) {
    plan_t plan = {0};
    view_t view = open_view(self);
    for (int rc; (rc = reap(program, ret_status)) != 1;) {
        if (rc < 0)
            return rc;
        int64_t began = now_ms();
        bool looks = began >= plan.look_at, counts = looks || began >= plan.count_at;
        if ((counts && are_too_many(self, &view)) || (looks && hold_too_much(self, &view))) {
            *ret_status =
                SIGKILL; /* as if it was the program that was killed: all of them are, with the first */
            return 0;
        }
        plan = plan_next(self, &view, &plan, began);
        pause_for(self, left_of(&view, &plan), ends, gate);
    }
    return 0;
}
