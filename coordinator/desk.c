/* Whatever the coordinator is asked, by its action. */
#include "coordinator/desk.h"
#include "coordinator/approval/approval_desk.h"
#include "coordinator/scale/autoscale.h"
#include "lib/base/clock.h"
#include "proto/traceparent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So many wait for a commit that those behind them wait for the next one. */
#define EFFECTS_MANY 4000

/* ---- answers ---- */

void tr_question_refuse(const tr_question_t *q, const char *reason, const char *detail) {
    tr_effect_refuse(q->coordinator, q->message, TR_REFUSE, reason, detail);
}

tr_content_writer_t *tr_question_answer(const tr_question_t *q) {
    return tr_effect_reply(q->coordinator, q->message, TR_INFORM);
}

void tr_question_fail(const tr_question_t *q, int rc) {
    tr_effect_refuse(q->coordinator, q->message, TR_FAILURE, "internal-error", strerror(-rc));
}

const char *tr_question_trace(const tr_question_t *q) {
    const tr_acl_t *acl = q->message ? tr_message_acl(q->message) : NULL;
    bool fits =
        acl && tr_traceparent_sampled(acl->traceparent) && strlen(acl->traceparent) < TR_TRACEPARENT_SIZE;
    return fits ? acl->traceparent : NULL;
}

void tr_question_done(const tr_question_t *q) {
    tr_content_writer_t *w = tr_question_answer(q);
    if (!w)
        return;
    tr_write_map(w, 1);
    tr_write_kv_bool(w, "done", true);
}

bool tr_desk_is_id(const char *text) {
    return tr_name_valid(text, strlen(text)) && !strchr(text, '.');
}

void tr_desk_make_id(char kind, char id[TR_TASK_ID_MAX + 1]) {
    uint64_t random = 0;
    if (getentropy(&random, sizeof random) < 0)
        random = (uint64_t)tr_clock_ns();
    snprintf(id, TR_TASK_ID_MAX + 1, "%c%016llx", kind, (unsigned long long)random);
}

