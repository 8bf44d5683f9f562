#include "broker/core/platform/conduct.h"

#include "broker/core/guard.h"
#include "lib/agent/protocol/checker.h"
#include "lib/store/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ENVELOPE_ARENA (1u << 20)

struct tr_conduct {
    tr_map_t policies; /* name -> tr_conduct_policy_t, never off */
    tr_checker_t *checker;
    tr_arena_t arena; /* for what was read until it is noted: the core's own is used meanwhile */
};

static const char *const policy_names[] = {"off", "check", "enforce"};
#define POLICIES (sizeof policy_names / sizeof *policy_names)

const char *tr_conduct_policy_name(unsigned policy) {
    return policy < POLICIES ? policy_names[policy] : "unknown";
}

tr_conduct_policy_t tr_conduct_of(const tr_core_t *core, const char *name) {
    const uint64_t *policy = core->conduct ? tr_map_find(&core->conduct->policies, name, strlen(name)) : NULL;
    return policy ? (tr_conduct_policy_t)*policy : TR_CONDUCT_OFF;
}

/* ---- a message ---- */

/* Whichever of its providers gets it: the strictest of theirs. */
static tr_conduct_policy_t policy_of_providers(const tr_service_t *service) {
    unsigned policy = TR_CONDUCT_OFF;
    for (uint32_t i = 0; i < service->providers_n && policy != TR_CONDUCT_ENFORCE; i++)
        if (service->providers[i].entry->conduct > policy)
            policy = service->providers[i].entry->conduct;
    return (tr_conduct_policy_t)policy;
}

/* Of the mailbox, also of one whose agent is away, or of a service. */
static tr_conduct_policy_t policy_of_receiver(const tr_core_t *core, const tr_said_t *said) {
    const char *away;
    if (said->to)
        return (tr_conduct_policy_t)said->to->conduct;
    if (!said->service)
        return TR_CONDUCT_OFF;
    return tr_service_is_mailbox(said->service, &away) ? tr_conduct_of(core, away)
                                                       : policy_of_providers(said->service);
}

static bool name_receiver(tr_said_t *said) {
    const char *away;
    if (said->to)
        return tr_entry_agent_name(said->to, tr_route_agent(said->route), said->receiver) > 0;
    if (!said->service)
        return false; /* the platform's agents keep to the protocols */
    bool mailbox = tr_service_is_mailbox(said->service, &away);
    int n = snprintf(said->receiver, sizeof said->receiver, "%s%s", mailbox ? "" : TR_SERVICE_PREFIX,
        mailbox ? away : said->service->name);
    return n > 0 && (size_t)n < sizeof said->receiver;
}

bool tr_conduct_hears(tr_core_t *core, tr_said_t *said) {
    struct tr_conduct *conduct = core->conduct;
    said->policy = policy_of_receiver(core, said);
    if (said->policy == TR_CONDUCT_OFF && !said->sender->conduct)
        return false;
    tr_arena_reset(&conduct->arena);
    return name_receiver(said) && tr_acl_read(&said->acl, said->record, &conduct->arena) == 0 &&
           said->acl.conversation_id;
}

static void tell(tr_core_t *core, const tr_said_t *said, const tr_checked_t *is) {
    char detail[700];
    snprintf(detail, sizeof detail, "%s to %s in %s: %s", said->acl.sender, said->receiver, is->protocol,
        is->detail);
    core->stats.illegal_acts++;
    tr_audit(core, TR_EVENT_ILLEGAL_ACT, said->sender->session, NULL, is->id, detail);
}

/* Out of memory: it is not remembered, and what follows is let be, ignoring. */
static bool take(tr_core_t *core, const tr_said_t *said, tr_checked_t *ret) {
    return tr_checker_take(core->conduct->checker, &said->acl, said->receiver, core->now.wall_ms, ret) == 0 &&
           ret->check == TR_CHECK_ILLEGAL && !ret->unbegun;
}

void tr_conduct_note(tr_core_t *core, const tr_said_t *said) {
    tr_checked_t is;
    if (take(core, said, &is))
        tell(core, said, &is);
}

