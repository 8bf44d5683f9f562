/*
 * Texts as vectors (lib/embed), made by a thread of its own, since it takes milliseconds a text: a job's answer comes as a reply over the
 * bridge, in the language json, an array of the vectors in their order.
 */
#ifndef TR_GATEWAY_EMBEDDER_H
#define TR_GATEWAY_EMBEDDER_H

#include "gateway/bridge.h"

#include <jansson.h>

typedef struct tr_embedder tr_embedder_t;

/* Starts the thread; the embedder is opened with the first job. NULL: out of memory or threads. */
tr_embedder_t *tr_embedder_new(tr_bridge_t *bridge);
/* Waits for the job that it is at; those behind it get no answer. NULL-safe. */
void tr_embedder_destroy(tr_embedder_t **self);
/* Texts: an array of strings. base64: vectors as little-endian floats, not as lists of numbers. The answer is
 * {"model": NAME, "data": [...]}, or {"error": TEXT}. 0; -EBUSY: too many wait; -ENOMEM. */
int tr_embedder_ask(tr_embedder_t *self, const json_t *texts, bool base64, void *owner);

#endif
