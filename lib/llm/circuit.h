/*
 * The circuits of a fleet: what all processes that share a Redis server know of a model server that fails. An attempt has passed this process's
 * breaker (breaker.h) first, and then asks: where the fleet's circuit is open, the breaker is opened for as long, and nobody else tries either. Failures in
 * a row are those of all; of what is half open one attempt of the whole fleet passes, and who dies with it holds it no longer than the call would have taken.
 *
 * Where the server cannot be reached, each process has its own breaker alone.
 *
 * Threads: one, that of the loop. `told` is never called from within ask.
 */
#ifndef TR_LLM_CIRCUIT_H
#define TR_LLM_CIRCUIT_H

#include "lib/llm/breaker.h"
#include "lib/llm/shared.h"

#define TR_LLM_CIRCUIT_ID 17

typedef struct tr_llm_circuit tr_llm_circuit_t;

/* One asking; it stays where it is until it was told of or forgotten. Zeroed = asks for nothing, holds nothing. */
typedef struct tr_llm_pass {
    /* 0: it may go; else so many milliseconds to wait. */
    void (*told)(void *arg, int64_t wait_ms);
    void *arg;
    const char *key; /* of the server and its key; stays too */

    tr_llm_circuit_t *circuit; /* NULL = nothing was asked */
    struct tr_redis_errand *errand;
    char id[TR_LLM_CIRCUIT_ID];
    bool is_probe; /* the one attempt of half open */
    bool failed;   /* before it, others */
} tr_llm_pass_t;

/* -ENOMEM; -ENOTSUP where this build has no Redis. */
int tr_llm_circuit_new(tr_llm_shared_t *shared, tr_llm_circuit_t **ret_circuit);
void tr_llm_circuit_destroy(tr_llm_circuit_t **self); /* NULL-safe */

/* told, arg and key are set. most_ms: how long the attempt may take. True: `told` will be called. False: the server cannot be asked now, go on. */
bool tr_llm_circuit_ask(tr_llm_circuit_t *self, tr_llm_pass_t *pass, int64_t most_ms);

/* How the attempt went, once; each zeroes the pass. Forget: it says nothing of the server, or was not begun; at any time. */
void tr_llm_circuit_success(tr_llm_pass_t *pass);
/* breaker: opened, once the answer is there, for as long as the fleet's circuit is; it outlives the client's part in the fleet. */
void tr_llm_circuit_failure(
    tr_llm_pass_t *pass, const tr_llm_breaker_config_t *config, tr_llm_breaker_t *breaker);
void tr_llm_circuit_forget(tr_llm_pass_t *pass);

#endif
