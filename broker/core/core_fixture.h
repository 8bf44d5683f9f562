/*
 * A world for the core's tests: a core, a clock that stands still unless told, and everything that came out,
 * record by record. After each step the conservation rules are asserted. Peers are small numbers; what a test
 * takes out stays valid until the world ends.
 */
#ifndef TR_BROKER_CORE_FIXTURE_H
#define TR_BROKER_CORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/core.h"
#include "lib/store/journal_memory.h"
#include "proto/acl.h"
#include "proto/aid.h"
#include "proto/bundle.h"
#include "proto/link.pb-c.h"
#include "proto/topic.h"

#define WORLD_KEYS 16

struct net;

typedef struct got {
    struct got *next;
    tr_core_out_t out; /* without its buffer; text and detail are copies */
    char *text;
    char *detail;
    uint8_t *bytes;
    tr_record_t record;
} got_t;

typedef struct world {
    tr_pool_t pool;
    tr_core_t *core;
    tr_core_config_t config;
    tr_core_now_t now;
    got_t *first, **last; /* what came out, not yet taken */
    got_t *taken;
    tr_buf_t *draft; /* the bundle that is being written */
    uint32_t draft_records;
    uint64_t next_id;
    char *answer;
    /* With config.journal: what the shell and its thread do, in memory. */
    tr_journal_disk_t *disk;
    tr_journal_t *journal;
    bool hold; /* writes and reads wait for disk_works */
    got_t *jobs, **jobs_end;
    uint8_t keys[WORLD_KEYS]; /* of peers: 32 times this byte, 0 = none */
    tr_peer_t broken;         /* the network takes nothing for it; 0 = takes all */
    /* What is for another broker goes to the net (core_net.h) instead of into the list. Takes the buffer. */
    void (*abroad)(struct world *w, const tr_core_out_t *out);
    void (*carry)(struct net *net); /* and to where it goes */
    struct net *net;
    char name[8]; /* of such a broker */
} world_t;

/* After an event that was fed by hand: flushes, collects and checks. */
void step(world_t *w);

/* A config of NULL is the defaults. */
world_t *world_new(const tr_core_config_t *config);
void world_end(world_t *w);
/* A config to change before world_new. */
tr_core_config_t world_config(void);

/* The broker ends without a word and another one begins on its disk; of the batches that were not synced, the
 * first `keep` are there. Peers have no sessions any more. */
void world_crash(world_t *w, size_t keep);
/* The same on a disk that may be damaged: false where the journal is refused (the world has then no core). */
bool world_recovers(world_t *w);
/* With hold: up to n of what the core asked of the disk is done. Returns how many. */
size_t disk_works(world_t *w, size_t n);

/* core_fixture_disk.c. Opens the journal and gives it to the core; false where the core refuses what it
 * finds. */
bool world_disk_open(world_t *w);
void world_disk_do(world_t *w, const got_t *job);

/* What happens. */
void pass(world_t *w, int64_t ms); /* time, and a tick at its end */
void feed(world_t *w, tr_peer_t peer, const void *bytes, size_t len);
void lose(world_t *w, tr_peer_t peer);
void interest(world_t *w, const char *prefix, bool on);

/* A bundle of several records. */
void draft(world_t *w, const tr_record_header_t *h, const void *envelope, const void *content, size_t len);
void draft_send(world_t *w, tr_peer_t peer);

/* A record with a body of link.proto's, alone in its bundle. Gives its id. */
uint64_t control(
    world_t *w, tr_peer_t peer, tr_kind_t kind, tr_route_t src, uint64_t id, const ProtobufCMessage *body);

typedef struct welcome {
    uint8_t token[16];
    bool resumed;
    uint64_t epoch;
} welcome_t;

