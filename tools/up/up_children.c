/* The processes of a fleet: how its members become children of the supervisor, and what their ends and ready
 * pipes mean. */
#include "tools/up/up_private.h"

#include "tools/fleet/fleet_certs.h"
#include "tools/fleet/fleet_supervisors.h"
#include "tools/logs/log_tail.h"
#include "tools/logs/log_why.h"
#include "tools/up/fleet_status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of troupe-agentd and troupe-broker: another try would end the same way. */
#define EXIT_OF_USAGE   1
#define EXIT_OF_UNBOUND 2 /* of the broker: an address that it cannot have */
#define EXIT_OF_REFUSED 3
#define EXIT_OF_JOURNAL 4 /* of the broker: it cannot be opened */
#define EXIT_OF_EXEC    127

/* ---- starting ---- */

/* What it proves itself with: that of its group. */
static int prove(
    const tr_up_t *self, const tr_group_t *group, char *room, tr_fleet_agent_t *agent, tr_error_t *error) {
    if (!self->fleet->secure)
        return 0;
    agent->cert = room;
    return tr_fleet_certs_secret_of(tr_state_directory(self->state), group->agent.name, room, error);
}

/* The plan of the broker and, where there is one, of this agent. The plan borrows `fleet`, which this fills. */
static int plan_for(const tr_up_t *self, tr_fleet_agent_t *agent, const char *directory, tr_fleet_t *fleet,
    tr_plan_t **ret_plan, tr_error_t *error) {
    *fleet = *self->fleet;
    fleet->agent_list = (tr_yaml_list_t){agent, agent ? 1 : 0};
    fleet->whole = self->fleet;
    if (directory)
        fleet->directory = directory;
    return tr_plan_make(fleet, &self->programs, self->placed ? &self->at : NULL, ret_plan, error);
}

/* Its supervisor of the fleet file; 0: it has one for itself. */
static size_t supervisor_of(const tr_up_t *self, const tr_group_t *group) {
    bool filed = group && !group->attached;
    const tr_fleet_supervisor_t *s = filed ? tr_fleet_supervisor_of(self->fleet, group->agent.name) : NULL;
    return s ? self->supervisors[s - tr_fleet_supervisors(self->fleet)] : 0;
}

/* The one of its group that stands before it, so that they stay together. */
static const char *neighbour(const tr_up_t *self, const tr_member_t *member) {
    for (size_t i = self->roster.member_count; i-- > 0;) {
        const tr_member_t *other = self->roster.members[i];
        if (other != member && other->group == member->group)
            return other->name;
    }
    return NULL;
}

static int add_child(tr_up_t *self, tr_member_t *member, tr_fleet_agent_t *agent, tr_error_t *error) {
    char log[PATH_MAX];
    tr_plan_t *plan = NULL;
    tr_fleet_t fleet;
    const char *directory = member->group ? member->group->directory : self->fleet->directory;
    int rc = tr_state_log_path(tr_state_directory(self->state), member->name, log, sizeof log, error);
    if (rc == 0)
        rc = plan_for(self, agent, directory, &fleet, &plan, error);
    if (rc == 0) {
        member->log_from = tr_log_length(log);
        tr_child_spec_t spec = tr_plan_spec(plan, &plan->processes[agent ? 1 : 0], log);
        spec.directory = directory;
        spec.supervisor = supervisor_of(self, member->group);
        spec.after = spec.supervisor ? neighbour(self, member) : NULL;
        rc = tr_supervise_add(self->supervise, &spec, &member->child, error);
    }
    tr_plan_destroy(&plan);
    return rc;
}

int tr_up_add_broker(tr_up_t *self, tr_error_t *error) {
    tr_member_t *member = NULL;
    int rc = tr_roster_join(&self->roster, NULL, 1, &member, error);
    return rc == 0 ? add_child(self, member, NULL, error) : rc;
}

int tr_up_add_member(
    tr_up_t *self, tr_group_t *group, int64_t number, tr_member_t **ret_member, tr_error_t *error) {
    tr_member_t *member = NULL;
    int rc = tr_roster_join(&self->roster, group, number, &member, error);
    if (rc < 0)
        return rc;
    char cert[PATH_MAX];
    tr_fleet_agent_t agent = group->agent;
    agent.name = member->name;
    agent.autoscale.max = 0; /* which is of the group */
    if (agent.processes == TR_FLEET_PER_AGENT)
        agent.count = 1;
    rc = prove(self, group, cert, &agent, error);
    if (rc == 0)
        rc = add_child(self, member, &agent, error);
    if (rc < 0) {
        tr_roster_leave(&self->roster, member);
        return rc;
    }
    *ret_member = member;
    return 0;
}

