/* The limiter of all processes of a machine (board.h): an attempt has leave of this process first (the local limiter, which keeps the order), and then of the board,
 * where it looks again and again until there is room. */
#include "lib/llm/rate.h"

#include "lib/base/clock.h"
#include "lib/base/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LOOK_MS_MAX 1000 /* others may give back, or go away */

typedef struct limiter {
    tr_llm_rate_t base;
    tr_llm_loop_t *loop;
    tr_llm_board_t *board;
    tr_llm_rate_t *local;
    uint64_t random;
} limiter_t;

typedef struct asking {
    limiter_t *owner;
    tr_llm_leave_t local, *outer;
    tr_llm_board_account_t *account; /* NULL = the board is full: by the limits of this process */
    tr_llm_rate_config_t limits;
    int64_t place;
    tr_llm_timer_t again;
} asking_t;

/* xorshift64 */
static uint64_t random_of(limiter_t *self) {
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return self->random;
}

static void look(void *arg) {
    asking_t *a = arg;
    uint64_t random = random_of(a->owner);
    int64_t wait =
        a->account ? tr_llm_board_take(a->account, &a->limits, a->local.tokens, random, &a->place) : 0;
    wait = wait > LOOK_MS_MAX ? LOOK_MS_MAX : wait;
    /* a little later than it says, or all who wait would come at once */
    if (wait > 0 && tr_llm_timer_at(a->owner->loop, &a->again,
                        tr_clock_ms() + wait + (int64_t)(random % (1 + (uint64_t)wait / 8)), look, a) == 0)
        return;
    a->outer->holds = true;
    a->outer->granted(a->outer->arg);
}

static int ask(
    tr_llm_rate_t *base, const char *key, const tr_llm_rate_config_t *limits, tr_llm_leave_t *leave) {
    limiter_t *self = (limiter_t *)base;
    asking_t *a = calloc(1, sizeof *a);
    if (!a)
        return -ENOMEM;
    *a = (asking_t){.owner = self,
        .outer = leave,
        .account = tr_llm_board_account(self->board, key, limits),
        .limits = *limits,
        .local = {.granted = look, .arg = a, .tokens = leave->tokens}};
    int r = self->local->ops->ask(self->local, key, limits, &a->local);
    if (r < 0) {
        free(a);
        return r;
    }
    leave->account = a;
    leave->holds = false;
    return 0;
}

static void leave(tr_llm_rate_t *base, tr_llm_leave_t *leave, uint64_t spent) {
    limiter_t *self = (limiter_t *)base;
    asking_t *a = leave->account;
    if (!a)
        return;
    leave->account = NULL;
    tr_llm_timer_stop(self->loop, &a->again);
    if (leave->holds && a->account)
        tr_llm_board_give(a->account, &a->limits, (int64_t)leave->tokens - (int64_t)spent, a->place);
    leave->holds = false;
    self->local->ops->leave(self->local, &a->local, spent);
    free(a);
}

static void pause_account(
    tr_llm_rate_t *base, const char *key, const tr_llm_rate_config_t *limits, int64_t ms) {
    limiter_t *self = (limiter_t *)base;
    tr_llm_board_account_t *account = tr_llm_board_account(self->board, key, limits);
    self->local->ops->pause(self->local, key, limits, ms);
    if (account)
        tr_llm_board_pause(account, ms);
}

static void destroy(tr_llm_rate_t *base) {
    limiter_t *self = (limiter_t *)base;
    self->local->ops->destroy(self->local);
    free(self);
}

static const tr_llm_rate_ops_t board_ops = {ask, leave, pause_account, destroy};

int tr_llm_rate_board(
    tr_llm_loop_t *loop, tr_llm_board_t *board, tr_llm_rate_t *local, tr_llm_rate_t **ret_rate) {
    limiter_t *self = calloc(1, sizeof *self);
    if (!self) {
        local->ops->destroy(local);
        return -ENOMEM;
    }
    *self = (limiter_t){.base = {&board_ops}, .loop = loop, .board = board, .local = local};
    self->random = tr_random_seed() | 1;
    *ret_rate = &self->base;
    return 0;
}