size_t tr_desk_cut(const char *text, size_t len, size_t most) {
    size_t n = len < most ? len : most;
    while (n < len && n && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    return n;
}

#define AROUND 4 /* levels, at most, in which a result or a status is told */

/* Contents are checked: none is deeper than TR_CONTENT_DEPTH_MAX. */
static unsigned depth_of(tr_value_t v) {
    unsigned deepest = 0;
    bool map = tr_value_is_map(v);
    for (size_t i = 0, n = map || tr_value_is_array(v) ? tr_value_size(v) : 0; i < n; i++) {
        unsigned depth = depth_of(map ? &v->via.map.ptr[i].val : &v->via.array.ptr[i]);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + (map || tr_value_is_array(v));
}

bool tr_desk_is_deep(tr_value_t v) {
    return depth_of(v) > TR_CONTENT_DEPTH_MAX - AROUND;
}

void tr_desk_write_value(tr_content_writer_t *w, const void *bytes, size_t len) {
    tr_content_t content;
    if (len && tr_content_init(&content, bytes, len) == 0) {
        tr_write_value(w, &content.root);
        tr_content_finish(&content);
    } else if (len) {
        tr_write_bin(w, bytes, len);
    } else {
        tr_write_nil(w);
    }
}

void tr_desk_write_content(tr_content_writer_t *w, const char *key, const void *bytes, size_t len) {
    tr_write_str(w, key);
    tr_desk_write_value(w, bytes, len);
}

/* ---- pages ---- */

void tr_page_begin(const tr_question_t *q, tr_page_t *page) {
    int64_t most = tr_value_int(tr_value_get(q->content, "max-results"), TR_PAGE_MAX);
    *page = (tr_page_t){.most = most < 1 || most > TR_PAGE_MAX ? TR_PAGE_MAX : (size_t)most,
        .before = tr_value_int(tr_value_get(q->content, "before"), 0)};
    tr_content_writer_init(&page->rows);
}

bool tr_page_count(tr_page_t *page, int64_t number) {
    page->count++;
    page->last = number;
    page->full = page->rows.buffer.size > TR_ANSWER_MAX - TR_ROW_MAX;
    return !page->full;
}

static void put_page(const tr_question_t *q, const tr_page_t *page, const char *key) {
    const void *bytes;
    size_t len;
    tr_content_writer_t *w = tr_question_answer(q);
    if (!w || tr_content_writer_take(&page->rows, &bytes, &len) < 0)
        return;
    tr_write_map(w, 2);
    tr_write_kv_int(w, "before", page->full || page->count == page->most ? page->last : 0);
    tr_write_str(w, key);
    tr_write_array(w, page->count);
    msgpack_sbuffer_write(&w->buffer, bytes, len);
}

void tr_page_tell(const tr_question_t *q, const tr_page_t *page, const char *key, int rc) {
    if (rc < 0)
        tr_question_fail(q, rc);
    else
        put_page(q, page, key);
}

int tr_page_state(const tr_question_t *q, const char *const *words) {
    tr_value_t state = tr_value_get(q->content, "state");
    char detail[256] = "state: expected one of";
    if (!state)
        return -1;
    for (int i = 0; words[i]; i++) {
        if (tr_value_equals(state, words[i]))
            return i;
        size_t len = strlen(detail);
        snprintf(detail + len, sizeof detail - len, "%s %s", i ? "," : "", words[i]);
    }
    tr_question_refuse(q, "unrecognised-parameter-value", detail);
    return -2;
}

/* ---- actions ---- */

typedef char *(*tr_names_fn)(const tr_question_t *q);

static const struct {
    const char *action;
    const char *about; /* the argument that names what it is about; NULL */
    void (*handle)(tr_question_t *q);
    bool changes; /* it, which whoever has it does */
    tr_names_fn
        names; /* what it makes something of, that no other coordinator may at the same moment; NULL */
} actions[] = {
    {"submit", NULL, tr_desk_submit, false, tr_names_of_tasks},
    {"show", "task", tr_desk_show},
    {"list", NULL, tr_desk_list},
    {"stats", NULL, tr_desk_stats},
    {"cancel", "task", tr_desk_cancel, true},
    {"approve", "task", tr_desk_approve, true},
    {"retry", "task", tr_desk_retry, true},
    {"schedule", "schedule", tr_desk_schedule, false, tr_names_of_schedule},
    {"unschedule", "schedule", tr_desk_unschedule, true},
    {"schedules", NULL, tr_desk_schedules},
    {"autoscale", NULL, tr_desk_autoscale},
    {"decide", NULL, tr_desk_decide, false, tr_names_of_decision},
    {"decision", "decision", tr_desk_decision},
    {"decisions", NULL, tr_desk_decisions},
    {"vote", "decision", tr_desk_vote, true},
    {"settle", "decision", tr_desk_settle, true},
    {"withdraw", "decision", tr_desk_withdraw, true},
    {"truth", "decision", tr_desk_truth, true, tr_names_of_records},
    {"records", NULL, tr_desk_records},
    {"approval-ask", NULL, tr_desk_approval_ask},
    {"approval-wait", "approval", tr_desk_approval_wait},
    {"approval-take", "approval", tr_desk_approval_take},
    {"approval-withdraw", "approval", tr_desk_approval_withdraw},
    {"approval", "approval", tr_desk_approval_show},
    {"approvals", NULL, tr_desk_approval_list},
    {"grant", "approval", tr_desk_grant},
    {"deny", "approval", tr_desk_deny},
};

#define ACTIONS                                                                                              \
    "submit, show, list, stats, cancel, approve, retry; schedule, unschedule, schedules; autoscale; "        \
    "decide, decision, "                                                                                     \
    "decisions, vote, settle, withdraw, truth, records; approval-ask, approval-wait, approval-take, "        \
    "approval-withdraw, "                                                                                    \
    "approval, "                                                                                             \
    "approvals, grant, deny"

static tr_store_thing_t thing_of(const char *about) {
    return strcmp(about, "task") == 0       ? TR_STORE_TASK
           : strcmp(about, "schedule") == 0 ? TR_STORE_SCHEDULE
                                            : TR_STORE_DECISION;
}

#define SOON  5   /* times: whether there is none, or somebody takes it, shows by then */
#define OFTEN 500 /* likewise; somebody who makes something of the same name has ended by then */

/* Whether it is this one's to deal with, now. */
static bool is_for_us(tr_question_t *q, tr_store_thing_t thing) {
    switch (tr_share_forward(q->coordinator, thing, q->id, q->message)) {
    case TR_FORWARD_DONE: return false;
    case TR_FORWARD_NOBODYS: return !tr_put_off(q->coordinator, q->message, SOON);
    default: return true;
    }
}

/* Whether nobody else makes anything of the names that it is about to make something of. */
static bool is_free(tr_question_t *q, tr_names_fn names) {
    if (!names || !tr_store_shared(q->coordinator->store))
        return true;
    char *all = names(q);
    if (!all || !*all) {
        free(all);
        return true; /* out of memory: the database itself sees to it, by ending this process */
    }
    tr_effects_change(q->coordinator);
    int rc = tr_store_reserve(q->coordinator->store, all);
    free(all);
    if (rc == -EAGAIN && !tr_put_off(q->coordinator, q->message, OFTEN))
        tr_question_refuse(q, "busy", "another coordinator makes something of the same name just now");
    return rc != -EAGAIN; /* what else is wrong the commit says */
}

void tr_desk_take(tr_coordinator_t *self, const tr_message_t *message) {
    tr_question_t q = {self, message, tr_message_value(message), tr_clock_wall_ms(), ""};
    tr_value_t action = tr_value_get(q.content, "action");
    if (!tr_value_is_map(q.content) || !tr_value_is_str(action)) {
        tr_effect_refuse(
            self, message, TR_NOT_UNDERSTOOD, "unsupported-value", "content: expected a map with an action");
        return;
    }
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (!tr_value_equals(action, actions[i].action))
            continue;
        const char *about = actions[i].about;
        if (about && tr_value_copy(tr_value_get(q.content, about), q.id, sizeof q.id) < 0)
            tr_question_refuse(&q, "missing-argument", about);
        else if ((!actions[i].changes || is_for_us(&q, thing_of(about))) && is_free(&q, actions[i].names))
            actions[i].handle(&q);
        return;
    }
    tr_question_refuse(&q, "unsupported-function", ACTIONS);
}

/* Never fails: what cannot be done is told to who asked. */
static int receive(tr_agent_t *agent, void *state, const tr_message_t *message) {
    tr_coordinator_t *self = *(tr_coordinator_t **)state;
    tr_performative_t act = tr_message_performative(message);
    if (!self)
        return 0;
    if (tr_message_type(message) == TR_MESSAGE_EVENT)
        tr_directory_heard(self, message);
    else if (tr_message_type(message) != TR_MESSAGE_DIRECT)
        return 0;
    else if (act == TR_REQUEST)
        tr_desk_take(self, message);
    else if (act == TR_QUERY_REF || act == TR_PROPOSE || act == TR_CFP || act == TR_SUBSCRIBE)
        tr_reply_reason(
            agent, message, TR_NOT_UNDERSTOOD, "unsupported-act", "expected a request"); /* ignoring */
    if (self->effect_count > EFFECTS_MANY)
        tr_effects_settle(self);
    return 0;
}

const tr_behaviour_t tr_coordinator_behaviour = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "coordinator",
    .summary = "Takes tasks and sees that they get done",
    .state_size = sizeof(tr_coordinator_t *),
    .capacity = 1024,
    .receive = receive,
};
