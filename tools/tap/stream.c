#include "tools/tap/stream.h"

#include "lib/cert/secret.h"
#include "proto/bundle.h"
#include "proto/topic.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define MONITOR    "inproc://troupe-stream-monitor"
#define QUEUE_MAX  8192 /* bundles that wait here; beyond it the broker drops, and the sequence shows it */
#define RECORD_MAX (64u << 20)

struct tr_stream {
    void *context, *socket, *monitor;
    int fd, monitor_fd;
    char endpoint[256];
    bool connected, paused;
    bool in_bundle;
    zmq_msg_t topic, bundle;
    tr_bundle_reader_t reader;
};

static int fd_of(void *socket) {
    int fd = -1;
    size_t size = sizeof fd;
    return zmq_getsockopt(socket, ZMQ_FD, &fd, &size) < 0 ? -1 : fd;
}

static int set_options(void *socket) {
    int zero = 0, queue = QUEUE_MAX, handshake = 4000, first = 100, longest = 2000;
    int64_t max = (int64_t)RECORD_MAX + TR_BUF_SIZE;
    int rc = zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    rc |= zmq_setsockopt(socket, ZMQ_RCVHWM, &queue, sizeof queue);
    rc |= zmq_setsockopt(socket, ZMQ_HANDSHAKE_IVL, &handshake, sizeof handshake);
    rc |= zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &first, sizeof first);
    rc |= zmq_setsockopt(socket, ZMQ_RECONNECT_IVL_MAX, &longest, sizeof longest);
    rc |= zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max, sizeof max);
    return rc;
}

static bool open_sockets(tr_stream_t *s) {
    int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED;
    s->context = zmq_ctx_new();
    s->socket = s->context ? zmq_socket(s->context, ZMQ_SUB) : NULL;
    s->monitor = s->socket ? zmq_socket(s->context, ZMQ_PAIR) : NULL;
    if (!s->monitor || set_options(s->socket) != 0 || zmq_socket_monitor(s->socket, MONITOR, events) < 0 ||
        zmq_connect(s->monitor, MONITOR) < 0)
        return false;
    s->fd = fd_of(s->socket);
    s->monitor_fd = fd_of(s->monitor);
    return s->fd >= 0 && s->monitor_fd >= 0;
}

static int connect_to(tr_stream_t *s, const char *endpoint, tr_error_t *error) {
    if (strlen(endpoint) >= sizeof s->endpoint)
        return tr_error_set(error, -EINVAL, "%.60s...: an endpoint has at most 255 characters", endpoint);
    if (zmq_connect(s->socket, endpoint) < 0)
        return tr_error_set(error, -EINVAL, "%s: %s; an endpoint is tcp://HOST:PORT or ipc://PATH", endpoint,
            zmq_strerror(errno));
    strcpy(s->endpoint, endpoint);
    return 0;
}

static int prove(tr_stream_t *s, const char *cert, tr_error_t *error) {
    tr_secret_t secret = {0};
    int rc = tr_secret_load(&secret, cert, error);
    if (rc == 0 && (rc = tr_secret_client(&secret, s->socket)) < 0)
        tr_error_set(error, rc, "%s: this certificate cannot be used: %s", cert, strerror(-rc));
    tr_secret_wipe(&secret);
    return rc;
}

int tr_stream_new(const char *endpoint, const char *cert, tr_stream_t **ret_self, tr_error_t *error) {
    tr_stream_t *s = calloc(1, sizeof *s);
    if (!s)
        return tr_error_set(error, -ENOMEM, "out of memory");
    zmq_msg_init(&s->topic);
    zmq_msg_init(&s->bundle);
    int rc =
        open_sockets(s) ? 0 : tr_error_set(error, -ENOMEM, "cannot open a socket: %s", zmq_strerror(errno));
    if (rc == 0 && cert && *cert)
        rc = prove(s, cert, error);
    if (rc == 0)
        rc = connect_to(s, endpoint, error);
    if (rc < 0) {
        tr_stream_destroy(&s);
        return rc;
    }
    *ret_self = s;
    return 0;
}

void tr_stream_destroy(tr_stream_t **self) {
    tr_stream_t *s = *self;
    if (!s)
        return;
    zmq_msg_close(&s->topic);
    zmq_msg_close(&s->bundle);
    if (s->socket) {
        zmq_socket_monitor(s->socket, NULL, 0);
        zmq_close(s->socket);
    }
    if (s->monitor)
        zmq_close(s->monitor);
    if (s->context)
        zmq_ctx_term(s->context);
    free(s);
    *self = NULL;
}

