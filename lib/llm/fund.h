/*
 * The budgets of a fleet: what all processes that share a Redis server may spend together, on the accounts of budget.h. An attempt has
 * the leave of this process's accounts first, and then asks the server, which counts the estimate as spent at once; when it has
 * ended the difference to what it did cost is put right. So what is spent is never more than the limit but for what
 * attempts in flight cost beyond their estimates, and who dies with one in hand leaves its estimate spent: the server may have gone on with it.
 *
 * Where the server cannot be reached, each process keeps to the limits alone.
 *
 * Threads: one, that of the loop. `told` is never called from within ask.
 */
#ifndef TR_LLM_FUND_H
#define TR_LLM_FUND_H

#include "lib/llm/shared.h"

#define TR_LLM_FUND_ID 17

typedef struct tr_llm_fund tr_llm_fund_t;

/* One asking; it stays where it is until it is settled. Zeroed = asks for nothing, holds nothing. */
typedef struct tr_llm_stake {
    /* code: 0, or -EDQUOT with an error that says whose budget of what is spent. */
    void (*told)(void *arg, int code, const tr_error_t *error);
    void *arg;
    const char *agent, *task; /* NULL = nobody's; they stay too */
    uint64_t tokens, nano;    /* the estimate */
    uint64_t limits[6];       /* of fleet, agent and task: tokens, nano; 0 = none */

    tr_llm_fund_t *fund; /* NULL = nothing was asked */
    struct tr_redis_errand *errand;
    char id[TR_LLM_FUND_ID];
} tr_llm_stake_t;

/* -ENOMEM; -ENOTSUP where this build has no Redis. */
int tr_llm_fund_new(tr_llm_shared_t *shared, tr_llm_fund_t **ret_fund);
void tr_llm_fund_destroy(tr_llm_fund_t **self); /* NULL-safe */

/* True: `told` will be called. False: the server cannot be asked now, go on. */
bool tr_llm_fund_ask(tr_llm_fund_t *self, tr_llm_stake_t *stake);
/* Whatever state it is in; zeroes it. What it cost in the end, nothing where it was not made. */
void tr_llm_fund_settle(tr_llm_stake_t *stake, uint64_t tokens, uint64_t nano);

#endif
