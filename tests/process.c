#include "tests/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ARGUMENTS_MAX 64

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A pause between two looks at a condition that no descriptor announces. */
static void pause_ms(long ms) {
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static void make_pipe(int fds[2]) {
    if (pipe2(fds, O_CLOEXEC) < 0)
        fail_msg("pipe: %s", strerror(errno));
}

/* In the child. `in` and `out` become stdin and stdout; `keep` stays open over exec. */
static void become(const char *const argv[], pid_t parent, int in, int out, int keep) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(126);
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        (keep >= 0 && fcntl(keep, F_SETFD, 0) < 0))
        _exit(126);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

void process_start(process_t *self, const char *const argv[]) {
    int in[2], out[2];
    pid_t parent = getpid();
    make_pipe(in);
    make_pipe(out);
    *self = (process_t){.pid = fork(), .in = in[1], .out = out[0]};
    if (self->pid == 0)
        become(argv, parent, in[0], out[1], -1);
    close(in[0]);
    close(out[1]);
    assert_true(self->pid > 0);
}

void process_start_ready(process_t *self, const char *const argv[]) {
    const char *copy[ARGUMENTS_MAX];
    char number[16];
    int out[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
    pid_t parent = getpid();
    size_t n = 0;
    make_pipe(out);
    snprintf(number, sizeof number, "%d", out[1]);
    for (; argv[n] && n < ARGUMENTS_MAX - 1; n++)
        copy[n] = strcmp(argv[n], "@FD") ? argv[n] : number;
    copy[n] = NULL;
    *self = (process_t){.pid = fork(), .in = -1, .out = out[0]};
    if (self->pid == 0)
        become(copy, parent, null, null, out[1]);
    close(out[1]);
    close(null);
    assert_true(self->pid > 0);
}

/* Takes the first line out of the buffer. */
static bool take_line(process_t *self, char *line, size_t size) {
    char *end = memchr(self->buffer, '\n', self->have);
    if (!end)
        return false;
    size_t n = (size_t)(end - self->buffer);
    assert_true(n < size);
    memcpy(line, self->buffer, n);
    line[n] = 0;
    self->have -= n + 1;
    memmove(self->buffer, end + 1, self->have);
    return true;
}

/* Reads more, waiting so long at most: 1 something came, 0 nothing did, -1 the end. */
static int read_more(process_t *self, int wait_ms) {
    struct pollfd p = {.fd = self->out, .events = POLLIN};
    assert_true(self->have < sizeof self->buffer);
    if (poll(&p, 1, wait_ms) <= 0)
        return 0;
    ssize_t n = read(self->out, self->buffer + self->have, sizeof self->buffer - self->have);
    if (n <= 0)
        return -1;
    self->have += (size_t)n;
    return 1;
}

bool process_line(process_t *self, char *line, size_t size) {
    int64_t until = now_ms() + PROCESS_PATIENCE_MS;
    while (!take_line(self, line, size)) {
        int64_t left = until - now_ms();
        if (left <= 0)
            fail_msg(
                "process %d has written no line within %d s", (int)self->pid, PROCESS_PATIENCE_MS / 1000);
        if (read_more(self, (int)left) < 0)
            return false;
    }
    return true;
}

bool process_line_now(process_t *self, char *line, size_t size) {
    while (!take_line(self, line, size))
        if (read_more(self, 0) <= 0)
            return false;
    return true;
}

void process_expect(process_t *self, const char *line) {
    char have[512];
    if (!process_line(self, have, sizeof have))
        fail_msg("process %d has ended before it wrote \"%s\"", (int)self->pid, line);
    assert_string_equal(have, line);
}

void process_tell(process_t *self, const char *text) {
    char line[512];
    int n = snprintf(line, sizeof line, "%s\n", text);
    assert_int_equal(write(self->in, line, (size_t)n), n);
}

void process_signal(const process_t *self, int signal) {
    assert_true(self->pid > 0);
    assert_int_equal(kill(self->pid, signal), 0);
}

void process_stop(const process_t *self) {
    process_signal(self, SIGSTOP);
    siginfo_t info = {0};
    assert_int_equal(waitid(P_PID, (id_t)self->pid, &info, WSTOPPED | WEXITED | WNOWAIT), 0);
    assert_int_equal(info.si_code, CLD_STOPPED);
}

void process_continue(const process_t *self) {
    process_signal(self, SIGCONT);
}

static void close_pipes(process_t *self) {
    if (self->in >= 0)
        close(self->in);
    if (self->out >= 0)
        close(self->out);
    self->in = self->out = -1;
}

int process_wait(process_t *self) {
    int64_t until = now_ms() + PROCESS_PATIENCE_MS;
    int status;
    pid_t done;
    while ((done = waitpid(self->pid, &status, WNOHANG)) == 0 && now_ms() < until)
        pause_ms(2);
    if (done != self->pid)
        fail_msg("process %d has not ended within %d s", (int)self->pid, PROCESS_PATIENCE_MS / 1000);
    self->pid = 0;
    close_pipes(self);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void process_kill(process_t *self) {
    process_signal(self, SIGKILL);
    assert_int_equal(process_wait(self), 128 + SIGKILL);
}

void process_finish(process_t *self) {
    if (self->pid > 0) {
        kill(self->pid, SIGKILL);
        waitpid(self->pid, NULL, 0);
        close_pipes(self);
    }
    self->pid = 0;
}

long process_memory_kb(const process_t *self, const char *field) {
    char path[64], line[256];
    long kb = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)self->pid);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    size_t n = strlen(field);
    while (kb < 0 && fgets(line, sizeof line, f))
        if (!strncmp(line, field, n) && line[n] == ':')
            kb = strtol(line + n + 1, NULL, 10);
    fclose(f);
    assert_true(kb >= 0);
    return kb;
}

