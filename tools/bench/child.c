#include "tools/bench/child.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

tr_bench_task_t tr_bench_task(tr_bench_t *bench, const tr_bench_case_t *c, uint64_t count) {
    uint64_t warm = count / 10 + 1;
    bench->work = warm + count;
    return (tr_bench_task_t){.size = c->size, .count = count, .warm = warm, .agents = c->agents};
}

/* One number, or a range, of a list of CPUs. */
static const char *take_cpus(const char *at, cpu_set_t *cpus) {
    char *end;
    long first = strtol(at, &end, 10), last = first;
    if (end == at || first < 0)
        return NULL;
    if (*end == '-') {
        at = end + 1;
        last = strtol(at, &end, 10);
        if (end == at)
            return NULL;
    }
    if (last < first || last >= CPU_SETSIZE)
        return NULL;
    for (long i = first; i <= last; i++)
        CPU_SET((size_t)i, cpus);
    return end;
}

int tr_bench_cpus(const char *pin, cpu_set_t *ret_cpus, bool *ret_any, tr_error_t *error) {
    cpu_set_t cpus, have;
    CPU_ZERO(&cpus);
    *ret_any = strcmp(pin, "free") != 0;
    if (!*ret_any)
        return 0;
    const char *at = pin;
    do
        at = take_cpus(at, &cpus);
    while (at && *at == ',' && at++);
    if (!at || *at)
        return tr_error_set(error, -EINVAL, "--pin %s: expected CPU numbers (0 or 0,2-3) or free", pin);
    if (sched_getaffinity(0, sizeof have, &have) == 0) {
        CPU_AND(&have, &have, &cpus);
        if (!CPU_COUNT(&have))
            return tr_error_set(error, -EINVAL, "--pin %s: this process may use none of these CPUs", pin);
    }
    *ret_cpus = cpus;
    return 0;
}

/* In the child. */
static void settle_down(const tr_bench_case_t *c, pid_t parent) {
    cpu_set_t cpus;
    bool any;
    tr_process_reset_signals();
    if (tr_process_die_with(parent, SIGKILL, NULL) < 0)
        _exit(1);
    if (tr_bench_cpus(c->pin, &cpus, &any, NULL) < 0 || (any && sched_setaffinity(0, sizeof cpus, &cpus) < 0))
        _exit(1);
}

static tr_bench_child_t *add_child(tr_bench_t *bench, const char *what) {
    tr_bench_child_t **grown = realloc(bench->children, (bench->children_n + 1) * sizeof(*grown));
    if (!grown)
        return NULL;
    bench->children = grown;
    tr_bench_child_t *child = calloc(1, sizeof *child);
    if (!child)
        return NULL;
    child->what = what;
    child->in = -1;
    grown[bench->children_n++] = child;
    return child;
}

static void play(const tr_bench_task_t *task, tr_bench_role_fn role) {
    tr_bench_note_t note = {.word = TR_BENCH_FAILED};
    tr_error_t error = {0};
    int r = role(task, &error);
    if (r < 0) {
        snprintf(note.text, sizeof note.text, "%s", error.text[0] ? error.text : strerror(-r));
        tr_bench_say(task, &note);
    }
    _exit(r < 0);
}

int tr_bench_fork(tr_bench_t *bench, const tr_bench_case_t *c, const char *what, tr_bench_role_fn role,
    const tr_bench_task_t *task, tr_bench_child_t **ret_child, tr_error_t *error) {
    int ends[2];
    tr_bench_child_t *child = add_child(bench, what);
    if (!child || pipe2(ends, O_CLOEXEC) < 0)
        return tr_error_set(error, -ENOMEM, "cannot start %s: out of memory or file descriptors", what);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        close(ends[0]);
        settle_down(c, parent);
        tr_bench_task_t own = *task;
        own.out = ends[1];
        own.shared = bench->shared;
        play(&own, role);
    }
    close(ends[1]);
    if (pid < 0) {
        int r = -errno;
        close(ends[0]);
        return tr_error_set(error, r, "cannot start %s: %s", what, strerror(-r));
    }
    child->pid = pid;
    child->in = ends[0];
    *ret_child = child;
    return 0;
}

void tr_bench_log_path(const tr_bench_t *bench, const char *program, char *out, size_t size) {
    snprintf(out, size, "%s/%s.log", bench->directory, program);
}

