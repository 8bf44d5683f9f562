/*
 * A record: a fixed little-endian header of 48 bytes, an ACL envelope (protobuf, proto/acl.proto) and a
 * content.
 *
 *   offset size field
 *        0    4 length        of the whole record, header included
 *        4    1 kind          tr_kind_t
 *        5    1 performative  1..22 (proto/performative.h), 0 = none
 *        6    1 flags         TR_FLAG_*
 *        7    1 hops          hops left; a broker takes one off, and refuses 0
 *        8    8 dst           route; 0 = resolve the envelope's first receiver, or its topic
 *       16    8 src           route of the sending agent; the broker checks it
 *       24    8 id            the sender's number for this record; on a delivered publication the topic's
 *                             sequence number, on a record with TR_FLAG_LEASED the delivery number
 *       32    8 deadline      reply-by, Unix time in milliseconds, 0 = none; on a publication delivered to
 *                             a subscriber the topic's route (publications have no reply-by)
 *       40    2 envelope      length of the envelope
 *       42    2 reason        tr_reason_t of a NACK or REFUSED, otherwise 0
 *       44    1 priority      0..9, 0 = the default
 *       45    1 attempt       earlier deliveries of this record
 *       46    2 marks         TR_MARK_*; others are passed on as they are
 *
 * The broker routes on this header alone. Readers check `length` and `envelope` against what is there before
 * anything else (proto/bundle.h does).
 */
#ifndef TR_PROTO_RECORD_H
#define TR_PROTO_RECORD_H

#include "proto/route.h"

#include <stddef.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TR_RECORD_HEADER    48u
#define TR_RECORD_MAX       (4u << 20) /* bytes, the default limit on one record */
#define TR_ENVELOPE_MAX     16384u     /* bytes */
#define TR_HOPS_DEFAULT     64u
#define TR_PROTOCOL_VERSION 1u
#define TR_RECORD_DST       8u  /* offset of the destination route ... */
#define TR_RECORD_SRC       16u /* ... and of the source's */

typedef enum tr_kind {
    TR_KIND_NONE = 0,
    /* data: counted by credits, as NACK and GAP are */
    TR_KIND_MESSAGE = 1, /* to an agent or a service */
    TR_KIND_PUBLISH = 2, /* to a topic */
    /* control: a process and its broker */
    TR_KIND_HELLO = 16,   /* -> Hello */
    TR_KIND_WELCOME = 17, /* <- Welcome */
    TR_KIND_PING = 18,    /* either way; id comes back in the PONG */
    TR_KIND_PONG = 19,
    TR_KIND_CREDIT = 20,      /* either way; see tr_credit_t */
    TR_KIND_BYE = 21,         /* -> no more records follow; answered when all before it are taken */
    TR_KIND_BYE_OK = 22,      /* <- */
    TR_KIND_REGISTER = 24,    /* -> Register, id */
    TR_KIND_REGISTERED = 25,  /* <- Registered, same id */
    TR_KIND_DEREGISTER = 26,  /* -> Deregister, id; answered by DONE */
    TR_KIND_RESOLVED = 27,    /* <- Resolved: a name's or topic's route */
    TR_KIND_SUBSCRIBE = 28,   /* -> Subscribe, src = the subscribing agent, id; answered by DONE */
    TR_KIND_UNSUBSCRIBE = 29, /* -> Subscribe, src, id; answered by DONE */
    TR_KIND_DONE = 30,        /* <- what the id asked for is done */
    TR_KIND_REFUSED = 31,     /* <- Refusal: what the id asked for is refused; reason in the header */
    TR_KIND_NACK = 32,        /* <- a message could not be delivered: dst = its sender, src = its dst,
                                 id = its id; its envelope; Nack */
    TR_KIND_SETTLE = 33, /* -> a leased message is dealt with: src = its receiver, id = its delivery number */
    TR_KIND_GAP = 34,    /* <- publications dropped: src = topic, dst = subscriber, id = how many */
    TR_KIND_MUTE = 35,   /* <- stop sending to the `id` routes from `src` on: a mailbox fills */
    TR_KIND_UNMUTE = 36, /* <- */
    TR_KIND_GONE = 37,   /* <- Gone: who was behind the `id` routes from `src` on has ended */
    TR_KIND_STORED = 38, /* <- durable messages are on disk: pairs of 8 bytes {first id, count} */
    /* between brokers (broker/core/federation/neighbour.h); but MOVED and REPORT, which a process and its broker say */
    TR_KIND_PEER = 39,     /* -> Peer: the first record of who dialled */
    TR_KIND_PEER_OK = 40,  /* <- Peer: the answer, also where it is refused */
    TR_KIND_INTEREST = 41, /* both -> Interest: what agents over there may ask of this platform */
    TR_KIND_MOVED =
        42, /* <- Deregister: an agent of this process, src = its route, is another process's now */
    TR_KIND_REPORT = 43, /* -> Report: how an agent of the process fares; src = its route */
    TR_KIND_MAX = 44,
} tr_kind_t;

