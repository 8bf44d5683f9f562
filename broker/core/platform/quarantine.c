#include "broker/core/platform/quarantine.h"

#include "broker/core/durable/durable.h"
#include "broker/core/federation/interest.h"
#include "broker/core/guard.h"
#include "broker/core/mandate.h"
#include "lib/store/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void learn_range(tr_core_t *core, tr_quarantined_t *q) {
    const tr_entry_t *e = tr_map_find_ptr(&core->names, q->name, strlen(q->name));
    q->range |= e && e->range;
}

static tr_quarantined_t *next(const tr_core_t *core, size_t *cursor) {
    const tr_map_slot_t *slot = core->quarantine ? tr_map_next(&core->quarantine->names, cursor) : NULL;
    return slot ? (tr_quarantined_t *)(uintptr_t)slot->value : NULL;
}

void tr_quarantine_mark(tr_core_t *core) {
    size_t cursor = 0;
    uint32_t agent, count;
    tr_quarantined_t *q;
    while ((q = next(core, &cursor))) {
        learn_range(core, q);
        tr_entry_t *e = tr_entry_named(core, q->name, &agent, &count);
        if (e)
            e->quarantined = true;
    }
}

static void quarantined_free(tr_quarantined_t *q) {
    if (q)
        free(q->causes);
    free(q);
}

void tr_quarantine_finish(tr_core_t *core) {
    size_t cursor = 0;
    tr_quarantined_t *q;
    while ((q = next(core, &cursor)))
        quarantined_free(q);
    if (core->quarantine)
        tr_map_finish(&core->quarantine->names);
    free(core->quarantine);
    core->quarantine = NULL;
}

/* ---- into it ---- */

static tr_quarantine_t *quarantine_of(tr_core_t *core) {
    if (!core->quarantine && (core->quarantine = calloc(1, sizeof *core->quarantine)))
        tr_map_init(&core->quarantine->names, tr_core_random(core));
    return core->quarantine;
}

/* What waits for it goes back to its senders, and what it has in its hands to others. */
static void stop(tr_core_t *core, const char *name) {
    uint32_t agent, count;
    tr_entry_t *e = tr_entry_named(core, name, &agent, &count);
    if (!e)
        return;
    e->quarantined = true;
    tr_mailbox_fail_agents(core, e, agent, count, TR_REASON_QUARANTINED);
    tr_service_take_away(core, e, agent, count);
}

static bool is_meant(const tr_quarantined_t *q) {
    return !strcmp(q->causes[0].because, q->name);
}

static void tell_neighbours(tr_core_t *core, const tr_quarantined_t *q) {
    tr_interest_quarantined(core, q->name, is_meant(q) ? TR_HELD_MEANT : TR_HELD);
}

static bool insert(tr_core_t *core, tr_quarantined_t *q) {
    tr_quarantine_t *all = quarantine_of(core);
    if (!all || all->n >= TR_QUARANTINED_MAX ||
        tr_map_put(&all->names, q->name, strlen(q->name), (uint64_t)(uintptr_t)q) < 0)
        return false;
    all->n++;
    learn_range(core, q);
    tell_neighbours(core, q);
    return true;
}

static void drop_one(tr_core_t *core, tr_quarantined_t *q) {
    tr_interest_quarantined(core, q->name, 0);
    tr_map_delete(&core->quarantine->names, q->name, strlen(q->name));
    core->quarantine->n--;
    quarantined_free(q);
}

void tr_quarantine_interest(tr_core_t *core) {
    size_t cursor = 0;
    const tr_quarantined_t *q;
    while ((q = next(core, &cursor)))
        tell_neighbours(core, q);
}

/* ---- causes ---- */

/* NULL where it is not held because of that one. */
static const tr_cause_t *cause_of(const tr_quarantined_t *q, const char *because) {
    for (size_t i = 0; i < q->causes_n; i++)
        if (!strcmp(q->causes[i].because, because))
            return &q->causes[i];
    return NULL;
}

/* For the caller to fill in: the first or the last of them. NULL: there is no room, or no memory. */
static tr_cause_t *new_cause(tr_quarantined_t *q, bool first) {
    tr_cause_t *grown =
        q->causes_n < TR_CAUSES_MAX ? realloc(q->causes, (q->causes_n + 1) * sizeof *grown) : NULL;
    if (!grown)
        return NULL;
    q->causes = grown;
    if (first)
        memmove(grown + 1, grown, q->causes_n * sizeof *grown);
    tr_cause_t *cause = first ? grown : grown + q->causes_n;
    q->causes_n++;
    *cause = (tr_cause_t){0};
    return cause;
}

