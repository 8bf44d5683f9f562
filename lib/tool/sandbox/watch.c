/*
 * The memory of all that runs in the room together, looked at by its first process. A limit of each process by itself is the kernel's (limits.c), and lets n
 * processes have n times as much; a cgroup would hold them all, but belongs to the system, and hardly ever to who starts agents.
 *
 * What is counted is what processes have mapped and is in memory or swapped, a page that several share by its part for each (Pss). What can be held without being
 * mapped is refused (filter.c) or bounded otherwise: /tmp has its size. Where the room has no /proc nothing can be counted.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/tool/sandbox/sandbox.h"

#define LOOK_MS 100
#define REST    10 /* times as long as a look took, at least */

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- what they hold ---- */

/* Its resident pages, in bytes: no less than its Pss, and read at once. */
static uint64_t resident(const char *pid) {
    char path[64];
    unsigned long long size = 0, pages = 0;
    snprintf(path, sizeof path, "/proc/%.20s/statm", pid);
    FILE *file = fopen(path, "re");
    if (!file) /* it has ended */
        return 0;
    if (fscanf(file, "%llu %llu", &size, &pages) != 2)
        pages = 0;
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t proportional(const char *pid) {
    char path[64], line[256];
    uint64_t sum = 0;
    unsigned long long kib;
    snprintf(path, sizeof path, "/proc/%.20s/smaps_rollup", pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Pss: %llu kB", &kib) == 1 || sscanf(line, "SwapPss: %llu kB", &kib) == 1)
            sum += kib << 10;
    if (file)
        fclose(file);
    return sum;
}

/* Of all but this one. */
static uint64_t sum_of(uint64_t (*each)(const char *pid)) {
    DIR *all = opendir("/proc");
    uint64_t sum = 0;
    for (struct dirent *one; all && (one = readdir(all));)
        if (isdigit((unsigned char)one->d_name[0]) && strcmp(one->d_name, "1") != 0)
            sum += each(one->d_name);
    if (all)
        closedir(all);
    return sum;
}

static bool hold_too_much(uint64_t memory) {
    return sum_of(resident) > memory && sum_of(proportional) > memory;
}

/* ---- waiting ---- */

/* For a while, or until one has ended, or is at the gate. */
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

int tr_sandbox_wait(const tr_sandbox_t *self, pid_t program, int ends, int gate, int *ret_status) {
    int64_t look_at = 0;
    for (int rc; (rc = reap(program, ret_status)) != 1;) {
        if (rc < 0)
            return rc;
        int64_t began = now_ms();
        if (began >= look_at && hold_too_much(self->memory)) {
            fprintf(stderr,
                "troupe-sandbox: its processes together held more memory than the %llu bytes that they may\n",
                (unsigned long long)self->memory);
            *ret_status =
                SIGKILL; /* as if it was the program that was killed: all of them are, with the first */
            return 0;
        }
        int64_t now = now_ms(), rest = (now - began) * REST;
        if (began >= look_at)
            look_at = now + (rest > LOOK_MS ? rest : LOOK_MS);
        pause_for(self, look_at > now ? look_at - now : 0, ends, gate);
    }
    return 0;
}
