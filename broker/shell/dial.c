/* One address of another broker: it is dialled, and dialled again (peers.h). */
#include "broker/shell/peers.h"

#include "broker/shell/events.h"
#include "lib/cert/cert_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY_MS     4000 /* for the connection, the handshake and the answer */
#define PAUSE_MS   100
#define PAUSES_MS  2000
#define REFUSED_MS 5000
#define SELF_MS    30000
#define LINGER_MS  1000
#define EVENTS                                                                                               \
    (ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |                           \
        ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)

static const char *const state_names[TR_DIAL_STATES] = {
    [TR_DIAL_WAITS] = "waits",
    [TR_DIAL_TRIES] = "tries",
    [TR_DIAL_LINKED] = "linked",
    [TR_DIAL_TWICE] = "linked-from-there",
    [TR_DIAL_SELF] = "self",
};

const char *tr_dial_state_name(tr_dial_state_t state) {
    return state_names[state];
}

int tr_dial_parse(const char *option, const char *text, char *ret_certificate, const char **ret_endpoint,
    tr_error_t *error) {
    const char *at = strchr(text, '@');
    size_t len = at ? (size_t)(at - text) : 0;
    const char *endpoint = at ? at + 1 : text;
    if ((at && !tr_name_valid(text, len)) || strlen(endpoint) >= TR_ENDPOINT_MAX - 8)
        return tr_error_set(error, -EINVAL,
            "--%s %.140s: expected an address, or CERTIFICATE@ADDRESS with the certificate of the broker "
            "there",
            option, text);
    memcpy(ret_certificate, text, len);
    ret_certificate[len] = 0;
    *ret_endpoint = endpoint;
    return 0;
}

tr_dial_t *tr_dial_new(tr_peers_t *peers, const char *certificate, const char *endpoint) {
    tr_dial_t **dials = realloc(peers->dials, (peers->dials_n + 1) * sizeof(tr_dial_t *));
    if (!dials)
        return NULL;
    peers->dials = dials;
    tr_core_dial_t *told =
        realloc(peers->told, (peers->dials_n + 1 + peers->options->peers_dns.count) * sizeof *told);
    if (!told)
        return NULL;
    peers->told = told;
    tr_dial_t *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    snprintf(d->endpoint, sizeof d->endpoint, "%s", endpoint);
    snprintf(d->certificate, sizeof d->certificate, "%s", certificate);
    d->fd = d->monitor_fd = -1;
    d->wanted = true;
    dials[peers->dials_n++] = d;
    return d;
}

void tr_dial_close(tr_peers_t *peers, tr_dial_t *d) {
    if (!d->socket)
        return;
    if (peers->doze) {
        tr_doze_remove(peers->doze, d->fd);
        tr_doze_remove(peers->doze, d->monitor_fd);
    }
    zmq_socket_monitor(d->socket, NULL, 0);
    if (d->monitor)
        zmq_close(d->monitor);
    zmq_close(d->socket);
    d->socket = d->monitor = NULL;
    d->fd = d->monitor_fd = -1;
}

static uint64_t chance(tr_peers_t *peers) {
    peers->random = peers->random * 6364136223846793005ull + 1442695040888963407ull;
    return peers->random >> 33;
}

static void try_later(tr_peers_t *peers, tr_dial_t *d, tr_dial_state_t state, int64_t ms, tr_core_now_t now) {
    tr_dial_close(peers, d);
    d->state = state;
    d->next_ms = now.mono_ms + ms + (int64_t)(chance(peers) % (uint64_t)(ms / 2 + 1));
}

