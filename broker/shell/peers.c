#include "broker/shell/peers.h"

#include "broker/shell/events.h"
#include "broker/shell/selftest.h"
#include "lib/base/clock.h"
#include "lib/cert/cert_file.h"
#include "lib/link/frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_BUNDLES 32
#define PEER_ID_SIZE  5
#define CAME_IN       (UINT64_C(1) << 32)
#define DIALLED       (UINT64_C(1) << 33)
#define CUT_MS        400 /* what was sent before goes out */

bool tr_peers_wanted(const tr_broker_options_t *o) {
    return o->federation || o->peers.count || o->peers_dns.count;
}

static tr_dial_t *dial_of(const tr_peers_t *p, tr_peer_t peer) {
    for (size_t i = 0; i < p->dials_n; i++)
        if (p->dials[i]->peer == peer && p->dials[i]->socket)
            return p->dials[i];
    return NULL;
}

/* ---- who comes in ---- */

static tr_inbound_peer_t *find_inbound(const tr_peers_t *p, tr_peer_t peer) {
    for (size_t i = 0; i < p->inbound_n; i++)
        if (p->inbound[i].peer == peer)
            return &p->inbound[i];
    return NULL;
}

/* libzmq is asked once for each connection who it is. NULL when out of memory. */
static const tr_inbound_peer_t *meet(tr_peers_t *p, tr_peer_t peer, zmq_msg_t *frame) {
    const tr_inbound_peer_t *known = find_inbound(p, peer);
    if (known)
        return known;
    tr_inbound_peer_t *grown = realloc(p->inbound, (p->inbound_n + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    p->inbound = grown;
    tr_inbound_peer_t *in = &grown[p->inbound_n++];
    const char *user = zmq_msg_gets(frame, "User-Id");
    *in = (tr_inbound_peer_t){.peer = peer, .connection = tr_connection_of(zmq_msg_get(frame, ZMQ_SRCFD))};
    in->proven = user && tr_key_parse(user, in->key);
    return in;
}

/* Connections that are to be cut, and those that are gone. */
static void tidy_inbound(tr_peers_t *p, tr_core_now_t now) {
    for (size_t i = p->inbound_n; i-- > 0;) {
        tr_inbound_peer_t *in = &p->inbound[i];
        if (in->cut_ms && now.mono_ms >= in->cut_ms)
            tr_connection_cut(&in->connection);
        if (tr_connection_lives(&in->connection) && !(in->cut_ms && now.mono_ms >= in->cut_ms))
            continue;
        tr_core_peer_lost(p->core, in->peer, now);
        *in = p->inbound[--p->inbound_n];
    }
}

static void drop_rest(void *socket, zmq_msg_t *frame) {
    while (zmq_msg_more(frame) && zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) >= 0)
        ;
}

/* One message of the ROUTER; false when there is none. */
static bool take_inbound(tr_peers_t *p, tr_core_now_t now) {
    zmq_msg_t id, frame;
    zmq_msg_init(&id);
    if (zmq_msg_recv(&id, p->router, ZMQ_DONTWAIT) < 0)
        return false;
    bool good = zmq_msg_size(&id) == PEER_ID_SIZE && zmq_msg_more(&id);
    tr_peer_t peer = good ? CAME_IN | tr_get32((const uint8_t *)zmq_msg_data(&id) + 1) : 0;
    bool more = zmq_msg_more(&id);
    zmq_msg_close(&id);
    zmq_msg_init(&frame);
    if (!more || zmq_msg_recv(&frame, p->router, ZMQ_DONTWAIT) < 0)
        return true;
    const tr_inbound_peer_t *in = good && !zmq_msg_more(&frame) ? meet(p, peer, &frame) : NULL;
    if (in && !in->cut_ms)
        tr_core_peer_bundle(p->core, peer, false, in->proven ? in->key : NULL, zmq_msg_data(&frame),
            zmq_msg_size(&frame), now);
    drop_rest(p->router, &frame);
    zmq_msg_close(&frame);
    return true;
}

/* ---- who was dialled ---- */

static bool take_dial(tr_peers_t *p, tr_dial_t *d, tr_core_now_t now) {
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    if (zmq_msg_recv(&frame, d->socket, ZMQ_DONTWAIT) < 0)
        return false;
    if (!zmq_msg_more(&frame))
        tr_core_peer_bundle(p->core, d->peer, true, d->key, zmq_msg_data(&frame), zmq_msg_size(&frame), now);
    drop_rest(d->socket, &frame);
    zmq_msg_close(&frame);
    return true;
}

bool tr_peers_take(tr_peers_t *self, tr_core_now_t now) {
    bool any = false;
    for (unsigned n = 0; self->router && n < BATCH_BUNDLES && take_inbound(self, now); n++)
        any = true;
    for (size_t i = 0; i < self->dials_n; i++)
        for (unsigned n = 0;
             self->dials[i]->socket && n < BATCH_BUNDLES && take_dial(self, self->dials[i], now); n++)
            any = true;
    return any;
}

/* ---- what goes out ---- */

static int send_inbound(tr_peers_t *p, tr_peer_t peer, tr_buf_t *buf) {
    uint8_t id[PEER_ID_SIZE] = {0};
    tr_put32(id + 1, (uint32_t)peer);
    if (p->router && zmq_send(p->router, id, sizeof id, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
        return tr_frame_send(p->router, buf, ZMQ_DONTWAIT);
    return -EHOSTUNREACH;
}

int tr_peers_send(tr_peers_t *self, tr_peer_t peer, tr_buf_t *buf) {
    if (peer & CAME_IN)
        return send_inbound(self, peer, buf);
    tr_dial_t *d = dial_of(self, peer);
    if (d)
        return tr_frame_send(d->socket, buf, ZMQ_DONTWAIT);
    return -EHOSTUNREACH;
}

void tr_peers_cut(tr_peers_t *self, tr_peer_t peer, tr_core_now_t now) {
    tr_dial_t *d = dial_of(self, peer);
    tr_inbound_peer_t *in = find_inbound(self, peer);
    if (d)
        tr_dial_lost(self, d, "the link was ended", now);
    else if (in && !in->cut_ms)
        in->cut_ms = now.mono_ms + CUT_MS;
}

/* ---- its life ---- */

static void set_int(void *socket, int option, int value) {
    zmq_setsockopt(socket, option, &value, sizeof value);
}

static int open_router(tr_peers_t *p, tr_zap_t *zap, const tr_sockets_config_t *config, tr_error_t *error) {
    if (!p->options->federation)
        return 0;
    if (!(p->router = zmq_socket(p->context, ZMQ_ROUTER)))
        return tr_error_set(error, -errno, "cannot make a socket: %s", zmq_strerror(errno));
    int64_t max = (int64_t)config->max_record + TR_BUF_SIZE * 2;
    set_int(p->router, ZMQ_ROUTER_MANDATORY, 1);
    set_int(p->router, ZMQ_SNDHWM, 0); /* credit bounds both directions */
    set_int(p->router, ZMQ_RCVHWM, 0);
    set_int(p->router, ZMQ_LINGER, 1000);
    set_int(p->router, ZMQ_HANDSHAKE_IVL, 4000);
    zmq_setsockopt(p->router, ZMQ_MAXMSGSIZE, &max, sizeof max);
    int rc =
        tr_sockets_bind_guarded(p->router, p->options->federation, TR_ZAP_PEERS, config, p->endpoint, error);
    return rc == 0 ? tr_selftest(p->context, zap, config->secret, ZMQ_DEALER, p->endpoint, error) : rc;
}

static int add_static(tr_peers_t *p, tr_error_t *error) {
    for (size_t i = 0; i < p->options->peers.count; i++) {
        char certificate[TR_NAME_MAX + 1];
        const char *endpoint;
        int rc = tr_dial_parse("peer", p->options->peers.items[i], certificate, &endpoint, error);
        if (rc < 0)
            return rc;
        if (strncmp(endpoint, "tcp://", 6) != 0 && strncmp(endpoint, "ipc://", 6) != 0)
            return tr_error_set(
                error, -EINVAL, "--peer %.200s: expected tcp://HOST:PORT or ipc://PATH", endpoint);
        if (!tr_dial_new(p, certificate, endpoint))
            return tr_error_set(error, -ENOMEM, "out of memory");
    }
    return 0;
}

static int check_names(const tr_peers_t *p, tr_error_t *error) {
    for (size_t i = 0; i < p->options->peers_dns.count; i++) {
        char certificate[TR_NAME_MAX + 1];
        const char *name, *text = p->options->peers_dns.items[i];
        int rc = tr_dial_parse("peers-dns", text, certificate, &name, error);
        const char *colon = rc == 0 ? strrchr(name, ':') : NULL;
        if (rc == 0 && (!colon || colon == name || !colon[1] || strchr(name, '/')))
            rc = tr_error_set(error, -EINVAL, "--peers-dns %.200s: expected HOST:PORT", text);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int tr_peers_init(tr_peers_t *self, const tr_broker_options_t *options, const tr_sockets_t *sockets,
    const tr_sockets_config_t *config, tr_error_t *error) {
    *self = (tr_peers_t){0};
    if (!tr_peers_wanted(options))
        return 0;
    self->options = options;
    self->context = sockets->context;
    self->random = (uint64_t)tr_clock_ns();
    int rc = add_static(self, error);
    if (rc == 0)
        rc = check_names(self, error);
    return rc == 0 ? open_router(self, sockets->zap, config, error) : rc;
}

/* Room to tell of each name; that of the addresses comes with them (tr_dial_new). */
static int open_names(tr_peers_t *p, tr_error_t *error) {
    size_t n = p->options->peers_dns.count;
    p->unfound = calloc(n, sizeof *p->unfound);
    tr_core_dial_t *told = realloc(p->told, (p->dials_n + n) * sizeof *told);
    if (told)
        p->told = told;
    if (!told || !p->unfound)
        return tr_error_set(error, -ENOMEM, "out of memory");
    return tr_resolver_new(&p->options->peers_dns, p->options->peers_every_ms, &p->resolver, error);
}

int tr_peers_open(tr_peers_t *self, tr_core_t *core, tr_log_t *log, tr_doze_t *doze, tr_error_t *error) {
    self->core = core;
    self->log = log;
    self->doze = doze;
    if (!self->options)
        return 0;
    int router_fd = -1;
    size_t size = sizeof router_fd;
    if (self->router)
        zmq_getsockopt(self->router, ZMQ_FD, &router_fd, &size);
    int rc = tr_doze_add(doze, router_fd, TR_DOZE_PEERS, error);
    return rc == 0 && self->options->peers_dns.count ? open_names(self, error) : rc;
}

void tr_peers_finish(tr_peers_t *self) {
    tr_resolver_destroy(&self->resolver);
    for (size_t i = 0; i < self->dials_n; i++) {
        tr_dial_close(self, self->dials[i]);
        free(self->dials[i]);
    }
    if (self->router)
        zmq_close(self->router);
    free(self->dials);
    free(self->told);
    free(self->unfound);
    free(self->inbound);
    *self = (tr_peers_t){0};
}

/* ---- now and then ---- */

static tr_dial_t *find_dial(const tr_peers_t *p, const char *certificate, const char *endpoint) {
    for (size_t i = 0; i < p->dials_n; i++)
        if (p->dials[i]->by_name && !strcmp(p->dials[i]->endpoint, endpoint) &&
            !strcmp(p->dials[i]->certificate, certificate))
            return p->dials[i];
    return NULL;
}

static void drop_unwanted(tr_peers_t *p) {
    for (size_t i = p->dials_n; i-- > 0;) {
        tr_dial_t *d = p->dials[i];
        if (d->wanted || d->state == TR_DIAL_LINKED)
            continue;
        tr_dial_close(p, d);
        free(d);
        p->dials[i] = p->dials[--p->dials_n];
    }
}

/* Told when it begins, and when the reason changes. */
static void note_look_up(tr_peers_t *p, size_t at, const tr_resolved_t *found) {
    tr_unfound_t *u = &p->unfound[at];
    if (*found->error && strcmp(u->error, found->error) != 0)
        tr_log(p->log, &tr_broker_events[TR_B_PEER_UNFOUND], "detail=%s", found->error);
    memcpy(u->error, found->error, sizeof u->error);
}

/* What a name stands for now: new addresses are dialled, those that are none any more are given up once their
 * link is down. Where the look-up failed, all stays as it was. */
static void take_name(tr_peers_t *p, size_t at) {
    tr_resolved_t found;
    char certificate[TR_NAME_MAX + 1];
    const char *name;
    tr_error_t error;
    if (!tr_resolver_take(p->resolver, at, &found) ||
        tr_dial_parse("peers-dns", p->options->peers_dns.items[at], certificate, &name, &error) < 0)
        return;
    note_look_up(p, at, &found);
    for (size_t i = 0; i < p->dials_n && !*found.error; i++)
        if (p->dials[i]->by_name && p->dials[i]->name_at == at)
            p->dials[i]->wanted = false;
    for (size_t i = 0; i < found.count; i++) {
        tr_dial_t *d = find_dial(p, certificate, found.endpoints[i]);
        if (!d && (d = tr_dial_new(p, certificate, found.endpoints[i]))) {
            d->by_name = true;
            d->name_at = at;
        }
        if (d)
            d->wanted = true;
    }
    tr_resolved_finish(&found);
}

static size_t tell_names(tr_peers_t *p, size_t n) {
    for (size_t i = 0; p->unfound && i < p->options->peers_dns.count; i++) {
        const char *text = p->options->peers_dns.items[i], *at = strchr(text, '@');
        if (*p->unfound[i].error)
            p->told[n++] = (tr_core_dial_t){at ? at + 1 : text, "not-found", "", p->unfound[i].error};
    }
    return n;
}

static void tell_core(tr_peers_t *p) {
    for (size_t i = 0; i < p->dials_n; i++) {
        const tr_dial_t *d = p->dials[i];
        p->told[i] = (tr_core_dial_t){d->endpoint, tr_dial_state_name(d->state), d->platform, d->detail};
    }
    tr_core_dials_are(p->core, p->told, tell_names(p, p->dials_n));
}

void tr_peers_tick(tr_peers_t *self, tr_core_now_t now) {
    if (!self->options)
        return;
    for (size_t i = 0; self->resolver && i < self->options->peers_dns.count; i++)
        take_name(self, i);
    for (size_t i = 0; i < self->dials_n; i++)
        tr_dial_tick(self, self->dials[i], now);
    drop_unwanted(self);
    tidy_inbound(self, now);
    tell_core(self);
}
