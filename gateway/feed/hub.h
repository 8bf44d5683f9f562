/*
 * Who watches which topics: the agent subscribes to what somebody watches, each pattern once, and keeps on for a minute after the last one has
 * gone, so that who loses his connection misses nothing. What comes is put into one ring (ring.h), and those who wait are told.
 *
 * The web's thread alone.
 */
#ifndef TR_GATEWAY_FEED_HUB_H
#define TR_GATEWAY_FEED_HUB_H

#include "gateway/bridge.h"
#include "gateway/feed/ring.h"

typedef struct tr_feed_hub tr_feed_hub_t;

/* Somebody who watches: embedded in what he is. */
typedef struct tr_feed_watcher {
    struct tr_feed_watcher *next, *previous; /* the hub's */
    tr_feed_reader_t reader;
    void (*on_news)(struct tr_feed_watcher *self); /* there may be something to read */
    void *owner;
} tr_feed_watcher_t;

/* `call` hands calls to the bridge. NULL: out of memory. */
tr_feed_hub_t *tr_feed_hub_new(void (*call)(void *arg, tr_web_call_t **call), void *arg);
void tr_feed_hub_destroy(tr_feed_hub_t **self);
const tr_feed_ring_t *tr_feed_hub_ring(const tr_feed_hub_t *self);
/* This run of the gateway: numbers of another one mean nothing here. */
uint64_t tr_feed_hub_epoch(const tr_feed_hub_t *self);
/* Where a reader begins: behind the id that was seen last (EPOCH-NUMBER), or, where that is "", now. False: the id is of another run: now. */
bool tr_feed_hub_resume(const tr_feed_hub_t *self, tr_feed_reader_t *reader, const char *after);
/* Begins to watch what its reader wants. 0; -ENOSPC: too many patterns are watched; -ENOMEM. */
int tr_feed_hub_watch(tr_feed_hub_t *self, tr_feed_watcher_t *watcher);
/* Ends it, and the reader. */
void tr_feed_hub_unwatch(tr_feed_hub_t *self, tr_feed_watcher_t *watcher);
/* Takes what has come, and frees it. */
void tr_feed_hub_take(tr_feed_hub_t *self, tr_web_news_t *news);
/* Now and then: ends subscriptions that nobody has needed for a while. */
void tr_feed_hub_tick(tr_feed_hub_t *self, int64_t now_ms);
size_t tr_feed_hub_watchers(const tr_feed_hub_t *self);
/* Whether anything is watched, or was a moment ago. */
bool tr_feed_hub_watches(const tr_feed_hub_t *self);

#endif
