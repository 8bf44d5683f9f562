/*
 * WebSockets (RFC 6455, and RFC 8441 over HTTP/2).
 *
 * A request for one is let in, or not, as any other (exchange.c); what is refused gets a response of HTTP. One that is there has an exchange
 * that stays, and no memory beside it: a message is made when the client can take it, and goes out at once. Who does not read holds that one
 * message, and is given up when he answers no ping.
 */
#include "gateway/http/server_private.h"

#include <string.h>
#include <strings.h>

#define AT_ONCE 32 /* messages in a turn */

void tr_web_socket_begin(tr_web_exchange_t *self, const tr_web_socket_t *socket, void *state) {
    self->socket = socket;
    self->stream = (tr_web_stream_t){.state = state, .on_end = socket->on_end};
    self->state = TR_WEB_SOCKET;
    self->status = 101;
}

void tr_web_socket_news(tr_web_exchange_t *self) {
    if (self->wsi && self->stream.began)
        lws_callback_on_writable(self->wsi);
}

void tr_web_socket_close(tr_web_exchange_t *e) {
    if (e->stream.ended)
        return;
    e->stream.ended = true;
    tr_web_socket_news(e);
}

void tr_web_socket_confirm(tr_web_exchange_t *e, char *to) {
    if (!e || strcasecmp(to, "websocket") != 0 || !tr_web_exchange_upgrade(e))
        *to = '\0'; /* the header's own text. It goes on as if nobody had asked (RFC 9110, 7.8) */
}

/* ---- what is read ---- */

static int give_up(tr_web_exchange_t *e, enum lws_close_status why, const char *text) {
    char room[64];
    size_t len = strlen(text);
    memcpy(room, text, len);
    lws_close_reason(e->wsi, why, (unsigned char *)room, len);
    return -1;
}

static int received(tr_web_exchange_t *e, const void *bytes, size_t len) {
    if (e->raw.size + len > TR_WEB_MESSAGE_MAX)
        return give_up(e, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "a message is too large");
    if (lws_frame_is_binary(e->wsi))
        return give_up(e, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "messages are texts here");
    tr_buffer_put(&e->raw, bytes, len);
    if (e->raw.failed)
        return -1;
    if (!lws_is_final_fragment(e->wsi) || lws_remaining_packet_payload(e->wsi) > 0)
        return 0;
    if (!tr_web_admit_message(e))
        return give_up(e, LWS_CLOSE_STATUS_POLICY_VIOLATION, "more messages than --rate allows");
    bool good = e->socket->on_message(e, tr_buffer_string(&e->raw), e->raw.size);
    tr_buffer_finish(&e->raw);
    return good ? 0 : give_up(e, LWS_CLOSE_STATUS_POLICY_VIOLATION, "this is not understood");
}

/* ---- what is written ---- */

/* 1: a message was; 0: there is none. */
static int write_next(tr_web_exchange_t *e) {
    static const char room[LWS_PRE] = {0};
    tr_buffer_t *out = &e->server->scratch;
    out->size = 0;
    tr_buffer_put(out, room, sizeof room);
    if (!e->socket->on_ready(e, out))
        return 0;
    if (out->failed) {
        tr_buffer_finish(out);
        out->failed = false;
        return -1;
    }
    size_t len = out->size - LWS_PRE;
    return lws_write(e->wsi, (unsigned char *)out->data + LWS_PRE, len, LWS_WRITE_TEXT) < (int)len ? -1 : 1;
}

static int write_some(tr_web_exchange_t *e) {
    if (e->stream.barred)
        return give_up(e, LWS_CLOSE_STATUS_POLICY_VIOLATION, "the session, or the token, has ended");
    if (e->stream.ended)
        return give_up(e, LWS_CLOSE_STATUS_GOINGAWAY, "the gateway ends");
    for (int i = 0; i < AT_ONCE; i++) {
        int rc = write_next(e);
        if (rc <= 0)
            return rc;
        if (lws_partial_buffered(e->wsi) || lws_send_pipe_choked(e->wsi))
            break;
    }
    lws_callback_on_writable(e->wsi);
    return 0;
}

int tr_web_socket_event(tr_web_exchange_t *e, enum lws_callback_reasons reason, const void *in, size_t len) {
    switch (reason) {
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: /* HTTP/2 has asked nobody before */
        return e->state == TR_WEB_SOCKET || tr_web_exchange_upgrade(e) ? 0 : -1;
    case LWS_CALLBACK_ESTABLISHED:
        tr_web_count(e);
        e->stream.began = true;
        tr_gauge_add(&e->server->sockets, 1);
        lws_callback_on_writable(e->wsi);
        return 0;
    case LWS_CALLBACK_RECEIVE: return received(e, in, len);
    default: return write_some(e);
    }
}
