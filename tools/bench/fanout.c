/*
 * fanout: one publisher through the public API, and eight plain ZeroMQ SUBs on the topic stream that walk the
 * bundles and count records.
 *
 * The stream is at most once: it drops what a subscriber is too slow for. So that deliveries are measured and
 * not drops, the publisher keeps within a window of the slowest subscriber, whose counts it reads in shared
 * memory; the raw side waits at XPUB's mark instead (XPUB_NODROP). What was dropped all the same shows in the
 * sequence, is told, and is not counted.
 */
#include "tools/bench/client.h"
#include "tools/bench/content.h"
#include "tools/bench/flood.h"
#include "tools/bench/raw.h"

#include "lib/base/clock.h"
#include "proto/bundle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

#define WINDOW     8192 /* publications ahead of the slowest subscriber: what the caches hold */
#define LOOK_EVERY 64   /* publications between two looks at the subscribers */
#define RUN_MS     120000
#define WARM       "bench.warm"
#define TOPIC      "bench.fanout"

/* What the slowest has seen, drops included. */
static uint64_t slowest(const tr_bench_task_t *task) {
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < task->agents; i++) {
        uint64_t n = atomic_load_explicit(&task->shared->seen[i].count, memory_order_relaxed);
        least = n < least ? n : least;
    }
    return least;
}

/* Publishes on another topic until each subscriber has heard of it (and counts 1). */
static int warm_up(const tr_bench_task_t *task, tr_host_t *host, tr_agent_t *agent) {
    int64_t deadline = tr_clock_ms() + TR_BENCH_SILENT_MS;
    while (slowest(task) == 0) {
        int r = tr_publish(agent, WARM, "x", 1);
        if (r < 0 && r != -EAGAIN)
            return r;
        for (int i = 0; i < 5 && slowest(task) == 0; i++)
            tr_host_step(host, 2);
        if (tr_clock_ms() > deadline)
            return -ETIMEDOUT;
    }
    return 0;
}

static int publish_all(const tr_bench_task_t *task, tr_host_t *host, tr_agent_t *agent, const void *content) {
    for (uint64_t i = 0; i < task->warm + task->count;) {
        if (i % LOOK_EVERY == 0)
            while (i + 1 - slowest(task) >= WINDOW)
                tr_host_step(host, 1);
        int r = tr_publish(agent, TOPIC, content, task->size);
        if (r == 0)
            i++;
        else if (r == -EAGAIN)
            tr_host_step(host, 10);
        else
            return r;
    }
    return 0;
}

static int publisher(const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t quiet = {.abi = TR_BEHAVIOUR_ABI, .name = "publisher"};
    tr_host_t *host;
    tr_agent_t *agent;
    int r = tr_bench_client(task, "publisher", &quiet, &host, &agent, error);
    if (r < 0)
        return r;
    void *content = tr_bench_content(task->size);
    tr_bench_say_ready(task, tr_host_stream(host), 0);
    while (!atomic_load(&task->shared->go))
        tr_host_step(host, 1);
    if (!content || (r = warm_up(task, host, agent)) < 0)
        return tr_error_set(error, content ? r : -ENOMEM, "the subscribers hear nothing on the topic stream");
    if ((r = publish_all(task, host, agent, content)) < 0)
        return tr_error_set(error, r, "cannot publish: %s", strerror(-r));
    tr_bench_client_rest(host);
}

/* Records of one frame; the sequence of the last one. */
static uint64_t walk(zmq_msg_t *frame, uint64_t *sequence) {
    tr_bundle_reader_t reader;
    tr_record_t record;
    uint64_t n = 0;
    if (tr_bundle_open(&reader, zmq_msg_data(frame), zmq_msg_size(frame), TR_RECORD_MAX) != TR_REASON_NONE)
        return 0;
    while (tr_bundle_next(&reader, &record) > 0) {
        *sequence = record.h.id;
        n++;
    }
    return n;
}

/* [topic][bundle]: 1 = a bundle of the measured topic, 0 = of another, negative = nothing came. */
static int next_bundle(void *s, zmq_msg_t *topic, zmq_msg_t *bundle) {
    if (zmq_msg_recv(topic, s, 0) < 0 || !zmq_msg_more(topic) || zmq_msg_recv(bundle, s, 0) < 0)
        return -1;
    size_t len = strlen(TOPIC);
    return zmq_msg_size(topic) == len && memcmp(zmq_msg_data(topic), TOPIC, len) == 0;
}

static int subscriber(const tr_bench_task_t *task, tr_error_t *error) {
    int silent = TR_BENCH_SILENT_MS, zero = 0, r;
    void *s = zmq_socket(zmq_ctx_new(), ZMQ_SUB);
    if (!s)
        return tr_raw_error(error, "zmq_socket");
    zmq_setsockopt(s, ZMQ_RCVTIMEO, &silent, sizeof silent);
    zmq_setsockopt(s, ZMQ_RCVHWM, &zero, sizeof zero);
    if (zmq_setsockopt(s, ZMQ_SUBSCRIBE, "bench.", 6) < 0 || zmq_connect(s, task->stream) < 0)
        return tr_raw_error(error, task->stream);
    zmq_msg_t topic, bundle;
    zmq_msg_init(&topic);
    zmq_msg_init(&bundle);
    tr_bench_tally_t tally = {.task = task};
    uint64_t sequence = 0; /* of the last one: what is missing below it was dropped */
    while (sequence < task->warm + task->count && (r = next_bundle(s, &topic, &bundle)) >= 0) {
        if (r)
            tr_bench_count(&tally, walk(&bundle, &sequence));
        atomic_store_explicit(&task->shared->seen[task->index].count, 1 + sequence, memory_order_relaxed);
    }
    tr_bench_say_tally(&tally);
    tr_bench_rest();
}

