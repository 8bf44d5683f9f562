#include "tools/bench/wire.h"

#include "lib/cert/secret.h"
#include "tools/bench/curve.h"

#include "lib/base/clock.h"
#include "proto/link.pb-c.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* As the library's links have by default. */
#define WINDOW_RECORDS 32768u
#define WINDOW_BYTES   (4u << 20)
#define ANSWER_MS      10000
#define BODY_MAX       512

/* A bundle of one control record. */
static int say(tr_bench_wire_t *w, uint8_t kind, uint64_t id, const void *body, size_t len) {
    uint8_t bytes[TR_BUNDLE_HEADER + TR_RECORD_HEADER + BODY_MAX] = "TB\1";
    tr_record_header_t h = {.length = TR_RECORD_HEADER + (uint32_t)len, .kind = kind, .id = id};
    tr_put32(bytes + 4, 1);
    tr_record_header_write(&h, bytes + TR_BUNDLE_HEADER);
    if (len)
        memcpy(bytes + TR_BUNDLE_HEADER + TR_RECORD_HEADER, body, len);
    w->said_ms = tr_clock_ms();
    return zmq_send(w->socket, bytes, TR_BUNDLE_HEADER + h.length, 0) < 0 ? -errno : 0;
}

static int say_hello(tr_bench_wire_t *w) {
    uint8_t body[BODY_MAX];
    Troupe__Hello m = TROUPE__HELLO__INIT;
    m.version = TR_PROTOCOL_VERSION;
    m.epoch = 1;
    m.process = (char *)(uintptr_t) "troupe bench";
    m.pid = (uint32_t)getpid();
    m.window_records = WINDOW_RECORDS;
    m.window_bytes = WINDOW_BYTES;
    return say(w, TR_KIND_HELLO, w->next_id++, body, troupe__hello__pack(&m, body));
}

static int say_register(tr_bench_wire_t *w, const char *name) {
    uint8_t body[BODY_MAX];
    Troupe__Register m = TROUPE__REGISTER__INIT;
    m.name = (char *)(uintptr_t)name;
    m.behaviour = (char *)(uintptr_t) "bench";
    if (troupe__register__get_packed_size(&m) > sizeof body)
        return -EINVAL;
    return say(w, TR_KIND_REGISTER, w->next_id++, body, troupe__register__pack(&m, body));
}

static void on_welcome(tr_bench_wire_t *w, const tr_record_t *r) {
    Troupe__Welcome *m = troupe__welcome__unpack(NULL, r->content_len, r->content);
    if (!m)
        return;
    w->welcome = true;
    w->grant_records = m->window_records;
    w->grant_bytes = m->window_bytes;
    w->heartbeat_ms = m->heartbeat_ms;
    snprintf(w->platform, sizeof w->platform, "%s", m->platform);
    troupe__welcome__free_unpacked(m, NULL);
}

static void on_registered(tr_bench_wire_t *w, const tr_record_t *r) {
    Troupe__Registered *m = troupe__registered__unpack(NULL, r->content_len, r->content);
    if (!m)
        return;
    w->route = m->route;
    troupe__registered__free_unpacked(m, NULL);
}

static void on_resolved(tr_bench_wire_t *w, const tr_record_t *r) {
    Troupe__Resolved *m = troupe__resolved__unpack(NULL, r->content_len, r->content);
    if (!m)
        return;
    w->resolved = m->route;
    troupe__resolved__free_unpacked(m, NULL);
}

static void on_refused(tr_bench_wire_t *w, const tr_record_t *r) {
    Troupe__Refusal *m = troupe__refusal__unpack(NULL, r->content_len, r->content);
    w->refused = true;
    snprintf(w->refusal, sizeof w->refusal, "%s: %s", tr_reason_name(r->h.reason), m ? m->detail : "");
    if (m)
        troupe__refusal__free_unpacked(m, NULL);
}

static void on_credit(tr_bench_wire_t *w, const tr_record_t *r) {
    if (r->content_len < TR_CREDIT_SIZE)
        return;
    w->acked_records = tr_get64(r->content);
    w->acked_bytes = tr_get64(r->content + 8);
}

static void control(tr_bench_wire_t *w, const tr_record_t *r) {
    switch (r->h.kind) {
    case TR_KIND_WELCOME: on_welcome(w, r); break;
    case TR_KIND_REGISTERED: on_registered(w, r); break;
    case TR_KIND_RESOLVED: on_resolved(w, r); break;
    case TR_KIND_REFUSED: on_refused(w, r); break;
    case TR_KIND_CREDIT: on_credit(w, r); break;
    case TR_KIND_MUTE: w->muted = true; break; /* it sends to one receiver only */
    case TR_KIND_UNMUTE: w->muted = false; break;
    case TR_KIND_PING: say(w, TR_KIND_PONG, r->h.id, NULL, 0); break;
    default: break; /* that the broker spoke is all it says */
    }
}

