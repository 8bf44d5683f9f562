#include "lib/agent/saved.h"
#include "lib/agent/traced.h"

#include <errno.h>
#include <stdlib.h>

#define SAID_FORGOTTEN_MS 60000 /* what came again when a connection or a process was new has come by then */
#define ARENA_LIMIT       (1u << 20) /* as much as was taken from a record */

static uint32_t next_life(tr_host_t *host) {
    if (!++host->lives)
        ++host->lives; /* 0 is none */
    return host->lives;
}

static tr_saved_t *saved_of(tr_agent_t *agent) {
    tr_agent_more_t *more = tr_agent_more(agent);
    if (!more)
        return NULL;
    if (!more->saved) {
        tr_saved_t *s = more->saved = calloc(1, sizeof *s);
        if (s) {
            s->agent = agent;
            s->said_end = s->fresh = &s->said;
            s->next_page = 1;
            tr_appended_init(&s->log);
            s->life = next_life(agent->hosted->host);
        }
    }
    return more->saved;
}

void tr_saved_take_out(tr_saved_t *s) {
    tr_host_t *host = s->agent->hosted->host;
    if (!s->prev)
        return;
    *s->prev = s->next;
    if (s->next)
        s->next->prev = s->prev;
    s->prev = NULL;
    if (!host->unsaved)
        tr_link_hold_data(host->link, false);
}

void tr_saved_touch(tr_host_t *host, tr_agent_t *agent) {
    tr_saved_t *s = agent->status == TR_AGENT_RUNNING ? saved_of(agent) : NULL;
    if (s && !s->prev)
        tr_passive_called(host, s);
    if (!s || s->prev)
        return; /* out of memory: what needs a place in it finds none, and is given back */
    if (!host->unsaved)
        tr_link_hold_data(host->link, true);
    s->next = host->unsaved;
    s->prev = &host->unsaved;
    if (s->next)
        s->next->prev = &s->next;
    host->unsaved = s;
}

/* ---- leases ---- */

static bool keep_lease(tr_saved_t *s, tr_lease_t lease) {
    if (s->leases_n == s->leases_cap) {
        size_t cap = s->leases_cap ? s->leases_cap * 2 : 8;
        tr_lease_t *leases = realloc(s->leases, cap * sizeof *leases);
        if (!leases)
            return false;
        s->leases = leases;
        s->leases_cap = cap;
    }
    s->leases[s->leases_n++] = lease;
    return true;
}

bool tr_saved_settle(tr_agent_t *agent, tr_lease_t lease) {
    tr_host_t *host = agent->hosted->host;
    tr_saved_touch(host, agent);
    tr_saved_t *s = agent->more ? agent->more->saved : NULL;
    if (s)
        tr_saved_meet_broker(s);
    bool kept =
        s && s->prev && !s->ending && tr_applied_add(&s->applied, lease.number) == 0 && keep_lease(s, lease);
    if (!kept)
        tr_link_settle(host->link, lease.agent, lease.number, TR_SETTLE_RELEASE);
    return kept;
}

void tr_saved_end_leases(tr_saved_t *s, bool release) {
    tr_link_t *link = s->agent->hosted->host->link;
    for (size_t i = 0; i < s->leases_n; i++)
        tr_link_settle(
            link, s->leases[i].agent, s->leases[i].number, release ? TR_SETTLE_RELEASE : TR_SETTLE_DONE);
    s->leases_n = 0;
}

/* ---- what was sent ---- */

int tr_said_add(
    tr_saved_t *self, uint8_t kind, uint8_t flags, const void *acl, size_t len, const tr_said_t *where) {
    tr_said_t *said = malloc(sizeof *said + len);
    if (!said)
        return -ENOMEM;
    *said = *where;
    said->next = NULL;
    said->kind = kind;
    said->flags = flags;
    said->len = len;
    memcpy(said->acl, acl, len);
    *self->said_end = said;
    self->said_end = &said->next;
    return 0;
}

