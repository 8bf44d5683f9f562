#include "coordinator/coordinator.h"

#include "coordinator/events.h"
#include "lib/base/clock.h"
#include "lib/base/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVICE      "tasks"
#define DECISIONS    "decisions"
#define LOOK_MS      5000 /* the directory is asked so often although nothing was heard */
#define CONNECT_STEP 500  /* between two looks at signals, while there is no broker yet */

static const tr_event_t *event(tr_coordinator_event_t e) {
    return &tr_coordinator_events[e];
}

/* ---- what the board says ---- */

static void on_changed(void *arg, const tr_task_t *task, bool added) {
    tr_coordinator_t *self = arg;
    tr_effects_change(self);
    if (added)
        tr_store_add(self->store, task);
    else
        tr_store_update(self->store, task);
    if (task->state == TR_TASK_FAILED)
        tr_log(&self->log, event(TR_C_TASK_FAILED), "task=%s tries=%u reason=%s", task->id,
            (unsigned)task->tries, task->reason ? task->reason : "");
    tr_content_writer_t *w = tr_effect_publish(self, "task", task->id, "state");
    if (w)
        tr_write_task(w, task, 0);
}

static void on_assign(void *arg, const tr_task_t *task) {
    tr_effect_call(
        arg, tr_work_assign, task->id, task->tries); /* else the try is over when its time is, ignoring */
}

static bool on_call(void *arg, const tr_task_t *task) {
    return tr_effect_call(arg, tr_bids_call, task->id, task->tries + 1);
}

static void on_withdraw(void *arg, const tr_task_t *task) {
    tr_effect_call(arg, tr_work_withdraw, task->id, task->tries); /* likewise, ignoring */
}

static int find_ended(void *arg, const char *id) {
    tr_coordinator_t *self = arg;
    return tr_store_state(self->store, id);
}

/* ---- starting ---- */

static int take_restored(void *arg, tr_task_t *task) {
    tr_coordinator_t *self = arg;
    return tr_board_restore(self->board, task);
}

static int open_tasks(tr_coordinator_t *self, tr_error_t *error) {
    tr_board_hooks_t hooks = {self, on_changed, on_assign, on_call, on_withdraw, find_ended};
    int rc = tr_store_open(self->options->data, &self->store, error);
    if (rc < 0)
        return rc;
    self->board = tr_board_new(&hooks, (uint64_t)tr_clock_ns());
    rc = self->board ? tr_store_restore(self->store, take_restored, self, error) : -ENOMEM;
    if (rc == 0 && (rc = tr_board_resume(self->board, tr_clock_wall_ms())) < 0)
        tr_error_set(error, rc, "out of memory");
    if (rc == 0 && self->changed) {
        self->changed = false;
        rc = tr_store_commit(self->store, error);
    }
    return rc == 0 ? tr_council_restore(self, error) : rc;
}

/* Also called from the link's thread: the log is made for that. */
static void on_host_event(void *arg, tr_host_event_t what, const char *detail) {
    tr_coordinator_t *self = arg;
    if (what == TR_HOST_CONNECTED)
        self->sessions++;
    if (what == TR_HOST_CONNECTED || what == TR_HOST_RESUMED)
        tr_log(&self->log, event(TR_C_CONNECTED), "detail=%s", detail);
    else if (what == TR_HOST_DISCONNECTED)
        tr_log(&self->log, event(TR_C_DISCONNECTED), "detail=%s", detail);
    else
        tr_log(&self->log, event(TR_C_REFUSED), "detail=%s", detail);
}

/* In steps: a signal ends it. -EINTR. */
static int connect_host(tr_coordinator_t *self, tr_error_t *error) {
    const tr_coordinator_options_t *o = self->options;
    int64_t until_ms = tr_clock_ms() + o->connect_ms, left;
    int rc = -ETIMEDOUT;
    while (rc == -ETIMEDOUT && (left = until_ms - tr_clock_ms()) > 0) {
        tr_host_options_t host = {
            .endpoint = o->connect,
            .certificate = o->cert ? o->cert : getenv("TROUPE_CERT"),
            .process = "troupe-coordinator",
            .connect_ms = left < CONNECT_STEP ? left : CONNECT_STEP,
            .on_event = on_host_event,
            .arg = self,
        };
        rc = tr_host_new(&host, &self->host, error);
        if (rc == -ETIMEDOUT && tr_process_next_signal(self->signal_fd) > 0)
            return -EINTR;
    }
    if (rc == -ETIMEDOUT)
        return tr_error_set(error, rc,
            "no broker answers at %s: start one with `troupe up` or `troupe-broker`, or give its endpoint "
            "with --connect",
            o->connect);
    return rc;
}

static void on_signal(tr_agent_t *agent, void *state, int fd, short events, void *arg) {
    tr_coordinator_t *self = arg;
    int number = tr_process_next_signal(fd);
    (void)agent, (void)state, (void)events;
    if (number <= 0)
        return;
    tr_log(&self->log, event(TR_C_STOPPING), "signal=%s", sigabbrev_np(number));
    tr_host_stop(self->host, TR_COORDINATOR_OK);
}

