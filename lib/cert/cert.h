/*
 * A certificate: who somebody is (a name and CURVE public keys) and what it may do (rights, limits). This is
 * its public part; the secret key is in a part of its own (lib/cert/secret.h). Pure: no files
 * (lib/cert/cert_file.h).
 *
 * A book is a set of certificates that never changes once it is made, so that threads may share it: what
 * reads a directory makes a new one for each change, and whoever has the old one goes on with it until it
 * lets go.
 */
#ifndef TR_CERT_CERT_H
#define TR_CERT_CERT_H

#include "lib/base/arena.h"
#include "lib/cert/rights.h"

#include <stdint.h>

#define TR_KEY_SIZE      32 /* bytes of a CURVE key */
#define TR_KEY_TEXT      40 /* characters of it in Z85 (ZeroMQ RFC 32) */
#define TR_CERT_KEYS_MAX 2  /* the second one while keys rotate */

typedef struct tr_cert_key {
    uint8_t bytes[TR_KEY_SIZE];
    int64_t until_ms; /* Unix time, 0 = as long as the certificate */
} tr_cert_key_t;

/* 0 = none of its own: the broker's limits hold for everybody anyhow. */
typedef struct tr_limits {
    uint64_t messages_per_s; /* messages and publications that it sends */
    uint64_t bytes_per_s;
    uint64_t connections;   /* sessions at once, and as many watchers of the topic stream */
    uint64_t mailbox_bytes; /* that wait for all of its agents */
} tr_limits_t;

typedef struct tr_cert {
    const char *name; /* as an agent's */
    tr_cert_key_t keys[TR_CERT_KEYS_MAX];
    size_t keys_n;
    int64_t made_ms;      /* Unix time, as the next two; 0 = unknown */
    int64_t not_after_ms; /* 0 = never */
    int64_t revoked_ms;   /* 0 = it is not */
    tr_rights_t rights;
    tr_limits_t limits;
    tr_arena_t arena; /* owns all texts */
} tr_cert_t;

/* With no keys and no rights. NULL when out of memory or `name` is no name. */
tr_cert_t *tr_cert_new(const char *name);
void tr_cert_destroy(tr_cert_t **self);
/* Copies a list into one of self's rights, in place of what was there. 0 or -ENOMEM. */
int tr_cert_set(tr_cert_t *self, tr_strings_t *right, const char *const *items, size_t count);
/* Adds to it what is not there yet. */
int tr_cert_add(tr_cert_t *self, tr_strings_t *right, const char *item);

typedef enum tr_cert_state {
    TR_CERT_VALID,
    TR_CERT_EXPIRED, /* the certificate, or just this key */
    TR_CERT_REVOKED,
    TR_CERT_UNKNOWN, /* nobody's key */
} tr_cert_state_t;

/* "valid", "expired", "revoked", "unknown". */
const char *tr_cert_state_name(tr_cert_state_t state);
/* Of the certificate with its key `at`, at a moment of Unix time. */
tr_cert_state_t tr_cert_state(const tr_cert_t *self, size_t at, int64_t wall_ms);

typedef struct tr_cert_book tr_cert_book_t;

/* Takes all of `certs` over (their pointers become NULL); their names differ. A key that several of them have
 * is nobody's. NULL when out of memory: then nothing was taken. */
tr_cert_book_t *tr_cert_book_new(tr_cert_t **certs, size_t count);
/* One more, one less who has it; any thread. The last one frees it. NULL-safe. */
tr_cert_book_t *tr_cert_book_hold(const tr_cert_book_t *self);
void tr_cert_book_release(tr_cert_book_t **self);
size_t tr_cert_book_count(const tr_cert_book_t *self);
/* Whose key it is and whether it is good now; *ret_cert NULL where it is nobody's. */
tr_cert_state_t tr_cert_book_judge(
    const tr_cert_book_t *self, const uint8_t key[TR_KEY_SIZE], int64_t wall_ms, const tr_cert_t **ret_cert);
const tr_cert_t *tr_cert_book_find(const tr_cert_book_t *self, const char *name);
/* What stands in its certificates, as a short text: "12-0f3a9c2e51b7d684", their number and a hash of all that is in them. Two that read the same
 * files have the same, wherever and when; against whoever writes files so that they have it too it is no proof. */
#define TR_CERT_MARK_TEXT 48
void tr_cert_book_mark(const tr_cert_book_t *self, char out[TR_CERT_MARK_TEXT]);
/* When the first of its certificates is revoked after that moment; 0 = none is. */
int64_t tr_cert_book_next_revocation(const tr_cert_book_t *self, int64_t after_ms);

#endif
