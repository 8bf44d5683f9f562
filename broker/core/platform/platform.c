#include "broker/core/platform/platform.h"

#include "broker/core/guard.h"
#include "broker/core/platform/df_watch.h"
#include "broker/core/platform/move.h"
#include "broker/core/platform/search.h"
#include "broker/core/platform/why.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct platform_agent {
    const char *name;
    const tr_action_t *actions;
    /* Of what it can be subscribed to; NULL where to nothing. */
    void (*subscribe)(tr_answer_t *a, const tr_acl_t *acl);
    void (*cancel)(tr_answer_t *a, const tr_acl_t *acl);
} platform_agent_t;

static const platform_agent_t agents[] = {
    [TR_PLATFORM_AMS] = {"ams", tr_ams_actions},
    [TR_PLATFORM_DF] = {"df", tr_df_actions, tr_df_subscribe, tr_df_cancel},
};
#define AGENTS (sizeof agents / sizeof *agents)

tr_route_t tr_platform_find(const char *name, size_t len) {
    for (uint32_t i = 1; i < AGENTS; i++)
        if (strlen(agents[i].name) == len && !memcmp(agents[i].name, name, len))
            return tr_route(TR_ROUTE_PLATFORM, i, 1, 0);
    return 0;
}

static void answer_with(tr_answer_t *a, tr_performative_t act, const char *reason, const char *detail) {
    a->act = act;
    tr_content_writer_finish(&a->content);
    tr_content_writer_init(&a->content);
    tr_write_map(&a->content, 2);
    tr_write_kv(&a->content, "reason", reason);
    tr_write_kv(&a->content, "detail", detail);
}

void tr_answer_refuse(tr_answer_t *answer, const char *reason, const char *detail) {
    answer_with(answer, TR_REFUSE, reason, detail);
}

void tr_answer_fail(tr_answer_t *answer, const char *detail) {
    answer_with(answer, TR_FAILURE, "internal-error", detail);
}

void tr_answer_done(tr_answer_t *answer) {
    tr_write_map(&answer->content, 1);
    tr_write_kv_bool(&answer->content, "done", true);
}

bool tr_answer_has_journal(tr_answer_t *answer) {
    if (!answer->core->durable)
        tr_answer_refuse(answer, "unsupported-function", "this broker keeps no journal (--journal)");
    return answer->core->durable != NULL;
}

const char *tr_answer_name(const tr_answer_t *answer, size_t *ret_len) {
    const char *text = tr_value_str(tr_value_get(answer->request, "name"), ret_len);
    if (!text || !*ret_len)
        return NULL;
    const char *at = memchr(text, '@', *ret_len);
    if (!at)
        return text;
    size_t platform = *ret_len - (size_t)(at - text) - 1;
    bool here = platform == answer->core->platform_len && !memcmp(at + 1, answer->core->platform, platform);
    *ret_len = here ? (size_t)(at - text) : 0;
    return text;
}

size_t tr_answer_bounded(const tr_answer_t *answer, const char *key, size_t otherwise, size_t max) {
    int64_t n = tr_value_int(tr_value_get(answer->request, key), (int64_t)otherwise);
    return n < 0 ? 0 : (size_t)n > max ? max : (size_t)n;
}

static const tr_action_t *find_action(const tr_action_t *actions, tr_value_t name) {
    for (; actions->name; actions++)
        if (tr_value_equals(name, actions->name))
            return actions;
    return NULL;
}

/* ---- arguments ---- */

/* The next word of `arguments`, without its mark; false at the end. */
static bool next_argument(
    const char **arguments, const char **ret_name, size_t *ret_len, bool *ret_required) {
    const char *from = *arguments + strspn(*arguments, " ");
    size_t len = strcspn(from, " ");
    *arguments = from + len;
    *ret_required = len && from[len - 1] == '*';
    *ret_name = from;
    *ret_len = len - *ret_required;
    return len > 0;
}