/* In the child. */
static _Noreturn void become(const tr_bench_t *bench, const tr_bench_case_t *c, const char *path,
    const char *const *argv, int ready, pid_t parent) {
    char log[600];
    tr_bench_log_path(bench, argv[0], log, sizeof log);
    settle_down(c, parent);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC),
        err = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (null < 0 || err < 0 || dup2(null, 0) < 0 || dup2(err, 1) < 0 || dup2(err, 2) < 0)
        _exit(126);
    if (ready == TR_BENCH_READY_FD ? fcntl(ready, F_SETFD, 0) < 0
                                   : ready >= 0 && dup2(ready, TR_BENCH_READY_FD) < 0)
        _exit(126);
    execv(path, (char *const *)(uintptr_t)argv); /* it does not write to them */
    dprintf(2, "cannot run %s: %s\n", path, strerror(errno));
    _exit(127);
}

int tr_bench_exec(tr_bench_t *bench, const tr_bench_case_t *c, const char *path, const char *const *argv,
    bool ready, tr_bench_child_t **ret_child, tr_error_t *error) {
    int ends[2] = {-1, -1};
    tr_bench_child_t *child = add_child(bench, argv[0]);
    if (!child || (ready && pipe2(ends, O_CLOEXEC) < 0))
        return tr_error_set(error, -ENOMEM, "cannot start %s: out of memory or file descriptors", argv[0]);
    child->program = true;
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(bench, c, path, argv, ends[1], parent);
    if (ends[1] >= 0)
        close(ends[1]);
    if (pid < 0) {
        int r = -errno;
        if (ends[0] >= 0)
            close(ends[0]);
        return tr_error_set(error, r, "cannot start %s: %s%s", argv[0], strerror(-r),
            r == -EAGAIN ? " (is the limit of processes, ulimit -u, reached?)" : "");
    }
    child->pid = pid;
    child->in = ends[0];
    *ret_child = child;
    return 0;
}

/* The last line of a program's log: "" where it wrote none. */
static void last_line(const tr_bench_t *bench, const char *program, char *out, size_t size) {
    char path[600], line[400];
    tr_bench_log_path(bench, program, path, sizeof path);
    out[0] = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    while (fgets(line, sizeof line, file))
        snprintf(out, size, ": %.*s", (int)strcspn(line, "\n"), line);
    fclose(file);
}

static int64_t microseconds(const struct timeval *t) {
    return (int64_t)t->tv_sec * 1000000 + t->tv_usec;
}

static int reap(tr_bench_t *bench, tr_bench_child_t *child) {
    struct rusage used;
    int status = 0;
    if (wait4(child->pid, &status, 0, &used) == child->pid) {
        bench->cpu_us += microseconds(&used.ru_utime) + microseconds(&used.ru_stime);
        child->peak_bytes = (size_t)used.ru_maxrss * 1024;
    }
    child->pid = 0;
    return status;
}

/* 0 where that was all it had to do. */
static int ended(tr_bench_t *bench, tr_bench_child_t *child, tr_error_t *error) {
    int status = reap(bench, child);
    char why[480];
    if (child->ends && status == 0) {
        child->said[TR_BENCH_DONE] = true;
        return 0;
    }
    last_line(bench, child->what, why, sizeof why); /* "" for a role */
    if (WIFSIGNALED(status))
        return tr_error_set(error, -ECHILD, "%s was ended by signal %d (%s)%s", child->what, WTERMSIG(status),
            strsignal(WTERMSIG(status)), why);
    return tr_error_set(error, -ECHILD, "%s ended with code %d%s", child->what, WEXITSTATUS(status), why);
}

static void close_in(tr_bench_child_t *child) {
    close(child->in);
    child->in = -1;
}

static int read_note(tr_bench_t *bench, tr_bench_child_t *child, tr_error_t *error) {
    tr_bench_note_t note;
    ssize_t n = read(child->in, &note, sizeof note);
    if (n == 0) {
        close_in(child);
        return child->said[TR_BENCH_DONE] ? 0 : ended(bench, child, error);
    }
    if (n != sizeof note || note.word >= TR_BENCH_WORDS)
        return tr_error_set(error, -EIO, "%s cannot be understood", child->what);
    if (note.word == TR_BENCH_FAILED)
        return tr_error_set(error, -ECHILD, "%s: %s", child->what, note.text);
    child->notes[note.word] = note;
    child->said[note.word] = true;
    return 0;
}

