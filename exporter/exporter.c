#include "exporter/exporter.h"

#include "exporter/events.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 1000
#define SPANS   "$sys.spans"

static const tr_resident_kind_t kind = {
    .process = "troupe-exporter",
    .component = "exporter",
    .stopping = &tr_exporter_events[TR_E_STOPPING],
    .stopped = &tr_exporter_events[TR_E_STOPPED],
    .connected = &tr_exporter_events[TR_E_CONNECTED],
    .disconnected = &tr_exporter_events[TR_E_DISCONNECTED],
    .refused = &tr_exporter_events[TR_E_REFUSED],
    .cannot_start = &tr_exporter_events[TR_E_CANNOT_START],
    .measure = tr_exporter_measure,
};

static int on_message(tr_agent_t *agent, void *state, const tr_message_t *message) {
    tr_exporter_t *self = *(tr_exporter_t **)state;
    if (self && tr_message_type(message) == TR_MESSAGE_EVENT)
        tr_exporter_take_spans(self, message);
    else if (tr_message_type(message) == TR_MESSAGE_DIRECT && tr_message_performative(message) == TR_REQUEST)
        tr_reply_reason(agent, message, TR_REFUSE, "unsupported-function", "the exporter is not asked");
    return 0;
}

static void on_tick(tr_agent_t *agent, void *state) {
    tr_exporter_t *self = *(tr_exporter_t **)state;
    (void)agent;
    if (!self)
        return;
    tr_exporter_flush_spans(self);
    tr_exporter_read_logs(self);
    tr_exporter_tell_dropped(self);
}

static const tr_behaviour_t behaviour = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "exporter",
    .summary = "Sends traces and logs to where they are looked at",
    .state_size = sizeof(void *),
    .receive = on_message,
    .tick = on_tick,
};

static int start(tr_exporter_t *self, tr_error_t *error) {
    static const char *const services[] = {NULL};
    int rc = tr_resident_start(&self->resident, &kind, &self->options->resident, error);
    if (rc == 0)
        rc = tr_exporter_open_senders(self, error);
    if (rc == 0)
        rc = tr_exporter_open_logs(self, error);
    if (rc == 0)
        rc = tr_resident_connect(&self->resident, error);
    if (rc == 0)
        rc = tr_resident_join(&self->resident, &behaviour, self, services, error);
    if (rc == 0 && tr_exporter_sends(self, TR_TO_OTLP))
        rc = tr_subscribe(self->resident.agent, SPANS);
    if (rc == 0)
        rc = tr_agent_tick_every(self->resident.agent, TICK_MS);
    return rc;
}

static void find_host(tr_exporter_t *self) {
    const char *said = self->options->host;
    if (said)
        strncpy(self->host, said, sizeof self->host - 1);
    else if (gethostname(self->host, sizeof self->host - 1) < 0)
        strcpy(self->host, "unknown");
}

int tr_exporter_new(tr_exporter_options_t *options, tr_exporter_t **ret_self) {
    tr_exporter_t *self = calloc(1, sizeof *self);
    tr_error_t error = {0};
    if (!self)
        return TR_RESIDENT_REFUSED;
    *ret_self = self;
    self->options = options;
    self->minute = INT64_MIN / 2;
    self->spans = json_array();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    find_host(self);
    int rc = start(self, &error);
    if (rc < 0)
        return tr_resident_failed(&self->resident, rc, &error);
    tr_log(&self->resident.log, &tr_exporter_events[TR_E_READY],
        "agent=%s platform=%s otlp=%s elasticsearch=%s loki=%s sentry=%s", options->resident.name,
        tr_host_platform(self->resident.host), options->otlp, options->elasticsearch, options->loki,
        options->sentry_dsn ? "yes" : NULL);
    tr_resident_ready(&self->resident);
    return 0;
}

int tr_exporter_run(tr_exporter_t *self) {
    int code = tr_host_run(self->resident.host);
    tr_exporter_flush_spans(self); /* what is at hand waits on the disk */
    tr_exporter_read_logs(self);
    return code;
}

void tr_exporter_destroy(tr_exporter_t **self_p) {
    tr_exporter_t *self = *self_p;
    if (!self)
        return;
    tr_resident_leave(&self->resident);
    for (int to = 0; to < TR_DESTINATIONS; to++)
        tr_sender_finish(&self->senders[to]);
    tr_exporter_close_logs(self);
    json_decref(self->spans);
    tr_resident_finish(&self->resident);
    curl_global_cleanup();
    free(self);
    *self_p = NULL;
}
