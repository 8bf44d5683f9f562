#include "broker/shell/sockets.h"

#include "broker/shell/selftest.h"
#include "lib/cert/cert_file.h"
#include "lib/link/frame.h"
#include "proto/topic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* libzmq has it since 4.3, its header only in builds with drafts. */
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

#define LINGER_MS    2000
#define HANDSHAKE_MS 4000
#define BACKLOG      4096
#define PEER_ID_SIZE 5

static int set_int(void *socket, int option, int value) {
    return zmq_setsockopt(socket, option, &value, sizeof value);
}

static bool is_loopback(const char *endpoint) {
    static const char *const local[] = {"tcp://127.", "tcp://localhost:", "tcp://[::1]:"};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        if (!strncmp(endpoint, local[i], strlen(local[i])))
            return true;
    if (!strncmp(endpoint, "ipc://@", 7)) /* it has no mode: everybody on the machine may connect */
        return false;
    return strncmp(endpoint, "tcp://", 6) != 0; /* ipc and inproc do not leave the machine */
}

/* "tcp://h:0" is "tcp://h:*" to libzmq, which binds to addresses alone, not to names. */
static void wildcard(const char *endpoint, char out[TR_ENDPOINT_MAX]) {
    static const char name[] = "tcp://localhost:";
    bool named = !strncmp(endpoint, name, sizeof name - 1);
    snprintf(out, TR_ENDPOINT_MAX, "%s%s", named ? "tcp://127.0.0.1:" : "",
        named ? endpoint + sizeof name - 1 : endpoint);
    size_t n = strlen(out);
    if (!strncmp(out, "tcp://", 6) && n > 2 && !strcmp(out + n - 2, ":0"))
        out[n - 1] = '*';
}

/* libzmq would take over the socket file of a broker that lives: ask first whether somebody answers there. */
static bool ipc_in_use(const char *endpoint) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strncmp(endpoint, "ipc://", 6) != 0 || strlen(endpoint + 6) >= sizeof a.sun_path)
        return false;
    strcpy(a.sun_path, endpoint + 6);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool used = fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0)
        close(fd);
    return used;
}

static int explain(const char *endpoint, int code, tr_error_t *error) {
    switch (code) {
    case EADDRINUSE:
        return tr_error_set(error, -EADDRINUSE,
            "%s is in use: choose another address (port 0 = any that is free), or end the process that has "
            "it",
            endpoint);
    case EINVAL:
    case EPROTONOSUPPORT:
        return tr_error_set(error, -EINVAL, "%s: expected tcp://HOST:PORT or ipc://PATH", endpoint);
    case ENODEV: return tr_error_set(error, -EADDRNOTAVAIL, "%s: this machine has no such address", endpoint);
    default: return tr_error_set(error, -code, "%s: %s", endpoint, zmq_strerror(code));
    }
}

/* libzmq removes whatever stands at the path of an ipc socket: only a socket may be removed. */
static bool ipc_is_other(const char *endpoint) {
    struct stat st;
    return !strncmp(endpoint, "ipc://", 6) && lstat(endpoint + 6, &st) == 0 && !S_ISSOCK(st.st_mode);
}

/* What can be told of an endpoint without binding. */
static int check_endpoint(const char *endpoint, const tr_sockets_config_t *c, tr_error_t *error) {
    if (strlen(endpoint) >= TR_ENDPOINT_MAX - 8)
        return tr_error_set(
            error, -ENAMETOOLONG, "%.40s...: an endpoint has at most %d bytes", endpoint, TR_ENDPOINT_MAX);
    if (!c->insecure && !c->guarded && !is_loopback(endpoint))
        return tr_error_set(error, -EPERM,
            "%s would be open to everybody who reaches it: give certificates (--cert, --certs), listen on "
            "127.0.0.1, or say --insecure",
            endpoint);
    return 0;
}

int tr_sockets_check(const tr_sockets_config_t *config, tr_error_t *error) {
    int r = check_endpoint(config->stream, config, error);
    for (size_t i = 0; i < config->listen->count && r == 0; i++)
        r = check_endpoint(config->listen->items[i], config, error);
    return r;
}