static int remember(tr_saved_t *s, const tr_outgoing_t *out, uint64_t position) {
    size_t len = tr_acl_alone_size(out->acl);
    uint8_t *bytes = malloc(len ? len : 1);
    if (!bytes)
        return -ENOMEM;
    tr_acl_alone_write(out->acl, bytes);
    tr_said_t where = {
        .number = s->under, .epoch = tr_link_epoch(s->agent->hosted->host->link), .position = position};
    int r = tr_said_add(s, out->kind, out->acl->flags, bytes, len, &where);
    free(bytes);
    return r;
}

static int send_out(tr_agent_t *self, tr_outgoing_t *out) {
    tr_link_t *link = self->hosted->host->link;
    tr_saved_t *s = self->hosted->saves && self->more ? self->more->saved : NULL;
    if (!s || !s->under)
        return tr_link_send(link, out);
    uint64_t position = 0, *wanted = out->ret_position;
    out->ret_position = &position;
    int r = tr_link_send(link, out);
    if (wanted && r == 0)
        *wanted = position;
    return r < 0 ? r : remember(s, out, position);
}

int tr_send_out(tr_agent_t *self, tr_outgoing_t *out) {
    if (tr_traced_sends(self->hosted->host, out))
        return tr_traced_send(self, out, send_out);
    return send_out(self, out);
}

/* Of an earlier connection it is forgotten when this one has stood for so long that what was leased has come again. */
static bool is_taken(tr_said_t *said, tr_link_t *link, uint64_t epoch, uint64_t taken) {
    int64_t now = tr_clock_ms();
    if (said->epoch == epoch)
        return said->position <= taken;
    if (!tr_link_ready(link) || said->later_epoch != epoch) {
        said->later_epoch = epoch;
        said->later_ms = now;
    }
    return now - said->later_ms > SAID_FORGOTTEN_MS;
}

static void forget_one(tr_saved_t *s, tr_said_t **place) {
    tr_said_t *said = *place;
    *place = said->next;
    if (s->fresh == &said->next)
        s->fresh = place;
    if (s->said_end == &said->next)
        s->said_end = place;
    if (said->page)
        tr_pages_less(s, said->page);
    free(said);
}

void tr_said_forget_taken(tr_saved_t *s) {
    tr_link_t *link = s->agent->hosted->host->link;
    uint64_t epoch = tr_link_epoch(link), taken = tr_link_position_taken(link);
    tr_said_t **p = &s->said;
    while (*p) {
        if (is_taken(*p, link, epoch, taken))
            forget_one(s, p);
        else if ((*p)->epoch == epoch)
            return; /* nor has it those behind, which were sent later */
        else
            p = &(*p)->next;
    }
}

static void forget_said(tr_saved_t *s) {
    while (s->said)
        forget_one(s, &s->said);
}

void tr_saved_meet_broker(tr_saved_t *s) {
    uint64_t broker = tr_link_instance(s->agent->hosted->host->link);
    if (!broker || broker == s->broker)
        return;
    if (s->broker) {
        tr_applied_finish(&s->applied);
        forget_said(s);
    }
    s->broker = broker;
}

static int say_again(tr_agent_t *agent, const tr_said_t *said) {
    tr_arena_t arena;
    tr_acl_t acl;
    char aid[TR_AID_MAX + 1];
    tr_arena_init(&arena, ARENA_LIMIT);
    int r = tr_acl_alone_read(&acl, said->acl, said->len, &arena);
    if (r == 0) {
        acl.flags = said->flags;
        acl.sender = tr_agent_aid(agent, aid);
        tr_outgoing_t out = {
            .from = agent->hosted->registration,
            .agent = agent->index,
            .kind = said->kind,
            .name = said->kind == TR_KIND_PUBLISH ? acl.topic
                    : acl.receivers.count         ? acl.receivers.items[0]
                                                  : NULL,
            .acl = &acl,
        };
        r = tr_link_send(agent->hosted->host->link, &out);
    }
    tr_arena_finish(&arena);
    return r;
}