static bool is_argument(const char *arguments, tr_value_t key) {
    const char *name;
    size_t len, key_len = 0;
    bool required;
    const char *text = tr_value_str(key, &key_len);
    while (next_argument(&arguments, &name, &len, &required))
        if (text && key_len == len && memcmp(text, name, len) == 0)
            return true;
    return false;
}

bool tr_answer_refuses_twice(tr_answer_t *a, const char *arguments) {
    const msgpack_object_map *given = &a->request->via.map;
    const char *name;
    size_t len;
    bool required;
    char text[64], detail[96];
    while (next_argument(&arguments, &name, &len, &required)) {
        size_t times = 0;
        snprintf(text, sizeof text, "%.*s", (int)len, name);
        for (uint32_t i = 0; i < given->size; i++)
            times += tr_value_equals(&given->ptr[i].key, text);
        if (times < 2)
            continue;
        snprintf(detail, sizeof detail, "%s: more than once", text);
        tr_answer_refuse(a, "unexpected-argument-count", detail);
        return true;
    }
    return false;
}

bool tr_answer_refuses_arguments(tr_answer_t *a, const char *arguments) {
    const msgpack_object_map *given = &a->request->via.map;
    const char *rest = arguments, *name;
    size_t len;
    bool required;
    char text[64];
    while (next_argument(&rest, &name, &len, &required)) {
        snprintf(text, sizeof text, "%.*s", (int)len, name);
        if (!required || tr_value_get(a->request, text))
            continue;
        tr_answer_refuse(a, "missing-argument", text);
        return true;
    }
    for (uint32_t i = 0; i < given->size; i++) {
        if (tr_value_equals(&given->ptr[i].key, "action") || is_argument(arguments, &given->ptr[i].key))
            continue;
        if (tr_value_copy(&given->ptr[i].key, text, sizeof text) < 0)
            snprintf(text, sizeof text, "%s", "a key that is no short text");
        tr_answer_refuse(a, "unexpected-argument", text);
        return true;
    }
    return tr_answer_refuses_twice(a, "action") || tr_answer_refuses_twice(a, arguments);
}

static void perform_action(tr_answer_t *a, const platform_agent_t *agent) {
    tr_value_t name = tr_value_get(a->request, "action");
    const tr_action_t *action = find_action(agent->actions, name);
    if (!name)
        tr_answer_refuse(a, "missing-argument", "action");
    else if (!action || action->told)
        tr_answer_refuse(a, "unsupported-function", "see docs/protocol.md for the actions");
    else if (a->requester->neighbour && !action->abroad)
        tr_answer_refuse(a, "unauthorised", "this is for agents of this platform");
    else if (!tr_guard_verb(a->core, a->session, agent->name, action->name))
        tr_answer_refuse(a, "unauthorised", tr_guard_words(a->core, "", NULL));
    else if (!action->arguments || !tr_answer_refuses_arguments(a, action->arguments))
        action->handle(a);
}

/* To a search: who may search may subscribe to it. */
static void subscribe(tr_answer_t *a, const platform_agent_t *agent, const tr_acl_t *acl) {
    if (a->requester->neighbour)
        tr_answer_refuse(a, "unauthorised", "this is for agents of this platform");
    else if (!tr_guard_verb(a->core, a->session, agent->name, "search"))
        tr_answer_refuse(a, "unauthorised", tr_guard_words(a->core, "", NULL));
    else
        agent->subscribe(a, acl);
}

/* What is told, as an INFORM, is taken where it may be, and not answered in any case. False where it is nothing of the kind. */
static bool take_told(tr_answer_t *a, const platform_agent_t *agent, const tr_record_t *record) {
    tr_content_t content;
    if (record->h.performative != TR_INFORM ||
        tr_content_init(&content, record->content, record->content_len) < 0)
        return false;
    a->request = &content.root;
    const tr_action_t *action = find_action(agent->actions, tr_value_get(a->request, "action"));
    a->later = action && action->told;
    if (a->later && !a->requester->neighbour &&
        tr_guard_verb(a->core, a->session, agent->name, action->name) &&
        !tr_answer_refuses_arguments(a, action->arguments))
        action->handle(a);
    tr_content_finish(&content);
    a->request = NULL;
    return a->later;
}

