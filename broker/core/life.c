#include "broker/core/life.h"

#include "broker/core/state.h"

#include <stdlib.h>

/* ---- the table ---- */

static const char *const state_names[TR_AGENT_STATES] = {
    [TR_AGENT_ACTIVE] = "active",
    [TR_AGENT_INITIATED] = "initiated",
    [TR_AGENT_WAITING] = "waiting",
    [TR_AGENT_SUSPENDED] = "suspended",
    [TR_AGENT_TRANSIT] = "transit",
};

const char *tr_agent_state_name(tr_agent_state_t state) {
    return state < TR_AGENT_STATES ? state_names[state] : "unknown";
}

bool tr_agent_state_parse(const char *name, tr_agent_state_t *ret_state) {
    for (unsigned i = 0; i < TR_AGENT_STATES; i++) {
        if (!strcmp(name, state_names[i])) {
            *ret_state = (tr_agent_state_t)i;
            return true;
        }
    }
    return false;
}

#define SELF    (1u << TR_ASKER_SELF)
#define PROCESS (1u << TR_ASKER_PROCESS)
#define OTHER   (1u << TR_ASKER_OTHER)

/* SC00023 has the AMS alone resume, wake and execute; here it does where it is asked to. An agent that is suspended
 * asks for nothing: that is what the word means. */
static const tr_transition_t transitions[] = {
    {TR_AGENT_INITIATED, TR_AGENT_ACTIVE, "invoke", SELF | PROCESS},
    {TR_AGENT_ACTIVE, TR_AGENT_SUSPENDED, "suspend", SELF | PROCESS | OTHER},
    {TR_AGENT_SUSPENDED, TR_AGENT_ACTIVE, "resume", PROCESS | OTHER},
    {TR_AGENT_ACTIVE, TR_AGENT_WAITING, "wait", SELF | PROCESS},
    {TR_AGENT_WAITING, TR_AGENT_ACTIVE, "wake-up", SELF | PROCESS},
    {TR_AGENT_ACTIVE, TR_AGENT_TRANSIT, "move", SELF | PROCESS},
    {TR_AGENT_TRANSIT, TR_AGENT_ACTIVE, "execute", SELF | PROCESS},
};

const tr_transition_t *tr_life_transition(tr_agent_state_t from, tr_agent_state_t to) {
    for (size_t i = 0; i < sizeof transitions / sizeof *transitions; i++)
        if (transitions[i].from == from && transitions[i].to == to)
            return &transitions[i];
    return NULL;
}

/* To be where it is already is no transition, and done. */
static tr_life_answer_t judge(const tr_life_t *life, const tr_wish_t *wish) {
    const tr_transition_t *t = tr_life_transition(life->state, wish->to);
    if (life->state == wish->to)
        return TR_LIFE_DONE;
    if (!t)
        return TR_LIFE_ILLEGAL;
    if (!(t->askers & (1u << wish->asker)))
        return TR_LIFE_NOT_YOURS;
    return life->outside && wish->asker != TR_ASKER_OTHER ? TR_LIFE_NOT_UNDONE : TR_LIFE_DONE;
}

/* ---- who stands apart ---- */

tr_apart_t *tr_apart_find(const tr_entry_t *entry, uint32_t agent) {
    return entry->apart ? tr_map_find_ptr(entry->apart, (const char *)&agent, sizeof agent) : NULL;
}

tr_apart_t *tr_apart_next(const tr_entry_t *entry, size_t *cursor) {
    const tr_map_slot_t *slot = entry->apart ? tr_map_next(entry->apart, cursor) : NULL;
    return slot ? (tr_apart_t *)(uintptr_t)slot->value : NULL;
}

uint32_t tr_apart_count(const tr_entry_t *entry) {
    return entry->apart ? (uint32_t)entry->apart->count : 0;
}

const tr_life_t *tr_life_of(const tr_entry_t *entry, uint32_t agent) {
    const tr_apart_t *apart = tr_apart_find(entry, agent);
    return apart ? &apart->life : &entry->life;
}

tr_account_t tr_life_waiting(const tr_entry_t *entry) {
    tr_account_t sum = entry->mailbox;
    const tr_apart_t *apart;
    size_t cursor = 0;
    while ((apart = tr_apart_next(entry, &cursor))) {
        sum.records += apart->mailbox.records;
        sum.bytes += apart->mailbox.bytes;
    }
    return sum;
}

static void life_finish(tr_life_t *life) {
    free(life->by);
    free(life->reason);
}

static void apart_free(tr_apart_t *apart) {
    tr_outbox_finish(&apart->held);
    life_finish(&apart->life);
    free(apart);
}

