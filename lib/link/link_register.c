/*
 * Names: registered, given back, and asked for again after a lost connection.
 *
 * A name that was given back stays in the list until the broker has said so. Until then the same name is not
 * registered again, because DEREGISTER waits in line with the data before it and REGISTER does not.
 */
#include "lib/link/link_private.h"

#include "proto/link.pb-c.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BEHAVIOUR_MAX 64
#define REGAIN_MS     1000

void tr_registration_free(tr_registration_t *r) {
    if (!r)
        return;
    free(r->name);
    free(r->behaviour);
    free(r);
}

/* The same name is on its way out. */
static bool is_leaving(const tr_link_t *l, const tr_registration_t *of) {
    for (const tr_registration_t *r = l->registrations; r; r = r->next)
        if (r != of && r->status == TR_REGISTRATION_GONE && r->id && !strcmp(r->name, of->name))
            return true;
    return false;
}

static void ask(tr_link_t *l, tr_registration_t *r, uint64_t id) {
    uint8_t body[TR_NAME_MAX + BEHAVIOUR_MAX + 48];
    Troupe__Register m = TROUPE__REGISTER__INIT;
    r->status = TR_REGISTRATION_PENDING;
    r->asked_ms = tr_clock_ms();
    r->id = 0;
    if (is_leaving(l, r))
        return; /* tr_link_deregistered sends it */
    m.name = r->name;
    m.count = r->count;
    m.behaviour = r->behaviour;
    m.durable = l->durable;
    m.move = r->move;
    size_t len = troupe__register__pack(&m, body); /* both are bounded by tr_link_register */
    r->id = id;
    tr_record_header_t h = {.kind = TR_KIND_REGISTER, .id = id};
    tr_link_put(l, &h, body, len);
}

void tr_link_send_register(tr_link_t *l, tr_registration_t *r) {
    ask(l, r, l->next_id++);
}

typedef void (*put_fn)(tr_link_t *l, tr_record_header_t *h, const void *body, size_t len);

static void put_at_once(tr_link_t *l, tr_record_header_t *h, const void *body, size_t len) {
    tr_link_put(l, h, body, len);
}

static void send_deregister(tr_link_t *l, tr_registration_t *r, put_fn put) {
    uint8_t body[TR_NAME_MAX + 8];
    Troupe__Deregister m = TROUPE__DEREGISTER__INIT;
    m.name = r->name;
    r->id = l->next_id++;
    tr_record_header_t h = {.kind = TR_KIND_DEREGISTER, .id = r->id};
    put(l, &h, body, troupe__deregister__pack(&m, body));
}

static tr_registration_t *find(tr_link_t *l, uint64_t id, tr_registration_status_t status) {
    for (tr_registration_t *r = l->registrations; id && r; r = r->next)
        if (r->id == id && r->status == status)
            return r;
    return NULL;
}

static void take_out(tr_link_t *l, tr_registration_t *gone) {
    if (l->hung == gone)
        l->hung = NULL;
    for (tr_registration_t **p = &l->registrations; *p; p = &(*p)->next) {
        if (*p == gone) {
            *p = gone->next;
            break;
        }
    }
    tr_registration_free(gone);
}

/* Told unasked in a resumed session, because the answer may be lost. */
static tr_registration_t *find_unanswered(tr_link_t *l, const char *name, uint32_t count) {
    for (tr_registration_t *r = l->registrations; r; r = r->next)
        if (r->id && r->status == TR_REGISTRATION_PENDING && r->count == count && !strcmp(r->name, name))
            return r;
    return NULL;
}