static void perform_act(
    tr_answer_t *a, const platform_agent_t *agent, const tr_record_t *record, const tr_acl_t *acl) {
    if (!tr_value_is_map(a->request))
        answer_with(a, TR_NOT_UNDERSTOOD, "unsupported-value", "the content is no map with an action");
    else if (record->h.performative == TR_SUBSCRIBE)
        subscribe(a, agent, acl);
    else
        perform_action(a, agent);
}

/* An act that says something about what was asked before: it asks for nothing, and nothing was. */
static bool is_out_of_place(tr_performative_t act) {
    static const uint32_t answers = 1u << TR_AGREE | 1u << TR_REFUSE | 1u << TR_INFORM | 1u << TR_FAILURE |
                                    1u << TR_PROPOSE | 1u << TR_ACCEPT_PROPOSAL | 1u << TR_REJECT_PROPOSAL |
                                    1u << TR_CONFIRM | 1u << TR_DISCONFIRM;
    return act < TR_ACT_MAX && answers & 1u << act;
}

/* NULL where the act, and what the parameters say of the content, can be understood; otherwise why not, and *ret_detail. */
static const char *not_understood(
    const platform_agent_t *agent, tr_performative_t act, const tr_acl_t *acl, const char **ret_detail) {
    bool subscribes = act == TR_SUBSCRIBE && agent->subscribe;
    *ret_detail = agent->subscribe ? "this agent understands request, subscribe and cancel"
                                   : "this agent understands request";
    if (is_out_of_place(act))
        return "unexpected-act";
    if (act != TR_REQUEST && !subscribes)
        return "unsupported-act";
    *ret_detail = "ontology: this agent knows fipa-agent-management";
    if (acl->ontology && strcmp(acl->ontology, "fipa-agent-management") != 0)
        return "unrecognised-value";
    *ret_detail = "language: this agent reads msgpack";
    return acl->language && strcmp(acl->language, "msgpack") != 0 ? "unsupported-value" : NULL;
}

static void perform(
    tr_answer_t *a, const platform_agent_t *agent, const tr_record_t *record, const tr_acl_t *acl) {
    tr_content_t content;
    const char *detail;
    if (record->h.performative == TR_CANCEL && agent->cancel) {
        agent->cancel(a, acl);
        return;
    }
    if (take_told(a, agent, record))
        return;
    const char *why = not_understood(agent, record->h.performative, acl, &detail);
    if (why) {
        answer_with(a, TR_NOT_UNDERSTOOD, why, detail);
        return;
    }
    int rc = tr_content_init(&content, record->content, record->content_len);
    if (rc < 0) {
        if (rc == -ENOMEM)
            tr_answer_fail(a, "out of memory");
        else
            answer_with(a, TR_NOT_UNDERSTOOD, "unsupported-value", "the content is no valid msgpack");
        return;
    }
    a->request = &content.root;
    perform_act(a, agent, record, acl);
    tr_content_finish(&content);
}

/* Out of memory, or a result larger than a record may be: said instead of the result. */
static bool content_of(tr_answer_t *a, const void **ret_body, size_t *ret_len) {
    int r = tr_content_writer_take(&a->content, ret_body, ret_len);
    if (r == 0 && *ret_len < a->core->config.max_record / 2)
        return true;
    answer_with(
        a, TR_FAILURE, "internal-error", r ? "out of memory" : "the result is too large: ask for fewer");
    return tr_content_writer_take(&a->content, ret_body, ret_len) == 0;
}

