/*
 * The rate port: who asks a server for how much, and when he may. An attempt asks for leave, for one request of about so many
 * tokens, on a key's account with a provider; leave comes by a callback, in the order of asking, at once or when there is room.
 *
 * There is one that the whole fleet shares, on a Redis server (shared.h), and one of the processes of a machine (board.h); the one here
 * (rate_local.c) is of this process: a token bucket for requests and one for tokens, filled by the minute, a number in flight,
 * and a time before which nobody goes, because the server said so.
 *
 * Threads: one. granted is never called from within ask.
 */
#ifndef TR_LLM_RATE_H
#define TR_LLM_RATE_H

#include "lib/llm/board.h"
#include "lib/llm/config.h"
#include "lib/llm/loop.h"

#define TR_LLM_RATE_KEY 64 /* bytes of an account's name, with its NUL */

typedef struct tr_llm_rate tr_llm_rate_t;

/* One asking. Zeroed; it stays where it is until it is granted or forgotten. */
typedef struct tr_llm_leave {
    void (*granted)(void *arg);
    /* In place of granted, and it asks no more: the server wants nobody with this key before until_ms (tr_clock_ms), but in so many milliseconds at the
     * earliest. NULL: it waits for that. Likewise never called from within ask. */
    void (*refused)(void *arg, int64_t wait_ms);
    void *arg;
    int64_t until_ms;
    uint64_t tokens;
    struct tr_llm_leave *next; /* for the limiter */
    void *account;             /* NULL = asks for nothing now */
    bool holds;                /* it was granted, and is in flight */
} tr_llm_leave_t;

typedef struct tr_llm_rate_ops {
    /* `key` names the account. granted, arg and tokens of the leave are set. 0 or negative errno. */
    int (*ask)(
        tr_llm_rate_t *self, const char *key, const tr_llm_rate_config_t *limits, tr_llm_leave_t *leave);
    /* Whatever state it is in: it asks no more, and what it held in flight is free. spent: the tokens that it took in the end,
     * if it was granted. */
    void (*leave)(tr_llm_rate_t *self, tr_llm_leave_t *leave, uint64_t spent);
    /* Nobody goes on this account for so long. */
    void (*pause)(tr_llm_rate_t *self, const char *key, const tr_llm_rate_config_t *limits, int64_t ms);
    void (*destroy)(tr_llm_rate_t *self);
} tr_llm_rate_ops_t;

struct tr_llm_rate {
    const tr_llm_rate_ops_t *ops;
};

/* The loop is borrowed. -ENOMEM. */
int tr_llm_rate_local(tr_llm_loop_t *loop, tr_llm_rate_t **ret_rate);
/* Takes the local one over, on failure too. The board outlives it. -ENOMEM. */
int tr_llm_rate_board(
    tr_llm_loop_t *loop, tr_llm_board_t *board, tr_llm_rate_t *local, tr_llm_rate_t **ret_rate);

#endif
