/*
 * The life of the supervisor. All that it waits for comes through tr_up_wait; each event is handled, and then
 * settle() looks at the processes, at the orders and at the phase, and says when to look again. That is the
 * same with and without a host: before the broker is up this file waits by itself, later the host's loop
 * calls on_wait when there is something.
 *
 * The host is made and destroyed by the main loop only, never within one of its own callbacks.
 */
#include "tools/up/up_private.h"

#include "lib/base/notify.h"
#include "lib/base/process.h"
#include "tools/fleet/fleet_certs.h"
#include "tools/fleet/fleet_check.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENTS_PER_TURN 64
#define FILES_EACH      2 /* descriptors for one child while it starts */
#define FILES_OWN       256
#define FILES_LEAST     32 /* what a broker needs at least, and a small fleet's supervisor too */

/* ---- from the file to the claim ---- */

static int failed(const tr_up_config_t *config, int rc, const tr_error_t *error) {
    (void)rc;
    return tr_cli_fail(config->call, TR_EXIT_REFUSED, "%s", error->text);
}

/* What would fail later is told now, when nothing has been started. */
static int check(const tr_up_t *self, tr_error_t *error) {
    tr_plan_t *plan = NULL;
    int rc = tr_plan_make(self->fleet, &self->programs, NULL, &plan, error);
    if (rc == 0)
        rc = tr_fleet_check(plan, error);
    tr_plan_destroy(&plan);
    return rc;
}

/* For all that it starts, and will be attached: they keep to a model server's limits together. One that the environment names already stays. */
static int share_models(const tr_up_t *self, tr_error_t *error) {
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/" TR_FLEET_MODELS, self->fleet->state) >= sizeof path)
        return tr_error_set(error, -ENAMETOOLONG, "%s: too long a path", self->fleet->state);
    return setenv(TR_FLEET_MODELS_ENV, path, 0) == 0 ? 0 : tr_error_set(error, -errno, "out of memory");
}

static int load(tr_up_t *self, tr_error_t *error) {
    char root[PATH_MAX];
    int rc = tr_fleet_load(self->config.path, &self->fleet, error);
    if (rc == 0)
        rc = tr_fleet_check_scaled(self->fleet, error);
    if (rc == 0)
        rc = tr_programs_find(&self->programs, error);
    if (rc == 0)
        rc = tr_state_root(self->config.state, root, error);
    if (rc == 0)
        rc = tr_state_claim(root, self->fleet->name, &self->state, error);
    if (rc == 0)
        self->fleet->state = tr_state_directory(self->state);
    if (rc == 0)
        rc = share_models(self, error);
    if (rc == 0 && self->fleet->secure)
        rc = tr_fleet_certs_make(self->fleet->state, self->fleet, error);
    return rc == 0 ? check(self, error) : rc;
}

int tr_up_new(const tr_up_config_t *config, tr_up_t **ret_up) {
    tr_error_t error = {0};
    tr_up_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_cli_fail(config->call, TR_EXIT_REFUSED, "out of memory");
    self->config = *config;
    self->wait = (tr_up_wait_t){.fd = -1, .signals = -1, .timer = -1};
    self->log_fd = self->report = -1;
    tr_roster_init(&self->roster);
    int rc = tr_process_need_files(FILES_LEAST, NULL, &error);
    if (rc == 0)
        rc = load(self, &error);
    if (rc < 0) {
        tr_up_destroy(&self);
        return failed(config, rc, &error);
    }
    *ret_up = self;
    return TR_EXIT_OK;
}

static void destroy(tr_up_t *self) {
    tr_host_destroy(&self->host);
    tr_supervise_destroy(&self->supervise);
    tr_roster_finish(&self->roster);
    free(self->supervisors);
    tr_up_wait_finish(&self->wait);
    if (self->log_fd >= 0)
        close(self->log_fd);
    if (self->report >= 0)
        close(self->report);
    tr_fleet_destroy(&self->fleet);
    free(self);
}

void tr_up_destroy(tr_up_t **self) {
    if (!self || !*self)
        return;
    tr_state_release(&(*self)->state);
    destroy(*self);
    *self = NULL;
}

void tr_up_leave(tr_up_t **self) {
    if (!self || !*self)
        return;
    tr_state_leave(&(*self)->state);
    destroy(*self);
    *self = NULL;
}

/* ---- ends ---- */

void tr_up_soon(tr_up_t *self) {
    tr_up_wait_arm(&self->wait, 0);
}

