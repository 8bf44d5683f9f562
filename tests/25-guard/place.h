/* A directory of certificates for one test, and raw ZeroMQ sockets that prove themselves with them. */
#ifndef TESTS_GUARD_PLACE_H
#define TESTS_GUARD_PLACE_H

#include "tests/10-broker/daemon.h"

#include "lib/cert/cert.h"
#include "lib/cert/secret.h"

#include <limits.h>

typedef struct place {
    char directory[64];
    char broker[PATH_MAX]; /* option: --cert=... */
    char certs[PATH_MAX];  /* --certs=... */
    tr_secret_t broker_secret;
} place_t;

/* What a certificate grants; lists are ended by NULL and may be NULL. */
typedef struct grant {
    const char *const *names, *const *publish, *const *subscribe, *const *offer, *const *ask, *const *verbs;
    tr_limits_t limits;
} grant_t;

#define LIST(...)                                                                                            \
    (const char *const[]) {                                                                                  \
        __VA_ARGS__, NULL                                                                                    \
    }

void place_make(place_t *p);
/* With all that is in it. */
void place_remove(place_t *p);
/* A guarded broker with this place's certificates, and further options. */
void place_start(const place_t *p, broker_t *b, const char *const *options);

/* New keys and a certificate for them, in the directory; the secret is given back. */
tr_secret_t place_add(const place_t *p, const char *name, const grant_t *grant);
/* Keys that nobody knows. */
tr_secret_t place_stranger(const place_t *p);
/* Changes a certificate that is there. */
typedef void (*place_change_fn)(tr_cert_t *cert, void *arg);
void place_change(const place_t *p, const char *name, place_change_fn change, void *arg);
void place_revoke(const place_t *p, const char *name);
/* Waits until the broker has read the directory so often. */
void place_wait_read(broker_t *b, int times);

/* A peer that proves itself; `secret` NULL: without CURVE. */
void peer_open_as(peer_t *p, const char *endpoint, const tr_secret_t *secret);
/* Sends HELLO; whether a WELCOME comes within wait_ms. */
bool peer_knock(peer_t *p, long wait_ms);
/* Waits for REFUSED with this id and reason. */
void peer_expect_refused(peer_t *p, uint64_t id, tr_reason_t reason);
const tr_record_t *peer_expect_nack(peer_t *p, uint64_t id, tr_reason_t reason);

/* A plain watcher of the stream. */
typedef struct watcher {
    void *context, *socket, *monitor;
} watcher_t;
/* `type`: ZMQ_SUB or ZMQ_XSUB. Subscribes to the prefixes. */
void watcher_open(
    watcher_t *w, const broker_t *b, const tr_secret_t *secret, int type, const char *const *prefixes);
void watcher_close(watcher_t *w);
/* The topic of the next message into `topic` (TR_TOPIC_MAX + 1 bytes); false after wait_ms. */
bool watcher_next(watcher_t *w, char *topic, long wait_ms);
/* Waits for an event of ZeroMQ's monitor. */
bool watcher_event(watcher_t *w, int event, long wait_ms);

int64_t test_now_ms(void);

#endif
