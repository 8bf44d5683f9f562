/*
 * route: what the broker alone can do. The sender has its bundles encoded before the clock starts and
 * lends them to libzmq; the sink only walks the records. Both keep to the protocol: credits both ways,
 * MUTE honoured.
 */
#include "tools/bench/content.h"
#include "tools/bench/curve.h"
#include "tools/bench/flood.h"
#include "tools/bench/wire.h"

#include "lib/base/clock.h"
#include "proto/acl.h"

#include <errno.h>
#include <stdlib.h>

#define BUNDLES 256 /* encoded ones, sent in turn: more than the caches hold */

typedef struct bundle {
    uint8_t *bytes;
    size_t len;
    uint32_t records;
} bundle_t;

static void wait_a_little(tr_bench_wire_t *w) {
    int ms = 200;
    zmq_setsockopt(w->socket, ZMQ_RCVTIMEO, &ms, sizeof ms);
}

/* Records of one frame; those that are no messages (NACKs) are not counted as such. */
static uint64_t walk(tr_bench_wire_t *w, zmq_msg_t *frame) {
    tr_bundle_reader_t reader;
    tr_record_t record;
    uint64_t records = 0, messages = 0, bytes = 0;
    tr_bundle_open(&reader, zmq_msg_data(frame), zmq_msg_size(frame), TR_RECORD_MAX);
    while (tr_bundle_next(&reader, &record) > 0) {
        records++;
        bytes += record.h.length;
        messages += record.h.kind == TR_KIND_MESSAGE;
    }
    w->nacks += records - messages;
    tr_bench_wire_taken(w, records, bytes);
    return messages;
}

static int sink(const tr_bench_task_t *task, tr_error_t *error) {
    tr_bench_wire_t w;
    int r = tr_bench_wire_open(&w, zmq_ctx_new(), task->endpoint, "sink", error);
    if (r < 0)
        return r;
    wait_a_little(&w);
    tr_bench_say_ready(task, NULL, w.route);
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    tr_bench_tally_t tally = {.task = task};
    int64_t heard_ms = tr_clock_ms();
    while (!tr_bench_all_seen(&tally)) {
        r = tr_bench_wire_receive(&w, &frame, 0);
        if (r < 0 && r != -EAGAIN)
            return tr_error_set(error, r, "receiving: %s", zmq_strerror(-r));
        if (r > 0)
            tr_bench_count(&tally, walk(&w, &frame));
        int64_t now = tr_clock_ms();
        if (r > 0 || !tally.seen)
            heard_ms = now;
        tr_bench_wire_heartbeat(&w, now);
        if (w.refused || now - heard_ms > TR_BENCH_SILENT_MS)
            break;
    }
    tr_bench_say_tally(&tally);
    tr_bench_rest();
}

/* As the library writes a message: sender and receiver in the envelope, and the content. */
static int encode(
    bundle_t *b, const tr_bench_wire_t *w, const tr_bench_task_t *task, const void *content, uint64_t *id) {
    const char *to = task->to;
    tr_acl_t acl = {.sender = w->aid, .receivers = {&to, 1}};
    size_t envelope = tr_acl_envelope_size(&acl), length = TR_RECORD_HEADER + envelope + task->size;
    size_t cap = length + TR_BUNDLE_HEADER > TR_BUF_SIZE ? length + TR_BUNDLE_HEADER : TR_BUF_SIZE;
    b->bytes = malloc(cap);
    if (!b->bytes)
        return -ENOMEM;
    memcpy(b->bytes, "TB\1\0", 4);
    for (b->len = TR_BUNDLE_HEADER; b->len + length <= cap; b->len += length) {
        tr_record_header_t h = {.length = (uint32_t)length,
            .kind = TR_KIND_MESSAGE,
            .performative = TR_INFORM,
            .hops = TR_HOPS_DEFAULT,
            .dst = task->route,
            .src = w->route,
            .id = ++*id,
            .envelope_len = (uint16_t)envelope};
        tr_record_header_write(&h, b->bytes + b->len);
        uint8_t *at = tr_acl_envelope_write(&acl, b->bytes + b->len + TR_RECORD_HEADER);
        memcpy(at, content, task->size);
        b->records++;
    }
    tr_put32(b->bytes + 4, b->records);
    return 0;
}

static int encode_all(bundle_t *bundles, const tr_bench_wire_t *w, const tr_bench_task_t *task) {
    uint64_t id = 0;
    void *content = tr_bench_content(task->size);
    int r = content ? 0 : -ENOMEM;
    for (int i = 0; i < BUNDLES && r == 0; i++)
        r = encode(&bundles[i], w, task, content, &id);
    free(content);
    return r;
}

static void keep(void *bytes, void *hint) {
    (void)bytes;
    (void)hint; /* lent: it is sent again */
}

/* Takes what the broker says; waits for it when nothing may be sent. */
static int listen_to_broker(tr_bench_wire_t *w, zmq_msg_t *frame, bool may_wait) {
    int r = tr_bench_wire_receive(w, frame, may_wait ? 0 : ZMQ_DONTWAIT);
    if (r > 0)
        walk(w, frame);
    tr_bench_wire_heartbeat(w, tr_clock_ms());
    return r == -EAGAIN ? 0 : r;
}

