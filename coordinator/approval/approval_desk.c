/*
 * Who waits for a person is answered when there is something to say. An answer that is lost, with this process or another, loses nothing: what counts is
 * the file, and who waited asks again.
 */
#include "coordinator/approval/approval_desk.h"

#include "coordinator/approval/approval.h"
#include "coordinator/approval/approver.h"
#include "lib/base/clock.h"
#include "lib/tool/digest.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRONT         "gateway"
#define LOOK_MS       1000
#define WAITERS_MAX   1000
#define TOOL_MAX      64
#define KEY_MAX       128
#define NONCE_MAX     64
#define PERSON_MAX    64
#define WHO_MAX       (TR_AID_MAX + 1 + PERSON_MAX)
#define APPROVERS_MAX 32
#define SHOWN_MAX                                                                                            \
    1024 /* bytes of the arguments in a list: a page of TR_PAGE_MAX is far from the largest record */

struct tr_approval_waiter {
    struct tr_approval_waiter *next;
    tr_message_t *message;
    char id[TR_APPROVAL_ID_MAX + 1];
};

/* ---- telling ---- */

#define ENTRIES 14

static void write_approvers(tr_content_writer_t *w, const char *list) {
    uint32_t count = 0;
    for (const char *at = list ? list : ""; *at; at += strcspn(at, "\n"), at += *at == '\n')
        count++;
    tr_write_str(w, "approvers");
    tr_write_array(w, count);
    for (const char *at = list; count > 0; count--, at += strcspn(at, "\n") + 1)
        tr_write_strn(w, at, strcspn(at, "\n"));
}

/* `cut`: how many bytes the arguments have that are not all there, 0 = they are. */
static void write_entries(tr_content_writer_t *w, const tr_approval_t *a, size_t cut) {
    tr_write_map(w, cut ? ENTRIES + 1 : ENTRIES);
    if (cut)
        tr_write_kv_int(w, "cut", (int64_t)cut);
    tr_write_kv(w, "approval", a->id);
    tr_write_kv(w, "state", tr_approval_state_words[a->state]);
    tr_write_kv(w, "agent", a->agent);
    tr_write_kv(w, "tool", a->tool);
    tr_write_kv(w, "arguments", a->arguments);
    tr_write_kv(w, "digest", a->digest);
    tr_write_kv(w, "key", a->key);
    tr_write_kv(w, "behalf", a->behalf);
    tr_write_kv(w, "by", a->by);
    tr_write_kv(w, "reason", a->reason);
    write_approvers(w, a->approvers);
    tr_write_kv_int(w, "created_ms", a->created_ms);
    tr_write_kv_int(w, "expires_ms", a->expires_ms);
    tr_write_kv_int(w, "changed_ms", a->changed_ms);
}

static void write_approval(tr_content_writer_t *w, const tr_approval_t *a) {
    write_entries(w, a, 0);
}

/* The beginning of the arguments, up to a whole character. */
static void write_row(tr_content_writer_t *w, const tr_approval_t *a) {
    char shown[SHOWN_MAX + 1];
    tr_approval_t row = *a;
    size_t len = strlen(a->arguments), n = tr_desk_cut(a->arguments, len, SHOWN_MAX);
    if (len <= SHOWN_MAX) {
        write_entries(w, a, 0);
        return;
    }
    memcpy(shown, a->arguments, n);
    shown[n] = '\0';
    row.arguments = shown;
    write_entries(w, &row, len);
}

static void answer(void *arg, const tr_approval_t *a) {
    tr_content_writer_t *w = tr_question_answer(arg);
    if (w)
        write_approval(w, a);
}

/* Those who wait for it, and who watches. */
static void tell_all(void *arg, const tr_approval_t *a) {
    tr_coordinator_t *self = arg;
    struct tr_approval_waiter **at = &self->approval_desk.waiters;
    while (*at) {
        struct tr_approval_waiter *waiter = *at;
        if (strcmp(waiter->id, a->id) != 0) {
            at = &waiter->next;
            continue;
        }
        tr_content_writer_t *w = tr_effect_reply(self, waiter->message, TR_INFORM);
        if (w)
            write_approval(w, a);
        *at = waiter->next;
        tr_message_done(&waiter->message);
        free(waiter);
    }
    tr_content_writer_t *w = tr_effect_publish(self, "approval", a->id, tr_approval_state_words[a->state]);
    if (w)
        write_approval(w, a);
}