void tr_life_finish(tr_entry_t *entry) {
    size_t cursor = 0;
    tr_apart_t *apart;
    while ((apart = tr_apart_next(entry, &cursor)))
        apart_free(apart);
    if (entry->apart)
        tr_map_finish(entry->apart);
    free(entry->apart);
    entry->apart = NULL;
    life_finish(&entry->life);
}

static bool make_room(tr_core_t *core, tr_entry_t *entry) {
    if (!entry->apart && (entry->apart = calloc(1, sizeof *entry->apart)))
        tr_map_init(entry->apart, tr_core_random(core));
    return entry->apart && entry->apart->count < TR_APART_MAX;
}

/* It lives as its entry does, for now; NULL where there is no room. */
static tr_apart_t *step_out(tr_core_t *core, tr_entry_t *entry, uint32_t agent) {
    tr_apart_t *apart = make_room(core, entry) ? calloc(1, sizeof *apart) : NULL;
    if (!apart)
        return NULL;
    apart->agent = agent;
    apart->life.state = entry->life.state;
    apart->mailbox.owner = entry;
    if (tr_map_put(entry->apart, (const char *)&agent, sizeof agent, (uint64_t)(uintptr_t)apart) == 0)
        return apart;
    free(apart);
    return NULL;
}

/* Those whose state is their entry's stand apart no more; what waited for them is the entry's. */
static void step_in(tr_core_t *core, tr_entry_t *entry) {
    size_t cursor = 0;
    tr_apart_t *apart;
    while ((apart = tr_apart_next(entry, &cursor))) {
        if (apart->life.state != entry->life.state)
            continue;
        tr_map_delete(entry->apart, (const char *)&apart->agent, sizeof apart->agent);
        tr_mailbox_empty_into(core, entry, &apart->held);
        apart_free(apart);
        cursor--; /* deleting moves later slots here */
    }
}

/* ---- changes ---- */

static char *text_of(const char *text) {
    return text && *text ? strdup(text) : NULL; /* NULL when out of memory, too: only words are lost */
}

/* Who says again what another one has said before him has said it now. */
static void live(const tr_core_t *core, tr_life_t *life, const tr_wish_t *wish) {
    bool moves = life->state != wish->to;
    if (!moves && wish->asker != TR_ASKER_OTHER)
        return;
    life_finish(life);
    *life = (tr_life_t){
        .state = wish->to,
        .outside = wish->asker == TR_ASKER_OTHER && wish->to == TR_AGENT_SUSPENDED,
        .since_ms = moves ? core->now.wall_ms : life->since_ms,
        .by = text_of(wish->by),
        .reason = text_of(wish->reason),
    };
}

static tr_life_answer_t judge_all(
    const tr_members_t *who, const tr_wish_t *wish, tr_agent_state_t *ret_from) {
    const tr_life_t *life =
        who->count == who->entry->count ? &who->entry->life : tr_life_of(who->entry, who->agent);
    tr_life_answer_t answer = judge(life, wish);
    size_t cursor = 0;
    const tr_apart_t *apart;
    *ret_from = life->state;
    while (answer == TR_LIFE_DONE && who->count > 1 && (apart = tr_apart_next(who->entry, &cursor))) {
        answer = judge(&apart->life, wish);
        if (answer != TR_LIFE_DONE)
            *ret_from = apart->life.state;
    }
    return answer;
}

static void live_all(tr_core_t *core, tr_entry_t *entry, const tr_wish_t *wish) {
    size_t cursor = 0;
    tr_apart_t *apart;
    live(core, &entry->life, wish);
    while ((apart = tr_apart_next(entry, &cursor)))
        live(core, &apart->life, wish);
}

static bool live_alone(tr_core_t *core, tr_entry_t *entry, uint32_t agent, const tr_wish_t *wish) {
    tr_apart_t *apart = tr_apart_find(entry, agent);
    if (!apart && entry->life.state == wish->to)
        return true;
    if (!apart && !(apart = step_out(core, entry, agent)))
        return false;
    live(core, &apart->life, wish);
    return true;
}

tr_life_answer_t tr_life_change(
    tr_core_t *core, const tr_members_t *who, const tr_wish_t *wish, tr_agent_state_t *ret_from) {
    tr_entry_t *e = who->entry;
    tr_life_answer_t answer = judge_all(who, wish, ret_from);
    if (answer != TR_LIFE_DONE)
        return answer;
    if (who->count == e->count)
        live_all(core, e, wish);
    else if (!live_alone(core, e, who->agent, wish))
        return TR_LIFE_FULL;
    step_in(core, e);
    tr_mailbox_rearrange(core, e, who->agent, who->count);
    tr_service_take_unsent(core, e, who->agent, who->count);
    if (wish->to == TR_AGENT_ACTIVE)
        tr_service_wake(core, e);
    tr_session_dirty(core, e->session);
    return TR_LIFE_DONE;
}
