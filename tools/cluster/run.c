#include "tools/cluster/run.h"

#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAID_MAX   400 /* bytes of what a program said that are told again */
#define NO_PROGRAM 127

void tr_run_add(tr_run_t *self, const char *argument) {
    if (self->count < TR_RUN_MAX)
        self->argv[self->count] = argument;
    self->count++;
}

void tr_run_add_all(tr_run_t *self, const char *const *arguments) {
    for (; *arguments; arguments++)
        tr_run_add(self, *arguments);
}

static int check(const tr_run_t *self, tr_error_t *error) {
    return self->count <= TR_RUN_MAX
               ? 0
               : tr_error_set(error, -E2BIG, "%s: more than %d arguments", self->argv[0], TR_RUN_MAX);
}

static void close_files(tr_run_job_t *files) {
    int *const all[] = {&files->in, &files->out, &files->err};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (*all[i] >= 0)
            close(*all[i]);
        *all[i] = -1;
    }
}

static int open_files(tr_run_job_t *files, const char *input) {
    files->in = input ? memfd_create("in", MFD_CLOEXEC) : open("/dev/null", O_RDONLY | O_CLOEXEC);
    files->out = memfd_create("out", MFD_CLOEXEC);
    files->err = memfd_create("err", MFD_CLOEXEC);
    if (files->in < 0 || files->out < 0 || files->err < 0)
        return -errno;
    for (size_t done = 0, len = input ? strlen(input) : 0; done < len;) {
        ssize_t n = write(files->in, input + done, len - done);
        if (n < 0)
            return -errno;
        done += (size_t)n;
    }
    return input && lseek(files->in, 0, SEEK_SET) < 0 ? -errno : 0;
}

static void become(const tr_run_t *self, const tr_run_job_t *files, pid_t parent) __attribute__((noreturn));
static void become(const tr_run_t *self, const tr_run_job_t *files, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == parent && dup2(files->in, STDIN_FILENO) >= 0 && dup2(files->out, STDOUT_FILENO) >= 0 &&
        dup2(files->err, STDERR_FILENO) >= 0)
        execvp(self->argv[0], (char *const *)(uintptr_t)self->argv);
    _exit(NO_PROGRAM);
}

static int start(const tr_run_t *self, const tr_run_job_t *files, pid_t *ret_pid) {
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        become(self, files, parent);
    *ret_pid = pid;
    return 0;
}

static char *text_of(int fd) {
    char *text = NULL;
    size_t len = 0;
    if (lseek(fd, 0, SEEK_SET) < 0 || tr_file_read_fd(fd, TR_RUN_OUTPUT_MAX, &text, &len) < 0)
        return NULL;
    return text;
}

/* Of more than can be shown: from where it says what is wrong, else its end. */
static const char *telling(const char *said, size_t len) {
    static const char *const marks[] = {"Error", "error:", "The "}; /* "The Job ... is invalid": of kubectl */
    for (size_t i = 0; len > SAID_MAX && i < sizeof marks / sizeof *marks; i++) {
        const char *at = strstr(said, marks[i]);
        if (at)
            return at;
    }
    return said + (len > SAID_MAX ? len - SAID_MAX : 0);
}

/* What it said, in one line. */
static int failed(const tr_run_t *self, const tr_run_job_t *files, int status, tr_error_t *error) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_PROGRAM)
        return tr_error_set(error, -ENOENT, "%s cannot be run: is it installed, and in PATH?", self->argv[0]);
    char *said = text_of(files->err);
    size_t len = said ? strlen(said) : 0;
    while (len && said[len - 1] == '\n')
        said[--len] = '\0';
    for (char *at = said; at && *at; at++)
        if (*at == '\n')
            *at = ' ';
    int rc = WIFSIGNALED(status)
                 ? tr_error_set(error, -EINTR, "%s was ended by signal %d", self->argv[0], WTERMSIG(status))
                 : tr_error_set(error, -EREMOTEIO, "%s %s: %.*s", self->argv[0],
                       self->count > 1 ? self->argv[1] : "", SAID_MAX, len ? telling(said, len) : "failed");
    free(said);
    return rc;
}

int tr_run_begin(const tr_run_t *self, const char *input, tr_run_job_t *running, tr_error_t *error) {
    *running = (tr_run_job_t){.in = -1, .out = -1, .err = -1};
    int rc = check(self, error);
    if (rc < 0)
        return rc;
    rc = open_files(running, input);
    if (rc == 0)
        rc = start(self, running, &running->pid);
    return rc < 0 ? tr_error_set(error, rc, "%s cannot be run: %s", self->argv[0], strerror(-rc)) : 0;
}

static int finish(
    const tr_run_t *self, const tr_run_job_t *running, char **ret_out, int *ret_status, tr_error_t *error) {
    int status;
    while (waitpid(running->pid, &status, 0) < 0)
        if (errno != EINTR)
            return tr_error_set(error, -errno, "%s: %s", self->argv[0], strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        if (ret_status)
            *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        return failed(self, running, status, error);
    }
    if (ret_out && !(*ret_out = text_of(running->out)))
        return tr_error_set(error, -ENOMEM, "%s said too much", self->argv[0]);
    return 0;
}

int tr_run_end(
    const tr_run_t *self, tr_run_job_t *running, char **ret_out, int *ret_status, tr_error_t *error) {
    int rc = running->pid > 0 ? finish(self, running, ret_out, ret_status, error) : 0;
    close_files(running);
    running->pid = 0;
    return rc;
}

int tr_run(const tr_run_t *self, const char *input, char **ret_out, tr_error_t *error) {
    tr_run_job_t running;
    int rc = tr_run_begin(self, input, &running, error);
    int ended = tr_run_end(self, &running, ret_out, NULL, rc < 0 ? NULL : error);
    return rc < 0 ? rc : ended;
}

int tr_run_exec(const tr_run_t *self, tr_error_t *error) {
    int rc = check(self, error);
    if (rc < 0)
        return rc;
    execvp(self->argv[0], (char *const *)(uintptr_t)self->argv);
    return tr_error_set(error, -errno, "%s cannot be run: %s", self->argv[0], strerror(errno));
}

int tr_run_beside(const tr_run_t *self, pid_t *ret_pid, tr_error_t *error) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    tr_run_job_t files = {.in = null, .out = null, .err = null};
    int rc = check(self, error);
    if (rc == 0)
        rc = null < 0 ? -errno : start(self, &files, ret_pid);
    if (null >= 0)
        close(null);
    return rc < 0 ? tr_error_set(error, rc, "%s cannot be run: %s", self->argv[0], strerror(-rc)) : 0;
}