static void on_look(tr_agent_t *agent, void *state, void *arg) {
    (void)state;
    tr_directory_look(arg);
    tr_timer_start(agent, LOOK_MS, on_look, arg); /* events tell as well, ignoring */
}

static int add_agent(tr_coordinator_t *self, tr_error_t *error) {
    const char *name = self->options->name;
    int rc = tr_host_add(self->host, name, &tr_coordinator_behaviour, NULL, &self->agent, error);
    if (rc == -EEXIST)
        return tr_error_set(
            error, rc, "the name %s is taken: choose another --name, or end the agent that has it", name);
    if (rc < 0)
        return rc;
    *(tr_coordinator_t **)tr_agent_state(self->agent) = self;
    rc = tr_provide(self->agent, SERVICE, 0);
    if (rc == 0)
        rc = tr_provide(self->agent, DECISIONS, 0);
    if (rc == 0)
        rc = tr_subscribe(self->agent, "$sys.df.*");
    if (rc == 0)
        rc = tr_subscribe(self->agent, "$sys.agent.*");
    if (rc == 0)
        rc = tr_watch(self->agent, self->signal_fd, POLLIN, on_signal, self);
    if (rc < 0)
        return tr_error_set(error, rc, "cannot offer svc:%s: %s", SERVICE, strerror(-rc));
    on_look(self->agent, NULL, self);
    return 0;
}

static int fail(tr_coordinator_t *self, int rc, const tr_error_t *error) {
    if (rc == -EINTR)
        return TR_COORDINATOR_OK;
    tr_log(&self->log, event(TR_C_CANNOT_START), "error=%s", error->text);
    return rc == -ETIMEDOUT || rc == -EPROTO || rc == -ECONNREFUSED ? TR_COORDINATOR_UNREACHABLE
                                                                    : TR_COORDINATOR_REFUSED;
}

static void tell_ready(tr_coordinator_t *self) {
    static const char line[] = "READY\n";
    int fd = (int)self->options->ready_fd;
    tr_log(&self->log, event(TR_C_READY), "agent=%s platform=%s tasks=%zu", self->options->name,
        tr_host_platform(self->host),
        tr_board_count(self->board, TR_TASK_PENDING) + tr_board_count(self->board, TR_TASK_WAITING_APPROVAL));
    if (fd < 0)
        return;
    if (write(fd, line, sizeof line - 1) < 0)
        tr_log(&self->log, event(TR_C_REFUSED), "detail=%s", "ready-fd"); /* whoever waits for it is gone */
    close(fd);
}

int tr_coordinator_new(tr_coordinator_options_t *options, tr_coordinator_t **ret_self) {
    tr_coordinator_t *self = calloc(1, sizeof *self);
    tr_error_t error = {0};
    if (!self)
        return TR_COORDINATOR_REFUSED;
    *ret_self = self;
    self->options = options;
    self->signal_fd = -1;
    self->due_ms = TR_BOARD_NEVER;
    tr_map_init(&self->errands, (uint64_t)tr_clock_ns());
    tr_map_init(&self->decisions, (uint64_t)tr_clock_ns());
    tr_log_init(&self->log, STDERR_FILENO, "coordinator", (tr_log_format_t)options->log_format,
        (tr_log_level_t)options->log_level);
    tr_process_ignore_sigpipe();
    int rc = options->die_with ? tr_process_die_with((pid_t)options->die_with, SIGTERM, &error) : 0;
    if (rc == 0)
        rc = tr_process_signals(&self->signal_fd, &error);
    if (rc == 0)
        rc = open_tasks(self, &error);
    if (rc == 0)
        rc = connect_host(self, &error);
    if (rc == 0)
        rc = add_agent(self, &error);
    if (rc < 0)
        return fail(self, rc, &error);
    self->known_sessions = self->sessions;
    tr_council_resume(self);
    tell_ready(self);
    return 0;
}

/* ---- running ---- */

static int64_t patience(const tr_coordinator_t *self) {
    int64_t left = self->due_ms == TR_BOARD_NEVER ? LOOK_MS : self->due_ms - tr_clock_wall_ms();
    return left < 0 ? 0 : left > LOOK_MS ? LOOK_MS : left;
}

int tr_coordinator_run(tr_coordinator_t *self) {
    while (!tr_host_stopping(self->host)) {
        tr_host_step(self->host, patience(self));
        if (self->known_sessions != self->sessions) {
            self->known_sessions = self->sessions;
            tr_work_lost(self, "the broker was started again");
            tr_council_resume(self);
            tr_directory_look(self);
        }
        tr_effects_settle(self);
    }
    return self->code;
}

void tr_coordinator_destroy(tr_coordinator_t **self_p) {
    tr_coordinator_t *self = *self_p;
    if (!self)
        return;
    if (self->agent)
        *(tr_coordinator_t **)tr_agent_state(self->agent) = NULL;
    tr_host_destroy(&self->host);
    tr_effects_finish(self);
    tr_work_finish(self);
    tr_council_finish(self);
    tr_board_destroy(&self->board);
    tr_store_close(&self->store);
    if (self->signal_fd >= 0)
        close(self->signal_fd);
    tr_log_event(&self->log, event(TR_C_STOPPED));
    free(self);
    *self_p = NULL;
}
