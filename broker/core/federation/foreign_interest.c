/* A neighbour's side of it: what it offers has a provider here, what it wants a subscriber (interest.h). */
#include "broker/core/federation/interest.h"
#include "broker/core/guard.h"
#include "broker/core/link.h"
#include "broker/core/platform/quarantine.h"

#include "proto/link.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

#define AGAIN_MS  60000 /* between two askings of one who tells more than can be counted */
#define LET_IN_MS 1000  /* between two looks for what was left out and has room now */

typedef struct told {
    char key[TR_TOPIC_MAX + 2];
    size_t len;
    const char *name;
} told_t;

static bool is_good(char kind, const char *name, size_t len) {
    return kind == TR_ITEM_PATTERN ? tr_pattern_valid(name, len) && !tr_interest_stays(name, len)
                                   : tr_name_valid(name, len);
}

static bool read_item(const Troupe__Item *item, told_t *ret) {
    char kind = *item->service ? TR_ITEM_SERVICE : *item->quarantined ? TR_ITEM_QUARANTINED : TR_ITEM_PATTERN;
    const char *name = kind == TR_ITEM_SERVICE       ? item->service
                       : kind == TR_ITEM_QUARANTINED ? item->quarantined
                                                     : item->pattern;
    size_t len = strlen(name);
    if (!is_good(kind, name, len))
        return false;
    ret->key[0] = kind;
    memcpy(ret->key + 1, name, len + 1);
    ret->len = len + 1;
    ret->name = name;
    return true;
}

/* ---- what becomes of an item here ---- */

static tr_entry_t *provider_of(tr_core_t *core, const tr_neighbour_t *n, const char *service) {
    tr_aid_t aid = {.service = true};
    tr_reason_t why;
    snprintf(aid.name, sizeof aid.name, "%s", service);
    snprintf(aid.platform, sizeof aid.platform, "%s", n->platform);
    return tr_proxy_find(core, &aid, &why);
}

/* Out of memory, or not allowed by the certificate: then it is not asked from here. */
static void offer(tr_core_t *core, tr_session_t *from, const char *name, const tr_offer_t *offer) {
    size_t len = strlen(name);
    if (!tr_guard_offer(core, from, name, len))
        return;
    tr_entry_t *e = provider_of(core, from->neighbour, name);
    tr_service_t *s = e ? tr_service_get(core, name, len, true) : NULL;
    if (!s)
        return;
    e->remote = offer->route;
    tr_service_provide(core, s, e, e->first, offer->capacity < 65536 ? offer->capacity : 65536);
}

static void withdraw(tr_core_t *core, tr_session_t *from, const char *name) {
    tr_service_t *s = tr_service_get(core, name, strlen(name), false);
    tr_entry_t *e = s ? provider_of(core, from->neighbour, name) : NULL;
    if (e)
        tr_service_withdraw(core, s, e, e->first);
}

/* The one subscriber of a platform. No name of an agent has a `>`. */
static tr_entry_t *subscriber_of(tr_core_t *core, tr_session_t *s) {
    char name[TR_PLATFORM_MAX + 3];
    int len = snprintf(name, sizeof name, ">@%s", s->neighbour->platform);
    tr_entry_t *e = tr_map_find_ptr(&core->names, name, (size_t)len);
    return e ? e : tr_proxy_new(core, s->neighbour, name, (size_t)len);
}

static void want(tr_core_t *core, tr_session_t *from, const char *pattern, bool on) {
    size_t len = strlen(pattern);
    tr_entry_t *e = subscriber_of(core, from);
    if (e && on && tr_guard_subscribe(core, from, pattern, len))
        tr_core_subscribe(core, e, e->first, pattern, len);
    else if (e && !on)
        tr_core_unsubscribe(core, e, e->first, pattern, len);
}

/* ---- what it has told ---- */

/* Nobody is let go before all is told (tr_quarantine_settle): what is told anew is forgotten first. */
static void carry_out(tr_core_t *core, tr_session_t *from, const told_t *t, const tr_offer_t *now) {
    if (*t->key == TR_ITEM_PATTERN)
        want(core, from, t->name, now != NULL);
    else if (*t->key == TR_ITEM_QUARANTINED && now)
        tr_quarantine_foreign(core, from->neighbour, t->name, now->capacity >= TR_HELD_MEANT);
    else if (*t->key == TR_ITEM_QUARANTINED)
        return;
    else if (now)
        offer(core, from, t->name, now);
    else
        withdraw(core, from, t->name);
}

