/*
 * How often tasks of a kind may be begun: so many at once, and then as many in each period, evenly (the generic cell rate algorithm of ATM:
 * one number, the time at which the next one would be due if all came evenly). A task is bound by the rates of all its skills. Pure.
 */
#ifndef TR_COORDINATOR_RATES_H
#define TR_COORDINATOR_RATES_H

#include "lib/base/error.h"

#include <stddef.h>
#include <stdint.h>

#define TR_RATES_MAX 64u

typedef struct tr_rate {
    char skill[128];
    int64_t interval_us; /* between two */
    int64_t burst_us;    /* how far ahead of the even times one may be */
    int64_t due_us;
} tr_rate_t;

typedef struct tr_rates {
    tr_rate_t items[TR_RATES_MAX];
    size_t count;
    int64_t sharers; /* who keep the same rates together; 0 = 1 */
} tr_rates_t;

/* "SKILL=COUNT/TIME", as in digest=10/1m. -EINVAL, -ENOSPC with a text. */
int tr_rates_add(tr_rates_t *self, const char *text, tr_error_t *error);
/* When a task with these skills (sorted) may be begun: now_ms or later. */
int64_t tr_rates_when(const tr_rates_t *self, const char *const *skills, size_t count, int64_t now_ms);
/* One was begun. */
void tr_rates_take(tr_rates_t *self, const char *const *skills, size_t count, int64_t now_ms);
/* It was not, after all. */
void tr_rates_return(tr_rates_t *self, const char *const *skills, size_t count);

#endif