static void remove_cause(tr_quarantined_t *q, const tr_cause_t *cause) {
    size_t at = (size_t)(cause - q->causes);
    q->causes_n--;
    memmove(q->causes + at, q->causes + at + 1, (q->causes_n - at) * sizeof *q->causes);
}

/* ---- in the journal ---- */

static void put_text(tr_buffer_t *value, const char *text) {
    uint8_t len[2];
    tr_put16(len, (uint16_t)strlen(text));
    tr_buffer_put(value, len, sizeof len);
    tr_buffer_put(value, text, strlen(text));
}

/* False where it is too long for `out`, or not all there. */
static bool take_text(const tr_pair_t *pair, size_t *at, char *out, size_t size) {
    size_t rest = pair->value_len - *at, len = rest >= 2 ? tr_get16(pair->value + *at) : SIZE_MAX;
    if (len >= size || len > rest - 2)
        return false;
    memcpy(out, pair->value + *at + 2, len);
    out[len] = 0;
    *at += 2 + len;
    return true;
}

static void put_cause(tr_buffer_t *value, const tr_cause_t *cause) {
    uint8_t since[8];
    tr_put64(since, (uint64_t)cause->since_ms);
    tr_buffer_put(value, since, sizeof since);
    put_text(value, cause->because);
    put_text(value, cause->by);
    put_text(value, cause->reason);
}

static bool take_cause(const tr_pair_t *pair, size_t *at, tr_cause_t *cause) {
    if (pair->value_len - *at < 8)
        return false;
    cause->since_ms = (int64_t)tr_get64(pair->value + *at);
    *at += 8;
    return take_text(pair, at, cause->because, sizeof cause->because) &&
           take_text(pair, at, cause->by, sizeof cause->by) &&
           take_text(pair, at, cause->reason, sizeof cause->reason);
}

/* One behind the other: a broker that knows of one alone reads the first. False where memory is out: it holds, but only until the broker ends. */
static bool write_down(tr_core_t *core, const tr_quarantined_t *q) {
    tr_batch_t *batch = core->durable ? tr_batch_open(core) : NULL;
    tr_key_t key = tr_key_named(TR_KEY_QUARANTINED, q->name);
    tr_buffer_t value;
    if (!batch)
        return !core->durable;
    tr_buffer_init(&value, 0);
    for (size_t i = 0; i < q->causes_n; i++)
        put_cause(&value, &q->causes[i]);
    bool written = !value.failed && tr_batch_more(batch, TR_JOURNAL_PUT, &key, value.data, value.size);
    batch->sync |= written;
    tr_buffer_finish(&value);
    return written;
}

/* Where memory is out it is in quarantine again when the broker has started anew, ignoring: the safe side. */
static void strike_out(tr_core_t *core, const tr_quarantined_t *q) {
    tr_batch_t *batch = core->durable ? tr_batch_open(core) : NULL;
    tr_key_t key = tr_key_named(TR_KEY_QUARANTINED, q->name);
    if (batch)
        batch->sync |= tr_batch_more(batch, TR_JOURNAL_DELETE, &key, NULL, 0);
}

static int take_causes(const tr_pair_t *pair, tr_quarantined_t *q) {
    size_t at = 0;
    do {
        tr_cause_t *cause = new_cause(q, false);
        if (!cause)
            return q->causes_n < TR_CAUSES_MAX ? -ENOMEM : -EBADMSG;
        if (!take_cause(pair, &at, cause))
            return -EBADMSG;
    } while (at < pair->value_len);
    return 0;
}

int tr_quarantine_recover(tr_core_t *core, const tr_pair_t *pair) {
    size_t name = pair->key_len - 1;
    tr_quarantined_t *q = calloc(1, sizeof *q);
    if (!q)
        return -ENOMEM;
    int r = name < sizeof q->name ? take_causes(pair, q) : -EBADMSG;
    if (r == 0) {
        memcpy(q->name, pair->key + 1, name);
        r = insert(core, q) ? 0 : -ENOMEM;
    }
    if (r < 0)
        quarantined_free(q);
    return r;
}

/* ---- the order ---- */

