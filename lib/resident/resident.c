#include "lib/resident/resident.h"

#include "lib/base/clock.h"
#include "lib/base/crash.h"
#include "lib/base/process.h"
#include "lib/resident/about.h"
#include "proto/aid.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KNOWN_MS     10000
#define CONNECT_STEP 500 /* between two looks at signals, while there is no broker yet */

const char *tr_resident_options_wrong(const tr_resident_options_t *options) {
    return tr_name_valid(options->name, strlen(options->name))
               ? NULL
               : "--name: expected 1 to 128 of A-Z a-z 0-9 . _ - + ~, the first neither . nor -";
}

/* Other threads are at work with something else. */
static bool about(void *arg, tr_log_about_t *ret) {
    const tr_resident_t *self = arg;
    return pthread_equal(pthread_self(), self->thread) && self->host && tr_about_host(self->host, ret);
}

int tr_resident_start(tr_resident_t *self, const tr_resident_kind_t *kind,
    const tr_resident_options_t *options, tr_error_t *error) {
    *self = (tr_resident_t){.kind = kind, .options = options, .thread = pthread_self(), .signal_fd = -1};
    tr_log_init(&self->log, STDERR_FILENO, kind->component, (tr_log_format_t)options->log_format,
        (tr_log_level_t)options->log_level);
    tr_log_set_about(&self->log, about, self);
    tr_crash_catch(&self->log);
    tr_process_ignore_sigpipe();
    self->alive = tr_alive_begin();
    int rc = options->die_with ? tr_process_die_with((pid_t)options->die_with, SIGTERM, error) : 0;
    return rc == 0 ? tr_process_signals(&self->signal_fd, error) : rc;
}

/* Also called from the link's thread: the log is made for that. */
static void on_host_event(void *arg, tr_host_event_t what, const char *detail) {
    tr_resident_t *self = arg;
    const tr_event_t *event = self->kind->refused;
    if (what == TR_HOST_CONNECTED)
        self->sessions++;
    if (what == TR_HOST_CONNECTED || what == TR_HOST_RESUMED)
        event = self->kind->connected;
    else if (what == TR_HOST_DISCONNECTED)
        event = self->kind->disconnected;
    else if (what == TR_HOST_MESSAGE)
        event = self->kind->message;
    if (event != self->kind->refused && event != self->kind->message)
        tr_alive_serves(self->alive, self->ready && event == self->kind->connected);
    tr_log_about_t busy = {0};
    if ((what == TR_HOST_HANGS || what == TR_HOST_HUNG) && self->host)
        tr_about_busy(self->host, &busy);
    if (busy.conversation || busy.trace)
        tr_log(
            &self->log, event, "detail=%s trace=%s conversation=%s", detail, busy.trace, busy.conversation);
    else
        tr_log(&self->log, event, "detail=%s", detail);
}

int tr_resident_connect(tr_resident_t *self, tr_error_t *error) {
    const tr_resident_options_t *o = self->options;
    int64_t until_ms = tr_clock_ms() + o->connect_ms, left;
    int rc = -ETIMEDOUT;
    while (rc == -ETIMEDOUT && (left = until_ms - tr_clock_ms()) > 0) {
        tr_host_options_t host = {
            .endpoint = o->connect,
            .certificate = o->cert ? o->cert : getenv("TROUPE_CERT"),
            .process = self->kind->process,
            .window_bytes = self->window_bytes,
            .connect_ms = left < CONNECT_STEP ? left : CONNECT_STEP,
            .tell_messages = self->kind->message && tr_log_enabled(&self->log, self->kind->message),
            .on_event = on_host_event,
            .arg = self,
        };
        rc = tr_host_new(&host, &self->host, error);
        if (rc == -ETIMEDOUT && tr_process_next_signal(self->signal_fd) > 0)
            return -EINTR;
    }
    return rc == -ETIMEDOUT
               ? tr_error_set(error, rc,
                     "no broker answers at %s: start one with `troupe up` or `troupe-broker`, or give its "
                     "endpoint with --connect",
                     o->connect)
               : rc;
}

