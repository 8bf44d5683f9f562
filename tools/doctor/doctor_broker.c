/* What `troupe doctor` finds out of a broker: that it answers, how fast, and that its stream can be watched.
   */
#include "tools/doctor/doctor.h"

#include "lib/base/clock.h"
#include "tools/cli/ask_json.h"
#include "tools/cli/reach.h"
#include "tools/fleet/fleet_client.h"
#include "tools/tap/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROUND_TRIPS   100
#define SLOW_NS       20000000 /* half of them take longer: something is wrong */
#define STREAM_MS     3000     /* $sys.broker.stats comes every second */
#define STREAM_STEP   50
#define STATS_TOPIC   "$sys.broker.stats"
#define CLOCK_SKEW_MS 1000 /* deadlines travel as wall times */

typedef struct visit {
    tr_report_t *report;
    const tr_call_t *call;
    tr_cli_session_t *session;
    const tr_cli_place_t *place;
    int64_t from_ms, to_ms; /* of our clock, around the registration */
} visit_t;

/* A question that was not answered: a finding, but for what ends the verb. */
static int unanswered(const visit_t *visit, const char *check, int code) {
    if (code < TR_EXIT_SIGNAL)
        tr_report_add(visit->report, check, TR_HEALTH_FAIL,
            "The broker is overloaded, or stopped: see its log.", "no answer from the broker at %s",
            visit->place->endpoint);
    return code;
}

/* ---- the broker itself ---- */

static int look_at_broker(const visit_t *visit) {
    json_t *about = NULL;
    int code = tr_cli_ask_json(
        visit->session, visit->call, "ams", json_pack("{s:s}", "action", "get-description"), &about);
    if (code != TR_EXIT_OK)
        return unanswered(visit, "broker", code);
    const char *version = json_string_value(json_object_get(about, "version"));
    const char *name = json_string_value(json_object_get(about, "name"));
    version = version ? version : "unknown";
    tr_report_add(visit->report, "broker", TR_HEALTH_OK, NULL, "platform %s at %s", name ? name : "?",
        visit->place->endpoint);
    if (strcmp(version, TROUPE_VERSION) == 0)
        tr_report_add(visit->report, "broker version", TR_HEALTH_OK, NULL, "%s", version);
    else
        tr_report_add(visit->report, "broker version", TR_HEALTH_WARN, "Use the same version on both sides.",
            "%.60s, where this is troupe %s", version, TROUPE_VERSION);
    json_decref(about);
    return TR_EXIT_OK;
}

/* ---- its journal ---- */

static int ask_for(const visit_t *visit, const char *action, json_t **ret_answer) {
    int code =
        tr_cli_ask_json(visit->session, visit->call, "ams", json_pack("{s:s}", "action", action), ret_answer);
    if (code != TR_EXIT_REFUSED)
        return code == TR_EXIT_OK ? code : unanswered(visit, "journal", code);
    tr_report_add(visit->report, "journal", TR_HEALTH_SKIP, NULL,
        "the broker does not let us ask for it (ams.%s)", action);
    return code;
}

static int look_at_journal(const visit_t *visit) {
    json_t *about = NULL, *journal = NULL, *stats = NULL;
    int code = ask_for(visit, "get-description", &about);
    bool kept = json_is_true(json_object_get(about, "journal"));
    if (code == TR_EXIT_OK && kept)
        code = ask_for(visit, "journal", &journal);
    if (journal)
        code = ask_for(visit, "stats", &stats);
    if (stats) {
        tr_doctor_journal(visit->report, journal);
        tr_doctor_letters(visit->report, stats);
    }
    json_decref(about);
    json_decref(journal);
    json_decref(stats);
    return code;
}

/* ---- round trips ---- */

