#include "broker/core/platform/move.h"

#include "broker/core/guard.h"

#include "proto/link.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

#define MOVES_MAX   64u  /* at once */
#define PREPARE_MS  5000 /* that an agent may take to come to rest, where nothing else is asked for */
#define PREPARE_MAX 600000u
#define PAUSE_MS    1000u /* that it is held up at most, likewise */
#define PAUSE_MAX   60000u
#define TICK_MS     250 /* so much later than its time something may be noticed */
#define ID_SIZE     32
#define WHY_MAX     300

typedef enum step { PREPARE, LEAVE, TAKE, LET_GO, GIVEN_BACK } step_t;

typedef struct tr_move {
    struct tr_move *next;
    uint64_t number;
    tr_entry_t *entry;
    tr_session_t *home;   /* where it is from; NULL = that has ended */
    tr_session_t *target; /* where it goes; NULL likewise */
    tr_route_t station;
    char station_name[TR_AID_MAX + 1];
    char by[TR_AID_MAX + 1];
    step_t step;
    bool taken;         /* the entry is the target's */
    int64_t until_ms;   /* of this step ... */
    int64_t give_up_ms; /* ... and of all attempts to prepare; mono, as: */
    int64_t held_ms;    /* since when it is in transit */
    int64_t pause_ms;   /* how long it may be at most */
    uint8_t *request;   /* tr_answer_keep */
    char question[ID_SIZE];
    tr_route_t asked;
    tr_route_t old; /* what its old process knows it by, once it is taken */
} tr_move_t;

/* ---- what is said ---- */

static bool ask(tr_core_t *core, tr_move_t *m, const tr_members_t *whom, const void *content, size_t len) {
    snprintf(m->question, sizeof m->question, "move-%llu-%d", (unsigned long long)m->number, (int)m->step);
    m->asked = tr_session_route(whom->entry->session, whom->agent);
    return tr_ams_ask(core, whom, TR_REQUEST, m->question, content, len);
}

static tr_members_t mover(const tr_move_t *m) {
    return (tr_members_t){m->entry, m->entry->first, 1};
}

/* That it stays is no question. */
static bool tell(tr_core_t *core, const tr_move_t *m, const void *content, size_t len) {
    char id[ID_SIZE];
    tr_members_t who = mover(m);
    snprintf(id, sizeof id, "move-%llu-stay", (unsigned long long)m->number);
    return tr_ams_ask(core, &who, TR_REQUEST, id, content, len);
}

/* {"action": "move", "step": WORD, "move": NUMBER, "to": STATION} to the agent's host. */
static bool tell_home(tr_core_t *core, tr_move_t *m, const char *word) {
    tr_content_writer_t w;
    const void *bytes;
    size_t len;
    tr_members_t who = mover(m);
    tr_content_writer_init(&w);
    tr_write_map(&w, 4);
    tr_write_kv(&w, "action", "move");
    tr_write_kv(&w, "step", word);
    tr_write_kv_uint(&w, "move", m->number);
    tr_write_kv(&w, "to", m->station_name);
    bool told = tr_content_writer_take(&w, &bytes, &len) == 0;
    if (told)
        told = !strcmp(word, "stay") ? tell(core, m, bytes, len) : ask(core, m, &who, bytes, len);
    tr_content_writer_finish(&w);
    return told;
}

/* To the station, with what the agent's host has packed. */
static bool send_parcel(tr_core_t *core, tr_move_t *m, const tr_record_t *parcel) {
    tr_content_writer_t w;
    const void *bytes;
    size_t len;
    tr_members_t station = {tr_entry_of_route(core, m->station), tr_route_agent(m->station), 1};
    if (!station.entry)
        return false;
    tr_content_writer_init(&w);
    tr_write_map(&w, 5);
    tr_write_kv(&w, "action", "take");
    tr_write_kv(&w, "name", m->entry->name);
    tr_write_kv_uint(&w, "move", m->number);
    tr_write_kv_bool(&w, "durable", m->entry->durable);
    tr_write_str(&w, "parcel");
    tr_write_bin(&w, parcel->content, parcel->content_len);
    bool sent = tr_content_writer_take(&w, &bytes, &len) == 0 && ask(core, m, &station, bytes, len);
    tr_content_writer_finish(&w);
    return sent;
}

