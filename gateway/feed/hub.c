#include "gateway/feed/hub.h"

#include "lib/base/clock.h"
#include "lib/base/map.h"
#include "lib/base/random.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATTERNS_MAX 1024
#define EVENTS       16384
#define BYTES        ((size_t)16 << 20)
#define KEEP_MS      60000

typedef struct watched {
    size_t watchers;
    int64_t idle_since_ms;
    char pattern[];
} watched_t;

struct tr_feed_hub {
    void (*call)(void *arg, tr_web_call_t **call);
    void *arg;
    tr_feed_ring_t *ring;
    uint64_t epoch;
    tr_map_t patterns; /* watched_t by pattern */
    tr_feed_watcher_t *watchers;
    size_t watcher_count;
};

tr_feed_hub_t *tr_feed_hub_new(void (*call)(void *arg, tr_web_call_t **call), void *arg) {
    tr_feed_hub_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->call = call;
    self->arg = arg;
    self->epoch = tr_random_seed() & UINT32_MAX;
    tr_map_init(&self->patterns, tr_random_seed());
    self->ring = tr_feed_ring_new(EVENTS, BYTES);
    if (!self->ring)
        tr_feed_hub_destroy(&self);
    return self;
}

void tr_feed_hub_destroy(tr_feed_hub_t **self_p) {
    tr_feed_hub_t *self = *self_p;
    size_t cursor = 0;
    if (!self)
        return;
    for (const tr_map_slot_t *slot; (slot = tr_map_next(&self->patterns, &cursor));)
        free((void *)(uintptr_t)slot->value);
    tr_map_finish(&self->patterns);
    tr_feed_ring_destroy(&self->ring);
    free(self);
    *self_p = NULL;
}

const tr_feed_ring_t *tr_feed_hub_ring(const tr_feed_hub_t *self) {
    return self->ring;
}

uint64_t tr_feed_hub_epoch(const tr_feed_hub_t *self) {
    return self->epoch;
}

size_t tr_feed_hub_watchers(const tr_feed_hub_t *self) {
    return self->watcher_count;
}

bool tr_feed_hub_watches(const tr_feed_hub_t *self) {
    return self->patterns.count > 0;
}

/* ---- subscriptions ---- */

/* Nobody waits for the reply: a host subscribes again by itself in each session. */
static bool tell(tr_feed_hub_t *self, tr_web_call_kind_t kind, const char *pattern) {
    tr_web_call_t *call = tr_bridge_call_new(kind, pattern);
    if (call)
        self->call(self->arg, &call);
    return call == NULL;
}

static int ref(tr_feed_hub_t *self, const char *pattern) {
    size_t len = strlen(pattern);
    watched_t *watched = tr_map_find_ptr(&self->patterns, pattern, len);
    if (watched) {
        watched->watchers++;
        return 0;
    }
    if (self->patterns.count >= PATTERNS_MAX)
        return -ENOSPC;
    watched = calloc(1, sizeof *watched + len + 1);
    if (!watched || tr_map_put(&self->patterns, pattern, len, (uintptr_t)watched) < 0) {
        free(watched);
        return -ENOMEM;
    }
    memcpy(watched->pattern, pattern, len + 1);
    watched->watchers = 1;
    tell(self, TR_WEB_SUBSCRIBE, pattern);
    return 0;
}

static void unref(tr_feed_hub_t *self, const char *pattern) {
    watched_t *watched = tr_map_find_ptr(&self->patterns, pattern, strlen(pattern));
    if (watched && --watched->watchers == 0)
        watched->idle_since_ms = tr_clock_ms();
}

/* One at a time: a map is not changed while it is gone through. */
static watched_t *find_idle(tr_feed_hub_t *self, int64_t now_ms) {
    size_t cursor = 0;
    for (const tr_map_slot_t *slot; (slot = tr_map_next(&self->patterns, &cursor));) {
        watched_t *watched = (void *)(uintptr_t)slot->value;
        if (watched->watchers == 0 && now_ms - watched->idle_since_ms >= KEEP_MS)
            return watched;
    }
    return NULL;
}

void tr_feed_hub_tick(tr_feed_hub_t *self, int64_t now_ms) {
    for (watched_t *idle; (idle = find_idle(self, now_ms));) {
        tell(self, TR_WEB_UNSUBSCRIBE, idle->pattern);
        tr_map_delete(&self->patterns, idle->pattern, strlen(idle->pattern));
        free(idle);
    }
}

/* ---- watchers ---- */

bool tr_feed_hub_resume(const tr_feed_hub_t *self, tr_feed_reader_t *reader, const char *after) {
    uint64_t epoch = 0, id = 0, next = tr_feed_ring_next(self->ring);
    reader->next = next;
    if (!*after)
        return true;
    if (sscanf(after, "%" SCNx64 "-%" SCNu64, &epoch, &id) != 2 || epoch != self->epoch || id >= next)
        return false;
    reader->next = id + 1;
    return true;
}

int tr_feed_hub_watch(tr_feed_hub_t *self, tr_feed_watcher_t *watcher) {
    tr_feed_reader_t *reader = &watcher->reader;
    for (size_t i = 0; i < reader->pattern_count; i++) {
        int rc = ref(self, reader->patterns[i]);
        if (rc == 0)
            continue;
        while (i-- > 0)
            unref(self, reader->patterns[i]);
        return rc;
    }
    watcher->previous = NULL;
    watcher->next = self->watchers;
    if (watcher->next)
        watcher->next->previous = watcher;
    self->watchers = watcher;
    self->watcher_count++;
    return 0;
}

void tr_feed_hub_unwatch(tr_feed_hub_t *self, tr_feed_watcher_t *watcher) {
    for (size_t i = 0; i < watcher->reader.pattern_count; i++)
        unref(self, watcher->reader.patterns[i]);
    tr_feed_reader_finish(&watcher->reader);
    if (watcher->previous)
        watcher->previous->next = watcher->next;
    else
        self->watchers = watcher->next;
    if (watcher->next)
        watcher->next->previous = watcher->previous;
    self->watcher_count--;
}

void tr_feed_hub_take(tr_feed_hub_t *self, tr_web_news_t *news) {
    for (tr_web_news_t *next; news; news = next) {
        next = news->next;
        tr_feed_ring_put(
            self->ring, news->topic, news->json, news->len); /* what does not fit is missed, ignoring */
        free(news);
    }
    for (tr_feed_watcher_t *w = self->watchers, *next; w; w = next) {
        next = w->next;
        w->on_news(w);
    }
}
