/* The way of a message through the broker: check the sender, find the destination by its route (or, the first
 * time, by name), push. */
#include "broker/core/durable/durable.h"
#include "broker/core/federation/neighbour.h"
#include "broker/core/guard.h"
#include "broker/core/mandate.h"
#include "broker/core/platform/conduct.h"
#include "broker/core/platform/quarantine.h"
#include "broker/core/platform/route_span.h"

#include <errno.h>
#include <stdio.h>

/* Resolved destination of one message. */
typedef struct target {
    tr_route_t route;
    tr_entry_t *entry;
    tr_service_t *service;
    const char *name; /* as the sender wrote it, where it asked by name */
} target_t;

/* A mailbox is no service to others: it is reached by its agent's name. */
static tr_service_t *service_of_route(tr_core_t *core, tr_route_t route) {
    const char *agent;
    tr_service_t *s = tr_service_of_route(core, route);
    return s && tr_service_is_mailbox(s, &agent) ? NULL : s;
}

static tr_reason_t by_route(tr_core_t *core, tr_route_t route, target_t *ret) {
    target_t t = {.route = route};
    switch (tr_route_type(route)) {
    case TR_ROUTE_AGENT: t.entry = tr_entry_of_route(core, route); break;
    case TR_ROUTE_SERVICE: t.service = service_of_route(core, route); break;
    case TR_ROUTE_PLATFORM: break;
    default: return TR_REASON_NOT_FOUND;
    }
    if (!t.entry && !t.service && tr_route_type(route) != TR_ROUTE_PLATFORM)
        return TR_REASON_STALE_ROUTE;
    *ret = t;
    return TR_REASON_NONE;
}

/* An agent that is away, but has a durable mailbox. Nobody is told its route. */
static tr_reason_t by_mailbox(tr_core_t *core, const char *name, bool durable, target_t *ret) {
    ret->service = core->durable ? tr_mailbox_service(core, name, false) : NULL;
    ret->name = NULL;
    if (!ret->service || !ret->service->durable || !(durable || ret->service->durable_policy))
        return TR_REASON_NOT_FOUND;
    ret->route = tr_service_route(ret->service);
    return TR_REASON_NONE;
}

/* A durable message for a platform whose broker is known, but not there now, waits in our journal. */
static tr_reason_t by_far_mailbox(tr_core_t *core, const tr_aid_t *aid, tr_reason_t why, target_t *ret) {
    char text[TR_AID_MAX + 1];
    if (!core->durable || tr_aid_print(aid, text, sizeof text) < 0)
        return why;
    ret->service = tr_mailbox_service(core, text, why == TR_REASON_PEER_DOWN);
    if (!ret->service)
        return why;
    ret->name = NULL; /* nobody is told its route */
    ret->route = tr_service_route(ret->service);
    return TR_REASON_NONE;
}

/* What came from a neighbour is for agents of this platform: it goes on to no other one. */
static tr_reason_t by_platform(
    tr_core_t *core, const tr_aid_t *aid, bool durable, const tr_session_t *from, target_t *ret) {
    tr_reason_t why = TR_REASON_UNKNOWN_PLATFORM;
    ret->entry = from->neighbour ? NULL : tr_proxy_find(core, aid, &why);
    if (ret->entry)
        ret->route = tr_session_route(ret->entry->session, ret->entry->first);
    return why != TR_REASON_NONE && durable && !from->neighbour ? by_far_mailbox(core, aid, why, ret) : why;
}

static tr_reason_t by_aid(
    tr_core_t *core, const tr_aid_t *aid, bool durable, const tr_session_t *from, target_t *ret) {
    size_t len = strlen(aid->name);
    if (aid->platform[0] && strcmp(aid->platform, core->platform) != 0)
        return by_platform(core, aid, durable, from, ret);
    if (aid->service) {
        ret->service = tr_service_get(core, aid->name, len, false);
        if (!ret->service)
            return TR_REASON_NO_PROVIDER;
        ret->route = tr_service_route(ret->service);
        return TR_REASON_NONE;
    }
    ret->route = tr_platform_find(aid->name, len);
    if (ret->route)
        return TR_REASON_NONE;
    uint32_t agent;
    ret->entry = tr_entry_find(core, aid->name, len, &agent);
    if (!ret->entry)
        return by_mailbox(core, aid->name, durable, ret);
    ret->route = tr_session_route(ret->entry->session, agent);
    return TR_REASON_NONE;
}

