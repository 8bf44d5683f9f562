/* Our side of it: the set of what is offered and wanted here, and how it is told. */
#include "broker/core/federation/interest.h"
#include "broker/core/durable/durable.h"
#include "broker/core/durable/stream.h"
#include "broker/core/platform/quarantine.h"

#include "proto/link.pb-c.h"

#include <stdlib.h>

#define ITEMS_IN_ONE 256u

/* Under its key: 's', 't' or 'q', and the name or pattern. */
typedef struct item {
    uint32_t wishes; /* of a pattern: who wants it */
    tr_offer_t now;
    tr_offer_t told; /* as the neighbours know it; capacity 0 = they do not */
    bool changed;
} item_t;

typedef struct key {
    char text[TR_TOPIC_MAX + 2]; /* names of services are shorter */
    size_t len;
} item_key_t;

static bool key_of(char kind, const char *name, size_t len, item_key_t *ret) {
    if (len > TR_TOPIC_MAX)
        return false;
    ret->text[0] = kind;
    memcpy(ret->text + 1, name, len);
    ret->text[len + 1] = 0;
    ret->len = len + 1;
    return true;
}

/* FNV-1a over the key and the numbers. */
uint64_t tr_offer_hash(const char *key, size_t len, const tr_offer_t *offer) {
    uint8_t numbers[12];
    uint64_t h = 0xcbf29ce484222325ull;
    tr_put32(numbers, offer->capacity);
    tr_put64(numbers + 4, offer->route);
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)key[i]) * 0x100000001b3ull;
    for (size_t i = 0; i < sizeof numbers; i++)
        h = (h ^ numbers[i]) * 0x100000001b3ull;
    return h;
}

static item_t *item_of(tr_federation_t *f, const item_key_t *key, bool create) {
    item_t *item = tr_map_find_ptr(&f->items, key->text, key->len);
    if (item || !create || !(item = calloc(1, sizeof *item)))
        return item;
    if (tr_map_put(&f->items, key->text, key->len, (uint64_t)(uintptr_t)item) == 0)
        return item;
    free(item);
    return NULL;
}

/* Out of memory: what is not in the list of changes is told with the next whole set. */
static void changed(tr_federation_t *f, const item_key_t *key, item_t *item) {
    if (item->changed)
        return;
    char **grown = realloc(f->changed, (f->changed_n + 1) * sizeof *grown);
    if (!grown)
        return;
    f->changed = grown;
    if (!(grown[f->changed_n] = strdup(key->text)))
        return;
    f->changed_n++;
    item->changed = true;
}

void tr_interest_pattern(tr_core_t *core, const char *pattern, size_t len, int by) {
    item_key_t key;
    if (!core->federation || !len || tr_interest_stays(pattern, len) ||
        tr_pattern_is_restricted(core, pattern, len) || !key_of(TR_ITEM_PATTERN, pattern, len, &key))
        return;
    item_t *item = item_of(core->federation, &key, by > 0);
    if (!item)
        return;
    item->wishes += (uint32_t)by;
    item->now = (tr_offer_t){.capacity = item->wishes > 0};
    if (item->now.capacity != item->told.capacity || item->changed)
        changed(core->federation, &key, item);
}

/* Parts are what a pattern is made of: the prefix's last one may be the beginning of a part, so that all which have
 * the ones before it are wanted. */
void tr_interest_prefix(tr_core_t *core, const char *prefix, size_t len, int by) {
    char pattern[TR_TOPIC_MAX + 2];
    if (len && *prefix == '$') {
        tr_interest_pattern(core, prefix, len, by); /* one that crosses is a whole name */
        return;
    }
    while (len && prefix[len - 1] != '.')
        len--;
    if (len >= TR_TOPIC_MAX)
        return;
    memcpy(pattern, prefix, len);
    pattern[len] = '>';
    if (tr_pattern_valid(pattern, len + 1))
        tr_interest_pattern(core, pattern, len + 1, by);
}

static uint32_t capacity_here(const tr_service_t *s) {
    uint64_t capacity = 0;
    for (uint32_t i = 0; i < s->providers_n; i++)
        capacity += s->providers[i].entry->neighbour ? 0 : s->providers[i].capacity;
    return capacity < UINT32_MAX ? (uint32_t)capacity : UINT32_MAX;
}

void tr_interest_service(tr_core_t *core, const tr_service_t *service) {
    item_key_t key;
    const char *agent;
    if (!core->federation || tr_service_is_mailbox(service, &agent) ||
        !key_of(TR_ITEM_SERVICE, service->name, strlen(service->name), &key))
        return;
    uint32_t capacity = capacity_here(service);
    item_t *item = item_of(core->federation, &key, capacity > 0);
    if (!item)
        return;
    item->now = (tr_offer_t){capacity, capacity ? tr_service_route(service) : 0};
    if (item->now.capacity != item->told.capacity || item->now.route != item->told.route)
        changed(core->federation, &key, item);
}

void tr_interest_quarantined(tr_core_t *core, const char *name, uint32_t held) {
    item_key_t key;
    if (!core->federation || !key_of(TR_ITEM_QUARANTINED, name, strlen(name), &key))
        return;
    item_t *item = item_of(core->federation, &key, held > 0);
    if (!item)
        return;
    item->now = (tr_offer_t){.capacity = held};
    if (item->now.capacity != item->told.capacity || item->changed)
        changed(core->federation, &key, item);
}

