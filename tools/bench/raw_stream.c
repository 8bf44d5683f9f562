/* The raw topic stream: XPUB and its SUBs, one message per frame. */
#include "tools/bench/raw.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

/* With XPUB_VERBOSE each subscription comes up, also of what is subscribed to already. */
static int wait_subscribers(void *s, uint32_t wanted) {
    char subscription[64];
    for (uint32_t n = 0; n < wanted;) {
        int len = zmq_recv(s, subscription, sizeof subscription, 0);
        if (len < 0)
            return -1;
        n += len > 0 && subscription[0] == 1;
    }
    return 0;
}

int tr_raw_publisher(const tr_bench_task_t *task, tr_error_t *error) {
    void *s = tr_raw_socket(zmq_ctx_new(), ZMQ_XPUB, error);
    int r = s ? tr_raw_bind(s, task, error) : -EIO;
    char *payload = calloc(1, TR_RAW_SIZE_MAX);
    if (r < 0 || !payload)
        return r < 0 ? r : -ENOMEM;
    payload[0] = 'x'; /* the topic */
    if (wait_subscribers(s, task->agents) < 0)
        return tr_raw_error(error, "waiting for subscribers");
    for (uint64_t i = 0; i < task->count; i++)
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
    if (zmq_setsockopt(s, ZMQ_SUBSCRIBE, "x", 1) < 0 || zmq_connect(s, task->endpoint) < 0)
        return tr_raw_error(error, task->endpoint);
    uint64_t got = 0;
    int64_t first = 0;
    zmq_msg_t part;
    zmq_msg_init(&part);
    while (got < task->count && zmq_msg_recv(&part, s, 0) >= 0)
        if (!got++)
            first = tr_clock_ns();
    tr_bench_say_flood(task, got, task->count - got, first, tr_clock_ns());
    tr_bench_rest();
}
