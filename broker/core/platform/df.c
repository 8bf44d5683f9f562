/*
 * The DF: agents describe what they offer, others search by template (SC00023 6.2.3 matching: what the
 * template says must be there). A description that names services makes its agent a provider of `svc:NAME`.
 * Entries end with their agent, their lease, or on request.
 *
 *   {"action": "register", "services": [{"name": N, "type": T, "capacity": C, ...}], "protocols": [...],
 *    "ontologies": [...], "languages": [...], "lease-ms": MS, ...}
 */
#include "broker/core/platform/df.h"

#include "broker/core/guard.h"
#include "broker/core/platform/df_watch.h"
#include "broker/core/platform/search.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CAPACITY_DEFAULT 16
#define CAPACITY_MAX     65536
#define DESCRIPTION_MAX  65536
#define RESULTS_MAX      1000
#define SERVICES_MAX     256                         /* of one agent */
#define LEASE_MAX_MS     (3650ll * 24 * 3600 * 1000) /* ten years: beyond it, arithmetic */
#define SEARCH_ID_MAX    80
#define ANSWER_PART      4u /* of max_record: what a subscriber is told at once */
#define DESCRIBED        "action services protocols ontologies languages labels card lease-ms"
#define STEPS_MAX        1000000 /* comparisons of one search: a template must not cost seconds */

static uint32_t find(const tr_core_t *core, const tr_entry_t *entry, uint32_t agent) {
    for (uint32_t i = 0; i < core->df_n; i++)
        if (core->df[i].entry == entry && core->df[i].agent == agent)
            return i;
    return UINT32_MAX;
}

static size_t service_name(tr_value_t service, const char **ret_name) {
    size_t len = 0;
    tr_value_t name = tr_value_is_map(service) ? tr_value_get(service, "name") : service;
    *ret_name = tr_value_str(name, &len);
    return *ret_name ? len : 0;
}

/* Each service has a valid name; otherwise false, and refused by SC00023's word for it. */
static bool check_services(tr_answer_t *a, tr_value_t services) {
    bool fits = !services || (tr_value_is_array(services) && tr_value_size(services) <= SERVICES_MAX);
    for (size_t i = 0; i < tr_value_size(services) && fits; i++) {
        tr_value_t service = tr_value_at(services, i);
        const char *name;
        size_t len = service_name(service, &name);
        if (tr_value_is_map(service) && !tr_value_get(service, "name")) {
            tr_answer_refuse(a, "missing-parameter", "service-description name");
            return false;
        }
        fits = len && tr_name_valid(name, len);
    }
    if (!fits)
        tr_answer_refuse(
            a, "unrecognised-parameter-value", "services: a list of at most 256 {name: NAME, ...}");
    return fits;
}

static uint32_t capacity_of(tr_value_t service) {
    int64_t n = tr_value_int(tr_value_get(service, "capacity"), CAPACITY_DEFAULT);
    return n < 1 ? 1 : n > CAPACITY_MAX ? CAPACITY_MAX : (uint32_t)n;
}

/* 0; -ENOSPC: no room for another service; -ENOMEM. */
static int provide(tr_core_t *core, tr_value_t services, tr_entry_t *entry, uint32_t agent) {
    for (size_t i = 0; i < tr_value_size(services); i++) {
        const char *name;
        size_t len = service_name(tr_value_at(services, i), &name);
        tr_service_t *s = tr_service_get(core, name, len, true);
        if (!s)
            return core->services_n >= core->config.services_max ? -ENOSPC : -ENOMEM;
        if (tr_service_provide(core, s, entry, agent, capacity_of(tr_value_at(services, i))) < 0)
            return -ENOMEM;
        bool durable = tr_value_bool(tr_value_get(tr_value_at(services, i), "durable"), false);
        if (!tr_queue_policy(core, s, durable || (s->durable_policy && s->providers_n > 1), entry->session))
            return -ENOMEM;
    }
    return 0;
}

static void refuse_services(tr_answer_t *a, int rc) {
    if (rc == -ENOSPC)
        tr_answer_refuse(a, "unrecognised-parameter-value", "no room for another service");
    else
        tr_answer_fail(a, tr_durable_words(a->core, "out of memory"));
}

static bool lists(tr_value_t services, const char *name, size_t len) {
    for (size_t i = 0; i < tr_value_size(services); i++) {
        const char *other;
        if (service_name(tr_value_at(services, i), &other) == len && !memcmp(other, name, len))
            return true;
    }
    return false;
}

