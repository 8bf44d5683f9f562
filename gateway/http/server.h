/*
 * The web server: libwebsockets in a thread of its own, which reads requests, finds their routes, lets them in or not (admit.h), calls
 * their handlers, writes what they respond, and takes the replies of agents off the bridge.
 */
#ifndef TR_GATEWAY_HTTP_SERVER_H
#define TR_GATEWAY_HTTP_SERVER_H

#include "gateway/bridge.h"
#include "gateway/feed/hub.h"
#include "gateway/http/exchange.h"
#include "gateway/http/route.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/base/options.h"

typedef struct tr_web_options {
    const char *listen;
    const char *tokens; /* NULL: none */
    const char *users;  /* likewise */
    int64_t session_idle_ms, session_life_ms;
    const char *tls_cert, *tls_key;
    const char *fleet_state; /* NULL: of no fleet */
    const char *redis;       /* a file that says where the server is that gateways share; NULL: none */
    const char *oidc_keys, *oidc_issuer, *oidc_audience,
        *oidc_claim; /* of a provider of tokens; NULL: there is none */
    const char *oidc_client, *oidc_secret, *oidc_scopes, *oidc_ca,
        *oidc_name;          /* of one where people sign in; likewise */
    tr_strings_t oidc_roles; /* of both: VALUE=ROLE */
    int64_t oidc_refresh_ms; /* how often that one is asked what it is */
    int64_t oidc_life_ms;    /* how long what it said of somebody counts */
    tr_strings_t hosts, origins, proxies;
    int anonymous; /* index of tr_web_anonymous_words */
    bool insecure;
    int64_t sense_ms; /* in place of wait_ms, for what is heard, spoken and seen */
    int64_t rate, wait_ms, header_ms, body_ms, idle_ms, drain_ms;
    int64_t connections, connections_each; /* of all; of one network, 0: as many as there are */
    int64_t trace_one_in;                  /* of the requests that begin no trace themselves; 0: none */
    size_t body_max;
    const char *front;      /* the agent that stands for the fleet */
    const char *public_url; /* NULL: as requests have it */
    tr_strings_t push_to;   /* places of the own network that are told of the ends of tasks */
} tr_web_options_t;

extern const char *const tr_web_anonymous_words[];

typedef struct tr_web_config {
    const tr_web_options_t *options; /* borrowed, as all the rest */
    tr_bridge_t *bridge;
    tr_log_t *log;
    const tr_web_route_t *routes;
    size_t route_count;
    void (*on_drained)(void
            *arg); /* from the web's thread: tr_web_server_drain is done, or the server has ended by itself */
    void *arg;
} tr_web_config_t;

typedef struct tr_web_server tr_web_server_t;

typedef struct tr_web_summary {
    int64_t at_ms; /* 0: there is none */
    tr_buffer_t text;
} tr_web_summary_t;

/* Binds, and starts the thread. -EINVAL: an option; -EADDRINUSE and others of the port; each with a text. */
int tr_web_server_new(const tr_web_config_t *config, tr_web_server_t **ret_server, tr_error_t *error);
/* Ends the thread and what is open. Not from the web's thread. NULL-safe. */
void tr_web_server_destroy(tr_web_server_t **self);
/* "http://127.0.0.1:8080" */
const char *tr_web_server_url(const tr_web_server_t *self);
/* Any thread: there are replies on the bridge. arg: the server. */
void tr_web_server_wake(void *arg);
/* Any thread: takes no more requests, lets those end that have begun, for --drain-time at most, then calls on_drained. */
void tr_web_server_drain(tr_web_server_t *self);

/* ---- for handlers, in the web's thread ---- */

const tr_web_options_t *tr_web_server_options(const tr_web_server_t *self);
const tr_web_route_t *tr_web_server_routes(const tr_web_server_t *self, size_t *ret_count);
bool tr_web_server_connected(const tr_web_server_t *self);
bool tr_web_server_draining(const tr_web_server_t *self);
void tr_web_server_call(tr_web_server_t *self, tr_web_call_t **call);
/* Its vectors come as a reply of slot 0 (gateway/embedder.h). */
int tr_web_server_embed(tr_web_server_t *self, const json_t *texts, bool base64, tr_web_exchange_t *exchange);
struct tr_a2a_tasks *tr_web_server_a2a(tr_web_server_t *self);
/* Responses that may be gone on from (api/kept.h). */
struct tr_kept *tr_web_server_kept(const tr_web_server_t *self);
/* Who tells others of the ends of its tasks; NULL: this build, or this machine, cannot. */
struct tr_a2a_courier *tr_web_server_courier(tr_web_server_t *self);
tr_log_t *tr_web_server_log(const tr_web_server_t *self);
/* An on_reply of who does not care. */
void tr_web_ignore_reply(void *server, void *owner, tr_web_reply_t *reply);
/* The last summary (api/summary.c), which all who ask within half a second share. */
tr_web_summary_t *tr_web_server_summary(tr_web_server_t *self);
tr_feed_hub_t *tr_web_server_hub(const tr_web_server_t *self);
/* Adds what it counts to somebody's metrics, who ends before it. 0, or a negative errno with a text. */
int tr_web_server_measure(const tr_web_server_t *self, tr_metrics_t *to, tr_error_t *error);
/* As Prometheus reads it, with what its process is. */
void tr_web_server_metrics(tr_web_server_t *self, tr_buffer_t *out);
/* Requests that were answered, by the first digit of their status. */
uint64_t tr_web_server_answered(const tr_web_server_t *self, unsigned hundreds);
/* {"requests", "calls"}, each {"count", "p50_ms", "p95_ms", "p99_ms"} since it was started: what was asked of it, and what it asked agents; new. */
json_t *tr_web_server_latencies(const tr_web_server_t *self);
int64_t tr_web_server_up_ms(const tr_web_server_t *self);

#endif
