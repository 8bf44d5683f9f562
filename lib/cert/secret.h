/*
 * The secret part of a certificate: what its holder proves itself with. A file of its own,
 * DIR/secret/NAME.yaml, that nobody but its owner may read:
 *
 *     certificate: reader-1
 *     key: '...'          # public, as in the public part
 *     secret-key: '...'
 *     broker: '...'       # public key of the broker that it goes to; absent in a broker's own
 *
 * Secret keys are never printed and never in a command line; wipe what was read as soon as it was used.
 */
#ifndef TR_CERT_SECRET_H
#define TR_CERT_SECRET_H

#include "lib/cert/cert.h"

#include "lib/base/error.h"
#include "proto/aid.h"

typedef struct tr_secret {
    char name[TR_NAME_MAX + 1];
    char key[TR_KEY_TEXT + 1]; /* Z85, as the next two */
    char secret_key[TR_KEY_TEXT + 1];
    char broker[TR_KEY_TEXT + 1]; /* "" in a broker's own */
} tr_secret_t;

/* New keys for a name. 0, -EINVAL (no name), -ENOTSUP (a ZeroMQ library without CURVE). */
int tr_secret_make(const char *name, tr_secret_t *ret_secret, tr_error_t *error);
/* -EPERM: others can read the file; -EINVAL with the place; the errno of a file that cannot be read;
 * -EKEYREJECTED: the two keys do not belong together. `self` is untouched on failure. */
int tr_secret_load(tr_secret_t *self, const char *path, tr_error_t *error);
/* Writes it with mode 0600 into directory/secret, which is made (0700) where there is none. */
int tr_secret_save(const tr_secret_t *self, const char *directory, tr_error_t *error);
void tr_secret_wipe(tr_secret_t *self);
/* DIR/secret/NAME.yaml into out (PATH_MAX bytes). */
int tr_secret_path(const char *directory, const char *name, char *out, tr_error_t *error);

/* Makes a ZeroMQ socket a CURVE client with this secret, or a server; before it connects or binds. Negative
 * errno. */
int tr_secret_client(const tr_secret_t *self, void *socket);
int tr_secret_server(const tr_secret_t *self, void *socket);

#endif