/* Coordinators that share a database have no file of their own: who asks again may come to another one. */
static bool is_open(const tr_question_t *q) {
    if (q->coordinator->approval_desk.approvals)
        return true;
    tr_question_refuse(q, "unsupported-function",
        "coordinators that share a database keep no approvals: let the tool's desk be one that has a file");
    return false;
}

static void refuse(const tr_question_t *q, int rc) {
    if (rc == -ENOENT)
        tr_question_refuse(q, "not-registered", "there is no approval of this id");
    else if (rc == -EPERM)
        tr_question_refuse(q, "unauthorised",
            "who asks for an approval cannot give it, and it is for nobody and nothing else");
    else if (rc == -EACCES)
        tr_question_refuse(q, "unauthorised",
            "you are none of its approvers, whom the tool's configuration names: see `approvers` in the "
            "approval");
    else if (rc == -EALREADY)
        tr_question_refuse(q, "unexpected-argument",
            "it is not open for that any more: `troupe approvals show` tells its state");
    else if (rc == -EBUSY)
        tr_question_refuse(q, "busy", "too many approvals wait already");
    else
        tr_question_fail(q, rc);
}

/* ---- agents ---- */

typedef struct {
    char tool[TOOL_MAX + 1], key[KEY_MAX + 1], digest[TR_TOOL_DIGEST_MAX + 1], behalf[WHO_MAX + 1];
    char approvers[APPROVERS_MAX * (TR_APPROVER_MAX + 1) + 1]; /* one a line */
    char *arguments;
} asked_t;

static bool read_approvers(tr_value_t list, char *out) {
    char *end = out;
    if (list && (!tr_value_is_array(list) || tr_value_size(list) > APPROVERS_MAX))
        return false;
    for (size_t i = 0; i < tr_value_size(list); i++) {
        if (tr_value_copy(tr_value_at(list, i), end, TR_APPROVER_MAX + 1) < 0 || !tr_approver_valid(end))
            return false;
        end += strlen(end);
        *end++ = '\n';
    }
    *end = '\0';
    return true;
}

static const char *read_asked(const tr_question_t *q, asked_t *a, tr_approval_t *wish) {
    size_t len = 0;
    tr_value_t key = tr_value_get(q->content, "key"), behalf = tr_value_get(q->content, "behalf");
    const char *arguments = tr_value_str(tr_value_get(q->content, "arguments"), &len);
    int64_t time = tr_value_int(tr_value_get(q->content, "time-ms"), 0);
    char said[TR_TOOL_DIGEST_MAX + 1];
    if (tr_value_copy(tr_value_get(q->content, "tool"), a->tool, sizeof a->tool) < 0 || !*a->tool)
        return "tool: expected the name of a tool";
    if (!arguments || len > TR_APPROVAL_ARGUMENTS || !(a->arguments = strndup(arguments, len)))
        return "arguments: expected JSON as a text of at most 65536 bytes";
    tr_tool_digest(a->tool, a->arguments, a->digest);
    if (tr_value_copy(tr_value_get(q->content, "digest"), said, sizeof said) < 0 ||
        strcmp(said, a->digest) != 0)
        return "digest: expected that of the tool and its arguments";
    if ((key && tr_value_copy(key, a->key, sizeof a->key) < 0) ||
        (behalf && tr_value_copy(behalf, a->behalf, sizeof a->behalf) < 0))
        return "key, behalf: expected short texts";
    if (!read_approvers(tr_value_get(q->content, "approvers"), a->approvers))
        return "approvers: expected at most 32 names of agents, of 256 bytes at most, or AGENT/PERSON";
    if (time < 1 || time > TR_APPROVAL_TIME_MAX)
        return "time-ms: expected 1 to 2592000000";
    *wish = (tr_approval_t){.agent = tr_message_sender(q->message),
        .key = *a->key ? a->key : NULL,
        .tool = a->tool,
        .arguments = a->arguments,
        .digest = a->digest,
        .behalf = *a->behalf ? a->behalf : NULL,
        .approvers = *a->approvers ? a->approvers : NULL,
        .created_ms = q->now_ms,
        .expires_ms = q->now_ms + time};
    return NULL;
}

typedef struct {
    tr_question_t *q;
    char id[TR_APPROVAL_ID_MAX + 1];
} given_t;

