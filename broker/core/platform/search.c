#include "broker/core/platform/search.h"

#include <stdio.h>
#include <stdlib.h>

#define WAIT_MS      700 /* and 300 for each step that it may go: who asks waits for longer than who is asked */
#define STEP_MS      300
#define SEARCHES_MAX 4096u /* at once, and ids that are remembered */
#define SEEN_MS      60000
#define ID_MAX       80

struct tr_search {
    tr_search_t *next;
    char id[ID_MAX + 1];
    uint8_t *request; /* to be answered: tr_answer_keep */
    tr_content_writer_t found;
    tr_map_t names; /* of the agents in it */
    size_t count, max;
    const tr_neighbour_t *asked[TR_NEIGHBOURS_MAX]; /* those that have not answered */
    uint32_t asked_n;
    int64_t until_ms;
};

/* ---- ids ---- */

bool tr_search_is_old(tr_core_t *core, const char *id) {
    tr_federation_t *f = core->federation;
    if (!f || !id)
        return false;
    if (core->now.mono_ms - f->seen_ms > SEEN_MS || f->seen.count >= SEARCHES_MAX) {
        tr_map_finish(&f->seen_before); /* two generations: each is remembered for a minute at least */
        f->seen_before = f->seen;
        tr_map_init(&f->seen, tr_core_random(core));
        f->seen_ms = core->now.mono_ms;
    }
    size_t len = strlen(id);
    if (tr_map_find(&f->seen, id, len) || tr_map_find(&f->seen_before, id, len))
        return true;
    tr_map_put(&f->seen, id, len, 1);
    return false;
}

/* ---- results ---- */

static bool is_new(tr_search_t *s, tr_value_t agent) {
    size_t len;
    const char *name = tr_value_str(tr_value_get(agent, "name"), &len);
    return name && !tr_map_find(&s->names, name, len) && tr_map_put(&s->names, name, len, 1) == 0;
}

static void add(tr_search_t *s, tr_value_t agent) {
    if (s->count >= s->max || !is_new(s, agent))
        return;
    tr_write_value(&s->found, agent);
    s->count++;
}

static void write_result(tr_answer_t *answer, void *arg) {
    tr_search_t *s = arg;
    const void *bytes;
    size_t len;
    tr_write_map(&answer->content, 1);
    tr_write_str(&answer->content, "agents");
    tr_write_array(&answer->content, s->count);
    if (tr_content_writer_take(&s->found, &bytes, &len) < 0 ||
        (len && msgpack_sbuffer_write(&answer->content.buffer, bytes, len) < 0))
        answer->content.failed = true;
}

static void search_free(tr_search_t *s) {
    tr_content_writer_finish(&s->found);
    tr_map_finish(&s->names);
    free(s->request);
    free(s);
}

static void end(tr_core_t *core, tr_search_t **place) {
    tr_search_t *s = *place;
    *place = s->next;
    core->federation->searches_n--;
    tr_answer_resume(core, s->request, write_result, s);
    search_free(s);
}

void tr_searches_finish(tr_federation_t *f) {
    while (f->searches) {
        tr_search_t *next = f->searches->next;
        search_free(f->searches);
        f->searches = next;
    }
    tr_map_finish(&f->seen);
    tr_map_finish(&f->seen_before);
}

/* ---- asking ---- */

static void pass_on(tr_content_writer_t *w, const char *key, tr_value_t value) {
    if (!value)
        return;
    tr_write_str(w, key);
    tr_write_value(w, value);
}

static bool write_request(tr_content_writer_t *w, tr_value_t asked, const tr_search_t *s, int64_t depth) {
    tr_value_t template = tr_value_get(asked, "template"), selector = tr_value_get(asked, "selector");
    tr_write_map(w, 4u + (template != NULL) + (selector != NULL));
    tr_write_kv(w, "action", "search");
    tr_write_kv(w, "search-id", s->id);
    tr_write_kv_uint(w, "max-results", s->max);
    tr_write_kv_int(w, "max-depth", depth);
    pass_on(w, "template", template);
    pass_on(w, "selector", selector);
    return !w->failed;
}

/* A message of this broker's df to that one's. */
static bool ask_one(
    tr_core_t *core, const tr_neighbour_t *n, const tr_search_t *s, const void *body, size_t len) {
    char from[TR_AID_MAX + 1], to[TR_AID_MAX + 1];
    const char *receiver = to;
    tr_reason_t why;
    tr_aid_t aid = {.name = "df"};
    snprintf(aid.platform, sizeof aid.platform, "%s", n->platform);
    snprintf(from, sizeof from, "df@%s", core->platform);
    snprintf(to, sizeof to, "df@%s", n->platform);
    tr_entry_t *df = tr_proxy_find(core, &aid, &why);
    tr_acl_t acl = {.sender = from,
        .receivers = {&receiver, 1},
        .ontology = "fipa-agent-management",
        .protocol = "fipa-request",
        .reply_with = s->id};
    uint8_t envelope[3 * TR_AID_MAX + ID_MAX + 64];
    size_t envelope_len = tr_acl_envelope_size(&acl);
    uint8_t *bytes = df && envelope_len <= sizeof envelope ? malloc(envelope_len + len) : NULL;
    if (!bytes)
        return false;
    tr_acl_envelope_write(&acl, bytes);
    memcpy(bytes + envelope_len, body, len);
    tr_record_header_t h = {.length = (uint32_t)(TR_RECORD_HEADER + envelope_len + len),
        .kind = TR_KIND_MESSAGE,
        .performative = TR_REQUEST,
        .hops = TR_HOPS_DEFAULT,
        .flags = TR_FLAG_NO_NACK,
        .src = tr_route(TR_ROUTE_PLATFORM, TR_PLATFORM_DF, 1, 0),
        .envelope_len = (uint16_t)envelope_len};
    tr_record_t r = {.h = h, .envelope = bytes};
    why = tr_mailbox_push(core, df, &r, &h, NULL);
    free(bytes);
    return why == TR_REASON_NONE;
}

