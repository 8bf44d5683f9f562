/* The inside of shared.h, for the files of the Redis side. */
#ifndef TR_LLM_SHARED_PRIVATE_H
#define TR_LLM_SHARED_PRIVATE_H

#include "lib/llm/shared.h"
#include "lib/redis/courier.h"

struct tr_llm_shared {
    tr_llm_loop_t *loop;
    tr_redis_courier_t *courier;
    uint64_t random;
};

/* xorshift64* */
uint64_t tr_llm_shared_random(tr_llm_shared_t *self);

/* Lua's numbers are doubles: milliseconds fit. */
#define TR_LLM_NOW                                                                                           \
    "local time = redis.call('TIME')\nlocal now = time[1] * 1000 + math.floor(time[2] / 1000)\n"

#endif