bool tr_link_registered(tr_link_t *l, uint64_t id, const char *name, uint32_t count, tr_route_t route) {
    tr_registration_t *r =
        id ? find(l, id, TR_REGISTRATION_PENDING) : find_unanswered(l, name, count ? count : 1);
    if (!r)
        return false;
    r->id = r->move = 0;
    r->route = route;
    r->status = TR_REGISTRATION_DONE;
    tr_link_kept_reroute(l, r);
    for (const tr_link_sub_t *s = l->subs; s; s = s->next)
        if (s->registration == r)
            tr_link_send_subscribe(l, s, TR_KIND_SUBSCRIBE);
    tr_link_reroute(l);
    return true;
}

bool tr_link_register_refused(tr_link_t *l, uint64_t id, tr_reason_t reason, const char *detail) {
    tr_registration_t *r = find(l, id, TR_REGISTRATION_PENDING);
    if (!r)
        return false;
    r->id = 0;
    r->status = TR_REGISTRATION_REFUSED;
    r->refusal_code = reason == TR_REASON_DUPLICATE_NAME ? -EEXIST : -EINVAL;
    snprintf(r->refusal, sizeof r->refusal, "%s", detail);
    if (r->old_route) { /* nobody waits for the answer: it had the name before */
        tr_link_say(l, TR_HOST_REFUSED, r->refusal);
        l->name_lost = true;
    }
    tr_link_reroute(l);
    return true;
}

bool tr_link_deregistered(tr_link_t *l, uint64_t id) {
    tr_registration_t *gone = find(l, id, TR_REGISTRATION_GONE);
    if (!gone)
        return false;
    gone->id = 0;
    for (tr_registration_t *r = l->registrations; r; r = r->next)
        if (r->status == TR_REGISTRATION_PENDING && !r->id && !strcmp(r->name, gone->name))
            tr_link_send_register(l, r);
    if (gone->forgotten)
        take_out(l, gone);
    return true;
}

void tr_link_register_all(tr_link_t *l) {
    for (tr_registration_t *r = l->registrations, *next; r; r = next) {
        next = r->next;
        if (r->status != TR_REGISTRATION_GONE)
            continue;
        r->id = 0; /* it went with the session before */
        if (r->forgotten)
            take_out(l, r);
    }
    for (tr_registration_t *r = l->registrations; r; r = r->next) {
        if (r->status == TR_REGISTRATION_GONE)
            continue;
        if (r->route)
            r->old_route = r->route;
        r->route = 0;
        tr_link_send_register(l, r);
    }
    tr_link_reroute(l); /* where there are none */
}

/* In a resumed session the answer may be on its way already: it must fit, or what comes behind it for the agent
 * finds nobody. */
void tr_link_register_rest(tr_link_t *l) {
    for (tr_registration_t *r = l->registrations; r; r = r->next)
        if (r->status == TR_REGISTRATION_GONE && r->id)
            send_deregister(l, r, tr_link_put_in_order);
    for (tr_registration_t *r = l->registrations; r; r = r->next)
        if (r->status == TR_REGISTRATION_PENDING)
            ask(l, r, r->id ? r->id : l->next_id++);
}

void tr_link_regain(tr_link_t *l, int64_t now_ms) {
    l->name_lost = false;
    for (tr_registration_t *r = l->registrations; r; r = r->next) {
        if (r->status != TR_REGISTRATION_REFUSED || !r->old_route)
            continue;
        if (now_ms - r->asked_ms >= REGAIN_MS)
            tr_link_send_register(l, r);
        else
            l->name_lost = true;
    }
}

static tr_registration_t *registration_new(const char *name, uint32_t count, const char *behaviour) {
    tr_registration_t *r = calloc(1, sizeof *r);
    if (!r || strlen(name) > TR_NAME_MAX || !(r->name = strdup(name)) ||
        !(r->behaviour = strndup(behaviour ? behaviour : "", BEHAVIOUR_MAX))) {
        tr_registration_free(r);
        return NULL;
    }
    r->count = count ? count : 1;
    return r;
}

