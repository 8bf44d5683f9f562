#include "gateway/http/server.h"

#include "gateway/a2a/courier.h"
#include "gateway/a2a/push.h"
#include "gateway/a2a/task.h"
#include "gateway/api/kept.h"
#include "gateway/embedder.h"
#include "gateway/events.h"
#include "gateway/http/login.h"
#include "gateway/http/server_private.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_MAX 8192 /* bytes of a request's head */
#define SPARE_MS    10000

/* ---- connections ---- */

static tr_web_exchange_t *exchange_of(struct lws *wsi) {
    tr_web_exchange_t *e = lws_get_opaque_user_data(wsi);
    if (e)
        return e;
    e = tr_web_exchange_new(lws_context_user(lws_get_context(wsi)), wsi);
    lws_set_opaque_user_data(wsi, e);
    return e;
}

static void forget(struct lws *wsi) {
    tr_web_exchange_t *e = lws_get_opaque_user_data(wsi);
    if (!e)
        return;
    lws_set_opaque_user_data(wsi, NULL);
    tr_web_exchange_gone(e);
}

static void take_replies(tr_web_server_t *self) {
    for (tr_web_reply_t *reply = tr_bridge_replies(self->config.bridge), *next; reply; reply = next) {
        next = reply->next;
        tr_gauge_add(&self->waiting, -1);
        if (reply->outcome == TR_WEB_ANSWERED && reply->began_ns)
            tr_histogram_observe(&self->calls, (uint64_t)(tr_clock_ns() - reply->began_ns));
        if (reply->on_reply)
            reply->on_reply(self, reply->owner, reply);
        else
            tr_web_exchange_reply(reply->owner, reply);
    }
    tr_web_news_t *news = tr_bridge_news(self->config.bridge);
    if (news)
        tr_feed_hub_take(self->hub, news);
}

static bool full(const tr_web_server_t *self) {
    return (int64_t)self->exchange_count >= self->config.options->connections || atomic_load(&self->drain);
}