typedef struct order {
    tr_core_t *core;
    const tr_session_t *session; /* it came by */
    const char *by, *because, *reason;
    bool at_second_hand;      /* it is of an agent elsewhere that is held for another one's sake */
    tr_quarantined_t **added; /* in their order: those who come next are whom these have set to work */
    const char **elsewhere;   /* AIDs of other platforms, as mandate.h has them */
    size_t n, elsewhere_n;
    bool full;
} order_t;

static bool order_begin(order_t *o) {
    o->added = calloc(TR_QUARANTINED_MAX, sizeof *o->added);
    o->elsewhere = calloc(TR_QUARANTINED_MAX, sizeof *o->elsewhere);
    return o->added && o->elsewhere;
}

static void order_end(order_t *o) {
    free(o->elsewhere);
    free(o->added);
}

/* False where there is no room for it, or no memory. */
static bool give_cause(const order_t *o, tr_quarantined_t *q) {
    tr_cause_t *cause = new_cause(q, !strcmp(o->because, q->name));
    if (!cause)
        return false;
    snprintf(cause->because, sizeof cause->because, "%s", o->because);
    snprintf(cause->by, sizeof cause->by, "%s", o->by);
    snprintf(cause->reason, sizeof cause->reason, "%s", o->reason);
    cause->since_ms = o->core->now.wall_ms;
    return true;
}

static bool note(order_t *o, tr_quarantined_t *q) {
    o->added[o->n++] = q;
    return write_down(o->core, q);
}

/* One who is held already: for this one's sake too. */
static bool add_cause(order_t *o, tr_quarantined_t *q) {
    if (o->at_second_hand || cause_of(q, o->because))
        return true;
    if (!give_cause(o, q))
        return false;
    tell_neighbours(o->core, q);
    return note(o, q);
}

static bool add(order_t *o, const char *name) {
    tr_quarantined_t *q = tr_quarantined_find(o->core, name);
    if (q)
        return add_cause(o, q);
    if (!(q = calloc(1, sizeof *q)))
        return false;
    snprintf(q->name, sizeof q->name, "%s", name);
    if (give_cause(o, q) && insert(o->core, q))
        return note(o, q);
    quarantined_free(q);
    return false;
}

/* Their own brokers stop them, which are told of all who are held here (interest.h). False where there is no room. */
static bool add_elsewhere(order_t *o, const char *aid) {
    for (size_t i = 0; i < o->elsewhere_n; i++)
        if (!strcmp(o->elsewhere[i], aid))
            return true;
    if (o->elsewhere_n == TR_QUARANTINED_MAX)
        return false;
    o->elsewhere[o->elsewhere_n++] = aid;
    return true;
}

static void add_delegate(void *arg, const char *to) {
    order_t *o = arg;
    tr_aid_t aid;
    bool added = true;
    if (tr_name_valid(to, strlen(to)))
        added = tr_platform_find(to, strlen(to)) || add(o, to);
    else if (tr_aid_parse(&aid, to, strlen(to)) == 0 && !aid.service && *aid.platform)
        added = tr_platform_find(aid.name, strlen(aid.name)) || add_elsewhere(o, to);
    o->full |= !added;
}

/* All that those have set to work, and they have, here or by way of another platform: each comes once, so it ends. */
static void add_all(order_t *o) {
    for (size_t i = 0, k = 0; !o->full && (i < o->n || k < o->elsewhere_n);)
        if (i < o->n) {
            const tr_quarantined_t *q = o->added[i++];
            tr_mandate_each(o->core, q->name, q->range, add_delegate, o);
        } else {
            tr_mandate_each(o->core, o->elsewhere[k++], false, add_delegate, o);
        }
}

static void tell(tr_core_t *core, tr_core_event_t kind, const tr_session_t *session, const char *by,
    const char *name, const tr_cause_t *cause) {
    char detail[sizeof cause->because + sizeof cause->reason + TR_AID_MAX + 80];
    bool own = !strcmp(name, cause->because);
    snprintf(detail, sizeof detail, "%s%s, by %s%s%s", own ? "itself" : "for what it does for ",
        own ? "" : cause->because, by, *cause->reason ? ": " : "", cause->reason);
    tr_audit(core, kind, session, NULL, name, detail);
}

static void stop_all(const order_t *o) {
    for (size_t i = 0; i < o->n; i++) {
        const tr_quarantined_t *q = o->added[i];
        stop(o->core, q->name);
        tell(o->core, TR_EVENT_QUARANTINED, o->session, o->by, q->name, cause_of(q, o->because));
    }
}