int tr_bench_wire_receive(tr_bench_wire_t *self, zmq_msg_t *frame, int flags) {
    tr_bundle_reader_t reader;
    tr_record_t record;
    if (zmq_msg_recv(frame, self->socket, flags) < 0)
        return -errno;
    if (tr_bundle_open(&reader, zmq_msg_data(frame), zmq_msg_size(frame), TR_RECORD_MAX) != TR_REASON_NONE)
        return -EPROTO;
    while (tr_bundle_next(&reader, &record) > 0) { /* a bundle holds either data or control */
        if (tr_kind_is_data(record.h.kind))
            return 1;
        control(self, &record);
    }
    return 0;
}

void tr_bench_wire_taken(tr_bench_wire_t *self, uint64_t records, uint64_t bytes) {
    self->taken_records += records;
    self->taken_bytes += bytes;
    if (self->taken_records - self->credited_records < WINDOW_RECORDS / 2 &&
        self->taken_bytes - self->credited_bytes < WINDOW_BYTES / 2)
        return;
    uint8_t body[TR_CREDIT_SIZE];
    tr_put64(body, self->taken_records);
    tr_put64(body + 8, self->taken_bytes);
    if (say(self, TR_KIND_CREDIT, 0, body, sizeof body) < 0)
        return; /* the next one says it all */
    self->credited_records = self->taken_records;
    self->credited_bytes = self->taken_bytes;
}

void tr_bench_wire_heartbeat(tr_bench_wire_t *self, int64_t now_ms) {
    if (self->heartbeat_ms && now_ms - self->said_ms >= (int64_t)self->heartbeat_ms)
        say(self, TR_KIND_PING, self->next_id++, NULL, 0);
}

bool tr_bench_wire_may_send(const tr_bench_wire_t *self, uint64_t records, uint64_t bytes) {
    uint64_t out_records = self->sent_records - self->acked_records,
             out_bytes = self->sent_bytes - self->acked_bytes;
    return !self->muted && (!out_records || (out_records + records <= self->grant_records &&
                                                out_bytes + bytes <= self->grant_bytes));
}

int tr_bench_wire_send(tr_bench_wire_t *self, zmq_msg_t *frame, uint64_t records, uint64_t bytes) {
    if (zmq_msg_send(frame, self->socket, ZMQ_DONTWAIT) < 0)
        return -errno;
    self->sent_records += records;
    self->sent_bytes += bytes;
    return 0;
}

static int prove(const tr_bench_wire_t *w, tr_error_t *error) {
    const char *own = tr_bench_curve_own();
    tr_secret_t secret = {0};
    if (!own)
        return 0;
    int r = tr_secret_load(&secret, own, error);
    if (r == 0 && (r = tr_secret_client(&secret, w->socket)) < 0)
        tr_error_set(error, r, "this ZeroMQ library has no CURVE");
    tr_secret_wipe(&secret);
    return r;
}

static int open_socket(tr_bench_wire_t *w, void *context, const char *endpoint, tr_error_t *error) {
    int zero = 0, answer = ANSWER_MS;
    w->socket = zmq_socket(context, ZMQ_DEALER);
    if (!w->socket)
        return tr_error_set(error, -EMFILE, "no more sockets: %s", zmq_strerror(errno));
    zmq_setsockopt(w->socket, ZMQ_SNDHWM, &zero, sizeof zero); /* credit bounds both directions */
    zmq_setsockopt(w->socket, ZMQ_RCVHWM, &zero, sizeof zero);
    zmq_setsockopt(w->socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(w->socket, ZMQ_RCVTIMEO, &answer, sizeof answer);
    int r = prove(w, error);
    if (r < 0)
        return r;
    if (zmq_connect(w->socket, endpoint) < 0)
        return tr_error_set(error, -EINVAL, "%s: %s", endpoint, zmq_strerror(errno));
    return 0;
}

/* Until `done`, or a refusal, or a time without any answer. */
static int wait_until(tr_bench_wire_t *w, bool (*done)(const tr_bench_wire_t *), tr_error_t *error) {
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    int r = 0;
    while (r >= 0 && !done(w) && !w->refused)
        r = tr_bench_wire_receive(w, &frame, 0);
    zmq_msg_close(&frame);
    if (w->refused)
        return tr_error_set(error, -EPROTO, "the broker refused: %s", w->refusal);
    return r < 0 ? tr_error_set(error, r, "the broker does not answer: %s", strerror(-r)) : 0;
}

static bool is_welcome(const tr_bench_wire_t *w) {
    return w->welcome;
}

static bool is_registered(const tr_bench_wire_t *w) {
    return w->route != 0;
}

int tr_bench_wire_open(
    tr_bench_wire_t *self, void *context, const char *endpoint, const char *name, tr_error_t *error) {
    *self = (tr_bench_wire_t){.next_id = 1};
    int r = open_socket(self, context, endpoint, error);
    if (r == 0 && (r = say_hello(self)) < 0)
        tr_error_set(error, r, "%s: %s", endpoint, strerror(-r));
    if (r == 0)
        r = wait_until(self, is_welcome, error);
    if (r == 0 && (r = say_register(self, name)) < 0)
        tr_error_set(error, r, "cannot register %s: %s", name, strerror(-r));
    if (r == 0)
        r = wait_until(self, is_registered, error);
    if (r == 0)
        snprintf(self->aid, sizeof self->aid, "%s@%s", name, self->platform);
    return r;
}