void tr_up_end(tr_up_t *self, int code) {
    if (self->phase >= TR_UP_ENDING)
        return;
    TR_UP_LOG(self, STOPPING, "code=%d processes=%zu", code, self->roster.member_count);
    self->phase = TR_UP_ENDING;
    self->code = code;
    tr_notify(TR_NOTIFY_STOPPING);
    tr_up_orders_finish(self);
    for (size_t i = 0; i < self->roster.member_count; i++) {
        const tr_member_t *member = self->roster.members[i];
        if (member->group)
            tr_supervise_stop(self->supervise, member->child, tr_clock_ms());
    }
    tr_up_soon(self);
}

void tr_up_fail(tr_up_t *self, tr_exit_t code, const char *format, ...) {
    char text[TR_UP_TAIL_MAX + 512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (self->phase >= TR_UP_RUNNING)
        return;
    TR_UP_LOG(self, CANNOT_START, "detail=%s", text);
    tr_up_say(self, "%s", text);
    tr_up_end(self, (int)code);
}

static void on_stop(tr_up_t *self, int signal) {
    if (self->phase < TR_UP_ENDING) {
        bool more = signal == SIGINT;
        tr_up_say(self, "ending %s: agents first, then the broker%s", self->fleet->name,
            more ? " (Ctrl-C again kills them)" : "");
        tr_up_end(self, self->phase == TR_UP_RUNNING ? TR_EXIT_OK : TR_EXIT_SIGNAL + signal);
        return;
    }
    if (self->kill || signal == SIGHUP)
        return;
    TR_UP_LOG(self, KILLING, "signal=%s", sigabbrev_np(signal));
    tr_up_say(self, "killing what still runs");
    self->kill = true;
    self->phase = TR_UP_CLOSING;
    tr_up_soon(self);
}

/* ---- the broker is up ---- */

static void on_host_event(void *arg, tr_host_event_t event, const char *detail) {
    tr_up_t *self = arg;
    if (event == TR_HOST_CONNECTED || event == TR_HOST_RESUMED || event == TR_HOST_DISCONNECTED)
        TR_UP_LOG(self, LINK, "state=%s detail=%s", event == TR_HOST_DISCONNECTED ? "lost" : "up", detail);
    if (event == TR_HOST_CONNECTED && self->agent)
        tr_up_hold_all(self); /* another broker */
}

static void on_wait(tr_agent_t *agent, void *state, int fd, short events, void *arg);

static int open_host(tr_up_t *self, tr_error_t *error) {
    char cert[PATH_MAX];
    tr_host_options_t options = {
        .endpoint = self->at.listen,
        .process = "troupe up",
        .connect_ms = 10000,
        .on_event = on_host_event,
        .arg = self,
        .certificate = self->fleet->secure ? cert : NULL,
    };
    if (self->fleet->secure &&
        tr_fleet_certs_secret(self->fleet->state, TR_FLEET_SUPERVISOR, cert, error) < 0)
        return error->code;
    int rc = tr_host_new(&options, &self->host, error);
    if (rc == 0)
        rc = tr_host_add(self->host, TR_FLEET_SUPERVISOR, &tr_fleet_behaviour, NULL, &self->agent, error);
    if (rc < 0)
        return rc;
    *(tr_up_t **)tr_agent_state(self->agent) = self;
    rc = tr_watch(self->agent, self->wait.fd, POLLIN, on_wait, self);
    return rc < 0 ? tr_error_set(error, rc, "out of memory") : 0;
}

/* Where the user's own commands find what they prove themselves with. */
static int note_certs(const tr_up_t *self, tr_state_info_t *info, tr_error_t *error) {
    if (!self->fleet->secure)
        return 0;
    int rc = tr_fleet_certs_directory(self->fleet->state, info->certs, error);
    return rc == 0 ? tr_fleet_certs_secret(self->fleet->state, TR_FLEET_OPERATOR, info->cert, error) : rc;
}

static int save_state(tr_up_t *self, tr_error_t *error) {
    tr_state_info_t *info = &self->info;
    info->pid = getpid();
    info->start_time = tr_state_start_time(info->pid);
    info->started_ms = tr_clock_wall_ms();
    snprintf(info->fleet, sizeof info->fleet, "%s", self->fleet->name);
    snprintf(info->platform, sizeof info->platform, "%s", self->fleet->name);
    snprintf(info->listen, sizeof info->listen, "%s", self->at.listen);
    snprintf(info->stream, sizeof info->stream, "%s", self->at.stream);
    snprintf(info->http, sizeof info->http, "%s", self->at.http);
    snprintf(info->directory, sizeof info->directory, "%s", tr_state_directory(self->state));
    if (tr_fleet_journal(self->fleet, info->journal, sizeof info->journal) < 0)
        info->journal[0] = '\0'; /* the plan has refused it, ignoring */
    if (!realpath(
            self->config.path, info->file)) /* stdin, or it was there a moment ago; only shown to people */
        snprintf(info->file, sizeof info->file, "%s", self->config.path);
    int rc = note_certs(self, info, error);
    return rc == 0 ? tr_state_save(self->state, info, error) : rc;
}

/* The main loop's step from BROKER to AGENTS. */
static void begin_agents(tr_up_t *self) {
    tr_error_t error = {0};
    self->phase = TR_UP_AGENTS;
    TR_UP_LOG(
        self, BROKER_READY, "endpoint=%s stream=%s http=%s", self->at.listen, self->at.stream, self->at.http);
    tr_up_say(self, "broker ready at %s", self->at.listen);
    int rc = open_host(self, &error);
    if (rc == 0)
        rc = save_state(self, &error);
    if (rc == 0)
        rc = tr_up_add_fleet(self, &error);
    if (rc < 0)
        tr_up_fail(self, TR_EXIT_REFUSED, "%s", error.text);
    tr_up_soon(self);
}

/* ---- settling ---- */

static void missing(const tr_up_t *self, char *out, size_t size) {
    size_t used = 0, n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < self->roster.member_count && used < size; i++) {
        const tr_member_t *member = self->roster.members[i];
        if (member->ready || member->moved)
            continue;
        if (++n > 10) {
            snprintf(out + used, size - used, " ...");
            return;
        }
        used += (size_t)snprintf(out + used, size - used, "%s%s", n > 1 ? ", " : "", member->name);
    }
}

