/*
 * Several worlds of core_fixture.h as brokers that dial each other: what one sends is carried to the other one
 * frame by frame, in order, until nothing moves. Processes of a broker have the peers 1, 2 ... as ever.
 */
#ifndef TR_BROKER_CORE_NET_H
#define TR_BROKER_CORE_NET_H

#include "broker/core/core_fixture.h"

#define NET_MAX 4

typedef struct net_frame {
    struct net_frame *next;
    size_t len;
    uint8_t bytes[];
} net_frame_t;

/* One connection: `ends[0]` has dialled. */
typedef struct net_wire {
    struct net_wire *next;
    world_t *ends[2];
    tr_peer_t peers[2];               /* its number there */
    net_frame_t *first[2], **last[2]; /* on their way to that end */
    bool up;
    bool told;   /* both ends know that it is not */
    bool stuck;  /* nothing is carried */
    int dialled; /* tr_dialled_t, -1 = not told */
    char detail[160];
} net_wire_t;

typedef struct net {
    world_t *brokers[NET_MAX];
    uint8_t keys[NET_MAX]; /* what each proves to have */
    size_t count;
    net_wire_t *wires;
    uint32_t serial;
} net_t;

/* Brokers called "a", "b" ... with certificates as `troupe cert new --role broker` makes them, whose links are
 * open to processes without. `change` may alter the config before. */
net_t *net_new(size_t count, void (*change)(tr_core_config_t *config));
void net_end(net_t *net);
/* The certificates anew; the holder of the key `revoked` (0 = none) has lost his. */
void net_certify(net_t *net, uint8_t revoked);
net_wire_t *net_dial(net_t *net, size_t from, size_t to);
/* The same; nothing is carried yet. */
net_wire_t *net_dial_later(net_t *net, size_t from, size_t to);
/* What was drafted at the other end goes to this end of the wire, as if that broker had sent it. */
void net_inject(net_t *net, net_wire_t *wire, unsigned to);
/* The same of any bytes. */
void net_inject_bytes(net_t *net, net_wire_t *wire, unsigned to, const void *bytes, size_t len);
/* The broker ends without a word, and begins anew; nobody notices yet. */
void net_rebirth(net_t *net, size_t broker);
/* The same on its disk, of which the first `keep` batches that were not synced are there; its links break. */
void net_crash(net_t *net, size_t broker, size_t keep);
/* Every broker is linked to every other; what came out meanwhile is forgotten. */
void net_mesh(net_t *net);
/* Carries frames until nothing moves. */
void net_run(net_t *net);
/* Time goes by everywhere. */
void net_pass(net_t *net, int64_t ms);
/* The connection is gone, and both ends are told. */
void net_break(net_t *net, net_wire_t *wire);
net_wire_t *net_wire(net_t *net, size_t from, size_t to);

#endif
