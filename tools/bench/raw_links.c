/* Raw links: many idle ones, and ones that come and go. */
#include "tools/bench/raw.h"

#include "lib/base/clock.h"

#include <stdio.h>
#include <unistd.h>
#include <zmq.h>

int tr_raw_links(const tr_bench_task_t *task, tr_error_t *error) {
    void *context = zmq_ctx_new(), *s;
    zmq_ctx_set(context, ZMQ_MAX_SOCKETS, (int)task->agents + 8);
    for (uint32_t i = 0; i < task->agents; i++) {
        char name[32];
        snprintf(name, sizeof name, "link-%u-%u", task->index, i);
        int r = tr_raw_connect(context, task, name, &s, error);
        if (r < 0)
            return r;
    }
    tr_bench_say_ready(task, NULL, task->agents);
    tr_bench_rest(); /* the sockets are held until then */
}

int tr_raw_churn(const tr_bench_task_t *task, tr_error_t *error) {
    tr_bench_say_ready(task, NULL, 0);
    while (!atomic_load(&task->shared->go))
        usleep(100);
    int64_t begun = tr_clock_ns();
    for (uint64_t i = 0; i < task->count; i++) {
        void *context = zmq_ctx_new(), *s;
        char name[32];
        snprintf(name, sizeof name, "churn-%llu", (unsigned long long)i);
        int r = tr_raw_connect(context, task, name, &s, error);
        if (r < 0)
            return r;
        zmq_close(s);
        zmq_ctx_term(context);
    }
    tr_bench_say_flood(task, task->count, 0, begun, tr_clock_ns());
    tr_bench_rest();
}
