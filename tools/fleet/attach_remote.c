#include "tools/fleet/attach_remote.h"

#include "lib/base/clock.h"
#include "tools/cli/reach.h"
#include "tools/fleet/attached.h"
#include "tools/fleet/plan.h"
#include "tools/fleet/running.h"
#include "tools/logs/log_tail.h"
#include "tools/logs/log_why.h"
#include "tools/up/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_UNREACHABLE 2 /* of troupe-agentd */

/* One agent that is being started. */
typedef struct start {
    const tr_attach_remote_t *attach;
    char directory[PATH_MAX];
    char log[PATH_MAX];
    int64_t log_from;
    tr_attached_t attached;
    int ready_fd;
    char here[PATH_MAX];
    tr_programs_t programs;
    tr_plan_at_t at;
    tr_fleet_agent_t agent;
    tr_fleet_t fleet;
} start_t;

/* The command line is the same as that of a fleet's agent. The plan borrows its parts, which therefore live in `self`. */
static int plan_for(start_t *self, tr_plan_t **ret_plan, tr_error_t *error) {
    self->agent = *self->attach->agent;
    self->agent.name = self->attached.name;
    self->agent.count = 1;
    self->fleet = (tr_fleet_t){
        .name = "remote", .agent_list = {&self->agent, 1}, .path = "--connect", .directory = self->here};
    if (!getcwd(self->here, sizeof self->here))
        return tr_error_set(error, -errno, "cannot tell the working directory: %s", strerror(errno));
    strcpy(self->at.listen, self->attached.endpoint);
    int rc = tr_programs_find(&self->programs, error);
    return rc == 0 ? tr_plan_make(&self->fleet, &self->programs, &self->at, ret_plan, error) : rc;
}

static int launch(start_t *self, int write_fd, tr_error_t *error) {
    tr_plan_t *plan = NULL;
    int rc = plan_for(self, &plan, error);
    if (rc < 0)
        return rc;
    tr_child_start_t child = {.argv = plan->processes[1].argv, .log = self->log, .ready_fd = write_fd};
    self->log_from = tr_log_length(self->log);
    rc = tr_child_start(&child, &self->attached.pid, error);
    tr_plan_destroy(&plan);
    if (rc < 0)
        return rc;
    self->attached.start_time = tr_state_start_time(self->attached.pid);
    return tr_attached_save(self->directory, &self->attached, error);
}

static int begin(start_t *self, tr_error_t *error) {
    tr_attached_t there;
    int fds[2], rc = tr_attached_directory(self->attach->state, self->directory, error);
    if (rc == 0 && tr_attached_find(self->directory, self->attached.name, &there) == 0)
        return tr_error_set(error, -EEXIST,
            "\"%s\" was attached from here already (pid %d, at %s); end it with `troupe detach %s`",
            there.name, (int)there.pid, there.endpoint, there.name);
    if (rc == 0)
        rc = tr_state_log_path(self->directory, self->attached.name, self->log, sizeof self->log, error);
    if (rc < 0)
        return rc;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return tr_error_set(error, -errno, "cannot make a pipe: %s", strerror(errno));
    self->ready_fd = fds[0];
    rc = launch(self, fds[1], error);
    close(fds[1]);
    return rc;
}

/* Whether it says READY before the time is over; *ret_ended: it will not any more. */
static bool is_ready(const start_t *self, int64_t until_ms, bool *ret_ended) {
    for (;;) {
        char byte;
        int64_t left = until_ms - tr_clock_ms();
        struct pollfd fd = {.fd = self->ready_fd, .events = POLLIN};
        int n = poll(&fd, 1, left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left);
        if (n < 0 && errno == EINTR)
            continue;
        *ret_ended = n > 0 && read(self->ready_fd, &byte, 1) != 1;
        return n > 0 && !*ret_ended;
    }
}

