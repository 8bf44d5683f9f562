/* Which Redis server, and how long to wait for it. */
#ifndef TR_REDIS_OPTIONS_H
#define TR_REDIS_OPTIONS_H

#include <stdint.h>

#define TR_REDIS_PREFIX_MAX 64u

typedef struct tr_redis_options {
    const char *
        host; /* a name or an address, or the path of a Unix socket (begins with '/'); all texts are copied */
    uint16_t port;
    uint32_t database;
    const char *user;     /* NULL or "" = the default one */
    const char *password; /* NULL = none */
    const char *prefix;   /* of all keys; NULL = "troupe"; 1 to 64 bytes without braces */
    int64_t timeout_ms;   /* 0 = 1000 */
} tr_redis_options_t;

#endif