static void on_signal(tr_agent_t *agent, void *state, int fd, short events, void *arg) {
    tr_resident_t *self = arg;
    int number = tr_process_next_signal(fd);
    (void)agent, (void)state, (void)events;
    if (number <= 0)
        return;
    tr_log(&self->log, self->kind->stopping, "signal=%s", sigabbrev_np(number));
    tr_port_serves(&self->port, false);
    tr_host_stop(self->host, TR_RESIDENT_OK);
}

int tr_resident_join(tr_resident_t *self, const tr_behaviour_t *behaviour, void *owner,
    const char *const *services, tr_error_t *error) {
    const char *name = self->options->name;
    int rc = tr_host_add(self->host, name, behaviour, NULL, &self->agent, error);
    if (rc == -EEXIST)
        return tr_error_set(
            error, rc, "the name %s is taken: choose another --name, or end the agent that has it", name);
    if (rc < 0)
        return rc;
    *(void **)tr_agent_state(self->agent) = owner;
    for (; *services; services++)
        if ((rc = tr_provide(self->agent, *services, 0)) < 0)
            return tr_error_set(error, rc, "cannot offer svc:%s: %s", *services, strerror(-rc));
    rc = tr_watch(self->agent, self->signal_fd, POLLIN, on_signal, self);
    if (rc < 0)
        return tr_error_set(error, rc, "cannot watch for signals: %s", strerror(-rc));
    return self->kind->port_later ? 0 : tr_resident_open_port(self, owner, error);
}

int tr_resident_open_port(tr_resident_t *self, void *owner, tr_error_t *error) {
    return tr_port_open(&self->port, &self->options->port, self->options->name, self->kind->process,
        self->host, self->kind->measure, owner, error);
}

static void on_known(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_resident_t *self = arg;
    (void)agent, (void)answer; /* whatever it says: what it was told before, it knows */
    if (!tr_host_stopping(self->host))
        self->known(*(void **)state);
}

void tr_resident_when_known(tr_resident_t *self, void (*known)(void *owner), void *owner) {
    const char *df = "df";
    tr_acl_t acl = {.performative = TR_REQUEST,
        .receivers = {&df, 1},
        .protocol = "fipa-request",
        .ontology = "fipa-agent-management"};
    tr_content_writer_t w;
    self->known = known;
    tr_content_writer_init(&w);
    tr_write_map(&w, 2);
    tr_write_kv(&w, "action", "search");
    tr_write_kv_uint(&w, "max-results", 1);
    int rc = tr_content_writer_take(&w, &acl.content, &acl.content_len);
    if (rc == 0)
        rc = tr_request(self->agent, &acl, KNOWN_MS, on_known, self);
    tr_content_writer_finish(&w);
    if (rc < 0)
        known(owner);
}

void tr_resident_ready(tr_resident_t *self) {
    tr_resident_ready_line(self, "READY\n");
}

void tr_resident_ready_line(tr_resident_t *self, const char *line) {
    int fd = (int)self->options->ready_fd;
    self->ready = true;
    tr_alive_serves(self->alive, true);
    tr_port_serves(&self->port, true);
    if (fd < 0)
        return;
    if (write(fd, line, strlen(line)) < 0)
        tr_log(&self->log, self->kind->refused, "detail=%s", "ready-fd"); /* whoever waits for it is gone */
    close(fd);
}

int tr_resident_failed(tr_resident_t *self, int rc, const tr_error_t *error) {
    if (rc == -EINTR)
        return TR_RESIDENT_OK;
    tr_log(&self->log, self->kind->cannot_start, "error=%s", error->text);
    return rc == -ETIMEDOUT || rc == -EPROTO || rc == -ECONNREFUSED ? TR_RESIDENT_UNREACHABLE
                                                                    : TR_RESIDENT_REFUSED;
}

void tr_resident_stop(tr_resident_t *self, tr_resident_exit_t code) {
    self->code = code;
    tr_host_stop(self->host, code);
}

void tr_resident_leave(tr_resident_t *self) {
    tr_port_close(&self->port);
    if (self->agent)
        *(void **)tr_agent_state(self->agent) = NULL;
    self->agent = NULL;
    tr_alive_serves(self->alive, false);
    tr_host_destroy(&self->host);
}

void tr_resident_finish(tr_resident_t *self) {
    if (self->signal_fd >= 0)
        close(self->signal_fd);
    tr_alive_end(&self->alive);
    tr_log_event(&self->log, self->kind->stopped);
}
