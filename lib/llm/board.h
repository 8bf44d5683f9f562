/*
 * What the processes of one machine share of model servers where there is no Redis server: a file that all of them map, so that its numbers are everybody's at
 * once. Of each server and key it has two buckets (requests and tokens), places for what is in flight, and the circuit; of each budget what is spent.
 *
 * Nobody locks: each number is changed by one atomic instruction, so whoever dies or is stopped in the middle holds nobody up. What it held comes back:
 * a place in flight as soon as all are taken (or after TR_LLM_BOARD_LEASE_MS), the one attempt of a half open circuit after its time, and an estimate that was reserved stays spent, since
 * the server may have gone on with it. The file is of one boot of the machine: times in it are of its clock.
 *
 * A bucket is the time at which it will be full (GCRA): one number, which taking moves on and giving back moves back.
 *
 * Threads and processes: any that see each other's numbers (a container of its own has a file of its own).
 */
#ifndef TR_LLM_BOARD_H
#define TR_LLM_BOARD_H

#include "lib/base/error.h"
#include "lib/llm/config.h"

#define TR_LLM_BOARD_ACCOUNTS 64   /* servers and keys, each with its limits */
#define TR_LLM_BOARD_PURSES   4096 /* budgets */
#define TR_LLM_BOARD_FLIGHT   1024 /* in flight of one account: a higher limit is each process's own */
#define TR_LLM_BOARD_LEASE_MS 900000
#define TR_LLM_BOARD_SPENT_OF 2 /* tokens, nano */

typedef struct tr_llm_board tr_llm_board_t;
typedef struct tr_llm_board_account tr_llm_board_account_t;
typedef struct tr_llm_board_purse tr_llm_board_purse_t;

/* Made where it is not there, for its owner alone. 0; the errno of the file, -EPERM (others may write it), with a text. */
int tr_llm_board_open(const char *path, tr_llm_board_t **ret_self, tr_error_t *error);
void tr_llm_board_close(tr_llm_board_t **self); /* NULL-safe */

/* ---- rates and circuits ---- */

/* The account of a key with these limits; who has others has another one. NULL: there are too many. */
tr_llm_board_account_t *tr_llm_board_account(
    tr_llm_board_t *self, const char *key, const tr_llm_rate_config_t *limits);

/* A request of so many tokens. 0: it may go, and holds *ret_place; else milliseconds until it is worth while to ask again. random: any number. */
int64_t tr_llm_board_take(tr_llm_board_account_t *self, const tr_llm_rate_config_t *limits, uint64_t tokens,
    uint64_t random, int64_t *ret_place);
/* Its end; tokens that come back (less than 0: it took more than it asked for). */
void tr_llm_board_give(
    tr_llm_board_account_t *self, const tr_llm_rate_config_t *limits, int64_t tokens, int64_t place);
/* Nobody goes for so long. */
void tr_llm_board_pause(tr_llm_board_account_t *self, int64_t ms);
/* For how long nobody goes yet; 0 or less: it is over. */
int64_t tr_llm_board_paused(const tr_llm_board_account_t *self);

/* 0: an attempt may go; *ret_probe is not 0 where it is the one of a half open circuit, which it is for most_ms. Else milliseconds to wait. */
int64_t tr_llm_board_pass(tr_llm_board_account_t *self, int64_t most_ms, int64_t *ret_probe);
/* How it went. Failed: for how many milliseconds the circuit is open now, 0 = it is not. */
int64_t tr_llm_board_failed(
    tr_llm_board_account_t *self, const tr_llm_breaker_config_t *config, int64_t probe);
void tr_llm_board_succeeded(tr_llm_board_account_t *self, int64_t probe);
void tr_llm_board_neither(tr_llm_board_account_t *self, int64_t probe);

/* ---- budgets ---- */

/* By the name of its account (budget.h). NULL: there are too many. */
tr_llm_board_purse_t *tr_llm_board_purse(tr_llm_board_t *self, const char *name);
/* Counts as spent what fits into the limits (0 = none). False: nothing was counted; ret_spent: what is, of tokens and nano. */
bool tr_llm_board_spend(tr_llm_board_purse_t *self, uint64_t tokens, uint64_t nano, uint64_t tokens_max,
    uint64_t nano_max, uint64_t ret_spent[TR_LLM_BOARD_SPENT_OF]);
/* Puts right what was an estimate. */
void tr_llm_board_correct(tr_llm_board_purse_t *self, int64_t tokens, int64_t nano);

#endif
