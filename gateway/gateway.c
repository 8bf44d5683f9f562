#include "gateway/gateway.h"

#include "gateway/api/api.h"
#include "gateway/events.h"
#include "lib/base/clock.h"
#include "lib/base/process.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 500
#define GIVE_UP_MS                                                                                           \
    2000 /* after the link was lost: a broker that had not gone would not know the session any more */

struct tr_gateway {
    tr_gateway_options_t *options; /* borrowed */
    tr_resident_t resident;
    tr_bridge_t *bridge;
    tr_web_server_t *server;
    unsigned known_sessions; /* of the resident's */
    int64_t away_ms;         /* since when there is no link; 0: there is one */
};

static int measure(void *arg, tr_metrics_t *metrics, tr_error_t *error) {
    return tr_web_server_measure(((tr_gateway_t *)arg)->server, metrics, error);
}

static const tr_resident_kind_t kind = {
    .measure = measure,
    .port_later = true, /* what it counts is the server's */
    .process = "troupe-gateway",
    .component = "gateway",
    .stopping = &tr_gateway_events[TR_G_STOPPING],
    .stopped = &tr_gateway_events[TR_G_STOPPED],
    .connected = &tr_gateway_events[TR_G_CONNECTED],
    .disconnected = &tr_gateway_events[TR_G_DISCONNECTED],
    .refused = &tr_gateway_events[TR_G_REFUSED],
    .cannot_start = &tr_gateway_events[TR_G_CANNOT_START],
};

/* ---- the agent ---- */

static int on_message(tr_agent_t *agent, void *state, const tr_message_t *message) {
    tr_gateway_t *self = *(tr_gateway_t **)state;
    tr_message_type_t type = tr_message_type(message);
    if (self && (type == TR_MESSAGE_EVENT || type == TR_MESSAGE_GAP))
        tr_bridge_publication(self->bridge, message);
    else if (type == TR_MESSAGE_DIRECT && tr_message_performative(message) == TR_REQUEST)
        tr_reply_reason(
            agent, message, TR_REFUSE, "unsupported-function", "the gateway asks, and is not asked");
    return 0;
}

static const tr_behaviour_t behaviour = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "gateway",
    .summary = "The fleet over HTTP",
    .state_size = sizeof(void *),
    .receive = on_message,
};

/* In place of the resident's, which ends the host at once. */
static void on_signal(tr_agent_t *agent, void *state, int fd, short events, void *arg) {
    tr_gateway_t *self = arg;
    int number = tr_process_next_signal(fd);
    (void)agent, (void)state, (void)events;
    if (number <= 0)
        return;
    tr_log(&self->resident.log, &tr_gateway_events[TR_G_STOPPING], "signal=%s", sigabbrev_np(number));
    tr_web_server_drain(self->server);
}

static void on_drained(void *arg) {
    tr_gateway_t *self = arg;
    tr_host_stop(self->resident.host, TR_RESIDENT_OK);
}

/* ---- beginning ---- */

static int serve(tr_gateway_t *self, tr_error_t *error) {
    tr_web_config_t config = {.options = &self->options->web,
        .bridge = self->bridge,
        .log = &self->resident.log,
        .on_drained = on_drained,
        .arg = self};
    config.routes = tr_api_routes(&config.route_count);
    int rc = tr_web_server_new(&config, &self->server, error);
    if (rc == 0)
        rc = tr_resident_open_port(&self->resident, self, error);
    if (rc < 0)
        return rc;
    tr_bridge_link(self->bridge, tr_host_connected(self->resident.host));
    tr_bridge_open(self->bridge, self->resident.host, self->resident.agent, tr_web_server_wake, self->server);
    rc = tr_watch(self->resident.agent, self->resident.signal_fd, POLLIN, on_signal, self);
    return rc < 0 ? tr_error_set(error, rc, "cannot watch for signals: %s", strerror(-rc)) : 0;
}

static void tell_ready(tr_gateway_t *self) {
    char line[160];
    const char *url = tr_web_server_url(self->server);
    tr_log(&self->resident.log, &tr_gateway_events[TR_G_READY], "url=%s platform=%s agent=%s", url,
        tr_host_platform(self->resident.host), self->options->resident.name);
    snprintf(line, sizeof line, "{\"url\":\"%s\"}\n", url);
    tr_resident_ready_line(&self->resident, line);
}

int tr_gateway_new(tr_gateway_options_t *options, tr_gateway_t **ret_self) {
    static const char *const services[] = {NULL};
    tr_gateway_t *self = calloc(1, sizeof *self);
    tr_error_t error = {0};
    if (!self)
        return TR_RESIDENT_REFUSED;
    *ret_self = self;
    self->options = options;
    self->bridge = tr_bridge_new();
    int rc = tr_resident_start(&self->resident, &kind, &options->resident, &error);
    if (rc == 0 && !self->bridge)
        rc = tr_error_set(&error, -12, "out of memory");
    if (rc == 0)
        rc = tr_resident_connect(&self->resident, &error);
    if (rc == 0)
        rc = tr_resident_join(&self->resident, &behaviour, self, services, &error);
    if (rc == 0)
        rc = serve(self, &error);
    if (rc < 0)
        return tr_resident_failed(&self->resident, rc, &error);
    self->known_sessions = self->resident.sessions;
    tell_ready(self);
    return 0;
}

/* ---- running ---- */

static void follow_link(tr_gateway_t *self) {
    bool connected = tr_host_connected(self->resident.host);
    int64_t now_ms = tr_clock_ms();
    tr_bridge_link(self->bridge, connected);
    if (connected)
        self->away_ms = 0;
    else if (!self->away_ms)
        self->away_ms = now_ms;
    else if (now_ms - self->away_ms >= GIVE_UP_MS)
        tr_bridge_give_up(self->bridge);
}

int tr_gateway_run(tr_gateway_t *self) {
    tr_host_t *host = self->resident.host;
    while (!tr_host_stopping(host)) {
        tr_host_step(host, self->away_ms ? LOOK_MS : -1);
        follow_link(self);
        if (self->known_sessions != self->resident.sessions) {
            self->known_sessions = self->resident.sessions;
            tr_bridge_lost(self->bridge);
        }
    }
    return self->resident.code;
}

void tr_gateway_destroy(tr_gateway_t **self_p) {
    tr_gateway_t *self = *self_p;
    if (!self)
        return;
    if (self->bridge)
        tr_bridge_close(self->bridge);
    tr_port_close(&self->resident.port); /* it tells of the server */
    tr_web_server_destroy(&self->server);
    tr_resident_leave(&self->resident);
    tr_bridge_destroy(&self->bridge);
    tr_resident_finish(&self->resident);
    free(self);
    *self_p = NULL;
}