void tr_dial_lost(tr_peers_t *peers, tr_dial_t *d, const char *detail, tr_core_now_t now) {
    bool told = !strcmp(d->detail, detail);
    bool linked = d->state == TR_DIAL_LINKED;
    snprintf(d->detail, sizeof d->detail, "%s", detail);
    if (!told && !linked)
        tr_log(
            peers->log, &tr_broker_events[TR_B_PEER_UNREACHED], "endpoint=%s detail=%s", d->endpoint, detail);
    d->pause_ms = linked || !d->pause_ms        ? PAUSE_MS
                  : d->pause_ms * 2 < PAUSES_MS ? d->pause_ms * 2
                                                : PAUSES_MS;
    try_later(peers, d, TR_DIAL_WAITS, d->pause_ms, now);
    if (linked)
        tr_core_peer_lost(peers->core, d->peer, now);
}

/* Who answers there proves to have this key. While it rotates, both are tried in turn. */
static int find_key(const tr_peers_t *peers, tr_dial_t *d, tr_secret_t *secret, tr_error_t *error) {
    tr_cert_t *cert = NULL;
    const char *name = *d->certificate ? d->certificate : secret->name;
    int rc = tr_cert_load_named(peers->options->certs, name, &cert, error);
    if (rc < 0)
        return rc;
    memcpy(d->key, cert->keys[d->tries++ % cert->keys_n].bytes, sizeof d->key);
    tr_key_print(d->key, secret->broker);
    tr_cert_destroy(&cert);
    return 0;
}

static void set_options(void *socket, const char *endpoint) {
    int zero = 0, never = -1, ipv6 = strchr(endpoint, '[') != NULL, handshake = TRY_MS, linger = LINGER_MS;
    int64_t max = INT64_C(80) << 20;
    zmq_setsockopt(socket, ZMQ_IPV6, &ipv6, sizeof ipv6);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &zero, sizeof zero); /* credit bounds both directions */
    zmq_setsockopt(socket, ZMQ_RCVHWM, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(socket, ZMQ_CONNECT_TIMEOUT, &handshake, sizeof handshake);
    zmq_setsockopt(socket, ZMQ_HANDSHAKE_IVL, &handshake, sizeof handshake);
    zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &never, sizeof never);
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max, sizeof max);
}

static int prove(const tr_peers_t *peers, tr_dial_t *d, tr_error_t *error) {
    tr_secret_t secret = {0};
    int rc = tr_secret_load(&secret, peers->options->cert, error);
    if (rc == 0)
        rc = find_key(peers, d, &secret, error);
    if (rc == 0 && (rc = tr_secret_client(&secret, d->socket)) < 0)
        tr_error_set(error, rc, "the ZeroMQ library of this machine was built without CURVE");
    tr_secret_wipe(&secret);
    return rc;
}

static int fd_of(void *socket) {
    int fd = -1;
    size_t size = sizeof fd;
    return zmq_getsockopt(socket, ZMQ_FD, &fd, &size) < 0 ? -1 : fd;
}

static int watch(tr_peers_t *peers, tr_dial_t *d, tr_error_t *error) {
    char name[64];
    snprintf(name, sizeof name, "inproc://dial-%llu", (unsigned long long)d->peer);
    if (zmq_socket_monitor(d->socket, name, EVENTS) < 0 ||
        !(d->monitor = zmq_socket(peers->context, ZMQ_PAIR)) || zmq_connect(d->monitor, name) < 0)
        return tr_error_set(error, -errno, "cannot watch a connection: %s", zmq_strerror(errno));
    d->fd = fd_of(d->socket);
    d->monitor_fd = fd_of(d->monitor);
    int rc = tr_doze_add(peers->doze, d->fd, TR_DOZE_PEERS, error);
    return rc == 0 ? tr_doze_add(peers->doze, d->monitor_fd, TR_DOZE_PEERS, error) : rc;
}

