#include "tools/tap/stream_pages.h"

#include "proto/content.h"

static int ask(tr_stream_pages_t *self, int64_t from, int64_t most) {
    tr_content_writer_t request;
    const char *consumer = from ? NULL : self->consumer;
    tr_stream_pages_finish(self);
    tr_cli_session_renew(self->session);
    tr_content_writer_init(&request);
    tr_write_map(&request, 3u + (consumer != NULL) + (most != 0));
    tr_write_kv(&request, "action", "stream-read");
    tr_write_kv(&request, "stream", self->stream);
    tr_write_kv_int(&request, "from", from);
    if (consumer)
        tr_write_kv(&request, "consumer", consumer);
    if (most)
        tr_write_kv_int(&request, "max-results", most);
    return tr_cli_ask_platform(self->session, "ams", &request, &self->page);
}

static tr_value_t of_page(const tr_stream_pages_t *self, const char *name) {
    return self->page ? tr_value_get(tr_message_value(self->page), name) : NULL;
}

/* When the first at `number` or behind it was published; INT64_MAX where there is none. */
static int time_at(tr_stream_pages_t *self, int64_t number, int64_t *ret_ms) {
    int code = ask(self, number, 1);
    if (code == TR_EXIT_OK)
        *ret_ms = tr_value_int(tr_value_get(tr_value_at(of_page(self, "events"), 0), "time_ms"), INT64_MAX);
    return code;
}

int tr_stream_pages_seek(tr_stream_pages_t *self, int64_t since_ms) {
    int64_t time_ms = 0;
    int code = time_at(self, 0, &time_ms);
    if (code != TR_EXIT_OK || time_ms >= since_ms)
        return code;
    int64_t low = tr_value_int(of_page(self, "first"), 0), high = tr_value_int(of_page(self, "tail"), 0);
    while (code == TR_EXIT_OK &&
           low + 1 < high) { /* what is at low is older; at high it is not, or nothing is */
        int64_t middle = low + (high - low) / 2;
        code = time_at(self, middle, &time_ms);
        if (time_ms < since_ms)
            low = middle;
        else
            high = middle;
    }
    self->next = high;
    return code;
}

int tr_stream_pages_turn(tr_stream_pages_t *self) {
    int code = ask(self, self->next, 0);
    if (code != TR_EXIT_OK)
        return code;
    self->more = tr_value_bool(of_page(self, "more"), false);
    self->from = tr_value_int(of_page(self, "from"), 0);
    if (tr_value_size(of_page(self, "events")) ==
        0) /* of what was dropped, nothing is told but where it goes on */
        self->next = tr_value_int(of_page(self, "next"), self->next);
    return TR_EXIT_OK;
}

/* The event's record; false where it is none. */
static bool record_of(tr_value_t event, tr_record_t *ret) {
    tr_value_t v = tr_value_get(event, "record");
    if (!v || v->type != MSGPACK_OBJECT_BIN || v->via.bin.size < TR_RECORD_HEADER)
        return false;
    tr_record_t r = {.bytes = (const uint8_t *)v->via.bin.ptr};
    tr_record_header_read(&r.h, r.bytes);
    if (r.h.length != v->via.bin.size || r.h.envelope_len > r.h.length - TR_RECORD_HEADER)
        return false;
    r.envelope = r.bytes + TR_RECORD_HEADER;
    r.content = r.envelope + r.h.envelope_len;
    r.content_len = r.h.length - TR_RECORD_HEADER - r.h.envelope_len;
    *ret = r;
    return true;
}

bool tr_stream_pages_take(tr_stream_pages_t *self, tr_kept_t *ret) {
    tr_value_t events = of_page(self, "events");
    while (self->at < tr_value_size(events)) {
        tr_value_t event = tr_value_at(events, self->at++);
        ret->number = tr_value_int(tr_value_get(event, "sequence"), 0);
        ret->time_ms = tr_value_int(tr_value_get(event, "time_ms"), 0);
        self->next = self->at < tr_value_size(events) ? ret->number + 1
                                                      : tr_value_int(of_page(self, "next"), ret->number + 1);
        if (record_of(event, &ret->record))
            return true;
    }
    return false;
}

void tr_stream_pages_finish(tr_stream_pages_t *self) {
    if (self->page)
        tr_message_done(&self->page);
    self->page = NULL;
    self->at = 0;
}
