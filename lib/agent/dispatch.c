/* The way of a message on its last stretch: bundle -> record -> agent -> behaviour -> settled. */
#include "lib/agent/meter.h"
#include "lib/agent/traced.h"

#include "proto/bundle.h"

#include <errno.h>

static tr_agent_t *find_agent(tr_host_t *host, tr_route_t dst) {
    tr_hosted_t *d = host->last_hosted;
    uint32_t index = (uint32_t)(dst - host->last_first);
    if (!d || dst - host->last_first >= d->count) {
        tr_registration_t *r = tr_link_owner(host->link, dst, &index);
        d = r ? tr_registration_owner(r) : NULL;
        if (!d)
            return NULL;
        host->last_hosted = d;
        host->last_first = dst - index;
    }
    return &d->agents[index];
}

/* A request that failed is somebody's who waits. */
static void tell_failure(tr_message_t *m, int code) {
    bool waits = m->type == TR_MESSAGE_DIRECT && !tr_message_leased(m);
    const tr_acl_t *acl = waits ? tr_message_acl(m) : NULL;
    if (!acl || (!acl->reply_with && !acl->protocol))
        return;
    tr_reply_reason(m->agent, m, TR_FAILURE, "internal-error", strerror(-code));
}

static void wait_for_begin(tr_message_t *m) {
    tr_agent_more_t *more = tr_agent_more(m->agent);
    tr_message_t *copy = m->kept ? m : more ? tr_message_keep(m) : NULL;
    if (!copy) {
        m->host->dropped++;
        return;
    }
    *more->waiting_end = copy;
    more->waiting_end = &copy->next;
    copy->next = NULL;
}

/* An answer to a request, or an act of a conversation, has callbacks of its own. */
static bool taken(tr_host_t *host, tr_agent_t *agent, tr_message_t *m, int *ret_code) {
    if (tr_durable_refused(m))
        return true;
    if (host->pending.count && tr_request_answer(host, m))
        return true;
    return agent->more && agent->more->conversations && tr_conversations_take(agent, m, ret_code);
}

static void tell_message(tr_message_t *m) {
    const tr_acl_t *acl = tr_message_acl(m);
    tr_performative_t act = tr_message_performative(m);
    m->host->told_of = m;
    tr_host_say(m->host, TR_HOST_MESSAGE, "%s of %s", act ? tr_performative_name(act) : "message",
        acl && acl->sender ? acl->sender : "the platform");
    m->host->told_of = NULL;
}

/* Whoever keeps the message finishes it; otherwise it is finished here. Returns whether it was. */
static bool run(tr_message_t *m) {
    tr_host_t *host = m->host;
    tr_agent_t *agent = m->agent;
    bool before = tr_host_calls(host, agent);
    tr_traced_t traced = tr_traced_enter(m);
    const tr_behaviour_t *b = agent->hosted->behaviour;
    int r = 0;
    bool saves = agent->hosted->saves;
    if (agent->hosted->arrived && tr_route_type(m->record.h.src) != TR_ROUTE_PLATFORM)
        agent->hosted->arrived = false;
    uint64_t under = saves ? tr_saved_under(agent, m) : 0;
    if (host->tell_messages)
        tell_message(m);
    if (!(saves && tr_saved_knows(m)) && !taken(host, agent, m, &r)) {
        if (b->receive)
            r = b->receive(agent, tr_agent_state(agent), m);
        else
            tr_conversations_only(agent, m);
        if (r < 0 && saves)
            tr_saved_undo(agent);
        if (r < 0 && !m->claimed)
            tell_failure(m, r);
    }
    if (saves)
        tr_saved_under_again(agent, under);
    tr_traced_leave(host, traced);
    if (!m->claimed) {
        tr_traced_done(m, r);
        tr_meter_finished(m, r < 0);
        tr_message_settle(m, r < 0 ? TR_SETTLE_FAILED : TR_SETTLE_DONE);
    }
    if (r < 0) {
        host->told_of = m->claimed ? NULL : m;
        tr_agent_failed(agent, r);
        host->told_of = NULL;
    }
    tr_host_called(host, before);
    return !m->claimed;
}

/* A message of its own (kept for a restart). */
void tr_dispatch_message(tr_message_t *message) {
    tr_message_t *m = message;
    if (run(m))
        tr_link_taken(m->host->link, m->epoch, 1, m->record.h.length);
    m->claimed = true; /* settled and counted above, or by whoever keeps it */
    tr_message_done(&m);
}

/* Returns as run does. Who rests is brought back first; who is registered but not begun yet, or in a backoff, gets it later. */
static bool hand_out(tr_message_t *m) {
    tr_agent_t *agent = m->agent;
    if (agent->status == TR_AGENT_PASSIVE)
        tr_passive_wake(agent);
    if (agent->status == TR_AGENT_RUNNING)
        return run(m);
    wait_for_begin(m);
    return !m->claimed;
}

void tr_dispatch_failure(tr_agent_t *agent, const tr_record_t *record) {
    tr_message_t *view = agent->hosted->host->view;
    tr_message_view(view, agent, record, 0); /* of no epoch: it is not counted as taken */
    run(view);
}

/* For nobody. What is leased goes back at once: nobody else would settle it, and the link would extend its lease for ever. */
static void drop(tr_host_t *host, const tr_record_t *r) {
    if (r->h.kind == TR_KIND_NACK && (r->h.flags & TR_FLAG_DURABLE))
        tr_link_refused(host->link, r->h.id); /* nobody waits for it, and it is not sent again */
    if ((r->h.kind == TR_KIND_MESSAGE || r->h.kind == TR_KIND_PUBLISH) && (r->h.flags & TR_FLAG_LEASED))
        tr_link_settle(host->link, r->h.dst, r->h.id, TR_SETTLE_RELEASE);
    host->dropped++;
}

void tr_dispatch_bundle(tr_host_t *host, tr_inbound_t *inbound) {
    tr_bundle_reader_t reader;
    tr_record_t record;
    uint64_t records = 0, bytes = 0;
    tr_message_t *view = host->view;
    tr_bundle_open(&reader, zmq_msg_data(&inbound->frame), zmq_msg_size(&inbound->frame), UINT32_MAX);
    while (tr_bundle_next(&reader, &record) > 0) {
        tr_agent_t *agent = find_agent(host, record.h.dst);
        bool finished = true;
        if (record.h.kind == TR_KIND_NACK && record.h.reason == TR_REASON_STALE_ROUTE)
            tr_link_forget_topic(host->link, record.h.src);
        if (!agent || agent->status == TR_AGENT_ENDED) {
            drop(host, &record);
        } else {
            tr_message_view(view, agent, &record, inbound->epoch);
            finished = tr_status_answer(view) || tr_leave_asked(view) || hand_out(view);
        }
        records += finished;
        bytes += finished ? record.h.length : 0;
    }
    tr_link_finished(host->link, inbound, records, bytes);
}
