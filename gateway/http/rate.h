/*
 * How many requests somebody may make: a bucket for each name (of a token, of an address), which fills by `per_second` up to `burst`, and
 * out of which each request takes one.
 *
 * There are a fixed number of buckets. Who comes when all of a set are taken gets the one that was used least recently, full: somebody
 * who uses thousands of addresses has thousands of buckets anyway, and nobody else's is made emptier by that.
 *
 * Pure; one thread.
 */
#ifndef TR_GATEWAY_HTTP_RATE_H
#define TR_GATEWAY_HTTP_RATE_H

#include <stdint.h>

typedef struct tr_web_rate tr_web_rate_t;

/* per_second 0: no limit. NULL: out of memory. */
tr_web_rate_t *tr_web_rate_new(double per_second, double burst, uint64_t seed);
void tr_web_rate_destroy(tr_web_rate_t **self);
/* Takes one. 0, or after how many milliseconds there is one again. */
int64_t tr_web_rate_take(tr_web_rate_t *self, const char *name, int64_t now_ms);

#endif
