#include "tools/up/supervise.h"

#include "lib/base/arena.h"
#include "lib/base/map.h"
#include "tools/up/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_MS        10000
#define LOG_LIMIT       (16u << 20)
#define LOG_CHECK_MS    2000
#define STARTS_PER_STEP 16
#define CHILD_TEXT_MAX  (4u << 20) /* bytes of one child's argv, environment and names */

const char *const tr_child_state_words[] = {
    "idle", "running", "backoff", "stopping", "stopped", "failed", NULL};

typedef struct child {
    size_t id;
    const char *name;
    const char **argv;
    const char **variables;
    const char *directory;
    const char *log;
    tr_restart_t restart;
    int stop_order;
    bool ready_pipe;
    tr_arena_t arena; /* owns the texts above */

    tr_child_state_t state;
    pid_t pid; /* 0 = no process */
    int ready_fd;
    tr_restart_history_t history;
    uint64_t restarts;
    int64_t since_ms, started_ms, due_ms, kill_ms;
    bool ended;
    int exit_code, exit_signal;
    char reason[200];
} child_t;

struct tr_supervise {
    tr_supervise_config_t config;
    child_t **children; /* by id; NULL = removed */
    size_t limit, cap;
    tr_map_t by_name, by_pid;
    uint32_t random;
    bool stopping;
    int64_t logs_ms; /* when the logs were looked at */
};

static uint32_t next_random(tr_supervise_t *self) {
    uint32_t x = self->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return self->random = x;
}

static child_t *child_at(const tr_supervise_t *self, size_t id) {
    return id < self->limit ? self->children[id] : NULL;
}

static void view_of(const child_t *c, tr_child_view_t *ret_view) {
    bool says_why = c->state == TR_CHILD_BACKOFF || c->state == TR_CHILD_FAILED;
    *ret_view = (tr_child_view_t){
        .name = c->name,
        .pid = c->pid,
        .state = c->state,
        .restarts = c->restarts,
        .since_ms = c->since_ms,
        .due_ms = c->due_ms,
        .ended = c->ended,
        .exit_code = c->exit_code,
        .exit_signal = c->exit_signal,
        .reason = says_why ? c->reason : "",
    };
}

static void enter(tr_supervise_t *self, child_t *c, tr_child_state_t state, int64_t now_ms) {
    tr_child_state_t before = c->state;
    c->state = state;
    c->since_ms = now_ms;
    if (!self->config.changed)
        return;
    tr_child_view_t view;
    view_of(c, &view);
    self->config.changed(self->config.context, &view, before);
}

int tr_supervise_new(const tr_supervise_config_t *config, tr_supervise_t **ret_self) {
    tr_supervise_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->config = *config;
    if (self->config.grace_ms <= 0)
        self->config.grace_ms = GRACE_MS;
    if (self->config.log_limit == 0)
        self->config.log_limit = LOG_LIMIT;
    if (self->config.starts_per_step == 0)
        self->config.starts_per_step = STARTS_PER_STEP;
    self->random = config->seed ? config->seed : 0x9e3779b9u;
    tr_map_init(&self->by_name, config->seed);
    tr_map_init(&self->by_pid, config->seed);
    *ret_self = self;
    return 0;
}

static void child_destroy(child_t **self) {
    if (!*self)
        return;
    if ((*self)->ready_fd >= 0)
        close((*self)->ready_fd);
    tr_restart_finish(&(*self)->history);
    tr_arena_finish(&(*self)->arena);
    free(*self);
    *self = NULL;
}

