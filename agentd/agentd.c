#include "agentd/agentd.h"

#include "agentd/agent_file.h"
#include "agentd/events.h"
#include "lib/base/clock.h"
#include "lib/base/crash.h"
#include "lib/base/process.h"
#include "lib/resident/about.h"
#include "lib/store/states_journal.h"
#include "lib/store/states_sqlite.h"
#include "lib/store/table_name.h"
#include "proto/json.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WARNINGS_PER_SECOND 10

/* Which catalogue entry tells of a host's event. */
static const tr_agentd_event_t event_of[] = {
    [TR_HOST_CONNECTED] = TR_EVENT_CONNECTED,
    [TR_HOST_RESUMED] = TR_EVENT_RESUMED,
    [TR_HOST_DISCONNECTED] = TR_EVENT_DISCONNECTED,
    [TR_HOST_REFUSED] = TR_EVENT_REFUSED,
    [TR_HOST_RESTARTED] = TR_EVENT_RESTARTED,
    [TR_HOST_GAVE_UP] = TR_EVENT_GAVE_UP,
    [TR_HOST_HANGS] = TR_EVENT_HANGS,
    [TR_HOST_DROPPED] = TR_EVENT_DROPPED,
    [TR_HOST_HUNG] = TR_EVENT_HUNG,
    [TR_HOST_UNSAVED] = TR_EVENT_UNSAVED,
    [TR_HOST_MOVED] = TR_EVENT_MOVED,
    [TR_HOST_TAKEN_AGAIN] = TR_EVENT_TAKEN_AGAIN,
    [TR_HOST_NOT_TAKEN] = TR_EVENT_NOT_TAKEN,
    [TR_HOST_MESSAGE] = TR_EVENT_MESSAGE,
    [TR_HOST_WARNED] = TR_EVENT_WARNED,
};

static void tell_stays(tr_agentd_t *self) {
    tr_log(&self->log, &tr_agentd_events[TR_EVENT_STAYS], "agent=%s", self->options->name);
}

/* Nobody is left to serve: whoever started it decides what then. */
static void end_or_stay(tr_agentd_t *self) {
    if (self->options->stay)
        tell_stays(self);
    else
        tr_host_stop(self->host, TR_HOST_EXIT_MOVED);
}

/* A model that is away would fill a log. */
static bool may_warn(tr_agentd_t *self) {
    int64_t second = tr_clock_ms() / 1000;
    if (second != self->warned_s)
        self->warned = 0;
    self->warned_s = second;
    return self->warned++ < WARNINGS_PER_SECOND;
}

/* With the ids of the message that it is about: so a line of the log is found by the trace, and the other way round. Of one that hangs the keeper's
 * thread tells. */
static void tell(tr_agentd_t *self, tr_host_event_t event, const char *detail) {
    const tr_event_t *entry = &tr_agentd_events[event_of[event]];
    bool hangs = event == TR_HOST_HANGS || event == TR_HOST_HUNG;
    tr_log_about_t busy = {0};
    if (event == TR_HOST_WARNED && !may_warn(self))
        return;
    if (hangs && self->host)
        tr_about_busy(self->host, &busy);
    if (busy.conversation || busy.trace)
        tr_log(&self->log, entry, "agent=%s detail=%s trace=%s conversation=%s", self->options->name, detail,
            busy.trace, busy.conversation);
    else
        tr_log(&self->log, entry, "agent=%s detail=%s", self->options->name, detail);
}

static bool about(void *arg, tr_log_about_t *ret) {
    const tr_agentd_t *self = arg;
    return pthread_equal(pthread_self(), self->thread) && self->host && tr_about_host(self->host, ret);
}

/* Also called from the keeper's thread: the log is made for that. */
static void on_event(void *arg, tr_host_event_t event, const char *detail) {
    tr_agentd_t *self = arg;
    if ((size_t)event >= sizeof event_of / sizeof *event_of)
        return;
    if (event == TR_HOST_CONNECTED || event == TR_HOST_RESUMED || event == TR_HOST_DISCONNECTED)
        tr_alive_serves(self->alive, event != TR_HOST_DISCONNECTED);
    tell(self, event, detail);
    if (event == TR_HOST_MOVED && tr_host_is_empty(self->host))
        end_or_stay(self);
    if (event == TR_HOST_HUNG)
        _exit(TR_AGENTD_HUNG); /* its thread does not come back: nothing can be ended in good order */
}