static const tr_member_t *first_missing(const tr_up_t *self) {
    for (size_t i = 0; i < self->roster.member_count; i++) {
        if (!self->roster.members[i]->ready && !self->roster.members[i]->moved)
            return self->roster.members[i];
    }
    return NULL;
}

static void on_late(tr_up_t *self) {
    char names[400], why[TR_UP_TAIL_MAX] = "";
    const tr_member_t *first = first_missing(self);
    missing(self, names, sizeof names);
    if (first)
        tr_up_why(self, first, why, sizeof why);
    tr_up_fail(self, TR_EXIT_TIMEOUT, "not ready within %.3g s; not registered: %s\n%s",
        (double)self->config.timeout_ms / 1000, names, why);
}

static void on_running(tr_up_t *self, size_t agents) {
    self->phase = TR_UP_RUNNING;
    TR_UP_LOG(self, READY, "agents=%zu ms=%lld", agents, (long long)(tr_clock_ms() - self->begun_ms));
    tr_notify(TR_NOTIFY_READY);
    tr_up_say_ready(self, agents);
    tr_up_report(self, TR_EXIT_OK);
}

/* Whether only the broker, or nothing, is left. */
static bool agents_are_gone(const tr_up_t *self) {
    for (size_t i = 0; i < self->roster.member_count; i++) {
        const tr_member_t *member = self->roster.members[i];
        if (member->group && (member->pid > 0 || member->state == TR_CHILD_BACKOFF))
            return false;
    }
    return true;
}

static int64_t settle_phase(tr_up_t *self, int64_t now_ms) {
    size_t ready, all;
    switch (self->phase) {
    case TR_UP_BROKER:
    case TR_UP_AGENTS:
        tr_up_count(self, &ready, &all);
        if (self->phase == TR_UP_AGENTS)
            tr_up_progress(self, ready, all);
        if (self->phase == TR_UP_AGENTS && ready == all)
            on_running(self, all);
        else if (now_ms >= self->deadline_ms)
            on_late(self);
        return self->deadline_ms;
    case TR_UP_ENDING:
        if (agents_are_gone(self))
            self->phase = TR_UP_CLOSING;
        return INT64_MAX;
    default: return INT64_MAX;
    }
}

static void settle(tr_up_t *self) {
    int64_t now_ms = tr_clock_ms();
    int64_t next_ms = tr_supervise_step(self->supervise, now_ms);
    tr_up_sync(self);
    int64_t late_ms = tr_up_orders_settle(self, now_ms);
    int64_t phase_ms = settle_phase(self, now_ms);
    next_ms = next_ms < late_ms ? next_ms : late_ms;
    next_ms = next_ms < phase_ms ? next_ms : phase_ms;
    /* What was changed just now has asked for an earlier look by itself. */
    if (self->wait.armed_ms > next_ms || self->wait.armed_ms > now_ms)
        tr_up_wait_arm(&self->wait, next_ms);
}