/* Whether it is in the requester's mailbox. */
static bool send_answer(
    tr_answer_t *a, const tr_acl_t *request, const tr_record_t *record, const char *name) {
    const void *body;
    size_t len;
    if (!content_of(a, &body, &len))
        return false; /* not even the failure fits into memory: the requester's deadline tells it */
    char sender[TR_AID_MAX + 1];
    snprintf(sender, sizeof sender, "%s@%s", name, a->core->platform);
    tr_acl_t acl = {
        .sender = sender,
        .receivers = {.items = &a->sender, .count = 1},
        .ontology = "fipa-agent-management",
        .protocol = request->protocol,
        .conversation_id = request->conversation_id,
        .in_reply_to = request->reply_with,
    };
    size_t envelope_len = tr_acl_envelope_size(&acl);
    uint8_t *bytes = envelope_len <= TR_ENVELOPE_MAX ? malloc(envelope_len + len) : NULL;
    if (!bytes)
        return false;
    tr_acl_envelope_write(&acl, bytes);
    memcpy(bytes + envelope_len, body, len);
    tr_record_header_t h = {
        .length = (uint32_t)(TR_RECORD_HEADER + envelope_len + len),
        .kind = TR_KIND_MESSAGE,
        .performative = (uint8_t)a->act,
        .hops = record->h.hops,
        .dst = record->h.src,
        .src = record->h.dst,
        .id = record->h.id,
        .envelope_len = (uint16_t)envelope_len,
    };
    tr_record_t r = {.h = h, .envelope = bytes};
    tr_reason_t why = tr_mailbox_push(a->core, a->requester, &r, &h, NULL);
    if (why != TR_REASON_NONE)
        a->core->stats.refused[why]++; /* the requester reads too slowly for answers */
    free(bytes);
    return why == TR_REASON_NONE;
}

/* False where the envelope cannot be read. */
static bool answer_init(tr_answer_t *a, tr_core_t *core, const tr_record_t *record, tr_acl_t *ret_acl) {
    tr_arena_reset(&core->arena);
    uint32_t slot = tr_route_slot(record->h.dst);
    if (slot == 0 || slot >= AGENTS || tr_acl_read(ret_acl, record, &core->arena) < 0)
        return false;
    *a = (tr_answer_t){
        .core = core,
        .requester = tr_entry_of_route(core, record->h.src),
        .agent = tr_route_agent(record->h.src),
        .sender = ret_acl->sender,
        .act = TR_INFORM,
        .record = record,
    };
    a->session = a->requester ? a->requester->session : NULL;
    tr_content_writer_init(&a->content);
    return true;
}

uint8_t *tr_answer_keep(tr_answer_t *answer) {
    const tr_record_t *r = answer->record;
    uint8_t *request = malloc(r->h.length);
    if (!request)
        return NULL;
    tr_record_header_write(&r->h, request);
    memcpy(request + TR_RECORD_HEADER, r->envelope, r->h.length - TR_RECORD_HEADER);
    answer->later = true;
    return request;
}

bool tr_answer_resume(
    tr_core_t *core, const uint8_t *request, void (*fill)(tr_answer_t *answer, void *arg), void *arg) {
    tr_record_t r = {.bytes = request};
    tr_record_header_read(&r.h, request);
    r.envelope = request + TR_RECORD_HEADER;
    r.content = r.envelope + r.h.envelope_len;
    r.content_len = r.h.length - TR_RECORD_HEADER - r.h.envelope_len;
    tr_answer_t a;
    tr_acl_t acl;
    tr_content_t content;
    bool sent = false;
    if (!answer_init(&a, core, &r, &acl))
        return false;
    if (a.requester && tr_content_init(&content, r.content, r.content_len) == 0) {
        a.request = &content.root;
        fill(&a, arg);
        tr_content_finish(&content);
        if (!a.later)
            sent = send_answer(&a, &acl, &r, agents[tr_route_slot(r.h.dst)].name);
    }
    tr_content_writer_finish(&a.content);
    return sent;
}

/* A request that waits for the journal. */
typedef struct later {
    tr_answer_then_t then;
    uint8_t *request;
    const tr_found_t *found;
} later_t;

static void fill_from_found(tr_answer_t *answer, void *arg) {
    const later_t *later = arg;
    if (later->found->failed)
        tr_answer_fail(answer, "the journal could not be read");
    else
        later->then(answer, later->found);
}

