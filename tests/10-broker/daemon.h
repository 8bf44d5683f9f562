/*
 * The real broker as a child of a test, and what talks to it: raw ZeroMQ and hand-made bundles, so that these
 * tests are no judge in the cause of our own link.
 *
 * Ports are the kernel's choice. A broker ends with its test by the kernel's hand, whatever happens. Waiting is
 * for a condition; PATIENCE_MS bounds it for slow machines under a sanitizer.
 */
#ifndef TESTS_BROKER_DAEMON_H
#define TESTS_BROKER_DAEMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/pool.h"
#include "proto/acl.h"
#include "proto/bundle.h"
#include "proto/link.pb-c.h"

#include <sys/types.h>
#include <zmq.h>

#define PATIENCE_MS 20000

typedef struct broker {
    pid_t pid;
    int err;         /* a file with its stderr */
    char line[1024]; /* what it wrote when it was ready; "" when it was not */
    char endpoint[256], stream[256], http[64];
} broker_t;

/* With these options behind those for ports of the kernel's choice and a lease of a minute (the test's peers say
 * nothing while it waits); ended by NULL. It need not become ready. */
void broker_start(broker_t *b, const char *const *options);
/* The same with no other option than these. */
void broker_start_plain(broker_t *b, const char *const *options);
/* Waits for its end; the exit code, or minus the signal that ended it. */
int broker_wait(broker_t *b);
/* Is it still there? Does not wait. */
bool broker_runs(const broker_t *b);
/* SIGTERM, and asserts that it ends with 0. */
void broker_stop(broker_t *b);
/* What is on its stderr so far; valid until the next call (one at a time). */
const char *broker_log(const broker_t *b, char *text, size_t size);
void broker_wait_log(const broker_t *b, const char *part);

/* GET path: the status; the body goes to `body`. */
int http_get(const broker_t *b, const char *path, char *body, size_t size);
/* The value of one line of /metrics, -1 where it is not there. */
double metric(const broker_t *b, const char *name);
void wait_metric(const broker_t *b, const char *name, double at_least);

typedef struct peer {
    void *context, *socket;
    tr_pool_t pool;
    uint64_t next_id;
    zmq_msg_t frame; /* the bundle that is being read */
    bool open;
    tr_bundle_reader_t reader;
    tr_record_t record; /* the last one that peer_expect found; it lives in `frame` */
} peer_t;

void peer_open(peer_t *p, const char *endpoint);
/* At once, as a process that is killed. */
void peer_close(peer_t *p);
void peer_raw(peer_t *p, const void *bytes, size_t len, int flags);
void peer_record(
    peer_t *p, const tr_record_header_t *h, const void *envelope, const void *content, size_t len);
uint64_t peer_control(peer_t *p, tr_kind_t kind, uint64_t id, const ProtobufCMessage *body);
/* Reads on until a record of that kind; false after wait_ms. */
bool peer_next(peer_t *p, tr_kind_t kind, long wait_ms);
const tr_record_t *peer_expect(peer_t *p, tr_kind_t kind);

void peer_hello(peer_t *p);
tr_route_t peer_register(peer_t *p, const char *name);
/* A message (or, with `topic`, a publication); gives its id. */
uint64_t peer_send(peer_t *p, tr_route_t src, const char *from, const char *to, const char *topic,
    tr_performative_t act, const void *content, size_t len);

#endif