/* The first message to a name: resolved from its envelope, and its sender is told the route for the next
 * ones. */
static tr_reason_t by_name(tr_core_t *core, tr_session_t *from, const tr_record_t *record, target_t *ret) {
    tr_arena_reset(&core->arena);
    tr_acl_t acl;
    if (tr_acl_read(&acl, record, &core->arena) < 0 || !acl.receivers.count)
        return TR_REASON_BAD_ENVELOPE;
    const char *name = acl.receivers.items[0];
    tr_aid_t aid;
    if (tr_aid_parse(&aid, name, strlen(name)) < 0)
        return TR_REASON_BAD_NAME;
    target_t t = {.name = name};
    tr_reason_t why = by_aid(core, &aid, record->h.flags & TR_FLAG_DURABLE, from, &t);
    if (why != TR_REASON_NONE)
        return why;
    if (t.name)
        tr_control_resolved(core, from, name, t.route);
    if (t.entry)
        tr_gone_learn(core, t.entry, from);
    *ret = t;
    return TR_REASON_NONE;
}

/* The header's own rules: who may send, how far, until when. */
static tr_reason_t check(tr_core_t *core, tr_session_t *from, const tr_record_t *r, tr_entry_t **ret_sender) {
    if (tr_route_type(r->h.src) != TR_ROUTE_AGENT || tr_route_slot(r->h.src) != from->slot ||
        tr_route_generation(r->h.src) != from->generation)
        return TR_REASON_FORGED_SENDER;
    tr_entry_t *sender = tr_entry_in_session(from, tr_route_agent(r->h.src));
    if (!sender)
        return TR_REASON_FORGED_SENDER;
    size_t len;
    const char *aid = tr_envelope_sender(r->envelope, r->h.envelope_len, &len);
    if (!aid)
        return TR_REASON_BAD_ENVELOPE;
    if (!tr_entry_is_sender(core, sender, tr_route_agent(r->h.src), aid, len))
        return TR_REASON_FORGED_SENDER;
    if (!tr_performative_valid(r->h.performative))
        return TR_REASON_BAD_RECORD;
    if (sender->quarantined && tr_quarantine_holds(core, sender, tr_route_agent(r->h.src)))
        return TR_REASON_QUARANTINED;
    if (!r->h.hops)
        return TR_REASON_HOPS;
    if (r->h.deadline_ms && r->h.deadline_ms < (uint64_t)core->now.wall_ms)
        return TR_REASON_EXPIRED;
    if (from->guest && !tr_guard_charge(core, from, r))
        return TR_REASON_BUSY;
    sender->sent++;
    *ret_sender = sender;
    return TR_REASON_NONE;
}

/* The fleet's supervisor, there or away: what waits in its mailbox is done when it comes. */
static bool is_supervisor(const target_t *t) {
    const char *agent;
    return t->entry     ? t->entry->supervisor
           : t->service ? tr_service_is_mailbox(t->service, &agent) && !strcmp(agent, "fleet")
                        : false;
}

/* What the sender's certificate says of the receiver. */
static tr_reason_t check_guest(
    tr_core_t *core, tr_session_t *from, const target_t *t, const tr_record_t *record) {
    const char *agent;
    bool may = !is_supervisor(t) || tr_guard_fleet(core, from, record);
    if (t->service && !tr_service_is_mailbox(t->service, &agent))
        may = tr_guard_ask(core, from, t->service);
    return may ? TR_REASON_NONE : TR_REASON_FORBIDDEN;
}

/* The receiver's, who may be away. A service's providers are asked when it is handed to them. */
static tr_reason_t check_quarantine(const tr_core_t *core, const target_t *t) {
    const char *agent;
    bool held = t->entry
                    ? t->entry->quarantined && tr_quarantine_holds(core, t->entry, tr_route_agent(t->route))
                    : t->service && tr_service_is_mailbox(t->service, &agent) &&
                          tr_quarantine_holds_name(core, agent);
    return held ? TR_REASON_QUARANTINED : TR_REASON_NONE;
}

