/* The AMS's actions on the life of agents: modify for those of the requester's process, suspend and resume for all. */
#include "broker/core/platform/platform.h"

#include "broker/core/guard.h"
#include "broker/core/platform/move.h"

#include <stdio.h>

bool tr_answer_members(tr_answer_t *a, tr_members_t *ret) {
    size_t len = 0;
    const char *name = tr_answer_name(a, &len);
    char text[TR_AID_MAX + 1];
    if (!name || tr_value_copy(tr_value_get(a->request, "name"), text, sizeof text) < 0) {
        tr_answer_refuse(a, "missing-argument", "name");
        return false;
    }
    if (len && tr_platform_find(name, len)) {
        tr_answer_refuse(a, "unauthorised", "it is of the platform itself");
        return false;
    }
    text[len] = 0;
    ret->entry = tr_entry_named(a->core, text, &ret->agent, &ret->count);
    if (ret->entry && !ret->entry->neighbour)
        return true;
    tr_value_copy(tr_value_get(a->request, "name"), text, sizeof text);
    tr_answer_refuse(a, "not-registered", text);
    return false;
}

static tr_asker_t asker_of(const tr_answer_t *a, const tr_members_t *who) {
    if (who->entry->session != a->session)
        return TR_ASKER_OTHER;
    bool self = who->entry == a->requester && a->agent - who->agent < who->count;
    return self ? TR_ASKER_SELF : TR_ASKER_PROCESS;
}

/* ---- refusals ---- */

/* "suspended to waiting; from suspended it can only become active (resume)" */
static void refuse_illegal(tr_answer_t *a, tr_agent_state_t from, tr_agent_state_t to) {
    char detail[200];
    int at = snprintf(detail, sizeof detail, "%s to %s; from %s it can only become",
        tr_agent_state_name(from), tr_agent_state_name(to), tr_agent_state_name(from));
    const char *before = " ";
    for (unsigned i = 0; i < TR_AGENT_STATES && at < (int)sizeof detail; i++) {
        const tr_transition_t *t = tr_life_transition(from, (tr_agent_state_t)i);
        if (!t)
            continue;
        at += snprintf(detail + at, sizeof detail - (size_t)at, "%s%s (%s)", before,
            tr_agent_state_name(t->to), t->name);
        before = " or ";
    }
    tr_answer_refuse(a, "illegal-transition", detail);
}

static void refuse_asker(tr_answer_t *a, tr_agent_state_t from, const tr_wish_t *wish) {
    char detail[120];
    snprintf(detail, sizeof detail, "%s (%s to %s) is %s", tr_life_transition(from, wish->to)->name,
        tr_agent_state_name(from), tr_agent_state_name(wish->to),
        wish->asker == TR_ASKER_SELF ? "for others to ask for: an agent that is suspended asks for nothing"
                                     : "for the agent's own process to ask for");
    tr_answer_refuse(a, "unauthorised", detail);
}

static void refuse(tr_answer_t *a, tr_life_answer_t why, tr_agent_state_t from, const tr_wish_t *wish) {
    switch (why) {
    case TR_LIFE_ILLEGAL: refuse_illegal(a, from, wish->to); break;
    case TR_LIFE_NOT_YOURS: refuse_asker(a, from, wish); break;
    case TR_LIFE_NOT_UNDONE:
        tr_answer_refuse(a, "unauthorised",
            "another process has suspended it, and another process has to resume it (troupe resume)");
        break;
    case TR_LIFE_FULL:
        tr_answer_fail(a, "no room: too many agents of this range are in a state of their own, or no memory");
        break;
    case TR_LIFE_DONE: break;
    }
}

/* ---- actions ---- */

static void tell(tr_answer_t *a, const tr_members_t *who, const tr_wish_t *wish, tr_agent_state_t from) {
    char name[TR_AID_MAX + 1], detail[TR_AID_MAX + TR_REASON_TEXT_MAX + 16];
    tr_sys_state(a->core, who, wish, from);
    if (wish->asker != TR_ASKER_OTHER)
        return;
    tr_members_name(who, name);
    snprintf(detail, sizeof detail, "by %s%s%s", wish->by, *wish->reason ? ": " : "", wish->reason);
    tr_audit(a->core, wish->to == TR_AGENT_SUSPENDED ? TR_EVENT_SUSPENDED : TR_EVENT_RESUMED, a->session,
        NULL, name, detail);
}

/* False where it was refused. */
static bool change(tr_answer_t *a, const tr_members_t *who, tr_agent_state_t to, tr_agent_state_t *ret_from) {
    char reason[TR_REASON_TEXT_MAX + 1] = "";
    tr_value_copy(tr_value_get(a->request, "reason"), reason, sizeof reason); /* absent or too long: none */
    tr_wish_t wish = {.to = to, .asker = asker_of(a, who), .by = a->sender, .reason = reason};
    tr_life_answer_t answer = tr_life_change(a->core, who, &wish, ret_from);
    refuse(a, answer, *ret_from, &wish);
    if (answer == TR_LIFE_DONE && (*ret_from != to || who->count > 1))
        tell(a, who, &wish, *ret_from);
    return answer == TR_LIFE_DONE;
}

void tr_handle_modify(tr_answer_t *a) {
    tr_members_t who;
    tr_value_t state = tr_value_get(a->request, "state");
    char text[16];
    tr_agent_state_t to, from;
    if (!tr_answer_members(a, &who))
        return;
    if (who.entry->session != a->session)
        tr_answer_refuse(a, "unauthorised", "it belongs to another process: see suspend and resume");
    else if (tr_move_holds(a->core, who.entry))
        tr_answer_refuse(a, "unauthorised", "it is being moved");
    else if (tr_value_copy(state, text, sizeof text) < 0 || !tr_agent_state_parse(text, &to))
        tr_answer_refuse(a, state ? "unrecognised-parameter-value" : "missing-argument", "state");
    else if (change(a, &who, to, &from))
        tr_answer_done(a);
}

static void bring(tr_answer_t *a, tr_agent_state_t to) {
    tr_members_t who;
    tr_agent_state_t from;
    char name[TR_AID_MAX + 1], aid[2 * TR_AID_MAX];
    if (!tr_answer_members(a, &who) || !change(a, &who, to, &from))
        return;
    tr_members_name(&who, name);
    snprintf(aid, sizeof aid, "%s@%s", name, a->core->platform);
    tr_write_map(&a->content, 4);
    tr_write_kv(&a->content, "name", aid);
    tr_write_kv_uint(&a->content, "count", who.count);
    tr_write_kv(&a->content, "state", tr_agent_state_name(to));
    tr_write_kv(&a->content, "was", tr_agent_state_name(from));
}

void tr_handle_suspend(tr_answer_t *a) {
    bring(a, TR_AGENT_SUSPENDED);
}

void tr_handle_resume(tr_answer_t *a) {
    bring(a, TR_AGENT_ACTIVE);
}