void tr_supervise_destroy(tr_supervise_t **self) {
    if (!self || !*self)
        return;
    for (size_t i = 0; i < (*self)->limit; i++) {
        child_t *c = (*self)->children[i];
        if (c && c->pid > 0)
            kill(-c->pid, SIGKILL);
    }
    for (size_t i = 0; i < (*self)->limit; i++) {
        child_t *c = (*self)->children[i];
        while (c && c->pid > 0 && waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        child_destroy(&(*self)->children[i]);
    }
    tr_map_finish(&(*self)->by_name);
    tr_map_finish(&(*self)->by_pid);
    free((*self)->children);
    free(*self);
    *self = NULL;
}

/* ---- the table ---- */

/* A copy of a text in the arena; NULL stays NULL, and clears *ok when memory is out. */
static const char *copied(tr_arena_t *arena, const char *text, bool *ok) {
    if (!text)
        return NULL;
    const char *copy = tr_arena_strn(arena, text, strlen(text));
    *ok = *ok && copy;
    return copy;
}

static const char **copied_argv(tr_arena_t *arena, const char *const *argv, bool *ok) {
    size_t n = 0;
    while (argv[n])
        n++;
    const char **out = tr_arena_alloc(arena, (n + 1) * sizeof *out);
    *ok = *ok && out;
    for (size_t i = 0; out && i < n; i++)
        out[i] = copied(arena, argv[i], ok);
    if (out)
        out[n] = NULL;
    return out;
}

static const char **copied_env(tr_arena_t *arena, const tr_pair_t *env, size_t count, bool *ok) {
    const char **out = tr_arena_alloc(arena, (count + 1) * sizeof *out);
    *ok = *ok && out;
    if (!out)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(env[i].key) + strlen(env[i].value) + 2;
        char *text = tr_arena_alloc(arena, size);
        *ok = *ok && text;
        if (text)
            snprintf(text, size, "%s=%s", env[i].key, env[i].value);
        out[i] = text;
    }
    out[count] = NULL;
    return out;
}

static child_t *child_new(const tr_child_spec_t *spec) {
    child_t *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    bool ok = true;
    tr_arena_init(&c->arena, CHILD_TEXT_MAX);
    c->ready_fd = -1;
    c->name = copied(&c->arena, spec->name, &ok);
    c->argv = copied_argv(&c->arena, spec->argv, &ok);
    c->variables = copied_env(&c->arena, spec->env, spec->env_count, &ok);
    c->directory = copied(&c->arena, spec->directory, &ok);
    c->log = copied(&c->arena, spec->log, &ok);
    c->restart = spec->restart;
    c->stop_order = spec->stop_order;
    c->ready_pipe = spec->ready_pipe;
    c->exit_code = -1;
    if (!ok)
        child_destroy(&c);
    return c;
}

/* A free id, with room for it. -ENOMEM. */
static int free_id(tr_supervise_t *self, size_t *ret_id) {
    if (self->by_name.count < self->limit) {
        size_t id = 0;
        while (self->children[id])
            id++;
        *ret_id = id;
        return 0;
    }
    if (self->limit == self->cap) {
        size_t cap = self->cap ? 2 * self->cap : 16;
        child_t **children = realloc(self->children, cap * sizeof *children);
        if (!children)
            return -ENOMEM;
        self->children = children;
        self->cap = cap;
    }
    self->children[self->limit] = NULL;
    *ret_id = self->limit;
    return 0;
}

int tr_supervise_add(tr_supervise_t *self, const tr_child_spec_t *spec, size_t *ret_id, tr_error_t *error) {
    if (!spec->name || !*spec->name || !spec->argv || !spec->argv[0])
        return tr_error_set(error, -EINVAL, "a child process needs a name and a program");
    if (tr_map_find(&self->by_name, spec->name, strlen(spec->name)))
        return tr_error_set(error, -EEXIST, "\"%s\" is there already", spec->name);
    size_t id = 0;
    child_t *c = free_id(self, &id) == 0 ? child_new(spec) : NULL;
    if (!c || tr_map_put(&self->by_name, c->name, strlen(c->name), id) < 0) {
        if (c)
            child_destroy(&c);
        return tr_error_set(error, -ENOMEM, "%s: out of memory", spec->name);
    }
    c->id = id;
    self->children[id] = c;
    if (id == self->limit)
        self->limit++;
    *ret_id = id;
    return 0;
}

int tr_supervise_set_argv(tr_supervise_t *self, size_t id, const char *const *argv) {
    child_t *c = child_at(self, id);
    if (!c)
        return -ENOENT;
    bool ok = true;
    const char **copy = copied_argv(&c->arena, argv, &ok);
    if (!ok)
        return -ENOMEM;
    c->argv = copy;
    return 0;
}