/* The agent under that route of the session's is another one's. */
static void tell_moved(tr_core_t *core, tr_session_t *whom, const char *name, tr_route_t route) {
    uint8_t body[TR_NAME_MAX + 8];
    Troupe__Deregister said = TROUPE__DEREGISTER__INIT;
    said.name = (char *)(uintptr_t)name;
    tr_record_header_t h = {.kind = TR_KIND_MOVED, .src = route};
    tr_control_send(core, whom, &h, body, troupe__deregister__pack(&said, body));
}

/* ---- its end ---- */

static void free_move(tr_move_t *m) {
    free(m->request);
    free(m);
}

static void take_out(tr_core_t *core, const tr_move_t *m) {
    for (tr_move_t **p = &core->moves; *p; p = &(*p)->next) {
        if (*p == m) {
            *p = m->next;
            return;
        }
    }
}

typedef struct outcome {
    const tr_core_t *core;
    const tr_move_t *move;
    const char *why; /* it failed; NULL = it did not */
} outcome_t;

static void fill(tr_answer_t *a, void *arg) {
    const outcome_t *o = arg;
    const tr_session_t *s = o->move->target;
    char aid[2 * TR_AID_MAX];
    if (o->why) {
        tr_answer_refuse(a, "not-moved", o->why);
        a->act = TR_FAILURE;
        return;
    }
    snprintf(aid, sizeof aid, "%s@%s", o->move->entry->name, o->core->platform);
    tr_write_map(&a->content, 6);
    tr_write_kv(&a->content, "name", aid);
    tr_write_kv(&a->content, "to", o->move->station_name);
    tr_write_kv(&a->content, "process", s->process);
    tr_write_kv(&a->content, "host", s->host);
    tr_write_kv_uint(&a->content, "pid", s->pid);
    tr_write_kv_int(&a->content, "pause_ms", o->core->now.mono_ms - o->move->held_ms);
}

/* Tells who asked; frees it. */
static void close_move(tr_core_t *core, tr_move_t *m, const char *why) {
    outcome_t o = {core, m, why};
    take_out(core, m);
    tr_answer_resume(core, m->request, fill, &o);
    free_move(m);
}

/* From and into transit, as the agent itself would ask for it: its host has agreed. */
static bool change(tr_core_t *core, const tr_move_t *m, tr_agent_state_t to) {
    tr_agent_state_t from;
    tr_members_t who = mover(m);
    tr_wish_t wish = {.to = to, .asker = TR_ASKER_SELF, .by = m->by, .reason = "move"};
    if (tr_life_change(core, &who, &wish, &from) != TR_LIFE_DONE)
        return false;
    if (from != to)
        tr_sys_state(core, &who, &wish, from);
    return true;
}

/* It is active in its new place. */
static void arrive(tr_core_t *core, tr_move_t *m) {
    char detail[2 * TR_AID_MAX + 80];
    tr_core_event_t event = TR_EVENT_MOVED;
    change(core, m, TR_AGENT_ACTIVE);
    snprintf(detail, sizeof detail, "to %s by %s after a pause of %lld ms", m->station_name, m->by,
        (long long)(core->now.mono_ms - m->held_ms));
    tr_audit(core, event, m->target, NULL, m->entry->name, detail);
    close_move(core, m, NULL);
}

/* Its old process has it still: it is told, before what has waited. */
static void stay(tr_core_t *core, tr_move_t *m) {
    tell_home(core, m, "stay");
    if (m->step >= LEAVE)
        change(core, m, TR_AGENT_ACTIVE);
}

/* The station is to forget it. */
static void fetch_back(tr_core_t *core, tr_move_t *m) {
    tr_route_t there = tr_session_route(m->target, m->entry->first);
    tr_session_t *target = m->target;
    uint32_t number = tr_route_agent(m->old);
    if (!tr_entry_carry(core, m->entry, m->home, &number))
        return;
    m->taken = false;
    tell_moved(core, target, m->entry->name, there);
}

