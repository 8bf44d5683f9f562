#include "broker/core/platform/df_watch.h"

#include "broker/core/guard.h"
#include "broker/core/platform/df.h"

#include <stdlib.h>

#define STEPS      100000  /* comparisons for one description: what costs more has not matched */
#define STEPS_ALL  2000000 /* of all subscriptions, in one flush */
#define STEPS_TICK 4000000 /* and to tell those that are behind, in one tick; the last one may go over it */

typedef struct tr_df_watch {
    struct tr_df_watch *next;
    const tr_entry_t *entry;
    uint32_t agent;
    uint64_t born;    /* of the changes that were counted then */
    uint8_t *request; /* tr_answer_keep: its envelope says how to answer, and `query` points into it */
    size_t size;      /* of that */
    char *conversation;
    tr_content_t content;
    tr_df_query_t query;
    bool fresh;  /* to be told what there is at the next flush */
    bool behind; /* ... or at a tick, when it can be */
} tr_df_watch_t;

typedef struct tr_df_change {
    struct tr_df_change *next;
    uint64_t number;
    uint8_t *before, *after; /* descriptions; NULL = there was none */
    size_t before_len, after_len;
} tr_df_change_t;

struct tr_df_watches {
    tr_df_watch_t *first;
    uint32_t n;
    size_t bytes; /* of their requests */
    size_t steps; /* that are left in this flush or tick */
    tr_df_change_t *changes, **changes_end;
    uint32_t changes_n;
    uint64_t counted;
};

/* ---- changes ---- */

static void change_free(tr_df_change_t *c) {
    free(c->before);
    free(c->after);
    free(c);
}

static void drop_changes(struct tr_df_watches *all) {
    while (all->changes) {
        tr_df_change_t *next = all->changes->next;
        change_free(all->changes);
        all->changes = next;
    }
    all->changes_end = &all->changes;
    all->changes_n = 0;
}

static bool copy(const tr_df_entry_t *entry, uint8_t **ret_bytes, size_t *ret_len) {
    if (!entry)
        return true;
    *ret_len = entry->description_len;
    *ret_bytes = malloc(entry->description_len);
    if (*ret_bytes)
        memcpy(*ret_bytes, entry->description, entry->description_len);
    return *ret_bytes != NULL;
}

static void all_fall_behind(struct tr_df_watches *all) {
    for (tr_df_watch_t *w = all->first; w; w = w->next)
        w->behind = true;
    drop_changes(all);
}

void tr_df_changed(tr_core_t *core, const tr_df_entry_t *before, const tr_df_entry_t *after) {
    struct tr_df_watches *all = core->df_watches;
    if (!all || !all->n)
        return;
    tr_df_change_t *c = all->changes_n < TR_DF_CHANGES_MAX ? calloc(1, sizeof *c) : NULL;
    if (!c || !copy(before, &c->before, &c->before_len) || !copy(after, &c->after, &c->after_len)) {
        if (c)
            change_free(c);
        all_fall_behind(all);
        return;
    }
    c->number = all->counted++;
    *all->changes_end = c;
    all->changes_end = &c->next;
    all->changes_n++;
}

/* ---- telling ---- */

/* One entry, under what has become of it. */
typedef struct news {
    const char *event;
    tr_value_t description;
} news_t;

static void write_news(tr_answer_t *a, void *arg) {
    const news_t *news = arg;
    tr_write_map(&a->content, 2);
    tr_write_kv(&a->content, "event", news->event);
    tr_write_str(&a->content, "agents");
    tr_write_array(&a->content, 1);
    tr_write_value(&a->content, news->description);
}

static void write_current(tr_answer_t *a, void *arg) {
    tr_df_watch_t *w = arg;
    tr_write_map(&a->content, 3);
    tr_write_kv(&a->content, "event", "current");
    size_t *left = &a->core->df_watches->steps, used = tr_df_write_matches(a, &w->query);
    *left -= used < *left ? used : *left;
}

static bool can_be_told(const tr_core_t *core, const tr_df_watch_t *w) {
    return tr_life_of(w->entry, w->agent)->state == TR_AGENT_ACTIVE &&
           tr_mailbox_has_room(core, w->entry, w->agent, TR_RECORD_HEADER);
}

static void tell_all(tr_core_t *core, tr_df_watch_t *w) {
    w->fresh = false;
    w->behind = !can_be_told(core, w) || !tr_answer_resume(core, w->request, write_current, w);
}

