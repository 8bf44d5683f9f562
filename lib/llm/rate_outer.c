#include "lib/llm/rate_outer.h"

#include "lib/base/clock.h"
#include "lib/base/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* xorshift64* */
uint64_t tr_llm_outer_random(tr_llm_outer_t *self) {
    self->random ^= self->random >> 12;
    self->random ^= self->random << 25;
    self->random ^= self->random >> 27;
    return self->random * UINT64_C(2685821657736338717);
}

static void look(void *arg) {
    tr_llm_asking_t *a = arg;
    a->owner->kind->look(a);
}

void tr_llm_asking_grant(tr_llm_asking_t *self) {
    self->outer->holds = true;
    self->outer->granted(self->outer->arg);
}

void tr_llm_asking_again(tr_llm_asking_t *self, int64_t ms) {
    int64_t later = (int64_t)(tr_llm_outer_random(self->owner) % (8 + (uint64_t)ms / 8));
    if (tr_llm_timer_at(self->owner->loop, &self->again, tr_clock_ms() + ms + later, look, self) < 0)
        tr_llm_asking_grant(self);
}

/* What it held in flight is free. */
static void end_asking(tr_llm_asking_t *self, uint64_t spent) {
    tr_llm_outer_t *owner = self->owner;
    tr_llm_leave_t *outer = self->outer;
    outer->account = NULL;
    tr_llm_timer_stop(owner->loop, &self->again);
    owner->kind->end(self, (int64_t)outer->tokens - (outer->holds ? (int64_t)spent : 0));
    outer->holds = false;
    owner->local->ops->leave(owner->local, &self->local, spent);
    free(self);
}

static void refuse(tr_llm_asking_t *self, int64_t wait_ms) {
    tr_llm_leave_t *outer = self->outer;
    end_asking(self, 0);
    outer->refused(outer->arg, wait_ms);
}

bool tr_llm_asking_refused(tr_llm_asking_t *self, int64_t paused_ms) {
    if (paused_ms <= 0 || !self->outer->refused || tr_clock_ms() + paused_ms <= self->outer->until_ms)
        return false;
    refuse(self, paused_ms);
    return true;
}

static void on_refused(void *arg, int64_t wait_ms) {
    refuse(arg, wait_ms);
}

/* ---- the port ---- */

static int ask(
    tr_llm_rate_t *base, const char *key, const tr_llm_rate_config_t *limits, tr_llm_leave_t *leave) {
    tr_llm_outer_t *self = (tr_llm_outer_t *)base;
    tr_llm_asking_t *a = calloc(1, self->kind->asking_size);
    if (!a)
        return -ENOMEM;
    a->owner = self;
    a->outer = leave;
    a->limits = *limits;
    a->local = (tr_llm_leave_t){.granted = look,
        .refused = leave->refused ? on_refused : NULL,
        .arg = a,
        .until_ms = leave->until_ms,
        .tokens = leave->tokens};
    snprintf(a->key, sizeof a->key, "%s", key);
    self->kind->begin(a);
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
    (void)base;
    if (leave->account)
        end_asking(leave->account, spent);
}

static void pause_account(
    tr_llm_rate_t *base, const char *key, const tr_llm_rate_config_t *limits, int64_t ms) {
    tr_llm_outer_t *self = (tr_llm_outer_t *)base;
    self->local->ops->pause(self->local, key, limits, ms);
    self->kind->pause(self, key, limits, ms);
}

static void destroy(tr_llm_rate_t *base) {
    tr_llm_outer_t *self = (tr_llm_outer_t *)base;
    self->local->ops->destroy(self->local);
    free(self);
}

static const tr_llm_rate_ops_t outer_ops = {ask, leave, pause_account, destroy};

int tr_llm_outer_new(const tr_llm_outer_kind_t *kind, tr_llm_loop_t *loop, void *common, tr_llm_rate_t *local,
    tr_llm_rate_t **ret_rate) {
    tr_llm_outer_t *self = calloc(1, sizeof *self);
    if (!self) {
        local->ops->destroy(local);
        return -ENOMEM;
    }
    *self =
        (tr_llm_outer_t){.base = {&outer_ops}, .kind = kind, .loop = loop, .local = local, .common = common};
    self->random = tr_random_seed() | 1;
    *ret_rate = &self->base;
    return 0;
}
