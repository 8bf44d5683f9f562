/*
 * Answers by Idempotency-Keys (once.h) that gateways share through a Redis server: who asks another one again gets the answer of the first time too,
 * also when that gateway has ended meanwhile. What is kept there: a name made of who asks and his key, what was asked, as a hash, and the answer, where
 * it is a text of TR_SHARED_ANSWER_MAX bytes at most. Of one that cannot be kept it is known that it was done (a status of 0): it is not done twice either.
 *
 * A thread of its own talks with the server. Where that is away, each gateway knows its own (G025 tells, once), and it is not asked for some seconds.
 */
#ifndef TR_GATEWAY_HTTP_SHARED_H
#define TR_GATEWAY_HTTP_SHARED_H

#include "gateway/bridge.h"
#include "gateway/http/once.h"
#include "lib/base/error.h"
#include "lib/base/log.h"

#define TR_SHARED_ANSWER_MAX ((size_t)256 << 10)

typedef struct tr_web_shared tr_web_shared_t;

typedef struct tr_web_shared_config {
    const char *file;     /* where the server is: its first line, as lib/redis/place.h has it */
    int64_t under_way_ms; /* how long one that has no answer is not tried again */
    tr_bridge_t *bridge;
    unsigned slot; /* of the replies */
    tr_log_t *log;
} tr_web_shared_config_t;

/* Connects to nothing yet. -EINVAL, -EACCES and others of the file; -ENOTSUP: this build knows no Redis. */
int tr_web_shared_new(const tr_web_shared_config_t *config, tr_web_shared_t **ret_self, tr_error_t *error);
/* NULL-safe. */
void tr_web_shared_destroy(tr_web_shared_t **self);

/* The web's thread. Asks whether it was begun elsewhere, or here before: the answer comes to `owner` as a reply, a map: {"found": "new" | "under-way" | "other"}, or
 * {"found": "known", "status", "type", "text"}. `nonce` is of this request alone. False: too many wait, or the server is silent, and nothing comes. */
bool tr_web_shared_begin(tr_web_shared_t *self, const char *name, const unsigned char digest[TR_ONCE_DIGEST],
    uint64_t nonce, void *owner);
/* What was answered, which fits; its status 0: it was done, and the answer cannot be kept. NULL: nothing that may be given again, it may be tried anew. */
void tr_web_shared_end(tr_web_shared_t *self, const char *name, const unsigned char digest[TR_ONCE_DIGEST],
    uint64_t nonce, const tr_once_answer_t *answer);

#endif
