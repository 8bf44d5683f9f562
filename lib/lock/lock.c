#include "lib/lock/lock.h"

#include "lib/base/random.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static int64_t boot_ns(void *arg) {
    struct timespec t;
    (void)arg;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

tr_lock_clock_t tr_lock_clock_boot(void) {
    return (tr_lock_clock_t){.now_ns = boot_ns};
}

static int64_t now_ns(const tr_lock_store_t *store) {
    return store->clock.now_ns(store->clock.arg);
}

static int check_lease(int64_t lease_ms, tr_error_t *error) {
    if (lease_ms >= TR_LOCK_LEASE_MIN && lease_ms <= TR_LOCK_LEASE_MAX)
        return 0;
    return tr_error_set(error, -EINVAL, "a lease of %lld ms: expected %d to %d", (long long)lease_ms,
        TR_LOCK_LEASE_MIN, TR_LOCK_LEASE_MAX);
}

static int check_name(const char *name, tr_error_t *error) {
    size_t len = strnlen(name, TR_LOCK_NAME_MAX + 1);
    if (len > 0 && len <= TR_LOCK_NAME_MAX)
        return 0;
    return tr_error_set(
        error, -EINVAL, "a lock's name of %zu bytes: expected 1 to %u", len, TR_LOCK_NAME_MAX);
}

/* Counted from before the store was asked, so that it ends here before it does there. */
static int64_t believe_until(int64_t asked_ns, int64_t lease_ms) {
    return asked_ns + (lease_ms - lease_ms / 100 - 2) * 1000000;
}

int tr_lock_take(tr_lock_store_t *store, const char *name, int64_t lease_ms, tr_lock_t *ret_lock,
    int64_t *ret_wait_ms, tr_error_t *error) {
    tr_lock_t lock = {.nonce = tr_random_seed()};
    int64_t left_ms = 0;
    int r = check_name(name, error);
    if (r == 0)
        r = check_lease(lease_ms, error);
    if (r < 0)
        return r;
    int64_t asked_ns = now_ns(store);
    r = store->ops->take(store, name, lock.nonce, lease_ms, &lock.token, &left_ms, error);
    if (r == TR_LOCK_BUSY && ret_wait_ms)
        *ret_wait_ms = left_ms > 0 ? left_ms : 1;
    if (r)
        return r;
    strcpy(lock.name, name);
    lock.until_ns = believe_until(asked_ns, lease_ms);
    *ret_lock = lock;
    return 0;
}

int tr_lock_renew(tr_lock_store_t *store, tr_lock_t *lock, int64_t lease_ms, tr_error_t *error) {
    int r = check_lease(lease_ms, error);
    if (r < 0)
        return r;
    if (!lock->until_ns)
        return TR_LOCK_LOST;
    int64_t asked_ns = now_ns(store);
    int64_t until_ns = believe_until(asked_ns, lease_ms);
    r = store->ops->renew(store, lock, lease_ms, error);
    if (r == TR_LOCK_LOST)
        lock->until_ns = 0;
    else if (r == 0 || until_ns < lock->until_ns) /* a shorter one may have been given, and the answer lost */
        lock->until_ns = until_ns;
    return r;
}

int tr_lock_release(tr_lock_store_t *store, tr_lock_t *lock, tr_error_t *error) {
    if (!lock->until_ns)
        return TR_LOCK_LOST;
    lock->until_ns = 0;
    return store->ops->release(store, lock, error);
}

bool tr_lock_held(const tr_lock_store_t *store, const tr_lock_t *lock) {
    return lock->until_ns && now_ns(store) < lock->until_ns;
}

void tr_lock_store_destroy(tr_lock_store_t **self) {
    if (!*self)
        return;
    (*self)->ops->destroy(*self);
    *self = NULL;
}

bool tr_fence_admit(tr_fence_t *self, uint64_t token) {
    if (token < self->highest)
        return false;
    self->highest = token;
    return true;
}