static int bind_to(
    void *socket, const char *endpoint, const tr_sockets_config_t *c, char *ret_real, tr_error_t *error) {
    char wild[TR_ENDPOINT_MAX];
    size_t size = TR_ENDPOINT_MAX;
    int checked = check_endpoint(endpoint, c, error);
    if (checked < 0)
        return checked;
    if (ipc_is_other(endpoint))
        return tr_error_set(error, -EEXIST,
            "%s: there is a file of that name that is no socket: choose another path", endpoint);
    if (ipc_in_use(endpoint))
        return explain(endpoint, EADDRINUSE, error);
    wildcard(endpoint, wild);
    set_int(socket, ZMQ_IPV6, strchr(endpoint, '[') != NULL); /* not always: IPv4 would be shown as mapped */
    mode_t before = umask(0177);                              /* an ipc socket is its owner's */
    int r = zmq_bind(socket, wild);
    int code = errno;
    umask(before);
    if (r < 0)
        return explain(endpoint, code, error);
    if (ret_real && zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, ret_real, &size) < 0)
        return explain(endpoint, errno, error);
    return 0;
}

/* A server of CURVE whose clients ZAP decides about, and nobody gets in where it does not. */
static int guard(void *socket, const tr_secret_t *secret, const char *domain, tr_error_t *error) {
    if (tr_secret_server(secret, socket) < 0 ||
        zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) < 0 ||
        set_int(socket, ZMQ_ZAP_ENFORCE_DOMAIN, 1) < 0)
        return tr_error_set(error, -EPERM, "cannot guard a socket: %s; the ZeroMQ library may lack CURVE",
            zmq_strerror(errno));
    return 0;
}

int tr_sockets_bind_guarded(void *socket, const char *endpoint, const char *domain,
    const tr_sockets_config_t *config, char *ret_real, tr_error_t *error) {
    tr_sockets_config_t guarded = *config;
    guarded.guarded = true;
    int r = guard(socket, config->secret, domain, error);
    return r == 0 ? bind_to(socket, endpoint, &guarded, ret_real, error) : r;
}

static int open_links(tr_sockets_t *self, const tr_sockets_config_t *c, tr_error_t *error) {
    void *s = self->links;
    int64_t max = (int64_t)c->max_record + TR_BUF_SIZE * 2;
    set_int(s, ZMQ_ROUTER_MANDATORY, 1); /* a peer that is gone is an answer, not a silent drop */
    set_int(s, ZMQ_SNDHWM, 0);           /* credit bounds what is on its way, in both directions */
    set_int(s, ZMQ_RCVHWM, 0);
    set_int(s, ZMQ_RCVTIMEO, TR_EXPECT_MS);
    set_int(s, ZMQ_LINGER, LINGER_MS);
    set_int(s, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
    set_int(s, ZMQ_BACKLOG, BACKLOG);
    zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &max, sizeof max);
    int r = self->guarded ? guard(s, c->secret, TR_ZAP_LINKS, error) : 0;
    for (size_t i = 0; r == 0 && i < c->listen->count; i++)
        r = bind_to(s, c->listen->items[i], c, i ? NULL : self->endpoint, error);
    return r;
}

/* Subscriptions are told of each watcher, and carried out as told (watchers.h). */
static int guard_stream(tr_sockets_t *self, const tr_secret_t *secret, tr_error_t *error) {
    int r = guard(self->stream, secret, TR_ZAP_STREAM, error);
    if (r < 0)
        return r;
    if (set_int(self->stream, ZMQ_XPUB_MANUAL, 1) < 0)
        return tr_error_set(error, -errno, "cannot guard the topic stream: %s", zmq_strerror(errno));
    return 0;
}

static int open_stream(tr_sockets_t *self, const tr_sockets_config_t *c, tr_error_t *error) {
    void *s = self->stream;
    set_int(
        s, ZMQ_SNDHWM, c->stream_queue); /* a watcher that lags misses bundles and sees it by the sequence */
    set_int(s, ZMQ_LINGER, LINGER_MS);
    set_int(s, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
    set_int(s, ZMQ_BACKLOG, BACKLOG);
    int64_t max = 4096; /* watchers send subscriptions only */
    zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &max, sizeof max);
    int r = self->guarded ? guard_stream(self, c->secret, error) : 0;
    return r == 0 ? bind_to(s, c->stream, c, self->stream_endpoint, error) : r;
}

/* Who is there before anybody binds, and whether it keeps others out once they have. */
static int open_guard(tr_sockets_t *self, const tr_sockets_config_t *c, tr_error_t *error) {
    return c->secret ? tr_zap_new(self->context, c->certs, &self->zap, error) : 0;
}

