#include "kbd/places.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tr_kb_place_name(const char *ns, const tr_shard_t *owner, char *ret) {
    snprintf(ret, TR_KB_NAMESPACE_MAX + 1, "%.128s@%016" PRIx64, ns, owner->hash);
}

size_t tr_kb_place_owner(const tr_shards_t *shards, const char *name) {
    const char *at = strchr(name, '@');
    uint64_t hash = at ? strtoull(at + 1, NULL, 16) : 0;
    size_t i = 0;
    while (at && i < shards->count && shards->items[i].hash != hash)
        i++;
    return at ? i : shards->count;
}

bool tr_kb_has_copies(const tr_kbd_t *kbd) {
    return kbd->front.shards.count && kbd->front.shards.copies > 1;
}

bool tr_kb_place_of(const tr_kbd_t *kbd, const char *ns, const char *id, tr_kb_place_t *ret) {
    const tr_kb_front_t *front = &kbd->front;
    size_t holders[TR_SHARDS_COPIES], n = tr_shards_holders(&front->shards, ns, id, holders);
    if (holders[0] == front->here) {
        snprintf(ret->name, sizeof ret->name, "%s", ns);
        ret->other = n > 1 ? holders[1] : front->shards.count;
        return true;
    }
    if (n < 2 || holders[1] != front->here)
        return false;
    tr_kb_place_name(ns, &front->shards.items[holders[0]], ret->name);
    ret->other = holders[0];
    return true;
}

bool tr_kb_read_place(const tr_kb_question_t *q, char *out) {
    const tr_shards_t *shards = &q->kbd->front.shards;
    char ns[TR_KB_NAMESPACE_MAX + 1];
    int64_t of = tr_value_int(tr_value_get(q->content, "of"), -1);
    if (!tr_kb_read_name(q, out))
        return false;
    if (!tr_value_get(q->content, "part") || of < 0 || (uint64_t)of >= shards->count)
        return true;
    snprintf(ns, sizeof ns, "%s", out);
    tr_kb_place_name(ns, &shards->items[of], out);
    return true;
}

/* ---- writes ---- */

int tr_kb_stamp(
    tr_kbd_t *kbd, const tr_kb_namespace_t *place, const char *id, int64_t *ret_ms, tr_error_t *error) {
    int64_t now_ms = tr_clock_wall_ms(), latest_ms = 0;
    int rc = tr_kb_latest(kbd->store, place, id, &latest_ms, error);
    if (rc == 0)
        *ret_ms = now_ms > latest_ms + 1 ? now_ms : latest_ms + 2;
    return rc;
}

int tr_kb_place_owe(tr_kbd_t *kbd, const char *ns, const char *id, const tr_kb_place_t *place, int64_t at_ms,
    tr_error_t *error) {
    const tr_shards_t *shards = &kbd->front.shards;
    if (place->other == shards->count)
        return 0;
    int rc = tr_kb_owe(kbd->store, shards->items[place->other].hash,
        &(tr_kb_owed_t){.ns = ns, .id = id, .at_ms = at_ms}, error);
    tr_kb_owing_wake(kbd);
    return rc;
}

int tr_kb_place_remove(tr_kbd_t *kbd, const char *ns, const char *id, tr_error_t *error) {
    tr_kb_place_t place;
    tr_kb_namespace_t there;
    int64_t at_ms = 0;
    if (!tr_kb_place_of(kbd, ns, id, &place))
        return tr_error_set(error, -ENOENT, "%.200s: it belongs to another shard", id);
    int rc = tr_kb_namespace_find(kbd->store, place.name, &there, error);
    if (rc == 0)
        rc = tr_kb_stamp(kbd, &there, id, &at_ms, error);
    if (rc == 0)
        rc = tr_kb_remove(kbd->store, &there, id, error);
    return rc < 0 ? rc : tr_kb_place_owe(kbd, ns, id, &place, at_ms, error);
}

typedef struct removing {
    tr_kbd_t *kbd;
    const tr_kb_namespace_t *from;
    char ns[TR_KB_NAMESPACE_MAX + 1];
    tr_error_t *error;
} removing_t;

static int on_removing(void *arg, const char *id) {
    removing_t *r = arg;
    tr_kb_place_t place;
    int64_t at_ms = 0;
    if (!tr_kb_place_of(r->kbd, r->ns, id, &place))
        return 0; /* it goes from here alone: its owner is asked, too */
    int rc = tr_kb_stamp(r->kbd, r->from, id, &at_ms, r->error);
    return rc < 0 ? rc : tr_kb_place_owe(r->kbd, r->ns, id, &place, at_ms, r->error);
}

int tr_kb_place_remove_where(tr_kbd_t *kbd, tr_kb_namespace_t *place, const tr_filter_t *filter, size_t most,
    size_t *ret_count, tr_error_t *error) {
    removing_t r = {.kbd = kbd, .from = place, .error = error};
    tr_kb_place_base(place->name, r.ns);
    return tr_kb_remove_where(kbd->store, place, filter, most, on_removing, &r, ret_count, error);
}

int tr_kb_place_clear(
    tr_kbd_t *kbd, const char *ns, const char *id, bool all, size_t *ret_count, tr_error_t *error) {
    tr_kb_namespace_t *places = NULL;
    size_t count = 0;
    tr_kb_place_t here;
    bool belongs = tr_kb_place_of(kbd, ns, id, &here);
    int rc = tr_kb_places_read(kbd->store, ns, &places, &count, error);
    for (size_t i = 0; i < count && rc == 0; i++) {
        if (!all && belongs && strcmp(places[i].name, here.name) == 0)
            continue;
        rc = tr_kb_remove(kbd->store, &places[i], id, error);
        *ret_count += rc == 0;
        rc = rc == -ENOENT ? 0 : rc;
    }
    free(places);
    if (rc == 0 && (all || !belongs))
        rc = tr_kb_owed_forget(kbd->store, ns, id, error);
    return rc;
}

/* ---- vectors ---- */

void tr_kb_places_warm(tr_kbd_t *kbd, const tr_kb_namespace_t *ns) {
    tr_kb_namespace_t *places = NULL;
    tr_index_t *index;
    size_t count = 0;
    bool complete;
    if (!tr_kb_has_copies(kbd) || kbd->owing.warm == ns->number || tr_kb_place_is_copy(ns->name))
        return;
    if (tr_kb_places_read(kbd->store, ns->name, &places, &count, NULL) < 0)
        return; /* they are read when they are asked for, ignoring */
    for (size_t i = 0; i < count; i++)
        if (tr_kb_place_is_copy(places[i].name) && places[i].chunks)
            tr_indexes_need(&kbd->meaning.indexes, &places[i], &index, &complete, NULL);
    kbd->owing.warm = ns->number;
    free(places);
}
