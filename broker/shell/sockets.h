/*
 * The broker's ZeroMQ sockets: a ROUTER for links, an XPUB for the topic stream, and the door, which tells of
 * broken connections.
 *
 * A peer is the number in the routing id that ROUTER made up (a zero byte and 32 bits). One thread.
 */
#ifndef TR_BROKER_SOCKETS_H
#define TR_BROKER_SOCKETS_H

#include "broker/core/core.h"
#include "broker/shell/connection.h"
#include "broker/shell/door.h"
#include "broker/shell/zap.h"
#include "lib/base/error.h"
#include "lib/base/options.h"
#include "lib/cert/secret.h"

#include <zmq.h>

#define TR_ENDPOINT_MAX 256
#define TR_KNOWN_PEERS  1024

/* What libzmq was asked of a peer once. */
typedef struct tr_known {
    tr_peer_t peer; /* 0 = none */
    bool proven;    /* it has the key */
    uint8_t key[TR_KEY_SIZE];
} tr_known_t;

typedef struct tr_sockets {
    void *context, *links, *stream;
    int links_fd, stream_fd;
    tr_door_t door;
    char endpoint[TR_ENDPOINT_MAX]; /* of the first listener, with its real port */
    char stream_endpoint[TR_ENDPOINT_MAX];
    tr_peer_t *peer_of_fd; /* who speaks through a descriptor, to know whose connection broke */
    size_t peer_of_fd_n;
    tr_known_t known[TR_KNOWN_PEERS]; /* by the last bits of their number (libzmq counts them up) */
    /* With certificates. */
    tr_zap_t *zap;
    bool guarded; /* processes and watchers are asked for them too */
    tr_connection_t
        *condemned; /* to be cut at the next tick, and (from `reprieved` on) at the one after it */
    size_t condemned_n, reprieved;
} tr_sockets_t;

typedef struct tr_sockets_config {
    const tr_strings_t *listen;
    const char *stream;
    bool insecure;
    int io_threads;
    int stream_queue;
    size_t max_record;
    bool guarded;              /* it will have: */
    const tr_secret_t *secret; /* the broker's own; NULL = no CURVE */
    const char *certs;         /* with it: the directory of who may come; borrowed for the sockets' life */
    bool open;                 /* links and stream ask for none nevertheless: only other brokers are asked */
} tr_sockets_config_t;

/* What can be told of the endpoints without binding: -EPERM (beyond loopback), -ENAMETOOLONG, with the
 * text. */
int tr_sockets_check(const tr_sockets_config_t *config, tr_error_t *error);
/* Binds a socket that asks for certificates. As tr_sockets_init. */
int tr_sockets_bind_guarded(void *socket, const char *endpoint, const char *domain,
    const tr_sockets_config_t *config, char *ret_real, tr_error_t *error);
/* Binds. -EADDRINUSE, -EINVAL, -EPERM (beyond loopback) ... with a text that says the cure. Finish it in
 * every case. */
int tr_sockets_init(tr_sockets_t *self, const tr_sockets_config_t *config, tr_error_t *error);
void tr_sockets_finish(tr_sockets_t *self);

/* 1: a bundle of one frame in `ret_frame` (the caller closes it), and the key that its peer has proved to
 * have (NULL: none; borrowed until the next call); 0: nothing is there, nor has come within TR_EXPECT_MS if
 * expect; -EPROTO: a message of several frames was dropped. */
int tr_sockets_receive(
    tr_sockets_t *self, bool expect, tr_peer_t *ret_peer, const uint8_t **ret_key, zmq_msg_t *ret_frame);
/* Gives buf up, but for -EHOSTUNREACH: the peer is gone, and buf is the caller's. */
int tr_sockets_send(tr_sockets_t *self, tr_peer_t peer, tr_buf_t *buf);
int tr_sockets_publish(tr_sockets_t *self, const char *topic, tr_buf_t *buf);
/* Has the peer's connection cut soon, so that what was sent to it still goes. */
void tr_sockets_condemn(tr_sockets_t *self, tr_peer_t peer);
/* Now and then: cuts those that had their time. */
void tr_sockets_cut(tr_sockets_t *self);
/* 1 with a subscription that began or ended (prefix borrowed until the next call), 0 when there is none. */
int tr_sockets_interest(
    tr_sockets_t *self, zmq_msg_t *frame, const char **ret_prefix, size_t *ret_len, bool *ret_on);
/* 1 with a peer whose connection broke, 0 when there is none. With a guard, connections of the stream are the
 * watchers' to ask for (watchers.h). */
int tr_sockets_broken(tr_sockets_t *self, tr_peer_t *ret_peer);

#endif