/* With the one that is asked for in front. */
static void write_one(tr_answer_t *a, const tr_quarantined_t *q, const tr_cause_t *shown) {
    uint32_t agent, count;
    tr_content_writer_t *w = &a->content;
    tr_write_map(w, 7);
    tr_write_kv(w, "name", q->name);
    tr_write_kv(w, "because", shown->because);
    tr_write_kv(w, "reason", shown->reason);
    tr_write_kv(w, "by", shown->by);
    tr_write_kv_int(w, "since_ms", shown->since_ms);
    tr_write_kv_bool(w, "present", tr_entry_named(a->core, q->name, &agent, &count) != NULL);
    tr_write_str(w, "also");
    tr_write_array(w, q->causes_n - 1);
    for (size_t i = 0; i < q->causes_n; i++)
        if (&q->causes[i] != shown)
            tr_write_str(w, q->causes[i].because);
}

/* A bare name of this platform; false, and refused, where there is none. */
static bool read_name(tr_answer_t *a, char out[TR_NAME_MAX + 1]) {
    size_t len = 0;
    const char *name = tr_answer_name(a, &len);
    if (!name)
        tr_answer_refuse(a, "missing-argument", "name");
    else if (!tr_name_valid(name, len))
        tr_answer_refuse(a, "unrecognised-parameter-value", "name");
    else if (tr_platform_find(name, len))
        tr_answer_refuse(a, "unauthorised", "it is of the platform itself");
    else {
        memcpy(out, name, len);
        out[len] = 0;
        return true;
    }
    return false;
}

static void write_order(tr_answer_t *a, const order_t *o) {
    tr_write_map(&a->content, 3);
    tr_write_kv_bool(&a->content, "complete", !o->full);
    tr_write_str(&a->content, "quarantined");
    tr_write_array(&a->content, o->n);
    for (size_t i = 0; i < o->n; i++)
        write_one(a, o->added[i], cause_of(o->added[i], o->because));
    tr_write_str(&a->content, "elsewhere");
    tr_write_array(&a->content, o->elsewhere_n);
    for (size_t i = 0; i < o->elsewhere_n; i++)
        tr_write_str(&a->content, o->elsewhere[i]);
}

void tr_handle_quarantine(tr_answer_t *a) {
    char name[TR_NAME_MAX + 1], reason[TR_REASON_TEXT_MAX + 1] = "";
    if (!read_name(a, name))
        return;
    tr_value_copy(tr_value_get(a->request, "reason"), reason, sizeof reason); /* absent or too long: none */
    order_t o = {.core = a->core, .session = a->session, .by = a->sender, .because = name, .reason = reason};
    if (order_begin(&o)) {
        o.full = !add(&o, name);
        add_all(&o);
        stop_all(&o);
        if (o.n)
            tr_mailbox_fail_quarantined(o.core);
        write_order(a, &o);
        tr_answer_when_stored(a);
    } else {
        tr_answer_fail(a, "out of memory");
    }
    order_end(&o);
}

/* ---- because of who is elsewhere ---- */

/* Out of memory, or no room for all: ignoring, since nobody here has asked; those whom there is room for are stopped. */
void tr_quarantine_foreign(tr_core_t *core, tr_neighbour_t *neighbour, const char *name, bool meant) {
    char aid[TR_AID_MAX + 1], by[TR_AID_MAX + 1];
    snprintf(aid, sizeof aid, "%s@%s", name, neighbour->platform);
    snprintf(by, sizeof by, "ams@%s", neighbour->platform);
    neighbour->held_more = true;
    order_t o = {.core = core,
        .session = neighbour->session,
        .by = by,
        .because = aid,
        .reason = "",
        .at_second_hand = !meant};
    if (order_begin(&o) && add_elsewhere(&o, aid)) {
        add_all(&o);
        stop_all(&o);
    }
    order_end(&o);
}

static bool is_over(tr_neighbour_t *n, const tr_cause_t *cause) {
    char name[TR_AID_MAX + 1];
    const char *at = strchr(cause->because, '@');
    if (!at || strcmp(at + 1, n->platform) != 0)
        return false;
    snprintf(name, sizeof name, "%.*s", (int)(at - cause->because), cause->because);
    return !tr_neighbour_holds(n, name);
}

static void mark_anew(tr_core_t *core) {
    for (uint32_t i = 0; i < core->sessions_n; i++)
        for (uint32_t k = 0; core->sessions[i] && k < core->sessions[i]->entries_n; k++)
            core->sessions[i]->entries[k]->quarantined = false;
    tr_quarantine_mark(core);
}