/* The exit code for what could not be done; the line in the log is written here. */
static int fail(tr_agentd_t *self, int rc, const tr_error_t *error) {
    bool away = rc == -EREMOTE;
    tr_log(&self->log, &tr_agentd_events[away ? TR_EVENT_AWAY : TR_EVENT_CANNOT_START], "agent=%s error=%s",
        self->options->name, error->text);
    if (away)
        return TR_HOST_EXIT_MOVED;
    return rc == -ETIMEDOUT || rc == -EPROTO || rc == -ECONNREFUSED || rc == -EHOSTUNREACH
               ? TR_AGENTD_UNREACHABLE
               : TR_AGENTD_REFUSED;
}

/* What no broker is needed for: where the process runs, and what its agents are. */
static int find_role(tr_agentd_t *self, tr_error_t *error) {
    tr_problem_t problem = {0};
    int rc = tr_agent_file_enter(self->options, error);
    if (rc < 0)
        return rc;
    rc = tr_role_init(&self->role, self->options, &problem);
    return rc < 0 ? tr_agent_file_explain(self->options, &problem, error) : 0;
}

static int open_database(tr_agentd_t *self, tr_error_t *error) {
    const tr_agentd_options_t *o = self->options;
    char table[TR_TABLE_NAME_SIZE];
    tr_journal_postgres_options_t database = {.conninfo_file = o->state_conninfo,
        .table = tr_table_name(o->state_table, o->name, TR_TABLE_NAME_MOST, table)};
    tr_journal_t *journal = NULL;
    int rc = tr_journal_open_postgres(&database, &journal, error);
    if (rc == 0)
        rc = tr_states_open_journal(&journal, &self->states, error);
    tr_journal_close(&journal);
    return rc;
}

static int open_states(tr_agentd_t *self, tr_error_t *error) {
    const tr_agentd_options_t *o = self->options;
    const tr_behaviour_t *b = self->role.behaviour;
    if (!o->state)
        return 0;
    if (!b->save || !b->restore) {
        tr_log(&self->log, &tr_agentd_events[TR_EVENT_STATELESS], "agent=%s behaviour=%s", o->name, b->name);
        return 0;
    }
    if (strcmp(o->state, "postgres") == 0)
        return open_database(self, error);
    return tr_states_open_sqlite(o->state, o->name, &self->states, error);
}

static int connect_host(tr_agentd_t *self, tr_error_t *error) {
    const tr_agentd_options_t *o = self->options;
    tr_host_options_t host = {
        .endpoint = o->connect,
        .certificate = o->cert ? o->cert : getenv("TROUPE_CERT"),
        .process = "troupe-agentd",
        .durable = o->durable,
        .states = self->states,
        .passive_ms = o->passive_ms,
        .trace_one_in = (uint32_t)o->trace_one_in,
        .trace_per_second = o->trace_per_second ? (uint32_t)o->trace_per_second : TR_HOST_TRACE_ALL,
        .producer = o->producer,
        .producer_epoch =
            (uint64_t)tr_clock_wall_ms(), /* greater with each start, as long as the clock is right */
        .connect_ms = o->connect_ms,
        .hang_ms = o->hang_ms,
        .hung_ms = o->hung_ms,
        .restart_intensity = o->restart_intensity ? (uint32_t)o->restart_intensity : TR_HOST_RESTART_NEVER,
        .restart_period_ms = o->restart_period_ms,
        .restart_backoff_ms = o->restart_backoff_ms ? o->restart_backoff_ms : 1, /* the host's 0 is 100 */
        .restart_max_backoff_ms = o->restart_max_backoff_ms ? o->restart_max_backoff_ms : 1,
        .tell_messages = tr_log_enabled(&self->log, &tr_agentd_events[TR_EVENT_MESSAGE]),
        .on_event = on_event,
        .arg = self,
    };
    int rc = tr_host_new(&host, &self->host, error);
    if (rc == -ETIMEDOUT)
        /* In place of the library's text: it cannot know how this process is told where to go. */
        return tr_error_set(error, rc,
            "no broker answers at %s: start one with `troupe up` or `troupe-broker --listen %s`, or give its "
            "endpoint with --connect",
            o->connect, o->connect);
    if (rc == 0)
        tr_signals_set_host(self->signals, self->host);
    return rc;
}