static bool matches(const tr_df_watch_t *w, const uint8_t *bytes, tr_value_t description, size_t *left) {
    size_t steps = STEPS;
    bool its = bytes && tr_df_matches(&w->query, description, &steps);
    *left -= STEPS - steps < *left ? STEPS - steps : *left;
    return its;
}

static void tell_one(
    tr_core_t *core, tr_df_watch_t *w, const tr_df_change_t *c, tr_value_t before, tr_value_t after) {
    size_t *left = &core->df_watches->steps;
    bool was = matches(w, c->before, before, left), is = matches(w, c->after, after, left);
    news_t news = {.event = was && is ? "modified"
                            : is      ? "registered"
                                      : "deregistered",
        .description = is ? after : before};
    if (was || is)
        w->behind = !can_be_told(core, w) || !tr_answer_resume(core, w->request, write_news, &news);
}

static bool open_one(tr_content_t *c, const uint8_t *bytes, size_t len) {
    return !bytes || tr_content_init(c, bytes, len) == 0;
}

/* False when out of memory. */
static bool tell_change(tr_core_t *core, struct tr_df_watches *all, const tr_df_change_t *c) {
    tr_content_t before = {0}, after = {0};
    bool good = open_one(&before, c->before, c->before_len) && open_one(&after, c->after, c->after_len);
    for (tr_df_watch_t *w = all->first; good && w; w = w->next)
        if (c->number < w->born || w->fresh || w->behind)
            continue;
        else if (all->steps)
            tell_one(core, w, c, &before.root, &after.root);
        else
            w->behind = true;
    tr_content_finish(&before);
    tr_content_finish(&after);
    return good;
}

void tr_df_watch_flush(tr_core_t *core) {
    struct tr_df_watches *all = core->df_watches;
    if (!all)
        return;
    all->steps = STEPS_ALL;
    for (const tr_df_change_t *c = all->changes; c; c = c->next) {
        if (tell_change(core, all, c))
            continue;
        all_fall_behind(all);
        break;
    }
    drop_changes(all);
    for (tr_df_watch_t *w = all->first; w; w = w->next)
        if (w->fresh)
            tell_all(core, w);
}

/* Those up to and with this one go behind the others, so that each has its turn. */
static void rotate(struct tr_df_watches *all, tr_df_watch_t *up_to) {
    tr_df_watch_t *last = up_to;
    while (last->next)
        last = last->next;
    last->next = all->first;
    all->first = up_to->next;
    up_to->next = NULL;
}

void tr_df_watch_tick(tr_core_t *core) {
    struct tr_df_watches *all = core->df_watches;
    tr_df_watch_flush(core); /* or what is behind would be told twice */
    if (!all)
        return;
    all->steps = STEPS_TICK;
    for (tr_df_watch_t *w = all->first; w; w = w->next) {
        if (w->behind)
            tell_all(core, w);
        if (all->steps)
            continue;
        rotate(all, w);
        break;
    }
}

/* ---- subscriptions ---- */

static void watch_free(tr_df_watch_t *w) {
    tr_content_finish(&w->content);
    free(w->conversation);
    free(w->request);
    free(w);
}

/* Of one that is in the list no more. */
static void watch_end(struct tr_df_watches *all, tr_df_watch_t *w) {
    all->n--;
    all->bytes -= w->size;
    watch_free(w);
}

static bool is_of(const tr_df_watch_t *w, const tr_answer_t *a) {
    return w->entry == a->requester && w->agent == a->agent;
}

/* Where that of the requester with this conversation-id is; at the end where there is none. */
static tr_df_watch_t **find(tr_answer_t *a, const char *conversation, uint32_t *ret_own) {
    tr_df_watch_t **p = &a->core->df_watches->first;
    *ret_own = 0;
    for (; *p; p = &(*p)->next) {
        *ret_own += is_of(*p, a);
        if (is_of(*p, a) && !strcmp((*p)->conversation, conversation))
            break;
    }
    return p;
}

static bool make_room(tr_core_t *core) {
    if (core->df_watches || !(core->df_watches = calloc(1, sizeof *core->df_watches)))
        return core->df_watches != NULL;
    core->df_watches->changes_end = &core->df_watches->changes;
    return true;
}

