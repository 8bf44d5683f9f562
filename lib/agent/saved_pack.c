/*
 * The state of an agent as it goes to another process, and what becomes of it in this one's store. What it sent need not go with it:
 * the broker has taken all of that before it hears that the agent is packed.
 */
#include "lib/agent/saved.h"

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
    return tr_saved_write(&packed, out);
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

/* What it has of it, and which pages there may be. */
static int64_t look(tr_agent_t *agent, char name[TR_NAME_MAX + 1], uint64_t *ret_first, uint64_t *ret_next) {
    tr_states_t *states = agent->hosted->host->states;
    void *bytes = NULL;
    size_t len = 0;
    tr_error_t error = {0};
    tr_agent_name(agent, name);
    *ret_first = *ret_next = 1;
    if (!agent->hosted->saves || states->load(states, name, &bytes, &len, &error) < 0 || !bytes)
        return -1;
    int64_t moves = tr_saved_read_moves(bytes, len, ret_first, ret_next);
    free(bytes);
    return moves;
}

int64_t tr_saved_moves(tr_agent_t *agent) {
    char name[TR_NAME_MAX + 1];
    uint64_t first, next;
    return look(agent, name, &first, &next);
}

static int erase(tr_states_t *states, const char *name, uint64_t first, uint64_t next, tr_error_t *error) {
    size_t pages = (size_t)(next - first);
    tr_state_change_t *changes = calloc(pages + 1, sizeof *changes);
    char(*names)[TR_RECORD_NAME_MAX] = calloc(pages + 1, sizeof *names);
    int r = changes && names ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; r == 0 && i < pages; i++) {
        tr_saved_page_name(name, first + i, names[i]);
        changes[i].agent = names[i];
    }
    if (r == 0) {
        changes[pages].agent = name;
        r = states->save(states, changes, pages + 1, error);
    }
    free(changes);
    free(names);
    return r;
}

void tr_saved_erase(tr_agent_t *agent) {
    tr_host_t *host = agent->hosted->host;
    char name[TR_NAME_MAX + 1];
    uint64_t first, next;
    tr_error_t error = {0};
    if (look(agent, name, &first, &next) >= 0 && erase(host->states, name, first, next, &error) < 0)
        tr_host_say(
            host, TR_HOST_UNSAVED, "the state of %s, which has left, stays here: %s", name, error.text);
}
