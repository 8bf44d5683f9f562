#include "tools/up/child.h"

#include "tools/up/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Where the child failed before it became the program. */
typedef enum stage {
    STAGE_SETUP,
    STAGE_DIRECTORY,
    STAGE_PROGRAM,
} stage_t;

typedef struct report {
    int stage;
    int error;
} report_t;

/* Descriptors of the parent that the child needs; all close on exec. */
typedef struct files {
    int null, out, report[2];
} files_t;

static _Noreturn void fail(int fd, stage_t stage) {
    report_t report = {stage, errno};
    ssize_t ignored = write(fd, &report, sizeof report);
    (void)ignored; /* the parent then sees an exit status of 127 */
    _exit(127);
}

static void reset_signals(void) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int signal = 1; signal < NSIG; signal++)
        sigaction(signal, &action, NULL); /* fails for SIGKILL, SIGSTOP and those of libc, ignoring */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Puts a copy out of the way of descriptors 0 to 3; keeps -1. */
static int moved(int fd, int report) {
    if (fd < 0)
        return fd;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    if (copy < 0)
        fail(report, STAGE_SETUP);
    return copy;
}

static void place_files(const tr_child_start_t *start, const files_t *files, int report) {
    int null = moved(files->null, report), out = moved(files->out, report),
        ready = moved(start->ready_fd, report);
    bool ok = dup2(null, 0) >= 0 && (out < 0 || (dup2(out, 1) >= 0 && dup2(out, 2) >= 0)) &&
              (ready < 0 || dup2(ready, TR_SUPERVISE_READY_FD) >= 0);
    if (!ok)
        fail(report, STAGE_SETUP);
    unsigned first = ready < 0 ? TR_SUPERVISE_READY_FD : TR_SUPERVISE_READY_FD + 1;
    if (close_range(first, ~0u, CLOSE_RANGE_CLOEXEC) < 0 && errno != ENOSYS)
        fail(report, STAGE_SETUP); /* an old kernel: ours are close-on-exec anyway */
}

/* In the child. Only async-signal-safe calls: other threads of the parent may hold locks for ever. */
static _Noreturn void become(
    const tr_child_start_t *start, const files_t *files, char *const *env, pid_t parent) {
    int report = moved(files->report[1], files->report[1]);
    setpgid(0, 0);
    if (start->die_with_parent) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
            _exit(127);
    }
    reset_signals();
    place_files(start, files, report);
    if (start->directory && chdir(start->directory) < 0)
        fail(report, STAGE_DIRECTORY);
    /* exec takes char *const *: it does not write to them. */
    execvpe(start->argv[0], (char *const *)start->argv, env);
    fail(report, STAGE_PROGRAM);
}

static const char *variable_in(const char *const *variables, const char *entry) {
    size_t len = strcspn(entry, "=") + 1;
    for (; variables && *variables; variables++) {
        if (strncmp(*variables, entry, len) == 0)
            return *variables;
    }
    return NULL;
}

/* This process's environment with the variables in it; the texts are borrowed. */
static char **environment(const char *const *variables) {
    size_t own = 0, more = 0, n = 0;
    while (environ && environ[own])
        own++;
    while (variables && variables[more])
        more++;
    char **env = malloc((own + more + 1) * sizeof *env);
    if (!env)
        return NULL;
    for (size_t i = 0; i < own; i++) {
        if (!variable_in(variables, environ[i]))
            env[n++] = environ[i];
    }
    for (size_t i = 0; i < more; i++)
        env[n++] = (char *)variables[i];
    env[n] = NULL;
    return env;
}