#define TR_FLAG_LEASED      0x01u /* settle it, or it is delivered again */
#define TR_FLAG_REDELIVERED 0x02u
#define TR_FLAG_DURABLE     0x04u /* kept on disk until it is settled; `id` is of the producer's own numbers */
#define TR_FLAG_NO_NACK     0x08u /* the sender does not care whether it arrives */
#define TR_FLAG_TAP         0x10u /* a copy for the wire tap */
#define TR_FLAG_RELEASE     0x20u /* on SETTLE: not dealt with, give it to somebody else */
#define TR_FLAG_EXTEND      0x40u /* on SETTLE: still in work, its lease begins anew */
#define TR_FLAG_MANDATE     0x80u /* on MESSAGE: the envelope's delegation and budget count (proto/mandate.h) */
#define TR_FLAG_STAYS       0x40u /* on a MESSAGE in a broker's hands: from another platform, goes to no third */

#define TR_MARK_TRACED 0x0001u /* the envelope has a traceparent that is sampled (proto/traceparent.h) */

/* Behind the content of a durable message that one broker leases to another, where it is in the journal of the first,
 * the same over all deliveries: queue, epoch of the queue, number in its lane, of 8 bytes each. */
#define TR_ORIGIN_SIZE 24u

/* Why something was refused or not delivered. Names: tr_reason_name. */
typedef enum tr_reason {
    TR_REASON_NONE = 0,
    TR_REASON_NO_SESSION = 1, /* say HELLO first */
    TR_REASON_BAD_BUNDLE = 2,
    TR_REASON_BAD_VERSION = 3,
    TR_REASON_BAD_RECORD = 4,
    TR_REASON_BAD_ENVELOPE = 5,
    TR_REASON_TOO_LARGE = 6,
    TR_REASON_UNKNOWN_KIND = 7,
    TR_REASON_BAD_NAME = 8,
    TR_REASON_DUPLICATE_NAME = 9,
    TR_REASON_NOT_FOUND = 10,   /* nobody has that name */
    TR_REASON_STALE_ROUTE = 11, /* the route's owner is gone: resolve again */
    TR_REASON_BUSY = 12,        /* mailbox or queue full: retry later */
    TR_REASON_NO_PROVIDER = 13,
    TR_REASON_AGENT_GONE = 14, /* it died with the message in its mailbox */
    TR_REASON_FORGED_SENDER = 15,
    TR_REASON_HOPS = 16,
    TR_REASON_BAD_TOPIC = 17,
    TR_REASON_FORBIDDEN = 18,
    TR_REASON_EXPIRED = 19, /* its deadline passed in the queue */
    TR_REASON_TRIES = 20,   /* delivered too often without being settled */
    TR_REASON_LIMIT = 21,   /* too many agents, subscriptions, topics */
    TR_REASON_CREDIT = 22,  /* sent more than its credit */
    TR_REASON_SHUTDOWN = 23,
    TR_REASON_OLD_EPOCH = 24,
    TR_REASON_NO_JOURNAL = 25,  /* a durable message to a broker that keeps none */
    TR_REASON_NO_PRODUCER = 26, /* a durable message of a process that did not say which producer it is */
    TR_REASON_CORRUPT = 27,     /* what the journal gave back is not what was written */
    TR_REASON_TOO_OLD = 28,     /* it waited in a durable queue for longer than those are kept */
    TR_REASON_UNKNOWN_PLATFORM = 29, /* no broker of that name is linked to this one, nor ever was */
    TR_REASON_PEER_DOWN = 30,        /* the link to the broker of that platform is broken */
    TR_REASON_DELEGATION = 31,       /* a delegation chain that it was not given */
    TR_REASON_CYCLE = 32,            /* who is to get it is in its delegation chain */
    TR_REASON_BUDGET = 33,           /* more than it had to spend, or nothing is left */
    TR_REASON_QUARANTINED = 34,      /* the sender, or the receiver, is in quarantine */
    TR_REASON_POISON = 35, /* those who got it failed with it; on SETTLE with RELEASE: this one did */
    TR_REASON_MAX = 36,
} tr_reason_t;

