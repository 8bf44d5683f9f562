/* The wire as a ZeroMQ DEALER. */
#include "lib/link/wire.h"

#include "lib/link/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_MAX  (80 << 20) /* more than the largest --max-record of a broker */
#define HANDSHAKE_MS 4000

struct tr_wire {
    void *context, *socket;
    int fd;
    uint64_t seed;
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

void tr_wire_destroy(tr_wire_t **self) {
    tr_wire_t *w = *self;
    if (!w)
        return;
    if (w->socket)
        zmq_close(w->socket);
    zmq_ctx_term(w->context); /* gives lent buffers back */
    free(w);
    *self = NULL;
}

/* libzmq's own reconnection: first pause drawn per process, so that a fleet does not come back
 * in one wave. */
static void set_options(const tr_wire_t *w, void *socket) {
    int zero = 0, ipv6 = strchr(w->endpoint, '[') != NULL, handshake = HANDSHAKE_MS;
    int first = 50 + (int)(w->seed % 150), longest = 2000;
    int64_t max = MESSAGE_MAX;
    zmq_setsockopt(socket, ZMQ_IPV6, &ipv6, sizeof ipv6);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &zero, sizeof zero); /* credit bounds both directions */
    zmq_setsockopt(socket, ZMQ_RCVHWM, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_CONNECT_TIMEOUT, &handshake, sizeof handshake);
    zmq_setsockopt(socket, ZMQ_HANDSHAKE_IVL, &handshake, sizeof handshake);
    zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &first, sizeof first);
    zmq_setsockopt(socket, ZMQ_RECONNECT_IVL_MAX, &longest, sizeof longest);
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max, sizeof max);
}

int tr_wire_open(tr_wire_t *self) {
    void *socket = zmq_socket(self->context, ZMQ_DEALER);
    if (!socket)
        return -errno;
    set_options(self, socket);
    size_t size = sizeof self->fd;
    if (zmq_connect(socket, self->endpoint) < 0 || zmq_getsockopt(socket, ZMQ_FD, &self->fd, &size) < 0) {
        int r = -errno;
        zmq_close(socket);
        return r;
    }
    if (self->socket)
        zmq_close(self->socket);
    self->socket = socket;
    return 0;
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

bool tr_wire_receive(tr_wire_t *self, zmq_msg_t *frame) {
    return zmq_msg_recv(frame, self->socket, ZMQ_DONTWAIT) >= 0;
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
