/*
 * Saving at the end of a turn, and reading back. An agent's record in the store has its name; a page of what it sent, its name, `#`
 * (which no name has) and the page's number.
 */
#include "lib/agent/taken.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct record {
    struct record *next;
    tr_content_writer_t bytes;
    bool gone; /* it is to be forgotten */
    char name[TR_RECORD_NAME_MAX];
} record_t;

/* What one commit writes. */
typedef struct saving {
    record_t *first, **end;
    size_t n;
} saving_t;

void tr_saved_page_name(const char *agent, uint64_t page, char out[TR_RECORD_NAME_MAX]) {
    snprintf(out, TR_RECORD_NAME_MAX, "%s#%llu", agent, (unsigned long long)page);
}

void tr_saved_state_name(const char *agent, char out[TR_RECORD_NAME_MAX]) {
    snprintf(out, TR_RECORD_NAME_MAX, "%s#state", agent);
}

void tr_saved_event_name(const char *agent, uint64_t number, char out[TR_RECORD_NAME_MAX]) {
    snprintf(out, TR_RECORD_NAME_MAX, "%s#event-%llu", agent, (unsigned long long)number);
}

/* NULL when out of memory. */
static record_t *add_named(saving_t *saving, const char *name) {
    record_t *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    tr_content_writer_init(&r->bytes);
    snprintf(r->name, sizeof r->name, "%s", name);
    *saving->end = r;
    saving->end = &r->next;
    saving->n++;
    return r;
}

/* page 0: the agent's own. */
static record_t *add(saving_t *saving, const tr_agent_t *agent, uint64_t page) {
    char name[TR_NAME_MAX + 1], paged[TR_RECORD_NAME_MAX];
    tr_agent_name(agent, name);
    if (page)
        tr_saved_page_name(name, page, paged);
    return add_named(saving, page ? paged : name);
}

static void drop_from(saving_t *saving, record_t **place) {
    while (*place) {
        record_t *r = *place;
        *place = r->next;
        tr_content_writer_finish(&r->bytes);
        free(r);
        saving->n--;
    }
    saving->end = place;
}

static int add_pages(saving_t *saving, tr_saved_t *s) {
    tr_said_t *first;
    int r = tr_pages_open(s, &first);
    record_t *page = r == 0 && first ? add(saving, s->agent, first->page) : NULL;
    if (page)
        tr_saved_write_page(first, &page->bytes);
    else if (r == 0 && first)
        r = -ENOMEM;
    for (uint64_t number; r == 0 && (number = tr_pages_take_empty(s));) {
        page = add(saving, s->agent, number);
        r = page ? 0 : -ENOMEM;
        if (page)
            page->gone = true;
    }
    return r;
}

static int forget_named(saving_t *saving, const char *name) {
    record_t *gone = add_named(saving, name);
    if (gone)
        gone->gone = true;
    return gone ? 0 : -ENOMEM;
}

/* The whole state, in the place of what was appended. */
static int add_snapshot(saving_t *saving, tr_saved_t *s, const char *agent) {
    char name[TR_RECORD_NAME_MAX];
    tr_saved_state_name(agent, name);
    record_t *state = add_named(saving, name);
    int r = state ? tr_saved_write_state(s, &state->bytes) : -ENOMEM;
    for (; r == 0 && s->log.first < s->log.next; s->log.first++) {
        tr_saved_event_name(agent, s->log.first, name);
        r = forget_named(saving, name);
    }
    if (r < 0)
        return r;
    s->log.state_bytes = state->bytes.buffer.size;
    s->log.bytes = 0;
    s->log.stored = true;
    s->log.whole = false;
    return 0;
}

static int add_events(saving_t *saving, tr_saved_t *s, const char *agent) {
    char name[TR_RECORD_NAME_MAX];
    if (!s->log.fresh)
        return 0;
    tr_saved_event_name(agent, s->log.next, name);
    record_t *events = add_named(saving, name);
    if (!events)
        return -ENOMEM;
    tr_appended_write(&s->log, &events->bytes);
    s->log.next++;
    s->log.bytes += events->bytes.buffer.size;
    return 0;
}

/* The state as its behaviour has it saved; *ret_logged: not in the agent's own record. Where this fails, so has the agent, which reads all
 * of it again. */