int tr_supervise_remove(tr_supervise_t *self, size_t id) {
    child_t *c = child_at(self, id);
    if (!c)
        return -ENOENT;
    if (c->pid > 0)
        return -EBUSY;
    tr_map_delete(&self->by_name, c->name, strlen(c->name));
    child_destroy(&self->children[id]);
    return 0;
}

size_t tr_supervise_limit(const tr_supervise_t *self) {
    return self->limit;
}

int tr_supervise_view(const tr_supervise_t *self, size_t id, tr_child_view_t *ret_view) {
    const child_t *c = child_at(self, id);
    if (!c)
        return -ENOENT;
    view_of(c, ret_view);
    return 0;
}

int tr_supervise_find(const tr_supervise_t *self, const char *name, size_t *ret_id) {
    const uint64_t *id = tr_map_find(&self->by_name, name, strlen(name));
    if (!id)
        return -ENOENT;
    *ret_id = (size_t)*id;
    return 0;
}

int tr_supervise_ready_fd(const tr_supervise_t *self, size_t id) {
    const child_t *c = child_at(self, id);
    return c ? c->ready_fd : -1;
}

void tr_supervise_close_ready(tr_supervise_t *self, size_t id) {
    child_t *c = child_at(self, id);
    if (!c || c->ready_fd < 0)
        return;
    close(c->ready_fd);
    c->ready_fd = -1;
}

bool tr_supervise_quiet(const tr_supervise_t *self) {
    for (size_t i = 0; i < self->limit; i++) {
        const child_t *c = self->children[i];
        if (c && (c->pid > 0 || c->state == TR_CHILD_IDLE || c->state == TR_CHILD_BACKOFF))
            return false;
    }
    return true;
}

/* ---- ends ---- */

static void describe_end(child_t *c, char *out, size_t size) {
    const char *signal = c->exit_signal ? sigabbrev_np(c->exit_signal) : NULL;
    if (c->exit_signal)
        snprintf(out, size, "killed by signal %d (SIG%s)", c->exit_signal, signal ? signal : "?");
    else
        snprintf(out, size, "exited with %d", c->exit_code);
}

/* The child has no process any more, `why` says how that came. */
static void decide(tr_supervise_t *self, child_t *c, const char *why, int64_t now_ms) {
    if (self->stopping || c->state == TR_CHILD_STOPPING) {
        enter(self, c, TR_CHILD_STOPPED, now_ms);
        return;
    }
    bool failed = c->exit_signal != 0 || c->exit_code != 0;
    tr_restart_decision_t d = {.action = TR_RESTART_FAILED};
    int rc =
        tr_restart_decide(&c->restart, &c->history, failed, c->started_ms, now_ms, next_random(self), &d);
    if (rc < 0)
        snprintf(c->reason, sizeof c->reason, "%.120s; out of memory for a restart", why);
    else if (d.action == TR_RESTART_FAILED && d.intense)
        snprintf(c->reason, sizeof c->reason,
            "%.80s; it was started again %" PRId64 " times within %" PRId64 " s, which is its limit", why,
            c->restart.intensity, c->restart.period_ms / 1000);
    else
        snprintf(c->reason, sizeof c->reason, "%.199s", why);
    c->due_ms = d.due_ms;
    static const tr_child_state_t states[] = {
        [TR_RESTART_AGAIN] = TR_CHILD_BACKOFF,
        [TR_RESTART_DONE] = TR_CHILD_STOPPED,
        [TR_RESTART_FAILED] = TR_CHILD_FAILED,
    };
    enter(self, c, states[d.action], now_ms);
}

/* Reaps a child that has ended; does nothing where it has not. */
static void reap(tr_supervise_t *self, child_t *c, int64_t now_ms) {
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
        return;
    /* As long as it is not waited for, its pid, and so its group's, cannot be another's. */
    kill(-c->pid, SIGKILL);
    int status = 0;
    if (waitpid(c->pid, &status, 0) != c->pid)
        return;
    tr_map_delete(&self->by_pid, (const char *)&c->pid, sizeof c->pid);
    c->pid = 0;
    c->ended = true;
    c->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    c->exit_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    char why[80];
    describe_end(c, why, sizeof why);
    decide(self, c, why, now_ms);
}