static int open_files(const tr_child_start_t *start, files_t *files, tr_error_t *error) {
    *files = (files_t){-1, -1, {-1, -1}};
    files->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (files->null < 0 || pipe2(files->report, O_CLOEXEC) < 0) {
        int rc = -errno;
        return tr_error_set(error, rc, "cannot start %s: %s", start->argv[0], strerror(-rc));
    }
    if (!start->log)
        return 0;
    files->out = open(start->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (files->out < 0) {
        int rc = -errno;
        return tr_error_set(error, rc, "cannot open the log %s: %s", start->log, strerror(-rc));
    }
    return 0;
}

static void close_if(int fd) {
    if (fd >= 0)
        close(fd);
}

static void close_files(files_t *files) {
    close_if(files->null);
    close_if(files->out);
    close_if(files->report[0]);
    close_if(files->report[1]);
}

/* Reads the child's report; nothing in it means that the program runs. */
static int read_report(const tr_child_start_t *start, const files_t *files, pid_t pid, tr_error_t *error) {
    report_t report;
    ssize_t n;
    do
        n = read(files->report[0], &report, sizeof report);
    while (n < 0 && errno == EINTR);
    if (n != sizeof report)
        return 0;
    waitpid(pid, NULL, 0);
    switch (report.stage) {
    case STAGE_DIRECTORY:
        return tr_error_set(
            error, -report.error, "cannot run in %s: %s", start->directory, strerror(report.error));
    case STAGE_PROGRAM:
        return tr_error_set(
            error, -report.error, "cannot run %s: %s", start->argv[0], strerror(report.error));
    default:
        return tr_error_set(
            error, -report.error, "cannot start %s: %s", start->argv[0], strerror(report.error));
    }
}

static int start_with(
    const tr_child_start_t *start, files_t *files, char *const *env, pid_t *ret_pid, tr_error_t *error) {
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        int rc = -errno;
        return tr_error_set(error, rc, "cannot start %s: %s%s", start->argv[0], strerror(-rc),
            rc == -EAGAIN ? " (is the limit of processes, ulimit -u, reached?)" : "");
    }
    if (pid == 0)
        become(start, files, env, parent);
    /* Both sides do it, so that neither has to wait for the other; it fails here once the child
     * has run exec. */
    setpgid(pid, pid);
    close(files->report[1]);
    files->report[1] = -1;
    int rc = read_report(start, files, pid, error);
    if (rc == 0)
        *ret_pid = pid;
    return rc;
}

int tr_child_start(const tr_child_start_t *start, pid_t *ret_pid, tr_error_t *error) {
    files_t files;
    int rc = open_files(start, &files, error);
    char **env = rc == 0 ? environment(start->variables) : NULL;
    if (rc == 0)
        rc = env ? start_with(start, &files, env, ret_pid, error)
                 : tr_error_set(error, -ENOMEM, "out of memory");
    free(env);
    close_files(&files);
    return rc;
}

static int copy_rest(int from, int to) {
    char bytes[65536];
    for (;;) {
        ssize_t n = read(from, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        for (ssize_t done = 0; done < n;) {
            ssize_t w = write(to, bytes + done, (size_t)(n - done));
            if (w < 0 && errno != EINTR)
                return -errno;
            done += w > 0 ? w : 0;
        }
    }
}

static int keep_and_empty(int fd, const char *path, off_t skip) {
    char older[PATH_MAX];
    if (snprintf(older, sizeof older, "%s.1", path) >= (int)sizeof older)
        return -ENAMETOOLONG;
    int to = open(older, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int rc = to < 0 || lseek(fd, skip, SEEK_SET) < 0 ? -errno : copy_rest(fd, to);
    close_if(to);
    /* Emptied even when it could not be kept: a disk that is full must not fill further. */
    if (ftruncate(fd, 0) < 0 && rc == 0)
        rc = -errno;
    return rc;
}

int tr_child_bound_log(const char *path, size_t limit) {
    struct stat st;
    if (stat(path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISREG(st.st_mode) || (size_t)st.st_size <= limit)
        return 0;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = keep_and_empty(fd, path, st.st_size - (off_t)limit);
    close(fd);
    return rc;
}
