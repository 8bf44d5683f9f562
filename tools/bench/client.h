/* A role's host: libtroupe as its users have it. */
#ifndef TR_TOOLS_BENCH_CLIENT_H
#define TR_TOOLS_BENCH_CLIENT_H

#include "tools/bench/child.h"
#include "troupe/troupe.h"

/* Connects and registers one agent. 0 or negative with a text. The process ends with both. */
int tr_bench_client(const tr_bench_task_t *task, const char *name, const tr_behaviour_t *behaviour,
    tr_host_t **ret_host, tr_agent_t **ret_agent, tr_error_t *error);
/* Sends what is queued and answers the broker until the bench ends this process. */
_Noreturn void tr_bench_client_rest(tr_host_t *host);

/* Answers each message with its content; the role that runs it is called "echo". */
int tr_bench_echo(const tr_bench_task_t *task, tr_error_t *error);

#endif