static void on_given(void *arg, const tr_approval_t *a) {
    given_t *given = arg;
    memcpy(given->id, a->id, sizeof given->id);
    answer(given->q, a);
}

void tr_desk_approval_ask(tr_question_t *q) {
    asked_t a = {0};
    tr_approval_t wish;
    bool is_new = false;
    given_t given = {.q = q};
    if (!is_open(q))
        return;
    tr_approvals_t *all = q->coordinator->approval_desk.approvals;
    const char *wrong = read_asked(q, &a, &wish);
    if (wrong) {
        tr_question_refuse(q, "unrecognised-parameter-value", wrong);
    } else {
        int rc = tr_approvals_ask(
            all, &wish, tr_value_bool(tr_value_get(q->content, "again"), false), on_given, &given, &is_new);
        if (rc < 0)
            refuse(q, rc);
        else if (is_new)
            tr_approvals_find(all, given.id, tell_all, q->coordinator); /* who watches can ask, ignoring */
    }
    free(a.arguments);
}

static void answer_or_keep(void *arg, const tr_approval_t *a) {
    tr_question_t *q = arg;
    tr_approval_desk_t *desk = &q->coordinator->approval_desk;
    size_t waiting = 0;
    for (const struct tr_approval_waiter *w = desk->waiters; w; w = w->next)
        waiting++;
    if (a->state != TR_APPROVAL_PENDING) {
        answer(q, a);
        return;
    }
    struct tr_approval_waiter *waiter = waiting < WAITERS_MAX ? calloc(1, sizeof *waiter) : NULL;
    if (!waiter || !(waiter->message = tr_message_keep(q->message))) {
        free(waiter);
        tr_question_refuse(q, "busy", "too many wait already: ask again later");
        return;
    }
    memcpy(waiter->id, a->id, sizeof waiter->id);
    waiter->next = desk->waiters;
    desk->waiters = waiter;
}

void tr_desk_approval_wait(tr_question_t *q) {
    if (!is_open(q))
        return;
    int rc = tr_approvals_find(q->coordinator->approval_desk.approvals, q->id, answer_or_keep, q);
    if (rc < 0)
        refuse(q, rc);
}

/* What was changed is told to who did it, and to all whom it concerns. */
static int tell_change(tr_question_t *q) {
    tr_approvals_t *all = q->coordinator->approval_desk.approvals;
    int rc = tr_approvals_find(all, q->id, answer, q);
    return rc < 0 ? rc : tr_approvals_find(all, q->id, tell_all, q->coordinator);
}

void tr_desk_approval_take(tr_question_t *q) {
    char digest[TR_TOOL_DIGEST_MAX + 1], nonce[NONCE_MAX + 1] = "";
    tr_value_t said = tr_value_get(q->content, "nonce");
    tr_approvals_t *all = q->coordinator->approval_desk.approvals;
    if (!is_open(q))
        return;
    if (said && tr_value_copy(said, nonce, sizeof nonce) < 0) {
        tr_question_refuse(q, "unrecognised-parameter-value", "nonce: expected a text of at most 64 bytes");
        return;
    }
    if (tr_value_copy(tr_value_get(q->content, "digest"), digest, sizeof digest) < 0) {
        tr_question_refuse(q, "missing-argument", "digest");
        return;
    }
    int rc = tr_approvals_take(
        all, q->id, tr_message_sender(q->message), digest, *nonce ? nonce : NULL, q->now_ms);
    if (rc >= 0) /* who was not answered is; the others know already */
        rc = rc == 0 ? tell_change(q) : tr_approvals_find(all, q->id, answer, q);
    if (rc < 0)
        refuse(q, rc);
}

void tr_desk_approval_withdraw(tr_question_t *q) {
    if (!is_open(q))
        return;
    int rc = tr_approvals_withdraw(
        q->coordinator->approval_desk.approvals, q->id, tr_message_sender(q->message), q->now_ms);
    if (rc == 0)
        rc = tell_change(q);
    if (rc < 0)
        refuse(q, rc);
}

/* ---- persons ---- */

static bool is_front(const tr_question_t *q) {
    const tr_strings_t *fronts = &q->coordinator->options->fronts;
    const char *sender = tr_message_sender(q->message);
    for (size_t i = 0; i < fronts->count; i++)
        if (tr_approver_is(fronts->items[i], sender))
            return true;
    return fronts->count == 0 && tr_approver_is(FRONT, sender);
}

