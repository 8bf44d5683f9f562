/* The raw topic stream: XPUB and its SUBs, one message per frame. */
#include "tools/bench/raw.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

/* Each subscriber also subscribes to something of its own, after the topic: equal subscriptions do not all
 * travel through a hop, different ones do. */
#define OWN 'y'

static int wait_subscribers(void *s, uint32_t wanted) {
    char subscription[64];
    for (uint32_t n = 0; n < wanted;) {
        int len = zmq_recv(s, subscription, sizeof subscription, 0);
        if (len < 0)
            return -1;
        n += len > 1 && subscription[0] == 1 && subscription[1] == OWN;
    }
    return 0;
}

int tr_raw_stream_forwarder(const tr_bench_task_t *task, tr_error_t *error) {
    char front[192], back[192], both[400];
    void *context = zmq_ctx_new();
    void *xsub = tr_raw_socket(context, ZMQ_XSUB, error), *xpub = tr_raw_socket(context, ZMQ_XPUB, error);
    int r = xsub && xpub ? tr_raw_bind(xsub, task->endpoint, front, error) : -EIO;
    if (r == 0)
        r = tr_raw_bind(xpub, task->stream, back, error);
    if (r < 0)
        return r;
    snprintf(both, sizeof both, "%s %s", front, back);
    tr_bench_say_ready(task, both, 0);
    zmq_proxy(xsub, xpub, NULL);
    return tr_raw_error(error, "forwarding");
}

static int publish_to(void *s, const tr_bench_task_t *task, tr_error_t *error) {
    char endpoint[192];
    if (task->stream[0])
        return zmq_connect(s, task->endpoint) < 0 ? tr_raw_error(error, task->endpoint) : 0;
    int r = tr_raw_bind(s, task->endpoint, endpoint, error);
    if (r == 0)
        tr_bench_say_ready(task, endpoint, 0);
    return r;
}

int tr_raw_publisher(const tr_bench_task_t *task, tr_error_t *error) {
    void *s = tr_raw_socket(zmq_ctx_new(), ZMQ_XPUB, error);
    int r = s ? publish_to(s, task, error) : -EIO;
    char *payload = calloc(1, TR_RAW_SIZE_MAX);
    if (r < 0 || !payload)
        return r < 0 ? r : -ENOMEM;
    payload[0] = 'x'; /* the topic */
    if (wait_subscribers(s, task->agents) < 0)
        return tr_raw_error(error, "waiting for subscribers");
    for (uint64_t i = 0; i < task->warm + task->count; i++)
        if (zmq_send(s, payload, task->size, 0) < 0)
            return tr_raw_error(error, "publishing");
    tr_bench_rest();
}

int tr_raw_subscriber(const tr_bench_task_t *task, tr_error_t *error) {
    void *s = tr_raw_socket(zmq_ctx_new(), ZMQ_SUB, error);
    int silent = TR_BENCH_SILENT_MS;
    if (!s)
        return -EIO;
    zmq_setsockopt(s, ZMQ_RCVTIMEO, &silent, sizeof silent);
    char own[2] = {OWN, (char)(1 + task->index)};
    if (zmq_setsockopt(s, ZMQ_SUBSCRIBE, "x", 1) < 0 ||
        zmq_setsockopt(s, ZMQ_SUBSCRIBE, own, sizeof own) < 0 || zmq_connect(s, task->stream) < 0)
        return tr_raw_error(error, task->stream);
    tr_bench_tally_t tally = {.task = task};
    zmq_msg_t part;
    zmq_msg_init(&part);
    while (!tr_bench_all_seen(&tally) && zmq_msg_recv(&part, s, 0) >= 0)
        tr_bench_count(&tally, 1);
    tr_bench_say_tally(&tally);
    tr_bench_rest();
}
