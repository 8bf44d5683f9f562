/* The wire as a ZeroMQ DEALER. */
#include "lib/link/wire.h"

#include "lib/cert/secret.h"
#include "lib/link/frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_MAX  (80 << 20) /* more than the largest --max-record of a broker */
#define HANDSHAKE_MS 4000

struct tr_wire {
    void *context, *socket;
    int fd;
    uint64_t seed;
    char *certificate; /* NULL = not encrypted */
    void *monitor;     /* of its handshakes, with a certificate */
    char refusal[480];
    char endpoint[];
};

int tr_wire_new(const char *endpoint, uint64_t seed, tr_wire_t **ret_wire) {
    size_t len = strlen(endpoint) + 1;
    tr_wire_t *w = calloc(1, sizeof *w + len);
    if (!w || !(w->context = zmq_ctx_new())) {
        free(w);
        return -ENOMEM;
    }
    w->seed = seed;
    memcpy(w->endpoint, endpoint, len);
    *ret_wire = w;
    return 0;
}

int tr_wire_secure(tr_wire_t *self, const char *certificate) {
    self->certificate = strdup(certificate);
    return self->certificate ? 0 : -ENOMEM;
}

static void close_socket(tr_wire_t *w) {
    if (w->monitor) {
        zmq_socket_monitor(w->socket, NULL, 0);
        zmq_close(w->monitor);
    }
    if (w->socket)
        zmq_close(w->socket);
    w->socket = w->monitor = NULL;
}

void tr_wire_destroy(tr_wire_t **self) {
    tr_wire_t *w = *self;
    if (!w)
        return;
    close_socket(w);
    free(w->certificate);
    zmq_ctx_term(w->context); /* gives lent buffers back */
    free(w);
    *self = NULL;
}

/* libzmq's own reconnection: first pause drawn per process, so that a fleet does not come back
 * in one wave. */
static void set_options(const tr_wire_t *w, void *socket) {
    int zero = 0, ipv6 = strchr(w->endpoint, '[') != NULL, handshake = HANDSHAKE_MS;
    int first = 50 + (int)(w->seed % 150), longest = 2000, expect = TR_EXPECT_MS;
    int64_t max = MESSAGE_MAX;
    zmq_setsockopt(socket, ZMQ_IPV6, &ipv6, sizeof ipv6);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &zero, sizeof zero); /* credit bounds both directions */
    zmq_setsockopt(socket, ZMQ_RCVHWM, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &expect, sizeof expect);
    zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_CONNECT_TIMEOUT, &handshake, sizeof handshake);
    zmq_setsockopt(socket, ZMQ_HANDSHAKE_IVL, &handshake, sizeof handshake);
    zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &first, sizeof first);
    zmq_setsockopt(socket, ZMQ_RECONNECT_IVL_MAX, &longest, sizeof longest);
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max, sizeof max);
}

/* The keys are in memory for no longer than this. */
static int prove(tr_wire_t *w, void *socket) {
    tr_secret_t secret = {0};
    tr_error_t error = {0};
    int r = tr_secret_load(&secret, w->certificate, &error);
    if (r < 0)
        snprintf(w->refusal, sizeof w->refusal, "%s", error.text);
    else if (!*secret.broker)
        r = -EINVAL,
        snprintf(w->refusal, sizeof w->refusal, "%s: this is a broker's own certificate", w->certificate);
    else if ((r = tr_secret_client(&secret, socket)) < 0)
        snprintf(w->refusal, sizeof w->refusal, "the ZeroMQ library of this machine was built without CURVE");
    tr_secret_wipe(&secret);
    return r;
}

/* Handshakes that fail are known from a monitor alone. A name of its own: the one before may not be closed
 * yet. */
static void *watch(tr_wire_t *w, void *socket) {
    char name[64];
    snprintf(name, sizeof name, "inproc://handshakes-%p", socket);
    int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    void *monitor = zmq_socket_monitor(socket, name, events) == 0 ? zmq_socket(w->context, ZMQ_PAIR) : NULL;
    if (monitor && zmq_connect(monitor, name) < 0) {
        zmq_close(monitor);
        return NULL;
    }
    return monitor;
}

int tr_wire_open(tr_wire_t *self) {
    void *monitor = NULL, *socket = zmq_socket(self->context, ZMQ_DEALER);
    if (!socket)
        return -errno;
    set_options(self, socket);
    self->refusal[0] = 0;
    size_t size = sizeof self->fd;
    int r = self->certificate ? prove(self, socket) : 0;
    if (r == 0 && self->certificate && !(monitor = watch(self, socket)))
        r = -errno;
    if (r == 0 &&
        (zmq_connect(socket, self->endpoint) < 0 || zmq_getsockopt(socket, ZMQ_FD, &self->fd, &size) < 0))
        r = -errno;
    if (r < 0) {
        if (monitor)
            zmq_close(monitor);
        zmq_close(socket);
        return r;
    }
    close_socket(self);
    self->socket = socket;
    self->monitor = monitor;
    return 0;
}

const char *tr_wire_refusal(tr_wire_t *self) {
    uint8_t event[6];
    char address[256];
    while (self->monitor && zmq_recv(self->monitor, event, sizeof event, ZMQ_DONTWAIT) == (int)sizeof event) {
        uint16_t what;
        memcpy(&what, event, sizeof what);                              /* in the machine's order */
        zmq_recv(self->monitor, address, sizeof address, ZMQ_DONTWAIT); /* the second frame: where */
        if (what == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
            self->refusal[0] = 0;
        else
            snprintf(self->refusal, sizeof self->refusal,
                "the broker does not let this certificate in: it is unknown there, revoked or expired (%s)",
                self->certificate);
    }
    return self->refusal;
}

bool tr_wire_is_open(const tr_wire_t *self) {
    return self->socket != NULL;
}

int tr_wire_fd(const tr_wire_t *self) {
    return self->fd;
}

void tr_wire_send(tr_wire_t *self, tr_buf_t *buf) {
    tr_frame_send(
        self->socket, buf, ZMQ_DONTWAIT); /* without a high-water mark it fails only without memory */
}

bool tr_wire_receive(tr_wire_t *self, bool expect, zmq_msg_t *frame) {
    return zmq_msg_recv(frame, self->socket, expect ? 0 : ZMQ_DONTWAIT) >= 0;
}

int tr_wire_poll(struct pollfd *fds, nfds_t n, int timeout_ms) {
    return poll(fds, n, timeout_ms);
}

const char *tr_wire_strerror(int code) {
    return zmq_strerror(code);
}

void tr_wire_identity(char host[65], uint32_t *ret_pid) {
    host[0] = host[64] = 0;
    gethostname(host, 64);
    *ret_pid = (uint32_t)getpid();
}