static int test_guard(tr_sockets_t *self, const tr_sockets_config_t *c, tr_error_t *error) {
    int r = 0;
    if (self->guarded)
        r = tr_selftest(self->context, self->zap, c->secret, ZMQ_DEALER, self->endpoint, error);
    if (self->guarded && r == 0)
        r = tr_selftest(self->context, self->zap, c->secret, ZMQ_SUB, self->stream_endpoint, error);
    return r;
}

static int fd_of(void *socket) {
    int fd = -1;
    size_t size = sizeof fd;
    return zmq_getsockopt(socket, ZMQ_FD, &fd, &size) < 0 ? -1 : fd;
}

static int open_door(tr_sockets_t *self, tr_error_t *error) {
    self->links = zmq_socket(self->context, ZMQ_ROUTER);
    self->stream = zmq_socket(self->context, ZMQ_XPUB);
    if (!self->links || !self->stream)
        return tr_error_set(error, -errno, "cannot make a socket: %s", zmq_strerror(errno));
    return tr_door_init(&self->door, self->context, self->links, self->stream, error);
}

int tr_sockets_init(tr_sockets_t *self, const tr_sockets_config_t *config, tr_error_t *error) {
    *self = (tr_sockets_t){.door.spare = -1, .guarded = config->secret && !config->open};
    self->context = zmq_ctx_new();
    if (!self->context)
        return tr_error_set(error, -ENOMEM, "out of memory");
    zmq_ctx_set(self->context, ZMQ_IO_THREADS, config->io_threads);
    int r = open_guard(self, config, error);
    if (r == 0)
        r = open_door(self, error);
    if (r == 0)
        r = open_links(self, config, error);
    if (r == 0)
        r = open_stream(self, config, error);
    if (r == 0)
        r = test_guard(self, config, error);
    if (r < 0)
        return r;
    self->links_fd = fd_of(self->links);
    self->stream_fd = fd_of(self->stream);
    return 0;
}

static void close_watched(void *socket) {
    if (!socket)
        return;
    zmq_socket_monitor(socket, NULL, 0);
    zmq_close(socket);
}

void tr_sockets_finish(tr_sockets_t *self) {
    if (!self->context)
        return;
    close_watched(self->links);
    close_watched(self->stream);
    tr_door_finish(&self->door);
    tr_zap_destroy(&self->zap);
    zmq_ctx_term(self->context);
    free(self->peer_of_fd);
    free(self->condemned);
    *self = (tr_sockets_t){0};
}

static tr_known_t *known(tr_sockets_t *self, tr_peer_t peer) {
    return &self->known[peer % TR_KNOWN_PEERS];
}

static bool remember(tr_sockets_t *self, tr_peer_t peer, int fd) {
    if (fd < 0)
        return false;
    if ((size_t)fd >= self->peer_of_fd_n) {
        size_t n = (size_t)fd + 64;
        tr_peer_t *grown = realloc(self->peer_of_fd, n * sizeof *grown);
        if (!grown)
            return false; /* then the lease tells */
        memset(grown + self->peer_of_fd_n, 0, (n - self->peer_of_fd_n) * sizeof *grown);
        self->peer_of_fd = grown;
        self->peer_of_fd_n = n;
    }
    self->peer_of_fd[fd] = peer;
    return true;
}

/* A peer is one connection (who connects anew is another peer): it keeps its descriptor and its key. libzmq
 * takes longer to tell them than the core to route a message: it is asked once. */
static const uint8_t *meet(tr_sockets_t *self, tr_peer_t peer, zmq_msg_t *frame) {
    tr_known_t *k = known(self, peer);
    if (k->peer != peer) {
        const char *user = self->guarded ? zmq_msg_gets(frame, "User-Id") : NULL;
        k->proven = user && tr_key_parse(user, k->key);
        k->peer = remember(self, peer, zmq_msg_get(frame, ZMQ_SRCFD)) ? peer : 0;
    }
    return k->proven ? k->key : NULL;
}

/* The one that spoke through fd. What broke may have been the connection before it: it is remembered again
 * when it speaks. */
static tr_peer_t forget(tr_sockets_t *self, int fd) {
    tr_peer_t peer = fd >= 0 && (size_t)fd < self->peer_of_fd_n ? self->peer_of_fd[fd] : 0;
    if (!peer)
        return 0;
    self->peer_of_fd[fd] = 0;
    if (known(self, peer)->peer == peer)
        known(self, peer)->peer = 0;
    return peer;
}