static const char *detail_of(tr_reason_t why) {
    switch (why) {
    case TR_REASON_BUSY: return "the mailbox is full";
    case TR_REASON_NOT_FOUND: return "no agent has this name";
    case TR_REASON_NO_PROVIDER: return "no agent offers this service";
    case TR_REASON_UNKNOWN_PLATFORM: return "no broker of that platform is linked to this one";
    case TR_REASON_PEER_DOWN: return "the link to the broker of that platform is down";
    case TR_REASON_STALE_ROUTE: return "who was behind this route is gone: ask by name again";
    case TR_REASON_FORGED_SENDER: return "the sender is not an agent of this process";
    case TR_REASON_BAD_RECORD: return "a message has a performative, 1 to 22";
    case TR_REASON_HOPS: return "the hop limit is used up: a loop?";
    case TR_REASON_EXPIRED: return "reply-by is in the past";
    case TR_REASON_SHUTDOWN: return "the broker is shutting down";
    case TR_REASON_BAD_TOPIC: return "not a topic: at most 200 bytes of dotted parts, no wildcards";
    case TR_REASON_NO_JOURNAL: return "this broker keeps no journal: it was started without --journal";
    case TR_REASON_NO_PRODUCER: return "a durable message needs a producer: say it in HELLO";
    case TR_REASON_QUARANTINED: return "its sender, or its receiver, is in quarantine";
    case TR_REASON_FORBIDDEN: return "topics that begin with $ are the platform's own";
    default: return tr_reason_name(why);
    }
}

static void forged(tr_core_t *core, tr_session_t *from, const tr_record_t *record) {
    char claimed[TR_AID_MAX + 1];
    size_t len = 0;
    const char *aid = tr_envelope_sender(record->envelope, record->h.envelope_len, &len);
    snprintf(claimed, sizeof claimed, "%.*s", (int)(len < TR_AID_MAX ? len : TR_AID_MAX), aid ? aid : "");
    tr_control_turn_down(
        core, from, record->h.id, TR_REASON_FORGED_SENDER, detail_of(TR_REASON_FORGED_SENDER));
    tr_audit(core, TR_EVENT_FORGED_SENDER, from, NULL, claimed, detail_of(TR_REASON_FORGED_SENDER));
}

/* A request that a neighbour has leased to us is still his: he finds another provider, or fails it. */
static void give_back(tr_core_t *core, tr_session_t *from, const tr_record_t *record, tr_reason_t why) {
    tr_record_header_t h = {
        .kind = TR_KIND_SETTLE, .flags = TR_FLAG_RELEASE, .reason = (uint16_t)why, .id = record->h.id};
    core->stats.refused[why]++;
    tr_control_send(core, from, &h, NULL, 0);
}

static bool is_of_mandate(tr_reason_t why) {
    return why == TR_REASON_DELEGATION || why == TR_REASON_CYCLE || why == TR_REASON_BUDGET;
}

/* The name of a range is not that of an agent, though `troupe ps` shows it. */
static const char *nobody(tr_core_t *core, const tr_record_t *record, char *out, size_t size) {
    tr_acl_t acl;
    tr_aid_t aid;
    char member[TR_NAME_MAX + 3];
    uint32_t agent;
    tr_arena_reset(&core->arena);
    if (!core->ranges || tr_acl_read(&acl, record, &core->arena) < 0 || !acl.receivers.count ||
        tr_aid_parse(&aid, acl.receivers.items[0], strlen(acl.receivers.items[0])) < 0)
        return detail_of(TR_REASON_NOT_FOUND);
    int len = snprintf(member, sizeof member, "%s-0", aid.name);
    const tr_entry_t *e = tr_entry_find(core, member, (size_t)len, &agent);
    if (!e || !e->range)
        return detail_of(TR_REASON_NOT_FOUND);
    snprintf(out, size, "%s is a range of agents: %s-0 to %s-%u", aid.name, aid.name, aid.name, e->count - 1);
    return out;
}