/* The same as a libtroupe agent's, so that the sender's conversation ends as with one. */
static void write_why(tr_content_writer_t *w, const tr_core_t *core, const tr_checked_t *is) {
    tr_write_map(w, 4);
    tr_write_kv(w, "reason", "unexpected-act");
    tr_write_kv(w, "detail", is->detail);
    tr_write_kv(w, "by", core->platform);
    tr_write_str(w, "allowed");
    tr_write_array(w, (size_t)__builtin_popcount(is->allowed));
    for (unsigned act = 0; act < TR_ACT_MAX; act++)
        if (is->allowed & 1u << act)
            tr_write_str(w, tr_performative_name(act));
}

static void push(tr_core_t *core, const tr_said_t *said, const tr_acl_t *acl, const void *body, size_t len) {
    tr_entry_t *to = tr_entry_of_route(core, said->record->h.src);
    size_t envelope_len = tr_acl_envelope_size(acl);
    uint8_t *bytes = to && envelope_len <= TR_ENVELOPE_MAX ? malloc(envelope_len + len) : NULL;
    if (!bytes)
        return; /* the sender's own deadline tells it */
    tr_acl_envelope_write(acl, bytes);
    memcpy(bytes + envelope_len, body, len);
    tr_record_header_t h = {
        .length = (uint32_t)(TR_RECORD_HEADER + envelope_len + len),
        .kind = TR_KIND_MESSAGE,
        .performative = TR_NOT_UNDERSTOOD,
        .hops = said->record->h.hops,
        .dst = said->record->h.src,
        .src = said->route,
        .id = said->record->h.id,
        .envelope_len = (uint16_t)envelope_len,
    };
    tr_record_t r = {.h = h, .envelope = bytes};
    tr_reason_t why = tr_mailbox_push(core, to, &r, &h, NULL);
    if (why != TR_REASON_NONE)
        core->stats.refused[why]++; /* it reads too slowly for answers */
    free(bytes);
}

/* In the name of the mailbox. Ends the conversation here too: what was on its way is late then, not illegal. */
static void answer(tr_core_t *core, const tr_said_t *said, const tr_checked_t *why) {
    char sender[TR_AID_MAX + TR_PLATFORM_MAX + 2];
    const char *to = said->acl.sender;
    tr_content_writer_t w;
    const void *body;
    size_t len;
    tr_checked_t ended;
    snprintf(sender, sizeof sender, "%s@%s", said->receiver, core->platform);
    tr_acl_t acl = {
        .performative = TR_NOT_UNDERSTOOD,
        .sender = sender,
        .receivers = {.items = &to, .count = 1},
        .protocol = said->acl.protocol,
        .conversation_id = said->acl.conversation_id,
        .in_reply_to = said->acl.reply_with,
    };
    tr_content_writer_init(&w);
    write_why(&w, core, why);
    if (tr_content_writer_take(&w, &body, &len) == 0)
        push(core, said, &acl, body, len);
    tr_content_writer_finish(&w);
    tr_checker_take(core->conduct->checker, &acl, to, core->now.wall_ms, &ended); /* ignoring */
}

/* A producer waits for a word on its durable message: that is the NACK. */
static void give_back(tr_core_t *core, const tr_said_t *said, const tr_checked_t *why) {
    core->stats.refused[TR_REASON_FORBIDDEN]++;
    tr_nack(core, said->record, TR_REASON_FORBIDDEN, why->detail, 0);
}

bool tr_conduct_lets_pass(tr_core_t *core, const tr_said_t *said) {
    tr_checked_t is;
    if (said->policy != TR_CONDUCT_ENFORCE || said->acl.performative == TR_NOT_UNDERSTOOD ||
        tr_checker_judge(core->conduct->checker, &said->acl, said->receiver) != TR_CHECK_ILLEGAL ||
        !take(core, said, &is))
        return true;
    tell(core, said, &is);
    if (said->record->h.flags & TR_FLAG_DURABLE)
        give_back(core, said, &is);
    else
        answer(core, said, &is);
    return false;
}

/* ---- the policies ---- */

void tr_conduct_finish(tr_core_t *core) {
    struct tr_conduct *conduct = core->conduct;
    if (!conduct)
        return;
    tr_map_finish(&conduct->policies);
    tr_checker_destroy(&conduct->checker);
    tr_arena_finish(&conduct->arena);
    free(conduct);
    core->conduct = NULL;
}

