/* A Redis server of the test's own, on a port of the kernel's choice, without persistence, whose clock the test moves. */
#ifndef TESTS_52_LOCK_REDIS_H
#define TESTS_52_LOCK_REDIS_H

#include "tests/process.h"

#define REDIS_PROGRAM "/usr/bin/redis-server"

typedef struct redis {
    process_t process;
    char *directory; /* the clock's file is there */
    int64_t *offset_ms;
    char port[8];
    const char *password; /* borrowed; set it before redis_start, NULL = none */
} redis_t;

/* Starts it, and waits until it takes connections. */
void redis_new(redis_t *self, const char *password);
/* kill -9, and again on the same port: it has forgotten everything. */
void redis_restart(redis_t *self);
void redis_end(redis_t *self);

#endif
