/*
 * Certificates as files. A directory of them is laid out so:
 *
 *     DIR/NAME.yaml          the public part: key, rights, limits. Brokers read all of these (--certs DIR)
 *     DIR/secret/NAME.yaml   the secret part (lib/cert/secret.h): for the holder only, mode 0600
 *
 * A public part:
 *
 *     certificate: reader-1
 *     key: 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7'     # CURVE public key in Z85
 *     old-key: {key: '...', until: 2026-02-01T12:00:00Z}  # good as well until then; absent unless it rotates
 *     made: 2026-01-31T12:00:00Z
 *     not-after: 2027-01-31T12:00:00Z                     # absent: no end
 *     revoked: 2026-03-01T12:00:00Z                       # absent: it is not
 *     rights:                                             # lib/cert/rights.h; absent: none
 *       names: ['reader-*']
 *       publish: ['digest.>']
 *       subscribe: []
 *       offer: ['digest']
 *       ask: ['kb']
 *       verbs: ['df.*']
 *     limits: {messages-per-s: 1000, bytes-per-s: 1M, connections: 4, mailbox-bytes: 8M}   # absent: none
 */
#ifndef TR_CERT_CERT_FILE_H
#define TR_CERT_CERT_FILE_H

#include "lib/base/error.h"
#include "lib/cert/cert.h"

#define TR_CERT_SUFFIX     ".yaml"
#define TR_CERT_SECRET_DIR "secret"

/* `what` names the bytes in errors. The name in it must be `name`, unless that is NULL. -EINVAL with the
 * place, -E2BIG, -ENOMEM. */
int tr_cert_parse(const char *bytes, size_t len, const char *what, const char *name, tr_cert_t **ret_cert,
    tr_error_t *error);
/* A file whose name is the certificate's with TR_CERT_SUFFIX. The same, or the errno of a file that cannot be
 * read. */
int tr_cert_load(const char *path, tr_cert_t **ret_cert, tr_error_t *error);
/* The text of the file; the caller frees it. NULL when out of memory. */
char *tr_cert_print(const tr_cert_t *self);
/* Writes DIR/NAME.yaml in place of what is there; makes the directory (0700) where there is none. */
int tr_cert_save(const tr_cert_t *self, const char *directory, tr_error_t *error);

/* DIR/NAME.yaml into out (PATH_MAX bytes): 0, -EINVAL (no name), -ENAMETOOLONG. */
int tr_cert_path(const char *directory, const char *name, char *out, tr_error_t *error);
int tr_cert_load_named(const char *directory, const char *name, tr_cert_t **ret_cert, tr_error_t *error);

/* "2026-01-31T12:00:00Z"; out has TR_CERT_TIME_TEXT bytes. */
#define TR_CERT_TIME_TEXT 24
void tr_cert_print_time(int64_t unix_ms, char out[TR_CERT_TIME_TEXT]);
bool tr_cert_parse_time(const char *text, int64_t *ret_unix_ms);

/* Z85; out has TR_KEY_TEXT + 1 bytes. */
void tr_key_print(const uint8_t key[TR_KEY_SIZE], char out[TR_KEY_TEXT + 1]);
bool tr_key_parse(const char *text, uint8_t out[TR_KEY_SIZE]);

#endif