/* --describe was checked to be an object. */
static int describe(tr_agent_t *agent, const char *text, tr_error_t *error) {
    tr_content_writer_t w;
    const void *bytes;
    size_t len;
    json_t *object = json_loads(text, 0, NULL);
    tr_content_writer_init(&w);
    int rc = object ? tr_json_write(object, &w) : -ENOMEM;
    if (rc == 0)
        rc = tr_content_writer_take(&w, &bytes, &len);
    if (rc == 0)
        rc = tr_describe(agent, bytes, len);
    tr_content_writer_finish(&w);
    json_decref(object);
    return rc == 0 ? 0
                   : tr_error_set(error, rc, "--describe: %s%s", strerror(-rc),
                         rc == -EINVAL ? "; action, name, behaviour and lease-ms are not for it to say" : "");
}

static int offer(tr_agentd_t *self, tr_agent_t *agent, tr_error_t *error) {
    const tr_agentd_options_t *o = self->options;
    if (o->describe) {
        int rc = describe(agent, o->describe, error);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < o->services.count; i++) {
        char name[TR_NAME_MAX + 1];
        uint32_t capacity = 0;
        int rc = tr_agentd_service_parse(o->services.items[i], name, &capacity, error);
        if (rc == 0)
            rc = tr_provide(agent, name, capacity);
        if (rc < 0)
            return tr_error_set(
                error, rc, "cannot offer the service %s: %s", o->services.items[i], strerror(-rc));
    }
    for (size_t i = 0; i < o->subscribe.count; i++) {
        int rc = tr_subscribe(agent, o->subscribe.items[i]);
        if (rc < 0)
            return tr_error_set(error, rc,
                "cannot subscribe to \"%.200s\": %s; a pattern is a dotted name, * stands for one part and, "
                "last, > "
                "for the rest",
                o->subscribe.items[i], strerror(-rc));
    }
    return 0;
}

static int add_agents(tr_agentd_t *self, tr_error_t *error) {
    const tr_agentd_options_t *o = self->options;
    uint32_t count = (uint32_t)o->count;
    int rc = count > 1
                 ? tr_host_add_range(self->host, o->name, count, self->role.behaviour, self->role.args, error)
                 : tr_host_add(self->host, o->name, self->role.behaviour, self->role.args, NULL, error);
    if (rc == -EEXIST)
        return tr_error_set(error, rc,
            "the name %s is taken: choose another --name, or end the agent that has it (`troupe ps` shows "
            "them)",
            o->name);
    if (rc < 0)
        return tr_error_prefix(error, "cannot start the agent %s (%s)", o->name, self->role.behaviour->name);
    if (!o->services.count && !o->subscribe.count && !o->describe)
        return 0;
    for (uint32_t i = 0; i < count && rc == 0; i++) {
        tr_agent_t *agent = tr_host_agent(self->host, o->name, i);
        rc = agent ? offer(self, agent, error) : 0;
    }
    return rc;
}

static void tell_ready(tr_agentd_t *self) {
    static const char line[] = "READY\n";
    int fd = (int)self->options->ready_fd;
    if (fd < 0)
        return;
    /* Whoever waits for it may be gone: that is no reason not to serve. */
    if (write(fd, line, sizeof line - 1) < 0)
        tr_log(&self->log, &tr_agentd_events[TR_EVENT_DROPPED], "detail=%s error=%s", "ready-fd",
            strerror(errno));
    close(fd);
}

