/*
 * Scripts on a Redis server for who must not wait: a thread of its own runs them on one connection (redis.h), in the order in
 * which they were sent, and what came of them is told when the owner's loop asks for it.
 *
 * Where the server cannot be reached, what waits fails at once, and what comes within a second after that too: nobody stands
 * in line for a server that is not there. So does what comes while TR_REDIS_WAITING_MAX wait.
 *
 * Threads: all functions belong to the thread of the owner.
 */
#ifndef TR_REDIS_COURIER_H
#define TR_REDIS_COURIER_H

#include "lib/redis/redis.h"

#define TR_REDIS_WAITING_MAX   4096u
#define TR_REDIS_ARGUMENTS_MAX 8u
#define TR_REDIS_VALUE_MAX     (1u << 20) /* bytes of an argument */

typedef struct tr_redis_courier tr_redis_courier_t;
typedef struct tr_redis_errand tr_redis_errand_t;

/* number: the script's, or a negative errno; value: the second element of its answer where that is a text, else NULL. Borrowed. */
typedef void (*tr_redis_told_fn)(void *arg, int number, const char *value, size_t len);

/* One script. Its text is one that stays, as a constant does; the rest is copied. */
typedef struct tr_redis_script {
    const char *text;
    const char *key;        /* without the prefix, which stands before it as "{PREFIX}:" */
    const char *second_key; /* NULL = it takes one key only */
    const void *arguments[TR_REDIS_ARGUMENTS_MAX];
    size_t lengths[TR_REDIS_ARGUMENTS_MAX];
    size_t n;
} tr_redis_script_t;

/* Starts the thread; connects with the first script. -EINVAL, -ENOMEM, what pthread_create says. */
int tr_redis_courier_new(
    const tr_redis_options_t *options, tr_redis_courier_t **ret_courier, tr_error_t *error);
/* Runs what waits (where the server does not answer no more than one, for its timeout), and tells nobody. NULL-safe. */
void tr_redis_courier_destroy(tr_redis_courier_t **self);

/* Readable when tr_redis_courier_work has something to tell. */
int tr_redis_courier_fd(const tr_redis_courier_t *self);
void tr_redis_courier_work(tr_redis_courier_t *self);

/* told: NULL = nobody wants to know. ret_errand (may be NULL) can be given to tr_redis_courier_forget until it is told. 0; -ENOMEM, -EBUSY,
 * -EMSGSIZE. */
int tr_redis_courier_send(tr_redis_courier_t *self, const tr_redis_script_t *script, tr_redis_told_fn told,
    void *arg, tr_redis_errand_t **ret_errand);
/* It is run all the same, and not told. */
void tr_redis_courier_forget(tr_redis_courier_t *self, tr_redis_errand_t *errand);

#endif
