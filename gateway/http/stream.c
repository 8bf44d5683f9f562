/*
 * Responses that go on: server-sent events.
 *
 * What is put into the exchange's buffer goes out in pieces, as chunks of HTTP/1.1 or frames of HTTP/2; when it is empty, on_written may
 * put more. While there is nothing to write, nothing is read either (exchange.c says why); that the client has gone is seen with the next
 * write, at the latest with the comment that keeps the connection alive.
 */
#include "gateway/http/server_private.h"
#include "lib/base/clock.h"

#include <stdio.h>
#include <string.h>

#define PIECE   16384
#define KEPT    65536 /* bytes that have left and are in the buffer still */
#define SLOW_S  30
#define BEAT_MS 15000

void tr_web_stream_begin(tr_web_exchange_t *self, const char *type, void *state,
    void (*on_written)(tr_web_exchange_t *self), void (*on_end)(tr_web_exchange_t *self)) {
    tr_web_again_spend(self);
    self->status = 200;
    self->type = type;
    self->state = TR_WEB_STREAMING;
    self->stream = (tr_web_stream_t){.state = state, .on_written = on_written, .on_end = on_end};
    self->stream.written_ms = tr_clock_ms();
}

size_t tr_web_stream_waiting(const tr_web_exchange_t *self) {
    return self->out.size - self->written;
}

void tr_web_stream_flush(tr_web_exchange_t *self) {
    if (self->wsi && !self->inside && self->state == TR_WEB_STREAMING)
        tr_web_ask_to_write(self);
}

void tr_web_stream_end(tr_web_exchange_t *self) {
    self->stream.ended = true;
    tr_web_stream_flush(self);
}

/* One that waits for an agent's answer is cut, since that will be put there when it comes. */
void tr_web_stream_bar(tr_web_exchange_t *e) {
    if ((e->state != TR_WEB_STREAMING && e->state != TR_WEB_SOCKET) || e->stream.ended)
        return;
    if (e->state == TR_WEB_SOCKET) {
        e->stream.barred = true;
        tr_web_socket_close(e);
    } else if (!e->asked)
        tr_web_stream_end(e);
    else if (e->wsi)
        lws_set_timeout(e->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

void tr_web_stream_finish(tr_web_exchange_t *e) {
    void (*on_end)(tr_web_exchange_t * self) = e->stream.on_end;
    bool streams = e->state == TR_WEB_STREAMING || e->state == TR_WEB_SOCKET;
    e->stream.on_end = NULL;
    if (e->state == TR_WEB_SOCKET && e->stream.began && on_end)
        tr_gauge_add(&e->server->sockets, -1);
    if (streams && on_end)
        on_end(e);
}

void tr_web_stream_beat(tr_web_exchange_t *e, int64_t now_ms) {
    if (e->state != TR_WEB_STREAMING || now_ms - e->stream.written_ms < BEAT_MS || tr_web_stream_waiting(e))
        return;
    tr_buffer_text(&e->out, ":\n\n");
    tr_web_stream_flush(e);
}

/* ---- writing ---- */

static int write_head(tr_web_exchange_t *e) {
    unsigned char room[LWS_PRE + TR_WEB_HEAD_MAX], *at = room + LWS_PRE;
    unsigned char *end = tr_web_head_write(e, at, at + TR_WEB_HEAD_MAX, false);
    tr_web_count(e);
    e->stream.began = true;
    if (!end)
        return -1;
    if (tr_web_is_mux(e))
        lws_http_mark_sse(e->wsi);
    size_t len = (size_t)(end - at);
    return lws_write(e->wsi, at, len, LWS_WRITE_HTTP_HEADERS) < (int)len ? -1 : 0;
}

/* Of what waits, a piece that may go now; 0: the client's window is full. */
static size_t may_write(tr_web_exchange_t *e) {
    size_t len = tr_web_stream_waiting(e);
    len = len < PIECE ? len : PIECE;
    if (tr_web_is_mux(e)) {
        lws_fileofs_t may = lws_get_peer_write_allowance(e->wsi);
        if (may >= 0 && (size_t)may < len)
            len = (size_t)may;
    }
    return len;
}

/* Who reads but lags never has all of it: what has left is not kept until then. */
static void drop_written(tr_web_exchange_t *e) {
    if (e->written < KEPT && tr_web_stream_waiting(e))
        return;
    tr_buffer_drop(&e->out, e->written);
    e->written = 0;
}

static int write_piece(tr_web_exchange_t *e) {
    unsigned char room[LWS_PRE + PIECE + 32], *at = room + LWS_PRE;
    size_t len = may_write(e), n = 0;
    if (!len)
        return 0;
    if (!tr_web_is_mux(e))
        n = (size_t)sprintf((char *)at, "%zx\r\n", len);
    memcpy(at + n, e->out.data + e->written, len);
    n += len;
    if (!tr_web_is_mux(e))
        n += (size_t)sprintf((char *)at + n, "\r\n");
    e->written += len;
    drop_written(e);
    e->stream.written_ms = tr_clock_ms();
    lws_set_timeout(e->wsi, PENDING_TIMEOUT_HTTP_CONTENT, SLOW_S);
    return lws_write(e->wsi, at, n, LWS_WRITE_HTTP) < (int)n ? -1 : 0;
}

/* The last chunk, and when all has left, the end. */
static int write_end(tr_web_exchange_t *e) {
    unsigned char room[LWS_PRE + 8] = {0};
    bool mux = tr_web_is_mux(e), bodiless = e->method == TR_WEB_HEAD;
    size_t len = mux || bodiless ? 0 : 5;
    memcpy(room + LWS_PRE, "0\r\n\r\n", 5);
    if (!e->stream.over && (mux || len) &&
        lws_write(e->wsi, room + LWS_PRE, len, LWS_WRITE_HTTP_FINAL) < (int)len)
        return -1;
    e->stream.over = true;
    if (lws_partial_buffered(e->wsi)) {
        lws_callback_on_writable(e->wsi);
        return 0;
    }
    tr_web_stream_finish(e);
    return tr_web_exchange_done(e, bodiless);
}

/* Nothing to write, and nothing that was written waits (it would not leave any more): no timeout, and nothing is read. */
static int rest(tr_web_exchange_t *e) {
    lws_set_timeout(e->wsi, NO_PENDING_TIMEOUT, 0);
    tr_web_stop_reading(e);
    return 0;
}

int tr_web_stream_write(tr_web_exchange_t *e) {
    bool bodiless = e->method == TR_WEB_HEAD;
    int rc = 0;
    if (e->stream.began && !tr_web_stream_waiting(e) && !e->stream.ended && e->stream.on_written)
        e->stream.on_written(e);
    if (e->out.failed)
        return -1;
    if (!e->stream.began)
        rc = write_head(e);
    else if (tr_web_stream_waiting(e) && !bodiless)
        rc = write_piece(e);
    else if (e->stream.ended || bodiless)
        return write_end(e);
    else
        return rest(e);
    if (rc == 0)
        lws_callback_on_writable(e->wsi);
    return rc;
}