static struct tr_conduct *conduct_of(tr_core_t *core) {
    if (core->conduct)
        return core->conduct;
    struct tr_conduct *conduct = calloc(1, sizeof *conduct);
    if (!conduct || tr_checker_new(core->platform, TR_CONDUCT_CONVERSATIONS_MAX, &conduct->checker) < 0) {
        free(conduct);
        return NULL;
    }
    tr_map_init(&conduct->policies, tr_core_random(core));
    tr_arena_init(&conduct->arena, ENVELOPE_ARENA);
    core->conduct = conduct;
    return conduct;
}

/* With the last policy all that was remembered goes, and messages cost nothing again. */
static bool set(tr_core_t *core, const char *name, size_t len, tr_conduct_policy_t policy) {
    if (policy == TR_CONDUCT_OFF) {
        if (core->conduct && tr_map_delete(&core->conduct->policies, name, len) &&
            !core->conduct->policies.count)
            tr_conduct_finish(core);
        return true;
    }
    struct tr_conduct *conduct = conduct_of(core);
    bool known = conduct && tr_map_find(&conduct->policies, name, len);
    return conduct && (known || conduct->policies.count < TR_CONDUCT_NAMES_MAX) &&
           tr_map_put(&conduct->policies, name, len, policy) == 0;
}

/* ---- in the journal ---- */

/* False when out of memory. */
static bool write_down(tr_core_t *core, const char *name, tr_conduct_policy_t policy) {
    tr_batch_t *batch = core->durable ? tr_batch_open(core) : NULL;
    tr_key_t key = tr_key_named(TR_KEY_CONDUCT, name);
    uint8_t value = (uint8_t)policy;
    if (!core->durable)
        return true;
    return batch &&
           (policy == TR_CONDUCT_OFF ? tr_batch_more(batch, TR_JOURNAL_DELETE, &key, NULL, 0)
                                     : tr_batch_more(batch, TR_JOURNAL_PUT, &key, &value, sizeof value));
}

int tr_conduct_recover(tr_core_t *core, const tr_pair_t *pair) {
    const char *name = (const char *)pair->key + 1;
    size_t len = pair->key_len - 1;
    bool good = pair->value_len == 1 && *pair->value > TR_CONDUCT_OFF && *pair->value < POLICIES &&
                tr_name_valid(name, len);
    if (!good)
        return -EBADMSG;
    return set(core, name, len, (tr_conduct_policy_t)*pair->value) ? 0 : -ENOMEM;
}

/* ---- the order ---- */

/* What could not be written down does not hold either. */
static bool order(tr_core_t *core, const char *name, size_t len, tr_conduct_policy_t policy) {
    char text[TR_NAME_MAX + 1];
    memcpy(text, name, len);
    text[len] = '\0';
    tr_conduct_policy_t before = tr_conduct_of(core, text);
    if (!set(core, name, len, policy))
        return false;
    if (write_down(core, text, policy))
        return true;
    set(core, name, len, before); /* for which there was room, ignoring */
    return false;
}

static bool read_policy(tr_value_t value, tr_conduct_policy_t *ret) {
    for (unsigned i = 0; i < POLICIES; i++) {
        if (tr_value_equals(value, policy_names[i])) {
            *ret = (tr_conduct_policy_t)i;
            return true;
        }
    }
    return false;
}

void tr_handle_mailbox_protocol(tr_answer_t *a) {
    size_t len;
    const char *name = tr_answer_name(a, &len);
    tr_value_t word = tr_value_get(a->request, "policy");
    tr_conduct_policy_t policy;
    if (!name || !word) {
        tr_answer_refuse(a, "missing-argument", name ? "policy" : "name");
    } else if (!tr_name_valid(name, len) || tr_platform_find(name, len)) {
        tr_answer_refuse(a, "unrecognised-parameter-value", "name: an agent or a range of this platform");
    } else if (!read_policy(word, &policy)) {
        tr_answer_refuse(a, "unrecognised-parameter-value", "policy: off, check or enforce");
    } else if (!order(a->core, name, len, policy)) {
        tr_answer_fail(a, "no room for another mailbox that is checked");
    } else {
        tr_entry_t *e = tr_map_find_ptr(&a->core->names, name, len);
        if (e)
            e->conduct = (uint8_t)policy;
        tr_answer_done(a);
        tr_answer_when_stored(a);
    }
}
