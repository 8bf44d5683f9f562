/*
 * A limiter that others share: an attempt has leave of this process first (the local limiter, which keeps the order), and then looks at what all share, again and
 * again until there is room there. What that is, a Redis server or a file, says the kind.
 */
#ifndef TR_LLM_RATE_OUTER_H
#define TR_LLM_RATE_OUTER_H

#include "lib/llm/rate.h"

typedef struct tr_llm_outer tr_llm_outer_t;

/* One asking; a kind's own begins with it. */
typedef struct tr_llm_asking {
    tr_llm_outer_t *owner;
    tr_llm_leave_t local, *outer;
    tr_llm_rate_config_t limits;
    char key[TR_LLM_RATE_KEY];
    tr_llm_timer_t again;
} tr_llm_asking_t;

typedef struct tr_llm_outer_kind {
    size_t asking_size;
    void (*begin)(tr_llm_asking_t *asking); /* it is zeroed but for what is above */
    void (*look)(tr_llm_asking_t *asking);  /* ends with grant, again or refused, now or later */
    /* It looks no more. back: tokens that it did not take (less than 0: it took more than it asked for). */
    void (*end)(tr_llm_asking_t *asking, int64_t back);
    void (*pause)(tr_llm_outer_t *self, const char *key, const tr_llm_rate_config_t *limits, int64_t ms);
} tr_llm_outer_kind_t;

struct tr_llm_outer {
    tr_llm_rate_t base;
    const tr_llm_outer_kind_t *kind;
    tr_llm_loop_t *loop;
    tr_llm_rate_t *local;
    void *common;    /* of the kind, borrowed */
    uint64_t random; /* of who looks again when */
};

/* Takes the local one over, on failure too. -ENOMEM. */
int tr_llm_outer_new(const tr_llm_outer_kind_t *kind, tr_llm_loop_t *loop, void *common, tr_llm_rate_t *local,
    tr_llm_rate_t **ret_rate);
void tr_llm_asking_grant(tr_llm_asking_t *self);
/* In so many milliseconds, and a little later, or all who wait would come at once. Without memory it is granted, by the limits of this process. */
void tr_llm_asking_again(tr_llm_asking_t *self, int64_t ms);
/* Whether it is refused where nobody may go for so long; then it is, and is gone. */
bool tr_llm_asking_refused(tr_llm_asking_t *self, int64_t paused_ms);
uint64_t tr_llm_outer_random(tr_llm_outer_t *self);

#endif
