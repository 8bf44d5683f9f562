/* What the program of an exec agent writes: its stderr to the log, its stdout as messages. */
#include "agentd/behaviours/answer.h"
#include "agentd/behaviours/exec_codec.h"
#include "agentd/behaviours/exec_private.h"
#include "agentd/events.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SAYS_PER_SECOND 20
#define LINES_PER_TURN  64 /* then others of this host have their turn */

/* The message that a line is about; NULL with the reason where there is none. What expects an answer comes
 * first; among several of them nothing is guessed: an answer to the wrong one is worse than none. */
static tr_exec_work_t *find_work(tr_exec_t *self, bool has_id, uint64_t id, const char **why) {
    tr_exec_work_t *work = self->active.head, *found = NULL;
    if (has_id) {
        while (work && work->id != id)
            work = work->next;
        *why = "no message with this id is in work";
        return work;
    }
    if (self->in_flight > 1) {
        *why = "several messages are in work: say which by \"id\"";
        return NULL;
    }
    for (; work; work = work->next)
        if (!found || (work->expects && !found->expects))
            found = work;
    *why = "no message is in work";
    return found;
}

const tr_exec_work_t *tr_exec_only_work(tr_exec_t *self) {
    const char *why;
    return find_work(self, false, 0, &why);
}

const tr_exec_marks_t *tr_exec_marks(const tr_exec_work_t *work, tr_exec_marks_t *ret) {
    const tr_acl_t *acl = work ? tr_message_acl(work->message) : NULL;
    ret->trace = acl ? tr_traceparent_id(acl->traceparent, ret->id) : NULL;
    ret->conversation = acl ? acl->conversation_id : NULL;
    return ret;
}

/* ---- its stderr ---- */

/* Of several messages in work nobody knows which one it is about. */
static void say(tr_exec_t *self, const char *line, size_t len) {
    tr_exec_marks_t marks;
    int64_t second = tr_clock_ms() / 1000;
    if (second != self->says_second) {
        if (self->says_dropped)
            tr_log(&self->log, &tr_agentd_events[TR_EVENT_PROGRAM_NOISY], "agent=%s lines=%u", self->name,
                self->says_dropped);
        self->says_second = second;
        self->says = self->says_dropped = 0;
    }
    if (self->says++ >= SAYS_PER_SECOND) {
        self->says_dropped++;
        return;
    }
    tr_exec_marks(tr_exec_only_work(self), &marks);
    tr_log(&self->log, &tr_agentd_events[TR_EVENT_PROGRAM_SAYS],
        "agent=%s text=%.*s trace=%s conversation=%s", self->name, (int)len, line, marks.trace,
        marks.conversation);
}

void tr_exec_take_errors(tr_exec_t *self) {
    tr_lines_t *lines = tr_child_errors(self->child);
    const char *line;
    size_t len;
    int rc;
    while ((rc = tr_lines_peek(lines, &line, &len)) != 0) {
        if (rc == -E2BIG) {
            self->says_dropped++;
            continue;
        }
        if (len)
            say(self, line, len);
        tr_lines_take(lines);
    }
}

/* ---- its stdout ---- */

static void complain(tr_exec_t *self, const tr_exec_work_t *work, tr_agentd_event_t event, const char *why) {
    tr_exec_marks_t marks;
    tr_exec_marks(work, &marks);
    tr_log(&self->log, &tr_agentd_events[event], "agent=%s error=%s trace=%s conversation=%s", self->name,
        why, marks.trace, marks.conversation);
}

/* `under`: in the name of those who asked for it; NULL = in its own. */
static int send_one(tr_agent_t *agent, const tr_acl_t *acl, bool durable, const tr_message_t *under) {
    if (under)
        return durable ? tr_delegate_durable(agent, under, acl, NULL, NULL) : tr_delegate(agent, under, acl);
    return durable ? tr_send_durable(agent, acl, NULL, NULL) : tr_send(agent, acl);
}