static void ask_all(tr_core_t *core, tr_search_t *s, tr_value_t asked, int64_t depth) {
    tr_federation_t *f = core->federation;
    tr_content_writer_t w;
    const void *body;
    size_t len;
    tr_content_writer_init(&w);
    bool good = write_request(&w, asked, s, depth) && tr_content_writer_take(&w, &body, &len) == 0;
    for (uint32_t i = 0; good && i < f->neighbours_n; i++)
        if (f->neighbours[i]->session && ask_one(core, f->neighbours[i], s, body, len))
            s->asked[s->asked_n++] = f->neighbours[i];
    tr_content_writer_finish(&w);
}

static tr_search_t *search_new(tr_answer_t *a, const tr_search_found_t *here, const char *id, int64_t depth) {
    tr_core_t *core = a->core;
    tr_search_t *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    if (id)
        snprintf(s->id, sizeof s->id, "%s", id);
    else
        snprintf(s->id, sizeof s->id, "%.30s-%016llx-%llu", core->platform,
            (unsigned long long)core->federation->instance, (unsigned long long)++core->federation->searched);
    s->max = here->max;
    s->until_ms = core->now.mono_ms + WAIT_MS + STEP_MS * depth;
    tr_content_writer_init(&s->found);
    tr_map_init(&s->names, tr_core_random(core));
    s->count = here->count; /* agents of here are in no other one's answer */
    if (here->len && msgpack_sbuffer_write(&s->found.buffer, here->values, here->len) < 0)
        s->found.failed = true;
    return s;
}

bool tr_search_begin(tr_answer_t *a, const tr_search_found_t *here, const char *id, int64_t depth) {
    tr_federation_t *f = a->core->federation;
    if (!f || f->searches_n >= SEARCHES_MAX || here->count >= here->max)
        return false;
    tr_search_t *s = search_new(a, here, id, depth);
    if (!s)
        return false;
    if (!id)
        tr_search_is_old(a->core, s->id); /* when it comes back to us it is */
    ask_all(a->core, s, a->request, depth - 1);
    if (!s->asked_n || !(s->request = tr_answer_keep(a))) {
        search_free(s);
        return false;
    }
    s->next = f->searches;
    f->searches = s;
    f->searches_n++;
    return true;
}

/* ---- answers ---- */

static bool forget_asked(tr_search_t *s, const tr_neighbour_t *n) {
    for (uint32_t i = 0; i < s->asked_n; i++) {
        if (s->asked[i] != n)
            continue;
        s->asked[i] = s->asked[--s->asked_n];
        return true;
    }
    return false;
}

static void take_agents(tr_search_t *s, const tr_record_t *record) {
    tr_content_t c;
    if (record->h.performative != TR_INFORM || tr_content_init(&c, record->content, record->content_len) < 0)
        return; /* it refused, or failed: then without it */
    tr_value_t agents = tr_value_get(&c.root, "agents");
    for (size_t i = 0; i < tr_value_size(agents); i++)
        add(s, tr_value_at(agents, i));
    tr_content_finish(&c);
}

void tr_search_answered(tr_core_t *core, tr_session_t *from, const tr_record_t *record) {
    tr_acl_t acl;
    tr_arena_reset(&core->arena);
    if (!core->federation || tr_acl_read(&acl, record, &core->arena) < 0 || !acl.in_reply_to)
        return;
    for (tr_search_t **p = &core->federation->searches; *p; p = &(*p)->next) {
        tr_search_t *s = *p;
        if (strcmp(s->id, acl.in_reply_to) != 0 || !forget_asked(s, from->neighbour))
            continue;
        take_agents(s, record);
        if (!s->asked_n || s->count >= s->max)
            end(core, p);
        return;
    }
}

void tr_searches_lost(tr_core_t *core, const tr_neighbour_t *n) {
    for (tr_search_t **p = &core->federation->searches; *p;) {
        if (forget_asked(*p, n) && !(*p)->asked_n)
            end(core, p);
        else
            p = &(*p)->next;
    }
}

void tr_searches_tick(tr_core_t *core) {
    for (tr_search_t **p = &core->federation->searches; *p;) {
        if (core->now.mono_ms >= (*p)->until_ms)
            end(core, p);
        else
            p = &(*p)->next;
    }
}
