#include "lib/cache/cache.h"

#include "lib/base/random.h"

#include <errno.h>

#define TIME_MAX INT64_C(315360000000) /* ms: ten years */

static int check_key(size_t key_len, tr_error_t *error) {
    if (key_len > 0 && key_len <= TR_CACHE_KEY_MAX)
        return 0;
    return tr_error_set(
        error, -EINVAL, "a cache key of %zu bytes: expected 1 to %u", key_len, TR_CACHE_KEY_MAX);
}

static int check_time(const char *what, int64_t ms, int64_t min, tr_error_t *error) {
    if (ms >= min && ms <= TIME_MAX)
        return 0;
    return tr_error_set(error, -EINVAL, "%s %lld ms: expected %lld to %lld", what, (long long)ms,
        (long long)min, (long long)TIME_MAX);
}

int tr_cache_get(tr_cache_t *self, const char *key, size_t key_len, int64_t compute_ms,
    tr_cache_answer_t *ret_answer, tr_error_t *error) {
    tr_cache_answer_t answer = {0};
    uint64_t claim = tr_random_seed() | 1; /* never 0 */
    int r = check_key(key_len, error);
    if (r == 0)
        r = check_time("to compute within", compute_ms, 1, error);
    if (r == 0)
        r = self->ops->get(self, key, key_len, claim, compute_ms, &answer, error);
    if (r < 0)
        return r;
    answer.claim = r == TR_CACHE_COMPUTE ? claim : 0;
    *ret_answer = answer;
    return r;
}

int tr_cache_put(tr_cache_t *self, const char *key, size_t key_len, uint64_t claim, const void *value,
    size_t len, tr_cache_keep_t keep, tr_error_t *error) {
    int r = check_key(key_len, error);
    if (r == 0)
        r = check_time("fresh for", keep.fresh_ms, 1, error);
    if (r == 0)
        r = check_time("stale for", keep.stale_ms, 0, error);
    if (r == 0 && len > TR_CACHE_VALUE_MAX)
        r = tr_error_set(
            error, -EMSGSIZE, "a value of %zu bytes: expected %d at most", len, TR_CACHE_VALUE_MAX);
    return r < 0 ? r : self->ops->put(self, key, key_len, claim, value, len, keep, error);
}

int tr_cache_abandon(tr_cache_t *self, const char *key, size_t key_len, uint64_t claim, tr_error_t *error) {
    int r = check_key(key_len, error);
    return r < 0 ? r : self->ops->abandon(self, key, key_len, claim, error);
}

int tr_cache_drop(tr_cache_t *self, const char *key, size_t key_len, tr_error_t *error) {
    int r = check_key(key_len, error);
    return r < 0 ? r : self->ops->drop(self, key, key_len, error);
}

void tr_cache_destroy(tr_cache_t **self) {
    if (!*self)
        return;
    (*self)->ops->destroy(*self);
    *self = NULL;
}