static int on_http(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
    tr_web_server_t *self = lws_context_user(lws_get_context(wsi));
    tr_web_exchange_t *e;
    switch (reason) {
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
        return full(self) ||
               tr_web_crowd_full(self, ((const struct lws_filter_network_conn_args *)user)->accept_fd);
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED: /* who asks for nothing counts as well */
        if (!(e = exchange_of(wsi)))
            return -1;
        tr_web_crowd_join(e);
        return 0;
    case LWS_CALLBACK_HTTP: return (e = exchange_of(wsi)) ? tr_web_exchange_begin(e) : -1;
    case LWS_CALLBACK_HTTP_BODY: return tr_web_exchange_body(exchange_of(wsi), in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION: return tr_web_exchange_complete(exchange_of(wsi));
    case LWS_CALLBACK_HTTP_WRITEABLE: return tr_web_exchange_write(exchange_of(wsi));
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS: self->tls.ctx = user; return 0;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_WSI_DESTROY: forget(wsi); return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: tr_web_socket_confirm(exchange_of(wsi), in); return 0;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return (e = exchange_of(wsi)) ? tr_web_socket_event(e, reason, in, len) : -1;
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED: take_replies(self); return 0;
    default: return 0;
    }
}

/* The second is what a browser's WebSocket asks for (admit.c). A socket's messages are small: so is the room for them. */
static const struct lws_protocols protocols[] = {
    {.name = "http", .callback = on_http, .tx_packet_size = 65536, .rx_buffer_size = 1024},
    {.name = "troupe.v1", .callback = on_http, .tx_packet_size = 65536, .rx_buffer_size = 1024}, {0}};

/* Of WebSockets: one that has said nothing for so many seconds is asked, and is given up when it says nothing to that. */
static const lws_retry_bo_t alive = {.secs_since_valid_ping = 30, .secs_since_valid_hangup = 120};

/* ---- the thread ---- */

static bool busy(const tr_web_server_t *self) {
    for (const tr_web_exchange_t *e = self->exchanges; e; e = e->next)
        if (e->state != TR_WEB_IDLE)
            return true;
    return false;
}

static void refresh_certificate(tr_web_server_t *self) {
    tr_error_t error = {0};
    if (tr_web_tls_refresh(&self->tls, &error))
        tr_log(self->config.log, &tr_gateway_events[TR_G_CERTIFICATE], "file=%s", self->tls.cert);
    else if (error.code)
        tr_log(self->config.log, &tr_gateway_events[TR_G_CERTIFICATE_WRONG], "error=%s", error.text);
}

/* Each second: what has to do with time. */
static void on_tick(lws_sorted_usec_list_t *tick) {
    tr_web_server_t *self = lws_container_of(tick, tr_web_server_t, tick);
    int64_t now_ms = tr_clock_ms();
    for (tr_web_exchange_t *e = self->exchanges; e; e = e->next) {
        tr_web_stream_beat(e, now_ms);
        tr_web_again_tick(e, now_ms);
    }
    refresh_certificate(self);
    tr_web_admit_tick(self, now_ms);
    tr_web_login_tick(self);
    tr_feed_hub_tick(self->hub, now_ms);
    tr_a2a_tasks_tick(self->a2a, tr_clock_wall_ms());
    tr_gauge_set(&self->feeds, (int64_t)tr_feed_hub_watchers(self->hub) - tr_web_login_hears(self));
    lws_sul_schedule(self->context, 0, &self->tick, on_tick, LWS_US_PER_SEC);
}

/* Those that would go on for ever. */
static void end_streams(tr_web_server_t *self) {
    for (tr_web_exchange_t *e = self->exchanges; e; e = e->next)
        if (e->state == TR_WEB_STREAMING && !e->asked && !e->stream.ended)
            tr_web_stream_end(e);
        else if (e->state == TR_WEB_SOCKET)
            tr_web_socket_close(e);
}

/* Once, when nothing is under way any more, or when the time is over. */
static void look_whether_drained(tr_web_server_t *self) {
    int64_t now_ms = tr_clock_ms();
    if (self->drained || !atomic_load(&self->drain))
        return;
    if (!self->drain_until_ms)
        self->drain_until_ms = now_ms + self->config.options->drain_ms;
    end_streams(self);
    if (busy(self) && now_ms < self->drain_until_ms)
        return;
    self->drained = true;
    if (busy(self))
        tr_log_event(self->config.log, &tr_gateway_events[TR_G_CUT]);
    self->config.on_drained(self->config.arg);
}

static void *run(void *arg) {
    tr_web_server_t *self = arg;
    on_tick(&self->tick);
    while (!atomic_load(&self->stop) && lws_service(self->context, 0) >= 0)
        look_whether_drained(self);
    if (!atomic_load(&self->stop))
        self->config.on_drained(self->config.arg);
    return NULL;
}

/* ---- beginning and end ---- */

static int listen_on(tr_web_server_t *self, tr_error_t *error) {
    const tr_web_options_t *o = self->config.options;
    bool all = !*self->address || strcmp(self->address, "0.0.0.0") == 0;
    struct lws_context_creation_info info = {
        .port = self->port,
        .iface = all ? NULL : self->address,
        .protocols = protocols,
        .server_string = "troupe",
        .max_http_header_data = HEADERS_MAX,
        .timeout_secs = (unsigned)((o->body_ms + 999) / 1000),
        .timeout_secs_ah_idle = (unsigned)((o->header_ms + 999) / 1000),
        .keepalive_timeout = (int)((o->idle_ms + 999) / 1000),
        .ssl_cert_filepath = o->tls_cert,
        .ssl_private_key_filepath = o->tls_key,
        .retry_and_idle_policy = &alive,
        .user = self,
        .gid = -1,
        .uid = -1,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
                   (strchr(self->address, ':') ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6) |
                   (o->tls_cert ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0),
    };
    self->tls = (tr_web_tls_t){
        .cert = o->tls_cert, .key = o->tls_key}; /* its context comes when the library has made it */
    self->context = lws_create_context(&info);
    self->vhost = self->context ? lws_create_vhost(self->context, &info) : NULL;
    int port = self->vhost ? lws_get_vhost_listen_port(self->vhost) : 0;
    if (port <= 0)
        return tr_error_set(error, -EADDRINUSE,
            "cannot listen on %s%s: is the port in use, is the address one of this machine, and can the "
            "certificate be read?",
            o->listen, o->tls_cert ? " with TLS" : "");
    snprintf(self->url, sizeof self->url, strchr(self->address, ':') ? "%s://[%s]:%d" : "%s://%s:%d",
        o->tls_cert ? "https" : "http", all ? "0.0.0.0" : self->address, port);
    return 0;
}

static void call(void *arg, tr_web_call_t **call) {
    tr_web_server_t *self = arg;
    tr_bridge_call(self->config.bridge, call);
}

/* Without libcurl there is none, which agent cards say. */
static int hire_courier(tr_web_server_t *self, tr_error_t *error) {
    tr_error_t why = {0};
    int rc = tr_a2a_courier_new(&self->config.options->push_to, self->config.log, &self->courier, &why);
    if (rc == -EINVAL)
        return tr_error_set(error, rc, "%s", why.text);
    tr_a2a_tasks_tell(self->a2a, tr_a2a_push_all, self);
    return 0;
}

/* Who has begun a request and has no answer by then has ended. */
static int share(tr_web_server_t *self, tr_error_t *error) {
    const tr_web_options_t *o = self->config.options;
    int64_t longest_ms = o->wait_ms > o->sense_ms ? o->wait_ms : o->sense_ms;
    if (!o->redis)
        return 0;
    return tr_web_shared_new(&(tr_web_shared_config_t){.file = o->redis,
                                 .under_way_ms = longest_ms + SPARE_MS,
                                 .bridge = self->config.bridge,
                                 .slot = TR_WEB_SLOT_OTHERS,
                                 .log = self->config.log},
        &self->shared, error);
}

static int begin(tr_web_server_t *self, tr_error_t *error) {
    int rc = tr_web_admit_init(self, error);
    if (rc == 0)
        rc = tr_web_metrics_init(self, error);
    if (rc == 0 && (!(self->hub = tr_feed_hub_new(call, self)) || !(self->a2a = tr_a2a_tasks_new()) ||
                       !(self->once = tr_once_new()) || !(self->kept = tr_kept_new())))
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0)
        rc = tr_web_login_init(self, error);
    if (rc == 0)
        rc = share(self, error);
    if (rc == 0)
        rc = hire_courier(self, error);
    if (rc == 0)
        rc = listen_on(self, error);
    if (rc < 0)
        return rc;
    rc = pthread_create(&self->thread, NULL, run, self);
    if (rc != 0)
        return tr_error_set(error, -rc, "cannot start a thread: %s", strerror(rc));
    self->started = true;
    return 0;
}

