/*
 * The shell's part of federation (neighbour.h): a ROUTER where other brokers come in, and a DEALER for each
 * address that is dialled. CURVE on all of them, always.
 *
 * An address is dialled again and again, with pauses that double up to two seconds and a part of chance, on a
 * new socket each time: libzmq's own reconnection would not tell what it does. It is left alone while there is
 * a link to the broker behind it from the other side. What a DNS name stands for is looked up on a thread
 * (resolver.h).
 *
 * Connections have numbers above those of processes: bit 32 for who came in, bit 33 for who was dialled.
 */
#ifndef TR_BROKER_PEERS_H
#define TR_BROKER_PEERS_H

#include "broker/core/core.h"
#include "broker/shell/connection.h"
#include "broker/shell/doze.h"
#include "broker/shell/options.h"
#include "broker/shell/resolver.h"
#include "broker/shell/sockets.h"
#include "lib/base/log.h"

typedef enum tr_dial_state {
    TR_DIAL_WAITS, /* until the next try */
    TR_DIAL_TRIES,
    TR_DIAL_LINKED,
    TR_DIAL_TWICE, /* there is a link to it from the other side */
    TR_DIAL_SELF,  /* it is this broker's own address */
    TR_DIAL_STATES,
} tr_dial_state_t;

typedef struct tr_dial {
    char endpoint[TR_ENDPOINT_MAX];
    char certificate[TR_NAME_MAX + 1]; /* of who answers there; "" = the one that this broker has itself */
    bool by_name;                      /* found by DNS: it goes when its address does ... */
    size_t name_at;                    /* ... of this name */
    bool wanted;                       /* its address is still one of the name's */
    tr_dial_state_t state;
    void *socket, *monitor;
    int fd, monitor_fd;
    tr_peer_t peer;
    uint8_t key[TR_KEY_SIZE]; /* of who answers there */
    int64_t next_ms;          /* the next try, or the end of this one */
    int64_t pause_ms;
    unsigned tries;
    char platform[TR_PLATFORM_MAX + 1];
    char detail[240]; /* of the last failure */
} tr_dial_t;

/* Who came in. */
typedef struct tr_inbound_peer {
    tr_peer_t peer;
    bool proven;
    uint8_t key[TR_KEY_SIZE];
    tr_connection_t connection;
    int64_t cut_ms; /* 0 = it is not to be cut */
} tr_inbound_peer_t;

/* A name whose last look-up failed, as tr_resolved_t says. */
typedef struct tr_unfound {
    char error[sizeof((tr_resolved_t){0}).error]; /* "" = it is found */
} tr_unfound_t;

typedef struct tr_peers {
    const tr_broker_options_t *options; /* NULL = this broker links to no other one */
    void *context;                      /* borrowed, as the next ones */
    tr_core_t *core;
    tr_log_t *log;
    tr_doze_t *doze;
    void *router; /* NULL = nobody comes in */
    char endpoint[TR_ENDPOINT_MAX];
    tr_dial_t **dials;
    tr_core_dial_t *told; /* what the core knows of them, and of names that are not found */
    size_t dials_n;
    tr_inbound_peer_t *inbound;
    size_t inbound_n;
    tr_resolver_t *resolver;
    tr_unfound_t *unfound; /* for each of --peers-dns */
    uint64_t serial;
    uint64_t random;
} tr_peers_t;

/* Whether the options ask for links to other brokers. */
bool tr_peers_wanted(const tr_broker_options_t *options);
/* Binds, before anybody is let in; finish it in every case. -EINVAL, -EPERM (no certificates), -EADDRINUSE. */
int tr_peers_init(tr_peers_t *self, const tr_broker_options_t *options, const tr_sockets_t *sockets,
    const tr_sockets_config_t *config, tr_error_t *error);
/* Begins to dial. */
int tr_peers_open(tr_peers_t *self, tr_core_t *core, tr_log_t *log, tr_doze_t *doze, tr_error_t *error);
/* Before the sockets. */
void tr_peers_finish(tr_peers_t *self);

/* Whether a connection is one of these. */
static inline bool tr_peers_has(tr_peer_t peer) {
    return peer >> 32 != 0;
}
/* Feeds the core with what is there, up to a bound. False when there was nothing. */
bool tr_peers_take(tr_peers_t *self, tr_core_now_t now);
/* Gives buf up, but for -EHOSTUNREACH: the connection is gone, and buf is the caller's. */
int tr_peers_send(tr_peers_t *self, tr_peer_t peer, tr_buf_t *buf);
/* The core's TR_OUT_CUT and TR_OUT_DIALLED. */
void tr_peers_cut(tr_peers_t *self, tr_peer_t peer, tr_core_now_t now);
void tr_peers_dialled(tr_peers_t *self, const tr_core_out_t *out, tr_core_now_t now);
/* A few times a second, and when the doze says so. */
void tr_peers_tick(tr_peers_t *self, tr_core_now_t now);

/* dial.c */
/* A new address; [CERTIFICATE@]ENDPOINT is parsed by tr_dial_parse. NULL when out of memory. */
tr_dial_t *tr_dial_new(tr_peers_t *peers, const char *certificate, const char *endpoint);
void tr_dial_close(tr_peers_t *peers, tr_dial_t *dial);
/* Tells the core of the loss, where there was a link, and tries again later. */
void tr_dial_lost(tr_peers_t *peers, tr_dial_t *dial, const char *detail, tr_core_now_t now);
void tr_dial_tick(tr_peers_t *peers, tr_dial_t *dial, tr_core_now_t now);
const char *tr_dial_state_name(tr_dial_state_t state);
/* Splits `text`; *ret_endpoint points into it. -EINVAL with the text of what was expected. */
int tr_dial_parse(const char *option, const char *text, char *ret_certificate, const char **ret_endpoint,
    tr_error_t *error);

#endif