/* Ends the agent's part in the services of one list that are not in the other. */
static void withdraw(
    tr_core_t *core, tr_value_t services, tr_value_t but_not, const tr_entry_t *entry, uint32_t agent) {
    for (size_t i = 0; i < tr_value_size(services); i++) {
        const char *name;
        size_t len = service_name(tr_value_at(services, i), &name);
        tr_service_t *s = len && !lists(but_not, name, len) ? tr_service_get(core, name, len, false) : NULL;
        if (s)
            tr_service_withdraw(core, s, entry, agent);
    }
}

static void withdraw_entry(tr_core_t *core, const tr_df_entry_t *d, tr_value_t but_not) {
    tr_content_t c;
    if (tr_content_init(&c, d->description, d->description_len) < 0)
        return; /* out of memory: the services end with the agent */
    withdraw(core, tr_value_get(&c.root, "services"), but_not, d->entry, d->agent);
    tr_content_finish(&c);
}

static void df_entry_free(tr_df_entry_t *d) {
    free(d->aid);
    free(d->description);
}

static void remove_at(tr_core_t *core, uint32_t at) {
    tr_df_entry_t d = core->df[at];
    core->df[at] = core->df[--core->df_n];
    tr_df_changed(core, &d, NULL);
    tr_sys_df(core, "deregistered", &d);
    withdraw_entry(core, &d, NULL);
    df_entry_free(&d);
}

/* The request's map with "name" set to the requester's AID, when its lease ends, and without what concerns the request only. 0, -E2BIG, -ENOMEM. */
static int describe(const tr_answer_t *a, const char *aid, tr_df_entry_t *ret) {
    static const char *const not_kept[] = {"action", "name", "lease-ms", "lease-until-ms"};
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    size_t kept = 0, n = tr_value_size(a->request);
    for (int pass = 0; pass < 2; pass++) {
        if (pass) {
            tr_write_map(&w, kept + 1 + (ret->lease_until_ms > 0));
            tr_write_kv(&w, "name", aid);
            if (ret->lease_until_ms)
                tr_write_kv_int(&w, "lease-until-ms", ret->lease_until_ms);
        }
        for (size_t i = 0; i < n; i++) {
            const msgpack_object_kv *kv = &a->request->via.map.ptr[i];
            bool skip = false;
            for (size_t j = 0; j < sizeof not_kept / sizeof *not_kept; j++)
                skip |= tr_value_equals(&kv->key, not_kept[j]);
            if (skip)
                continue;
            kept += !pass;
            if (pass) {
                tr_write_value(&w, &kv->key);
                tr_write_value(&w, &kv->val);
            }
        }
    }
    const void *bytes;
    size_t len;
    int rc = tr_content_writer_take(&w, &bytes, &len);
    if (rc == 0 && len > DESCRIPTION_MAX)
        rc = -E2BIG;
    if (rc == 0 && !(ret->description = malloc(len)))
        rc = -ENOMEM;
    if (rc == 0) {
        memcpy(ret->description, bytes, len);
        ret->description_len = len;
    }
    tr_content_writer_finish(&w);
    return rc;
}

static bool add(tr_core_t *core, const tr_df_entry_t *d) {
    if (!(core->df_n & (core->df_n - 1))) { /* the array doubles at powers of two */
        tr_df_entry_t *grown = realloc(core->df, (core->df_n ? core->df_n * 2u : 1u) * sizeof *grown);
        if (!grown)
            return false;
        core->df = grown;
    }
    core->df[core->df_n++] = *d;
    return true;
}

/* Each of them may be offered, by the certificate of the requester. */
static bool may_offer(const tr_answer_t *a, tr_value_t services) {
    for (size_t i = 0; i < tr_value_size(services); i++) {
        const char *name;
        size_t len = service_name(tr_value_at(services, i), &name);
        if (!tr_guard_offer(a->core, a->session, name, len))
            return false;
    }
    return true;
}

