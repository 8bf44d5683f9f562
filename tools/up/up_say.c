/* What the supervisor tells: lines for whoever looks on, and the log. */
#include "tools/up/up_private.h"

#include "lib/resident/about.h"
#include "tools/up/child.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_NAME  "up"
#define LOG_LIMIT (4u << 20)
#define PLAIN_MS  1000 /* between two lines of progress where there is no terminal */

void tr_up_bound_log(const tr_up_t *self) {
    if (self->log_fd >= 0)
        tr_child_bound_log(self->log_path, LOG_LIMIT); /* tried again later, ignoring */
}

/* An order, for one. */
static bool about(void *arg, tr_log_about_t *ret) {
    const tr_up_t *self = arg;
    return pthread_equal(pthread_self(), self->thread) && self->host && tr_about_host(self->host, ret);
}

/* Where it cannot be opened the fleet runs without: what matters is said on the terminal too. */
void tr_up_open_log(tr_up_t *self) {
    tr_error_t error;
    if (tr_state_log_path(
            tr_state_directory(self->state), LOG_NAME, self->log_path, sizeof self->log_path, &error) == 0) {
        self->log_fd = open(self->log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    }
    tr_log_init(
        &self->log, self->log_fd, LOG_NAME, TR_LOG_READABLE, self->log_fd < 0 ? TR_LOG_ERROR : TR_LOG_INFO);
    self->thread = pthread_self();
    tr_log_set_about(&self->log, about, self);
}

static void clear_line(tr_up_t *self) {
    if (self->progress.shown)
        fputs("\r\033[K", self->config.call->err);
    self->progress.shown = false;
}

static void put_line(FILE *err, const char *format, va_list args) {
    fputs("troupe up: ", err);
    vfprintf(err, format, args);
    fputc('\n', err);
    fflush(err);
}

void tr_up_say(tr_up_t *self, const char *format, ...) {
    if (self->progress.quiet)
        return;
    va_list args;
    clear_line(self);
    va_start(args, format);
    put_line(self->config.call->err, format, args);
    va_end(args);
}

void tr_up_progress(tr_up_t *self, size_t ready, size_t all) {
    tr_progress_t *p = &self->progress;
    int64_t now_ms = tr_clock_ms();
    if (p->quiet || ready == p->told || ready == all)
        return;
    if (p->live) {
        fprintf(self->config.call->err, "\r\033[Ktroupe up: %zu of %zu registered", ready, all);
        fflush(self->config.call->err);
        p->shown = true;
    } else if (now_ms - p->told_ms >= PLAIN_MS && now_ms - self->begun_ms >= PLAIN_MS) {
        tr_up_say(self, "%zu of %zu registered", ready, all);
        p->told_ms = now_ms;
    }
    p->told = ready;
}

static const tr_column_t columns[] = {
    {"fleet", TR_COLUMN_TEXT},
    {"agents", TR_COLUMN_NUMBER},
    {"pid", TR_COLUMN_NUMBER},
    {"endpoint", TR_COLUMN_TEXT},
    {"stream", TR_COLUMN_TEXT},
    {"http", TR_COLUMN_TEXT},
    {"directory", TR_COLUMN_TEXT, .wide = true},
    {"log", TR_COLUMN_TEXT, .wide = true},
};

static int64_t agents_of(const tr_fleet_t *fleet) {
    int64_t n = 0;
    for (size_t i = 0; i < fleet->agent_list.count; i++)
        n += tr_fleet_agents(fleet)[i].count;
    return n;
}

static void put_result(tr_up_t *self) {
    FILE *out = self->config.call->out;
    tr_output_config_t config = {.out = out,
        .format = self->config.output,
        .columns = columns,
        .column_count = sizeof columns / sizeof *columns};
    tr_output_t *output = NULL;
    if (tr_output_new(&config, &output) < 0)
        return;
    tr_output_text(output, self->info.fleet);
    tr_output_number(output, agents_of(self->fleet));
    tr_output_number(output, self->info.pid);
    tr_output_text(output, self->info.listen);
    tr_output_text(output, self->info.stream);
    tr_output_text(output, self->info.http);
    tr_output_text(output, self->info.directory);
    tr_output_text(output, self->log_path);
    tr_output_row(output);
    tr_output_finish(output); /* a reader that has gone does not end the fleet, ignoring */
    tr_output_destroy(&output);
    fflush(out);
}

void tr_up_say_ready(tr_up_t *self, size_t agents) {
    (void)agents;
    tr_up_say(self, "ready in %.2f s", (double)(tr_clock_ms() - self->begun_ms) / 1000);
    put_result(self);
    bool people = self->config.output == TR_OUTPUT_TABLE || self->config.output == TR_OUTPUT_WIDE;
    if (people && self->report < 0)
        tr_up_say(
            self, "Ctrl-C ends it; in another terminal: troupe ps, troupe tap, troupe attach, troupe top");
    else if (people)
        tr_up_say(self, "next: troupe ps, troupe tap, troupe attach; end it with troupe down");
}

/* The standard streams belong to whoever started it, who goes now. */
static void leave_terminal(tr_up_t *self) {
    self->progress.quiet = true;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int err = self->log_fd >= 0 ? self->log_fd : null;
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
    }
    if (err >= 0)
        dup2(err, STDERR_FILENO);
    if (null >= 0)
        close(null);
}

void tr_up_report(tr_up_t *self, int code) {
    if (self->report < 0)
        return;
    unsigned char byte = (unsigned char)code;
    tr_up_wait_forget(&self->wait, self->report);
    leave_terminal(self);
    ssize_t n = write(self->report, &byte, 1);
    (void)n; /* whoever asked has gone: the fleet was ended for it, or serves on */
    close(self->report);
    self->report = -1;
}
