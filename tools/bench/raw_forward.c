/* The raw forwarder and its clients. */
#include "tools/bench/raw.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

int tr_raw_error(tr_error_t *error, const char *what) {
    int code = errno;
    return tr_error_set(error, code < ZMQ_HAUSNUMERO ? -code : -EIO, "%s: %s", what, zmq_strerror(code));
}

void *tr_raw_socket(void *context, int type, tr_error_t *error) {
    void *s = zmq_socket(context, type);
    int mark = 1000, one = 1, zero = 0;
    if (!s) {
        tr_raw_error(error, "zmq_socket");
        return NULL;
    }
    zmq_setsockopt(s, ZMQ_SNDHWM, &mark, sizeof mark);
    zmq_setsockopt(s, ZMQ_RCVHWM, &mark, sizeof mark);
    zmq_setsockopt(s, ZMQ_LINGER, &zero, sizeof zero);
    if (type == ZMQ_ROUTER) /* wait at the receiver's mark: the default is to drop */
        zmq_setsockopt(s, ZMQ_ROUTER_MANDATORY, &one, sizeof one);
    if (type == ZMQ_XPUB) /* likewise */
        zmq_setsockopt(s, ZMQ_XPUB_NODROP, &one, sizeof one);
    return s;
}

int tr_raw_bind(void *socket, const char *endpoint, char out[192], tr_error_t *error) {
    size_t size = 192;
    int backlog = 4096;
    zmq_setsockopt(socket, ZMQ_BACKLOG, &backlog, sizeof backlog);
    if (zmq_bind(socket, endpoint) < 0 || zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, out, &size) < 0)
        return tr_raw_error(error, endpoint);
    return 0;
}

int tr_raw_connect(
    void *context, const tr_bench_task_t *task, const char *name, void **ret_socket, tr_error_t *error) {
    void *s = tr_raw_socket(context, ZMQ_DEALER, error);
    if (!s)
        return -errno;
    char back[64];
    zmq_setsockopt(s, ZMQ_ROUTING_ID, name, strlen(name));
    if (zmq_connect(s, task->endpoint) < 0 || zmq_send(s, name, strlen(name), ZMQ_SNDMORE) < 0 ||
        zmq_send(s, "", 0, 0) < 0 || zmq_recv(s, back, sizeof back, 0) < 0 ||
        zmq_recv(s, back, sizeof back, 0) < 0) {
        int r = tr_raw_error(error, task->endpoint);
        zmq_close(s);
        return r;
    }
    *ret_socket = s;
    return 0;
}

/* Who is gone is not sent to; what was meant for him is read all the same. */
static int forward(void *s) {
    zmq_msg_t from, to, body;
    zmq_msg_init(&from);
    zmq_msg_init(&to);
    zmq_msg_init(&body);
    for (;;) {
        if (zmq_msg_recv(&from, s, 0) < 0 || zmq_msg_recv(&to, s, 0) < 0)
            return -1;
        bool sent = zmq_msg_send(&to, s, ZMQ_SNDMORE) >= 0;
        if (sent && zmq_msg_send(&from, s, ZMQ_SNDMORE) < 0)
            return -1;
        int more = 1;
        while (more) {
            if (zmq_msg_recv(&body, s, 0) < 0)
                return -1;
            more = zmq_msg_more(&body);
            if (sent && zmq_msg_send(&body, s, more ? ZMQ_SNDMORE : 0) < 0)
                return -1;
        }
    }
}

int tr_raw_forwarder(const tr_bench_task_t *task, tr_error_t *error) {
    char endpoint[192];
    void *s = tr_raw_socket(zmq_ctx_new(), ZMQ_ROUTER, error);
    int r = s ? tr_raw_bind(s, task->endpoint, endpoint, error) : -EIO;
    if (r < 0)
        return r;
    tr_bench_say_ready(task, endpoint, 0);
    forward(s);
    return tr_raw_error(error, "forwarding");
}

int tr_raw_echo(const tr_bench_task_t *task, tr_error_t *error) {
    void *s;
    int r = tr_raw_connect(zmq_ctx_new(), task, "echo", &s, error);
    if (r < 0)
        return r;
    tr_bench_say_ready(task, NULL, 0);
    zmq_msg_t part;
    zmq_msg_init(&part);
    for (;;) { /* [from][payload] is the answer's address and payload */
        if (zmq_msg_recv(&part, s, 0) < 0)
            return tr_raw_error(error, "receiving");
        int more = zmq_msg_more(&part);
        if (zmq_msg_send(&part, s, more ? ZMQ_SNDMORE : 0) < 0)
            return tr_raw_error(error, "answering");
    }
}

static int receive_all(void *s, zmq_msg_t *part) {
    do
        if (zmq_msg_recv(part, s, 0) < 0)
            return -1;
    while (zmq_msg_more(part));
    return 0;
}

int tr_raw_ping(const tr_bench_task_t *task, tr_error_t *error) {
    void *s;
    int r = tr_raw_connect(zmq_ctx_new(), task, "ping", &s, error);
    char *payload = calloc(1, TR_RAW_SIZE_MAX);
    uint32_t *ns = calloc(task->count, sizeof *ns);
    if (r < 0 || !payload || !ns)
        return r < 0 ? r : -ENOMEM;
    zmq_msg_t part;
    zmq_msg_init(&part);
    size_t to = strlen(task->to);
    for (uint64_t i = 0; i < task->warm + task->count; i++) {
        int64_t begun = tr_clock_ns();
        if (zmq_send(s, task->to, to, ZMQ_SNDMORE) < 0 || zmq_send(s, payload, task->size, 0) < 0 ||
            receive_all(s, &part) < 0)
            return tr_raw_error(error, "a round trip");
        if (i >= task->warm)
            ns[i - task->warm] = (uint32_t)(tr_clock_ns() - begun);
    }
    tr_bench_say_latency(task, ns, task->count);
    tr_bench_rest();
}

int tr_raw_sink(const tr_bench_task_t *task, tr_error_t *error) {
    void *s;
    int r = tr_raw_connect(zmq_ctx_new(), task, "sink", &s, error), silent = TR_BENCH_SILENT_MS;
    if (r < 0)
        return r;
    zmq_setsockopt(s, ZMQ_RCVTIMEO, &silent, sizeof silent);
    tr_bench_say_ready(task, NULL, 0);
    tr_bench_tally_t tally = {.task = task};
    zmq_msg_t part;
    zmq_msg_init(&part);
    while (!tr_bench_all_seen(&tally) && receive_all(s, &part) == 0)
        tr_bench_count(&tally, 1);
    tr_bench_say_tally(&tally);
    tr_bench_rest();
}

/* Stays until the bench ends it: over ipc libzmq may lose what a socket that closes still holds. */
int tr_raw_send(const tr_bench_task_t *task, tr_error_t *error) {
    void *s;
    int r = tr_raw_connect(zmq_ctx_new(), task, "send", &s, error);
    char *payload = calloc(1, TR_RAW_SIZE_MAX);
    if (r < 0 || !payload)
        return r < 0 ? r : -ENOMEM;
    size_t to = strlen(task->to);
    for (uint64_t i = 0; i < task->warm + task->count; i++)
        if (zmq_send(s, task->to, to, ZMQ_SNDMORE) < 0 || zmq_send(s, payload, task->size, 0) < 0)
            return tr_raw_error(error, "sending");
    tr_bench_rest();
}