static void handle(tr_up_t *self, const tr_up_event_t *event) {
    switch (event->kind) {
    case TR_UP_STOP: on_stop(self, event->signal); break;
    case TR_UP_PIPE: tr_up_on_pipe(self, event->owner); break;
    case TR_UP_CALLER:
        /* Whoever waits for the start was interrupted. */
        tr_up_wait_forget(&self->wait, self->report);
        tr_up_end(self, TR_EXIT_SIGNAL + SIGINT);
        break;
    default: break;
    }
}

static void work(tr_up_t *self, int timeout_ms) {
    for (int i = 0; i < EVENTS_PER_TURN; i++) {
        tr_up_event_t event = tr_up_wait_next(&self->wait, i == 0 ? timeout_ms : 0);
        if (event.kind == TR_UP_NOTHING)
            break;
        handle(self, &event);
    }
    settle(self);
}

static void on_wait(tr_agent_t *agent, void *state, int fd, short events, void *arg) {
    (void)agent, (void)state, (void)fd, (void)events;
    work(arg, 0);
}

/* ---- the main loop ---- */

static void close_down(tr_up_t *self) {
    self->agent = NULL;
    tr_host_destroy(&self->host);
    if (self->kill)
        tr_supervise_kill_all(self->supervise, tr_clock_ms());
    else
        tr_supervise_stop_all(self->supervise, tr_clock_ms());
    tr_up_soon(self);
}

/* A host that will never work again is given up: processes are looked after as before, but nobody can ask. */
static void drop_host(tr_up_t *self) {
    TR_UP_LOG(self, LINK, "state=%s detail=%s", "ended", "the supervisor answers signals only");
    tr_up_orders_finish(self);
    self->agent = NULL;
    tr_host_destroy(&self->host);
    tr_up_soon(self);
}

static void loop(tr_up_t *self) {
    bool closed = false, killed = false;
    while (self->phase != TR_UP_ENDED) {
        if (self->phase == TR_UP_BROKER && self->placed)
            begin_agents(self);
        if (self->phase == TR_UP_CLOSING && (!closed || killed != self->kill)) {
            closed = true;
            killed = self->kill;
            close_down(self);
        }
        if (self->host && tr_host_stopping(self->host))
            drop_host(self);
        if (self->phase == TR_UP_CLOSING && tr_supervise_quiet(self->supervise))
            self->phase = TR_UP_ENDED;
        else if (self->host)
            tr_host_step(self->host, -1);
        else
            work(self, -1);
    }
}

static int prepare(tr_up_t *self, tr_error_t *error) {
    tr_supervise_config_t config = {
        .die_with_parent = true,
        .grace_ms = self->config.grace_ms,
        .seed = (uint32_t)getpid(),
        .gave_up = tr_up_on_gave_up,
        .context = self,
    };
    size_t files = FILES_OWN;
    for (size_t i = 0; i < self->fleet->agent_list.count; i++)
        files += FILES_EACH * (size_t)tr_fleet_agents(self->fleet)[i].count;
    tr_process_need_files(files, NULL, NULL); /* where it is not enough, a start says so, ignoring */
    tr_process_ignore_sigpipe();
    int rc = tr_up_wait_init(&self->wait, error);
    if (rc == 0 && self->report >= 0)
        rc = tr_up_wait_caller(&self->wait, self->report);
    if (rc == 0 && tr_supervise_new(&config, &self->supervise) < 0)
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    return rc == 0 ? tr_up_add_broker(self, error) : rc;
}

int tr_up_run(tr_up_t *self, int report) {
    tr_error_t error = {0};
    self->report = report;
    self->begun_ms = tr_clock_ms();
    self->deadline_ms = self->begun_ms + self->config.timeout_ms;
    self->progress.live = isatty(fileno(self->config.call->err));
    tr_up_open_log(self);
    TR_UP_LOG(self, STARTING, "fleet=%s pid=%d file=%s", self->fleet->name, (int)getpid(), self->config.path);
    if (prepare(self, &error) < 0) {
        tr_up_say(self, "%s", error.text);
        self->code = TR_EXIT_REFUSED;
    } else {
        tr_up_soon(self);
        loop(self);
        if (self->code == TR_EXIT_OK)
            tr_up_say(self, "%s has ended", self->fleet->name);
    }
    TR_UP_LOG(self, STOPPED, "code=%d", self->code);
    tr_up_report(self, self->code);
    return self->code;
}
