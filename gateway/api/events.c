/*
 * Server-sent events: the publications on topics, from now on, or from the one on that was seen last.
 *
 * An event's id is EPOCH-NUMBER. Who comes back with the id that he has seen last (Last-Event-ID, or `after`, since a page that has to send a
 * token cannot use EventSource) goes on behind it. What is not there any more is told as an event `gap`.
 */
#include "gateway/api/api.h"
#include "gateway/feed/hub.h"
#include "gateway/http/server.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AHEAD ((size_t)65536) /* bytes that wait for a client; what is more waits in the ring */

typedef struct feed {
    tr_feed_watcher_t watcher;
    tr_web_exchange_t *exchange;
    int64_t per_s, window_ms; /* 0: all of them; of the second that began then */
    int64_t sent;             /* in it */
    uint64_t skipped;
} feed_t;

static void put_gap(tr_buffer_t *out, const char *why, uint64_t missed) {
    tr_buffer_printf(out, "event: gap\ndata: {\"reason\":\"%s\",\"missed\":%" PRIu64 "}\n\n", why, missed);
}

/* Whether one more may be sent now; else it is counted. What was left out is told when a second begins. */
static bool has_room(feed_t *feed) {
    int64_t now_ms = feed->per_s ? tr_clock_ms() : 0;
    if (!feed->per_s)
        return true;
    if (now_ms - feed->window_ms >= 1000) {
        if (feed->skipped)
            tr_buffer_printf(
                &feed->exchange->out, "event: skipped\ndata: {\"skipped\":%" PRIu64 "}\n\n", feed->skipped);
        feed->window_ms = now_ms;
        feed->sent = 0;
        feed->skipped = 0;
    }
    bool room = feed->sent < feed->per_s;
    feed->sent += room;
    feed->skipped += !room;
    return room;
}

static void put_event(feed_t *feed, const tr_feed_event_t *event) {
    tr_buffer_t *out = &feed->exchange->out;
    uint64_t epoch = tr_feed_hub_epoch(tr_web_server_hub(feed->exchange->server));
    tr_buffer_printf(out, "id: %" PRIx64 "-%" PRIu64 "\ndata: ", epoch, event->id);
    tr_buffer_put(out, event->json, event->len);
    tr_buffer_text(out, "\n\n");
}

static void fill(feed_t *feed) {
    tr_web_exchange_t *e = feed->exchange;
    tr_feed_hub_t *hub = tr_web_server_hub(e->server);
    tr_feed_event_t event;
    uint64_t missed;
    tr_feed_found_t found = TR_FEED_EVENT;
    while (found != TR_FEED_NONE && tr_web_stream_waiting(e) < AHEAD) {
        found = tr_feed_read(tr_feed_hub_ring(hub), &feed->watcher.reader, &event, &missed);
        if (found == TR_FEED_GAP)
            put_gap(&e->out, "slow", missed);
        else if (found == TR_FEED_EVENT && tr_api_may_see(e, &event) && has_room(feed))
            put_event(feed, &event);
    }
}

static void on_news(tr_feed_watcher_t *watcher) {
    feed_t *feed = watcher->owner;
    fill(feed);
    tr_web_stream_flush(feed->exchange);
}

static void on_written(tr_web_exchange_t *e) {
    fill(e->stream.state);
}

static void on_end(tr_web_exchange_t *e) {
    feed_t *feed = e->stream.state;
    tr_feed_hub_unwatch(tr_web_server_hub(e->server), &feed->watcher);
    free(feed);
}

int tr_api_watches(tr_feed_reader_t *reader, const char *topics) {
    int rc = tr_feed_reader_init(reader, topics, 1);
    for (size_t i = 0; rc == 0 && i < reader->pattern_count; i++)
        if (strncmp(reader->patterns[i], "$tap", 4) == 0)
            rc = -EPERM;
    if (rc == -EPERM)
        tr_feed_reader_finish(reader);
    return rc;
}

void tr_api_refuse_watch(tr_web_exchange_t *e, int rc) {
    if (rc == -EPERM)
        tr_web_problem(e, 403, "forbidden", "the wire tap is on the topic stream alone: `troupe tap`");
    else if (rc == -EINVAL || rc == -E2BIG)
        tr_web_problem(e, 400, "unrecognised-parameter-value",
            "topics: expected 1 to %d patterns with commas between: parts with dots between, * for any one "
            "part, > for the rest",
            TR_FEED_PATTERNS_MAX);
    else
        tr_web_problem(
            e, 503, "busy", "%s", rc == -ENOSPC ? "too many different topics are watched" : "out of memory");
}

void tr_api_events(tr_web_exchange_t *e) {
    const char *after = tr_web_query(e, "after"), *per_s = tr_web_query(e, "per-s");
    feed_t *feed = calloc(1, sizeof *feed);
    int rc = feed ? tr_api_watches(&feed->watcher.reader, tr_web_query(e, "topics")) : -ENOMEM;
    if (rc == 0) {
        feed->exchange = e;
        feed->per_s = per_s ? strtoll(per_s, NULL, 10) : 0;
        feed->per_s = feed->per_s < 0 ? 0 : feed->per_s;
        feed->watcher.owner = feed;
        feed->watcher.on_news = on_news;
        rc = tr_feed_hub_watch(tr_web_server_hub(e->server), &feed->watcher);
        if (rc == 0) {
            tr_web_stream_begin(e, "text/event-stream", feed, on_written, on_end);
            tr_buffer_text(&e->out, "retry: 1000\n\n");
            if (!tr_feed_hub_resume(
                    tr_web_server_hub(e->server), &feed->watcher.reader, after ? after : e->last_event))
                put_gap(&e->out, "unknown-id", 0);
            tr_web_stream_flush(e);
            return;
        }
    }
    if (feed)
        tr_feed_reader_finish(&feed->watcher.reader);
    free(feed);
    tr_api_refuse_watch(e, rc);
}