static void serve(tr_agentd_t *self, bool away, const tr_error_t *error) {
    const tr_agentd_options_t *o = self->options;
    self->registered = true;
    tr_alive_serves(self->alive, true);
    if (away) {
        tr_log(&self->log, &tr_agentd_events[TR_EVENT_AWAY], "agent=%s error=%s", o->name, error->text);
        tell_stays(self);
    } else {
        tr_log(&self->log, &tr_agentd_events[TR_EVENT_REGISTERED],
            "agent=%s count=%lld behaviour=%s platform=%s endpoint=%s", o->name, (long long)o->count,
            self->role.behaviour->name, tr_host_platform(self->host), o->connect);
    }
    tr_port_serves(&self->port, true);
    tell_ready(self);
}

static int start(tr_agentd_t *self) {
    const tr_agentd_options_t *o = self->options;
    tr_error_t error = {0};
    int rc = 0;
    tr_process_small_heap(128 << 10);
    tr_crash_catch(&self->log);
    tr_process_ignore_sigpipe();
    if (o->die_with)
        rc = tr_process_die_with((pid_t)o->die_with, SIGTERM, &error);
    if (rc == 0)
        rc = tr_signals_new(&self->log, o->stop_ms, &self->signals, &error);
    if (rc == 0)
        rc = find_role(self, &error);
    self->alive = tr_alive_begin();
    if (self->role.warning)
        tr_log(&self->log, &tr_agentd_events[TR_EVENT_PROMPTS], "agent=%s detail=%s", o->name,
            self->role.warning);
    if (self->role.strays)
        tr_log(
            &self->log, &tr_agentd_events[TR_EVENT_STRAYS], "agent=%s detail=%s", o->name, self->role.strays);
    if (rc == 0)
        rc = open_states(self, &error);
    if (rc == 0)
        rc = connect_host(self, &error);
    if (rc == 0)
        rc = tr_port_open(&self->port, &o->port, o->name, "troupe-agentd", self->host, NULL, NULL, &error);
    if (rc == 0)
        rc = add_agents(self, &error);
    bool away = rc == -EREMOTE && o->stay;
    if (rc < 0 && !away)
        return tr_signals_asked(self->signals) ? TR_AGENTD_OK : fail(self, rc, &error);
    serve(self, away, &error);
    return 0;
}

int tr_agentd_new(tr_agentd_options_t *options, tr_agentd_t **ret_agentd) {
    tr_agentd_t *self = calloc(1, sizeof *self);
    if (!self)
        return TR_AGENTD_REFUSED;
    self->options = options;
    tr_log_init(&self->log, STDERR_FILENO, "agentd", (tr_log_format_t)options->log_format,
        (tr_log_level_t)options->log_level);
    self->thread = pthread_self();
    tr_log_set_about(&self->log, about, self);
    *ret_agentd = self;
    return start(self);
}

int tr_agentd_check(tr_agentd_options_t *options) {
    tr_agentd_t self = {.options = options};
    tr_error_t error = {0};
    int rc = find_role(&self, &error);
    tr_role_finish(&self.role);
    if (rc == 0)
        return TR_AGENTD_OK;
    int fd = options->ready_fd >= 0 ? (int)options->ready_fd : STDOUT_FILENO;
    dprintf(fd, "%s\n", error.text);
    return TR_AGENTD_REFUSED;
}

int tr_agentd_run(tr_agentd_t *self) {
    return tr_host_run(self->host);
}

void tr_agentd_destroy(tr_agentd_t **self_p) {
    if (!self_p || !*self_p)
        return;
    tr_agentd_t *self = *self_p;
    /* Before its host: it would stop one that is gone. */
    tr_signals_destroy(&self->signals);
    tr_alive_serves(self->alive, false);
    tr_port_close(&self->port);
    tr_host_destroy(&self->host);
    tr_alive_end(&self->alive);
    tr_states_close(&self->states);
    if (self->registered)
        tr_log(&self->log, &tr_agentd_events[TR_EVENT_STOPPED], "agent=%s", self->options->name);
    tr_role_finish(&self->role);
    free(self);
    *self_p = NULL;
}