typedef struct tr_record_header {
    uint32_t length;
    uint8_t kind;
    uint8_t performative;
    uint8_t flags;
    uint8_t hops;
    tr_route_t dst;
    tr_route_t src;
    uint64_t id;
    uint64_t deadline_ms;
    uint16_t envelope_len;
    uint16_t reason;
    uint8_t priority;
    uint8_t attempt;
    uint16_t marks;
} tr_record_header_t;

/* A record in somebody else's memory: valid as long as that is. */
typedef struct tr_record {
    tr_record_header_t h;
    const uint8_t *bytes; /* the encoded record, h.length of them */
    const uint8_t *envelope;
    const uint8_t *content;
    uint32_t content_len;
} tr_record_t;

/* Body of a CREDIT record: what its sender has taken so far, in total since WELCOME. */
typedef struct tr_credit {
    uint64_t records;
    uint64_t bytes;
} tr_credit_t;
#define TR_CREDIT_SIZE 16u

/* Byte by byte, which compilers make one instruction of, so that no header of the system is needed. */
static inline uint16_t tr_get16(const uint8_t *p) {
    return (uint16_t)(p[0] | p[1] << 8);
}
static inline uint32_t tr_get32(const uint8_t *p) {
    return tr_get16(p) | (uint32_t)tr_get16(p + 2) << 16;
}
static inline uint64_t tr_get64(const uint8_t *p) {
    return tr_get32(p) | (uint64_t)tr_get32(p + 4) << 32;
}
static inline void tr_put16(uint8_t *p, uint16_t v) {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}
static inline void tr_put32(uint8_t *p, uint32_t v) {
    tr_put16(p, (uint16_t)v);
    tr_put16(p + 2, (uint16_t)(v >> 16));
}
static inline void tr_put64(uint8_t *p, uint64_t v) {
    tr_put32(p, (uint32_t)v);
    tr_put32(p + 4, (uint32_t)(v >> 32));
}

static inline void tr_record_header_write(const tr_record_header_t *h, uint8_t out[TR_RECORD_HEADER]) {
    tr_put32(out, h->length);
    out[4] = h->kind;
    out[5] = h->performative;
    out[6] = h->flags;
    out[7] = h->hops;
    tr_put64(out + 8, h->dst);
    tr_put64(out + 16, h->src);
    tr_put64(out + 24, h->id);
    tr_put64(out + 32, h->deadline_ms);
    tr_put16(out + 40, h->envelope_len);
    tr_put16(out + 42, h->reason);
    out[44] = h->priority;
    out[45] = h->attempt;
    tr_put16(out + 46, h->marks);
}

static inline void tr_record_header_read(tr_record_header_t *h, const uint8_t in[TR_RECORD_HEADER]) {
    h->length = tr_get32(in);
    h->kind = in[4];
    h->performative = in[5];
    h->flags = in[6];
    h->hops = in[7];
    h->dst = tr_get64(in + 8);
    h->src = tr_get64(in + 16);
    h->id = tr_get64(in + 24);
    h->deadline_ms = tr_get64(in + 32);
    h->envelope_len = tr_get16(in + 40);
    h->reason = tr_get16(in + 42);
    h->priority = in[44];
    h->attempt = in[45];
    h->marks = tr_get16(in + 46);
}

/* Whether a record of this kind counts against the credit of a link, in either direction. */
static inline int tr_kind_is_data(uint8_t kind) {
    return kind == TR_KIND_MESSAGE || kind == TR_KIND_PUBLISH || kind == TR_KIND_NACK || kind == TR_KIND_GAP;
}

/* "message", "hello" ...; "unknown" for a number that is none. Static strings. */
const char *tr_kind_name(unsigned kind);
const char *tr_reason_name(unsigned reason);

#ifdef __cplusplus
}
#endif

#endif
