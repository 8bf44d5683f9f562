/*
 * Sessions that were ended before their time: since the cookie is the session, whoever has kept a copy of it would go on with it. Each is kept
 * for as long as such a copy would live.
 *
 * Pure; one thread.
 */
#ifndef TR_GATEWAY_HTTP_ENDED_H
#define TR_GATEWAY_HTTP_ENDED_H

#include "gateway/http/session.h"

#define TR_WEB_ENDED_MAX 65536 /* the one that would end first gives way */

typedef struct tr_web_ended tr_web_ended_t;

/* NULL: out of memory. */
tr_web_ended_t *tr_web_ended_new(uint64_t seed);
void tr_web_ended_destroy(tr_web_ended_t **self); /* NULL-safe */
/* Kept until then (Unix time, ms). 0; -ENOMEM. */
int tr_web_ended_add(
    tr_web_ended_t *self, const unsigned char id[TR_WEB_SESSION_ID], int64_t until_ms, int64_t now_ms);
bool tr_web_ended_has(const tr_web_ended_t *self, const unsigned char id[TR_WEB_SESSION_ID]);
size_t tr_web_ended_count(const tr_web_ended_t *self);

#endif