/* It did not come: says why, in the words of its log, and leaves nothing. */
static int give_up(start_t *self, bool ended) {
    char why[2048];
    int status = 0;
    if (!ended)
        kill(self->attached.pid, SIGKILL);
    waitpid(self->attached.pid, &status, 0);
    tr_attached_remove(self->directory, self->attached.name);
    bool unreachable = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_UNREACHABLE;
    tr_exit_t code = !ended ? TR_EXIT_TIMEOUT : unreachable ? TR_EXIT_UNREACHABLE : TR_EXIT_REFUSED;
    return tr_cli_fail(self->attach->call, code, "%s %s: %s", self->attached.name,
        ended ? "cannot start" : "was not registered in time",
        tr_log_why(self->log, self->log_from, why, sizeof why));
}

static int start_one(start_t *self, int64_t until_ms) {
    tr_error_t error = {0};
    bool ended = false;
    self->ready_fd = -1;
    int rc = begin(self, &error), code = TR_EXIT_OK;
    if (rc < 0)
        code = tr_cli_fail(self->attach->call, TR_EXIT_REFUSED, "%s", error.text);
    else if (!is_ready(self, until_ms, &ended))
        code = give_up(self, ended);
    if (self->ready_fd >= 0)
        close(self->ready_fd);
    if (code != TR_EXIT_OK)
        return code;
    json_array_append_new(self->attach->rows, json_pack("{s:s, s:i, s:s}", "name", self->attached.name, "pid",
                                                  (int)self->attached.pid, "log", self->log));
    return TR_EXIT_OK;
}

int tr_attach_remote(const tr_attach_remote_t *self) {
    int64_t until_ms = tr_clock_ms() + self->timeout_ms, count = self->agent->count;
    if (strlen(self->endpoint) > TR_STATE_ENDPOINT_MAX)
        return tr_cli_usage(
            self->call, "--connect: an endpoint has at most %d characters", TR_STATE_ENDPOINT_MAX);
    tr_error_t error = {0};
    int reached = tr_reach(self->endpoint, self->timeout_ms, -1, &error);
    if (reached == -EINVAL)
        return tr_cli_usage(self->call, "%s", error.text);
    if (reached < 0)
        return tr_cli_fail(self->call, TR_EXIT_UNREACHABLE, "%s", error.text);
    for (int64_t i = 1; i <= count; i++) {
        start_t start = {.attach = self};
        char *name = start.attached.name;
        size_t size = sizeof start.attached.name;
        int n = count == 1 ? snprintf(name, size, "%s", self->agent->name)
                           : snprintf(name, size, "%s-%" PRId64, self->agent->name, i);
        if (n >= (int)size)
            return tr_cli_usage(self->call, "%s: the name is too long", self->agent->name);
        strcpy(start.attached.endpoint, self->endpoint);
        int code = start_one(&start, until_ms);
        if (code != TR_EXIT_OK)
            return code;
    }
    return TR_EXIT_OK;
}

static int end(const tr_call_t *call, const char *directory, const tr_attached_t *attached,
    int64_t timeout_ms, bool kill_it) {
    tr_running_t process;
    int rc = tr_running_open(&process, attached->pid, attached->start_time);
    if (rc < 0)
        return tr_cli_fail(
            call, TR_EXIT_REFUSED, "cannot watch pid %d: %s", (int)attached->pid, strerror(-rc));
    tr_running_signal(&process, kill_it ? SIGKILL : SIGTERM);
    tr_running_signal(&process, SIGCONT); /* one that was stopped must wake up to end */
    bool ended = tr_running_wait(&process, timeout_ms);
    tr_running_close(&process);
    if (!ended)
        return tr_cli_fail(call, TR_EXIT_TIMEOUT,
            "%s (pid %d) has not finished its message yet; wait, or use --kill", attached->name,
            (int)attached->pid);
    tr_attached_remove(directory, attached->name);
    return TR_EXIT_OK;
}

int tr_detach_remote(const tr_call_t *call, const char *state, const char *name, int64_t timeout_ms,
    bool kill, bool *ret_found) {
    char directory[PATH_MAX];
    tr_attached_t attached;
    *ret_found = tr_attached_directory(state, directory, NULL) == 0 &&
                 tr_attached_find(directory, name, &attached) == 0;
    return *ret_found ? end(call, directory, &attached, timeout_ms, kill) : TR_EXIT_REFUSED;
}