/* True where it was the last one: it is free, and no more. */
static bool lose_cause(tr_core_t *core, const tr_session_t *session, const char *by, tr_quarantined_t *q,
    const tr_cause_t *cause) {
    if (q->causes_n > 1) {
        remove_cause(q, cause);
        write_down(core,
            q); /* where memory is out it is held for that one's sake again by the next broker, ignoring */
        tell_neighbours(core, q);
        return false;
    }
    tell(core, TR_EVENT_RELEASED, session, by, q->name, cause);
    strike_out(core, q);
    drop_one(core, q);
    return true;
}

static bool settle_one(tr_core_t *core, tr_neighbour_t *neighbour, tr_quarantined_t *q) {
    for (size_t i = q->causes_n; i-- > 0;)
        if (is_over(neighbour, &q->causes[i]) &&
            lose_cause(core, neighbour->session, neighbour->platform, q, &q->causes[i]))
            return true;
    return false;
}

void tr_quarantine_stop_sent(tr_core_t *core, tr_neighbour_t *neighbour) {
    if (neighbour->held_more)
        tr_mailbox_fail_quarantined(core);
    neighbour->held_more = false;
}

void tr_quarantine_settle(tr_core_t *core, tr_neighbour_t *neighbour) {
    size_t cursor = 0, n = 0;
    tr_quarantined_t *q;
    while ((q = next(core, &cursor))) {
        if (!settle_one(core, neighbour, q))
            continue;
        n++;
        cursor = 0; /* deleting moves slots */
    }
    if (n)
        mark_anew(core);
}

/* ---- out of it ---- */

/* When that one is let go. */
static bool is_freed(const tr_quarantined_t *q, const char *name) {
    return !strcmp(q->name, name) || (q->causes_n == 1 && cause_of(q, name));
}

static bool stays(const tr_quarantined_t *q, const char *name) {
    return !is_freed(q, name) && cause_of(q, name);
}

static size_t how_many(
    const tr_core_t *core, const char *name, bool (*of)(const tr_quarantined_t *, const char *)) {
    size_t cursor = 0, n = 0;
    const tr_quarantined_t *q;
    while ((q = next(core, &cursor)))
        n += of(q, name);
    return n;
}

static void let_go(tr_answer_t *a, const char *name) {
    size_t cursor = 0;
    tr_quarantined_t *q;
    while ((q = next(a->core, &cursor))) {
        if (!is_freed(q, name))
            continue;
        tr_write_str(&a->content, q->name);
        tell(a->core, TR_EVENT_RELEASED, a->session, a->sender, q->name, &q->causes[0]);
        strike_out(a->core, q);
        drop_one(a->core, q);
        cursor = 0; /* deleting moves slots */
    }
}

/* Those who are held for another one's sake as well. */
static void keep_rest(tr_answer_t *a, const char *name) {
    size_t cursor = 0;
    tr_quarantined_t *q;
    while ((q = next(a->core, &cursor))) {
        if (!stays(q, name))
            continue;
        lose_cause(a->core, a->session, a->sender, q, cause_of(q, name));
        write_one(a, q, &q->causes[0]);
    }
}

/* What waits in services and durable mailboxes for them goes with the next tick. */
void tr_handle_quarantine_release(tr_answer_t *a) {
    char name[TR_NAME_MAX + 1];
    if (!read_name(a, name))
        return;
    size_t n = how_many(a->core, name, is_freed), held = how_many(a->core, name, stays);
    if (!n) {
        tr_answer_refuse(a, "not-registered", "it is not in quarantine");
        return;
    }
    tr_write_map(&a->content, 2);
    tr_write_str(&a->content, "released");
    tr_write_array(&a->content, n);
    let_go(a, name);
    tr_write_str(&a->content, "held");
    tr_write_array(&a->content, held);
    keep_rest(a, name);
    mark_anew(a->core);
    tr_answer_when_stored(a);
}

void tr_handle_quarantine_list(tr_answer_t *a) {
    size_t cursor = 0;
    const tr_quarantined_t *q;
    tr_write_map(&a->content, 1);
    tr_write_str(&a->content, "quarantined");
    tr_write_array(&a->content, a->core->quarantine ? a->core->quarantine->n : 0);
    while ((q = next(a->core, &cursor)))
        write_one(a, q, &q->causes[0]);
}