static void go_back(tr_core_t *core, tr_move_t *m) {
    if (m->taken && m->home)
        fetch_back(core, m);
    if (!m->taken)
        stay(core, m);
}

static void give_up(tr_core_t *core, tr_move_t *m, const char *why) {
    char text[WHY_MAX];
    tr_entry_t *entry = m->entry;
    const tr_session_t *target = m->target;
    bool taken = m->taken;
    snprintf(text, sizeof text, "%s", why);
    if (m->step != GIVEN_BACK)
        go_back(core, m);
    close_move(core, m, text);
    if (taken && entry->session == target)
        tr_entry_remove(core, entry, TR_REASON_AGENT_GONE); /* nobody else has it, or out of memory */
}

/* ---- its steps ---- */

static void prepare(tr_core_t *core, tr_move_t *m) {
    m->step = PREPARE;
    m->until_ms = m->give_up_ms;
    if (!tell_home(core, m, "prepare"))
        give_up(core, m, "its process cannot be asked: its mailbox is full");
}

/* From now on what comes for it waits. Behind all that its process was sent before, it is asked for its state. */
static void leave(tr_core_t *core, tr_move_t *m) {
    if (!change(core, m, TR_AGENT_TRANSIT)) {
        give_up(core, m, "it is not active any more");
        return;
    }
    m->step = LEAVE;
    m->held_ms = core->now.mono_ms;
    m->until_ms = m->held_ms + m->pause_ms;
    if (!tell_home(core, m, "leave"))
        give_up(core, m, "its process cannot be asked: its mailbox is full");
}

static void take(tr_core_t *core, tr_move_t *m, const tr_record_t *parcel) {
    m->step = TAKE;
    if (!send_parcel(core, m, parcel))
        give_up(core, m,
            "its state is larger than a record may be (--max-record), or its station cannot be asked");
}

static void let_go(tr_core_t *core, tr_move_t *m) {
    if (!m->taken) {
        give_up(core, m, "its station has not claimed it");
        return;
    }
    if (!m->home) {
        arrive(core, m);
        return;
    }
    m->step = LET_GO;
    tell_moved(core, m->home, m->entry->name, m->old);
}

/* What a host says of why it will not: {"reason", "detail"}. Whether it is only busy. */
static bool refusal_of(const tr_record_t *record, char out[WHY_MAX]) {
    tr_content_t c;
    bool busy = false;
    snprintf(out, WHY_MAX, "%s", "its process does not know how to");
    if (tr_content_init(&c, record->content, record->content_len) != 0)
        return false;
    tr_value_copy(tr_value_get(&c.root, "detail"), out, WHY_MAX); /* none, or too long: as above */
    busy = tr_value_equals(tr_value_get(&c.root, "reason"), "busy");
    tr_content_finish(&c);
    return busy;
}

static void refused(tr_core_t *core, tr_move_t *m, const tr_record_t *record) {
    char why[WHY_MAX];
    bool busy = refusal_of(record, why);
    if (m->step != LEAVE || !busy || core->now.mono_ms >= m->give_up_ms) {
        give_up(core, m, why);
        return;
    }
    stay(core, m); /* something began in the last moment: once more */
    prepare(core, m);
}

static void step_on(tr_core_t *core, tr_move_t *m, const tr_record_t *answer) {
    if (answer->h.performative != TR_INFORM) {
        refused(core, m, answer);
        return;
    }
    switch (m->step) {
    case PREPARE: leave(core, m); break;
    case LEAVE: take(core, m, answer); break;
    case TAKE: let_go(core, m); break;
    case LET_GO:
    case GIVEN_BACK: break;
    }
}

bool tr_move_answered(tr_core_t *core, const tr_record_t *record, const tr_acl_t *acl) {
    if (!core->moves || record->h.performative == TR_REQUEST || !acl->in_reply_to)
        return false;
    for (tr_move_t *m = core->moves; m; m = m->next) {
        if (m->asked != record->h.src || strcmp(m->question, acl->in_reply_to) != 0)
            continue;
        if (record->h.performative != TR_AGREE)
            step_on(core, m, record);
        return true;
    }
    return !strncmp(acl->in_reply_to, "move-", 5); /* of one that is over */
}

