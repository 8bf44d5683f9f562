#include "tests/sim/credit.h"

#include "proto/bundle.h"
#include "proto/link.pb-c.h"
#include "tests/sim/proc.h"

static void on_hello(sim_conn_t *c, const tr_record_t *r) {
    Troupe__Hello *m = troupe__hello__unpack(NULL, r->content_len, r->content);
    if (!m)
        return;
    c->epoch = m->epoch;
    if (m->epoch != c->credit.epoch) {
        c->credit.window_records = m->window_records;
        c->credit.window_bytes = m->window_bytes;
    }
    troupe__hello__free_unpacked(m, NULL);
}

static void on_credit(sim_conn_t *c, const tr_record_t *r) {
    if (r->content_len < TR_CREDIT_SIZE || !c->credit.epoch)
        return;
    c->credit.told_records = tr_get64(r->content);
    c->credit.told_bytes = tr_get64(r->content + 8);
}

void sim_credit_taken(sim_conn_t *conn, const void *bytes, size_t len) {
    tr_bundle_reader_t reader;
    tr_record_t r;
    if (tr_bundle_open(&reader, bytes, len, UINT32_MAX) != TR_REASON_NONE)
        return;
    while (tr_bundle_next(&reader, &r) > 0) {
        if (r.h.kind == TR_KIND_HELLO)
            on_hello(conn, &r);
        else if (r.h.kind == TR_KIND_CREDIT)
            on_credit(conn, &r);
    }
}

static void remember(sim_conn_t *c, const Troupe__Welcome *m) {
    c->proc->welcomed = c;
    c->proc->epoch = m->epoch;
    if (m->token.len == sizeof c->proc->token)
        memcpy(c->proc->token, m->token.data, m->token.len);
}

/* A second WELCOME to the same HELLO changes nothing, nor does one of a connection before this. */
static void on_welcome(sim_conn_t *c, const tr_record_t *r) {
    Troupe__Welcome *m = troupe__welcome__unpack(NULL, r->content_len, r->content);
    if (!m)
        return;
    if (m->epoch > c->credit.epoch)
        c->credit = (sim_credit_t){.epoch = m->epoch,
            .window_records = c->credit.window_records,
            .window_bytes = c->credit.window_bytes};
    if (c->socket && c->proc->starts == c->start && c->proc->running)
        remember(c, m);
    troupe__welcome__free_unpacked(m, NULL);
}

static void check(const sim_conn_t *c, uint64_t records, uint64_t bytes) {
    const sim_credit_t *k = &c->credit;
    uint64_t out_records = k->sent_records - k->told_records, out_bytes = k->sent_bytes - k->told_bytes;
    if (!k->epoch)
        sim_fail(c->world, "data to peer %u, which was not welcomed", c->peer);
    if (out_records && (out_records + records > k->window_records || out_bytes + bytes > k->window_bytes))
        sim_fail(c->world,
            "credit: %llu records, %llu bytes go to peer %u with %llu, %llu on their way; its window is "
            "%llu, %llu",
            (unsigned long long)records, (unsigned long long)bytes, c->peer, (unsigned long long)out_records,
            (unsigned long long)out_bytes, (unsigned long long)k->window_records,
            (unsigned long long)k->window_bytes);
}

void sim_credit_sent(sim_conn_t *conn, const void *bytes, size_t len) {
    tr_bundle_reader_t reader;
    tr_record_t r;
    uint64_t data_records = 0, data_bytes = 0, records = 0;
    if (tr_bundle_open(&reader, bytes, len, UINT32_MAX) != TR_REASON_NONE)
        sim_fail(conn->world, "the broker sends peer %u what is no bundle", conn->peer);
    int more;
    while ((more = tr_bundle_next(&reader, &r)) > 0) {
        bool data = tr_kind_is_data(r.h.kind);
        records++;
        data_records += data;
        data_bytes += data ? r.h.length : 0;
        if (r.h.kind == TR_KIND_WELCOME)
            on_welcome(conn, &r);
    }
    if (more < 0 || (data_records && data_records != records))
        sim_fail(conn->world, "a bundle to peer %u that cannot be read, or with data and control in it",
            conn->peer);
    if (!data_records)
        return;
    check(conn, data_records, data_bytes);
    conn->credit.sent_records += data_records;
    conn->credit.sent_bytes += data_bytes;
}