/* NULL when out of memory. The query was read before, and can be read. */
static tr_df_watch_t *watch_new(tr_answer_t *a, const char *conversation) {
    tr_df_watch_t *w = calloc(1, sizeof *w);
    const char *problem;
    if (!w)
        return NULL;
    w->entry = a->requester;
    w->agent = a->agent;
    w->born = a->core->df_watches->counted;
    w->fresh = true;
    w->conversation = strdup(conversation);
    w->request = tr_answer_keep(a);
    w->size = a->record->h.length;
    a->later = false; /* the agree is the answer */
    const tr_record_t *r = a->record;
    if (w->conversation && w->request &&
        tr_content_init(&w->content, w->request + TR_RECORD_HEADER + r->h.envelope_len, r->content_len) ==
            0 &&
        tr_df_query_read(&w->content.root, &w->query, &problem))
        return w;
    watch_free(w);
    return NULL;
}

/* NULL: there is. */
static const char *no_room(const tr_answer_t *a, uint32_t own) {
    const struct tr_df_watches *all = a->core->df_watches;
    if (own >= TR_DF_WATCHES_OF)
        return "64 subscriptions of this agent are open, which is the limit: cancel one";
    if (all->n >= TR_DF_WATCHES_MAX)
        return "4096 subscriptions are open at this DF, which is the limit: search from time to time instead";
    if (all->bytes + a->record->h.length > TR_DF_WATCH_BYTES)
        return "the subscriptions of this DF have 2 MiB, which is the limit: use smaller templates, or "
               "search instead";
    return NULL;
}

static const char *const arguments = "template selector";

void tr_df_subscribe(tr_answer_t *a, const tr_acl_t *acl) {
    tr_df_query_t query;
    uint32_t own;
    if (!tr_value_equals(tr_value_get(a->request, "action"), "search"))
        tr_answer_refuse(a, "unsupported-function", "only a search can be subscribed to");
    else if (tr_answer_refuses_arguments(a, arguments) || !tr_df_answer_query(a, &query))
        return;
    else if (!acl->conversation_id)
        tr_answer_refuse(a, "missing-argument", "conversation_id: a subscription is known by it");
    else if (!make_room(a->core))
        tr_answer_fail(a, "out of memory");
    else if (*find(a, acl->conversation_id, &own))
        tr_answer_refuse(a, "already-registered", "a subscription with this conversation_id");
    else if (no_room(a, own))
        tr_answer_refuse(a, "unauthorised", no_room(a, own));
    else {
        tr_df_watch_t *w = watch_new(a, acl->conversation_id);
        if (!w) {
            tr_answer_fail(a, "out of memory");
            return;
        }
        w->next = a->core->df_watches->first;
        a->core->df_watches->first = w;
        a->core->df_watches->n++;
        a->core->df_watches->bytes += w->size;
        a->act = TR_AGREE;
        tr_answer_done(a);
    }
}

void tr_df_cancel(tr_answer_t *a, const tr_acl_t *acl) {
    uint32_t own;
    tr_df_watch_t **place =
        a->core->df_watches && acl->conversation_id ? find(a, acl->conversation_id, &own) : NULL;
    if (!place || !*place) {
        tr_answer_refuse(a, "not-registered", "no subscription has this conversation_id");
        a->act = TR_FAILURE; /* as the cancel meta-protocol has it */
        return;
    }
    tr_df_watch_t *w = *place;
    *place = w->next;
    watch_end(a->core->df_watches, w);
    tr_answer_done(a);
}

void tr_df_watch_carry(tr_core_t *core, const tr_entry_t *entry) {
    for (tr_df_watch_t *w = core->df_watches ? core->df_watches->first : NULL; w; w = w->next) {
        if (w->entry != entry)
            continue;
        w->agent = entry->first;
        tr_put64(w->request + TR_RECORD_SRC, tr_session_route(entry->session, entry->first));
    }
}

void tr_df_watch_forget(tr_core_t *core, const tr_entry_t *entry) {
    for (tr_df_watch_t **p = core->df_watches ? &core->df_watches->first : NULL; p && *p;) {
        tr_df_watch_t *w = *p;
        if (w->entry != entry) {
            p = &w->next;
            continue;
        }
        *p = w->next;
        watch_end(core->df_watches, w);
    }
}

void tr_df_watch_finish(tr_core_t *core) {
    struct tr_df_watches *all = core->df_watches;
    if (!all)
        return;
    drop_changes(all);
    while (all->first) {
        tr_df_watch_t *next = all->first->next;
        watch_free(all->first);
        all->first = next;
    }
    free(all);
    core->df_watches = NULL;
}
