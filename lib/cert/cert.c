#include "lib/cert/cert.h"

#include "proto/aid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_LIMIT (1u << 20)

static const char *const no_items[] = {NULL};

tr_cert_t *tr_cert_new(const char *name) {
    if (!tr_name_valid(name, strlen(name)))
        return NULL;
    tr_cert_t *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    tr_arena_init(&c->arena, ARENA_LIMIT);
    c->name = tr_arena_strn(&c->arena, name, strlen(name));
    tr_strings_t none = {no_items, 0};
    c->rights = (tr_rights_t){none, none, none, none, none, none, none};
    if (!c->name)
        tr_cert_destroy(&c);
    return c;
}

void tr_cert_destroy(tr_cert_t **self) {
    if (!self || !*self)
        return;
    tr_arena_finish(&(*self)->arena);
    free(*self);
    *self = NULL;
}

int tr_cert_set(tr_cert_t *self, tr_strings_t *right, const char *const *items, size_t count) {
    const char **copy = tr_arena_alloc(&self->arena, (count + 1) * sizeof *copy);
    if (!copy)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        if (!(copy[i] = tr_arena_strn(&self->arena, items[i], strlen(items[i]))))
            return -ENOMEM;
    copy[count] = NULL;
    *right = (tr_strings_t){copy, count};
    return 0;
}

int tr_cert_add(tr_cert_t *self, tr_strings_t *right, const char *item) {
    for (size_t i = 0; i < right->count; i++)
        if (!strcmp(right->items[i], item))
            return 0;
    const char **more = calloc(right->count + 1, sizeof *more);
    if (!more)
        return -ENOMEM;
    if (right->count)
        memcpy(more, right->items, right->count * sizeof *more);
    more[right->count] = item;
    int rc = tr_cert_set(self, right, more, right->count + 1);
    free(more);
    return rc;
}

const char *tr_cert_state_name(tr_cert_state_t state) {
    static const char *const names[] = {
        [TR_CERT_VALID] = "valid",
        [TR_CERT_EXPIRED] = "expired",
        [TR_CERT_REVOKED] = "revoked",
        [TR_CERT_UNKNOWN] = "unknown",
    };
    return names[state];
}

static bool is_over(int64_t until_ms, int64_t wall_ms) {
    return until_ms && until_ms <= wall_ms;
}

tr_cert_state_t tr_cert_state(const tr_cert_t *self, size_t at, int64_t wall_ms) {
    if (is_over(self->revoked_ms, wall_ms))
        return TR_CERT_REVOKED;
    bool over = is_over(self->not_after_ms, wall_ms) || is_over(self->keys[at].until_ms, wall_ms);
    return over ? TR_CERT_EXPIRED : TR_CERT_VALID;
}