static int send_one(tr_bench_wire_t *w, const bundle_t *b) {
    zmq_msg_t frame;
    if (zmq_msg_init_data(&frame, b->bytes, b->len, keep, NULL) < 0)
        return -ENOMEM;
    int r = tr_bench_wire_send(w, &frame, b->records, b->len - TR_BUNDLE_HEADER);
    if (r < 0)
        zmq_msg_close(&frame);
    return r;
}

/* The sink is on another platform: one record by its name, until the link is up and its route is told. */
static int resolve(tr_bench_wire_t *w, tr_bench_task_t *task, zmq_msg_t *frame, tr_error_t *error) {
    tr_bench_task_t one = *task;
    bundle_t b = {0};
    uint64_t id = 0;
    void *content = tr_bench_content(task->size);
    int64_t until_ms = tr_clock_ms() + TR_BENCH_SILENT_MS;
    one.route = 0;
    int r = content ? encode(&b, w, &one, content, &id) : -ENOMEM;
    free(content);
    if (r < 0)
        return tr_error_set(error, r, "out of memory");
    tr_put32(b.bytes + 4, 1);
    b.records = 1;
    b.len = TR_BUNDLE_HEADER + tr_get32(b.bytes + TR_BUNDLE_HEADER);
    b.bytes[TR_BUNDLE_HEADER + 6] = TR_FLAG_NO_NACK;
    while (r >= 0 && !w->resolved && tr_clock_ms() < until_ms) {
        r = send_one(w, &b);
        for (int i = 0; r >= 0 && i < 4 && !w->resolved; i++)
            r = listen_to_broker(w, frame, true);
    }
    task->route = w->resolved;
    return w->resolved ? 0 : tr_error_set(error, -ETIMEDOUT, "the brokers were not linked in time");
}

static int sender(const tr_bench_task_t *as_given, tr_error_t *error) {
    tr_bench_wire_t w;
    bundle_t bundles[BUNDLES] = {0};
    tr_bench_task_t task_of_here = *as_given, *task = &task_of_here;
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    int r = tr_bench_wire_open(&w, zmq_ctx_new(), task->endpoint, "sender", error);
    if (r < 0)
        return r;
    wait_a_little(&w);
    if (*task->from && (r = resolve(&w, task, &frame, error)) < 0)
        return r;
    if ((r = encode_all(bundles, &w, task)) < 0)
        return r;
    uint64_t sent = 0;
    for (unsigned i = 0; sent < task->warm + task->count && r >= 0 && !w.nacks && !w.refused;) {
        const bundle_t *b = &bundles[i % BUNDLES];
        bool may = tr_bench_wire_may_send(&w, b->records, b->len - TR_BUNDLE_HEADER);
        r = listen_to_broker(&w, &frame, !may);
        if (r < 0 || !may || (r = send_one(&w, b)) < 0)
            continue;
        sent += b->records;
        i++;
    }
    while (r >= 0 && !w.nacks && !w.refused) /* until the bench ends this process */
        r = listen_to_broker(&w, &frame, true);
    return tr_error_set(error, r < 0 ? r : -EIO, "%llu records came back%s%s", (unsigned long long)w.nacks,
        w.refused ? "; refused: " : "", w.refusal);
}

int tr_bench_route(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = tr_bench_task(bench, c, c->count);
    tr_bench_broker_t broker;
    int r = tr_bench_broker_start(bench, c, &broker, error);
    if (r < 0)
        return r;
    memcpy(task.endpoint, broker.endpoint, sizeof task.endpoint);
    return tr_bench_flood(bench, c, &task, sink, sender, ret, error);
}

/* Across two brokers, each with its own client. */
int tr_bench_federation_open(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = tr_bench_task(bench, c, c->count);
    tr_bench_broker_t far, near;
    int r = tr_bench_broker_linked(bench, c, &(tr_bench_peering_t){.platform = "far"}, &far, error);
    if (r == 0)
        r = tr_bench_broker_linked(
            bench, c, &(tr_bench_peering_t){.platform = "near", .dials = far.federation}, &near, error);
    if (r < 0)
        return r;
    memcpy(task.endpoint, far.endpoint, sizeof task.endpoint);
    memcpy(task.from, near.endpoint, sizeof task.from);
    snprintf(task.to, sizeof task.to, "sink@far");
    return tr_bench_flood(bench, c, &task, sink, sender, ret, error);
}

/* With certificates on all links, whether or not the bench has them elsewhere. */
static int with_curve(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_measure_fn measure,
    tr_bench_sample_t *ret, tr_error_t *error) {
    bool was = bench->curve;
    int r = tr_bench_curve(bench, error);
    if (r == 0)
        r = measure(bench, c, ret, error);
    if (!was)
        tr_bench_curve_off(bench);
    return r;
}

int tr_bench_federation(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    return with_curve(bench, c, tr_bench_federation_open, ret, error);
}

int tr_bench_route_curve(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    return with_curve(bench, c, tr_bench_route, ret, error);
}
