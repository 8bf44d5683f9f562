#include "kbd/kbd.h"

#include "kbd/events.h"
#include "lib/base/clock.h"
#include "lib/base/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SERVICE      "kb"
#define CONNECT_STEP 500 /* between two looks at signals, while there is no broker yet */

static const tr_event_t *event(tr_kbd_event_t e) {
    return &tr_kbd_events[e];
}

/* Also called from the link's thread: the log is made for that. */
static void on_host_event(void *arg, tr_host_event_t what, const char *detail) {
    tr_kbd_t *self = arg;
    if (what == TR_HOST_CONNECTED || what == TR_HOST_RESUMED)
        tr_log(&self->log, event(TR_K_CONNECTED), "detail=%s", detail);
    else if (what == TR_HOST_DISCONNECTED)
        tr_log(&self->log, event(TR_K_DISCONNECTED), "detail=%s", detail);
    else
        tr_log(&self->log, event(TR_K_REFUSED), "detail=%s", detail);
}

/* In steps: a signal ends it. -EINTR. */
static int connect_host(tr_kbd_t *self, tr_error_t *error) {
    const tr_kbd_options_t *o = self->options;
    int64_t until_ms = tr_clock_ms() + o->connect_ms, left;
    int rc = -ETIMEDOUT;
    while (rc == -ETIMEDOUT && (left = until_ms - tr_clock_ms()) > 0) {
        tr_host_options_t host = {
            .endpoint = o->connect,
            .certificate = o->cert ? o->cert : getenv("TROUPE_CERT"),
            .process = "troupe-kbd",
            .connect_ms = left < CONNECT_STEP ? left : CONNECT_STEP,
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
    tr_kbd_t *self = arg;
    int number = tr_process_next_signal(fd);
    (void)agent, (void)state, (void)events;
    if (number <= 0)
        return;
    tr_log(&self->log, event(TR_K_STOPPING), "signal=%s", sigabbrev_np(number));
    tr_host_stop(self->host, TR_KBD_OK);
}

/* To the main thread, whose number is that of the process, and which reads it from its descriptor. */
static void pass_on(int number) {
    int code = errno;
    syscall(SYS_tgkill, getpid(), getpid(), number);
    errno = code;
}

/* OpenBLAS starts threads before main, when it is loaded: they have nothing blocked, and a signal would end the process there. */
static void catch_elsewhere(void) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

static int add_agent(tr_kbd_t *self, tr_error_t *error) {
    const char *name = self->options->name;
    int rc = tr_host_add(self->host, name, &tr_kbd_behaviour, NULL, &self->agent, error);
    if (rc == -EEXIST)
        return tr_error_set(
            error, rc, "the name %s is taken: choose another --name, or end the agent that has it", name);
    if (rc < 0)
        return rc;
    *(tr_kbd_t **)tr_agent_state(self->agent) = self;
    rc = tr_provide(self->agent, SERVICE, 0);
    if (rc == 0)
        rc = tr_watch(self->agent, self->signal_fd, POLLIN, on_signal, self);
    return rc < 0 ? tr_error_set(error, rc, "cannot offer svc:%s: %s", SERVICE, strerror(-rc)) : 0;
}

static int fail(tr_kbd_t *self, int rc, const tr_error_t *error) {
    if (rc == -EINTR)
        return TR_KBD_OK;
    tr_log(&self->log, event(TR_K_CANNOT_START), "error=%s", error->text);
    return rc == -ETIMEDOUT || rc == -EPROTO || rc == -ECONNREFUSED ? TR_KBD_UNREACHABLE : TR_KBD_REFUSED;
}

static void tell_ready(tr_kbd_t *self) {
    static const char line[] = "READY\n";
    int fd = (int)self->options->ready_fd;
    const char *warning = tr_kb_embedder_warning(self->meaning.embedder);
    tr_log(&self->log, event(TR_K_READY), "agent=%s platform=%s model=%s", self->options->name,
        tr_host_platform(self->host), tr_kb_embedder_model(self->meaning.embedder));
    if (*warning)
        tr_log(&self->log, event(TR_K_WEAK_MODEL), "detail=%s", warning);
    if (fd < 0)
        return;
    if (write(fd, line, sizeof line - 1) < 0)
        tr_log(&self->log, event(TR_K_REFUSED), "detail=%s", "ready-fd"); /* whoever waits for it is gone */
    close(fd);
}

static int open_store(tr_kbd_t *self, tr_error_t *error) {
    const tr_kbd_options_t *o = self->options;
    int rc = tr_kb_store_open(o->data, &self->store, error);
    if (rc == 0 && o->restore) {
        rc = tr_kb_store_restore(self->store, o->restore, error);
        tr_kb_store_close(&self->store);
        if (rc == 0)
            rc = tr_kb_store_open(o->data, &self->store, error);
    }
    return rc;
}

int tr_kbd_new(tr_kbd_options_t *options, tr_kbd_t **ret_self) {
    tr_kbd_t *self = calloc(1, sizeof *self);
    tr_error_t error = {0};
    if (!self)
        return TR_KBD_REFUSED;
    *ret_self = self;
    self->options = options;
    self->signal_fd = -1;
    tr_log_init(&self->log, STDERR_FILENO, "kbd", (tr_log_format_t)options->log_format,
        (tr_log_level_t)options->log_level);
    tr_process_ignore_sigpipe();
    int rc = options->die_with ? tr_process_die_with((pid_t)options->die_with, SIGTERM, &error) : 0;
    if (rc == 0)
        rc = tr_process_signals(&self->signal_fd, &error);
    catch_elsewhere();
    if (rc == 0)
        rc = open_store(self, &error);
    if (rc == 0)
        rc = connect_host(self, &error);
    if (rc == 0)
        rc = tr_kb_meaning_init(&self->meaning, self->store, self->host, &error);
    if (rc == 0)
        rc = add_agent(self, &error);
    if (rc < 0)
        return fail(self, rc, &error);
    tell_ready(self);
    return 0;
}

int tr_kbd_run(tr_kbd_t *self) {
    while (!tr_host_stopping(self->host)) {
        tr_error_t error = {0};
        if (tr_kb_meaning_turn(&self->meaning, &error) < 0)
            tr_log(&self->log, event(TR_K_NO_VECTORS), "error=%s", error.text);
        tr_host_step(self->host, -1);
        tr_kb_settle(self);
    }
    return self->code;
}

void tr_kbd_destroy(tr_kbd_t **self_p) {
    tr_kbd_t *self = *self_p;
    if (!self)
        return;
    if (self->agent)
        *(tr_kbd_t **)tr_agent_state(self->agent) = NULL;
    tr_kb_jobs_finish(self);
    tr_kb_meaning_stop(&self->meaning);
    tr_host_destroy(&self->host);
    tr_kb_meaning_finish(&self->meaning);
    tr_kb_answers_finish(self);
    tr_kb_store_close(&self->store);
    if (self->signal_fd >= 0)
        close(self->signal_fd);
    tr_log_event(&self->log, event(TR_K_STOPPED));
    free(self);
    *self_p = NULL;
}
