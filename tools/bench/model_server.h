/*
 * A model server for measuring, as a role: it answers each chat of OpenAI's API by a stream of TR_BENCH_MODEL_PIECES events, one each TR_BENCH_MODEL_PACE_MS, which
 * together are a reply by the schema of dialogues. It reads no more of a request than how long it is. One thread; connections stay open.
 */
#ifndef TR_TOOLS_BENCH_MODEL_SERVER_H
#define TR_TOOLS_BENCH_MODEL_SERVER_H

#include "tools/bench/child.h"

#define TR_BENCH_MODEL_PIECES  20
#define TR_BENCH_MODEL_PACE_MS 100

/* Says READY with its port as the number, and serves until the bench ends it. */
int tr_bench_model_server(const tr_bench_task_t *task, tr_error_t *error);

#endif
