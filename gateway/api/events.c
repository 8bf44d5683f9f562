/*
 * Server-sent events: the publications on topics, from now on, or from the one on that was seen last.
 *
 * An event's id is EPOCH-NUMBER. Who comes back with the id that he has seen last (Last-Event-ID, or `after`, since a page that has to send a
 * token cannot use EventSource) goes on behind it. What is not there any more is told as an event `gap`.
 */
#include "gateway/api/api.h"
#include "gateway/feed/hub.h"
#include "gateway/http/server.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AHEAD ((size_t)65536) /* bytes that wait for a client; what is more waits in the ring */

typedef struct feed {
    tr_feed_watcher_t watcher;
    tr_web_exchange_t *exchange;
} feed_t;

static void put_gap(tr_buffer_t *out, const char *why, uint64_t missed) {
    tr_buffer_printf(out, "event: gap\ndata: {\"reason\":\"%s\",\"missed\":%" PRIu64 "}\n\n", why, missed);
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
        else if (found == TR_FEED_EVENT) {
            tr_buffer_printf(
                &e->out, "id: %" PRIx64 "-%" PRIu64 "\ndata: ", tr_feed_hub_epoch(hub), event.id);
            tr_buffer_put(&e->out, event.json, event.len);
            tr_buffer_text(&e->out, "\n\n");
        }
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
    const char *after = tr_web_query(e, "after");
    feed_t *feed = calloc(1, sizeof *feed);
    int rc = feed ? tr_api_watches(&feed->watcher.reader, tr_web_query(e, "topics")) : -ENOMEM;
    if (rc == 0) {
        feed->exchange = e;
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