void tr_doctor_round_trips(tr_report_t *report, const int64_t *sorted, size_t count) {
    int64_t p50 = sorted[count / 2], p99 = sorted[count * 99 / 100];
    bool slow = p50 > SLOW_NS;
    tr_report_add(report, "round trip", slow ? TR_HEALTH_WARN : TR_HEALTH_OK,
        slow ? "The broker's machine is busy, or the way to it is long: see `troupe top`." : NULL,
        "half of %zu requests to the AMS were answered within %.2f ms, 99 of 100 within %.2f ms", count,
        (double)p50 / 1e6, (double)p99 / 1e6);
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int look_at_round_trips(const visit_t *visit) {
    int64_t took[ROUND_TRIPS];
    tr_cli_session_renew(visit->session);
    for (size_t i = 0; i < ROUND_TRIPS; i++) {
        int64_t began = tr_clock_ns();
        int code = tr_cli_settle(visit->session);
        if (code != TR_EXIT_OK)
            return unanswered(visit, "round trip", code);
        took[i] = tr_clock_ns() - began;
    }
    qsort(took, ROUND_TRIPS, sizeof *took, ascending);
    tr_doctor_round_trips(visit->report, took, ROUND_TRIPS);
    return TR_EXIT_OK;
}

/* ---- the stream ---- */

#define STREAM_CURE                                                                                          \
    "See that nothing is between (a firewall, a port that is not forwarded), and what --stream of the "      \
    "broker "                                                                                                \
    "says."

typedef struct watch {
    bool connected, heard;
    int64_t took_ms;
} watch_t;

/* Watches as any SUB socket would. */
static int watch_stream(const visit_t *visit, tr_stream_t *stream, watch_t *watch) {
    static const bool never = false;
    int64_t began_ms = tr_clock_ms(), until_ms = began_ms + STREAM_MS;
    while (!watch->heard && tr_clock_ms() < until_ms) {
        tr_stream_message_t message;
        int code = tr_cli_wait(visit->session, &never, tr_clock_ms()); /* the link, and signals */
        if (code >= TR_EXIT_SIGNAL)
            return code;
        tr_stream_wait(stream, STREAM_STEP, -1);
        for (tr_stream_event_t e; (e = tr_stream_next_event(stream)) != TR_STREAM_NOTHING;)
            watch->connected = e == TR_STREAM_CONNECTED;
        while (!watch->heard && tr_stream_next(stream, &message) == 1)
            watch->heard = message.topic_len == strlen(STATS_TOPIC) &&
                           memcmp(message.topic, STATS_TOPIC, message.topic_len) == 0;
    }
    watch->took_ms = tr_clock_ms() - began_ms;
    return TR_EXIT_OK;
}

static void report_stream(tr_report_t *report, const char *endpoint, const watch_t *watch) {
    if (watch->heard)
        tr_report_add(report, "stream", TR_HEALTH_OK, NULL, "%s: %s came after %lld ms", endpoint,
            STATS_TOPIC, (long long)watch->took_ms);
    else if (watch->connected)
        tr_report_add(report, "stream", TR_HEALTH_FAIL,
            "The broker has hung, or that endpoint is another program's: compare it with --stream of the "
            "broker.",
            "%s: connected, but no %s came within %d s", endpoint, STATS_TOPIC, STREAM_MS / 1000);
    else
        tr_report_add(report, "stream", TR_HEALTH_FAIL, STREAM_CURE,
            "%s: no ZeroMQ publisher answers within %d s", endpoint, STREAM_MS / 1000);
}

static int look_at_stream(const visit_t *visit) {
    char endpoint[TR_STATE_ENDPOINT_MAX + 1];
    const char *told = tr_host_stream(tr_cli_session_host(visit->session));
    tr_error_t error = {0};
    tr_stream_t *stream = NULL;
    watch_t watch = {0};
    if (!told || !*told || tr_cli_stream_endpoint(visit->place->endpoint, told, endpoint) < 0) {
        tr_report_add(visit->report, "stream", TR_HEALTH_FAIL, "Start the broker with --stream.",
            "the broker does not say where its stream is");
        return TR_EXIT_OK;
    }
    const char *refusal = tr_host_stream_refusal(tr_cli_session_host(visit->session));
    if (*refusal) {
        tr_report_add(visit->report, "stream", TR_HEALTH_FAIL,
            "End one of them, or raise `connections` in its limits.", "%s: %s", endpoint, refusal);
        return TR_EXIT_OK;
    }
    if (tr_reach(endpoint, STREAM_MS, -1, &error) < 0 ||
        tr_stream_new(endpoint, visit->place->cert, &stream, &error) < 0 ||
        tr_stream_subscribe(stream, STATS_TOPIC, strlen(STATS_TOPIC)) < 0) {
        tr_report_add(visit->report, "stream", TR_HEALTH_FAIL, STREAM_CURE, "%s", error.text);
        tr_stream_destroy(&stream);
        return TR_EXIT_OK;
    }
    int code = watch_stream(visit, stream, &watch);
    tr_stream_destroy(&stream);
    if (code == TR_EXIT_OK)
        report_stream(visit->report, endpoint, &watch);
    return code;
}

/* ---- agents ---- */

static int64_t joined_ms(const json_t *agents, const char *self) {
    size_t i;
    json_t *agent;
    json_array_foreach(agents, i, agent) {
        const char *name = json_string_value(json_object_get(agent, "name"));
        if (name && strcmp(name, self) == 0)
            return json_integer_value(json_object_get(agent, "since_ms"));
    }
    return 0;
}

static void report_agents(const visit_t *visit, const json_t *agents, const json_t *services) {
    char self[TR_AID_MAX + 1];
    tr_agent_aid(tr_cli_session_agent(visit->session), self);
    tr_doctor_agents(visit->report, agents, self);
    tr_doctor_queues(visit->report, agents, json_object_get(services, "services"));
    tr_doctor_clock(
        visit->report, visit->place->endpoint, joined_ms(agents, self), visit->from_ms, visit->to_ms);
}

static int ask_agents(const visit_t *visit, json_t *agents, json_t **ret_services) {
    tr_cli_session_renew(visit->session);
    int code = tr_cli_ask_agents(visit->session, visit->call, agents);
    if (code == TR_EXIT_OK)
        code = tr_cli_ask_json(
            visit->session, visit->call, "ams", json_pack("{s:s}", "action", "services"), ret_services);
    return code;
}

/* The processes are asked for first: one that is registered meanwhile is not taken for lost. */
static int look_at_agents(const visit_t *visit) {
    json_t *processes = json_array(), *agents = json_array(), *services = NULL;
    tr_fleet_answer_t answer;
    int supervised = tr_fleet_ask_processes(visit->session, processes, &answer), code = supervised;
    if (supervised < TR_EXIT_SIGNAL)
        code = ask_agents(visit, agents, &services);
    if (code == TR_EXIT_OK)
        report_agents(visit, agents, services);
    else
        code = unanswered(visit, "agents", code);
    if (code == TR_EXIT_OK && supervised == TR_EXIT_OK)
        tr_doctor_processes(visit->report, processes, agents);
    else if (code == TR_EXIT_OK && visit->place->fleet[0])
        tr_report_add(visit->report, "processes", TR_HEALTH_FAIL, "See its log: `troupe logs up`.",
            "the fleet's supervisor does not answer");
    tr_fleet_answer_finish(&answer);
    json_decref(services);
    json_decref(agents);
    json_decref(processes);
    return code;
}

/* ---- the visit ---- */

static int look_at_all(const visit_t *visit) {
    int (*const looks[])(const visit_t *) = {
        look_at_broker, look_at_journal, look_at_round_trips, look_at_stream, look_at_agents};
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        tr_cli_session_renew(visit->session);
        int code = looks[i](visit);
        if (code >= TR_EXIT_SIGNAL)
            return code;
    }
    return TR_EXIT_OK;
}