static void reap_each(tr_supervise_t *self, int64_t now_ms) {
    for (size_t i = 0; i < self->limit; i++) {
        if (self->children[i] && self->children[i]->pid > 0)
            reap(self, self->children[i], now_ms);
    }
}

static void reap_all(tr_supervise_t *self, int64_t now_ms) {
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
            return;
        const uint64_t *id = tr_map_find(&self->by_pid, (const char *)&info.si_pid, sizeof info.si_pid);
        if (!id) {
            /* Another's child is in the way, and may stay there: ask for each of ours. */
            reap_each(self, now_ms);
            return;
        }
        reap(self, self->children[*id], now_ms);
    }
}

/* ---- starts ---- */

static int open_ready_pipe(child_t *c, int *ret_write) {
    if (c->ready_fd >= 0)
        close(c->ready_fd);
    c->ready_fd = -1;
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    c->ready_fd = fds[0];
    *ret_write = fds[1];
    return 0;
}

static int launch(tr_supervise_t *self, child_t *c, tr_error_t *error) {
    int ready = -1;
    int rc = c->ready_pipe ? open_ready_pipe(c, &ready) : 0;
    if (rc < 0)
        return tr_error_set(error, rc, "cannot make a pipe: %s", strerror(-rc));
    tr_child_start_t start = {
        c->argv, c->variables, c->directory, c->log, ready, self->config.die_with_parent};
    if (c->log)
        tr_child_bound_log(c->log, self->config.log_limit); /* tried again later, ignoring */
    rc = tr_child_start(&start, &c->pid, error);
    if (ready >= 0)
        close(ready);
    if (rc < 0)
        return rc;
    if (tr_map_put(&self->by_pid, (const char *)&c->pid, sizeof c->pid, c->id) == 0)
        return 0;
    kill(-c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0);
    c->pid = 0;
    return tr_error_set(error, -ENOMEM, "out of memory");
}

/* A program that was never there will not come; one that was is perhaps being replaced. */
static bool is_for_good(int code) {
    return code == -ENOENT || code == -EACCES || code == -ENOEXEC || code == -ENOTDIR;
}

static void start(tr_supervise_t *self, child_t *c, int64_t now_ms) {
    tr_error_t error = {0};
    if (c->ended)
        c->restarts++;
    c->started_ms = now_ms;
    if (launch(self, c, &error) == 0) {
        enter(self, c, TR_CHILD_RUNNING, now_ms);
        return;
    }
    bool first = !c->ended;
    c->ended = true;
    c->exit_code = 127; /* as a shell says it */
    c->exit_signal = 0;
    if (first && is_for_good(error.code)) {
        snprintf(c->reason, sizeof c->reason, "%.199s", error.text);
        enter(self, c, TR_CHILD_FAILED, now_ms);
        return;
    }
    decide(self, c, error.text, now_ms);
}

static bool is_due(const child_t *c, int64_t now_ms) {
    return c->state == TR_CHILD_IDLE || (c->state == TR_CHILD_BACKOFF && c->due_ms <= now_ms);
}

static void start_due(tr_supervise_t *self, int64_t now_ms) {
    size_t started = 0;
    for (size_t i = 0; i < self->limit && started < self->config.starts_per_step; i++) {
        child_t *c = self->children[i];
        if (!c || !is_due(c, now_ms))
            continue;
        start(self, c, now_ms);
        started++;
    }
}

int tr_supervise_start(tr_supervise_t *self, size_t id, int64_t now_ms) {
    child_t *c = child_at(self, id);
    if (!c)
        return -ENOENT;
    if ((c->state != TR_CHILD_STOPPED && c->state != TR_CHILD_FAILED) || self->stopping)
        return -EBUSY;
    tr_restart_forget(&c->history);
    enter(self, c, TR_CHILD_IDLE, now_ms);
    return 0;
}

