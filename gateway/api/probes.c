#include "gateway/api/api.h"
#include "gateway/http/server.h"
#include "lib/base/metrics.h"

#define TEXT "text/plain; charset=utf-8"

void tr_api_health(tr_web_exchange_t *e) {
    tr_buffer_text(&e->out, "ok\n");
    tr_web_respond(e, 200, TEXT);
}

void tr_api_ready(tr_web_exchange_t *e) {
    bool draining = tr_web_server_draining(e->server), connected = tr_web_server_connected(e->server);
    tr_buffer_text(&e->out, draining ? "stopping\n" : connected ? "ok\n" : "no link to the broker\n");
    tr_web_respond(e, !draining && connected ? 200 : 503, TEXT);
}

void tr_api_metrics(tr_web_exchange_t *e) {
    tr_web_server_metrics(e->server, &e->out);
    tr_web_respond(e, 200, TR_METRICS_CONTENT_TYPE);
}