/* The new entry of the requester; false when it was refused. */
static bool make(tr_answer_t *a, tr_df_entry_t *ret) {
    char name[TR_AID_MAX + 1], aid[TR_AID_MAX + 1];
    tr_entry_agent_name(a->requester, a->agent, name);
    snprintf(aid, sizeof aid, "%.*s@%s", TR_NAME_MAX, name, a->core->platform);
    const char *problem = tr_df_description_problem(a->request);
    const char *unexpected = tr_df_unexpected_parameter(a->request);
    int rc = 0;
    int64_t lease_ms = tr_value_int(tr_value_get(a->request, "lease-ms"), 0);
    if (lease_ms > LEASE_MAX_MS)
        lease_ms = LEASE_MAX_MS;
    tr_df_entry_t d = {.entry = a->requester,
        .agent = a->agent,
        .aid = strdup(aid),
        .lease_until_ms = lease_ms > 0 ? a->core->now.wall_ms + lease_ms : 0};
    if (tr_answer_refuses_twice(a, DESCRIBED) || !check_services(a, tr_value_get(a->request, "services"))) {
        /* it says so */
    } else if (unexpected) {
        tr_answer_refuse(a, "unexpected-parameter", unexpected);
    } else if (problem) {
        tr_answer_refuse(a, "unrecognised-parameter-value", problem);
    } else if (!may_offer(a, tr_value_get(a->request, "services"))) {
        tr_answer_refuse(a, "unauthorised", tr_guard_words(a->core, "", NULL));
    } else if ((rc = d.aid ? describe(a, aid, &d) : -ENOMEM) == -E2BIG) {
        tr_answer_refuse(a, "unrecognised-parameter-value", "the description is too large (64 KiB at most)");
    } else if (rc < 0) {
        tr_answer_fail(a, "out of memory");
    } else {
        *ret = d;
        return true;
    }
    df_entry_free(&d);
    return false;
}

static void handle_register(tr_answer_t *a) {
    tr_value_t services = tr_value_get(a->request, "services");
    tr_df_entry_t d;
    if (find(a->core, a->requester, a->agent) != UINT32_MAX) {
        tr_answer_refuse(a, "already-registered", "use modify");
        return;
    }
    if (!make(a, &d))
        return;
    int rc = provide(a->core, services, a->requester, a->agent);
    if (rc == 0 && !add(a->core, &d))
        rc = -ENOMEM;
    if (rc < 0) {
        withdraw(a->core, services, NULL, a->requester, a->agent);
        df_entry_free(&d);
        refuse_services(a, rc);
        return;
    }
    tr_df_changed(a->core, NULL, &d);
    tr_sys_df(a->core, "registered", &d);
    tr_answer_done(a);
}

/* A service that is in both descriptions goes on without a break: its requests stay where they are. */
static void handle_modify(tr_answer_t *a) {
    tr_value_t services = tr_value_get(a->request, "services");
    uint32_t at = find(a->core, a->requester, a->agent);
    tr_df_entry_t d, old;
    if (at == UINT32_MAX) {
        tr_answer_refuse(a, "not-registered", "register first");
        return;
    }
    if (!make(a, &d))
        return;
    old = a->core->df[at];
    int rc = provide(a->core, services, a->requester, a->agent);
    if (rc < 0) {
        tr_content_t c;
        bool ok = tr_content_init(&c, old.description, old.description_len) == 0;
        withdraw(a->core, services, ok ? tr_value_get(&c.root, "services") : NULL, a->requester, a->agent);
        if (ok)
            tr_content_finish(&c);
        df_entry_free(&d);
        refuse_services(a, rc);
        return;
    }
    a->core->df[at] = d;
    withdraw_entry(a->core, &old, services);
    tr_df_changed(a->core, &old, &d);
    df_entry_free(&old);
    tr_sys_df(a->core, "modified", &d);
    tr_answer_done(a);
}

static void handle_deregister(tr_answer_t *a) {
    uint32_t at = find(a->core, a->requester, a->agent);
    if (at == UINT32_MAX) {
        tr_answer_refuse(a, "not-registered", "it has no entry");
        return;
    }
    remove_at(a->core, at);
    tr_answer_done(a);
}

/* Writes what matches behind the first `offset`, and returns how many; the steps are 0 when it was too much work. */
static size_t find_matches(const tr_core_t *core, const tr_df_query_t *query, size_t offset, size_t max,
    tr_content_writer_t *found, size_t *steps) {
    size_t n = 0, seen = 0;
    for (uint32_t i = 0; i < core->df_n && n < max && *steps; i++) {
        tr_content_t c;
        if (tr_content_init(&c, core->df[i].description, core->df[i].description_len) < 0)
            continue;
        if (tr_df_matches(query, &c.root, steps) && seen++ >= offset) {
            tr_write_value(found, &c.root);
            n++;
        }
        tr_content_finish(&c);
    }
    return n;
}

bool tr_df_answer_query(tr_answer_t *a, tr_df_query_t *ret_query) {
    const char *problem;
    char detail[160];
    if (tr_df_query_read(a->request, ret_query, &problem))
        return true;
    snprintf(detail, sizeof detail, "selector: %s", problem);
    tr_answer_refuse(a, "unrecognised-parameter-value", detail);
    return false;
}

