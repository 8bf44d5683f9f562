#include "lib/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

int tr_process_need_files(size_t wanted, size_t *ret_have, tr_error_t *error) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return tr_error_set(error, -errno, "cannot read the limit of open files: %s", strerror(errno));
    if (limit.rlim_cur < wanted) {
        struct rlimit higher = {wanted, limit.rlim_max > wanted ? limit.rlim_max : wanted};
        if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
            limit = higher;
        else {
            /* The hard limit is not ours to raise: take what there is. */
            higher = (struct rlimit){limit.rlim_max, limit.rlim_max};
            if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
                limit = higher;
        }
    }
    if (ret_have)
        *ret_have = (size_t)limit.rlim_cur;
    if (limit.rlim_cur >= wanted)
        return 0;
    return tr_error_set(error, -EPERM,
        "this process may open %zu files, %zu are needed: raise the hard limit (`ulimit -Hn %zu` as root, or "
        "LimitNOFILE=%zu in the systemd unit) or lower the number of links",
        (size_t)limit.rlim_cur, wanted, wanted, wanted);
}

static void handled_signals(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

int tr_process_signals(int *ret_fd, tr_error_t *error) {
    sigset_t set;
    handled_signals(&set);
    int rc = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (rc != 0)
        return tr_error_set(error, -rc, "cannot block signals: %s", strerror(rc));
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        rc = -errno;
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
        return tr_error_set(error, rc, "cannot make a signalfd: %s", strerror(-rc));
    }
    *ret_fd = fd;
    return 0;
}

int tr_process_next_signal(int fd) {
    struct signalfd_siginfo info;
    for (;;) {
        ssize_t n = read(fd, &info, sizeof info);
        if (n == (ssize_t)sizeof info)
            return (int)info.ssi_signo;
        if (n >= 0)
            return -EIO;
        if (errno == EAGAIN)
            return 0;
        if (errno != EINTR)
            return -errno;
    }
}

void tr_process_reset_signals(void) {
    sigset_t set;
    struct sigaction action = {.sa_handler = SIG_DFL};
    handled_signals(&set);
    sigaction(SIGPIPE, &action, NULL);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void tr_process_ignore_sigpipe(void) {
    struct sigaction action = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &action, NULL);
}

int tr_process_die_with(pid_t parent, int signal, tr_error_t *error) {
    if (prctl(PR_SET_PDEATHSIG, signal) != 0)
        return tr_error_set(error, -errno, "cannot ask to end with the parent: %s", strerror(errno));
    /* A parent that ended before the call above sends nothing. */
    if (parent != 0 && getppid() != parent)
        return tr_error_set(error, -ESRCH, "the parent process %ld is gone", (long)parent);
    return 0;
}

void tr_process_small_heap(size_t kept_bytes) {
    mallopt(M_ARENA_MAX, 1);
    /* Setting a threshold also stops glibc from raising it as large blocks are freed. */
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_TRIM_THRESHOLD, kept_bytes < INT_MAX ? (int)kept_bytes : INT_MAX);
}

/* "\nName:   123 kB" in /proc/self/status, in bytes; 0 where it is missing. */
static size_t status_bytes(const char *status, const char *name) {
    const char *at = strstr(status, name);
    return at ? (size_t)strtoull(at + strlen(name), NULL, 10) * 1024 : 0;
}

int tr_process_memory(tr_process_memory_t *ret_memory) {
    char status[4096];
    size_t used = 0;
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    for (;;) {
        ssize_t n = read(fd, status + used, sizeof status - 1 - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    close(fd);
    status[used] = '\0';
    tr_process_memory_t memory = {status_bytes(status, "\nVmRSS:"), status_bytes(status, "\nRssAnon:"),
        status_bytes(status, "\nVmHWM:")};
    if (memory.rss_bytes == 0)
        return -EIO;
    *ret_memory = memory;
    return 0;
}

int tr_process_program(char *out, size_t size) {
    ssize_t n = readlink("/proc/self/exe", out, size);
    int rc = n < 0 ? -errno : (size_t)n == size ? -ENAMETOOLONG : 0;
    out[rc == 0 ? n : 0] = '\0';
    return rc;
}

int tr_process_directory(char *out, size_t size) {
    int rc = tr_process_program(out, size);
    char *slash = strrchr(out, '/');
    if (slash)
        *slash = '\0';
    return rc;
}
