/* Durable messages that somebody waits to see stored: one callback each, when the broker has said so or sent it back. */
#include "lib/agent/host_private.h"

#include <errno.h>
#include <stdlib.h>

/* The link's token. Its agent may end before: then nobody hears it. */
struct tr_storing {
    tr_storing_t *next, **prev;
    tr_agent_t *agent; /* NULL = ended */
    tr_stored_fn on_stored;
    void *arg;
};

static void count(const tr_agent_t *agent, int of) {
    uint32_t *counter = agent ? tr_under_way(agent) : NULL;
    if (counter)
        *counter += (uint32_t)of;
}

static void take_out(tr_storing_t *s) {
    count(s->agent, -1);
    *s->prev = s->next;
    if (s->next)
        s->next->prev = s->prev;
}

static tr_storing_t *storing_new(tr_agent_t *agent, tr_stored_fn on_stored, void *arg) {
    tr_host_t *host = agent->hosted->host;
    tr_storing_t *s = malloc(sizeof *s);
    if (!s)
        return NULL;
    *s = (tr_storing_t){
        .next = host->storing, .prev = &host->storing, .agent = agent, .on_stored = on_stored, .arg = arg};
    if (s->next)
        s->next->prev = &s->next;
    host->storing = s;
    count(agent, 1);
    return s;
}

int tr_send_durable(tr_agent_t *self, const tr_acl_t *message, tr_stored_fn on_stored, void *arg) {
    char aid[TR_AID_MAX + 1], conversation[TR_ID_SIZE];
    tr_acl_t acl = *message;
    if (acl.receivers.count != 1 || acl.performative == TR_ACT_NONE || acl.performative >= TR_ACT_MAX)
        return -EINVAL;
    acl.flags |= TR_FLAG_DURABLE;
    acl.sender = tr_agent_aid(self, aid);
    acl.topic = NULL;
    tr_name_conversation(self->hosted->host, &acl, conversation);
    tr_storing_t *s = on_stored ? storing_new(self, on_stored, arg) : NULL;
    if (on_stored && !s)
        return -ENOMEM;
    tr_outgoing_t out = {
        .from = self->hosted->registration,
        .agent = self->index,
        .kind = TR_KIND_MESSAGE,
        .name = acl.receivers.items[0],
        .acl = &acl,
        .token = s,
    };
    int r = tr_send_out(self, &out);
    if (r < 0 && s) {
        take_out(s);
        free(s);
    }
    return r;
}

/* The callback may send, and so on: the token is gone before. */
static void tell(tr_storing_t *s, const tr_message_t *failure) {
    tr_storing_t it = *s;
    take_out(s);
    free(s);
    if (!it.agent)
        return;
    tr_host_t *host = it.agent->hosted->host;
    bool before = tr_host_calls(host, it.agent);
    it.on_stored(it.agent, tr_agent_state(it.agent), failure, it.arg);
    tr_host_called(host, before);
}

bool tr_durable_run(tr_host_t *host) {
    tr_storing_t *s;
    bool any = false;
    while (host->storing && (s = tr_link_stored(host->link))) {
        tell(s, NULL);
        any = true;
    }
    return any;
}

bool tr_durable_refused(tr_message_t *failure) {
    const tr_record_header_t *h = &failure->record.h;
    if (h->kind != TR_KIND_NACK || !(h->flags & TR_FLAG_DURABLE))
        return false;
    tr_storing_t *s = tr_link_refused(failure->host->link, h->id);
    if (!s)
        return false;
    tell(s, failure);
    return true;
}

bool tr_durable_waits(const tr_host_t *host, const tr_agent_t *agent) {
    const tr_storing_t *s = host->storing;
    while (s && s->agent != agent)
        s = s->next;
    return s != NULL;
}

void tr_durable_forget(tr_host_t *host, const tr_agent_t *agent) {
    for (tr_storing_t *s = host->storing; s; s = s->next) {
        if (s->agent != agent)
            continue;
        count(agent, -1);
        s->agent = NULL;
    }
}

void tr_host_durable_finish(tr_host_t *host) {
    while (host->storing) {
        tr_storing_t *next = host->storing->next;
        free(host->storing);
        host->storing = next;
    }
}