static int nobody(tr_report_t *report, const tr_cli_place_t *place, const tr_error_t *error) {
    if (place->assumed)
        tr_report_add(report, "broker", TR_HEALTH_SKIP,
            "Start a fleet with `troupe up`, or say where a broker is with --connect.", "%s, and %s",
            place->why, error->text);
    else
        tr_report_add(report, "broker", TR_HEALTH_FAIL,
            "See that it runs, that its address is right, and that nothing is between.", "%s", error->text);
    return TR_EXIT_UNREACHABLE;
}

static int no_welcome(tr_report_t *report, const tr_cli_place_t *place, int code) {
    if (code < TR_EXIT_SIGNAL && *place->fleet)
        tr_report_add(report, "broker", TR_HEALTH_FAIL,
            "It is overloaded, or was stopped (SIGCONT lets it go on): see `troupe logs broker`.",
            "something listens at %s, but it does not answer as a broker", place->endpoint);
    else if (code < TR_EXIT_SIGNAL)
        tr_report_add(report, "broker", TR_HEALTH_FAIL,
            "If it is the broker, see its log; else give the endpoint of its links (--listen of the broker, "
            "not --stream or --http).",
            "something listens at %s, but it does not answer as a broker", place->endpoint);
    return code < TR_EXIT_SIGNAL ? TR_EXIT_UNREACHABLE : code;
}

