/* A build without Redis. */
#include "lib/llm/circuit.h"
#include "lib/llm/fund.h"
#include "lib/llm/shared.h"

#include <errno.h>

int tr_llm_shared_open(tr_llm_loop_t *loop, const tr_llm_shared_config_t *config,
    tr_llm_shared_t **ret_shared, tr_error_t *error) {
    (void)loop, (void)config, (void)ret_shared;
    return tr_error_set(
        error, -ENOTSUP, "redis: this build has no Redis (hiredis was missing): leave the key out");
}

void tr_llm_shared_close(tr_llm_shared_t **self) {
    (void)self;
}

int tr_llm_rate_shared(tr_llm_shared_t *shared, tr_llm_rate_t *local, tr_llm_rate_t **ret_rate) {
    (void)shared;
    *ret_rate = local;
    return 0;
}

int tr_llm_cache_shared(tr_llm_shared_t *shared, tr_llm_cache_t *local, tr_llm_cache_t **ret_cache) {
    (void)shared;
    *ret_cache = local;
    return 0;
}

int tr_llm_fund_new(tr_llm_shared_t *shared, tr_llm_fund_t **ret_fund) {
    (void)shared, (void)ret_fund;
    return -ENOTSUP;
}

void tr_llm_fund_destroy(tr_llm_fund_t **self) {
    (void)self;
}

bool tr_llm_fund_ask(tr_llm_fund_t *self, tr_llm_stake_t *stake) {
    (void)self, (void)stake;
    return false;
}

void tr_llm_fund_settle(tr_llm_stake_t *stake, uint64_t tokens, uint64_t nano) {
    (void)stake, (void)tokens, (void)nano;
}

int tr_llm_circuit_new(tr_llm_shared_t *shared, tr_llm_circuit_t **ret_circuit) {
    (void)shared, (void)ret_circuit;
    return -ENOTSUP;
}

void tr_llm_circuit_destroy(tr_llm_circuit_t **self) {
    (void)self;
}

bool tr_llm_circuit_ask(tr_llm_circuit_t *self, tr_llm_pass_t *pass, int64_t most_ms) {
    (void)self, (void)pass, (void)most_ms;
    return false;
}

void tr_llm_circuit_success(tr_llm_pass_t *pass) {
    (void)pass;
}

void tr_llm_circuit_failure(
    tr_llm_pass_t *pass, const tr_llm_breaker_config_t *config, tr_llm_breaker_t *breaker) {
    (void)pass, (void)config, (void)breaker;
}

void tr_llm_circuit_forget(tr_llm_pass_t *pass) {
    (void)pass;
}
