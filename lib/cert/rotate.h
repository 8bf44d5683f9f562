/*
 * New keys for certificates of a directory (lib/cert/cert_file.h), with the old ones good for a while: the public part has both, so that who
 * has the secret part yet to get goes on with the old one, and it ends by itself. A broker has one key at a time, and who goes to it knows that one.
 */
#ifndef TR_CERT_ROTATE_H
#define TR_CERT_ROTATE_H

#include "lib/base/error.h"

#include <stddef.h>
#include <stdint.h>

/* `broker`: the certificate of the broker that it goes to. grace_ms 0: the old key is good no more. One that was cut short (the secret part here is
 * the old key's) is done again, with the old key kept. -EKEYREVOKED; -EALREADY (two keys are good already); or what a file said. */
int tr_cert_rotate(
    const char *directory, const char *name, const char *broker, int64_t grace_ms, tr_error_t *error);
/* No new key: ends the time of the old one now. -EKEYREJECTED: the rotation was cut short, and the holder would have no key that is good. */
int tr_cert_rotate_finish(const char *directory, const char *name, tr_error_t *error);

/* Each certificate that has its secret part here, but brokers' own and those that were taken back. What rotates already goes on as it does, so that
 * a second call makes nothing new. */
int tr_cert_rotate_all(const char *directory, const char *broker, int64_t grace_ms, tr_error_t *error);
int tr_cert_rotate_finish_all(const char *directory, tr_error_t *error);

#endif