int tr_doctor_broker_look(tr_report_t *report, const tr_call_t *call, const tr_cli_common_t *common) {
    tr_cli_place_t place;
    tr_error_t error = {0};
    visit_t visit = {.report = report, .call = call, .place = &place};
    int code = tr_cli_find_place(call, common, &place);
    if (code != TR_EXIT_OK)
        return code;
    int rc = tr_reach(place.endpoint, common->timeout_ms, -1, &error);
    if (rc == -EINVAL)
        return tr_cli_usage(call, "%s", error.text);
    if (rc < 0)
        return nobody(report, &place, &error);
    visit.from_ms = tr_clock_wall_ms();
    code = tr_cli_session_open(
        &(tr_cli_session_config_t){.call = call, .common = common, .quiet = true}, &visit.session);
    visit.to_ms = tr_clock_wall_ms();
    if (code != TR_EXIT_OK)
        return no_welcome(report, &place, code);
    code = look_at_all(&visit);
    tr_cli_session_close(&visit.session);
    return code;
}

/* ---- clocks ---- */

static bool is_here(const char *endpoint) {
    static const char *const here[] = {
        "ipc://", "inproc://", "tcp://127.", "tcp://localhost:", "tcp://[::1]:"};
    for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
        if (strncmp(endpoint, here[i], strlen(here[i])) == 0)
            return true;
    }
    return false;
}

void tr_doctor_clock(
    tr_report_t *report, const char *endpoint, int64_t told_ms, int64_t from_ms, int64_t to_ms) {
    char text[24];
    int64_t ahead = told_ms > to_ms ? told_ms - to_ms : told_ms < from_ms ? told_ms - from_ms : 0;
    bool skewed = ahead > CLOCK_SKEW_MS || ahead < -CLOCK_SKEW_MS;
    tr_print_duration(ahead < 0 ? -ahead : ahead, text, sizeof text);
    if (is_here(endpoint))
        tr_report_add(
            report, "clocks", TR_HEALTH_SKIP, NULL, "the broker is on this machine: there is one clock");
    else if (told_ms == 0)
        tr_report_add(report, "clocks", TR_HEALTH_SKIP, NULL, "the broker does not say what time it has");
    else if (skewed)
        tr_report_add(report, "clocks", TR_HEALTH_WARN, "Deadlines travel as times: keep both by NTP.",
            "the broker's clock is %s %s ours", text, ahead > 0 ? "ahead of" : "behind");
    else
        tr_report_add(report, "clocks", TR_HEALTH_OK, NULL, "the broker's clock agrees with ours");
}
