#include "tools/up/supervise_private.h"

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

typedef tr_supervised_child_t child_t;

#define GRACE_MS        10000
#define LOG_LIMIT       (16u << 20)
#define LOG_CHECK_MS    2000
#define STARTS_PER_STEP 16
#define GAVE_UP         "its supervisor gave up"

const char *const tr_child_state_words[] = {
    "idle", "running", "backoff", "stopping", "stopped", "failed", NULL};

static void enter(tr_supervise_t *self, child_t *c, tr_child_state_t state, int64_t now_ms) {
    tr_child_state_t before = c->state;
    c->state = state;
    c->since_ms = now_ms;
    if (!self->config.changed)
        return;
    tr_child_view_t view;
    tr_supervised_child_view(c, &view);
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
    if (tr_supervisor_new(config->seed, &self->tree) < 0) {
        free(self);
        return -ENOMEM;
    }
    tr_map_init(&self->by_name, config->seed);
    tr_map_init(&self->by_pid, config->seed);
    tr_map_init(&self->by_node, config->seed);
    *ret_self = self;
    return 0;
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
        tr_supervised_child_destroy(&(*self)->children[i]);
    }
    tr_map_finish(&(*self)->by_name);
    tr_map_finish(&(*self)->by_pid);
    tr_map_finish(&(*self)->by_node);
    tr_supervisor_destroy(&(*self)->tree);
    free((*self)->children);
    free(*self);
    *self = NULL;
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

/* Takes on what the tree says of a child without a process. */
static void follow(tr_supervise_t *self, child_t *c, int64_t now_ms) {
    static const tr_child_state_t meanings[] = {
        [TR_SUPERVISED_WAITING] = TR_CHILD_BACKOFF,
        [TR_SUPERVISED_UP] = TR_CHILD_RUNNING,
        [TR_SUPERVISED_ENDING] = TR_CHILD_STOPPING,
        [TR_SUPERVISED_LEAVING] = TR_CHILD_STOPPING,
        [TR_SUPERVISED_OUT] = TR_CHILD_STOPPED,
        [TR_SUPERVISED_RESTED] = TR_CHILD_STOPPED,
        [TR_SUPERVISED_FAILED] = TR_CHILD_FAILED,
        [TR_SUPERVISED_HELD] = TR_CHILD_BACKOFF,
    };
    int64_t due_ms = TR_SUPERVISE_NEVER;
    tr_supervised_t s = tr_supervisor_state(self->tree, c->node, &due_ms);
    tr_child_state_t state = s == TR_SUPERVISED_WAITING && due_ms <= 0 ? TR_CHILD_IDLE : meanings[s];
    if (c->pid > 0 || (c->state == TR_CHILD_FAILED && s == TR_SUPERVISED_OUT))
        return;
    c->due_ms = due_ms;
    if (state != c->state)
        enter(self, c, state, now_ms);
}

static void follow_all(tr_supervise_t *self, int64_t now_ms) {
    for (size_t i = 0; i < self->limit; i++) {
        if (self->children[i])
            follow(self, self->children[i], now_ms);
    }
}

/* The child has no process any more, `why` says how that came. One that failed for good is followed after the
 * turn, which says whether it is the limit that was reached. */
static void decide(tr_supervise_t *self, child_t *c, const char *why, int64_t now_ms) {
    bool failed = c->exit_signal != 0 || c->exit_code != 0;
    int64_t due_ms;
    bool with_others = tr_supervisor_state(self->tree, c->node, &due_ms) == TR_SUPERVISED_ENDING;
    snprintf(
        c->reason, sizeof c->reason, "%.150s%s", why, with_others ? "; ended because another failed" : "");
    tr_supervisor_ended(self->tree, c->node, failed, now_ms);
    bool down = tr_supervisor_state(self->tree, c->node, &due_ms) == TR_SUPERVISED_FAILED;
    if (down && with_others)
        snprintf(c->reason, sizeof c->reason, GAVE_UP);
    if (self->stopping || !down)
        follow(self, c, now_ms);
}

