#include "lib/cache/cache_local.h"

#include "lib/base/clock.h"
#include "lib/cache/lru.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Claims whose holders died stay until their place is needed. One that goes while its holder works costs a second computation. */
#define CLAIMS_MAX 65536u

typedef struct local {
    tr_cache_t base;
    tr_cache_clock_t clock;
    pthread_mutex_t mutex;   /* for what follows */
    tr_lru_t values, claims; /* a claim's value is its number */
} local_t;

static int64_t boot_clock(void *arg) {
    (void)arg;
    return tr_clock_ms();
}

static int64_t now_ms(const local_t *self) {
    return self->clock.now_ms(self->clock.arg);
}

/* The claim that somebody has, and what is left of it; 0 = nobody. */
static uint64_t find_claim(local_t *self, const char *key, size_t key_len, int64_t *ret_left_ms) {
    tr_lru_entry_t *e = tr_lru_use(&self->claims, key, key_len);
    uint64_t claim = 0;
    int64_t left_ms = e ? e->end_ms - now_ms(self) : 0;
    if (left_ms <= 0)
        return 0;
    memcpy(&claim, e->value, sizeof claim);
    *ret_left_ms = left_ms;
    return claim;
}

static void drop_claim(local_t *self, const char *key, size_t key_len) {
    tr_lru_drop(&self->claims, tr_lru_use(&self->claims, key, key_len));
}

/* The value that may be given out, fresh or stale; NULL where there is none. */
static tr_lru_entry_t *find_value(local_t *self, const char *key, size_t key_len) {
    tr_lru_entry_t *e = tr_lru_use(&self->values, key, key_len);
    if (!e || e->end_ms > now_ms(self))
        return e;
    tr_lru_drop(&self->values, e);
    return NULL;
}

static int copy_value(const tr_lru_entry_t *e, tr_cache_answer_t *answer) {
    answer->value = malloc(e->len + 1); /* one more: an empty value is a value */
    if (!answer->value)
        return -ENOMEM;
    if (e->len)
        memcpy(answer->value, e->value, e->len);
    answer->len = e->len;
    return 0;
}

static int claim_it(local_t *self, const char *key, size_t key_len, uint64_t claim, int64_t compute_ms) {
    tr_lru_entry_t *e = tr_lru_put(&self->claims, key, key_len, &claim, sizeof claim);
    if (!e)
        return -ENOMEM;
    e->end_ms = now_ms(self) + compute_ms;
    return TR_CACHE_COMPUTE;
}

static int get_locked(local_t *self, const char *key, size_t key_len, uint64_t claim, int64_t compute_ms,
    tr_cache_answer_t *answer) {
    tr_lru_entry_t *e = find_value(self, key, key_len);
    if (e && copy_value(e, answer) < 0)
        return -ENOMEM;
    if (e && e->fresh_ms > now_ms(self))
        return TR_CACHE_FRESH;
    if (!find_claim(self, key, key_len, &answer->wait_ms))
        return claim_it(self, key, key_len, claim, compute_ms);
    return e ? TR_CACHE_STALE : TR_CACHE_WAIT;
}

static int get(tr_cache_t *base, const char *key, size_t key_len, uint64_t claim, int64_t compute_ms,
    tr_cache_answer_t *ret_answer, tr_error_t *error) {
    local_t *self = (local_t *)base;
    pthread_mutex_lock(&self->mutex);
    int r = get_locked(self, key, key_len, claim, compute_ms, ret_answer);
    pthread_mutex_unlock(&self->mutex);
    if (r >= 0)
        return r;
    free(ret_answer->value);
    return tr_error_set(error, r, "cache: out of memory");
}

/* A value that is larger than the cache is one whose place was needed at once. */
static int put_locked(local_t *self, const char *key, size_t key_len, uint64_t claim, const void *value,
    size_t len, tr_cache_keep_t keep) {
    int64_t left_ms;
    if (claim && find_claim(self, key, key_len, &left_ms) != claim)
        return TR_CACHE_LATE;
    drop_claim(self, key, key_len);
    tr_lru_entry_t *e = tr_lru_put(&self->values, key, key_len, value, len);
    if (e) {
        e->fresh_ms = now_ms(self) + keep.fresh_ms;
        e->end_ms = e->fresh_ms + keep.stale_ms;
    }
    return 0;
}

static int put(tr_cache_t *base, const char *key, size_t key_len, uint64_t claim, const void *value,
    size_t len, tr_cache_keep_t keep, tr_error_t *error) {
    local_t *self = (local_t *)base;
    (void)error;
    pthread_mutex_lock(&self->mutex);
    int r = put_locked(self, key, key_len, claim, value, len, keep);
    pthread_mutex_unlock(&self->mutex);
    return r;
}

static int abandon(tr_cache_t *base, const char *key, size_t key_len, uint64_t claim, tr_error_t *error) {
    local_t *self = (local_t *)base;
    int64_t left_ms;
    (void)error;
    pthread_mutex_lock(&self->mutex);
    if (claim && find_claim(self, key, key_len, &left_ms) == claim)
        drop_claim(self, key, key_len);
    pthread_mutex_unlock(&self->mutex);
    return 0;
}

static int drop(tr_cache_t *base, const char *key, size_t key_len, tr_error_t *error) {
    local_t *self = (local_t *)base;
    (void)error;
    pthread_mutex_lock(&self->mutex);
    drop_claim(self, key, key_len);
    tr_lru_drop(&self->values, tr_lru_use(&self->values, key, key_len));
    pthread_mutex_unlock(&self->mutex);
    return 0;
}

static void destroy(tr_cache_t *base) {
    local_t *self = (local_t *)base;
    tr_lru_finish(&self->values);
    tr_lru_finish(&self->claims);
    pthread_mutex_destroy(&self->mutex);
    free(self);
}

static const tr_cache_ops_t local_ops = {get, put, abandon, drop, destroy};

int tr_cache_local(size_t bytes, const tr_cache_clock_t *clock, tr_cache_t **ret_cache) {
    local_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->base.ops = &local_ops;
    self->clock = clock ? *clock : (tr_cache_clock_t){boot_clock, NULL};
    pthread_mutex_init(&self->mutex, NULL);
    tr_lru_init(&self->values, SIZE_MAX, bytes);
    tr_lru_init(&self->claims, CLAIMS_MAX, SIZE_MAX);
    *ret_cache = &self->base;
    return 0;
}