static int add_group(tr_up_t *self, const tr_fleet_agent_t *agent, tr_error_t *error) {
    tr_group_t *group = NULL;
    int rc = tr_roster_add_group(&self->roster, agent, self->fleet->directory, false, &group, error);
    int64_t count = agent->processes == TR_FLEET_ONE ? 1 : tr_fleet_begins(agent);
    for (int64_t number = 1; rc == 0 && number <= count; number++) {
        tr_member_t *ignored;
        rc = tr_up_add_member(self, group, number, &ignored, error);
    }
    return rc;
}

/* The broker is to come back where it was, so that all find it again. */
static int pin_broker(tr_up_t *self, tr_error_t *error) {
    tr_plan_t *plan = NULL;
    tr_fleet_t fleet;
    int rc = plan_for(self, NULL, NULL, &fleet, &plan, error);
    if (rc < 0)
        return rc;
    rc = tr_supervise_set_argv(self->supervise, self->roster.members[0]->child, plan->processes[0].argv);
    tr_plan_destroy(&plan);
    return rc < 0 ? tr_error_set(error, rc, "out of memory") : 0;
}

/* With all below it, in their order. */
static int add_supervisor(
    tr_up_t *self, const tr_fleet_supervisor_t *supervisor, size_t parent, tr_error_t *error) {
    size_t *id = &self->supervisors[supervisor - tr_fleet_supervisors(self->fleet)];
    int rc = tr_supervise_add_supervisor(
        self->supervise, parent, (tr_strategy_t)supervisor->strategy, &supervisor->restart, id);
    if (rc < 0)
        return tr_error_set(error, rc, "the supervisor %s: %s", supervisor->name, strerror(-rc));
    for (size_t i = 0; rc == 0 && i < supervisor->children.count; i++) {
        const char *name = supervisor->children.items[i];
        const tr_fleet_supervisor_t *below = tr_fleet_supervisor(self->fleet, name);
        rc = below ? add_supervisor(self, below, *id, error)
                   : add_group(self, tr_fleet_agent(self->fleet, name), error);
    }
    return rc;
}

static int add_supervisors(tr_up_t *self, tr_error_t *error) {
    size_t n = self->fleet->supervisor_list.count;
    int rc = 0;
    self->supervisors = calloc(n + 1, sizeof *self->supervisors);
    if (!self->supervisors)
        return tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const tr_fleet_supervisor_t *supervisor = &tr_fleet_supervisors(self->fleet)[i];
        if (!tr_fleet_supervisor_of(self->fleet, supervisor->name))
            rc = add_supervisor(self, supervisor, TR_SUPERVISOR_TOP, error);
    }
    return rc;
}

int tr_up_add_fleet(tr_up_t *self, tr_error_t *error) {
    int rc = pin_broker(self, error);
    if (rc == 0)
        rc = add_supervisors(self, error);
    for (size_t i = 0; rc == 0 && i < self->fleet->agent_list.count; i++) {
        const tr_fleet_agent_t *agent = &tr_fleet_agents(self->fleet)[i];
        if (!tr_fleet_supervisor_of(self->fleet, agent->name))
            rc = add_group(self, agent, error);
    }
    return rc;
}

/* ---- ready pipes ---- */

static void close_pipe(tr_up_t *self, const tr_member_t *member) {
    tr_up_wait_forget(&self->wait, tr_supervise_ready_fd(self->supervise, member->child));
    tr_supervise_close_ready(self->supervise, member->child);
}

static void registered(tr_up_t *self, tr_member_t *member) {
    bool first = !member->once;
    member->ready = member->once = true;
    member->fetched = false;
    if (member->group)
        member->group->came = true;
    close_pipe(self, member);
    tr_up_hold(self, member);
    TR_UP_LOG(self, REGISTERED, "name=%s pid=%d", member->name, (int)member->pid);
    if (!first && self->phase == TR_UP_RUNNING)
        tr_up_say(self, "%s is back (pid %d)", member->name, (int)member->pid);
    tr_up_order_came(self, member);
}

/* The line of a broker that has come for the first time says where it is. */
static void broker_said(tr_up_t *self, tr_member_t *member) {
    tr_error_t error = {0};
    if (!self->placed && tr_plan_at_parse(self->line, self->line_len, &self->at, &error) < 0) {
        close_pipe(self, member);
        tr_up_fail(self, TR_EXIT_REFUSED, "%s", error.text);
        return;
    }
    self->placed = true;
    registered(self, member);
}