/* HELLO with wide windows, a new session. */
welcome_t hello(world_t *w, tr_peer_t peer);
welcome_t hello_window(world_t *w, tr_peer_t peer, uint64_t records, uint64_t bytes);
/* A new session of a producer of durable messages. */
void hello_producer(world_t *w, tr_peer_t peer, const char *name, uint64_t epoch);
/* Resumes; only sends. */
void hello_again(world_t *w, tr_peer_t peer, const welcome_t *session, uint64_t epoch);
uint64_t ask_register(world_t *w, tr_peer_t peer, const char *name, uint32_t count);
/* Registers and asserts that it was done. */
tr_route_t join_range(world_t *w, tr_peer_t peer, const char *name, uint32_t count);
tr_route_t join(world_t *w, tr_peer_t peer, const char *name);
uint64_t leave(world_t *w, tr_peer_t peer, const char *name);
uint64_t subscribe(world_t *w, tr_peer_t peer, tr_route_t agent, const char *pattern);
void credit(world_t *w, tr_peer_t peer, uint64_t records, uint64_t bytes);
void settle(world_t *w, tr_peer_t peer, const got_t *leased, bool release);
/* It is given back by a receiver that failed with it. */
void settle_failed(world_t *w, tr_peer_t peer, const got_t *leased);
void extend(world_t *w, tr_peer_t peer, const got_t *leased);

/* A message or publication. */
typedef struct letter {
    tr_route_t src;
    const char *from;
    const char *to;
    const char *topic; /* makes it a publication; `to` is then not used */
    tr_route_t dst;
    const char *text;
    bool binary;           /* the text has `size` bytes, whatever they are */
    size_t size;           /* of the content; 0 = the text's */
    tr_performative_t act; /* TR_ACT_NONE = inform */
    bool no_act;           /* really none */
    uint8_t kind;          /* 0 = by topic */
    uint8_t flags;
    uint8_t hops; /* 0 = TR_HOPS_DEFAULT */
    bool no_hops; /* hops really 0 */
    uint64_t deadline_ms;
    const char *reply_with;
    const char *conversation, *protocol, *ontology, *language;
    const char *traceparent;  /* the record is marked as traced; NULL = it is not */
    const char *const *chain; /* of its delegation, ended by NULL; NULL = none */
    tr_budget_t budget;
    uint64_t id; /* 0 = the next one */
    uint8_t priority;
} letter_t;
void draft_letter(world_t *w, const letter_t *l, uint64_t *ret_id);
uint64_t post(world_t *w, tr_peer_t peer, const letter_t *l);

/* A request to ams or df in JSON, into a bundle; its id. The answer is "PERFORMATIVE JSON", valid until the next one. */
uint64_t draft_ask(world_t *w, tr_route_t src, const char *from, const char *whom, const char *json);
const char *answer_to(world_t *w, tr_route_t src, uint64_t id);
/* Both at once. */
const char *ask(
    world_t *w, tr_peer_t peer, tr_route_t src, const char *from, const char *whom, const char *json);

/* The first record of that kind to the peer, or NULL. */
got_t *take(world_t *w, tr_peer_t peer, tr_kind_t kind);
got_t *take_stream(world_t *w, const char *topic);
got_t *take_event(world_t *w, tr_core_event_t event);
void forget(world_t *w); /* all that came out */

got_t *expect(world_t *w, tr_peer_t peer, tr_kind_t kind);
/* The next message or publication to the peer, with this text. */
got_t *expect_text(world_t *w, tr_peer_t peer, tr_kind_t kind, const char *text);
void expect_none(world_t *w, tr_peer_t peer, tr_kind_t kind);
void expect_refused(world_t *w, tr_peer_t peer, uint64_t id, tr_reason_t reason);
got_t *expect_nack(world_t *w, tr_peer_t peer, uint64_t id, tr_reason_t reason);
void expect_done(world_t *w, tr_peer_t peer, uint64_t id);
tr_route_t expect_resolved(world_t *w, tr_peer_t peer, const char *name);

#endif