/* One at a time, so that those who have it do not get it again when another one must wait. A durable one that the
 * broker does not take comes back to the program as `failed`, like any other. What is finished after it cannot be
 * settled before it is on disk: the link keeps their order. */
static int send_each(tr_exec_t *self, tr_acl_t acl, bool durable, const tr_message_t *under) {
    tr_acl_list_t all = acl.receivers;
    int first = 0;
    for (size_t i = self->stuck_receivers; i < all.count; i++) {
        acl.receivers = (tr_acl_list_t){&all.items[i], 1};
        int rc = send_one(self->agent, &acl, durable, under);
        if (rc == -EAGAIN) {
            self->stuck_receivers = i;
            return rc;
        }
        if (rc < 0 && first == 0)
            first = rc;
    }
    self->stuck_receivers = 0;
    return first;
}

static int send_reply(tr_exec_t *self, tr_exec_outgoing_t *out, tr_exec_work_t *work) {
    const char *sender = NULL;
    tr_acl_t acl;
    if (tr_answer_init(&acl, work->message, out->acl.performative, &sender) < 0)
        return -EDESTADDRREQ;
    /* What the line says wins; the language is that of its content. */
    acl.language = out->acl.language;
    acl.encoding = out->acl.encoding;
    acl.content = out->acl.content;
    acl.content_len = out->acl.content_len;
    acl.reply_with = out->acl.reply_with;
    acl.reply_by_ms = out->acl.reply_by_ms;
    acl.reply_to = out->acl.reply_to;
    if (out->acl.protocol)
        acl.protocol = out->acl.protocol;
    if (out->acl.ontology)
        acl.ontology = out->acl.ontology;
    if (out->acl.conversation_id)
        acl.conversation_id = out->acl.conversation_id;
    if (out->acl.in_reply_to)
        acl.in_reply_to = out->acl.in_reply_to;
    if (out->has_priority)
        acl.priority = out->acl.priority;
    return out->durable ? send_each(self, acl, true, NULL) : tr_reply_with(self->agent, work->message, &acl);
}

static int send_out(tr_exec_t *self, tr_exec_outgoing_t *out, tr_exec_work_t *work) {
    switch (out->verb) {
    case TR_EXEC_REPLY: return send_reply(self, out, work);
    case TR_EXEC_SEND: return send_each(self, out->acl, out->durable, out->delegate ? work->message : NULL);
    case TR_EXEC_PUBLISH: return tr_publish_message(self->agent, out->topic, &out->acl);
    default: return 0;
    }
}

static const char *why_unsent(tr_exec_verb_t verb, int rc) {
    if (rc == -EMSGSIZE)
        return "it is larger than a message may be";
    if (rc == -EDESTADDRREQ)
        return "the message in work has no sender to answer";
    if (rc == -ENOTSUP)
        return "the broker keeps no journal, so that nothing is durable (--journal)";
    if (rc == -EDQUOT)
        return "\"budget\" is more than is left of the message in work";
    if (rc == -ELOOP || rc == -E2BIG)
        return "it has been handed on by this agent before, or by too many";
    if (rc != -EINVAL)
        return strerror(-rc);
    return verb == TR_EXEC_PUBLISH ? "\"publish\" is no topic, or one of the platform's own ($...)"
                                   : "a receiver is no name: expected NAME, NAME@PLATFORM or svc:NAME";
}