/* ---- stops ---- */

static void stop(tr_supervise_t *self, child_t *c, int64_t now_ms) {
    switch (c->state) {
    case TR_CHILD_RUNNING:
        kill(c->pid, SIGTERM);
        kill(c->pid, SIGCONT); /* one that was suspended must wake up to end */
        c->kill_ms = now_ms + self->config.grace_ms;
        enter(self, c, TR_CHILD_STOPPING, now_ms);
        break;
    case TR_CHILD_IDLE:
    case TR_CHILD_BACKOFF: enter(self, c, TR_CHILD_STOPPED, now_ms); break;
    default: break;
    }
}

int tr_supervise_stop(tr_supervise_t *self, size_t id, int64_t now_ms) {
    child_t *c = child_at(self, id);
    if (!c)
        return -ENOENT;
    stop(self, c, now_ms);
    return 0;
}

/* Stops those of the lowest order that has processes; the others have to wait until they are gone. */
static void stop_next(tr_supervise_t *self, int64_t now_ms) {
    int lowest = INT32_MAX;
    for (size_t i = 0; i < self->limit; i++) {
        const child_t *c = self->children[i];
        if (c && c->pid > 0 && c->stop_order < lowest)
            lowest = c->stop_order;
    }
    for (size_t i = 0; i < self->limit; i++) {
        child_t *c = self->children[i];
        if (c && (c->pid == 0 || c->stop_order == lowest))
            stop(self, c, now_ms);
    }
}

void tr_supervise_stop_all(tr_supervise_t *self, int64_t now_ms) {
    self->stopping = true;
    stop_next(self, now_ms);
}

void tr_supervise_kill_all(tr_supervise_t *self, int64_t now_ms) {
    self->stopping = true;
    for (size_t i = 0; i < self->limit; i++) {
        child_t *c = self->children[i];
        if (!c)
            continue;
        stop(self, c, now_ms);
        c->kill_ms = now_ms;
    }
}

static void kill_late(tr_supervise_t *self, int64_t now_ms) {
    for (size_t i = 0; i < self->limit; i++) {
        child_t *c = self->children[i];
        if (!c || c->state != TR_CHILD_STOPPING || c->kill_ms > now_ms)
            continue;
        kill(-c->pid, SIGKILL);
        c->kill_ms = TR_SUPERVISE_NEVER;
    }
}

/* ---- the step ---- */

static void bound_logs(tr_supervise_t *self, int64_t now_ms) {
    if (now_ms - self->logs_ms < LOG_CHECK_MS)
        return;
    self->logs_ms = now_ms;
    for (size_t i = 0; i < self->limit; i++) {
        const child_t *c = self->children[i];
        if (c && c->log && c->pid > 0)
            tr_child_bound_log(c->log, self->config.log_limit); /* tried again later, ignoring */
    }
}

/* When this child wants the next step. */
static int64_t wanted_ms(const tr_supervise_t *self, const child_t *c, int64_t now_ms) {
    switch (c->state) {
    case TR_CHILD_IDLE: return now_ms;
    case TR_CHILD_BACKOFF: return c->due_ms;
    case TR_CHILD_STOPPING: return c->kill_ms;
    case TR_CHILD_RUNNING: return c->log ? self->logs_ms + LOG_CHECK_MS : TR_SUPERVISE_NEVER;
    default: return TR_SUPERVISE_NEVER;
    }
}

int64_t tr_supervise_step(tr_supervise_t *self, int64_t now_ms) {
    reap_all(self, now_ms);
    if (self->stopping)
        stop_next(self, now_ms);
    else
        start_due(self, now_ms);
    kill_late(self, now_ms);
    bound_logs(self, now_ms);
    int64_t next = TR_SUPERVISE_NEVER;
    for (size_t i = 0; i < self->limit; i++) {
        int64_t wanted = self->children[i] ? wanted_ms(self, self->children[i], now_ms) : TR_SUPERVISE_NEVER;
        next = wanted < next ? wanted : next;
    }
    return next > now_ms ? next : now_ms;
}