static int add_state(saving_t *saving, tr_saved_t *s, bool *ret_logged) {
    char agent[TR_NAME_MAX + 1], name[TR_RECORD_NAME_MAX];
    int r;
    tr_agent_name(s->agent, agent);
    *ret_logged = s->agent->hosted->behaviour->replay;
    if (*ret_logged) {
        r = tr_appended_is_due(&s->log) ? add_snapshot(saving, s, agent) : add_events(saving, s, agent);
        tr_appended_finish(&s->log);
        return r;
    }
    if (!s->log.stored)
        return 0;
    tr_saved_state_name(agent, name); /* of a version of the behaviour that replayed */
    s->log.stored = false;
    return forget_named(saving, name);
}

/* All of one agent, or nothing of it. */
static int add_agent(saving_t *saving, tr_saved_t *s) {
    record_t **before = saving->end;
    tr_said_forget_taken(s);
    bool logged = false;
    int r = add_pages(saving, s);
    if (r == 0)
        r = add_state(saving, s, &logged);
    record_t *own = r == 0 ? add(saving, s->agent, 0) : NULL;
    if (r == 0)
        r = own ? tr_saved_write(s, logged, &own->bytes) : -ENOMEM;
    for (const record_t *written = *before; r == 0 && written; written = written->next)
        r = written->bytes.failed ? -ENOMEM : 0;
    if (r < 0)
        drop_from(saving, before);
    return r;
}

/* What is stored of one that was taken, or is another one's again. */
static int add_one_taken(saving_t *saving, const tr_taken_t *t) {
    char name[TR_RECORD_NAME_MAX];
    tr_taken_parcel_name(t->name, name);
    record_t *parcel = t->gone || t->parcel ? add_named(saving, name) : NULL;
    if (parcel && t->gone)
        parcel->gone = true;
    if (!parcel || t->gone)
        return !parcel && (t->gone || t->parcel) ? -ENOMEM : 0;
    msgpack_sbuffer_write(&parcel->bytes.buffer, t->parcel, t->len);
    tr_taken_away_name(t->name, name);
    record_t *away = add_named(saving, name);
    if (away)
        away->gone = true; /* it has come back */
    return away ? 0 : -ENOMEM;
}

/* All of the list's change, or nothing of it. */
static int add_taken(saving_t *saving, const tr_host_t *host) {
    record_t **before = saving->end;
    record_t *list = add_named(saving, TR_TAKEN_LIST);
    int r = list ? 0 : -ENOMEM;
    if (list)
        tr_taken_write(host, &list->bytes);
    for (const tr_taken_t *t = host->taken; r == 0 && t; t = t->next)
        r = add_one_taken(saving, t);
    for (const record_t *written = *before; r == 0 && written; written = written->next)
        r = written->bytes.failed ? -ENOMEM : 0;
    if (r < 0)
        drop_from(saving, before);
    return r;
}

static int save(tr_host_t *host, const saving_t *saving, tr_error_t *error) {
    tr_state_change_t *changes = calloc(saving->n, sizeof *changes);
    size_t n = 0;
    if (!changes)
        return tr_error_set(error, -ENOMEM, "out of memory");
    for (const record_t *r = saving->first; r; r = r->next, n++) {
        changes[n].agent = r->name;
        if (!r->gone)
            tr_content_writer_take(&r->bytes, &changes[n].bytes, &changes[n].len); /* looked at before */
    }
    int r = host->states->save(host->states, changes, n, error);
    free(changes);
    return r;
}

/* Each agent's code is then why it is not saved. */
static void save_all(tr_host_t *host) {
    saving_t saving = {.end = &saving.first};
    tr_error_t error = {0};
    for (tr_saved_t *s = host->unsaved; s; s = s->next) {
        char name[TR_NAME_MAX + 1];
        tr_agent_name(s->agent, name);
        s->code = add_agent(&saving, s);
        if (s->code < 0)
            tr_host_say(
                host, TR_HOST_UNSAVED, "the state of %s cannot be written: %s", name, strerror(-s->code));
    }
    bool listed = host->taken_changed;
    host->taken_due = false;
    int r = listed ? add_taken(&saving, host) : 0;
    if (r < 0)
        tr_error_set(&error, r, "out of memory");
    if (r == 0 && saving.n)
        r = save(host, &saving, &error);
    if (r < 0)
        tr_host_say(host, TR_HOST_UNSAVED, "%s", error.text);
    else if (listed)
        tr_taken_stored(host);
    for (tr_saved_t *s = host->unsaved; r < 0 && s; s = s->next)
        s->code = s->code < 0 ? s->code : r;
    drop_from(&saving, &saving.first);
}

