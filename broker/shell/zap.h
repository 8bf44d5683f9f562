/*
 * Who may connect: ZeroMQ's authentication protocol (ZAP, RFC 27) on a thread of its own, which also looks
 * after the directory of certificates, so that the router thread waits for neither.
 *
 * Fail closed: a handshake that the thread does not answer does not end; a key that is not in the newest
 * book, or a directory that cannot be read, lets nobody in.
 */
#ifndef TR_BROKER_ZAP_H
#define TR_BROKER_ZAP_H

#include "lib/base/error.h"
#include "lib/cert/cert.h"

#define TR_ZAP_LINKS  "links" /* domains: what ZMQ_ZAP_DOMAIN of the sockets is */
#define TR_ZAP_STREAM "stream"
#define TR_ZAP_PEERS  "peers" /* other brokers */

typedef struct tr_zap tr_zap_t;

/* What the thread has to tell. */
typedef struct tr_zap_news {
    struct tr_zap_news *next;
    enum { TR_ZAP_REFUSED, TR_ZAP_BROKEN } kind; /* a handshake; a certificate's file, or all of them */
    char name[TR_KEY_TEXT + 1];                  /* of the certificate where the key has one, or the key */
    char detail[256];
} tr_zap_news_t;

/* Reads the directory, binds the handler in this context and starts the thread; before any socket that asks
 * it is bound. `certs` is borrowed. */
int tr_zap_new(void *context, const char *certs, tr_zap_t **ret_self, tr_error_t *error);
/* NULL-safe; before the context is terminated. */
void tr_zap_destroy(tr_zap_t **self);

/* Readable when there is a new book or news. */
int tr_zap_fd(const tr_zap_t *self);
/* The newest book, where there is one since the last call: the caller releases it. Otherwise NULL. */
tr_cert_book_t *tr_zap_book(tr_zap_t *self);
/* The next of the news, to be freed; NULL where there is none. */
tr_zap_news_t *tr_zap_news(tr_zap_t *self);

/* For the self-test: a key that is let in or not, as said here, and no news in either case. NULL: there is
 * none. */
void tr_zap_probe(tr_zap_t *self, const uint8_t *key, bool let_in);

#endif