bool tr_saved_knows(tr_message_t *m) {
    tr_saved_t *s = m->agent->more ? m->agent->more->saved : NULL;
    uint64_t number = m->record.h.id;
    if (!s || !tr_message_leased(m))
        return false;
    tr_saved_meet_broker(s);
    if (!tr_applied_has(&s->applied, number))
        return false;
    int r = 0;
    for (const tr_said_t *said = s->said; said && r == 0; said = said->next)
        if (said->number == number)
            r = say_again(m->agent, said);
    if (r < 0 && r != -EAGAIN && r != -ENOMEM)
        tr_host_say(m->host, TR_HOST_UNSAVED, "what was sent before cannot be sent again: %s", strerror(-r));
    if (r == -EAGAIN || r == -ENOMEM)
        tr_link_settle(
            m->host->link, m->record.h.dst, number, TR_SETTLE_RELEASE); /* when there is room for it */
    else
        tr_saved_settle(m->agent, (tr_lease_t){.agent = m->record.h.dst, .number = number});
    m->lease_taken = true;
    return true;
}

uint64_t tr_saved_under(tr_agent_t *agent, const tr_message_t *message) {
    tr_saved_t *s = agent->more ? agent->more->saved : NULL;
    uint64_t before = s ? s->under : 0;
    if (s && tr_message_leased(message))
        s->under = message->record.h.id;
    return before;
}

void tr_saved_under_again(tr_agent_t *agent, uint64_t before) {
    if (agent->more && agent->more->saved)
        agent->more->saved->under = before;
}

/* ---- events ---- */

int tr_agent_append(tr_agent_t *self, const void *event, size_t len) {
    tr_host_t *host = self->hosted->host;
    if (!self->hosted->behaviour->replay)
        return -ENOTSUP;
    int r = len > TR_APPENDED_EVENT_MAX ? -EMSGSIZE : tr_content_check(event, len);
    if (r < 0 || !self->hosted->saves)
        return r;
    tr_saved_t *s = self->more ? self->more->saved : NULL;
    if (!s || !s->begun || s->ending || s->writing)
        return -EPERM;
    tr_saved_touch(host, self);
    r = tr_appended_add(&s->log, event, len);
    if (r < 0)
        s->log.whole = true;
    return r;
}

int tr_agent_append_content(tr_agent_t *self, tr_content_writer_t *event) {
    const void *bytes;
    size_t len;
    int r = tr_content_writer_take(event, &bytes, &len);
    if (r == 0)
        r = tr_agent_append(self, bytes, len);
    else
        tr_agent_snapshot(self);
    tr_content_writer_finish(event);
    return r;
}

void tr_agent_snapshot(tr_agent_t *self) {
    tr_saved_t *s = self->hosted->saves && self->more ? self->more->saved : NULL;
    if (!s || !self->hosted->behaviour->replay || !s->begun || s->ending)
        return;
    s->log.whole = true;
    tr_saved_touch(self->hosted->host, self);
}

/* ---- an agent's life ---- */

/* Of one that fails: what it has sent in this turn does not leave. */
void tr_saved_undo(tr_agent_t *agent) {
    const tr_saved_t *s = agent->more ? agent->more->saved : NULL;
    if (s && s->prev)
        tr_link_discard(agent->hosted->host->link, agent->hosted->registration, agent->index);
}

uint32_t tr_saved_keep(tr_agent_t *agent) {
    tr_saved_t *s = agent->more ? agent->more->saved : NULL;
    if (!s)
        return 0;
    s->kept++;
    return s->life;
}

/* One that was kept in another life counts no more. */
void tr_saved_unkeep(tr_agent_t *agent, uint32_t life) {
    tr_saved_t *s = agent->more ? agent->more->saved : NULL;
    if (s && s->life == life)
        s->kept--;
}

void tr_saved_begun(tr_agent_t *agent, bool well) {
    if (!well)
        tr_saved_forget(agent); /* or what could not be read would be replaced */
    else if (agent->more && agent->more->saved) {
        agent->more->saved->begun = true;
        tr_saved_take_out(agent->more->saved);
    }
}

void tr_saved_ends(tr_agent_t *agent) {
    if (agent->more && agent->more->saved)
        agent->more->saved->ending = true;
}

void tr_saved_forget(tr_agent_t *agent) {
    tr_saved_t *s = agent->more ? agent->more->saved : NULL;
    if (!s)
        return;
    tr_saved_take_out(s);
    tr_passive_leave(s);
    tr_saved_end_leases(s, true);
    forget_said(s);
    free(s->pages);
    tr_applied_finish(&s->applied);
    tr_appended_finish(&s->log);
    free(s->leases);
    free(s);
    agent->more->saved = NULL;
}
