#include "gateway/http/server_private.h"
#include "lib/base/clock.h"

static const char *const classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx", NULL};
static const char *const reasons[] = {"token", "rate", "origin", NULL};
static const char *const outcomes[] = {"right", "wrong", "limited", NULL};

int tr_web_metrics_init(tr_web_server_t *self, tr_error_t *error) {
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
        connections = {.name = "troupe_gateway_connections", .help = "Connections, and streams of HTTP/2."},
        feeds = {.name = "troupe_gateway_feeds",
            .help = "Streams of events that are open, WebSockets among them."},
        sockets = {.name = "troupe_gateway_sockets", .help = "WebSockets that are open."},
        waiting = {.name = "troupe_gateway_waiting", .help = "Calls of agents that have no answer yet."};
    self->metrics = tr_metrics_new();
    if (!self->metrics)
        return tr_error_set(error, -12, "out of memory");
    int rc = tr_histogram_init(&self->latency, tr_latency_bounds_ns, TR_LATENCY_BOUNDS_NS_COUNT);
    if (rc == 0)
        rc = tr_metrics_counter(self->metrics, &answered, self->answered, error);
    if (rc == 0)
        rc = tr_metrics_counter(self->metrics, &away, self->turned_away, error);
    if (rc == 0)
        rc = tr_metrics_counter(self->metrics, &sign_ins, self->sign_ins, error);
    if (rc == 0)
        rc = tr_metrics_histogram(self->metrics, &latency, &self->latency, error);
    if (rc == 0)
        rc = tr_metrics_gauge(self->metrics, &connections, &self->connections, error);
    if (rc == 0)
        rc = tr_metrics_gauge(self->metrics, &waiting, &self->waiting, error);
    if (rc == 0)
        rc = tr_metrics_gauge(self->metrics, &feeds, &self->feeds, error);
    if (rc == 0)
        rc = tr_metrics_gauge(self->metrics, &sockets, &self->sockets, error);
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