/* It rests, and nobody else is started again for it. */
static void rest(tr_supervise_t *self, child_t *c, int64_t now_ms) {
    snprintf(c->reason, sizeof c->reason, "it was moved to another process");
    tr_supervisor_leave(self->tree, c->node);
    tr_supervisor_ended(self->tree, c->node, false, now_ms);
    follow(self, c, now_ms);
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
    tr_child_view_t view;
    tr_supervised_child_view(c, &view);
    tr_print_exit(&view, why, sizeof why);
    if (c->exit_code == TR_SUPERVISE_EXIT_AWAY && c->state == TR_CHILD_RUNNING)
        rest(self, c, now_ms);
    else
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

/* It never comes, so that no rule helps. */
static void cannot_start(tr_supervise_t *self, child_t *c, const char *why, int64_t now_ms) {
    snprintf(c->reason, sizeof c->reason, "%.199s", why);
    tr_supervisor_leave(self->tree, c->node);
    tr_supervisor_ended(self->tree, c->node, true, now_ms);
    enter(self, c, TR_CHILD_FAILED, now_ms);
}

static void start(tr_supervise_t *self, child_t *c, int64_t now_ms) {
    tr_error_t error = {0};
    if (c->ended)
        c->restarts++;
    if (launch(self, c, &error) == 0) {
        enter(self, c, TR_CHILD_RUNNING, now_ms);
        return;
    }
    bool first = !c->ended;
    c->ended = true;
    c->exit_code = 127; /* as a shell says it */
    c->exit_signal = 0;
    if (first && is_for_good(error.code))
        cannot_start(self, c, error.text, now_ms);
    else
        decide(self, c, error.text, now_ms);
}

int tr_supervise_start(tr_supervise_t *self, size_t id, int64_t now_ms) {
    child_t *c = tr_supervised_child_at(self, id);
    if (!c)
        return -ENOENT;
    if ((c->state != TR_CHILD_STOPPED && c->state != TR_CHILD_FAILED) || self->stopping)
        return -EBUSY;
    int rc = tr_supervisor_bring(self->tree, c->node);
    if (rc == 0)
        enter(self, c, TR_CHILD_IDLE, now_ms);
    return rc;
}

/* ---- stops ---- */

static void ask_to_end(tr_supervise_t *self, child_t *c, int64_t now_ms) {
    kill(c->pid, SIGTERM);
    kill(c->pid, SIGCONT); /* one that was suspended must wake up to end */
    c->kill_ms = now_ms + self->config.grace_ms;
    enter(self, c, TR_CHILD_STOPPING, now_ms);
}

/* Not to come back, whatever becomes of it. */
static void let_go(tr_supervise_t *self, const child_t *c) {
    if (c->state != TR_CHILD_STOPPED && c->state != TR_CHILD_FAILED)
        tr_supervisor_leave(self->tree, c->node);
}

static void stop(tr_supervise_t *self, child_t *c, int64_t now_ms) {
    let_go(self, c);
    if (c->state == TR_CHILD_RUNNING)
        ask_to_end(self, c, now_ms);
    else
        follow(self, c, now_ms);
}

int tr_supervise_stop(tr_supervise_t *self, size_t id, int64_t now_ms) {
    child_t *c = tr_supervised_child_at(self, id);
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
    for (size_t i = 0; i < self->limit; i++) {
        if (self->children[i])
            let_go(self, self->children[i]);
    }
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

/* ---- what the tree asks for ---- */

static void on_start(void *context, size_t node) {
    tr_supervise_t *self = context;
    start(self, tr_supervised_child_of(self, node), self->now_ms);
}

static void on_stop(void *context, size_t node) {
    tr_supervise_t *self = context;
    child_t *c = tr_supervised_child_of(self, node);
    if (c->state == TR_CHILD_RUNNING)
        ask_to_end(self, c, self->now_ms);
}

static bool is_below(const tr_supervise_t *self, size_t node, size_t supervisor) {
    while (node != TR_SUPERVISOR_TOP && node != supervisor)
        node = tr_supervisor_parent(self->tree, node);
    return node == supervisor;
}

static void say_limit(child_t *c) {
    size_t used = strlen(c->reason);
    snprintf(c->reason + used, sizeof c->reason - used,
        "; it was started again %" PRId64 " times within %" PRId64 " s, which is its limit",
        c->restart.intensity, c->restart.period_ms / 1000);
}

static void on_gave_up(void *context, size_t supervisor, size_t culprit, bool last) {
    tr_supervise_t *self = context;
    child_t *c = tr_supervised_child_of(self, culprit);
    if (c && c->alone == supervisor) {
        say_limit(c);
        return;
    }
    tr_child_view_t view = {.name = "", .reason = ""}; /* of one that was removed meanwhile */
    if (c)
        tr_supervised_child_view(c, &view);
    if (c)
        view.reason = c->reason;
    for (size_t i = 0; last && i < self->limit; i++) {
        child_t *other = self->children[i];
        if (other && other != c && is_below(self, other->node, supervisor))
            snprintf(other->reason, sizeof other->reason, GAVE_UP);
    }
    if (self->config.gave_up)
        self->config.gave_up(self->config.context, supervisor, &view, last);
}

static void take_turn(tr_supervise_t *self, int64_t now_ms) {
    static const tr_supervisor_ops_t ops = {.stop = on_stop, .start = on_start, .gave_up = on_gave_up};
    self->now_ms = now_ms;
    self->turn_ms = tr_supervisor_turn(self->tree, now_ms, self->config.starts_per_step, &ops, self);
    follow_all(self, now_ms);
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

/* When this child wants the next step; its start is the tree's. */
static int64_t wanted_ms(const tr_supervise_t *self, const child_t *c) {
    switch (c->state) {
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
        take_turn(self, now_ms);
    kill_late(self, now_ms);
    bound_logs(self, now_ms);
    int64_t next = self->stopping ? TR_SUPERVISE_NEVER : self->turn_ms;
    for (size_t i = 0; i < self->limit; i++) {
        int64_t wanted = self->children[i] ? wanted_ms(self, self->children[i]) : TR_SUPERVISE_NEVER;
        next = wanted < next ? wanted : next;
    }
    return next > now_ms ? next : now_ms;
}
