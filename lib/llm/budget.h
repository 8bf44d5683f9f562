/*
 * What calls may spend, in tokens and in money: an account for each agent, each task, and one for all; and where a call has a limit of its own, one for that.
 *
 * An attempt reserves its estimate on all of its accounts before it is made, and settles with what it cost after it, so that
 * calls beside each other cannot spend the same rest twice. What was spent may exceed a limit by no more than the attempts in
 * flight cost more than was estimated; then nothing more is reserved.
 *
 * Where there is a board, limits of the configuration are those of all processes of the machine: what is reserved counts there as spent at once.
 *
 * Invariant: what is reserved is never negative, and is nothing when nothing is in flight. Pure. One thread.
 */
#ifndef TR_LLM_BUDGET_H
#define TR_LLM_BUDGET_H

#include "lib/base/map.h"
#include "lib/llm/board.h"
#include "lib/llm/llm.h"

#define TR_LLM_ACCOUNTS 4
#define TR_LLM_ACCOUNTS_SHARED                                                                               \
    3 /* the first of them, whose limits may be those of more than this process: fleet, agent, task */
#define TR_LLM_ACCOUNTS_MAX                                                                                  \
    100000 /* beyond that the tasks' are forgotten that were not used for the longest */

typedef struct tr_llm_budget {
    tr_map_t accounts; /* "agent:NAME" -> tr_llm_account_t */
    tr_llm_account_t fleet;
    tr_llm_account_t agent, task; /* the limits of new ones */
    uint64_t uses;                /* so far */
    tr_llm_board_t *board;        /* borrowed; NULL = budgets are of this process */
} tr_llm_budget_t;

/* What an attempt holds. Zeroed = nothing. */
typedef struct tr_llm_reservation {
    tr_llm_account_t *accounts[TR_LLM_ACCOUNTS];   /* NULL = none */
    tr_llm_board_purse_t *purses[TR_LLM_ACCOUNTS]; /* of the machine; NULL = none */
    uint64_t tokens, nano;
} tr_llm_reservation_t;

void tr_llm_budget_init(tr_llm_budget_t *self, uint64_t seed);
void tr_llm_budget_finish(tr_llm_budget_t *self);

/* agent, task, purse (a whole name): NULL = nobody's. 0; -EDQUOT: one of the accounts lacks it, the text says which; -ENOMEM. */
int tr_llm_budget_reserve(tr_llm_budget_t *self, const char *agent, const char *task, const char *purse,
    uint64_t tokens, uint64_t nano, tr_llm_reservation_t *ret_reservation, tr_error_t *error);
/* Whether one of the accounts that it is on has a limit of money. */
bool tr_llm_budget_limits_money(const tr_llm_reservation_t *reservation);
/* Once for each reservation; zeroes it. */
void tr_llm_budget_settle(tr_llm_reservation_t *reservation, uint64_t tokens, uint64_t nano);

/* By name: "fleet", "agent:NAME", "task:ID". NULL = nothing was ever on it. */
const tr_llm_account_t *tr_llm_budget_account(const tr_llm_budget_t *self, const char *name);
int tr_llm_budget_limit(tr_llm_budget_t *self, const char *name, uint64_t tokens_max, uint64_t nano_max);
/* Nothing where something of it is reserved. */
void tr_llm_budget_forget(tr_llm_budget_t *self, const char *name);

#endif
