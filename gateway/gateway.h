/*
 * The process: an agent towards the broker, a web server towards everybody else, and a bridge between them.
 *
 * main's thread is the agent's, and runs its host; the web server has a thread of its own. A signal makes the server drain; when it has, the
 * host stops.
 */
#ifndef TR_GATEWAY_GATEWAY_H
#define TR_GATEWAY_GATEWAY_H

#include "gateway/bridge.h"
#include "gateway/http/server.h"
#include "gateway/options.h"

typedef struct tr_gateway tr_gateway_t;

/* 0, or the exit code after a line in the log. Destroy it in both cases. */
int tr_gateway_new(tr_gateway_options_t *options, tr_gateway_t **ret_self);
/* Serves until a signal; returns the exit code. */
int tr_gateway_run(tr_gateway_t *self);
void tr_gateway_destroy(tr_gateway_t **self); /* NULL-safe */

#endif
