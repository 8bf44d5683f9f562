/*
 * An agent comes from another process: its name is claimed by the move's number, and its behaviour begins with the state that was packed
 * there (leave.c). Nothing comes for it until the AMS has heard that it has begun; what it did before that others can see, it has said
 * in init, as it would have after any start.
 */
#include "lib/agent/taken.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct tr_parcel {
    uint64_t move;     /* 0: it was taken before, and its name is free */
    tr_value_t packed; /* the map that leave.c has written */
    tr_value_t saved;  /* of it, bytes; NULL: they are in this host's store */
} tr_parcel_t;

uint64_t tr_parcel_move(const tr_parcel_t *parcel) {
    return parcel->move;
}

static bool is_bin(tr_value_t v) {
    return v && v->type == MSGPACK_OBJECT_BIN;
}

int tr_parcel_args(tr_hosted_t *hosted, const tr_parcel_t *parcel) {
    tr_value_t args = tr_value_get(parcel->packed, "args");
    return is_bin(args) ? tr_hosted_set_args(hosted, args->via.bin.ptr, args->via.bin.size) : 0;
}

static int subscribe(tr_agent_t *agent, tr_value_t patterns) {
    char pattern[TR_TOPIC_MAX + 1];
    int r = 0;
    for (size_t i = 0; r == 0 && i < tr_value_size(patterns); i++) {
        r = tr_value_copy(tr_value_at(patterns, i), pattern, sizeof pattern) < 0 ? -EBADMSG : 0;
        if (r == 0)
            r = tr_link_subscribe(
                agent->hosted->host->link, agent->hosted->registration, agent->index, pattern);
    }
    return r;
}

static bool provides(const tr_agent_t *agent, const char *service) {
    for (size_t i = 0; agent->more && i < agent->more->services_n; i++)
        if (!strcmp(agent->more->services[i], service))
            return true;
    return false;
}

/* What its init has not offered again by itself. */
static int provide(tr_agent_t *agent, tr_value_t services) {
    char name[TR_NAME_MAX + 1];
    int r = 0;
    for (size_t i = 0; r == 0 && i < tr_value_size(services); i++) {
        tr_value_t one = tr_value_at(services, i);
        if (tr_value_copy(tr_value_at(one, 0), name, sizeof name) < 0)
            return -EBADMSG;
        if (!provides(agent, name))
            r = tr_provide(agent, name, (uint32_t)tr_value_int(tr_value_at(one, 1), 0));
    }
    return r;
}

static int describe(tr_agent_t *agent, tr_value_t description) {
    bool own = agent->more && agent->more->described;
    return is_bin(description) && !own
               ? tr_describe(agent, description->via.bin.ptr, description->via.bin.size)
               : 0;
}

/* Its state is in this host's store before the AMS hears that it is here; and with it that it is. */
static int store(tr_agent_t *agent, const tr_parcel_t *parcel) {
    tr_host_t *host = agent->hosted->host;
    tr_error_t error = {0};
    if (!agent->hosted->saves)
        return 0;
    if (parcel->move && agent->hosted->stored &&
        tr_taken_add(host, agent->hosted->name, parcel->packed, &error) < 0) {
        tr_host_say(host, TR_HOST_UNSAVED, "%s", error.text);
        return error.code;
    }
    tr_saved_touch(host, agent);
    tr_saved_commit(host);
    return agent->status == TR_AGENT_RUNNING ? 0 : -EIO; /* that failed: it was told as an event */
}

int tr_parcel_unpack(tr_agent_t *agent, const tr_parcel_t *parcel) {
    if (parcel->move)
        agent->hosted->stored = tr_value_bool(tr_value_get(parcel->packed, "stored"), false);
    int r = subscribe(agent, tr_value_get(parcel->packed, "subscriptions"));
    if (r == 0)
        r = parcel->saved
                ? tr_agent_begin_from(agent, parcel->saved->via.bin.ptr, parcel->saved->via.bin.size)
                : tr_agent_begin(agent);
    if (r == 0)
        r = describe(agent, tr_value_get(parcel->packed, "description"));
    if (r == 0)
        r = provide(agent, tr_value_get(parcel->packed, "services"));
    if (r == 0)
        r = store(agent, parcel);
    agent->hosted->arrived = r == 0 && parcel->move;
    return r;
}