/* 0: the line was dealt with; -EAGAIN: not now. */
static int obey(tr_exec_t *self, tr_exec_outgoing_t *out) {
    const char *why = NULL;
    tr_exec_work_t *work = find_work(self, out->has_id, out->id, &why);
    bool answers = out->verb == TR_EXEC_REPLY;
    bool needs = answers || out->verb == TR_EXEC_DONE || out->has_id || out->finishes || out->delegate ||
                 out->has_spent;
    if (work && work->failed && answers)
        why = "its message has been answered with a failure";
    if ((!work && needs) || (work && work->failed && answers)) {
        complain(self, work, TR_EVENT_PROGRAM_BAD_LINE, why);
        return 0;
    }
    if (out->has_spent && !self->stuck_spent) {
        self->stuck_spent = true;
        tr_message_spend(
            work->message, out->spent.tokens, out->spent.micro_cost); /* the rest is 0 then, ignoring */
    }
    int rc = send_out(self, out, work);
    if (rc == -EAGAIN)
        return rc;
    if (rc < 0)
        complain(self, work, TR_EVENT_PROGRAM_UNSENT, why_unsent(out->verb, rc));
    if (!work)
        return 0;
    if (rc < 0 && answers) {
        tr_exec_fail(self, work, "not-sent", why_unsent(out->verb, rc));
        return 0;
    }
    if (answers && !tr_exec_is_interim(&out->acl))
        work->answered = true;
    /* A run of its own finishes its message by its end. */
    if (out->finishes && self->conf.mode == TR_EXEC_PERSISTENT) {
        tr_exec_finish(self, work, TR_EXEC_END_DONE);
        self->backoff_ms = 0;
        self->ends = 0;
    } else if (out->verb == TR_EXEC_DONE && out->finishes)
        work->answered = true;
    return 0;
}

/* The beginning of a line, for people, on one line. */
static void shorten(const char *line, size_t len, char *out, size_t size) {
    size_t n = len < size - 4 ? len : size - 4;
    while (n < len && n > 0 && ((unsigned char)line[n] & 0xc0) == 0x80)
        n--; /* not within a character */
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)line[i] < 0x20 || line[i] == 0x7f ? '?' : line[i];
    strcpy(out + n, n < len ? "..." : "");
}

/* A line that makes no message. Whoever waits for an answer is told at once where it is clear whose answer this
 * would have been: it says by its id, or only one message is in work. What the program meant to send to others
 * is no answer. */
static void refuse_line(tr_exec_t *self, const char *line, size_t len, const char *error) {
    char shown[84], detail[720];
    const char *why = "", *then = "nobody waits for it";
    tr_exec_about_t about = tr_exec_about(line, len);
    tr_exec_work_t *work = about.others ? NULL : find_work(self, about.has_id, about.id, &why);
    bool tell = work && work->waits && !work->answered;
    if (tell)
        then = "its message is answered with a failure";
    else if (!about.others && !about.has_id && self->in_flight > 1)
        then = "each message keeps its time limit: it does not say whose answer it is";
    tr_exec_marks_t marks;
    tr_exec_marks(work, &marks);
    tr_log(&self->log, &tr_agentd_events[TR_EVENT_PROGRAM_BAD_LINE],
        "agent=%s error=%s in_work=%zu then=%s trace=%s conversation=%s", self->name, error, self->in_flight,
        then, marks.trace, marks.conversation);
    if (!tell)
        return;
    shorten(line, len, shown, sizeof shown);
    snprintf(detail, sizeof detail, "the program wrote what is no message: %s%s%s", error,
        len ? "; the line is: " : "", shown);
    tr_exec_fail(self, work, "bad-line", detail);
}

static int take_line(tr_exec_t *self, const char *line, size_t len) {
    tr_exec_outgoing_t out;
    tr_error_t error = {0};
    int rc = tr_exec_decode(line, len, &out, &error);
    if (rc < 0) {
        refuse_line(self, line, len, error.text[0] ? error.text : strerror(-rc));
        return 0;
    }
    rc = obey(self, &out);
    tr_exec_outgoing_finish(&out);
    return rc;
}

bool tr_exec_take_lines(tr_exec_t *self) {
    tr_lines_t *lines = tr_child_output(self->child);
    const char *line;
    size_t len;
    for (int n = 0; n < LINES_PER_TURN; n++) {
        int rc = tr_lines_peek(lines, &line, &len);
        self->stuck = false;
        if (rc == 0)
            return true;
        if (rc == -E2BIG) {
            refuse_line(self, "", 0, "the line is longer than 1 MiB");
            continue;
        }
        if (len && take_line(self, line, len) == -EAGAIN) {
            self->stuck = true;
            return false;
        }
        self->stuck_spent = false;
        tr_lines_take(lines);
    }
    return false;
}
