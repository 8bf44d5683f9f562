/*
 * An agent leaves for another process. The AMS leads (broker/core/platform/move.h), and asks this host by requests to the agent that its
 * behaviour never sees:
 *
 *   prepare  answered when the agent has nothing in hand; it goes on meanwhile
 *   leave    nothing comes for it any more, and all that came before was handed out: its state is packed and given to the AMS, and its
 *            behaviour ended
 *   stay     it does not go: it begins again from what was packed
 *
 * Then it is one or the other: MOVED comes (it is another process's, and forgotten here), or stay. When the session with the broker is
 * lost in between, whoever registers the name first has the agent, for the other one has not begun either, or is the same.
 */
#include "lib/agent/taken.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUESTION_MAX 64

typedef struct tr_leaving {
    struct tr_leaving *next;
    tr_agent_t *agent;
    uint64_t session;            /* of the link, when it was prepared, or packed */
    char question[QUESTION_MAX]; /* prepare, to be answered; "" = it was */
    char to[TR_AID_MAX + 1];     /* its station, once it is packed */
    void *packed;                /* NULL: it runs */
    size_t packed_len;
    int64_t moves; /* so far, by what is in the store here; -1 = it has nothing of it */
} tr_leaving_t;

static tr_leaving_t **find(tr_host_t *host, const tr_agent_t *agent) {
    tr_leaving_t **p = &host->leaving;
    while (*p && (*p)->agent != agent)
        p = &(*p)->next;
    return p;
}

static void forget(tr_leaving_t **place) {
    tr_leaving_t *l = *place;
    if (!l)
        return;
    *place = l->next;
    free(l->packed);
    free(l);
}

void tr_leave_forget(tr_host_t *host, const tr_agent_t *agent) {
    forget(find(host, agent));
}

void tr_leave_finish(tr_host_t *host) {
    while (host->leaving)
        forget(&host->leaving);
}

static tr_leaving_t *begin(tr_agent_t *agent) {
    tr_host_t *host = agent->hosted->host;
    tr_leaving_t *l = *find(host, agent);
    if (!l && (l = calloc(1, sizeof *l))) {
        l->agent = agent;
        l->moves = -1;
        l->next = host->leaving;
        host->leaving = l;
    }
    return l;
}

/* ---- answers ---- */

static void refuse(const tr_message_t *to, const char *reason, const char *detail) {
    tr_reply_reason(
        to->agent, to, TR_REFUSE, reason, detail); /* what cannot be sent comes to its end by time */
}

/* That it is ready, to a question that is gone by now. False: try again. */
static bool say_ready(const tr_leaving_t *l) {
    static const char ready[] = "\x80";
    const char *ams = "ams";
    tr_acl_t acl = {.performative = TR_INFORM,
        .receivers = {&ams, 1},
        .ontology = "fipa-agent-management",
        .protocol = "fipa-request",
        .conversation_id = l->question,
        .in_reply_to = l->question,
        .content = ready,
        .content_len = 1};
    return tr_send(l->agent, &acl) != -EAGAIN;
}

/* ---- packing ---- */

static int pack_state(tr_leaving_t *l) {
    tr_content_writer_t w;
    const void *bytes;
    size_t len;
    tr_content_writer_init(&w);
    int r = tr_saved_pack(l->agent, &w);
    if (r == 0)
        r = tr_content_writer_take(&w, &bytes, &len);
    if (r == 0 && !(l->packed = malloc(len)))
        r = -ENOMEM;
    if (r == 0)
        memcpy(l->packed, bytes, l->packed_len = len);
    tr_content_writer_finish(&w);
    return r;
}

static int pack(tr_leaving_t *l) {
    tr_agent_t *agent = l->agent;
    l->session = tr_link_session(agent->hosted->host->link);
    l->moves = tr_saved_moves(agent);
    return pack_state(l);
}

static void write_services(tr_content_writer_t *w, const tr_agent_more_t *more) {
    size_t n = more ? more->services_n : 0;
    tr_write_str(w, "services");
    tr_write_array(w, n);
    for (size_t i = 0; i < n; i++) {
        tr_write_array(w, 2);
        tr_write_str(w, more->services[i]);
        tr_write_uint(w, more->capacities[i]);
    }
    tr_write_str(w, "description");
    if (more && more->described)
        tr_write_bin(w, more->described, more->described_len);
    else
        tr_write_nil(w);
}

static void write_subscriptions(tr_content_writer_t *w, const tr_agent_t *agent) {
    tr_link_t *link = agent->hosted->host->link;
    char pattern[TR_TOPIC_MAX + 1];
    size_t n = 0;
    while (tr_link_subscription(link, agent->hosted->registration, agent->index, n, pattern))
        n++;
    tr_write_str(w, "subscriptions");
    tr_write_array(w, n);
    for (size_t i = 0; i < n; i++) {
        tr_link_subscription(link, agent->hosted->registration, agent->index, i, pattern);
        tr_write_str(w, pattern);
    }
}

/* What arrive.c reads. */
static void write_parcel(tr_content_writer_t *w, const tr_leaving_t *l) {
    const tr_hosted_t *d = l->agent->hosted;
    tr_write_map(w, 7);
    tr_write_kv(w, "behaviour", d->behaviour->name);
    tr_write_str(w, "args");
    if (d->args_bytes)
        tr_write_bin(w, d->args_bytes, d->args_len);
    else
        tr_write_nil(w);
    tr_write_str(w, "saved");
    tr_write_bin(w, l->packed, l->packed_len);
    tr_write_kv_bool(w, "stored", d->stored);
    write_services(w, l->agent->more);
    write_subscriptions(w, l->agent);
}

