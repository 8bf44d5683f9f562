#include "lib/child/child.h"

#include "lib/base/buffer.h"
#include "lib/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct tr_child {
    pid_t pid;
    int process; /* pidfd: readable when the program has ended */
    int in, out, err;
    tr_buffer_t pending; /* for its stdin */
    size_t written;      /* of pending */
    bool close_input;    /* when all of it is written */
    bool reaped;
    int status;
    tr_lines_t output, errors;
};

static void close_fd(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Both ends of the pipes between the two processes. */
typedef struct pipes {
    int in[2], out[2], err[2], failure[2];
} pipes_t;

static void close_pipes(pipes_t *p) {
    int *all[] = {p->in, p->out, p->err, p->failure};
    for (size_t i = 0; i < 4; i++) {
        close_fd(&all[i][0]);
        close_fd(&all[i][1]);
    }
}

static int open_pipes(pipes_t *p) {
    int *all[] = {p->in, p->out, p->err, p->failure};
    *p = (pipes_t){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    for (size_t i = 0; i < 4; i++) {
        if (pipe2(all[i], O_CLOEXEC) < 0) {
            int rc = -errno;
            close_pipes(p);
            return rc;
        }
    }
    return 0;
}

/* A standard fd of the child. The pipe's own number may be the wanted one, where the parent had it closed:
 * then dup2 would keep its close-on-exec. */
static int install(int fd, int as) {
    if (fd == as)
        return fcntl(fd, F_SETFD, 0);
    return dup2(fd, as) < 0 ? -1 : 0;
}

/* In the child: only calls that are safe after a fork of a process with threads. */
static void run(const tr_child_options_t *options, const char **environment, pipes_t *p, pid_t parent) {
    /* exec's prototype is older than const; it changes nothing. */
    union {
        const char *const *ours;
        char *const *theirs;
    } command = {options->command}, variables = {environment};
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    tr_process_reset_signals();
    int bad = install(p->in[0], STDIN_FILENO) || install(p->out[1], STDOUT_FILENO) ||
              install(p->err[1], STDERR_FILENO) || (options->cwd && chdir(options->cwd) < 0);
    if (!bad) {
        /* Whatever this process opened without close-on-exec is not the program's. */
        close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
        execvpe(command.theirs[0], command.theirs, variables.theirs);
    }
    int code = errno;
    ssize_t ignored = write(p->failure[1], &code, sizeof code);
    (void)ignored; /* the status tells it, too */
    _exit(127);
}

static size_t count_of(const char *const *list) {
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

static bool same_name(const char *a, const char *b) {
    size_t n = strcspn(a, "=");
    return strncmp(a, b, n + 1) == 0;
}

/* The environment of this process with the additions in place of what has the same name. */
static const char **make_environment(const char *const *add, bool only) {
    size_t have = only ? 0 : count_of((const char *const *)environ), more = count_of(add), n = 0;
    const char **all = calloc(have + more + 1, sizeof *all);
    if (!all)
        return NULL;
    for (size_t i = 0; i < have; i++) {
        size_t k = 0;
        while (k < more && !same_name(add[k], environ[i]))
            k++;
        if (k == more)
            all[n++] = environ[i];
    }
    for (size_t k = 0; k < more; k++)
        all[n++] = add[k];
    return all;
}

/* Waits for exec: 0, or the negative errno of the child that could not do it. */
static int wait_for_exec(pipes_t *p) {
    int code = 0;
    ssize_t n;
    close_fd(&p->failure[1]);
    do
        n = read(p->failure[0], &code, sizeof code);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof code && code > 0 ? -code : 0;
}

static int not_blocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

/* The parent's ends become the child's object. */
static int adopt(tr_child_t *self, pipes_t *p) {
    int rc = not_blocking(p->in[1]);
    if (rc == 0)
        rc = not_blocking(p->out[0]);
    if (rc == 0)
        rc = not_blocking(p->err[0]);
    if (rc < 0)
        return rc;
    self->process = pidfd_open(self->pid, 0);
    if (self->process < 0)
        return -errno;
    fcntl(self->process, F_SETFD, FD_CLOEXEC);
    self->in = p->in[1];
    self->out = p->out[0];
    self->err = p->err[0];
    p->in[1] = p->out[0] = p->err[0] = -1;
    return 0;
}

static int spawn(tr_child_t *self, const tr_child_options_t *options, pipes_t *p) {
    const char **environment = make_environment(options->env, options->only_env);
    if (!environment)
        return -ENOMEM;
    pid_t parent = getpid();
    self->pid = fork();
    if (self->pid == 0)
        run(options, environment, p, parent);
    int rc = self->pid < 0 ? -errno : 0;
    free(environment);
    if (rc < 0)
        return rc;
    /* Both do it: whoever comes first, the group is there before it is killed. */
    setpgid(self->pid, self->pid);
    rc = wait_for_exec(p);
    return rc < 0 ? rc : adopt(self, p);
}

int tr_child_start(const tr_child_options_t *options, tr_child_t **ret_child, tr_error_t *error) {
    tr_child_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    *self = (tr_child_t){.pid = -1, .process = -1, .in = -1, .out = -1, .err = -1};
    tr_buffer_init(&self->pending, 0);
    tr_lines_init(&self->output, options->line_max ? options->line_max : TR_CHILD_LINE_MAX);
    tr_lines_init(&self->errors, TR_CHILD_ERROR_MAX);
    pipes_t pipes;
    int rc = open_pipes(&pipes);
    if (rc == 0) {
        rc = spawn(self, options, &pipes);
        close_pipes(&pipes);
    }
    if (rc < 0) {
        tr_child_destroy(&self);
        return tr_error_set(error, rc, "cannot run %.200s%s%.100s: %s", options->command[0],
            options->cwd ? " in " : "", options->cwd ? options->cwd : "", strerror(-rc));
    }
    *ret_child = self;
    return 0;
}

static void reap(tr_child_t *self, int flags) {
    pid_t pid;
    if (self->reaped || self->pid <= 0)
        return;
    do
        pid = waitpid(self->pid, &self->status, flags);
    while (pid < 0 && errno == EINTR);
    self->reaped = pid != 0;
}

void tr_child_kill(tr_child_t *self) {
    /* The leader's number stays the group's as long as the leader is not reaped. */
    if (self->pid > 0 && !self->reaped)
        kill(-self->pid, SIGKILL);
}

void tr_child_destroy(tr_child_t **self_p) {
    if (!self_p || !*self_p)
        return;
    tr_child_t *self = *self_p;
    tr_child_kill(self);
    reap(self, 0);
    close_fd(&self->process);
    close_fd(&self->in);
    close_fd(&self->out);
    close_fd(&self->err);
    tr_buffer_finish(&self->pending);
    tr_lines_finish(&self->output);
    tr_lines_finish(&self->errors);
    free(self);
    *self_p = NULL;
}

void tr_child_stop(tr_child_t **self, int wait_ms) {
    if (!self || !*self)
        return;
    tr_child_t *child = *self;
    close_fd(&child->in);
    if (child->pid > 0 && !child->reaped) {
        struct pollfd end = {child->process, POLLIN, 0};
        kill(-child->pid, SIGTERM);
        poll(&end, 1, wait_ms);
    }
    tr_child_destroy(self);
}

size_t tr_child_pending(const tr_child_t *self) {
    return self->pending.size - self->written;
}

static void forget_pending(tr_child_t *self) {
    tr_buffer_finish(&self->pending);
    self->written = 0;
}

/* Writes what the pipe takes now. */
static void flush_input(tr_child_t *self) {
    while (self->in >= 0 && tr_child_pending(self) > 0) {
        ssize_t n = write(self->in, self->pending.data + self->written, tr_child_pending(self));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (n < 0) {
            /* It closed its stdin: whatever it does now, it does without us. */
            close_fd(&self->in);
            break;
        }
        self->written += (size_t)n;
    }
    forget_pending(self);
    if (self->close_input)
        close_fd(&self->in);
}

int tr_child_write(tr_child_t *self, const void *bytes, size_t len) {
    if (self->in < 0)
        return 0;
    tr_buffer_put(&self->pending, bytes, len);
    if (self->pending.failed) {
        forget_pending(self);
        return -ENOMEM;
    }
    flush_input(self);
    return 0;
}

void tr_child_close_input(tr_child_t *self) {
    self->close_input = true;
    flush_input(self);
}

size_t tr_child_polls(const tr_child_t *self, bool take_output, struct pollfd out[TR_CHILD_FDS]) {
    size_t n = 0;
    if (self->in >= 0)
        out[n++] = (struct pollfd){self->in, tr_child_pending(self) ? POLLOUT : 0, 0};
    if (self->out >= 0)
        out[n++] = (struct pollfd){self->out, take_output ? POLLIN : 0, 0};
    if (self->err >= 0)
        out[n++] = (struct pollfd){self->err, POLLIN, 0};
    if (self->process >= 0)
        out[n++] = (struct pollfd){self->process, POLLIN, 0};
    return n;
}

/* One read; at the end of the pipe, or after an error, it is closed. */
static void read_pipe(tr_lines_t *lines, int *fd) {
    if (tr_lines_read(lines, *fd) < 0 || lines->ended) {
        lines->ended = true;
        close_fd(fd);
    }
}

/* A program that ended wrote all that it will; a grandchild may hold the pipe open for ever, so that what is
 * there now is taken, and no more is waited for. */
static void read_rest(tr_lines_t *lines, int *fd) {
    size_t before;
    do
        before = lines->end - lines->start;
    while (*fd >= 0 && tr_lines_read(lines, *fd) > 0 && !lines->ended && lines->end - lines->start > before);
    lines->ended = true;
    close_fd(fd);
}

static void process_ended(tr_child_t *self) {
    siginfo_t info = {0};
    /* Left as a zombie first, so that its number, and the group's, cannot be another's when it is killed. */
    if (waitid(P_PID, (id_t)self->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0)
        return;
    tr_child_kill(self);
    reap(self, 0);
    close_fd(&self->process);
    close_fd(&self->in);
    read_rest(&self->output, &self->out);
    read_rest(&self->errors, &self->err);
}

void tr_child_handle(tr_child_t *self, int fd) {
    if (fd < 0)
        return;
    if (fd == self->in)
        flush_input(self);
    else if (fd == self->out)
        read_pipe(&self->output, &self->out);
    else if (fd == self->err)
        read_pipe(&self->errors, &self->err);
    else if (fd == self->process)
        process_ended(self);
}

bool tr_child_ended(const tr_child_t *self) {
    return self->reaped;
}

const char *tr_child_how(const tr_child_t *self, char *out, size_t size) {
    if (WIFSIGNALED(self->status)) {
        const char *name = sigabbrev_np(WTERMSIG(self->status));
        snprintf(out, size, "signal %s", name ? name : "unknown");
    } else
        snprintf(out, size, "exit status %d", WEXITSTATUS(self->status));
    return out;
}

bool tr_child_succeeded(const tr_child_t *self) {
    return self->reaped && WIFEXITED(self->status) && WEXITSTATUS(self->status) == 0;
}

tr_lines_t *tr_child_output(tr_child_t *self) {
    return &self->output;
}

tr_lines_t *tr_child_errors(tr_child_t *self) {
    return &self->errors;
}

pid_t tr_child_pid(const tr_child_t *self) {
    return self->pid;
}
