/* What the agents of this process subscribe to: told again in each session, and found by who and what. */
#include "lib/link/link_private.h"

#include <errno.h>
#include <stdlib.h>

typedef struct tr_sub_key {
    char bytes[sizeof(uintptr_t) + sizeof(uint32_t) + TR_TOPIC_MAX + 1];
    size_t len;
} tr_sub_key_t;

static tr_sub_key_t key_of(const tr_registration_t *r, uint32_t agent, const char *pattern) {
    tr_sub_key_t key;
    uintptr_t of = (uintptr_t)r;
    size_t len = strnlen(pattern, TR_TOPIC_MAX + 1);
    memcpy(key.bytes, &of, sizeof of);
    memcpy(key.bytes + sizeof of, &agent, sizeof agent);
    memcpy(key.bytes + sizeof of + sizeof agent, pattern, len);
    key.len = sizeof of + sizeof agent + len;
    return key;
}

static tr_link_sub_t *find(
    const tr_link_t *l, const tr_registration_t *r, uint32_t agent, const char *pattern) {
    tr_sub_key_t key = key_of(r, agent, pattern);
    return tr_map_find_ptr(&l->sub_keys, key.bytes, key.len);
}

static tr_link_sub_t *add(tr_link_t *l, tr_registration_t *r, uint32_t agent, const char *pattern) {
    tr_sub_key_t key = key_of(r, agent, pattern);
    tr_link_sub_t *s = calloc(1, sizeof *s);
    if (!s || tr_map_put(&l->sub_keys, key.bytes, key.len, (uintptr_t)s) < 0) {
        free(s);
        return NULL;
    }
    s->registration = r;
    s->agent = agent;
    memcpy(s->pattern, pattern, strlen(pattern) + 1);
    s->next = l->subs;
    s->prev = &l->subs;
    if (s->next)
        s->next->prev = &s->next;
    l->subs = s;
    return s;
}

static void drop(tr_link_t *l, tr_link_sub_t *s) {
    tr_sub_key_t key = key_of(s->registration, s->agent, s->pattern);
    tr_map_delete(&l->sub_keys, key.bytes, key.len);
    *s->prev = s->next;
    if (s->next)
        s->next->prev = s->prev;
    free(s);
}

void tr_link_drop_subs(tr_link_t *l, const tr_registration_t *r) {
    for (tr_link_sub_t *s = l->subs, *next; s; s = next) {
        next = s->next;
        if (!r || s->registration == r)
            drop(l, s);
    }
}

/* What is there already is told again all the same: the broker takes it for one. */
int tr_link_subscribe(tr_link_t *self, tr_registration_t *r, uint32_t agent, const char *pattern) {
    if (!tr_pattern_valid(pattern, strlen(pattern)))
        return -EINVAL;
    pthread_mutex_lock(&self->lock);
    tr_link_sub_t *s = find(self, r, agent, pattern);
    if (!s)
        s = add(self, r, agent, pattern);
    if (s && self->state == TR_LINK_READY && r->route)
        tr_link_send_subscribe(self, s, TR_KIND_SUBSCRIBE);
    tr_link_flush_locked(self);
    pthread_mutex_unlock(&self->lock);
    return s ? 0 : -ENOMEM;
}

bool tr_link_subscribes(tr_link_t *self, const tr_registration_t *r, uint32_t agent, const char *pattern) {
    pthread_mutex_lock(&self->lock);
    bool found = find(self, r, agent, pattern) != NULL;
    pthread_mutex_unlock(&self->lock);
    return found;
}

bool tr_link_subscription(
    tr_link_t *self, const tr_registration_t *r, uint32_t agent, size_t at, char out[TR_TOPIC_MAX + 1]) {
    pthread_mutex_lock(&self->lock);
    const tr_link_sub_t *s = self->subs;
    while (s && (s->registration != r || s->agent != agent || at--))
        s = s->next;
    if (s)
        memcpy(out, s->pattern, strlen(s->pattern) + 1);
    pthread_mutex_unlock(&self->lock);
    return s != NULL;
}

int tr_link_unsubscribe(tr_link_t *self, tr_registration_t *r, uint32_t agent, const char *pattern) {
    pthread_mutex_lock(&self->lock);
    tr_link_sub_t *s = find(self, r, agent, pattern);
    if (s && self->state == TR_LINK_READY && r->route)
        tr_link_send_subscribe(self, s, TR_KIND_UNSUBSCRIBE);
    if (s)
        drop(self, s);
    tr_link_flush_locked(self);
    pthread_mutex_unlock(&self->lock);
    return s ? 0 : -ENOENT;
}
