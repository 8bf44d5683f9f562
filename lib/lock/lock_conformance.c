#include "lib/lock/lock_conformance.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define LEASE 10000 /* ms, of a time that the test moves */

static int64_t world_now(void *arg) {
    return ((lock_world_t *)arg)->now_ns;
}

tr_lock_clock_t lock_world_clock(lock_world_t *self) {
    return (tr_lock_clock_t){world_now, self};
}

void lock_world_advance(lock_world_t *self, int64_t ms) {
    self->now_ns += ms * 1000000;
    if (self->advance_store)
        self->advance_store(self, ms);
}

tr_lock_t lock_world_take(tr_lock_store_t *store, const char *name, int64_t lease_ms) {
    tr_error_t error = {0};
    tr_lock_t lock = {0};
    int r = tr_lock_take(store, name, lease_ms, &lock, NULL, &error);
    if (r)
        fail_msg("take %s: %d %s", name, r, error.text);
    assert_true(tr_lock_held(store, &lock));
    assert_true(lock.token > 0);
    return lock;
}

static int try(tr_lock_store_t *store, const char *name, int64_t *ret_wait_ms) {
    tr_lock_t lock;
    return tr_lock_take(store, name, LEASE, &lock, ret_wait_ms, NULL);
}

void lock_excludes(void **state) {
    lock_world_t *world = *state;
    int64_t wait_ms = 0;
    tr_lock_t first = lock_world_take(world->a, "door", LEASE);
    assert_int_equal(try(world->b, "door", &wait_ms), TR_LOCK_BUSY);
    assert_in_range(wait_ms, 1, LEASE);
    assert_int_equal(try(world->a, "door", NULL), TR_LOCK_BUSY); /* whoever asks again is another one */
    assert_int_equal(tr_lock_release(world->a, &first, NULL), 0);
    assert_false(tr_lock_held(world->a, &first));
    assert_int_equal(tr_lock_release(world->a, &first, NULL), TR_LOCK_LOST);
    assert_int_equal(tr_lock_renew(world->a, &first, LEASE, NULL), TR_LOCK_LOST);
    tr_lock_t second = lock_world_take(world->b, "door", LEASE);
    assert_true(second.token > first.token);
}

void lock_lease_ends(void **state) {
    lock_world_t *world = *state;
    tr_lock_t first = lock_world_take(world->a, "door", LEASE);
    tr_lock_t copy = first;
    lock_world_advance(world, LEASE + 1);
    tr_lock_t second = lock_world_take(world->b, "door", LEASE);
    assert_true(second.token > first.token);
    assert_false(tr_lock_held(world->a, &first));
    assert_int_equal(tr_lock_renew(world->a, &first, LEASE, NULL), TR_LOCK_LOST);
    assert_int_equal(tr_lock_release(world->a, &copy, NULL), TR_LOCK_LOST); /* and it takes nothing away: */
    assert_int_equal(try(world->a, "door", NULL), TR_LOCK_BUSY);
    assert_int_equal(tr_lock_renew(world->b, &second, LEASE, NULL), 0);
}

void lock_renewal_goes_on(void **state) {
    lock_world_t *world = *state;
    tr_lock_t lock = lock_world_take(world->a, "door", LEASE);
    uint64_t token = lock.token;
    for (int i = 0; i < 5; i++) {
        lock_world_advance(world, LEASE * 2 / 3);
        assert_true(tr_lock_held(world->a, &lock));
        assert_int_equal(tr_lock_renew(world->a, &lock, LEASE, NULL), 0);
        assert_int_equal(try(world->b, "door", NULL), TR_LOCK_BUSY);
    }
    assert_true(lock.token == token);
}

/* Who holds it stops believing in it before the store gives it away. */
void lock_belief_ends_first(void **state) {
    lock_world_t *world = *state;
    tr_lock_t lock = lock_world_take(world->a, "door", LEASE);
    lock_world_advance(world, LEASE - LEASE / 100 - 10);
    assert_true(tr_lock_held(world->a, &lock));
    lock_world_advance(world, 8);
    assert_false(tr_lock_held(world->a, &lock));
    assert_int_equal(try(world->b, "door", NULL), TR_LOCK_BUSY);
}

/* The guarantee of lock.h, and its limit. */
void lock_tokens_fence(void **state) {
    lock_world_t *world = *state;
    tr_fence_t resource = {0};
    tr_lock_t first = lock_world_take(world->a, "door", LEASE);
    assert_true(tr_fence_admit(&resource, first.token));
    lock_world_advance(world, LEASE + 1);
    tr_lock_t second = lock_world_take(world->b, "door", LEASE);
    assert_true(tr_fence_admit(&resource, first.token)); /* late, but nobody was here since */
    assert_true(tr_fence_admit(&resource, second.token));
    assert_false(tr_fence_admit(&resource, first.token));
    assert_true(tr_fence_admit(&resource, second.token));
    assert_true(resource.highest == second.token);
}

void lock_names_are_apart(void **state) {
    lock_world_t *world = *state;
    tr_lock_t left = lock_world_take(world->a, "left", LEASE);
    tr_lock_t right = lock_world_take(world->b, "right", LEASE);
    assert_int_equal(tr_lock_release(world->a, &left, NULL), 0);
    assert_int_equal(try(world->a, "right", NULL), TR_LOCK_BUSY);
    assert_int_equal(tr_lock_release(world->b, &right, NULL), 0);
}

void lock_refuses(void **state) {
    lock_world_t *world = *state;
    char name[TR_LOCK_NAME_MAX + 2];
    tr_error_t error = {0};
    tr_lock_t lock;
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = 0;
    assert_int_equal(try(world->a, name, NULL), -EINVAL);
    assert_int_equal(try(world->a, "", NULL), -EINVAL);
    assert_int_equal(tr_lock_take(world->a, "door", 9, &lock, NULL, &error), -EINVAL);
    assert_string_equal(error.text, "a lease of 9 ms: expected 10 to 86400000");
    name[TR_LOCK_NAME_MAX] = 0;
    lock_world_take(world->a, name, LEASE);
}
