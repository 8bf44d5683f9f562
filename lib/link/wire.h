/*
 * The wire beneath a link: one connection to a broker that carries frames. This is all that a link, and the
 * host above it, knows of sockets and of waiting. wire_zmq.c is a ZeroMQ DEALER; the simulator links a
 * virtual network in its place (tests/sim), so the link's logic is the same in both.
 *
 * A frame that comes is a zmq_msg_t on either wire: the type is memory only, it needs no socket.
 *
 * A wire has no lock of its own: one thread at a time.
 */
#ifndef TR_LINK_WIRE_H
#define TR_LINK_WIRE_H

#include "lib/base/pool.h"

#include <poll.h>
#include <stdbool.h>
#include <zmq.h>

typedef struct tr_wire tr_wire_t;

/* Not connected yet: tr_wire_open. `seed` draws the pauses between attempts to connect. -ENOMEM. */
int tr_wire_new(const char *endpoint, uint64_t seed, tr_wire_t **ret_wire);
/* From the next tr_wire_open on it is encrypted, and proves who it is by the secret part of a certificate
 * (lib/cert/secret.h) in this file, which is read again by each tr_wire_open. -ENOMEM. */
int tr_wire_secure(tr_wire_t *self, const char *certificate);
/* Why it does not come through: what the last tr_wire_open could not do, or that the other side keeps this
 * certificate out, in which case only another tr_wire_open tries again. "" where nothing is known. */
const char *tr_wire_refusal(tr_wire_t *self);
/* NULL-safe. Buffers that were sent are back in their pool when it returns. */
void tr_wire_destroy(tr_wire_t **self);

/* Connects anew, in the background: nothing of the connection before comes or goes any more. Negative errno
 * (the connection before stays); tr_wire_strerror has a text for it. */
int tr_wire_open(tr_wire_t *self);
bool tr_wire_is_open(const tr_wire_t *self);
/* For tr_wire_poll: readable when something came. Edge-triggered: receive until there is nothing, and send
 * nothing after that, before waiting. Another one after each tr_wire_open. */
int tr_wire_fd(const tr_wire_t *self);

/* One frame; gives buf up. What is sent before there is a connection waits for it. Lost where out of
 * memory. */
void tr_wire_send(tr_wire_t *self, tr_buf_t *buf);
/* True with a frame in the initialised `frame`. With expect it may wait for TR_EXPECT_MS
 * (lib/link/frame.h). */
bool tr_wire_receive(tr_wire_t *self, bool expect, zmq_msg_t *frame);

/* poll(2), for the descriptors of wires and of the kernel together. */
int tr_wire_poll(struct pollfd *fds, nfds_t n, int timeout_ms);

const char *tr_wire_strerror(int code);
/* Who this process is, for people: its machine's name and its pid. */
void tr_wire_identity(char host[65], uint32_t *ret_pid);

#endif