static int start_subscribers(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_task_t *task,
    tr_bench_role_fn role, tr_bench_child_t **subs, tr_error_t *error) {
    int r = 0;
    for (task->index = 0; task->index < c->agents && r == 0; task->index++)
        r = tr_bench_fork(bench, c, "a subscriber", role, task, &subs[task->index], error);
    return r;
}

/* All deliveries after the warm-up, over the time from the first to the last of any subscriber. */
static int collect(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_child_t **subs,
    tr_bench_sample_t *ret, tr_error_t *error) {
    int64_t first = INT64_MAX, last = 0;
    uint64_t count = 0, missed = 0;
    for (uint32_t i = 0; i < c->agents; i++) {
        tr_bench_note_t note;
        int r = tr_bench_hear(bench, subs[i], TR_BENCH_DONE, RUN_MS, &note, error);
        if (r < 0)
            return r;
        first = note.count && note.first_ns < first ? note.first_ns : first;
        last = note.last_ns > last ? note.last_ns : last;
        count += note.count;
        missed += note.missed;
    }
    if (!count || last <= first)
        return tr_error_set(error, -EIO, "no subscriber got anything");
    tr_bench_sample_t sample = {.values = {(double)count / ((double)(last - first) / 1e9)}};
    if (missed)
        snprintf(sample.note, sizeof sample.note, "%llu of %llu deliveries were dropped, and are not counted",
            (unsigned long long)missed, (unsigned long long)(count + missed));
    *ret = sample;
    return 0;
}

int tr_bench_fanout(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = tr_bench_task(bench, c, c->count);
    tr_bench_child_t *pub, *subs[TR_BENCH_SUBS_MAX];
    tr_bench_note_t note;
    tr_bench_broker_t broker;
    int r = tr_bench_broker_start(bench, c, &broker, error);
    if (r < 0)
        return r;
    memcpy(task.endpoint, broker.endpoint, sizeof task.endpoint);
    r = tr_bench_fork(bench, c, "the publisher", publisher, &task, &pub, error);
    if (r == 0)
        r = tr_bench_hear(bench, pub, TR_BENCH_READY, TR_BENCH_SILENT_MS, &note, error);
    if (r < 0)
        return r;
    snprintf(task.stream, sizeof task.stream, "%.191s", note.text);
    r = start_subscribers(bench, c, &task, subscriber, subs, error);
    atomic_store(&bench->shared->go, true);
    return r < 0 ? r : collect(bench, c, subs, ret, error);
}

/* Through a hop, as ours goes through the broker. */
int tr_bench_fanout_raw(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = tr_bench_task(bench, c, c->raw_count);
    tr_bench_child_t *forwarder, *pub, *subs[TR_BENCH_SUBS_MAX];
    tr_bench_note_t note;
    tr_bench_endpoint(bench, c, task.endpoint, sizeof task.endpoint);
    tr_bench_endpoint(bench, c, task.stream, sizeof task.stream);
    int r = tr_bench_fork(bench, c, "the raw forwarder", tr_raw_stream_forwarder, &task, &forwarder, error);
    if (r == 0)
        r = tr_bench_hear(bench, forwarder, TR_BENCH_READY, TR_BENCH_SILENT_MS, &note, error);
    if (r < 0)
        return r;
    size_t front = strcspn(note.text, " ");
    snprintf(task.endpoint, sizeof task.endpoint, "%.*s", (int)front, note.text);
    snprintf(task.stream, sizeof task.stream, "%.191s", note.text + front + 1);
    r = tr_bench_fork(bench, c, "the raw publisher", tr_raw_publisher, &task, &pub, error);
    if (r == 0)
        r = start_subscribers(bench, c, &task, tr_raw_subscriber, subs, error);
    return r < 0 ? r : collect(bench, c, subs, ret, error);
}

/* Without any: publisher and subscribers are all there is. */
int tr_bench_fanout_direct(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = tr_bench_task(bench, c, c->raw_count);
    tr_bench_child_t *pub, *subs[TR_BENCH_SUBS_MAX];
    tr_bench_note_t note;
    tr_bench_endpoint(bench, c, task.endpoint, sizeof task.endpoint);
    int r = tr_bench_fork(bench, c, "the raw publisher", tr_raw_publisher, &task, &pub, error);
    if (r == 0)
        r = tr_bench_hear(bench, pub, TR_BENCH_READY, TR_BENCH_SILENT_MS, &note, error);
    if (r < 0)
        return r;
    snprintf(task.stream, sizeof task.stream, "%.191s", note.text);
    r = start_subscribers(bench, c, &task, tr_raw_subscriber, subs, error);
    return r < 0 ? r : collect(bench, c, subs, ret, error);
}
