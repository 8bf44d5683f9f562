/*
 * Whether anybody listens at an endpoint. libzmq connects in the background and tries for ever, so that a
 * wrong port looks like a slow network; this tells at once.
 */
#ifndef TR_TOOLS_REACH_H
#define TR_TOOLS_REACH_H

#include "lib/base/error.h"

#include <stdint.h>

/* Connects and closes again. 0 also for a kind of endpoint that it does not know. -EINVAL (no endpoint),
 * -ENOENT (no such host, no such socket file), -ECONNREFUSED, -ETIMEDOUT ...; -EINTR as soon as interrupt_fd
 * (-1 = none) can be read. */
int tr_reach(const char *endpoint, int64_t timeout_ms, int interrupt_fd, tr_error_t *error);

#endif
