#include "kbd/pdf.h"

#include "kbd/confine.h"
#include "lib/base/file.h"
#include "lib/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM    "/usr/bin/pdftotext"
#define MEMORY_MAX ((rlim_t)1 << 30)
#define NO_PROGRAM 127

bool tr_pdf_is(const void *bytes, size_t len) {
    return len >= 5 && memcmp(bytes, "%PDF-", 5) == 0;
}

static void limit(int what, rlim_t most) {
    struct rlimit r = {most, most};
    setrlimit(what, &r); /* a lower one is there already, ignoring */
}

/* In the child: only calls that are safe after a fork of a process with threads. */
static _Noreturn void run(int in, int out, pid_t parent) {
    static char program[] = PROGRAM, encoding[] = "-enc", utf8[] = "UTF-8", quiet[] = "-q", standard[] = "-";
    char *const arguments[] = {program, quiet, encoding, utf8, standard, standard, NULL};
    char *const environment[] = {NULL};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(NO_PROGRAM);
    tr_process_reset_signals();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        unshare(CLONE_NEWNET); /* where neither is allowed the limits remain, ignoring */
    limit(RLIMIT_CPU, TR_PDF_SECONDS);
    limit(RLIMIT_AS, MEMORY_MAX);
    limit(RLIMIT_FSIZE, TR_PDF_TEXT_MAX);
    limit(RLIMIT_CORE, 0);
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || chdir("/") < 0)
        _exit(NO_PROGRAM);
    close(STDERR_FILENO);
    close_range(3, ~0u, 0);
    tr_confine(); /* an older kernel cannot: the limits remain, ignoring */
    execve(program, arguments, environment);
    _exit(NO_PROGRAM);
}

static int fill(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0)
            return -errno;
        bytes += n;
        len -= (size_t)n;
    }
    return lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

/* From 3 on, so that dup2 does not meet it at its own number. */
static int memory_file(const char *name) {
    int fd = memfd_create(name, MFD_CLOEXEC), high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    int rc = high < 0 ? -errno : high;
    if (fd >= 0)
        close(fd);
    return rc;
}

static int start(tr_pdf_t *self, int in) {
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        run(in, self->out, parent);
    self->pid = pid;
    self->process = pidfd_open(pid, 0);
    return self->process < 0 ? -errno : 0;
}

int tr_pdf_start(tr_pdf_t *self, const void *bytes, size_t len, tr_error_t *error) {
    *self = (tr_pdf_t){.process = -1, .out = -1};
    if (access(PROGRAM, X_OK) < 0)
        return tr_error_set(
            error, -ENOENT, "PDF is read by %s, which is not there: install poppler-utils", PROGRAM);
    int in = memory_file("pdf");
    int rc = in < 0 ? in : fill(in, bytes, len);
    if (rc == 0 && (self->out = memory_file("text")) < 0)
        rc = self->out;
    if (rc == 0)
        rc = start(self, in);
    if (in >= 0)
        close(in);
    if (rc < 0) {
        tr_pdf_finish(self);
        return tr_error_set(error, rc, "cannot start %s: %s", PROGRAM, strerror(-rc));
    }
    return 0;
}

static const char *what_is_wrong(int status) {
    if (WIFSIGNALED(status))
        return "it takes too much time or memory, or breaks the program that reads it";
    switch (WEXITSTATUS(status)) {
    case 0: return NULL;
    case 1: return "it is broken or encrypted";
    case 3: return "it does not allow that its text is copied";
    case NO_PROGRAM: return "the program that reads it cannot be run";
    default: return "the program that reads it has failed";
    }
}

int tr_pdf_take(tr_pdf_t *self, char **ret_text, size_t *ret_len, tr_error_t *error) {
    int status = 0;
    const char *wrong =
        waitpid(self->pid, &status, 0) == self->pid ? what_is_wrong(status) : "its reader is lost";
    self->pid = 0;
    int rc = wrong ? tr_error_set(error, -EILSEQ, "PDF: %s", wrong)
             : lseek(self->out, 0, SEEK_SET) < 0
                 ? -errno
                 : tr_file_read_fd(self->out, TR_PDF_TEXT_MAX, ret_text, ret_len);
    if (!wrong && rc < 0)
        tr_error_set(error, rc, "PDF: its text cannot be read: %s", strerror(-rc));
    tr_pdf_finish(self);
    return rc;
}

void tr_pdf_finish(tr_pdf_t *self) {
    if (self->pid > 0) {
        kill(self->pid, SIGKILL);
        waitpid(self->pid, NULL, 0);
    }
    if (self->process >= 0)
        close(self->process);
    if (self->out >= 0)
        close(self->out);
    *self = (tr_pdf_t){.process = -1, .out = -1};
}