/* What it was promised where it was, it must have here. */
static int check_place(
    const tr_host_t *host, const char *name, tr_value_t order, const tr_parcel_t *p, tr_error_t *error) {
    bool durable = tr_value_bool(tr_value_get(order, "durable"), false);
    bool stored = tr_value_bool(tr_value_get(p->packed, "stored"), false);
    if (durable != host->durable)
        return tr_error_set(error, -ENOTSUP,
            "%s: its mailbox is %s, and those of its station are %s (--durable)", name,
            durable ? "durable" : "not durable", host->durable ? "durable" : "not");
    if (stored && !host->states)
        return tr_error_set(
            error, -ENOTSUP, "%s: its state is kept in a store, and its station has none (--state)", name);
    return 0;
}

static int take(tr_host_t *host, tr_value_t order, const tr_parcel_t *p, const tr_behaviour_t *behaviour,
    tr_error_t *error) {
    char name[TR_NAME_MAX + 1];
    tr_hosted_t *d;
    if (tr_value_copy(tr_value_get(order, "name"), name, sizeof name) < 0)
        return tr_error_set(error, -EBADMSG, "the order names no agent");
    int r = check_place(host, name, order, p, error);
    tr_addition_t what = {.name = name, .count = 1, .behaviour = behaviour, .parcel = p};
    if (r < 0)
        return r;
    r = tr_hosted_add(host, &what, &d, error);
    if (r < 0)
        tr_taken_remove(host, name); /* where it was on its list already */
    return r;
}

int tr_parcel_take_again(tr_host_t *host, const char *name, tr_value_t stored,
    const tr_behaviour_t *behaviour, tr_error_t *error) {
    tr_parcel_t p = {.packed = stored};
    tr_addition_t what = {.name = name, .count = 1, .behaviour = behaviour, .parcel = &p};
    tr_hosted_t *d;
    return tr_hosted_add(host, &what, &d, error);
}

static int find_and_take(tr_host_t *host, tr_value_t order, tr_value_t packed, tr_find_behaviour_fn find,
    void *arg, tr_error_t *error) {
    char name[TR_NAME_MAX + 1];
    tr_parcel_t p = {.move = (uint64_t)tr_value_int(tr_value_get(order, "move"), 0),
        .packed = packed,
        .saved = tr_value_get(packed, "saved")};
    if (!p.move || !is_bin(p.saved) ||
        tr_value_copy(tr_value_get(packed, "behaviour"), name, sizeof name) < 0)
        return tr_error_set(error, -EBADMSG, "the order has no state, or no behaviour");
    const tr_behaviour_t *behaviour = find(arg, name);
    if (!behaviour || !behaviour->save || !behaviour->restore)
        return tr_error_set(error, -ENOENT, "the station has no behaviour %s%s", name,
            behaviour ? " that restores its state" : "");
    return take(host, order, &p, behaviour, error);
}

int tr_host_take(tr_host_t *self, tr_value_t order, tr_find_behaviour_fn find, void *arg, tr_error_t *error) {
    tr_value_t parcel = tr_value_get(order, "parcel");
    tr_content_t c;
    if (!is_bin(parcel) || tr_content_init(&c, parcel->via.bin.ptr, parcel->via.bin.size) < 0)
        return tr_error_set(error, -EBADMSG, "the order has no parcel that can be read");
    int r = find_and_take(self, order, &c.root, find, arg, error);
    tr_content_finish(&c);
    return r;
}

void tr_arrive_check(tr_host_t *host) {
    for (tr_hosted_t *d = host->hosted, *next; d; d = next) {
        tr_error_t error = {0};
        next = d->next;
        if (d->arrived && d->registration &&
            tr_link_status(host->link, d->registration, &error) == TR_REGISTRATION_REFUSED) {
            tr_taken_remove(host, d->name);
            tr_host_remove(host, d->name);
        }
    }
}