static void take_broker(tr_up_t *self, tr_member_t *member, const char *bytes, size_t len) {
    size_t room = sizeof self->line - self->line_len;
    size_t n = len < room ? len : room;
    memcpy(self->line + self->line_len, bytes, n);
    self->line_len += n;
    const char *end = memchr(self->line, '\n', self->line_len);
    if (!end && self->line_len < sizeof self->line)
        return;
    self->line_len = end ? (size_t)(end - self->line) : self->line_len;
    broker_said(self, member);
    self->line_len = 0;
}

void tr_up_on_pipe(tr_up_t *self, tr_member_t *member) {
    char bytes[256];
    int fd = tr_supervise_ready_fd(self->supervise, member->child);
    ssize_t n = fd < 0 ? 0 : read(fd, bytes, sizeof bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        close_pipe(self, member); /* it ended, or closed it without a word */
    else if (!member->group)
        take_broker(self, member, bytes, (size_t)n);
    else
        registered(self, member); /* whatever an agentd says there is READY */
}

/* ---- looking at them ---- */

void tr_up_on_gave_up(void *context, size_t supervisor, const tr_child_view_t *culprit, bool last) {
    tr_up_t *self = context;
    size_t i = 0;
    while (i < self->fleet->supervisor_list.count && self->supervisors[i] != supervisor)
        i++;
    const tr_fleet_supervisor_t *s = &tr_fleet_supervisors(self->fleet)[i];
    const tr_fleet_supervisor_t *above = tr_fleet_supervisor_of(self->fleet, s->name);
    TR_UP_LOG(self, GAVE_UP, "supervisor=%s culprit=%s reason=%s above=%s", s->name, culprit->name,
        culprit->reason, above ? above->name : "none");
    tr_up_say(self, "the supervisor %s gave up: %s %s, and %lld restarts within %lld s are its limit; %s%s",
        s->name, culprit->name, culprit->reason, (long long)s->restart.intensity,
        (long long)s->restart.period_ms / 1000, above ? "it fails for " : "the fleet ends",
        above ? above->name : "");
    self->gave_up = self->gave_up || last;
}

void tr_up_count(const tr_up_t *self, size_t *ret_ready, size_t *ret_all) {
    size_t ready = 0, all = 0;
    for (size_t i = 0; i < self->roster.member_count; i++) {
        const tr_member_t *member = self->roster.members[i];
        if (!member->group)
            continue;
        all++;
        ready += member->ready || member->moved;
    }
    *ret_ready = ready;
    *ret_all = all;
}

void tr_up_why(const tr_up_t *self, const tr_member_t *member, char *out, size_t size) {
    char log[PATH_MAX], last_exit[80] = "", why[TR_UP_TAIL_MAX / 2];
    tr_child_view_t view = {.reason = ""};
    tr_supervise_view(self->supervise, member->child, &view);
    tr_print_exit(&view, last_exit, sizeof last_exit);
    const char *what = *view.reason ? view.reason : *last_exit ? last_exit : "it is not registered yet";
    if (tr_state_log_path(tr_state_directory(self->state), member->name, log, sizeof log, NULL) < 0) {
        snprintf(out, size, "%s: %s", member->name, what);
        return;
    }
    snprintf(out, size, "%s: %s: %s", member->name, what, tr_log_why(log, member->log_from, why, sizeof why));
}

/* Whether it ended before it was registered, and would again. */
static bool cannot_start(const tr_member_t *member, const tr_child_view_t *view) {
    if (member->once || member->moved)
        return false;
    switch (view->state) {
    case TR_CHILD_FAILED:
    case TR_CHILD_STOPPED: return true;
    case TR_CHILD_BACKOFF:
        return view->exit_code == EXIT_OF_USAGE || view->exit_code == EXIT_OF_REFUSED ||
               view->exit_code == EXIT_OF_EXEC ||
               (strcmp(member->name, TR_FLEET_BROKER) == 0 &&
                   (view->exit_code == EXIT_OF_UNBOUND || view->exit_code == EXIT_OF_JOURNAL));
    default: return false;
    }
}

/* Its process has said that another one has its agent. */
static bool is_away(const tr_child_view_t *view) {
    return view->state == TR_CHILD_STOPPED && view->ended && view->exit_code == TR_SUPERVISE_EXIT_AWAY;
}

static void on_end(tr_up_t *self, tr_member_t *member, const tr_child_view_t *view) {
    char last_exit[80];
    tr_print_exit(view, last_exit, sizeof last_exit);
    if (member->leaving || self->phase >= TR_UP_ENDING)
        return;
    TR_UP_LOG(self, ENDED, "name=%s pid=%d exit=%s state=%s", member->name, (int)member->pid, last_exit,
        tr_child_state_words[view->state]);
    bool again = view->state == TR_CHILD_BACKOFF || view->state == TR_CHILD_RUNNING;
    const char *why = *view->reason ? view->reason : last_exit;
    if (again && !cannot_start(member, view))
        tr_up_say(self, "%s (pid %d) %s; %s", member->name, (int)member->pid, why,
            view->due_ms == TR_SUPERVISE_NEVER ? "its supervisor gave up" : "starting it again");
    else if (is_away(view))
        tr_up_say(self, "%s was moved to another process; its own (pid %d) has ended", member->name,
            (int)member->pid);
    else if (view->state == TR_CHILD_STOPPED)
        tr_up_say(self, "%s (pid %d) %s", member->name, (int)member->pid, last_exit);
}

static void on_failed(tr_up_t *self, const tr_member_t *member, const tr_child_view_t *view) {
    TR_UP_LOG(self, FAILED, "name=%s reason=%s", member->name, view->reason);
    if (self->phase == TR_UP_RUNNING && !member->join && !self->gave_up)
        tr_up_say(self, "%s has failed: %s; the fleet is degraded", member->name, view->reason);
}

static void on_start(tr_up_t *self, tr_member_t *member, const tr_child_view_t *view) {
    TR_UP_LOG(self, STARTED, "name=%s pid=%d restarts=%llu", member->name, (int)view->pid,
        (unsigned long long)view->restarts);
    tr_up_bound_log(self);
    if (!member->group)
        self->line_len = 0;
    int fd = tr_supervise_ready_fd(self->supervise, member->child);
    if (fd >= 0 && tr_up_wait_pipe(&self->wait, fd, member) < 0)
        TR_UP_LOG(self, ENDED, "name=%s pid=%d exit=%s state=%s", member->name, (int)view->pid,
            "its ready pipe cannot be watched", "running");
}

/* Notes what has changed since the last look. */
static void note(tr_up_t *self, tr_member_t *member, const tr_child_view_t *view) {
    bool other = view->pid != member->pid;
    if (other && member->pid > 0) {
        member->ready = false;
        on_end(self, member, view);
    }
    if (view->state == TR_CHILD_FAILED && member->state != TR_CHILD_FAILED)
        on_failed(self, member, view);
    member->state = view->state;
    member->pid = view->pid;
    member->moved = is_away(view) || (member->fetched && !member->again && view->state == TR_CHILD_STOPPED);
    if (other && view->pid > 0)
        on_start(self, member, view);
}

static bool has_ended(const tr_child_view_t *view) {
    return view->pid == 0 && (view->state == TR_CHILD_STOPPED || view->state == TR_CHILD_FAILED);
}

/* True when the member is no more. */
static bool act(tr_up_t *self, tr_member_t *member, const tr_child_view_t *view) {
    if (member->again && has_ended(view) && self->phase == TR_UP_RUNNING) {
        member->again = false;
        tr_supervise_start(self->supervise, member->child, tr_clock_ms());
        tr_up_soon(self);
        return false;
    }
    if (member->leaving && has_ended(view)) {
        TR_UP_LOG(self, REMOVED, "name=%s", member->name);
        tr_up_order_left(self, member);
        tr_supervise_remove(self->supervise, member->child);
        tr_group_t *group = member->group;
        tr_roster_leave(&self->roster, member);
        tr_roster_forget_vain(&self->roster, group);
        return true;
    }
    if (member->moved && member->join)
        tr_up_order_failed(self, member, "it here: it was moved to another process, which has its state");
    if (!cannot_start(member, view))
        return false;
    char why[TR_UP_TAIL_MAX];
    tr_up_why(self, member, why, sizeof why);
    if (self->phase < TR_UP_RUNNING)
        tr_up_fail(self, TR_EXIT_REFUSED, "cannot start %s", why);
    else if (member->join)
        tr_up_order_failed(self, member, why);
    return false;
}

void tr_up_sync(tr_up_t *self) {
    for (size_t i = 0; i < self->roster.member_count;) {
        tr_member_t *member = self->roster.members[i];
        tr_child_view_t view;
        if (tr_supervise_view(self->supervise, member->child, &view) < 0) {
            i++;
            continue;
        }
        note(self, member, &view);
        if (!act(self, member, &view))
            i++;
    }
    if (self->gave_up)
        tr_up_end(self, TR_EXIT_GAVE_UP);
}