/* One entry more than fits is looked for, to say whether these are all. */
static size_t count_that_fit(
    const tr_core_t *core, const tr_df_query_t *query, size_t *steps, bool *ret_complete) {
    size_t n = 0, bytes = 0;
    *ret_complete = true;
    for (uint32_t i = 0; i < core->df_n && *ret_complete && *steps; i++) {
        tr_content_t c;
        const tr_df_entry_t *d = &core->df[i];
        if (tr_content_init(&c, d->description, d->description_len) < 0)
            continue;
        bool its = tr_df_matches(query, &c.root, steps);
        *ret_complete =
            !its || (n < RESULTS_MAX && bytes + d->description_len < core->config.max_record / ANSWER_PART);
        n += its && *ret_complete;
        bytes += its ? d->description_len : 0;
        tr_content_finish(&c);
    }
    *ret_complete = *ret_complete && *steps > 0; /* else not all were looked at */
    return n;
}

size_t tr_df_write_matches(tr_answer_t *a, const tr_df_query_t *query) {
    bool complete;
    size_t steps = STEPS_MAX, again = STEPS_MAX, n = count_that_fit(a->core, query, &steps, &complete);
    tr_write_kv_bool(&a->content, "complete", complete);
    tr_write_str(&a->content, "agents");
    tr_write_array(&a->content, n);
    find_matches(a->core, query, 0, n, &a->content, &again);
    return STEPS_MAX - steps + STEPS_MAX - again + a->core->df_n;
}

/* How far it may go: 0 is no further than here; negative, as far as it can. */
static int64_t depth_of(const tr_answer_t *a) {
    int64_t depth = tr_value_int(tr_value_get(a->request, "max-depth"), 0);
    return depth < 0 || depth > TR_SEARCH_DEPTH_MAX ? TR_SEARCH_DEPTH_MAX : depth;
}

/* What was found here is the answer, or the beginning of one. */
static void answer_search(tr_answer_t *a, const tr_search_found_t *here) {
    char id[SEARCH_ID_MAX + 1];
    bool named = tr_value_copy(tr_value_get(a->request, "search-id"), id, sizeof id) == 0;
    if (depth_of(a) > 0 && tr_search_begin(a, here, named ? id : NULL, depth_of(a)))
        return;
    tr_write_map(&a->content, 1);
    tr_write_str(&a->content, "agents");
    tr_write_array(&a->content, here->count);
    if (here->len && msgpack_sbuffer_write(&a->content.buffer, here->values, here->len) < 0)
        a->content.failed = true;
}

static bool came_by(const tr_answer_t *a) {
    char id[SEARCH_ID_MAX + 1];
    return tr_value_copy(tr_value_get(a->request, "search-id"), id, sizeof id) == 0 &&
           tr_search_is_old(a->core, id);
}

static void handle_search(tr_answer_t *a) {
    int64_t asked = tr_value_int(tr_value_get(a->request, "max-results"), RESULTS_MAX);
    size_t steps = STEPS_MAX, offset = tr_answer_bounded(a, "offset", 0, SIZE_MAX / 2);
    tr_search_found_t here = {.max = asked < 0 ? 0 : asked > RESULTS_MAX ? RESULTS_MAX : (size_t)asked};
    tr_content_writer_t found;
    tr_df_query_t query;
    if (!tr_df_answer_query(a, &query))
        return;
    tr_content_writer_init(&found);
    if (!came_by(a))
        here.count = find_matches(a->core, &query, offset, here.max, &found, &steps);
    else
        here.max = 0; /* nothing more is to be found for it here, nor beyond */
    if (!steps)
        tr_answer_refuse(a, "unrecognised-parameter-value", "the template needs too many comparisons");
    else if (tr_content_writer_take(&found, &here.values, &here.len) < 0)
        tr_answer_fail(a, "out of memory");
    else
        answer_search(a, &here);
    tr_content_writer_finish(&found);
}

void tr_df_carry(tr_core_t *core, const tr_entry_t *entry) {
    for (uint32_t i = 0; i < core->df_n; i++)
        if (core->df[i].entry == entry)
            core->df[i].agent = entry->first;
}

void tr_df_remove_entry(tr_core_t *core, const tr_entry_t *entry) {
    for (uint32_t i = core->df_n; i-- > 0;)
        if (core->df[i].entry == entry)
            remove_at(core, i);
}

void tr_df_tick(tr_core_t *core) {
    for (uint32_t i = core->df_n; i-- > 0;)
        if (core->df[i].lease_until_ms && core->df[i].lease_until_ms < core->now.wall_ms)
            remove_at(core, i);
}

const tr_action_t tr_df_actions[] = {
    {"register", NULL, handle_register},
    {"modify", NULL, handle_modify},
    {"deregister", "", handle_deregister},
    {"search", "template selector max-results offset max-depth search-id", handle_search, .abroad = true},
    {NULL, NULL, NULL},
};