void tr_interests_begin(tr_core_t *core) {
    tr_map_init(&core->federation->items, tr_core_random(core));
    tr_quarantine_interest(core);
    for (uint32_t i = 0; i < core->services_n; i++)
        tr_interest_service(core, core->services[i]);
    for (uint32_t i = 0; i < core->subscriptions_n; i++)
        tr_interest_pattern(core, core->subscriptions[i]->pattern, core->subscriptions[i]->pattern_len, 1);
    for (uint32_t i = 0; i < core->interests_n; i++)
        tr_interest_prefix(core, core->interests[i].prefix, core->interests[i].len, 1);
    for (uint64_t i = 0; i < core->interests_more; i++)
        tr_interest_pattern(core, ">", 1, 1);
    for (const tr_stream_t *s = core->durable ? core->durable->streams : NULL; s; s = s->next)
        tr_interest_pattern(core, s->pattern, strlen(s->pattern), 1);
    if (core->durable)
        tr_durable_subs_interest(core);
}

void tr_interests_finish(tr_federation_t *f) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&f->items, &cursor)))
        free((void *)(uintptr_t)slot->value);
    tr_map_finish(&f->items);
    while (f->changed_n)
        free(f->changed[--f->changed_n]);
    free(f->changed);
}

/* ---- telling ---- */

/* One INTEREST record that is being made. */
typedef struct telling {
    Troupe__Interest m;
    Troupe__Item items[ITEMS_IN_ONE];
    Troupe__Item *added[ITEMS_IN_ONE], *removed[ITEMS_IN_ONE];
    size_t n;
    tr_neighbour_t *to; /* NULL = all */
} telling_t;

static void begin(telling_t *t, tr_neighbour_t *to) {
    troupe__interest__init(&t->m);
    t->m.added = t->added;
    t->m.removed = t->removed;
    t->n = 0;
    t->to = to;
}

static void send_to(tr_core_t *core, tr_neighbour_t *n, const void *body, size_t len) {
    tr_record_header_t h = {.kind = TR_KIND_INTEREST};
    if (n->session)
        tr_control_send(core, n->session, &h, body, len);
}

static void send_off(tr_core_t *core, telling_t *t, bool more) {
    tr_federation_t *f = core->federation;
    t->m.items = f->told_n;
    t->m.hash = f->told_hash;
    t->m.more = more;
    size_t len = troupe__interest__get_packed_size(&t->m);
    uint8_t *body = malloc(len);
    if (!body)
        return; /* the next reminder does not fit to what was told */
    troupe__interest__pack(&t->m, body);
    for (uint32_t i = 0; i < f->neighbours_n; i++)
        if (!t->to || t->to == f->neighbours[i])
            send_to(core, f->neighbours[i], body, len);
    free(body);
    begin(t, t->to);
}

/* The text must live until it is sent. */
static void put(tr_core_t *core, telling_t *t, const char *key, const tr_offer_t *offer, bool gone) {
    if (t->n == ITEMS_IN_ONE)
        send_off(core, t, true);
    Troupe__Item *item = &t->items[t->n++];
    troupe__item__init(item);
    char *name = (char *)(uintptr_t)(key + 1);
    if (*key == TR_ITEM_SERVICE)
        item->service = name;
    else if (*key == TR_ITEM_QUARANTINED)
        item->quarantined = name;
    else
        item->pattern = name;
    item->capacity = offer->capacity;
    item->route = offer->route;
    if (gone)
        t->removed[t->m.n_removed++] = item;
    else
        t->added[t->m.n_added++] = item;
}

/* What is counted is what was told: the sum must hold for the receiver after each last record. */
static void count(tr_federation_t *f, const char *key, item_t *item) {
    size_t len = strlen(key);
    if (item->told.capacity) {
        f->told_n--;
        f->told_hash -= tr_offer_hash(key, len, &item->told);
    }
    if (item->now.capacity) {
        f->told_n++;
        f->told_hash += tr_offer_hash(key, len, &item->now);
    }
    item->told = item->now;
}

void tr_interests_flush(tr_core_t *core) {
    tr_federation_t *f = core->federation;
    if (!f || !f->changed_n)
        return;
    telling_t *t = malloc(sizeof *t);
    if (!t)
        return; /* later */
    begin(t, NULL);
    for (size_t i = 0; i < f->changed_n; i++) {
        const char *key = f->changed[i];
        item_t *item = tr_map_find_ptr(&f->items, key, strlen(key));
        bool known = item->told.capacity > 0;
        item->changed = false;
        count(f, key, item);
        if (known || item->now.capacity)
            put(core, t, key, &item->now, !item->now.capacity);
    }
    send_off(core, t, false);
    free(t);
    for (size_t i = 0; i < f->changed_n; i++) {
        size_t len = strlen(f->changed[i]);
        item_t *item = tr_map_find_ptr(&f->items, f->changed[i], len);
        if (item && !item->now.capacity && !item->wishes) {
            tr_map_delete(&f->items, f->changed[i], len);
            free(item);
        }
        free(f->changed[i]);
    }
    f->changed_n = 0;
}

void tr_interests_tell(tr_core_t *core, tr_neighbour_t *neighbour) {
    tr_federation_t *f = core->federation;
    telling_t *t = malloc(sizeof *t);
    if (!t)
        return; /* a reminder does not fit, and it asks */
    tr_interests_flush(core);
    begin(t, neighbour);
    t->m.all = true;
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&f->items, &cursor))) {
        const item_t *item = (const item_t *)(uintptr_t)slot->value;
        if (item->told.capacity)
            put(core, t, slot->key, &item->told, false);
    }
    send_off(core, t, false);
    free(t);
}

void tr_interests_remind(tr_core_t *core, tr_neighbour_t *neighbour) {
    telling_t *t = malloc(sizeof *t);
    if (!t)
        return;
    begin(t, neighbour);
    send_off(core, t, false);
    free(t);
}
