/*
 * The virtual network: what ZeroMQ and TCP do between a process's DEALER and its broker's ROUTER.
 *
 * Within one connection frames come in order and without loss, late by a delay of their own. When a connection
 * breaks, what is in flight is lost: all of what the broker had sent, and of what the process had sent all but
 * perhaps the last frames, which were still in ZeroMQ's pipe and go over the next connection. The process's
 * socket connects again by itself and tells nobody; to the broker that is a new peer. Either end, or neither,
 * may learn of the break. A cut stops everything without breaking anything.
 *
 * Between connections there is no order. That is more than their delays make of it where the plan says so (`reorders`): a broker takes what
 * has arrived from any of them next, as a ROUTER does, and of what a connection that broke had on its way some comes after all, when its
 * process is long on the next one.
 */
#ifndef TR_SIM_NET_H
#define TR_SIM_NET_H

#include "tests/sim/world.h"

typedef struct sim_frame {
    struct sim_frame *next;
    struct sim_conn *conn; /* it came over, at the broker ... */
    struct sim_way *way;   /* ... or, from another broker, over this one */
    int64_t due_ns;
    size_t len;
    uint8_t bytes[];
} sim_frame_t;

typedef struct sim_queue {
    sim_frame_t *head, **end;
    size_t n;
} sim_queue_t;

/* What a sender may have on its way, kept apart from the core by what goes over the wire (credit.c). */
typedef struct sim_credit {
    uint64_t epoch; /* of the WELCOME that it counts since, 0 = none */
    uint64_t window_records, window_bytes;
    uint64_t sent_records, sent_bytes, told_records, told_bytes;
} sim_credit_t;

/* A connection: a peer number at the broker. */
typedef struct sim_conn {
    struct sim_conn *next;
    sim_world_t *world;
    sim_proc_t *proc;
    unsigned start;            /* of the process: which life of it */
    struct sim_socket *socket; /* the process's end; NULL = a stray's (a replayed HELLO) */
    sim_broker_t *broker;
    unsigned broker_start;
    uint64_t number; /* counts all connections */
    uint32_t peer;
    bool open_here;                   /* the process's end believes in it */
    bool open_there;                  /* the broker's end does */
    bool hole;                        /* nothing gets through any more */
    bool telling_here, telling_there; /* news of the break is on its way, or waits behind a cut */
    sim_queue_t up, down;             /* in flight */
    sim_queue_t late;                 /* of `up`, what comes after the end of its connection */
    size_t before;                    /* of `up`, what was on its way when the network broke it */
    int64_t up_ns, down_ns;           /* when the last one of them is due */
    sim_credit_t credit;              /* of the broker's side */
    uint64_t epoch;                   /* that its HELLO said */
} sim_conn_t;

/* A DEALER. */
typedef struct sim_socket {
    struct sim_socket *next;
    sim_world_t *world;
    sim_proc_t *proc;
    sim_conn_t *conn; /* NULL while it is connecting */
    sim_queue_t out;  /* waits for a connection */
    sim_queue_t in;
    bool asleep; /* its reader found nothing, so the next arrival signals */
    bool signal; /* its descriptor is readable */
    bool closed;
    int64_t pause_ms; /* before the next attempt to connect */
} sim_socket_t;

struct sim_net {
    sim_world_t *world;
    sim_prng_t prng, order; /* `order`: of what overtakes what */
    sim_conn_t *conns;
    sim_socket_t *sockets;
    uint64_t conns_n;
};

sim_net_t *sim_net_new(sim_world_t *world, sim_prng_t prng);
void sim_net_destroy(sim_net_t **self);

/* The process's side. */
sim_socket_t *sim_socket_open(sim_net_t *self, sim_proc_t *proc);
/* In good order what was sent still arrives (LINGER 0: perhaps not the last of it); `silent`: the machine is
 * gone, and the broker is not told. */
void sim_socket_close(sim_socket_t *self, bool silent);
void sim_socket_send(sim_socket_t *self, const void *bytes, size_t len);
/* The next frame that has arrived, for the caller to free; NULL when there is none. */
sim_frame_t *sim_socket_receive(sim_socket_t *self);

/* The broker's side. False where the peer is gone (EHOSTUNREACH). */
bool sim_net_send(sim_net_t *self, sim_broker_t *broker, uint32_t peer, const void *bytes, size_t len);
sim_conn_t *sim_net_conn(sim_net_t *self, const sim_broker_t *broker, uint32_t peer);
/* The broker has died, or ended in good order. */
void sim_net_broker_gone(sim_net_t *self, sim_broker_t *broker, bool in_order);

/* Faults. */
void sim_conn_break(sim_conn_t *self, bool tell_here, bool tell_there);
/* The process can be reached again: what was held up goes on. */
void sim_net_healed(sim_net_t *self, sim_proc_t *proc);
/* Ends of broken connections that were not told are told now, as TCP does when it tries to send. */
void sim_net_tell_all(sim_net_t *self);
/* What is left in broken connections is lost. */
void sim_net_lose_rest(sim_net_t *self);
/* A connection of somebody who says what was said before. */
void sim_net_stray(sim_net_t *self, sim_broker_t *broker, sim_proc_t *proc, const void *bytes, size_t len);

void sim_queue_put(sim_queue_t *queue, sim_frame_t *frame);
sim_frame_t *sim_queue_take(sim_queue_t *queue);
/* Of what has arrived, the first one of any of its connections. */
sim_frame_t *sim_net_choose(sim_net_t *self, sim_queue_t *arrived);
/* The first n of them are gone, and whoever wrote them will never know. */
void sim_queue_lose(sim_world_t *world, sim_queue_t *queue, size_t n, const char *why);
void sim_queue_free(sim_queue_t *queue);
sim_frame_t *sim_frame_new(const void *bytes, size_t len);

#endif
