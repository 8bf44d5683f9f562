/*
 * Sessions that were ended by hand are told to the other gateways of the same users' file, by the topic gateway.sessions: a cookie that was copied is
 * no better there, and the session's streams, which may be at any of them, end.
 *
 * Whoever may publish on that topic could end sessions, so each notice has a mark that only the holders of the file's key can make. That it is said
 * again changes nothing.
 */
#include "gateway/events.h"
#include "gateway/http/login_private.h"
#include "lib/base/clock.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define TOPIC "gateway.sessions"

/* ---- telling ---- */

static void on_told(void *server, void *owner, tr_web_reply_t *reply) {
    (void)owner;
    if (reply->outcome != TR_WEB_SENT)
        tr_log(tr_web_server_log(server), &tr_gateway_events[TR_G_SIGN_OUT_ALONE], "reason=%s",
            tr_web_why_not(reply));
    free(reply);
}

void tr_web_signed_out_tell(
    tr_web_server_t *server, const unsigned char id[TR_WEB_SESSION_ID], int64_t until_ms) {
    char hex[2 * TR_WEB_SESSION_ID + 1], mark[TR_WEB_END_MARK_SIZE];
    tr_web_call_t *call = tr_bridge_call_new(TR_WEB_PUBLISH, TOPIC);
    if (!call)
        return; /* without memory it is this one's alone, ignoring */
    sodium_bin2hex(hex, sizeof hex, id, TR_WEB_SESSION_ID);
    tr_web_session_end_mark(&server->login->keys, id, until_ms, mark);
    tr_write_map(&call->content, 3);
    tr_write_kv(&call->content, "ended", hex);
    tr_write_kv_int(&call->content, "until", until_ms);
    tr_write_kv(&call->content, "mark", mark);
    call->on_reply = on_told;
    tr_web_server_call(server, &call);
}

/* ---- hearing ---- */

/* What is not as it must be was said by somebody else: it is as if it had not been said. */
static void take(tr_web_server_t *server, const char *json, size_t len) {
    tr_web_login_t *login = server->login;
    unsigned char id[TR_WEB_SESSION_ID];
    char right[TR_WEB_END_MARK_SIZE];
    size_t size = 0;
    json_t *event = json_loadb(json, len, 0, NULL), *content = json_object_get(event, "content");
    const char *hex = json_string_value(json_object_get(content, "ended")),
               *mark = json_string_value(json_object_get(content, "mark"));
    int64_t until_ms = json_integer_value(json_object_get(content, "until"));
    if (hex && mark && strlen(mark) == sizeof right - 1 &&
        sodium_hex2bin(id, sizeof id, hex, strlen(hex), NULL, &size, NULL) == 0 && size == sizeof id) {
        tr_web_session_end_mark(&login->keys, id, until_ms, right);
        if (sodium_memcmp(mark, right, sizeof right - 1) == 0)
            tr_web_ended_add(
                login->ended, id, until_ms, tr_clock_wall_ms()); /* without memory: see login.c */
    }
    json_decref(event);
}

static void on_news(tr_feed_watcher_t *watcher) {
    tr_web_server_t *server = watcher->owner;
    size_t before = tr_web_ended_count(server->login->ended);
    tr_feed_event_t event;
    uint64_t missed;
    tr_feed_found_t found;
    while ((found = tr_feed_read(tr_feed_hub_ring(server->hub), &watcher->reader, &event, &missed)) !=
           TR_FEED_NONE)
        if (found == TR_FEED_EVENT)
            take(server, event.json, event.len);
    if (tr_web_ended_count(server->login->ended) != before)
        tr_web_login_end_what_is_over(server);
}

int tr_web_signed_out_hear(tr_web_server_t *server, tr_error_t *error) {
    tr_web_login_t *login = server->login;
    tr_feed_watcher_t *watcher = &login->watcher;
    watcher->owner = server;
    watcher->on_news = on_news;
    int rc = tr_feed_reader_init(&watcher->reader, TOPIC, 1);
    if (rc == 0) {
        tr_feed_hub_resume(server->hub, &watcher->reader, "");
        rc = tr_feed_hub_watch(server->hub, watcher);
    }
    login->hears = rc == 0;
    if (!login->hears)
        tr_feed_reader_finish(&watcher->reader);
    return rc < 0 ? tr_error_set(error, rc, "out of memory") : 0;
}

void tr_web_signed_out_stop(tr_web_server_t *server) {
    if (server->login->hears)
        tr_feed_hub_unwatch(server->hub, &server->login->watcher);
    server->login->hears = false;
}