static void drop_rest(void *socket, zmq_msg_t *frame) {
    while (zmq_msg_more(frame) && zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) >= 0)
        ;
}

int tr_sockets_receive(
    tr_sockets_t *self, bool expect, tr_peer_t *ret_peer, const uint8_t **ret_key, zmq_msg_t *ret_frame) {
    zmq_msg_t id;
    zmq_msg_init(&id);
    if (zmq_msg_recv(&id, self->links, expect ? 0 : ZMQ_DONTWAIT) < 0)
        return 0;
    bool good = zmq_msg_size(&id) == PEER_ID_SIZE && zmq_msg_more(&id);
    if (good)
        *ret_peer = tr_get32((const uint8_t *)zmq_msg_data(&id) + 1);
    bool more = zmq_msg_more(&id);
    zmq_msg_close(&id);
    zmq_msg_init(ret_frame);
    if (!more || zmq_msg_recv(ret_frame, self->links, ZMQ_DONTWAIT) < 0)
        return -EPROTO;
    if (!good || zmq_msg_more(ret_frame)) {
        drop_rest(self->links, ret_frame);
        zmq_msg_close(ret_frame);
        return -EPROTO;
    }
    *ret_key = meet(self, *ret_peer, ret_frame);
    return 1;
}

void tr_sockets_condemn(tr_sockets_t *self, tr_peer_t peer) {
    size_t fd = 0;
    while (fd < self->peer_of_fd_n && self->peer_of_fd[fd] != peer)
        fd++;
    tr_connection_t *grown =
        fd < self->peer_of_fd_n ? realloc(self->condemned, (self->condemned_n + 1) * sizeof *grown) : NULL;
    if (!grown)
        return; /* its connection is gone; or, without memory, what it says on it is refused anyhow */
    self->condemned = grown;
    grown[self->condemned_n++] = tr_connection_of((int)fd);
}

void tr_sockets_cut(tr_sockets_t *self) {
    for (size_t i = 0; i < self->reprieved; i++)
        tr_connection_cut(&self->condemned[i]);
    self->condemned_n -= self->reprieved;
    if (self->condemned_n)
        memmove(
            self->condemned, self->condemned + self->reprieved, self->condemned_n * sizeof *self->condemned);
    self->reprieved = self->condemned_n;
}

int tr_sockets_send(tr_sockets_t *self, tr_peer_t peer, tr_buf_t *buf) {
    uint8_t id[PEER_ID_SIZE] = {0};
    tr_put32(id + 1, (uint32_t)peer);
    if (zmq_send(self->links, id, sizeof id, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        int r = -errno;
        if (r != -EHOSTUNREACH)
            tr_buf_release(buf);
        return r;
    }
    return tr_frame_send(self->links, buf, ZMQ_DONTWAIT);
}

int tr_sockets_publish(tr_sockets_t *self, const char *topic, tr_buf_t *buf) {
    if (zmq_send(self->stream, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        int r = -errno;
        tr_buf_release(buf);
        return r;
    }
    return tr_frame_send(self->stream, buf, ZMQ_DONTWAIT);
}

int tr_sockets_interest(
    tr_sockets_t *self, zmq_msg_t *frame, const char **ret_prefix, size_t *ret_len, bool *ret_on) {
    while (zmq_msg_recv(frame, self->stream, ZMQ_DONTWAIT) >= 0) {
        const char *bytes = zmq_msg_data(frame);
        size_t len = zmq_msg_size(frame);
        if (len < 1 || len - 1 > TR_TOPIC_MAX || (unsigned char)bytes[0] > 1)
            continue; /* not a subscription, or one that no topic can match */
        *ret_on = bytes[0] == 1;
        *ret_prefix = bytes + 1;
        *ret_len = len - 1;
        return 1;
    }
    return 0;
}

int tr_sockets_broken(tr_sockets_t *self, tr_peer_t *ret_peer) {
    int fd;
    while (!self->guarded && tr_door_ended(&self->door, TR_DOOR_STREAM, &fd))
        ;
    while (tr_door_ended(&self->door, TR_DOOR_LINKS, &fd))
        if ((*ret_peer = forget(self, fd)))
            return 1;
    return 0;
}
