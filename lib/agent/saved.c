#include "lib/agent/saved.h"

#include <errno.h>
#include <stdlib.h>

#define SAID_FORGOTTEN_MS 60000 /* what came again when a connection or a process was new has come by then */
#define ARENA_LIMIT       (1u << 20) /* as much as was taken from a record */

static tr_saved_t *saved_of(tr_agent_t *agent) {
    tr_agent_more_t *more = tr_agent_more(agent);
    if (!more)
        return NULL;
    if (!more->saved) {
        tr_saved_t *s = more->saved = calloc(1, sizeof *s);
        if (s) {
            s->agent = agent;
            s->said_end = &s->said;
        }
    }
    return more->saved;
}

/* The last one lets go what was held for it. */
static void take_out(tr_saved_t *s) {
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
    bool kept =
        s && s->prev && !s->ending && tr_applied_add(&s->applied, lease.number) == 0 && keep_lease(s, lease);
    if (!kept)
        tr_link_settle(host->link, lease.agent, lease.number, TR_SETTLE_RELEASE);
    return kept;
}

static void end_leases(tr_saved_t *s, bool release) {
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

int tr_send_out(tr_agent_t *self, tr_outgoing_t *out) {
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

/* What the broker has taken is not sent again. */
static void forget_taken(tr_saved_t *s) {
    tr_link_t *link = s->agent->hosted->host->link;
    uint64_t epoch = tr_link_epoch(link), taken = tr_link_position_taken(link);
    tr_said_t **p = &s->said;
    while (*p) {
        tr_said_t *said = *p;
        if (!is_taken(said, link, epoch, taken)) {
            p = &said->next;
            continue;
        }
        *p = said->next;
        free(said);
    }
    s->said_end = p;
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
    if (!s || !tr_message_leased(m) || !tr_applied_has(&s->applied, number))
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

/* ---- saving ---- */

/* The bytes are the caller's to free, also after a failure. */
static int write_all(tr_host_t *host, tr_content_writer_t *writers, tr_state_change_t *changes,
    char (*names)[TR_NAME_MAX + 1]) {
    size_t n = 0;
    int r = 0;
    for (tr_saved_t *s = host->unsaved; s && r == 0; s = s->next, n++) {
        forget_taken(s);
        r = tr_saved_write(s, &writers[n]);
        if (r == 0)
            r = tr_content_writer_take(&writers[n], &changes[n].bytes, &changes[n].len);
        tr_agent_name(s->agent, names[n]);
        changes[n].agent = names[n];
    }
    return r;
}

static int save_all(tr_host_t *host, size_t n, tr_error_t *error) {
    tr_content_writer_t *writers = calloc(n, sizeof *writers);
    tr_state_change_t *changes = calloc(n, sizeof *changes);
    char(*names)[TR_NAME_MAX + 1] = calloc(n, sizeof *names);
    int r = writers && changes && names ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; r == 0 && i < n; i++)
        tr_content_writer_init(&writers[i]);
    if (r == 0) {
        r = write_all(host, writers, changes, names);
        if (r < 0)
            tr_error_set(error, r, "an agent's state cannot be written: %s", strerror(-r));
        else
            r = host->states->save(host->states, changes, n, error);
        for (size_t i = 0; i < n; i++)
            tr_content_writer_finish(&writers[i]);
    }
    free(writers);
    free(changes);
    free(names);
    return r;
}

void tr_saved_commit(tr_host_t *host) {
    size_t n = 0;
    tr_error_t error = {0};
    for (tr_saved_t *s = host->unsaved; s; s = s->next)
        n++;
    if (!n)
        return;
    int r = save_all(host, n, &error);
    if (r < 0)
        tr_host_say(host, TR_HOST_UNSAVED, "%s", error.text);
    while (host->unsaved) {
        tr_saved_t *s = host->unsaved;
        take_out(s);
        if (r < 0)
            tr_agent_failed(s->agent, r);
        else
            end_leases(s, false);
    }
}

/* ---- an agent's life ---- */

int tr_saved_load(tr_agent_t *agent) {
    tr_host_t *host = agent->hosted->host;
    char name[TR_NAME_MAX + 1];
    void *bytes = NULL;
    size_t len = 0;
    tr_error_t error = {0};
    tr_saved_t *s = saved_of(agent);
    if (!s)
        return -ENOMEM;
    tr_agent_name(agent, name);
    int r = host->states->load(host->states, name, &bytes, &len, &error);
    if (r == 0 && bytes) {
        r = tr_saved_read(s, bytes, len);
        if (r < 0)
            tr_error_set(
                &error, r, "the state that was saved of %s cannot be restored: %s", name, strerror(-r));
    }
    free(bytes);
    if (r < 0)
        tr_host_say(host, TR_HOST_UNSAVED, "%s", error.text);
    return r;
}

void tr_saved_kept(tr_agent_t *agent, bool kept) {
    tr_saved_t *s = agent->more ? agent->more->saved : NULL;
    if (s && (kept || s->kept)) /* one that was kept before a failure counts no more */
        s->kept = kept ? s->kept + 1 : s->kept - 1;
}

void tr_saved_begun(tr_agent_t *agent, bool well) {
    if (!well)
        tr_saved_forget(agent); /* or what could not be read would be replaced */
    else if (agent->more && agent->more->saved)
        take_out(agent->more->saved);
}

void tr_saved_ends(tr_agent_t *agent) {
    if (agent->more && agent->more->saved)
        agent->more->saved->ending = true;
}

void tr_saved_forget(tr_agent_t *agent) {
    tr_saved_t *s = agent->more ? agent->more->saved : NULL;
    if (!s)
        return;
    take_out(s);
    tr_passive_leave(s);
    end_leases(s, true);
    while (s->said) {
        tr_said_t *next = s->said->next;
        free(s->said);
        s->said = next;
    }
    tr_applied_finish(&s->applied);
    free(s->leases);
    free(s);
    agent->more->saved = NULL;
}