static int connect_to(tr_peers_t *peers, tr_dial_t *d, tr_error_t *error) {
    d->peer = UINT64_C(1) << 33 | ++peers->serial;
    if (!(d->socket = zmq_socket(peers->context, ZMQ_DEALER)))
        return tr_error_set(error, -errno, "cannot make a socket: %s", zmq_strerror(errno));
    set_options(d->socket, d->endpoint);
    int rc = prove(peers, d, error);
    if (rc == 0)
        rc = watch(peers, d, error);
    if (rc == 0 && zmq_connect(d->socket, d->endpoint) < 0)
        rc = tr_error_set(error, -errno, "%s: %s", d->endpoint, zmq_strerror(errno));
    return rc;
}

static void try_now(tr_peers_t *peers, tr_dial_t *d, tr_core_now_t now) {
    tr_error_t error = {0};
    d->state = TR_DIAL_TRIES;
    d->next_ms = now.mono_ms + TRY_MS;
    if (connect_to(peers, d, &error) < 0)
        tr_dial_lost(peers, d, error.text, now);
    else
        tr_core_dial(peers->core, d->peer, now);
}

static const char *words_of(unsigned event, tr_dial_state_t state) {
    if (state == TR_DIAL_LINKED)
        return "the connection broke";
    return event == ZMQ_EVENT_CLOSED
               ? "nobody answers there"
               : "the handshake failed: the broker there has another key, or does not know this one's";
}

/* Whether the connection is gone, and why. */
static const char *look(const tr_dial_t *d) {
    uint8_t event[6];
    char address[256];
    const char *why = NULL;
    while (d->monitor && zmq_recv(d->monitor, event, sizeof event, ZMQ_DONTWAIT) == (int)sizeof event) {
        uint16_t what;
        memcpy(&what, event, sizeof what);                           /* in the machine's order */
        zmq_recv(d->monitor, address, sizeof address, ZMQ_DONTWAIT); /* the second frame: where */
        if (!why)
            why = words_of(what, d->state);
    }
    return why;
}

void tr_dial_tick(tr_peers_t *peers, tr_dial_t *d, tr_core_now_t now) {
    const char *why = look(d);
    if (d->socket && why)
        tr_dial_lost(peers, d, why, now);
    bool due = now.mono_ms >= d->next_ms;
    switch (d->state) {
    case TR_DIAL_TRIES:
        if (due)
            tr_dial_lost(peers, d, "no answer in time", now);
        break;
    case TR_DIAL_TWICE:
        if (due && !tr_core_is_linked(peers->core, d->platform))
            try_now(peers, d, now);
        break;
    case TR_DIAL_WAITS:
    case TR_DIAL_SELF:
        if (due)
            try_now(peers, d, now);
        break;
    case TR_DIAL_LINKED:
    case TR_DIAL_STATES: break;
    }
}

static tr_dial_t *dial_of(const tr_peers_t *peers, tr_peer_t peer) {
    for (size_t i = 0; i < peers->dials_n; i++)
        if (peers->dials[i]->peer == peer && peers->dials[i]->socket)
            return peers->dials[i];
    return NULL;
}

void tr_peers_dialled(tr_peers_t *self, const tr_core_out_t *out, tr_core_now_t now) {
    tr_dial_t *d = dial_of(self, out->peer);
    if (!d)
        return;
    const char *detail = out->text + strlen(out->text) + 1;
    snprintf(d->platform, sizeof d->platform, "%.63s", out->text);
    snprintf(d->detail, sizeof d->detail, "%s", detail);
    switch ((tr_dialled_t)out->number) {
    case TR_DIALLED_LINKED:
        d->state = TR_DIAL_LINKED;
        d->pause_ms = 0;
        break;
    case TR_DIALLED_TWICE: try_later(self, d, TR_DIAL_TWICE, PAUSE_MS, now); break;
    case TR_DIALLED_SELF: try_later(self, d, TR_DIAL_SELF, SELF_MS, now); break;
    case TR_DIALLED_LATER: tr_dial_lost(self, d, detail, now); break;
    case TR_DIALLED_REFUSED: try_later(self, d, TR_DIAL_WAITS, REFUSED_MS, now); break;
    }
}