int tr_stream_move(tr_stream_t *self, const char *endpoint, tr_error_t *error) {
    char old[sizeof self->endpoint];
    strcpy(old, self->endpoint);
    int rc = connect_to(self, endpoint, error);
    if (rc == 0 && !self->paused)
        zmq_disconnect(self->socket, old); /* one that is gone already is as good, ignoring */
    self->paused = self->paused && rc < 0;
    return rc;
}

void tr_stream_pause(tr_stream_t *self) {
    if (!self->paused)
        zmq_disconnect(self->socket, self->endpoint); /* likewise */
    self->paused = true;
}

void tr_stream_resume(tr_stream_t *self) {
    if (self->paused)
        zmq_connect(self->socket,
            self->endpoint); /* it was good before; no memory: it is asked for again, ignoring */
    self->paused = false;
}

const char *tr_stream_endpoint(const tr_stream_t *self) {
    return self->endpoint;
}

int tr_stream_subscribe(tr_stream_t *self, const char *prefix, size_t len) {
    if (len > TR_TOPIC_MAX)
        return -ENAMETOOLONG;
    return zmq_setsockopt(self->socket, ZMQ_SUBSCRIBE, prefix, len) < 0 ? -errno : 0;
}

static bool pending(void *socket) {
    int events = 0;
    size_t size = sizeof events;
    return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0 && events & ZMQ_POLLIN;
}

int tr_stream_wait(tr_stream_t *self, int64_t timeout_ms, int interrupt_fd) {
    /* ZMQ_FD announces by edges: look before sleeping. */
    bool there = self->in_bundle || pending(self->socket) || pending(self->monitor);
    struct pollfd polls[] = {{.fd = self->fd, .events = POLLIN}, {.fd = self->monitor_fd, .events = POLLIN},
        {.fd = interrupt_fd, .events = POLLIN}};
    int timeout = there ? 0 : timeout_ms < 0 ? -1 : timeout_ms > 3600000 ? 3600000 : (int)timeout_ms;
    if (poll(polls, 3, timeout) < 0 && errno != EINTR)
        return -errno;
    return polls[2].revents ? -EINTR : 0;
}

tr_stream_event_t tr_stream_next_event(tr_stream_t *self) {
    tr_stream_event_t found = TR_STREAM_NOTHING;
    while (found == TR_STREAM_NOTHING) {
        uint8_t event[6];
        char address[256];
        if (zmq_recv(self->monitor, event, sizeof event, ZMQ_DONTWAIT) != (int)sizeof event)
            return TR_STREAM_NOTHING;
        zmq_recv(self->monitor, address, sizeof address, ZMQ_DONTWAIT); /* the second frame: where */
        uint16_t what;
        memcpy(&what, event, sizeof what); /* in the machine's order */
        bool connected = what == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
        if (connected != self->connected)
            found = connected ? TR_STREAM_CONNECTED : TR_STREAM_LOST;
        self->connected = connected;
    }
    return found;
}

/* Two frames: the topic, and a bundle of records of it. */
static int receive(tr_stream_t *s) {
    if (zmq_msg_recv(&s->topic, s->socket, ZMQ_DONTWAIT) < 0)
        return 0;
    bool good = zmq_msg_more(&s->topic) && zmq_msg_recv(&s->bundle, s->socket, ZMQ_DONTWAIT) >= 0;
    bool more = good ? zmq_msg_more(&s->bundle) : zmq_msg_more(&s->topic);
    while (more) {
        good = false;
        if (zmq_msg_recv(&s->bundle, s->socket, ZMQ_DONTWAIT) < 0)
            break;
        more = zmq_msg_more(&s->bundle);
    }
    if (!good || !tr_topic_valid(zmq_msg_data(&s->topic), zmq_msg_size(&s->topic)))
        return -EBADMSG;
    tr_reason_t why =
        tr_bundle_open(&s->reader, zmq_msg_data(&s->bundle), zmq_msg_size(&s->bundle), RECORD_MAX);
    s->in_bundle = why == TR_REASON_NONE;
    return s->in_bundle ? 1 : -EBADMSG;
}

int tr_stream_next(tr_stream_t *self, tr_stream_message_t *ret_message) {
    for (;;) {
        int rc = self->in_bundle ? 1 : receive(self);
        if (rc <= 0)
            return rc;
        rc = tr_bundle_next(&self->reader, &ret_message->record);
        if (rc > 0) {
            ret_message->topic = zmq_msg_data(&self->topic);
            ret_message->topic_len = zmq_msg_size(&self->topic);
            return 1;
        }
        self->in_bundle = false;
        if (rc < 0)
            return -EBADMSG;
    }
}
