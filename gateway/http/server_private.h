/* What the files of the server share. */
#ifndef TR_GATEWAY_HTTP_SERVER_PRIVATE_H
#define TR_GATEWAY_HTTP_SERVER_PRIVATE_H

#include "gateway/http/address.h"
#include "gateway/http/exchange.h"
#include "gateway/http/jwt.h"
#include "gateway/http/once.h"
#include "gateway/http/rate.h"
#include "gateway/http/server.h"
#include "gateway/http/shared.h"
#include "gateway/http/tls.h"
#include "lib/base/map.h"
#include "lib/base/metrics.h"

#include <pthread.h>
#include <stdatomic.h>

#include <libwebsockets.h>

#define TR_WEB_ADDRESS_MAX 64
#define TR_WEB_HEAD_MAX    2048 /* bytes of a response's head */

struct tr_web_server {
    tr_web_config_t config;
    char address[TR_WEB_ADDRESS_MAX]; /* that it listens on, without the port */
    int port;
    bool loopback;
    char url[TR_WEB_ADDRESS_MAX + 32];
    struct lws_context *context;
    struct lws_vhost *vhost;
    pthread_t thread;
    bool started;
    _Atomic bool stop, drain;

    /* The web's thread alone: */
    tr_web_exchange_t *exchanges;
    size_t exchange_count;
    tr_map_t crowd; /* how many connections each network has, by its name (address.h) */
    tr_web_tokens_t *tokens;
    tr_web_jwt_t *jwt; /* NULL: no provider */
    tr_web_tls_t tls;
    tr_web_rate_t *rate, *failures, *refusals; /* refusals: that are told in the log */
    int64_t refreshed_ms, began_ms, drain_until_ms;
    bool drained, tokens_changed, keys_changed; /* since the last tick */
    tr_feed_hub_t *hub;
    struct tr_embedder *embedder; /* NULL until somebody needs it */
    struct tr_web_login *login;   /* NULL: there are no users */
    struct tr_a2a_tasks *a2a;
    struct tr_kept *kept;
    struct tr_a2a_courier *courier; /* NULL: it cannot be had */
    tr_once_t *once;
    tr_web_shared_t *shared; /* NULL: it is alone */
    tr_buffer_t scratch;     /* a message on its way out */
    tr_web_summary_t summary;
    lws_sorted_usec_list_t tick;

    tr_metrics_t *metrics;
    tr_counter_t answered[5]; /* 1xx ... 5xx */
    tr_counter_t turned_away[3];
    tr_counter_t sign_ins[3];
    tr_histogram_t latency, calls;
    tr_gauge_t connections, waiting, feeds, sockets;
};

enum { TR_WEB_TURNED_TOKEN, TR_WEB_TURNED_RATE, TR_WEB_TURNED_ORIGIN };
enum { TR_WEB_SIGN_IN_RIGHT, TR_WEB_SIGN_IN_WRONG, TR_WEB_SIGN_IN_LIMITED };

typedef struct tr_web_login tr_web_login_t;

/* ---- admit.c ---- */

/* Splits and checks --listen, --tls and what follows from them. */
int tr_web_admit_init(tr_web_server_t *self, tr_error_t *error);
/* Host, origin, token and rate: who asks, and whether he may ask so much. False: it has responded. */
bool tr_web_admit(tr_web_exchange_t *e);
/* Each second: reads tokens and keys again where they have changed, and ends the streams of those that are gone or over. */
void tr_web_admit_tick(tr_web_server_t *self, int64_t now_ms);
/* Takes one out of who it is's bucket. False: there was none. */
bool tr_web_admit_message(tr_web_exchange_t *e);
/* What may be done without a token or session. */
tr_web_role_t tr_web_anonymous_role(const tr_web_server_t *self);
/* Whether he may use the route. False: it has responded. */
bool tr_web_admit_route(tr_web_exchange_t *e);

/* ---- crowd.c ---- */

/* Whether the network that has just connected by this socket has all the connections that one may have. */
bool tr_web_crowd_full(tr_web_server_t *self, int fd);
/* A new connection is one of its network's. */
void tr_web_crowd_join(tr_web_exchange_t *e);
/* It is none any more. Idempotent. */
void tr_web_crowd_leave(tr_web_exchange_t *e);

/* ---- metrics.c ---- */

int tr_web_metrics_init(tr_web_server_t *self, tr_error_t *error);

/* ---- exchange.c ---- */