/* The line of a program comes in one write; what ends without one has failed. */
static int read_line(tr_bench_t *bench, tr_bench_child_t *child, tr_error_t *error) {
    ssize_t n = read(child->in, child->line, sizeof child->line - 1);
    close_in(child);
    if (n <= 0)
        return ended(bench, child, error);
    child->line[n] = 0;
    child->line[strcspn(child->line, "\n")] = 0;
    child->said[TR_BENCH_READY] = true;
    return 0;
}

static int take_one(tr_bench_t *bench, const struct pollfd *polled, tr_error_t *error) {
    for (size_t i = 0; i < bench->children_n; i++) {
        tr_bench_child_t *child = bench->children[i];
        if (child->in == polled->fd)
            return child->program ? read_line(bench, child, error) : read_note(bench, child, error);
    }
    return 0;
}

static int interrupted(tr_bench_t *bench, tr_error_t *error) {
    bench->interrupted = true;
    return tr_error_set(error, -EINTR, "interrupted");
}

/* Takes what any child says within the time. 0 or the first failure. */
static int listen_once(tr_bench_t *bench, int64_t timeout_ms, tr_error_t *error) {
    struct pollfd *polls = calloc(bench->children_n + 1, sizeof *polls);
    if (!polls)
        return tr_error_set(error, -ENOMEM, "out of memory");
    nfds_t n = 1;
    polls[0] = (struct pollfd){.fd = bench->signals, .events = POLLIN};
    for (size_t i = 0; i < bench->children_n; i++)
        if (bench->children[i]->in >= 0)
            polls[n++] = (struct pollfd){.fd = bench->children[i]->in, .events = POLLIN};
    int r = 0;
    if (poll(polls, n, (int)(timeout_ms < 0 ? 0 : timeout_ms)) > 0) {
        if (polls[0].revents)
            r = interrupted(bench, error);
        for (nfds_t i = 1; i < n && r == 0; i++)
            if (polls[i].revents)
                r = take_one(bench, &polls[i], error);
    }
    free(polls);
    return r;
}

static int wait_for(
    tr_bench_t *bench, tr_bench_child_t *child, tr_bench_word_t word, int64_t timeout_ms, tr_error_t *error) {
    int64_t deadline = tr_clock_ms() + timeout_ms;
    while (!child->said[word]) {
        int64_t left = deadline - tr_clock_ms();
        if (left <= 0)
            return tr_error_set(error, -ETIMEDOUT, "%s has not %s after %lld s", child->what,
                word == TR_BENCH_READY ? "become ready" : "finished", (long long)timeout_ms / 1000);
        int r = listen_once(bench, left, error);
        if (r < 0)
            return r;
    }
    return 0;
}

int tr_bench_hear(tr_bench_t *bench, tr_bench_child_t *child, tr_bench_word_t word, int64_t timeout_ms,
    tr_bench_note_t *ret_note, tr_error_t *error) {
    int r = wait_for(bench, child, word, timeout_ms, error);
    if (r == 0 && ret_note)
        *ret_note = child->notes[word];
    return r;
}

int tr_bench_hear_line(tr_bench_t *bench, tr_bench_child_t *child, int64_t timeout_ms, tr_error_t *error) {
    return wait_for(bench, child, TR_BENCH_READY, timeout_ms, error);
}

int tr_bench_exec_once(tr_bench_t *bench, const tr_bench_case_t *c, const char *path, const char *const *argv,
    tr_bench_child_t **ret_child, tr_error_t *error) {
    char log[600];
    tr_bench_log_path(bench, argv[0], log, sizeof log);
    unlink(log);
    int r = tr_bench_exec(bench, c, path, argv, true, ret_child, error);
    if (r == 0)
        (*ret_child)->ends = true;
    return r;
}

int tr_bench_hear_end(tr_bench_t *bench, tr_bench_child_t *child, int64_t timeout_ms, tr_error_t *error) {
    return wait_for(bench, child, TR_BENCH_DONE, timeout_ms, error);
}