/* Nobody to tell by NACK when the sender itself was false: the process is told instead. */
static void refuse(tr_core_t *core, tr_session_t *from, const tr_record_t *record, tr_reason_t why) {
    const char *durable = tr_durable_words(core, NULL);
    if (why == TR_REASON_FORGED_SENDER)
        forged(core, from, record);
    if (from->neighbour && record->h.flags & TR_FLAG_LEASED) {
        give_back(core, from, record, why);
        return;
    }
    if (why == TR_REASON_FORGED_SENDER)
        return;
    if (why == TR_REASON_BAD_ENVELOPE) {
        tr_control_refuse(core, from, record->h.id, why, detail_of(why));
        return;
    }
    uint32_t retry_ms = why == TR_REASON_PEER_DOWN || (durable && why == TR_REASON_BUSY) ? 1000
                        : why == TR_REASON_BUSY                                          ? 100
                                                                                         : 0;
    char words[3 * TR_NAME_MAX + 64];
    const char *usual = durable                      ? durable
                        : why == TR_REASON_NOT_FOUND ? nobody(core, record, words, sizeof words)
                                                     : detail_of(why);
    const char *detail = is_of_mandate(why) ? tr_mandate_words(core) : tr_guard_words(core, usual, &retry_ms);
    core->stats.refused[why]++;
    tr_nack(core, record, why, detail, retry_ms);
}

/* Before it is handed over: what it says to the platform may end its sender. */
static void name_both(const tr_entry_t *sender, const target_t *t, const tr_record_t *record, tr_tap_t *ret) {
    const char *to;
    tr_entry_agent_name(sender, tr_route_agent(record->h.src), ret->from);
    if (t->entry)
        tr_entry_agent_name(t->entry, tr_route_agent(t->route), ret->to);
    else if (t->service)
        snprintf(
            ret->to, sizeof ret->to, "%s", tr_service_is_mailbox(t->service, &to) ? to : t->service->name);
    else
        snprintf(ret->to, sizeof ret->to, "%s", tr_route_slot(t->route) == TR_PLATFORM_AMS ? "ams" : "df");
}

/* While the broker drains, agents may still answer the requests that are being worked on. */
static tr_reason_t check_drain(const tr_core_t *core, const target_t *t) {
    return !core->shutdown || (t->entry && core->stats.leased) ? TR_REASON_NONE : TR_REASON_SHUTDOWN;
}

static tr_reason_t find_target(
    tr_core_t *core, tr_session_t *from, const tr_record_t *record, target_t *ret) {
    tr_reason_t why = record->h.dst ? by_route(core, record->h.dst, ret) : TR_REASON_STALE_ROUTE;
    if (why == TR_REASON_NONE && ret->entry && ret->entry->neighbour && from->neighbour)
        return TR_REASON_NOT_FOUND; /* it goes on to no third one */
    if (why != TR_REASON_STALE_ROUTE)
        return why;
    why = by_name(core, from, record, ret); /* no route yet, or its owner came back under another one */
    return why == TR_REASON_BAD_ENVELOPE && record->h.dst
               ? TR_REASON_STALE_ROUTE /* the route was all there was */
               : why;
}

/* On whose behalf, and with what to spend. The sender pays when the message has been taken. */
static tr_reason_t check_mandate(tr_core_t *core, tr_session_t *from, const target_t *t, tr_record_t *r) {
    char name[TR_AID_MAX + 1] = "";
    const char *agent, *to = name;
    const tr_service_t *service = t->service;
    if (t->entry)
        tr_entry_agent_name(t->entry, tr_route_agent(t->route), name);
    if (service && tr_service_is_mailbox(service, &agent)) { /* of one who is away */
        to = agent;
        service = NULL;
    }
    return tr_mandate_check(core, from, r, to, service);
}

/* To a mailbox, a queue, or an agent of the platform itself. */
static tr_reason_t hand_over(tr_core_t *core, tr_session_t *from, const target_t *t, const tr_record_t *r) {
    if (t->entry && t->entry->neighbour && (r->h.flags & TR_FLAG_DURABLE) && !t->entry->neighbour->journal)
        return TR_REASON_NO_JOURNAL;
    if (tr_durable_wanted(core, t->entry, t->service, r))
        return tr_durable_message(core, from, t->entry, t->service, r);
    if (t->entry) {
        tr_reason_t why = tr_mailbox_push(core, t->entry, r, &r->h, from);
        if (why == TR_REASON_NONE && r->h.flags & TR_FLAG_MANDATE)
            tr_mandate_give(core, r, t->entry, tr_route_agent(t->route), false);
        return why;
    }
    if (t->service)
        return tr_service_push(core, t->service, r, from);
    tr_platform_message(core, from, r);
    return TR_REASON_NONE;
}

