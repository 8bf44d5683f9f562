/*
 * The least client of the protocol (docs/protocol.md): a DEALER that says HELLO, registers one name, keeps
 * its link alive, and honours credits and MUTE. For measurements below the library: records that were encoded
 * beforehand, and thousands of links in one process. One thread, no reconnection.
 */
#ifndef TR_TOOLS_BENCH_WIRE_H
#define TR_TOOLS_BENCH_WIRE_H

#include "lib/base/error.h"
#include "proto/aid.h"
#include "proto/bundle.h"

#include <stdbool.h>
#include <zmq.h>

typedef struct tr_wire {
    void *socket;
    tr_route_t route;    /* of the registered name */
    tr_route_t resolved; /* that the broker told last */
    uint64_t next_id;
    uint64_t grant_records, grant_bytes; /* what may be sent ahead of a CREDIT */
    uint64_t sent_records, sent_bytes, acked_records, acked_bytes;
    uint64_t taken_records, taken_bytes, credited_records, credited_bytes;
    uint64_t nacks;
    int64_t said_ms;
    uint32_t heartbeat_ms;
    bool welcome, muted, refused;
    char platform[TR_PLATFORM_MAX + 1];
    char aid[TR_AID_MAX + 1]; /* of the registered name */
    char refusal[256];
} tr_bench_wire_t;

/* Connects, and waits for WELCOME and REGISTERED. 0 or negative with a text. */
int tr_bench_wire_open(
    tr_bench_wire_t *self, void *context, const char *endpoint, const char *name, tr_error_t *error);

/* Receives one frame: 1 = it holds data records, which the caller walks and then reports by tr_bench_wire_taken;
 * 0 = it was about the link; -EAGAIN = nothing came (flags: ZMQ_DONTWAIT, or the socket's timeout); -EPROTO =
 * it is no bundle; another negative errno. */
int tr_bench_wire_receive(tr_bench_wire_t *self, zmq_msg_t *frame, int flags);
/* Gives CREDIT once half the window is taken. */
void tr_bench_wire_taken(tr_bench_wire_t *self, uint64_t records, uint64_t bytes);
/* PING, when the link has been silent for long enough. */
void tr_bench_wire_heartbeat(tr_bench_wire_t *self, int64_t now_ms);

/* Whether a bundle with so many records may go now. */
bool tr_bench_wire_may_send(const tr_bench_wire_t *self, uint64_t records, uint64_t bytes);
/* Sends it (the frame is libzmq's then) and counts it. 0 or negative errno. */
int tr_bench_wire_send(tr_bench_wire_t *self, zmq_msg_t *frame, uint64_t records, uint64_t bytes);

#endif
