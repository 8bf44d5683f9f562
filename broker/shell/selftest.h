/*
 * A guard that nobody has tried is none: libzmq lets everybody in where a handler of ZAP is missing or an
 * option was forgotten. So before a broker says that it is ready, it knocks at its own door: with a good key,
 * with a wrong one, and with none.
 */
#ifndef TR_BROKER_SELFTEST_H
#define TR_BROKER_SELFTEST_H

#include "broker/shell/zap.h"
#include "lib/cert/secret.h"

/* `type` is the client's: ZMQ_DEALER, ZMQ_SUB. -EPERM where the socket at `endpoint` does not guard as it
 * should. */
int tr_selftest(void *context, tr_zap_t *zap, const tr_secret_t *broker, int type, const char *endpoint,
    tr_error_t *error);

#endif