static void count_item(tr_core_t *core, tr_neighbour_t *n, const told_t *t, bool left_out, int by) {
    uint32_t *counter = left_out                     ? &n->left_out
                        : *t->key == TR_ITEM_SERVICE ? &n->services
                        : *t->key == TR_ITEM_PATTERN ? &n->patterns
                                                     : &n->quarantined;
    *counter += (uint32_t)by;
    if (counter == &n->services)
        core->services_far += (uint32_t)by;
}

/* Each neighbour has room of his own: what one of them tells takes nothing from the others, nor from the agents of here. Services stand in a
 * table that all share: a quarter of it at most is one neighbour's, and half of it all neighbours' together, so that the other half is for this platform. */
static bool has_room(const tr_core_t *core, const tr_neighbour_t *n, const told_t *t) {
    const tr_core_config_t *c = &core->config;
    switch (*t->key) {
    case TR_ITEM_QUARANTINED: return n->quarantined < TR_QUARANTINED_MAX;
    case TR_ITEM_SERVICE:
        return n->services + n->patterns < c->peer_offers && n->services < (c->services_max + 3) / 4 &&
               core->services_far < (c->services_max + 1) / 2;
    default: return n->services + n->patterns < c->peer_offers;
    }
}

/* Told once, until all of it has fitted. */
static void tell_left_out(tr_core_t *core, tr_neighbour_t *n, const told_t *t) {
    char detail[200];
    if (n->told_left_out)
        return;
    n->told_left_out = true;
    snprintf(detail, sizeof detail,
        "it offers or wants more here than one broker may (--peer-offers, --services): %.60s is "
        "left out",
        t->name);
    tr_event(core, TR_EVENT_PEER_REFUSED, n->platform, detail);
}

/* What is left out is counted too, or the sum would never fit: as many again. */
static bool may_count(const tr_core_t *core, const tr_neighbour_t *n) {
    return n->left_out < core->config.peer_offers;
}

static void forget_item(tr_core_t *core, tr_session_t *from, const told_t *t) {
    tr_neighbour_t *n = from->neighbour;
    tr_offer_t *old = tr_map_find_ptr(&n->offers, t->key, t->len);
    if (!old)
        return;
    bool left_out = old->left_out;
    n->offers_hash -= tr_offer_hash(t->key, t->len, old);
    count_item(core, n, t, left_out, -1);
    tr_map_delete(&n->offers, t->key, t->len);
    free(old);
    n->has_left |= !left_out;
    core->services_freed += !left_out && *t->key == TR_ITEM_SERVICE;
    if (!left_out)
        carry_out(core, from, t, NULL);
}

/* NULL: it is too much, or memory is out, and the sum does not fit: it is asked for again. */
static tr_offer_t *new_item(tr_core_t *core, tr_neighbour_t *n, const told_t *t) {
    bool room = has_room(core, n, t);
    tr_offer_t *item = room || may_count(core, n) ? calloc(1, sizeof *item) : NULL;
    n->overflows |= !room && !may_count(core, n);
    if (!room)
        tell_left_out(core, n, t);
    if (!item || tr_map_put(&n->offers, t->key, t->len, (uint64_t)(uintptr_t)item) < 0) {
        free(item);
        return NULL;
    }
    item->left_out = !room;
    count_item(core, n, t, !room, 1);
    return item;
}

static void remember_item(tr_core_t *core, tr_session_t *from, const told_t *t, const tr_offer_t *now) {
    tr_neighbour_t *n = from->neighbour;
    tr_offer_t *item = tr_map_find_ptr(&n->offers, t->key, t->len);
    if (item)
        n->offers_hash -= tr_offer_hash(t->key, t->len, item);
    else if (!(item = new_item(core, n, t)))
        return;
    item->capacity = now->capacity;
    item->route = now->route;
    n->offers_hash += tr_offer_hash(t->key, t->len, item);
    if (!item->left_out)
        carry_out(core, from, t, now);
}

static void read_slot(const tr_map_slot_t *slot, told_t *ret) {
    ret->len = slot->key_len;
    memcpy(ret->key, slot->key, slot->key_len + 1);
    ret->name = ret->key + 1;
}

