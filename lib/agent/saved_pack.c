/*
 * The state of an agent as it goes to another process, and what becomes of it in this one's store. What it sent need not go with it:
 * the broker has taken all of that before it hears that the agent is packed.
 */
#include "lib/agent/taken.h"

#include <errno.h>
#include <stdlib.h>

void tr_agent_kept(tr_agent_t *agent, bool kept) {
    tr_agent_more_t *more = kept ? tr_agent_more(agent) : agent->more;
    if (more && (kept || more->kept)) /* one that was kept before a failure counts no more */
        more->kept = kept ? more->kept + 1 : more->kept - 1;
}

int tr_saved_pack(tr_agent_t *agent, tr_content_writer_t *out) {
    tr_saved_t packed = {.agent = agent};
    if (agent->more && agent->more->saved)
        packed = *agent->more->saved;
    packed.pages_n = 0;
    packed.next_page = 1;
    return tr_saved_write(&packed, false, out);
}

static int unpack_beside(tr_agent_t *agent, const void *packed, size_t len) {
    tr_saved_t beside = {.agent = agent};
    uint64_t first;
    int r = tr_saved_read(&beside, packed, len, &first);
    tr_applied_finish(&beside.applied);
    return r;
}

int tr_saved_unpack(tr_agent_t *agent, const void *packed, size_t len) {
    uint64_t first;
    if (!agent->hosted->saves)
        return unpack_beside(agent, packed, len);
    tr_saved_t *s = agent->more ? agent->more->saved : NULL; /* init was a callback of it */
    int r = s ? tr_saved_read(s, packed, len, &first) : -ENOMEM;
    if (r == 0)
        s->moves++;
    return r;
}

/* ---- the store ---- */

/* What it has of it, and what else there may be. */
static int64_t look(tr_agent_t *agent, char name[TR_NAME_MAX + 1], tr_saved_extent_t *ret) {
    tr_states_t *states = agent->hosted->host->states;
    void *bytes = NULL;
    size_t len = 0;
    tr_error_t error = {0};
    tr_agent_name(agent, name);
    *ret = (tr_saved_extent_t){.first = 1, .next = 1};
    if (!agent->hosted->saves || states->load(states, name, &bytes, &len, &error) < 0 || !bytes)
        return -1;
    int64_t moves = tr_saved_read_moves(bytes, len, ret);
    free(bytes);
    return moves;
}

int64_t tr_saved_moves(tr_agent_t *agent) {
    char name[TR_NAME_MAX + 1];
    tr_saved_extent_t extent;
    return look(agent, name, &extent);
}

/* Its record and what is beside it go; `away` is the note that stays, where it has any bytes. */
typedef struct erasing {
    const char *name;
    tr_saved_extent_t extent;
    tr_state_change_t away;
} erasing_t;

/* The names of what is beside it; how many. */
static size_t name_records(const erasing_t *e, char (*names)[TR_RECORD_NAME_MAX]) {
    size_t n = 0;
    for (uint64_t page = e->extent.first; page < e->extent.next; page++)
        tr_saved_page_name(e->name, page, names[n++]);
    for (uint64_t event = e->extent.first_event; event < e->extent.next_event; event++)
        tr_saved_event_name(e->name, event, names[n++]);
    if (e->extent.next_event)
        tr_saved_state_name(e->name, names[n++]);
    return n;
}

static int erase(tr_states_t *states, const erasing_t *e, tr_error_t *error) {
    const tr_saved_extent_t *x = &e->extent;
    size_t most = (size_t)(x->next - x->first + x->next_event - x->first_event) + 1;
    tr_state_change_t *changes = calloc(most + 2, sizeof *changes);
    char(*names)[TR_RECORD_NAME_MAX] = calloc(most, sizeof *names);
    int r = changes && names ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    if (r == 0) {
        size_t n = name_records(e, names);
        for (size_t i = 0; i < n; i++)
            changes[i].agent = names[i];
        changes[n].agent = e->name;
        changes[n + 1] = e->away;
        r = states->save(states, changes, n + (e->away.bytes ? 2 : 1), error);
    }
    free(changes);
    free(names);
    return r;
}

static void write_away(const char *to, tr_content_writer_t *w) {
    tr_write_map(w, 1);
    tr_write_kv(w, "to", to);
}

void tr_saved_erase(tr_agent_t *agent, const char *to) {
    tr_host_t *host = agent->hosted->host;
    char name[TR_NAME_MAX + 1], away[TR_RECORD_NAME_MAX];
    erasing_t e = {.name = name};
    tr_content_writer_t w;
    tr_error_t error = {0};
    tr_content_writer_init(&w);
    bool there = look(agent, name, &e.extent) >= 0;
    tr_taken_away_name(name, away);
    e.away.agent = away;
    if (to)
        write_away(to, &w);
    int r = to ? tr_content_writer_take(&w, &e.away.bytes, &e.away.len) : 0;
    if (there && r == 0)
        r = erase(host->states, &e, &error);
    else if (to && r == 0)
        r = host->states->save(host->states, &e.away, 1, &error); /* it was never saved here */
    tr_content_writer_finish(&w);
    if (r < 0)
        tr_host_say(
            host, TR_HOST_UNSAVED, "the state of %s, which has left, stays here: %s", name, error.text);
}
