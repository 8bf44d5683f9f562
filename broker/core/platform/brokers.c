/* The AMS's action `brokers`: the links to other platforms, and the addresses that are dialled for more. */
#include "broker/core/federation/neighbour.h"
#include "broker/core/platform/platform.h"

static void write_counts(tr_content_writer_t *w, const tr_core_t *core, const tr_neighbour_t *n) {
    const tr_session_t *s = n->session;
    tr_write_kv_uint(w, "queued", n->queue.records);
    tr_write_kv_uint(w, "queued_bytes", n->queue.bytes);
    tr_write_kv_uint(w, "in_hand", s ? s->sent_records - s->acked_records : 0);
    tr_write_kv_uint(w, "sent", n->sent);
    tr_write_kv_uint(w, "received", n->received);
    tr_write_kv_uint(w, "dropped", n->dropped);
    tr_write_kv_uint(w, "known", s ? s->entries_n : 0);
    tr_write_kv_uint(w, "services", n->services);
    tr_write_kv_uint(w, "topics", n->patterns);
    tr_write_kv_int(w, "silent_ms", s ? core->now.mono_ms - s->heard_ms : 0);
}

static void write_neighbour(tr_content_writer_t *w, const tr_core_t *core, const tr_neighbour_t *n) {
    tr_write_map(w, 17);
    tr_write_kv(w, "platform", n->platform);
    tr_write_kv(w, "state", n->session ? "up" : "down");
    tr_write_kv(w, "version", n->software);
    tr_write_kv_bool(w, "dialled", n->session && n->dialled);
    tr_write_kv_int(w, "rtt_ms", n->session ? n->rtt_ms : -1);
    tr_write_kv_int(w, "since_ms", n->since_ms);
    tr_write_kv_uint(w, "ups", n->ups);
    write_counts(w, core, n);
}

static void write_dial(tr_content_writer_t *w, const tr_core_dial_t *d) {
    tr_write_map(w, 4);
    tr_write_kv(w, "endpoint", d->endpoint);
    tr_write_kv(w, "state", d->state);
    tr_write_kv(w, "platform", d->platform);
    tr_write_kv(w, "detail", d->detail);
}

void tr_handle_brokers(tr_answer_t *a) {
    static const tr_federation_t none;
    const tr_federation_t *f = a->core->federation ? a->core->federation : &none;
    tr_content_writer_t *w = &a->content;
    tr_write_map(w, 3);
    tr_write_kv(w, "platform", a->core->platform);
    tr_write_str(w, "brokers");
    tr_write_array(w, f->neighbours_n);
    for (uint32_t i = 0; i < f->neighbours_n; i++)
        write_neighbour(w, a->core, f->neighbours[i]);
    tr_write_str(w, "dials");
    tr_write_array(w, f->dials_n);
    for (size_t i = 0; i < f->dials_n; i++)
        write_dial(w, &f->dials[i]);
}