/* ---- what the AMS asks for ---- */

static void prepare(const tr_message_t *m, const char *question) {
    const tr_hosted_t *d = m->agent->hosted;
    tr_leaving_t *l = d->moves && !d->range ? begin(m->agent) : NULL;
    char detail[160];
    if (l) {
        l->session = tr_link_session(d->host->link);
        snprintf(l->question, sizeof l->question, "%s", question);
        return; /* tr_leave_look answers */
    }
    snprintf(detail, sizeof detail, "its behaviour, %s, does not save its state (save and restore)",
        d->behaviour->name);
    refuse(m, "unsupported-function", d->moves ? "out of memory" : detail);
}

static void leave(const tr_message_t *m) {
    tr_agent_t *agent = m->agent;
    if (agent->status == TR_AGENT_PASSIVE)
        tr_passive_wake(agent); /* its state is in the store only */
    tr_saved_commit(agent->hosted->host);
    tr_leaving_t *l = *find(agent->hosted->host, agent);
    if (!l || l->packed || !tr_agent_is_quiet(agent)) {
        refuse(m, "busy",
            "it is never without a message in hand, or an answer that it waits for: see `troupe why`");
        return;
    }
    tr_value_copy(tr_value_get(tr_message_value(m), "to"), l->to, sizeof l->to); /* only for people */
    int r = pack(l);
    if (r < 0) {
        forget(find(agent->hosted->host, agent));
        refuse(m, "internal-error", strerror(-r));
        return;
    }
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    write_parcel(&w, l);
    tr_agent_away(agent);
    tr_reply_content(agent, m, TR_INFORM, &w);
}

/* It begins again from where it stood, and what came meanwhile is handed out. */
static void stay(tr_host_t *host, tr_agent_t *agent) {
    tr_leaving_t **place = find(host, agent), *l = *place;
    if (l && l->packed) {
        /* where there is a store, it has the same, and what was sent besides */
        bool saves = agent->hosted->saves;
        int r = tr_agent_begin_from(agent, saves ? NULL : l->packed, saves ? 0 : l->packed_len);
        if (r < 0)
            tr_agent_failed(agent, r);
        else
            tr_agent_catch_up(agent);
    }
    forget(find(host, agent));
}

bool tr_leave_asked(const tr_message_t *message) {
    const tr_record_header_t *h = &message->record.h;
    if (h->kind != TR_KIND_MESSAGE || h->performative != TR_REQUEST ||
        tr_route_type(h->src) != TR_ROUTE_PLATFORM)
        return false;
    tr_value_t value = tr_message_value(message), step = tr_value_get(value, "step");
    const tr_acl_t *acl = tr_message_acl(message);
    if (!acl || !acl->reply_with || !tr_value_equals(tr_value_get(value, "action"), "move"))
        return false;
    if (tr_value_equals(step, "prepare"))
        prepare(message, acl->reply_with);
    else if (tr_value_equals(step, "leave"))
        leave(message);
    else if (tr_value_equals(step, "stay"))
        stay(message->host, message->agent);
    return true;
}

/* ---- what becomes of it ---- */

void tr_leave_done(tr_host_t *host, const char *name) {
    tr_hosted_t *d = tr_hosted_find(host, name);
    tr_leaving_t *l = d && !d->range ? *find(host, d->agents) : NULL;
    if (!d)
        return;
    bool taken = tr_taken_has(host, name);
    tr_taken_remove(host, name);
    tr_saved_commit(host);
    if (l && l->packed && d->saves && tr_saved_moves(d->agents) == l->moves)
        tr_saved_erase(d->agents,
            taken ? NULL
                  : l->to); /* else the new place keeps it in the same store, and has saved it by now */
    tr_host_remove(host, name);
}

/* In a session after that in which it was prepared or packed, there is no move any more. Whether it is gone from the list. */
static bool is_decided(tr_host_t *host, tr_leaving_t *l) {
    char name[TR_NAME_MAX + 1];
    tr_error_t error = {0};
    if (tr_link_session(host->link) == l->session)
        return false;
    if (!l->packed) {
        forget(find(host, l->agent));
        return true;
    }
    tr_registration_status_t status = tr_link_status(host->link, l->agent->hosted->registration, &error);
    tr_agent_name(l->agent, name);
    if (status == TR_REGISTRATION_DONE)
        stay(host, l->agent);
    else if (status == TR_REGISTRATION_REFUSED)
        tr_leave_done(host, name);
    return status == TR_REGISTRATION_DONE || status == TR_REGISTRATION_REFUSED;
}

void tr_leave_look(tr_host_t *host) {
    for (tr_leaving_t *l = host->leaving, *next; l; l = next) {
        next = l->next;
        if (is_decided(host, l))
            return; /* the list is another one: once more in the next turn */
        bool rests = l->agent->status == TR_AGENT_PASSIVE;
        if (l->question[0] && (rests || tr_agent_is_quiet(l->agent)) && say_ready(l)) {
            l->question[0] = 0;
            tr_link_flush(host->link);
        }
    }
}