int tr_web_server_new(const tr_web_config_t *config, tr_web_server_t **ret_server, tr_error_t *error) {
    tr_web_server_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    tr_map_init(&self->crowd, tr_random_seed());
    self->config = *config;
    self->began_ms = tr_clock_ms();
    lws_set_log_level(0, NULL); /* what it has to say has no event id; what matters is told by us */
    int rc = begin(self, error);
    if (rc < 0)
        tr_web_server_destroy(&self);
    else
        *ret_server = self;
    return rc;
}

void tr_web_server_destroy(tr_web_server_t **self_p) {
    tr_web_server_t *self = *self_p;
    if (!self)
        return;
    atomic_store(&self->stop, true);
    if (self->started) {
        lws_cancel_service(self->context);
        pthread_join(self->thread, NULL);
    }
    tr_embedder_destroy(&self->embedder);
    tr_web_login_finish(self);
    if (self->context)
        lws_context_destroy(self->context);
    while (self->exchanges) /* whose replies have not come */
        tr_web_exchange_free(self->exchanges);
    tr_map_finish(&self->crowd);
    tr_feed_hub_destroy(&self->hub);
    tr_a2a_courier_destroy(&self->courier);
    tr_a2a_tasks_destroy(&self->a2a);
    tr_kept_destroy(&self->kept);
    tr_web_shared_destroy(&self->shared);
    tr_once_destroy(&self->once);
    tr_web_tokens_destroy(&self->tokens);
    tr_web_jwt_destroy(&self->jwt);
    tr_web_rate_destroy(&self->rate);
    tr_web_rate_destroy(&self->failures);
    tr_web_rate_destroy(&self->refusals);
    tr_metrics_destroy(&self->metrics);
    tr_buffer_finish(&self->scratch);
    tr_buffer_finish(&self->summary.text);
    free(self);
    *self_p = NULL;
}

/* ---- from other threads ---- */

const char *tr_web_server_url(const tr_web_server_t *self) {
    return self->url;
}

void tr_web_server_wake(void *arg) {
    tr_web_server_t *self = arg;
    lws_cancel_service(self->context);
}

void tr_web_server_drain(tr_web_server_t *self) {
    atomic_store(&self->drain, true);
    lws_cancel_service(self->context);
}

/* ---- for handlers ---- */

const tr_web_options_t *tr_web_server_options(const tr_web_server_t *self) {
    return self->config.options;
}

const tr_web_route_t *tr_web_server_routes(const tr_web_server_t *self, size_t *ret_count) {
    *ret_count = self->config.route_count;
    return self->config.routes;
}

bool tr_web_server_connected(const tr_web_server_t *self) {
    return tr_bridge_connected(self->config.bridge);
}

bool tr_web_server_draining(const tr_web_server_t *self) {
    return atomic_load(&((tr_web_server_t *)(uintptr_t)self)->drain);
}

void tr_web_server_call(tr_web_server_t *self, tr_web_call_t **call) {
    tr_gauge_add(&self->waiting, 1);
    tr_bridge_call(self->config.bridge, call);
}

tr_a2a_tasks_t *tr_web_server_a2a(tr_web_server_t *self) {
    return self->a2a;
}

tr_kept_t *tr_web_server_kept(const tr_web_server_t *self) {
    return self->kept;
}

tr_a2a_courier_t *tr_web_server_courier(tr_web_server_t *self) {
    return self->courier;
}

tr_log_t *tr_web_server_log(const tr_web_server_t *self) {
    return self->config.log;
}

void tr_web_ignore_reply(void *server, void *owner, tr_web_reply_t *reply) {
    (void)server, (void)owner;
    free(reply);
}

tr_web_summary_t *tr_web_server_summary(tr_web_server_t *self) {
    return &self->summary;
}

tr_feed_hub_t *tr_web_server_hub(const tr_web_server_t *self) {
    return self->hub;
}

int tr_web_server_embed(
    tr_web_server_t *self, const json_t *texts, bool base64, tr_web_exchange_t *exchange) {
    if (!self->embedder && !(self->embedder = tr_embedder_new(self->config.bridge)))
        return -ENOMEM;
    int rc = tr_embedder_ask(self->embedder, texts, base64, exchange);
    if (rc == 0) {
        exchange->asked++;
        tr_gauge_add(&self->waiting, 1);
    }
    return rc;
}