/* All that has to be undone is, before the last one that is taken out lets the rest go. */
void tr_saved_commit(tr_host_t *host) {
    if (!host->unsaved && !host->taken_due)
        return;
    save_all(host);
    for (tr_saved_t *s = host->unsaved; s; s = s->next)
        if (s->code < 0)
            tr_saved_undo(s->agent);
    while (host->unsaved) {
        tr_saved_t *s = host->unsaved;
        int code = s->code;
        s->code = 0;
        tr_saved_take_out(s);
        if (code < 0)
            tr_agent_failed(s->agent, code);
        else
            tr_saved_end_leases(s, false);
    }
}

static int load_pages(tr_saved_t *s, const char *name, uint64_t first, tr_error_t *error) {
    tr_states_t *states = s->agent->hosted->host->states;
    int r = 0;
    for (uint64_t page = first; r == 0 && page < s->next_page; page++) {
        char record[TR_RECORD_NAME_MAX];
        void *bytes = NULL;
        size_t len = 0;
        tr_saved_page_name(name, page, record);
        r = states->load(states, record, &bytes, &len, error);
        if (r == 0 && bytes && (r = tr_saved_read_page(s, page, bytes, len)) < 0)
            tr_error_set(error, r, "%s, of what %s has sent, cannot be read: %s", record, name, strerror(-r));
        free(bytes);
    }
    return r;
}

/* 1: there is no such record. */
static int read_log_record(tr_saved_t *s, const char *record, int (*read)(tr_saved_t *, const void *, size_t),
    size_t *ret_len, tr_error_t *error) {
    tr_states_t *states = s->agent->hosted->host->states;
    void *bytes = NULL;
    int r = states->load(states, record, &bytes, ret_len, error);
    if (r < 0 || !bytes)
        return r < 0 ? r : 1;
    r = read(s, bytes, *ret_len);
    if (r < 0)
        tr_error_set(
            error, r, "%s, of the state that was saved, cannot be restored: %s", record, strerror(-r));
    free(bytes);
    return r;
}

/* The snapshot, where there is one, and all that came after it. */
static int load_log(tr_saved_t *s, const char *name, tr_error_t *error) {
    char record[TR_RECORD_NAME_MAX];
    size_t len = 0;
    tr_saved_state_name(name, record);
    int r = read_log_record(s, record, tr_saved_read_state, &s->log.state_bytes, error);
    s->log.stored = r == 0;
    if (r >= 0 && s->log.first < s->log.next && !s->agent->hosted->behaviour->replay)
        return tr_error_set(error, -ENOTSUP,
            "the state that was saved of %s has events behind it, and its behaviour has no replay", name);
    for (uint64_t n = s->log.first; r >= 0 && n < s->log.next; n++) {
        tr_saved_event_name(name, n, record);
        r = read_log_record(s, record, tr_saved_read_events, &len, error);
        if (r == 1)
            r = tr_error_set(error, -EBADMSG, "%s, of the state that was saved, is not there", record);
        s->log.bytes += len;
    }
    return r < 0 ? r : 0;
}

static int load(tr_saved_t *s, const char *name, tr_error_t *error) {
    tr_states_t *states = s->agent->hosted->host->states;
    void *bytes = NULL;
    size_t len = 0;
    uint64_t first = 0;
    int r = states->load(states, name, &bytes, &len, error);
    if (r == 0 && bytes) {
        r = tr_saved_read(s, bytes, len, &first);
        if (r < 0)
            tr_error_set(
                error, r, "the state that was saved of %s cannot be restored: %s", name, strerror(-r));
        else
            r = load_pages(s, name, first, error);
        if (r == 0 && !s->log.whole)
            r = load_log(s, name, error);
    }
    free(bytes);
    return r;
}

int tr_saved_load(tr_agent_t *agent) {
    char name[TR_NAME_MAX + 1];
    tr_error_t error = {0};
    tr_saved_t *s = agent->more ? agent->more->saved : NULL; /* init was a callback of it */
    if (!s)
        return -ENOMEM;
    tr_agent_name(agent, name);
    int r = load(s, name, &error);
    if (r < 0)
        tr_host_say(agent->hosted->host, TR_HOST_UNSAVED, "%s", error.text);
    return r;
}
