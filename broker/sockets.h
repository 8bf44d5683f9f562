/*
 * The broker's ZeroMQ sockets: a ROUTER for links, an XPUB for the topic stream, and a monitor that tells of
 * broken connections.
 *
 * A peer is the number in the routing id that ROUTER made up (a zero byte and 32 bits). One thread.
 */
#ifndef TR_BROKER_SOCKETS_H
#define TR_BROKER_SOCKETS_H

#include "broker/core.h"
#include "lib/base/error.h"
#include "lib/base/options.h"

#include <zmq.h>

#define TR_ENDPOINT_MAX 256
#define TR_KNOWN_PEERS  1024

typedef struct tr_sockets {
    void *context, *links, *stream, *monitor;
    int links_fd, stream_fd, monitor_fd;
    char endpoint[TR_ENDPOINT_MAX]; /* of the first listener, with its real port */
    char stream_endpoint[TR_ENDPOINT_MAX];
    tr_peer_t *peer_of_fd; /* who speaks through a descriptor, to know whose connection broke */
    size_t peer_of_fd_n;
    tr_peer_t
        known[TR_KNOWN_PEERS]; /* those in it, by the last bits of their number (libzmq counts them up) */
} tr_sockets_t;

typedef struct tr_sockets_config {
    const tr_strings_t *listen;
    const char *stream;
    bool insecure;
    int io_threads;
    int stream_queue;
    size_t max_record;
} tr_sockets_config_t;

/* What can be told of the endpoints without binding: -EPERM (beyond loopback), -ENAMETOOLONG, with the text. */
int tr_sockets_check(const tr_sockets_config_t *config, tr_error_t *error);
/* Binds. -EADDRINUSE, -EINVAL, -EPERM (beyond loopback) ... with a text that says the cure. Finish it in
 * every case. */
int tr_sockets_init(tr_sockets_t *self, const tr_sockets_config_t *config, tr_error_t *error);
void tr_sockets_finish(tr_sockets_t *self);

/* 1: a bundle of one frame in `ret_frame` (the caller closes it); 0: nothing is there; -EPROTO: a message of
 * several frames was dropped. */
int tr_sockets_receive(tr_sockets_t *self, tr_peer_t *ret_peer, zmq_msg_t *ret_frame);
/* Gives buf up in every case. 0, -EHOSTUNREACH: the peer is gone. */
int tr_sockets_send(tr_sockets_t *self, tr_peer_t peer, tr_buf_t *buf);
int tr_sockets_publish(tr_sockets_t *self, const char *topic, tr_buf_t *buf);
/* 1 with a subscription that began or ended (prefix borrowed until the next call), 0 when there is none. */
int tr_sockets_interest(
    tr_sockets_t *self, zmq_msg_t *frame, const char **ret_prefix, size_t *ret_len, bool *ret_on);
/* 1 with a peer whose connection broke, 0 when there is none. */
int tr_sockets_broken(tr_sockets_t *self, tr_peer_t *ret_peer);

#endif
