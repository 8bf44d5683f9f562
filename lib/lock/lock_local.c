#include "lib/lock/lock_local.h"

#include "lib/base/clock.h"
#include "lib/base/map.h"
#include "lib/base/random.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SWEEP_MIN 64u /* so many locks may be there before the first look for those that have ended */

typedef struct held {
    uint64_t token, nonce;
    int64_t until_ns;
    struct held *next_ended; /* while ended ones are swept */
    char name[];
} held_t;

typedef struct local {
    tr_lock_store_t base;
    pthread_mutex_t mutex; /* for all that follows */
    tr_map_t locks;
    uint64_t last_token;
    size_t sweep_at;
} local_t;

static int64_t now_ns(const local_t *self) {
    return self->base.clock.now_ns(self->base.clock.arg);
}

static held_t *find(const local_t *self, const char *name) {
    return tr_map_find_ptr(&self->locks, name, strlen(name));
}

static void drop(local_t *self, held_t *held) {
    tr_map_delete(&self->locks, held->name, strlen(held->name));
    free(held);
}

/* Nobody asks for a lock that was left: such go when there are twice as many as were of use the last time. */
static void sweep(local_t *self, int64_t now) {
    held_t *ended = NULL;
    size_t cursor = 0;
    if (self->locks.count < self->sweep_at)
        return;
    for (const tr_map_slot_t *s; (s = tr_map_next(&self->locks, &cursor)) != NULL;) {
        held_t *held = (held_t *)(uintptr_t)s->value;
        if (held->until_ns > now)
            continue;
        held->next_ended = ended;
        ended = held;
    }
    for (held_t *next; ended; ended = next) {
        next = ended->next_ended;
        drop(self, ended);
    }
    self->sweep_at = self->locks.count * 2 > SWEEP_MIN ? self->locks.count * 2 : SWEEP_MIN;
}

/* The one of that name, a new one where there is none; NULL without memory. */
static held_t *make(local_t *self, const char *name) {
    held_t *held = find(self, name);
    if (held)
        return held;
    held = calloc(1, sizeof *held + strlen(name) + 1);
    if (!held)
        return NULL;
    strcpy(held->name, name);
    if (tr_map_put(&self->locks, name, strlen(name), (uintptr_t)held) == 0)
        return held;
    free(held);
    return NULL;
}

static uint64_t next_token(local_t *self) {
    uint64_t wall_us = (uint64_t)tr_clock_wall_ms() * 1000;
    self->last_token = self->last_token + 1 > wall_us ? self->last_token + 1 : wall_us;
    return self->last_token;
}

static int take_locked(local_t *self, const char *name, uint64_t nonce, int64_t lease_ms, uint64_t *ret_token,
    int64_t *ret_left_ms) {
    int64_t now = now_ns(self);
    sweep(self, now);
    held_t *held = make(self, name);
    if (!held)
        return -ENOMEM;
    if (held->until_ns > now && held->nonce != nonce) {
        *ret_left_ms = (held->until_ns - now + 999999) / 1000000;
        return TR_LOCK_BUSY;
    }
    held->token = next_token(self);
    held->nonce = nonce;
    held->until_ns = now + lease_ms * 1000000;
    *ret_token = held->token;
    return 0;
}

static int take(tr_lock_store_t *base, const char *name, uint64_t nonce, int64_t lease_ms,
    uint64_t *ret_token, int64_t *ret_left_ms, tr_error_t *error) {
    local_t *self = (local_t *)base;
    pthread_mutex_lock(&self->mutex);
    int r = take_locked(self, name, nonce, lease_ms, ret_token, ret_left_ms);
    pthread_mutex_unlock(&self->mutex);
    return r < 0 ? tr_error_set(error, r, "lock \"%s\": out of memory", name) : r;
}

/* What is still the caller's; NULL where it has ended or is another's. */
static held_t *find_ours(const local_t *self, const tr_lock_t *lock) {
    held_t *held = find(self, lock->name);
    return held && held->nonce == lock->nonce && held->until_ns > now_ns(self) ? held : NULL;
}

static int renew(tr_lock_store_t *base, const tr_lock_t *lock, int64_t lease_ms, tr_error_t *error) {
    local_t *self = (local_t *)base;
    (void)error;
    pthread_mutex_lock(&self->mutex);
    held_t *held = find_ours(self, lock);
    if (held)
        held->until_ns = now_ns(self) + lease_ms * 1000000;
    pthread_mutex_unlock(&self->mutex);
    return held ? 0 : TR_LOCK_LOST;
}

static int release(tr_lock_store_t *base, const tr_lock_t *lock, tr_error_t *error) {
    local_t *self = (local_t *)base;
    (void)error;
    pthread_mutex_lock(&self->mutex);
    held_t *held = find_ours(self, lock);
    int r = held ? 0 : TR_LOCK_LOST;
    if (held)
        drop(self, held);
    pthread_mutex_unlock(&self->mutex);
    return r;
}

static void destroy(tr_lock_store_t *base) {
    local_t *self = (local_t *)base;
    size_t cursor = 0;
    for (const tr_map_slot_t *s; (s = tr_map_next(&self->locks, &cursor)) != NULL;)
        free((held_t *)(uintptr_t)s->value);
    tr_map_finish(&self->locks);
    pthread_mutex_destroy(&self->mutex);
    free(self);
}

static const tr_lock_ops_t local_ops = {take, renew, release, destroy};

int tr_lock_local(const tr_lock_clock_t *clock, tr_lock_store_t **ret_store) {
    local_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->base = (tr_lock_store_t){.ops = &local_ops, .clock = clock ? *clock : tr_lock_clock_boot()};
    self->sweep_at = SWEEP_MIN;
    pthread_mutex_init(&self->mutex, NULL);
    tr_map_init(&self->locks, tr_random_seed());
    *ret_store = &self->base;
    return 0;
}