/* The text of a member of the one JSON line that a broker writes; its texts need no escapes. */
static void member(const char *json, const char *name, char *out, size_t size) {
    char key[64];
    snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = strstr(json, key), *end = at ? strchr(at + strlen(key), '"') : NULL;
    if (!end)
        fail_msg("no %s in %s", name, json);
    snprintf(out, size, "%.*s", (int)(end - at - (long)strlen(key)), at + strlen(key));
}

static void run_broker(broker_t *self, const char *listen, const char *stream) {
    const char *argv[ARGUMENTS_MAX], *program = getenv("TROUPE_BROKER");
    const char *fixed[] = {program, "--listen", listen, "--stream", stream, "--http", "none", "--log-level",
        "error", "--drain", "1s", "--ready-fd", "@FD"};
    char line[1024];
    size_t n = sizeof fixed / sizeof *fixed;
    if (!program)
        fail_msg("TROUPE_BROKER must be the path of troupe-broker");
    memcpy(argv, fixed, sizeof fixed);
    for (const char *const *o = self->options; o && *o && n < ARGUMENTS_MAX - 1; o++)
        argv[n++] = *o;
    argv[n] = NULL;
    process_start_ready(&self->process, argv);
    if (!process_line(&self->process, line, sizeof line))
        fail_msg("the broker did not start");
    member(line, "endpoint", self->endpoint, sizeof self->endpoint);
    member(line, "stream", self->stream, sizeof self->stream);
}

void broker_start(broker_t *self, const char *listen, const char *const *options) {
    *self = (broker_t){.options = options};
    run_broker(self, listen ? listen : "tcp://127.0.0.1:0", "tcp://127.0.0.1:0");
}

void broker_restart(broker_t *self) {
    char listen[sizeof self->endpoint], stream[sizeof self->stream];
    memcpy(listen, self->endpoint, sizeof listen);
    memcpy(stream, self->stream, sizeof stream);
    run_broker(self, listen, stream);
}

void broker_end(broker_t *self) {
    process_signal(&self->process, SIGTERM);
    assert_int_equal(process_wait(&self->process), 0);
}
