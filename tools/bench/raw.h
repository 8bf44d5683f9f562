/*
 * The raw limit: the least that a program on libzmq can do. A forwarder (ROUTER: [from][to][payload] ->
 * [to][from][payload]) and its clients, a publisher (XPUB) and its subscribers. One message per frame, marks
 * of 1000 messages, blocking where a mark is reached: nothing is lost.
 *
 * Each function is a role of tools/bench/child.h.
 */
#ifndef TR_TOOLS_BENCH_RAW_H
#define TR_TOOLS_BENCH_RAW_H

#include "tools/bench/child.h"

#define TR_RAW_SIZE_MAX (1u << 20)

/* Binds, says READY with its endpoint, forwards for ever. */
int tr_raw_forwarder(const tr_bench_task_t *task, tr_error_t *error);
/* "echo": returns each message to its sender. */
int tr_raw_echo(const tr_bench_task_t *task, tr_error_t *error);
/* `count` round trips of `size` bytes to task->to, one in flight. */
int tr_raw_ping(const tr_bench_task_t *task, tr_error_t *error);
/* "sink": counts `count` messages. */
int tr_raw_sink(const tr_bench_task_t *task, tr_error_t *error);
/* `count` messages of `size` bytes to task->to. */
int tr_raw_send(const tr_bench_task_t *task, tr_error_t *error);

/* A PUB's hop: XSUB for publishers, XPUB for subscribers. READY with both endpoints, a blank between. */
int tr_raw_stream_forwarder(const tr_bench_task_t *task, tr_error_t *error);
/* Waits for `agents` subscribers and publishes `count` messages: connected to the forwarder where
 * task->stream is one, else it binds task->endpoint itself. */
int tr_raw_publisher(const tr_bench_task_t *task, tr_error_t *error);
int tr_raw_subscriber(const tr_bench_task_t *task, tr_error_t *error);

/* Holds `agents` links to the forwarder. */
int tr_raw_links(const tr_bench_task_t *task, tr_error_t *error);
/* `count` times: connects, has one message returned, closes. */
int tr_raw_churn(const tr_bench_task_t *task, tr_error_t *error);

/* A socket with the marks of a raw program; NULL with a text. */
void *tr_raw_socket(void *context, int type, tr_error_t *error);
/* Binds; the endpoint that came out of it. */
int tr_raw_bind(void *socket, const char *endpoint, char out[192], tr_error_t *error);
/* A DEALER called `name` that is known to the forwarder: its first message to itself has come back. */
int tr_raw_connect(
    void *context, const tr_bench_task_t *task, const char *name, void **ret_socket, tr_error_t *error);
/* `what` and the text of errno. */
int tr_raw_error(tr_error_t *error, const char *what);

#endif
