/*
 * Passwords, checked by a thread of its own, since each takes tens of milliseconds and 64 MiB (lib/users): one at a time, a few waiting. The
 * answer comes as a reply over the bridge, {"right": true or false}.
 *
 * A name that nobody has is checked against a hash of nobody's, so that the time says nothing of who there is.
 */
#ifndef TR_GATEWAY_PASSWORDS_H
#define TR_GATEWAY_PASSWORDS_H

#include "gateway/bridge.h"

typedef struct tr_passwords tr_passwords_t;

/* Starts the thread. NULL: out of memory or threads. */
tr_passwords_t *tr_passwords_new(tr_bridge_t *bridge);
/* Waits for the one that it is at; those behind it get no answer. NULL-safe. */
void tr_passwords_destroy(tr_passwords_t **self);
/* hash NULL: nobody's. Both are copied. 0; -EBUSY: too many wait; -ENOMEM. */
int tr_passwords_ask(tr_passwords_t *self, const char *password, const char *hash, void *owner);

#endif