tr_web_exchange_t *tr_web_exchange_new(tr_web_server_t *server, struct lws *wsi);
/* The client has gone. */
void tr_web_exchange_gone(tr_web_exchange_t *e);
void tr_web_exchange_free(tr_web_exchange_t *e);
/* Each returns what the callback of libwebsockets returns: not 0 ends the connection. */
int tr_web_exchange_begin(tr_web_exchange_t *e);
/* The client asks for a WebSocket. False: it is none; it has been responded to, or goes on as if it had not asked. */
bool tr_web_exchange_upgrade(tr_web_exchange_t *e);
int tr_web_exchange_body(tr_web_exchange_t *e, const void *bytes, size_t len);
int tr_web_exchange_complete(tr_web_exchange_t *e);
int tr_web_exchange_write(tr_web_exchange_t *e);
void tr_web_exchange_reply(tr_web_exchange_t *e, tr_web_reply_t *reply);
/* A stream of HTTP/2. */
bool tr_web_is_mux(const tr_web_exchange_t *e);
void tr_web_ask_to_write(tr_web_exchange_t *e);
void tr_web_stop_reading(tr_web_exchange_t *e);
/* A response begins: into the metrics and the audit trail. */
void tr_web_count(tr_web_exchange_t *e);
/* The client has all of it. */
int tr_web_exchange_done(tr_web_exchange_t *e, bool close);

/* ---- again.c ---- */

/* Of a request with an Idempotency-Key: whether it is to be done. False: it has responded, maybe with what was answered before. */
bool tr_web_again_begin(tr_web_exchange_t *e);
/* Keeps what was responded. */
void tr_web_again_keep(tr_web_exchange_t *e);
/* What is responded cannot be given again: who asks once more is told so, and nothing is done twice. */
void tr_web_again_spend(tr_web_exchange_t *e);
/* A reply that nobody waits for any more: it is freed. */
bool tr_web_again_is_late(tr_web_exchange_t *e, tr_web_reply_t *reply);
/* Now and then: who has waited long enough for what other gateways know goes on without. */
void tr_web_again_tick(tr_web_exchange_t *e, int64_t now_ms);
/* The exchange is over: what has no answer by now has none to be kept. */
void tr_web_again_leave(tr_web_exchange_t *e);
/* Responds 304 in place of what the client has already (If-None-Match). */
void tr_web_again_compare(tr_web_exchange_t *e);

/* ---- pack.c ---- */

/* Whether what was responded goes out with gzip; before its ETag is made. */
void tr_web_pack_choose(tr_web_exchange_t *e);
/* Does that. */
void tr_web_pack(tr_web_exchange_t *e);

/* ---- form.c ---- */

/* Of a form that has come: body and file. False: it is none, and was responded to. */
bool tr_web_form_take(tr_web_exchange_t *e);

/* ---- stream.c ---- */

int tr_web_stream_write(tr_web_exchange_t *e);
/* Calls on_end, where it was not yet. */
void tr_web_stream_finish(tr_web_exchange_t *e);
/* Who has this stream or WebSocket may not have it any more: it ends. Of another exchange: nothing. */
void tr_web_stream_bar(tr_web_exchange_t *e);
/* Keeps a quiet one alive. */
void tr_web_stream_beat(tr_web_exchange_t *e, int64_t now_ms);

/* ---- socket.c ---- */

/* A client's wish to go on as `to`, which becomes empty where that is not done. */
void tr_web_socket_confirm(tr_web_exchange_t *e, char *to);
/* What libwebsockets tells of a WebSocket; returns what its callback returns. */
int tr_web_socket_event(tr_web_exchange_t *e, enum lws_callback_reasons reason, const void *in, size_t len);
/* It ends because the server does. */
void tr_web_socket_close(tr_web_exchange_t *e);

/* ---- head.c ---- */

/* The request's method, path, query and peer. False: it has responded. */
bool tr_web_head_read(tr_web_exchange_t *e);
/* Status and headers into [at, end); NULL: no room. */
unsigned char *tr_web_head_write(tr_web_exchange_t *e, unsigned char *at, unsigned char *end, bool close);
/* One of --proxy; in its plain form (address.h). */
bool tr_web_is_proxy(const tr_web_server_t *self, const char *address);
/* A header of the request; -1: there is none, or it is longer. */
int tr_web_header(const tr_web_exchange_t *e, enum lws_token_indexes token, char *out, size_t size);
/* One that libwebsockets has no name for, "NAME:" in lower case. Its length; `out` is "" where it takes less. 0: there is none. It keeps none of HTTP/2. */
size_t tr_web_header_custom(const tr_web_exchange_t *e, const char *name, char *out, size_t size);

/* ---- trace.c ---- */

/* The head has been read, and the route found. */
void tr_web_trace_begin(tr_web_exchange_t *e);
/* The traceparent of what is done for it; only where there is a trace (e->trace.span). */
void tr_web_trace_write(const tr_web_exchange_t *e, char out[TR_TRACEPARENT_SIZE]);
/* Its response has left, or the client has gone. */
void tr_web_trace_end(tr_web_exchange_t *e);

#endif
