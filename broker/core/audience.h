/*
 * An audience: sessions that are to hear of something, each once, in 8 bytes. Who was asked to hold back is one,
 * who was told a route another. A session that ends need not be taken out: its generation tells, and the list
 * is rid of those before it grows.
 */
#ifndef TR_BROKER_AUDIENCE_H
#define TR_BROKER_AUDIENCE_H

#include "proto/route.h"

#include <stdbool.h>
#include <stdint.h>

struct tr_core;
struct tr_session;

typedef struct tr_audience {
    tr_route_t *sessions; /* as routes of their agents 0, ascending */
    uint32_t n, cap;
} tr_audience_t;

typedef enum tr_joined {
    TR_JOINED_NOW,
    TR_JOINED_BEFORE,
    TR_JOINED_NOT, /* no memory, or as many as may be are in it */
} tr_joined_t;

tr_joined_t tr_audience_add(
    const struct tr_core *core, tr_audience_t *self, const struct tr_session *session, uint32_t most);
/* Calls `tell` for each of them that is still there, and forgets them all. */
void tr_audience_dismiss(struct tr_core *core, tr_audience_t *self,
    void (*tell)(struct tr_core *core, struct tr_session *session, const void *what), const void *what);
void tr_audience_finish(tr_audience_t *self);

#endif
