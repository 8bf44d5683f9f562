#include "gateway/http/server_private.h"
#include "lib/base/clock.h"

static const char *const classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx", NULL};
static const char *const reasons[] = {"token", "rate", "origin", NULL};
static const char *const outcomes[] = {"right", "wrong", "limited", NULL};

int tr_web_server_measure(const tr_web_server_t *self, tr_metrics_t *to, tr_error_t *error) {
    static const tr_metric_t
        answered = {"troupe_gateway_requests_total", "Requests that were answered, by the status.",
            {"status"}, {classes}},
        away = {"troupe_gateway_turned_away_total",
            "Requests that were turned away: by their token, because there were too many, by host or origin.",
            {"reason"}, {reasons}},
        sign_ins = {"troupe_gateway_sign_ins_total",
            "Attempts to sign in with name and password: right, wrong, and turned away since there were too "
            "many wrong ones.",
            {"outcome"}, {outcomes}},
        latency = {.name = "troupe_gateway_request_seconds",
            .help = "From the request's head to the response's first byte.",
            .scale = 1e9},
        calls = {.name = "troupe_gateway_call_seconds",
            .help = "From a call of an agent to its answer.",
            .scale = 1e9},
        connections = {.name = "troupe_gateway_connections", .help = "Connections, and streams of HTTP/2."},
        feeds = {.name = "troupe_gateway_feeds",
            .help = "Streams of events that are open, WebSockets among them."},
        sockets = {.name = "troupe_gateway_sockets", .help = "WebSockets that are open."},
        waiting = {.name = "troupe_gateway_waiting", .help = "Calls of agents that have no answer yet."};
    int rc = tr_metrics_counter(to, &answered, self->answered, error);
    if (rc == 0)
        rc = tr_metrics_counter(to, &away, self->turned_away, error);
    if (rc == 0)
        rc = tr_metrics_counter(to, &sign_ins, self->sign_ins, error);
    if (rc == 0)
        rc = tr_metrics_histogram(to, &latency, &self->latency, error);
    if (rc == 0)
        rc = tr_metrics_histogram(to, &calls, &self->calls, error);
    if (rc == 0)
        rc = tr_metrics_gauge(to, &connections, &self->connections, error);
    if (rc == 0)
        rc = tr_metrics_gauge(to, &waiting, &self->waiting, error);
    if (rc == 0)
        rc = tr_metrics_gauge(to, &feeds, &self->feeds, error);
    return rc == 0 ? tr_metrics_gauge(to, &sockets, &self->sockets, error) : rc;
}

int tr_web_metrics_init(tr_web_server_t *self, tr_error_t *error) {
    self->metrics = tr_metrics_new();
    if (!self->metrics)
        return tr_error_set(error, -12, "out of memory");
    tr_histogram_init(&self->latency, tr_latency_bounds_ns, TR_LATENCY_BOUNDS_NS_COUNT); /* they are right */
    tr_histogram_init(&self->calls, tr_latency_bounds_ns, TR_LATENCY_BOUNDS_NS_COUNT);
    int rc = tr_web_server_measure(self, self->metrics, error);
    return rc == 0 ? tr_metrics_process(self->metrics, TROUPE_VERSION, error) : rc;
}

void tr_web_server_metrics(tr_web_server_t *self, tr_buffer_t *out) {
    tr_metrics_render(self->metrics, out);
}

uint64_t tr_web_server_answered(const tr_web_server_t *self, unsigned hundreds) {
    return hundreds >= 1 && hundreds <= 5 ? tr_counter_get(&self->answered[hundreds - 1]) : 0;
}

int64_t tr_web_server_up_ms(const tr_web_server_t *self) {
    return tr_clock_ms() - self->began_ms;
}

static uint64_t observed(const tr_histogram_t *of) {
    uint64_t all = 0;
    for (size_t i = 0; i <= of->bound_count; i++)
        all += tr_counter_get(&of->buckets[i]);
    return all;
}

/* In nanoseconds, as if the values of a bucket were spread evenly over it; what is above the last bound counts as that. */
static double quantile(const tr_histogram_t *of, double share) {
    double wanted = share * (double)observed(of), before = 0;
    for (size_t i = 0; i < of->bound_count; i++) {
        double here = (double)tr_counter_get(&of->buckets[i]), from = i ? (double)of->bounds[i - 1] : 0;
        if (here > 0 && before + here >= wanted)
            return from + ((double)of->bounds[i] - from) * (wanted - before) / here;
        before += here;
    }
    return observed(of) ? (double)of->bounds[of->bound_count - 1] : 0;
}

static json_t *latency_json(const tr_histogram_t *of) {
    return json_pack("{s:I, s:f, s:f, s:f}", "count", (json_int_t)observed(of), "p50_ms",
        quantile(of, .5) / 1e6, "p95_ms", quantile(of, .95) / 1e6, "p99_ms", quantile(of, .99) / 1e6);
}

json_t *tr_web_server_latencies(const tr_web_server_t *self) {
    return json_pack(
        "{s:o, s:o}", "requests", latency_json(&self->latency), "calls", latency_json(&self->calls));
}
