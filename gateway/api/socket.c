/*
 * Publications over a WebSocket: what api/events.c is, in both directions. Each message is an object of JSON.
 *
 *     {"id": "EPOCH-NUMBER", "event": {"topic", "sender", "sequence", "performative", "content"}}
 *     {"gap": "slow" | "unknown-id", "missed": N}
 *     {"watching": [PATTERN ...], "id": "EPOCH-NUMBER"}      first, and after each change of what is watched
 *     {"error": {"reason", "detail"}}                        what the client said is not understood
 *
 * and the client says {"watch": "PATTERN,...", "after": ID}.
 */
#include "gateway/api/api.h"
#include "gateway/feed/hub.h"
#include "gateway/http/server.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct feed {
    tr_feed_watcher_t watcher;
    bool watches, welcome, unknown_id; /* the latter two: to be told */
    const char *reason, *detail;       /* of an error that is to be told; NULL: there is none */
} feed_t;

static void put_json(tr_buffer_t *out, json_t *value) {
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    if (text)
        tr_buffer_text(out, text);
    else
        out->failed = true;
    free(text);
    json_decref(value);
}

static void put_welcome(const feed_t *feed, const tr_feed_hub_t *hub, tr_buffer_t *out) {
    const tr_feed_reader_t *reader = &feed->watcher.reader;
    json_t *list = json_array();
    char id[48];
    for (size_t i = 0; i < reader->pattern_count; i++)
        json_array_append_new(list, json_string(reader->patterns[i]));
    snprintf(id, sizeof id, "%" PRIx64 "-%" PRIu64, tr_feed_hub_epoch(hub), reader->next - 1);
    put_json(out, json_pack("{s:o, s:s}", "watching", list, "id", id));
}

static void put_gap(tr_buffer_t *out, const char *why, uint64_t missed) {
    tr_buffer_printf(out, "{\"gap\":\"%s\",\"missed\":%" PRIu64 "}", why, missed);
}

static bool put_event(const tr_web_exchange_t *e, const tr_feed_hub_t *hub, tr_buffer_t *out) {
    feed_t *feed = e->stream.state;
    tr_feed_event_t event;
    uint64_t missed;
    tr_feed_found_t found;
    do
        found = tr_feed_read(tr_feed_hub_ring(hub), &feed->watcher.reader, &event, &missed);
    while (found == TR_FEED_EVENT && !tr_api_may_see(e, &event));
    switch (found) {
    case TR_FEED_NONE: return false;
    case TR_FEED_GAP: put_gap(out, "slow", missed); return true;
    case TR_FEED_EVENT: break;
    }
    tr_buffer_printf(out, "{\"id\":\"%" PRIx64 "-%" PRIu64 "\",\"event\":", tr_feed_hub_epoch(hub), event.id);
    tr_buffer_put(out, event.json, event.len);
    tr_buffer_char(out, '}');
    return true;
}

static bool on_ready(tr_web_exchange_t *e, tr_buffer_t *out) {
    feed_t *feed = e->stream.state;
    const tr_feed_hub_t *hub = tr_web_server_hub(e->server);
    if (feed->reason) {
        put_json(out, json_pack("{s:{s:s, s:s}}", "error", "reason", feed->reason, "detail", feed->detail));
        feed->reason = NULL;
    } else if (feed->welcome) {
        put_welcome(feed, hub, out);
        feed->welcome = false;
    } else if (feed->unknown_id) {
        put_gap(out, "unknown-id", 0);
        feed->unknown_id = false;
    } else
        return feed->watches && put_event(e, hub, out);
    return true;
}

static void on_news(tr_feed_watcher_t *watcher) {
    tr_web_exchange_t *e = watcher->owner;
    if (tr_feed_waits(tr_feed_hub_ring(tr_web_server_hub(e->server)), &watcher->reader))
        tr_web_socket_news(e);
}

/* ---- what is watched ---- */

static void stop_watching(tr_web_exchange_t *e, feed_t *feed) {
    if (feed->watches)
        tr_feed_hub_unwatch(tr_web_server_hub(e->server), &feed->watcher);
    feed->watches = false;
}

/* In place of what was watched before; which goes on where this is wrong. 0, or why not. */
static int watch(tr_web_exchange_t *e, feed_t *feed, const char *topics, const char *after) {
    tr_feed_hub_t *hub = tr_web_server_hub(e->server);
    tr_feed_reader_t reader;
    int rc = tr_api_watches(&reader, topics);
    if (rc < 0)
        return rc;
    stop_watching(e, feed);
    bool known = tr_feed_hub_resume(hub, &reader, after);
    feed->watcher = (tr_feed_watcher_t){.reader = reader, .owner = e, .on_news = on_news};
    rc = tr_feed_hub_watch(hub, &feed->watcher);
    if (rc < 0) {
        tr_feed_reader_finish(&feed->watcher.reader);
        return rc;
    }
    feed->watches = feed->welcome = true;
    feed->unknown_id = !known;
    return 0;
}

static void tell(feed_t *feed, int rc) {
    feed->reason = rc == -EPERM                     ? "forbidden"
                   : rc == -ENOSPC || rc == -ENOMEM ? "busy"
                                                    : "unrecognised-parameter-value";
    feed->detail = rc == -EPERM    ? "the wire tap is on the topic stream alone"
                   : rc == -ENOSPC ? "too many different topics are watched"
                   : rc == -ENOMEM ? "out of memory"
                                   : "watch: expected 1 to 16 patterns with commas between";
}

static bool on_message(tr_web_exchange_t *e, const char *text, size_t len) {
    feed_t *feed = e->stream.state;
    json_t *said = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const char *topics = json_string_value(json_object_get(said, "watch"));
    const json_t *after = json_object_get(said, "after");
    bool understood = topics && (!after || json_is_string(after)) && json_object_size(said) == 1u + !!after;
    int rc = understood ? watch(e, feed, topics, after ? json_string_value(after) : "") : 0;
    if (rc < 0)
        tell(feed, rc);
    json_decref(said);
    tr_web_socket_news(e);
    return understood;
}

static void on_end(tr_web_exchange_t *e) {
    feed_t *feed = e->stream.state;
    stop_watching(e, feed);
    free(feed);
}

void tr_api_socket(tr_web_exchange_t *e) {
    static const tr_web_socket_t socket = {on_ready, on_message, on_end};
    const char *topics = tr_web_query(e, "topics"), *after = tr_web_query(e, "after");
    if (!e->upgrade) {
        tr_web_problem(e, 426, "unsupported-value", "this is for WebSockets (Upgrade: websocket)");
        return;
    }
    feed_t *feed = calloc(1, sizeof *feed);
    int rc = !feed ? -ENOMEM : topics ? watch(e, feed, topics, after ? after : "") : 0;
    if (rc == 0)
        tr_web_socket_begin(e, &socket, feed);
    else {
        free(feed);
        tr_api_refuse_watch(e, rc);
    }
}
