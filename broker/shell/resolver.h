/*
 * Names that stand for brokers: each is looked up again and again on a thread of its own, since a look-up may
 * take seconds. A headless service of Kubernetes is such a name: its addresses are those of its pods.
 */
#ifndef TR_BROKER_RESOLVER_H
#define TR_BROKER_RESOLVER_H

#include "lib/base/error.h"
#include "lib/base/options.h"

#include <stdbool.h>

typedef struct tr_resolver tr_resolver_t;

/* One name's addresses, as far as its last look-up went well. */
typedef struct tr_resolved {
    char **endpoints; /* tcp://ADDRESS:PORT */
    size_t count;
    char error[160]; /* of the last look-up; "" = it went well */
} tr_resolved_t;

/* `names`: HOST:PORT each, borrowed; what stands before an @ is not looked at. Starts at once. */
int tr_resolver_new(const tr_strings_t *names, int64_t every_ms, tr_resolver_t **ret_self, tr_error_t *error);
/* Waits for the look-up that goes on. NULL-safe. */
void tr_resolver_destroy(tr_resolver_t **self);
/* True with news of the name number `at` since the last call; to be finished by the caller. */
bool tr_resolver_take(tr_resolver_t *self, size_t at, tr_resolved_t *ret_resolved);
void tr_resolved_finish(tr_resolved_t *self);

#endif