int tr_bench_pause(tr_bench_t *bench, int64_t ms, tr_error_t *error) {
    int64_t deadline = tr_clock_ms() + ms, left;
    int r = 0;
    while (r == 0 && (left = deadline - tr_clock_ms()) > 0)
        r = listen_once(bench, left, error);
    return r;
}

void tr_bench_stop_all(tr_bench_t *bench) {
    for (size_t i = 0; i < bench->children_n; i++)
        if (bench->children[i]->pid > 0)
            kill(bench->children[i]->pid, SIGKILL);
    for (size_t i = 0; i < bench->children_n; i++) {
        tr_bench_child_t *child = bench->children[i];
        if (child->pid > 0)
            reap(bench, child);
        if (child->in >= 0)
            close(child->in);
        free(child);
    }
    free(bench->children);
    bench->children = NULL;
    bench->children_n = 0;
}

static size_t status_bytes(const char *status, const char *name) {
    const char *at = strstr(status, name);
    return at ? (size_t)strtoull(at + strlen(name), NULL, 10) * 1024 : 0;
}

int tr_bench_memory(pid_t pid, tr_process_memory_t *ret_memory, tr_error_t *error) {
    char path[64], status[4096];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    size_t n = file ? fread(status, 1, sizeof status - 1, file) : 0;
    status[n] = 0;
    if (file)
        fclose(file);
    *ret_memory = (tr_process_memory_t){status_bytes(status, "\nVmRSS:"), status_bytes(status, "\nRssAnon:"),
        status_bytes(status, "\nVmHWM:")};
    return ret_memory->rss_bytes ? 0 : tr_error_set(error, -EIO, "%s cannot be read", path);
}

void tr_bench_say(const tr_bench_task_t *task, const tr_bench_note_t *note) {
    ssize_t n = write(task->out, note, sizeof *note);
    if (n != sizeof *note)
        _exit(1); /* the bench is gone */
}

void tr_bench_say_ready(const tr_bench_task_t *task, const char *text, uint64_t number) {
    tr_bench_note_t note = {.word = TR_BENCH_READY, .number = number};
    snprintf(note.text, sizeof note.text, "%s", text ? text : "");
    tr_bench_say(task, &note);
}

void tr_bench_say_flood(
    const tr_bench_task_t *task, uint64_t count, uint64_t missed, int64_t first_ns, int64_t last_ns) {
    tr_bench_note_t note = {
        .word = TR_BENCH_DONE, .count = count, .missed = missed, .first_ns = first_ns, .last_ns = last_ns};
    tr_bench_say(task, &note);
}

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void tr_bench_say_latency(const tr_bench_task_t *task, uint32_t *ns, size_t n) {
    qsort(ns, n, sizeof *ns, compare);
    tr_bench_note_t note = {
        .word = TR_BENCH_DONE, .count = n, .p50_us = ns[n / 2] / 1e3, .p99_us = ns[n * 99 / 100] / 1e3};
    tr_bench_say(task, &note);
}

void tr_bench_say_stored(
    const tr_bench_task_t *task, uint32_t *ns, size_t n, int64_t first_ns, int64_t last_ns) {
    qsort(ns, n, sizeof *ns, compare);
    tr_bench_note_t note = {.word = TR_BENCH_DONE,
        .count = n,
        .first_ns = first_ns,
        .last_ns = last_ns,
        .p50_us = ns[n / 2] / 1e3,
        .p99_us = ns[n * 99 / 100] / 1e3};
    tr_bench_say(task, &note);
}

void tr_bench_count(tr_bench_tally_t *self, uint64_t n) {
    self->seen += n;
    if (self->first_ns || self->seen < self->task->warm)
        return;
    self->first_ns = tr_clock_ns();
    self->seen_first = self->seen;
}

bool tr_bench_all_seen(const tr_bench_tally_t *self) {
    return self->seen >= self->task->warm + self->task->count;
}

void tr_bench_say_tally(const tr_bench_tally_t *self) {
    uint64_t wanted = self->task->warm + self->task->count;
    uint64_t missed = wanted > self->seen ? wanted - self->seen : 0;
    uint64_t count = self->first_ns ? self->seen - self->seen_first : 0;
    tr_bench_say_flood(self->task, count, missed, self->first_ns, tr_clock_ns());
}

void tr_bench_rest(void) {
    for (;;)
        pause();
}
