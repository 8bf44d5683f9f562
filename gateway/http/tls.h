/*
 * The certificate of the server, which is read again when its files change: connections from then on get the new one, those that are there keep
 * theirs. Where it cannot be read, or the key is not its key, the old one stays.
 *
 * The web's thread alone.
 */
#ifndef TR_GATEWAY_HTTP_TLS_H
#define TR_GATEWAY_HTTP_TLS_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <time.h>

typedef struct tr_web_tls {
    void *ctx; /* SSL_CTX, the library's; NULL: there is no TLS */
    const char *cert, *key;
    struct timespec cert_changed, key_changed;
    bool known; /* the times are those of what is used */
} tr_web_tls_t;

/* Looks at the files. True: they have changed, and are used from now on. False with error->code set: they have changed, and are not. */
bool tr_web_tls_refresh(tr_web_tls_t *self, tr_error_t *error);

#endif