/* The sender, or the person that it asks for, where it is one that may. */
static void name_who(const tr_question_t *q, char who[WHO_MAX + 1]) {
    const char *agent = tr_message_sender(q->message),
               *person = is_front(q) ? tr_acl_user_value(tr_message_acl(q->message), "X-user") : NULL;
    if (person)
        snprintf(who, WHO_MAX + 1, "%s/%.*s", agent, PERSON_MAX, person);
    else
        snprintf(who, WHO_MAX + 1, "%s", agent);
}

/* Somebody was faster: who, and what he said. */
static void tell_decided(void *arg, const tr_approval_t *a) {
    char detail[TR_APPROVAL_TEXT_MAX + WHO_MAX + 100];
    snprintf(detail, sizeof detail, "it is %s%s%s%s%s", tr_approval_state_words[a->state],
        a->by ? ", as decided by " : "", a->by ? a->by : "", a->reason ? ": " : "",
        a->reason ? a->reason : "");
    tr_question_refuse(arg, "already-decided", detail);
}

static void decide(tr_question_t *q, tr_approval_state_t state) {
    char reason[TR_APPROVAL_TEXT_MAX + 1] = "", who[WHO_MAX + 1];
    tr_approvals_t *all = q->coordinator->approval_desk.approvals;
    tr_value_t said = tr_value_get(q->content, "reason");
    if (!is_open(q))
        return;
    if (said && tr_value_copy(said, reason, sizeof reason) < 0) {
        tr_question_refuse(q, "unrecognised-parameter-value", "reason: expected a text of at most 256 bytes");
        return;
    }
    name_who(q, who);
    int rc = tr_approvals_decide(all, q->id, state, who, *reason ? reason : NULL, q->now_ms);
    if (rc == -EALREADY)
        rc = tr_approvals_find(all, q->id, tell_decided, q);
    else if (rc == 0)
        rc = tell_change(q);
    if (rc < 0)
        refuse(q, rc);
}

void tr_desk_grant(tr_question_t *q) {
    decide(q, TR_APPROVAL_GRANTED);
}

void tr_desk_deny(tr_question_t *q) {
    decide(q, TR_APPROVAL_DENIED);
}

void tr_desk_approval_show(tr_question_t *q) {
    if (!is_open(q))
        return;
    int rc = tr_approvals_find(q->coordinator->approval_desk.approvals, q->id, answer, q);
    if (rc < 0)
        refuse(q, rc);
}

static void on_listed(void *arg, const tr_approval_t *a) {
    tr_page_t *page = arg;
    write_row(&page->rows, a);
    page->count++;
    page->last = a->number;
}

void tr_desk_approval_list(tr_question_t *q) {
    if (!is_open(q))
        return;
    int state = tr_page_state(q, tr_approval_state_words);
    tr_page_t page;
    if (state < -1)
        return;
    tr_page_begin(q, &page);
    int rc = tr_approvals_list(
        q->coordinator->approval_desk.approvals, state, page.before, page.most, on_listed, &page);
    tr_page_tell(q, &page, "approvals", rc);
    tr_content_writer_finish(&page.rows);
}

/* ---- the life of the desk ---- */

int tr_approval_desk_open(tr_coordinator_t *self, tr_error_t *error) {
    return tr_approvals_open(self->options->resident.data, &self->approval_desk.approvals, error);
}

static void on_look(tr_agent_t *agent, void *state, void *arg) {
    tr_coordinator_t *self = arg;
    int64_t due = INT64_MAX, now = tr_clock_wall_ms();
    (void)state;
    tr_approvals_expire(self->approval_desk.approvals, now, tell_all, self, &due); /* again soon, ignoring */
    tr_approvals_forget(self->approval_desk.approvals, now - TR_APPROVAL_KEEP_MS); /* again soon, ignoring */
    tr_timer_start(agent, LOOK_MS, on_look, self);
}

void tr_approval_desk_begin(tr_coordinator_t *self) {
    if (self->approval_desk.approvals)
        on_look(self->agent, NULL, self);
}

void tr_approval_desk_finish(tr_coordinator_t *self) {
    while (self->approval_desk.waiters) {
        struct tr_approval_waiter *waiter = self->approval_desk.waiters;
        self->approval_desk.waiters = waiter->next;
        tr_message_release(&waiter->message);
        free(waiter);
    }
    tr_approvals_close(&self->approval_desk.approvals);
}