/* ---- what happens meanwhile ---- */

tr_entry_t *tr_move_claim(tr_core_t *core, tr_session_t *session, const char *name, uint64_t number) {
    for (tr_move_t *m = core->moves; m; m = m->next) {
        if (m->number != number || m->step != TAKE || m->taken || m->target != session ||
            strcmp(m->entry->name, name) != 0)
            continue;
        m->old = tr_session_route(m->entry->session, m->entry->first);
        if (!tr_entry_carry(core, m->entry, session, NULL))
            return NULL;
        m->taken = true;
        return m->entry;
    }
    return NULL;
}

static tr_move_t *find(const tr_core_t *core, const tr_entry_t *entry) {
    for (tr_move_t *m = core->moves; m; m = m->next)
        if (m->entry == entry)
            return m;
    return NULL;
}

bool tr_move_holds(const tr_core_t *core, const tr_entry_t *entry) {
    const tr_move_t *m = find(core, entry);
    return m && m->step >= LEAVE && m->step != GIVEN_BACK;
}

bool tr_move_released(tr_core_t *core, const tr_session_t *session, tr_entry_t *entry) {
    tr_move_t *m = find(core, entry);
    if (m && m->step == LET_GO && m->home == session) {
        arrive(core, m);
        return true;
    }
    if (m && m->taken && m->home && m->target == session) {
        go_back(core, m);
        m->step = GIVEN_BACK; /* why, its station is about to say */
        m->until_ms = core->now.mono_ms + PREPARE_MS;
        return true;
    }
    return entry->moved && entry->session != session; /* that has heard so */
}

void tr_move_session_ends(tr_core_t *core, const tr_session_t *session) {
    for (tr_move_t *m = core->moves, *next; m; m = next) {
        next = m->next;
        if (m->home == session) {
            m->home = NULL;
            if (m->step == LET_GO)
                arrive(core, m);
        } else if (m->target == session && m->step != LET_GO) {
            give_up(core, m, "the process that it was to go to has ended");
        }
    }
}

void tr_move_entry_ends(tr_core_t *core, const tr_entry_t *entry) {
    tr_move_t *m = find(core, entry);
    if (m)
        close_move(core, m, "it has ended meanwhile");
}

static void overdue(tr_core_t *core, tr_move_t *m) {
    switch (m->step) {
    case PREPARE: give_up(core, m, "it did not come to rest in time: see `troupe why`"); break;
    case LEAVE: give_up(core, m, "its process did not give its state in time"); break;
    case TAKE:
        if (!m->taken || m->home) /* else nobody but the station has it: it takes its time */
            give_up(core, m, "its station did not begin it in time (--pause)");
        break;
    case GIVEN_BACK: give_up(core, m, "its station has given it back"); break;
    case LET_GO: arrive(core, m); break; /* who is stopped there can say nothing in its name */
    }
}

void tr_move_tick(tr_core_t *core) {
    for (tr_move_t *m = core->moves, *next; m; m = next) {
        next = m->next;
        if (core->now.mono_ms + TICK_MS > m->until_ms)
            overdue(core, m);
    }
}

void tr_move_finish(tr_core_t *core) {
    while (core->moves) {
        tr_move_t *next = core->moves->next;
        free_move(core->moves);
        core->moves = next;
    }
}

/* ---- the action ---- */

/* By the station's name, or its machine's; `to` "" = any but the agent's own process. */
static bool is_meant(const tr_core_t *core, const tr_provider_t *p, const char *to) {
    char name[TR_AID_MAX + 1];
    size_t len = tr_entry_agent_name(p->entry, p->agent, name);
    if (!*to)
        return true;
    bool named =
        !strncmp(to, name, len) && (!to[len] || (to[len] == '@' && !strcmp(to + len + 1, core->platform)));
    return named || (p->entry->session->host && !strcmp(p->entry->session->host, to));
}

