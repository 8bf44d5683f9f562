/* The limiter of one process: a line of those who ask, per account, served by a timer that is set to when the first one may. */
#include "lib/llm/rate.h"

#include "lib/base/clock.h"
#include "lib/base/map.h"
#include "lib/base/random.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS 60000.0
#define BURST     60.0 /* a bucket of requests holds a second's worth, but one at the least */

/* Filled by the minute; what is over its capacity is lost. It may be in debt: an attempt that took more than it asked for. */
typedef struct bucket {
    double level, capacity, per_ms; /* per_ms 0 = no limit */
} bucket_t;

typedef struct account {
    struct limiter *owner;
    bucket_t requests, tokens;
    int64_t in_flight_max, in_flight;
    int64_t filled_ms, not_before_ms;
    tr_llm_leave_t *first, **end;
    tr_llm_timer_t timer;
} account_t;

typedef struct limiter {
    tr_llm_rate_t base;
    tr_llm_loop_t *loop;
    tr_map_t accounts;
} limiter_t;

static void serve(void *arg);

/* ---- buckets ---- */

static bucket_t new_bucket(int64_t per_minute, double capacity) {
    double n = (double)per_minute;
    return (bucket_t){.level = capacity, .capacity = capacity, .per_ms = n / MINUTE_MS};
}

static void fill(bucket_t *b, int64_t ms) {
    b->level = fmin(b->capacity, b->level + b->per_ms * (double)ms);
}

/* Milliseconds until `n` can be taken; more than it ever holds needs it full. */
static int64_t wait_of(const bucket_t *b, double n) {
    double missing = fmin(n, b->capacity) - b->level;
    return b->per_ms <= 0 || missing <= 0 ? 0 : (int64_t)ceil(missing / b->per_ms);
}

/* ---- accounts ---- */

static account_t *new_account(limiter_t *self, const tr_llm_rate_config_t *limits) {
    account_t *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->owner = self;
    a->end = &a->first;
    a->filled_ms = tr_clock_ms();
    a->in_flight_max = limits->in_flight;
    a->requests =
        new_bucket(limits->requests_per_minute, fmax(1, (double)limits->requests_per_minute / BURST));
    a->tokens = new_bucket(limits->tokens_per_minute, (double)limits->tokens_per_minute);
    return a;
}

static account_t *find(limiter_t *self, const char *key, const tr_llm_rate_config_t *limits) {
    account_t *a = tr_map_find_ptr(&self->accounts, key, strlen(key));
    if (a || !(a = new_account(self, limits)))
        return a;
    if (tr_map_put(&self->accounts, key, strlen(key), (uintptr_t)a) < 0) {
        free(a);
        return NULL;
    }
    return a;
}

/* ---- the line ---- */

static void serve_at(account_t *a, int64_t ms) {
    /* without memory for a timer that is set again, the one that runs serves, or the next who comes, ignoring */
    tr_llm_timer_at(a->owner->loop, &a->timer, tr_clock_ms() + ms, serve, a);
}

static int64_t wait_for_first(account_t *a) {
    int64_t now = tr_clock_ms();
    fill(&a->requests, now - a->filled_ms);
    fill(&a->tokens, now - a->filled_ms);
    a->filled_ms = now;
    int64_t wait = a->not_before_ms - now;
    int64_t requests = wait_of(&a->requests, 1), tokens = wait_of(&a->tokens, (double)a->first->tokens);
    wait = wait > requests ? wait : requests;
    return wait > tokens ? wait : tokens;
}

static bool is_full(const account_t *a) {
    return a->in_flight_max && a->in_flight >= a->in_flight_max;
}

static void grant_first(account_t *a) {
    tr_llm_leave_t *leave = a->first;
    a->first = leave->next;
    if (!a->first)
        a->end = &a->first;
    leave->next = NULL;
    leave->holds = true;
    a->in_flight++;
    a->requests.level -= 1;
    a->tokens.level -= (double)leave->tokens;
    leave->granted(leave->arg);
}

static void take_out(account_t *a, tr_llm_leave_t *leave) {
    for (tr_llm_leave_t **at = &a->first; *at; at = &(*at)->next) {
        if (*at != leave)
            continue;
        *at = leave->next;
        if (!*at)
            a->end = at;
        return;
    }
}

static tr_llm_leave_t *find_late(const account_t *a) {
    tr_llm_leave_t *late = a->first;
    while (late && !(late->refused && late->until_ms < a->not_before_ms))
        late = late->next;
    return late;
}

/* Those whose time is over before the server lets anybody come: waiting would bring them nothing. */
static void refuse_late(account_t *a) {
    int64_t left;
    for (tr_llm_leave_t *late; (left = a->not_before_ms - tr_clock_ms()) > 0 && (late = find_late(a));) {
        take_out(a, late);
        late->account = NULL;
        late->refused(late->arg, left);
    }
}

static void serve(void *arg) {
    account_t *a = arg;
    refuse_late(a);
    while (a->first && !is_full(a)) {
        int64_t wait = wait_for_first(a);
        if (wait > 0) {
            serve_at(a, wait);
            return;
        }
        grant_first(a);
    }
}

/* ---- the port ---- */

static int ask(
    tr_llm_rate_t *base, const char *key, const tr_llm_rate_config_t *limits, tr_llm_leave_t *leave) {
    account_t *a = find((limiter_t *)base, key, limits);
    if (!a)
        return -ENOMEM;
    bool is_late = leave->refused && leave->until_ms < a->not_before_ms; /* then not when the line goes on */
    if ((!a->timer.at || is_late) && tr_llm_timer_at(a->owner->loop, &a->timer, 0, serve, a) < 0)
        return -ENOMEM;
    leave->account = a;
    leave->next = NULL;
    leave->holds = false;
    *a->end = leave;
    a->end = &leave->next;
    return 0;
}

static void leave_line(tr_llm_rate_t *base, tr_llm_leave_t *leave, uint64_t spent) {
    account_t *a = leave->account;
    (void)base;
    if (!a)
        return;
    leave->account = NULL;
    if (leave->holds) {
        a->in_flight--;
        a->tokens.level = fmin(a->tokens.capacity, a->tokens.level + (double)leave->tokens - (double)spent);
    } else {
        take_out(a, leave);
    }
    leave->holds = false;
    if (a->first)
        serve_at(a, 0);
}

static void pause_account(
    tr_llm_rate_t *base, const char *key, const tr_llm_rate_config_t *limits, int64_t ms) {
    account_t *a = find((limiter_t *)base, key, limits);
    int64_t until = tr_clock_ms() + ms;
    if (a && until > a->not_before_ms)
        a->not_before_ms = until;
    if (a && a->first)
        serve_at(a, 0);
}

static void destroy(tr_llm_rate_t *base) {
    limiter_t *self = (limiter_t *)base;
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&self->accounts, &cursor))) {
        account_t *a = (account_t *)(uintptr_t)slot->value;
        tr_llm_timer_stop(self->loop, &a->timer);
        free(a);
    }
    tr_map_finish(&self->accounts);
    free(self);
}

static const tr_llm_rate_ops_t local_ops = {ask, leave_line, pause_account, destroy};

int tr_llm_rate_local(tr_llm_loop_t *loop, tr_llm_rate_t **ret_rate) {
    limiter_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->base.ops = &local_ops;
    self->loop = loop;
    tr_map_init(&self->accounts, tr_random_seed());
    *ret_rate = &self->base;
    return 0;
}
