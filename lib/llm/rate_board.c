/* The limiter of all processes of a machine (board.h). */
#include "lib/llm/rate_outer.h"

#define LOOK_MS_MAX 1000 /* others may give back, or go away */

typedef struct asking {
    tr_llm_asking_t base;
    tr_llm_board_account_t *account; /* NULL = the board is full: by the limits of this process */
    int64_t place;
    bool taken;
} asking_t;

static void begin(tr_llm_asking_t *base) {
    ((asking_t *)base)->account = tr_llm_board_account(base->owner->common, base->key, &base->limits);
}

static void look(tr_llm_asking_t *base) {
    asking_t *a = (asking_t *)base;
    if (a->account && tr_llm_asking_refused(base, tr_llm_board_paused(a->account)))
        return;
    int64_t wait = a->account ? tr_llm_board_take(a->account, &base->limits, base->local.tokens,
                                    tr_llm_outer_random(base->owner), &a->place)
                              : 0;
    a->taken = a->account && wait == 0;
    if (wait > 0)
        tr_llm_asking_again(base, wait < LOOK_MS_MAX ? wait : LOOK_MS_MAX);
    else
        tr_llm_asking_grant(base);
}

static void end(tr_llm_asking_t *base, int64_t back) {
    const asking_t *a = (const asking_t *)base;
    if (a->taken)
        tr_llm_board_give(a->account, &base->limits, back, a->place);
}

static void pause_account(
    tr_llm_outer_t *self, const char *key, const tr_llm_rate_config_t *limits, int64_t ms) {
    tr_llm_board_account_t *account = tr_llm_board_account(self->common, key, limits);
    if (account)
        tr_llm_board_pause(account, ms);
}

static const tr_llm_outer_kind_t kind = {sizeof(asking_t), begin, look, end, pause_account};

int tr_llm_rate_board(
    tr_llm_loop_t *loop, tr_llm_board_t *board, tr_llm_rate_t *local, tr_llm_rate_t **ret_rate) {
    return tr_llm_outer_new(&kind, loop, board, local, ret_rate);
}