static const tr_provider_t *find_station(const tr_core_t *core, const tr_session_t *home, const char *to) {
    tr_service_t *s = tr_map_find_ptr(&core->service_names, TR_STATION_SERVICE, strlen(TR_STATION_SERVICE));
    const tr_provider_t *own = NULL;
    for (uint32_t i = 0; s && i < s->providers_n; i++) {
        const tr_provider_t *p = &s->providers[i];
        if (p->entry->neighbour || !is_meant(core, p, to))
            continue;
        if (p->entry->session != home)
            return p;
        own = p;
    }
    return *to ? own : NULL;
}

static bool check_agent(tr_answer_t *a, const tr_members_t *who) {
    tr_agent_state_t state = tr_life_of(who->entry, who->agent)->state;
    char detail[80];
    size_t moves = 0;
    for (const tr_move_t *m = a->core->moves; m; m = m->next)
        moves++;
    if (who->entry->range)
        tr_answer_refuse(a, "unrecognised-parameter-value",
            "name: an agent of a range is not moved, because the range is one registration in one process; "
            "start "
            "those that are to move under names of their own (in a fleet file: processes: per-agent)");
    else if (find(a->core, who->entry))
        tr_answer_refuse(a, "already-registered", "it is being moved already");
    else if (state != TR_AGENT_ACTIVE) {
        snprintf(
            detail, sizeof detail, "move is from active to transit; it is %s", tr_agent_state_name(state));
        tr_answer_refuse(a, "illegal-transition", detail);
    } else if (moves >= MOVES_MAX)
        tr_answer_fail(a, "too many agents are being moved: try again");
    else
        return true;
    return false;
}

/* Where to; NULL, and refused, where that cannot be. */
static const tr_provider_t *station_of(tr_answer_t *a, const tr_members_t *who) {
    char to[TR_AID_MAX + 1] = "";
    tr_value_t given = tr_value_get(a->request, "to");
    if (given && tr_value_copy(given, to, sizeof to) < 0) {
        tr_answer_refuse(a, "unrecognised-parameter-value", "to");
        return NULL;
    }
    const tr_provider_t *p = find_station(a->core, who->entry->session, to);
    if (!p)
        tr_answer_refuse(a, "not-registered",
            *to ? "to: no station has this name, or is on this machine (a station is an agent that offers "
                  "the service `station`)"
                : "to: there is no station in another process (an agent that offers the service `station`)");
    else if (p->entry->session == who->entry->session)
        tr_answer_refuse(a, "unrecognised-parameter-value", "to: it is in that process already");
    else if (!tr_guard_name(a->core, p->entry->session, who->entry->name, 1))
        tr_answer_refuse(a, "unauthorised", tr_guard_words(a->core, "", NULL));
    else
        return p;
    return NULL;
}

static tr_move_t *move_new(tr_answer_t *a, const tr_members_t *who, const tr_provider_t *station) {
    tr_core_t *core = a->core;
    tr_move_t *m = calloc(1, sizeof *m);
    if (!m || !(m->request = tr_answer_keep(a))) {
        free(m);
        return NULL;
    }
    core->moves_made +=
        core->moves_made ? 1 : 1 + (tr_core_random(core) >> 16); /* no number of a broker before */
    m->number = core->moves_made;
    m->entry = who->entry;
    m->home = who->entry->session;
    m->target = station->entry->session;
    m->station = tr_session_route(station->entry->session, station->agent);
    tr_entry_agent_name(station->entry, station->agent, m->station_name);
    snprintf(m->by, sizeof m->by, "%s", a->sender);
    m->give_up_ms = core->now.mono_ms + (int64_t)tr_answer_bounded(a, "wait-ms", PREPARE_MS, PREPARE_MAX);
    m->pause_ms = (int64_t)tr_answer_bounded(a, "pause-ms", PAUSE_MS, PAUSE_MAX);
    m->next = core->moves;
    core->moves = m;
    return m;
}

void tr_handle_move(tr_answer_t *a) {
    tr_members_t who;
    if (!tr_answer_members(a, &who) || !check_agent(a, &who))
        return;
    const tr_provider_t *station = station_of(a, &who);
    tr_move_t *m = station ? move_new(a, &who, station) : NULL;
    if (m)
        prepare(a->core, m);
    else if (station)
        tr_answer_fail(a, "out of memory");
}