/* The same where some mailboxes are held to the protocols. What was answered with not-understood is done. */
static tr_reason_t hand_over_checked(
    tr_core_t *core, tr_session_t *from, const tr_entry_t *sender, const target_t *t, const tr_record_t *r) {
    tr_said_t said = {
        .sender = sender, .to = t->entry, .service = t->service, .route = t->route, .record = r};
    if (!tr_conduct_hears(core, &said))
        return hand_over(core, from, t, r);
    if (!tr_conduct_lets_pass(core, &said))
        return TR_REASON_NONE;
    tr_reason_t why = hand_over(core, from, t, r);
    if (why == TR_REASON_NONE)
        tr_conduct_note(core, &said);
    return why;
}

/* Those that the broker sets are not a process's to send. A neighbour leases us what is for a service of here. */
static uint8_t flags_taken(const tr_session_t *from, const target_t *t, const tr_record_t *r) {
    uint8_t own = TR_FLAG_LEASED | TR_FLAG_REDELIVERED | TR_FLAG_TAP | TR_FLAG_STAYS;
    bool leased = from->neighbour && (t->service || r->h.flags & TR_FLAG_DURABLE);
    return (uint8_t) ~(leased ? TR_FLAG_TAP | TR_FLAG_STAYS : own);
}

/* The whole way; why it was refused. `ret_ahead`: records that wait where it goes to; NULL where nobody wants to know. */
static tr_reason_t route(
    tr_core_t *core, tr_session_t *from, const tr_record_t *as_sent, uint64_t *ret_ahead) {
    tr_entry_t *sender;
    target_t t;
    tr_record_t copy = *as_sent, *record = &copy;
    tr_reason_t why =
        from->neighbour ? tr_foreign_check(core, from, record, &sender) : check(core, from, record, &sender);
    if (why == TR_REASON_NONE)
        why = find_target(core, from, record, &t);
    if (why == TR_REASON_NONE)
        why = check_drain(core, &t);
    if (why == TR_REASON_NONE && core->quarantine)
        why = check_quarantine(core, &t);
    if (why == TR_REASON_NONE && from->guest)
        why = check_guest(core, from, &t, record);
    if (why != TR_REASON_NONE) {
        refuse(core, from, record, why);
        return why;
    }
    record->h.dst = t.route;
    record->h.hops--;
    record->h.flags &= flags_taken(from, &t, record);
    record->h.attempt = 0;
    if (record->h.flags & TR_FLAG_MANDATE)
        why = check_mandate(core, from, &t, record);
    tr_tap_t tap;
    bool tapped = why == TR_REASON_NONE && core->tapped;
    if (tapped)
        name_both(sender, &t, record, &tap);
    if (ret_ahead)
        *ret_ahead = t.entry ? t.entry->mailbox.records : t.service ? t.service->queued : 0;
    if (why == TR_REASON_NONE && t.entry && t.entry->neighbour)
        tr_gone_learn(core, sender, t.entry->session);
    if (why == TR_REASON_NONE)
        why = core->conduct ? hand_over_checked(core, from, sender, &t, record)
                            : hand_over(core, from, &t, record);
    if (why != TR_REASON_NONE) {
        refuse(core, from, record, why);
        return why;
    }
    if (record->h.flags & TR_FLAG_MANDATE)
        tr_mandate_paid(core);
    if (tapped) /* what was refused nobody has got */
        tr_tap(core, &tap, record);
    return TR_REASON_NONE;
}

/* Functions of their own, so that what is neither traced nor durable goes straight on: within tr_route_message they would cost each message
 * thirty instructions. */