static tr_registration_t *begin(
    tr_link_t *self, const char *name, uint32_t count, const char *behaviour, uint64_t move) {
    tr_registration_t *r = registration_new(name, count, behaviour);
    if (!r)
        return NULL;
    r->move = move;
    pthread_mutex_lock(&self->lock);
    r->next = self->registrations;
    self->registrations = r;
    if (self->state == TR_LINK_READY)
        tr_link_send_register(self, r);
    tr_link_flush_locked(self);
    pthread_mutex_unlock(&self->lock);
    return r;
}

tr_registration_t *tr_link_register(
    tr_link_t *self, const char *name, uint32_t count, const char *behaviour) {
    return begin(self, name, count, behaviour, 0);
}

tr_registration_t *tr_link_claim(tr_link_t *self, const char *name, const char *behaviour, uint64_t move) {
    return begin(self, name, 1, behaviour, move);
}

tr_registration_status_t tr_link_status(tr_link_t *self, const tr_registration_t *r, tr_error_t *error) {
    pthread_mutex_lock(&self->lock);
    tr_registration_status_t status = r->status;
    if (status == TR_REGISTRATION_REFUSED)
        tr_error_set(error, r->refusal_code, "%s", r->refusal);
    pthread_mutex_unlock(&self->lock);
    return status;
}

/* That it is let go is said at once: nothing of it waits to be sent, and the one that has it now waits for this. Its host is
 * told, whose it is no more. */
void tr_link_moved(tr_link_t *l, const char *name, tr_route_t route) {
    tr_registration_t *r = l->registrations;
    while (r && (r->status != TR_REGISTRATION_DONE || r->route != route || strcmp(r->name, name) != 0))
        r = r->next;
    if (!r)
        return;
    tr_link_drop_subs(l, r);
    r->status = TR_REGISTRATION_GONE;
    send_deregister(l, r, put_at_once);
    tr_link_say(l, TR_HOST_MOVED, name);
}

/* Also one whose REGISTER has not been answered: it may have been heard. */
void tr_link_deregister(tr_link_t *self, tr_registration_t *r) {
    pthread_mutex_lock(&self->lock);
    bool known = r->status == TR_REGISTRATION_DONE || (r->status == TR_REGISTRATION_PENDING && r->id);
    r->status = TR_REGISTRATION_GONE;
    r->id = 0;
    if (known && self->state == TR_LINK_READY) {
        send_deregister(self, r, tr_link_put_in_order);
        tr_link_flush_locked(self);
    }
    tr_link_drop_subs(self, r);
    pthread_mutex_unlock(&self->lock);
}

void tr_link_forget(tr_link_t *self, tr_registration_t *r) {
    pthread_mutex_lock(&self->lock);
    tr_link_drop_subs(self, r);
    r->owner = NULL;
    r->forgotten = true;
    if (r->status != TR_REGISTRATION_GONE || !r->id)
        take_out(self, r);
    pthread_mutex_unlock(&self->lock);
}

static bool holds(const tr_registration_t *r, tr_route_t first, tr_route_t route) {
    return first && route - first < r->count;
}

/* The list is short (one entry per add or range) and changes in the host's thread only; routes change under
 * the lock. One of another session may be the same by chance: those of now come first. */
tr_registration_t *tr_link_owner(tr_link_t *self, tr_route_t route, uint32_t *ret_index) {
    pthread_mutex_lock(&self->lock);
    tr_registration_t *r = self->registrations, *old = r;
    while (r && !holds(r, r->route, route))
        r = r->next;
    while (!r && old && !holds(old, old->old_route, route))
        old = old->next;
    if (r)
        *ret_index = (uint32_t)(route - r->route);
    else if (old)
        *ret_index = (uint32_t)(route - old->old_route);
    pthread_mutex_unlock(&self->lock);
    return r ? r : old;
}

void tr_registration_set_owner(tr_registration_t *r, void *owner) {
    r->owner = owner;
}

void *tr_registration_owner(const tr_registration_t *r) {
    return r->owner;
}