static void answer_with_found(tr_core_t *core, tr_read_t *read, const tr_found_t *found) {
    later_t *later = read->owned;
    later->found = found;
    tr_answer_resume(core, later->request, fill_from_found, later);
}

static void later_free(tr_read_t *read) {
    later_t *later = read->owned;
    if (later)
        free(later->request);
    free(later);
}

void tr_answer_read(
    tr_answer_t *answer, const tr_key_t *from, const tr_key_t *to, size_t limit, tr_answer_then_t then) {
    tr_read_t read = {.done = answer_with_found, .drop = later_free, .owned = calloc(1, sizeof(later_t))};
    later_t *later = read.owned;
    if (later)
        *later = (later_t){.then = then, .request = tr_answer_keep(answer)};
    if (later && later->request && tr_read_ask(answer->core, &read, from, to, limit))
        return;
    answer->later = false;
    later_free(&read);
    tr_answer_fail(answer, "out of memory");
}

/* ---- answers that wait for the disk ---- */

void tr_answer_when_stored(tr_answer_t *answer) {
    tr_batch_t *batch = answer->core->durable ? tr_batch_open(answer->core) : NULL;
    const void *content;
    size_t len;
    if (!batch || !content_of(answer, &content, &len))
        return;
    tr_held_answer_t *held = malloc(sizeof *held + len);
    uint8_t *request = held ? tr_answer_keep(answer) : NULL;
    if (!request) {
        free(held);
        return;
    }
    *held = (tr_held_answer_t){.request = request, .act = answer->act, .len = len};
    memcpy(held->content, content, len);
    *batch->answers_end = held;
    batch->answers_end = &held->next;
    batch->sync = batch->wanted = true;
}

static void fill_from_held(tr_answer_t *answer, void *arg) {
    const tr_held_answer_t *held = arg;
    answer->act = held->act;
    if (msgpack_sbuffer_write(&answer->content.buffer, (const char *)held->content, held->len) != 0)
        tr_answer_fail(answer, "out of memory");
}

static void fill_failed(tr_answer_t *answer, void *arg) {
    (void)arg;
    tr_answer_fail(answer, "the journal failed: the broker ends, and whether this outlives it is not known");
}

void tr_answers_forget(tr_batch_t *batch) {
    while (batch->answers) {
        tr_held_answer_t *held = batch->answers;
        batch->answers = held->next;
        free(held->request);
        free(held);
    }
}

void tr_answers_stored(tr_core_t *core, tr_batch_t *batch) {
    for (tr_held_answer_t *held = batch->answers; held; held = held->next)
        tr_answer_resume(core, held->request, fill_from_held, held);
    tr_answers_forget(batch);
}

void tr_answers_failed(tr_core_t *core, tr_batch_t *batch) {
    for (tr_held_answer_t *held = batch->answers; held; held = held->next)
        tr_answer_resume(core, held->request, fill_failed, NULL);
    tr_answers_forget(batch);
}

/* What the df of another platform says to ours, and is no request, is an answer. */
static bool is_answer(const tr_answer_t *a, const tr_record_t *record) {
    return a->requester->neighbour && tr_route_type(a->requester->remote) == TR_ROUTE_PLATFORM &&
           record->h.performative != TR_REQUEST;
}

void tr_platform_message(tr_core_t *core, tr_session_t *from, const tr_record_t *record) {
    tr_answer_t a;
    tr_acl_t acl;
    if (!answer_init(&a, core, record, &acl) || !a.requester) {
        tr_control_refuse(
            core, from, record->h.id, TR_REASON_BAD_ENVELOPE, "no such agent or no valid envelope");
        return;
    }
    const platform_agent_t *agent = &agents[tr_route_slot(record->h.dst)];
    bool answer = is_answer(&a, record);
    if (answer)
        tr_search_answered(core, from, record);
    else if (tr_why_answered(core, record, &acl) || tr_move_answered(core, record, &acl))
        answer = true;
    else
        perform(&a, agent, record, &acl);
    if (!a.later && !answer)
        send_answer(&a, &acl, record, agent->name);
    tr_content_writer_finish(&a.content);
}