__attribute__((noinline)) static tr_reason_t route_traced(
    tr_core_t *core, tr_session_t *from, const tr_record_t *record) {
    tr_route_span_t span = tr_route_span_begin(core, record);
    tr_reason_t why = route(core, from, record, &span.ahead);
    tr_route_span_end(core, &span, record, why);
    return why;
}

__attribute__((noinline)) static tr_reason_t route_durable(
    tr_core_t *core, tr_session_t *from, const tr_record_t *record) {
    if (tr_durable_repeated(core, from, record))
        return TR_REASON_NONE;
    return record->h.marks & TR_MARK_TRACED ? route_traced(core, from, record)
                                            : route(core, from, record, NULL);
}

__attribute__((noinline)) static void route_told(
    tr_core_t *core, tr_session_t *from, const tr_record_t *record) {
    bool durable = record->h.flags & TR_FLAG_DURABLE, traced = record->h.marks & TR_MARK_TRACED;
    tr_reason_t why = durable  ? route_durable(core, from, record)
                      : traced ? route_traced(core, from, record)
                               : route(core, from, record, NULL);
    tr_event_message(core, record, why);
}

void tr_route_message(tr_core_t *core, tr_session_t *from, const tr_record_t *record) {
    if (core->config.tell_messages)
        route_told(core, from, record);
    else if (record->h.flags & TR_FLAG_DURABLE)
        route_durable(core, from, record);
    else if (record->h.marks & TR_MARK_TRACED)
        route_traced(core, from, record);
    else
        route(core, from, record, NULL); /* nothing of the others is on this way */
}

static tr_reason_t topic_by_name(
    tr_core_t *core, tr_session_t *from, const tr_record_t *record, tr_topic_t **ret_topic) {
    tr_acl_t acl;
    tr_arena_reset(&core->arena);
    if (tr_acl_read(&acl, record, &core->arena) < 0 || !acl.topic)
        return TR_REASON_BAD_ENVELOPE;
    size_t len = strlen(acl.topic);
    if (!tr_topic_valid(acl.topic, len))
        return TR_REASON_BAD_TOPIC;
    if (acl.topic[0] == '$' || !tr_guard_topic(core, from, acl.topic, len))
        return TR_REASON_FORBIDDEN;
    tr_topic_t *topic = tr_topic_get(core, acl.topic, len);
    if (!topic)
        return TR_REASON_LIMIT;
    tr_control_resolved(core, from, acl.topic, tr_topic_route(topic));
    *ret_topic = topic;
    return TR_REASON_NONE;
}

/* A subscriber knows the routes of the platform's own topics: they are not to be published to either. */
static tr_reason_t topic_by_route(
    tr_core_t *core, tr_session_t *from, tr_route_t route, tr_topic_t **ret_topic) {
    tr_topic_t *topic = tr_topic_of_route(core, route);
    if (!topic)
        return TR_REASON_STALE_ROUTE;
    if (topic->name[0] == '$' || (from->guest && !tr_guard_publish(core, from, topic)))
        return TR_REASON_FORBIDDEN;
    *ret_topic = topic;
    return TR_REASON_NONE;
}

void tr_route_publish(tr_core_t *core, tr_session_t *from, const tr_record_t *record) {
    tr_entry_t *sender;
    tr_topic_t *topic;
    tr_route_span_t span = tr_route_span_begin(core, record);
    tr_reason_t why = check(core, from, record, &sender);
    if (why == TR_REASON_NONE && core->shutdown)
        why = TR_REASON_SHUTDOWN;
    if (why == TR_REASON_NONE)
        why = record->h.dst ? topic_by_route(core, from, record->h.dst, &topic)
                            : topic_by_name(core, from, record, &topic);
    if (why != TR_REASON_NONE) {
        refuse(core, from, record, why);
    } else {
        tr_record_header_t h = record->h;
        h.dst = tr_topic_route(topic);
        h.hops--;
        h.flags &= (uint8_t) ~(TR_FLAG_LEASED | TR_FLAG_REDELIVERED | TR_FLAG_TAP | TR_FLAG_MANDATE);
        h.attempt = 0;
        tr_publish_record(core, topic, record, h);
    }
    if (span.began_ns)
        tr_route_span_end(core, &span, record, why);
    if (core->config.tell_messages)
        tr_event_message(core, record, why);
}