/* Others have left: what was left out has their room. */
static void let_in(tr_core_t *core, tr_session_t *from) {
    tr_neighbour_t *n = from->neighbour;
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    told_t t;
    if ((!n->has_left && n->services_freed == core->services_freed) ||
        core->now.mono_ms - n->let_in_ms < LET_IN_MS)
        return;
    n->let_in_ms = core->now.mono_ms;
    n->services_freed = core->services_freed;
    while (n->left_out && (slot = tr_map_next(&n->offers, &cursor))) {
        tr_offer_t *item = (tr_offer_t *)(uintptr_t)slot->value;
        if (!item->left_out)
            continue;
        read_slot(slot, &t);
        if (!has_room(core, n, &t))
            continue;
        item->left_out = false;
        count_item(core, n, &t, true, -1);
        count_item(core, n, &t, false, 1);
        carry_out(core, from, &t, item);
    }
    n->has_left = false;
}

static void forget_all(tr_core_t *core, tr_session_t *from) {
    tr_neighbour_t *n = from->neighbour;
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    told_t t;
    n->overflows = false;
    while ((slot = tr_map_next(&n->offers, &cursor))) {
        read_slot(slot, &t);
        forget_item(core, from, &t);
        cursor--; /* deleting moves those behind it there */
    }
}

static void say_again(tr_core_t *core, tr_session_t *to) {
    uint8_t body[8];
    Troupe__Interest m = TROUPE__INTEREST__INIT;
    m.again = true;
    size_t len = troupe__interest__pack(&m, body);
    tr_record_header_t h = {.kind = TR_KIND_INTEREST};
    tr_control_send(core, to, &h, body, len);
}

static void take_items(tr_core_t *core, tr_session_t *from, const Troupe__Interest *m) {
    told_t t;
    for (size_t i = 0; i < m->n_removed; i++)
        if (read_item(m->removed[i], &t))
            forget_item(core, from, &t);
    for (size_t i = 0; i < m->n_added; i++) {
        tr_offer_t now = {.capacity = m->added[i]->capacity, .route = m->added[i]->route};
        if (now.capacity && read_item(m->added[i], &t))
            remember_item(core, from, &t, &now);
    }
}

/* Whether that is all that there is, by its sum; else it is asked for: now and then only, where it would not fit. */
static void add_up(tr_core_t *core, tr_session_t *from, const Troupe__Interest *m) {
    tr_neighbour_t *n = from->neighbour;
    int64_t wait_ms = n->overflows ? AGAIN_MS : 1;
    let_in(core, from);
    if (m->items == n->offers.count && m->hash == n->offers_hash) {
        n->overflows = false;
        n->told_left_out = n->left_out > 0;
        tr_quarantine_settle(core, n);
    } else if (core->now.mono_ms - n->asked_ms >= wait_ms) {
        n->asked_ms = core->now.mono_ms;
        say_again(core, from);
    }
}

void tr_foreign_interest(tr_core_t *core, tr_session_t *from, const tr_record_t *record) {
    tr_neighbour_t *n = from->neighbour;
    Troupe__Interest *m = troupe__interest__unpack(NULL, record->content_len, record->content);
    if (!m)
        return; /* the next sum does not fit */
    if (m->again) {
        tr_interests_tell(core, n);
    } else {
        if (m->all)
            forget_all(core, from);
        take_items(core, from, m);
        tr_quarantine_stop_sent(core, n);
        if (!m->more)
            add_up(core, from, m);
    }
    troupe__interest__free_unpacked(m, NULL);
}

bool tr_neighbour_holds(tr_neighbour_t *n, const char *name) {
    char key[TR_NAME_MAX + 2];
    int len = snprintf(key, sizeof key, "%c%s", TR_ITEM_QUARANTINED, name);
    return (size_t)len < sizeof key && tr_map_find_ptr(&n->offers, key, (size_t)len);
}

void tr_interests_forget(tr_core_t *core, tr_neighbour_t *n) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&n->offers, &cursor)))
        free((void *)(uintptr_t)slot->value);
    tr_map_finish(&n->offers);
    n->offers_hash = 0;
    core->services_far -= n->services;
    core->services_freed += n->services;
    n->services = n->patterns = n->quarantined = 0;
    n->left_out = 0;
    n->overflows = n->has_left = n->told_left_out = false;
}
