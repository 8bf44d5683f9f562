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

/* All of one agent, or nothing of it. */
static int add_agent(saving_t *saving, tr_saved_t *s) {
    record_t **before = saving->end;
    tr_said_forget_taken(s);
    int r = add_pages(saving, s);
    record_t *own = r == 0 ? add(saving, s->agent, 0) : NULL;
    if (r == 0)
        r = own ? tr_saved_write(s, &own->bytes) : -ENOMEM;
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
