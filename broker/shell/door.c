#include "broker/shell/door.h"

#include "proto/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#define EVENT_BYTES 6u
#define FREE_AGAIN  16 /* descriptors that must be free before new connections are taken again */

static const char *const endpoints[TR_DOORS] = {"inproc://links-monitor", "inproc://stream-monitor"};

static int watch(tr_door_t *d, unsigned i, void *context, void *socket, tr_error_t *error) {
    int zero = 0;
    size_t size = sizeof d->fds[i];
    if (zmq_socket_monitor(socket, endpoints[i],
            ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_DISCONNECTED) < 0 ||
        !(d->monitors[i] = zmq_socket(context, ZMQ_PAIR)) ||
        zmq_setsockopt(d->monitors[i], ZMQ_RCVHWM, &zero, sizeof zero) < 0 ||
        zmq_connect(d->monitors[i], endpoints[i]) < 0 ||
        zmq_getsockopt(d->monitors[i], ZMQ_FD, &d->fds[i], &size) < 0)
        return tr_error_set(error, -errno, "cannot watch connections: %s", zmq_strerror(errno));
    return 0;
}

static void take_spare(tr_door_t *d) {
    if (d->spare < 0)
        d->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int tr_door_init(tr_door_t *self, void *context, void *links, void *stream, tr_error_t *error) {
    *self = (tr_door_t){.fds = {-1, -1}, .most = SIZE_MAX, .spare = -1};
    int r = watch(self, TR_DOOR_LINKS, context, links, error);
    if (r == 0)
        r = watch(self, TR_DOOR_STREAM, context, stream, error);
    if (r == 0)
        take_spare(self);
    return r;
}

void tr_door_finish(tr_door_t *self) {
    for (unsigned i = 0; i < TR_DOORS; i++)
        if (self->monitors[i])
            zmq_close(self->monitors[i]);
    if (self->spare >= 0)
        close(self->spare);
    free(self->is_open);
    *self = (tr_door_t){.fds = {-1, -1}, .spare = -1};
}

void tr_door_limit(tr_door_t *self, size_t most) {
    self->most = most;
}

static uint64_t bit(int fd) {
    return UINT64_C(1) << (unsigned)fd % 64;
}

/* False where memory is out: then that one is not counted. */
static bool room_for(tr_door_t *d, int fd) {
    size_t word = (size_t)fd / 64;
    if (word < d->is_open_n)
        return true;
    size_t n = word + 16;
    uint64_t *grown = realloc(d->is_open, n * sizeof *grown);
    if (!grown)
        return false;
    for (size_t i = d->is_open_n; i < n; i++)
        grown[i] = 0;
    d->is_open = grown;
    d->is_open_n = n;
    return true;
}

static void on_accepted(tr_door_t *d, int fd) {
    if (fd < 0 || !room_for(d, fd))
        return;
    d->count += !(d->is_open[fd / 64] & bit(fd));
    d->is_open[fd / 64] |= bit(fd);
    if (d->count <= d->most && !d->shut)
        return;
    d->shut = true;
    d->cut++;
    shutdown(fd, SHUT_RDWR); /* libzmq sees the end of it, and closes it */
}

static void on_end(tr_door_t *d, int fd) {
    if (fd < 0 || (size_t)fd / 64 >= d->is_open_n || !(d->is_open[fd / 64] & bit(fd)))
        return;
    d->is_open[fd / 64] &= ~bit(fd);
    d->count--;
}

/* The event's value is the error. Others (a client that went away before it was taken) do no harm. */
static void on_failed(tr_door_t *d, int code) {
    if (code != EMFILE && code != ENFILE)
        return;
    d->shut = true;
    if (d->spare >= 0)
        close(d->spare);
    d->spare = -1;
}

/* The next event of a monitor: its number and value; false when there is none. */
static bool next_event(void *monitor, unsigned *ret_event, int *ret_value) {
    zmq_msg_t event, address;
    zmq_msg_init(&event);
    if (zmq_msg_recv(&event, monitor, ZMQ_DONTWAIT) < 0)
        return false;
    const uint8_t *bytes = zmq_msg_data(&event);
    bool whole = zmq_msg_size(&event) == EVENT_BYTES;
    *ret_event = whole ? (unsigned)bytes[0] | (unsigned)bytes[1] << 8 : 0;
    *ret_value = whole ? (int)tr_get32(bytes + 2) : -1;
    zmq_msg_init(&address);
    if (zmq_msg_more(&event))
        zmq_msg_recv(&address, monitor, ZMQ_DONTWAIT);
    zmq_msg_close(&address);
    zmq_msg_close(&event);
    return true;
}

/* True when a connection ended. */
static bool take(tr_door_t *d, unsigned event, int value) {
    switch (event) {
    case ZMQ_EVENT_ACCEPTED: on_accepted(d, value); return false;
    case ZMQ_EVENT_ACCEPT_FAILED: on_failed(d, value); return false;
    case ZMQ_EVENT_DISCONNECTED: on_end(d, value); return true;
    default: return false;
    }
}

bool tr_door_ended(tr_door_t *self, unsigned which, int *ret_fd) {
    unsigned event;
    int value;
    while (next_event(self->monitors[which], &event, &value)) {
        if (!take(self, event, value))
            continue;
        *ret_fd = value;
        return true;
    }
    return false;
}

/* Whether so many descriptors can be had. */
static bool are_free(int n) {
    int taken[FREE_AGAIN], got = 0;
    while (got < n && (taken[got] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        got++;
    for (int i = 0; i < got; i++)
        close(taken[i]);
    return got == n;
}

void tr_door_tick(tr_door_t *self) {
    if (!self->shut)
        return;
    take_spare(self);
    self->shut = self->spare < 0 || self->count >= self->most || !are_free(FREE_AGAIN);
}
