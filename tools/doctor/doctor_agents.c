/* What `troupe doctor` thinks of agents, their processes and their queues. Pure. */
#include "tools/doctor/doctor.h"
#include "tools/up/presence.h"

#include <string.h>

/* Half of the broker's defaults; it does not tell what it was started with. */
#define HALF_RECORDS  (262144 / 2)
#define HALF_BYTES    (16 << 20)
#define HALF_REQUESTS (65536 / 2)
#define NAMED         5 /* so many are named, the rest are counted */

/* Some things, and how many there are: "reader-1 (failed), reader-2 (failed) and 7 more". */
typedef struct some {
    char text[360];
    size_t count;
} some_t;

static void add(some_t *some, const char *name, const char *what) {
    size_t used = strlen(some->text);
    if (some->count++ < NAMED)
        snprintf(
            some->text + used, sizeof some->text - used, "%s%.60s (%.160s)", used ? ", " : "", name, what);
}

static const char *finish(some_t *some) {
    size_t used = strlen(some->text);
    if (some->count > NAMED)
        snprintf(some->text + used, sizeof some->text - used, " and %zu more", some->count - NAMED);
    return some->text;
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static long long number_of(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

/* ---- agents ---- */

void tr_doctor_agents(tr_report_t *report, const json_t *agents, const char *self) {
    size_t i;
    json_t *agent;
    long long all = 0;
    some_t inactive = {0}, silent = {0};
    json_array_foreach(agents, i, agent) {
        const char *name = text_of(agent, "name"), *state = text_of(agent, "state");
        char since[40], time[24];
        if (strcmp(name, self) == 0)
            continue;
        all += number_of(agent, "count");
        tr_print_duration(number_of(agent, "silent_ms"), time, sizeof time);
        snprintf(since, sizeof since, "silent for %s", time);
        if (strcmp(state, "active") != 0 && strcmp(state, "waiting") != 0)
            add(&inactive, name, state);
        if (strcmp(tr_presence_state(NULL, agent), TR_PRESENCE_UNREACHABLE) == 0)
            add(&silent, name, since);
    }
    if (inactive.count > 0)
        tr_report_add(report, "agents", TR_HEALTH_WARN,
            "Messages for them wait in the broker until they are active again.", "%s", finish(&inactive));
    if (silent.count > 0)
        tr_report_add(report, "agents", TR_HEALTH_WARN,
            "Their processes are stopped, or their machine is overloaded; without a sign they are given up "
            "after the lease.",
            "%s", finish(&silent));
    if (all == 0)
        tr_report_add(report, "agents", TR_HEALTH_OK, NULL, "none is registered");
    else if (inactive.count + silent.count == 0)
        tr_report_add(report, "agents", TR_HEALTH_OK, NULL, "%lld, all active", all);
}

/* ---- processes ---- */

typedef struct processes {
    some_t failed, lost, unsettled;
} processes_t;

/* One that is unreachable is told of among the agents. */
static void sort_out(processes_t *self, const json_t *process, const json_t *agent) {
    const char *name = text_of(process, "name"), *reason = text_of(process, "reason");
    const char *state = tr_presence_state(process, agent);
    char pid[32];
    snprintf(pid, sizeof pid, "pid %lld", number_of(process, "pid"));
    if (strcmp(state, "failed") == 0)
        add(&self->failed, name, *reason ? reason : state);
    else if (strcmp(state, TR_PRESENCE_LOST) == 0)
        add(&self->lost, name, pid);
    else if (strcmp(text_of(process, "state"), "running") != 0)
        add(&self->unsettled, name, state);
}

static void report_processes(tr_report_t *report, processes_t *p, size_t count) {
    if (p->failed.count > 0)
        tr_report_add(report, "processes", TR_HEALTH_FAIL,
            "`troupe logs NAME` has their last words; then `troupe detach` and `troupe attach`.",
            "failed for good: %s", finish(&p->failed));
    if (p->lost.count > 0)
        tr_report_add(report, "processes", TR_HEALTH_FAIL,
            "Stopped: `kill -CONT PID` lets them go on. Otherwise see `troupe logs NAME`; `kill -9 PID` has "
            "them started again.",
            "run, but the broker has given them up: %s", finish(&p->lost));
    if (p->unsettled.count > 0)
        tr_report_add(report, "processes", TR_HEALTH_WARN, "Where it stays so: `troupe logs NAME` says why.",
            "%s", finish(&p->unsettled));
    if (p->failed.count + p->lost.count + p->unsettled.count == 0)
        tr_report_add(report, "processes", TR_HEALTH_OK, NULL, "%zu, all running", count);
}

void tr_doctor_processes(tr_report_t *report, const json_t *processes, const json_t *agents) {
    size_t i;
    json_t *process, *by_name = tr_presence_by_name(agents);
    processes_t p = {0};
    json_array_foreach(processes, i, process)
        sort_out(&p, process, json_object_get(by_name, text_of(process, "name")));
    json_decref(by_name);
    report_processes(report, &p, json_array_size(processes));
}

/* ---- queues ---- */

void tr_doctor_queues(tr_report_t *report, const json_t *agents, const json_t *services) {
    size_t i;
    json_t *item;
    some_t full = {0};
    long long waiting = 0;
    json_array_foreach(agents, i, item) {
        long long queued = number_of(item, "queued"), bytes = number_of(item, "queued_bytes");
        char what[60], size[24];
        waiting += queued;
        tr_print_bytes((uint64_t)(bytes > 0 ? bytes : 0), size, sizeof size);
        snprintf(what, sizeof what, "%lld messages, %s", queued, size);
        if (queued > HALF_RECORDS || bytes > HALF_BYTES)
            add(&full, text_of(item, "name"), what);
    }
    json_array_foreach(services, i, item) {
        long long queued = number_of(item, "queued");
        char what[60], name[160];
        waiting += queued;
        snprintf(what, sizeof what, "%lld requests", queued);
        snprintf(name, sizeof name, "svc:%.128s", text_of(item, "service"));
        if (queued > HALF_REQUESTS)
            add(&full, name, what);
    }
    if (full.count > 0)
        tr_report_add(report, "queues", TR_HEALTH_WARN,
            "They are slower than what is sent to them: add agents (`troupe scale`), or send less. A full "
            "queue answers BUSY.",
            "over half of the default limit: %s", finish(&full));
    else
        tr_report_add(report, "queues", TR_HEALTH_OK, NULL,
            "%lld messages wait; none is over half of the default limit", waiting);
}
