/*
 * relay: forwards each message to another agent or service.
 *
 *   args: {"to": "NAME" or "svc:NAME"}
 *
 * Performative, content, conversation-id and reply-with stay, so that whoever it reaches answers the sender
 * itself; the relay adds itself to the delegation chain, hands on what is left of the budget, and the hop limit
 * goes on falling. What would go in a circle is refused; where it cannot be delivered the sender gets a failure.
 * Events of topics are forwarded as informs.
 *
 * What is durable goes on as durable, and stays with the relay until the broker has it on disk in the other queue: where that
 * one is full it is tried again.
 */
#include "agentd/behaviours/args.h"
#include "agentd/behaviours/backlog.h"
#include "agentd/behaviours/stateless.h"
#include "agentd/behaviours/table.h"

#include "lib/base/clock.h"
#include "proto/aid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS 100

/* A durable one that the broker has not yet stored for its new receiver. */
typedef struct passing {
    struct passing *next, **prev;
    uint64_t number;
    tr_message_t *message;
    tr_timer_t *again; /* its queue was full; NULL: it is on its way */
} passing_t;

typedef struct relay {
    tr_backlog_t backlog;
    passing_t *passing;
    uint64_t next; /* numbers are not those of a state before this one, whose answers may still come */
    char to[TR_AID_MAX + 1];
} relay_t;

typedef struct relay_args {
    char to[TR_AID_MAX + 1];
} relay_args_t;

static const tr_arg_t known_args[] = {
    {"to", TR_ARG_TEXT, offsetof(relay_args_t, to), TR_AID_MAX + 1, .check = tr_arg_is_aid,
        .expected = "NAME, NAME@PLATFORM or svc:NAME", .required = true},
};

static int read_args(tr_value_t args, relay_args_t *ret_args, tr_problem_t *problem) {
    return tr_args_read(known_args, sizeof known_args / sizeof *known_args, args, ret_args, problem);
}

int tr_relay_check(tr_value_t args, tr_problem_t *problem) {
    return read_args(args, &(relay_args_t){0}, problem);
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    (void)self;
    relay_t *relay = state;
    relay_args_t read = {0};
    int rc = read_args(args, &read, NULL);
    memcpy(relay->to, read.to, sizeof relay->to);
    relay->next = (uint64_t)tr_clock_ns();
    return rc;
}

/* Only what asked for something is told that it came to nothing. */
static int fail(tr_agent_t *self, const tr_message_t *message, tr_performative_t act, const char *reason,
    const char *detail) {
    const tr_acl_t *acl = tr_message_acl(message);
    if (tr_message_type(message) != TR_MESSAGE_DIRECT || !acl || !(acl->reply_with || acl->protocol))
        return 0;
    int rc = tr_reply_reason(self, message, act, reason, detail);
    return rc == -EAGAIN ? rc : 0;
}

/* What becomes of it when it cannot go on: 0, or a code to try again. */
static int not_sent(tr_agent_t *self, const tr_message_t *message, int rc) {
    switch (rc) {
    case 0:
    case -EAGAIN:
    case -ENOMEM: return rc;
    case -ELOOP: return fail(self, message, TR_REFUSE, "loop", "this relay has forwarded the message before");
    case -E2BIG:
        return fail(self, message, TR_REFUSE, "delegation-too-long", "too many agents have handed this on");
    default: return fail(self, message, TR_FAILURE, "not-sent", strerror(-rc));
    }
}

static int pass(tr_agent_t *self, relay_t *relay, const tr_message_t *message, const tr_acl_t *acl);

static int forward(tr_agent_t *self, void *state, const tr_message_t *message) {
    relay_t *relay = state;
    const tr_acl_t *acl = tr_message_acl(message);
    if (!acl)
        return 0;
    if (acl->hops <= 1) /* the last one is for the answer */
        return fail(self, message, TR_FAILURE, "hops", "the hop limit is used up");
    const char *to = relay->to;
    tr_acl_t copy = *acl;
    copy.receivers = (tr_acl_list_t){&to, 1};
    copy.budget = (tr_budget_t){0}; /* all that is left */
    if (!acl->reply_to.count && acl->sender)
        copy.reply_to = (tr_acl_list_t){&acl->sender, 1};
    if (copy.performative == TR_ACT_NONE)
        copy.performative = TR_INFORM;
    copy.flags = 0;
    copy.content = tr_message_content(message, &copy.content_len);
    int rc =
        tr_message_durable(message) ? pass(self, relay, message, &copy) : tr_delegate(self, message, &copy);
    return not_sent(self, message, rc);
}

/* One that was forwarded came back: whoever it was sent for learns why. */
static int tell_sender(tr_agent_t *self, void *state, const tr_message_t *message) {
    relay_t *relay = state;
    const tr_acl_t *sent = tr_message_acl(message);
    tr_content_writer_t writer;
    if (!sent || !sent->reply_to.count || !(sent->reply_with || sent->protocol))
        return 0;
    tr_acl_t acl = {
        .performative = TR_FAILURE,
        .receivers = sent->reply_to,
        .ontology = sent->ontology,
        .protocol = sent->protocol,
        .conversation_id = sent->conversation_id,
        .in_reply_to = sent->reply_with,
    };
    tr_content_writer_init(&writer);
    tr_write_map(&writer, 2);
    tr_write_kv(&writer, "reason", tr_reason_name(tr_message_reason(message)));
    tr_write_kv(&writer, "detail", relay->to);
    int rc = tr_content_writer_take(&writer, &acl.content, &acl.content_len);
    if (rc == 0)
        rc = tr_send(self, &acl);
    tr_content_writer_finish(&writer);
    return rc == -EAGAIN || rc == -ENOMEM ? rc : 0;
}

/* ---- what is durable ---- */

static passing_t *find_passing(const relay_t *relay, uint64_t number) {
    passing_t *p = relay->passing;
    while (p && p->number != number)
        p = p->next;
    return p;
}

static void end_passing(passing_t *p, bool release) {
    *p->prev = p->next;
    if (p->next)
        p->next->prev = p->prev;
    if (p->again)
        tr_timer_cancel(&p->again);
    if (release)
        tr_message_release(&p->message);
    else
        tr_message_done(&p->message);
    free(p);
}

/* Forwarding it makes a passing of its own, unless there is no room in our own queue either. */
static void try_again(tr_agent_t *self, void *state, void *arg) {
    passing_t *p = arg;
    p->again = NULL;
    if (forward(self, state, p->message) != -EAGAIN) {
        end_passing(p, false);
        return;
    }
    p->again = tr_timer_start(self, AGAIN_MS, try_again, p);
    if (!p->again)
        end_passing(p, true); /* out of memory: it comes again from the broker */
}

static void on_stored(tr_agent_t *self, void *state, const tr_message_t *failure, void *arg) {
    relay_t *relay = state;
    passing_t *p = find_passing(relay, (uintptr_t)arg);
    if (!p)
        return;
    if (!failure || tr_message_reason(failure) != TR_REASON_BUSY) {
        if (failure)
            tell_sender(self, state, failure);
        end_passing(p, false);
        return;
    }
    uint32_t ms = tr_message_retry_ms(failure);
    p->again = tr_timer_start(self, ms ? ms : AGAIN_MS, try_again, p);
    if (!p->again)
        end_passing(p, true);
}

/* It is kept only when it is on its way: until then whoever has it goes on having it. */
static int pass(tr_agent_t *self, relay_t *relay, const tr_message_t *message, const tr_acl_t *acl) {
    uint64_t number = relay->next++;
    int rc = tr_delegate_durable(self, message, acl, on_stored, (void *)(uintptr_t)number);
    if (rc < 0)
        return rc;
    passing_t *p = calloc(1, sizeof *p);
    tr_message_t *kept = p ? tr_message_keep(message) : NULL;
    if (!kept) {
        free(p);
        return -ENOMEM;
    }
    *p = (passing_t){.next = relay->passing, .prev = &relay->passing, .number = number, .message = kept};
    if (p->next)
        p->next->prev = &p->next;
    relay->passing = p;
    return 0;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    relay_t *relay = state;
    switch (tr_message_type(message)) {
    case TR_MESSAGE_DIRECT:
    case TR_MESSAGE_EVENT: return tr_backlog_take(&relay->backlog, self, state, message, forward);
    case TR_MESSAGE_FAILED: return tell_sender(self, state, message) == -ENOMEM ? -ENOMEM : 0;
    default: return 0;
    }
}

static void fini(tr_agent_t *self, void *state) {
    (void)self;
    relay_t *relay = state;
    tr_backlog_finish(&relay->backlog);
    while (relay->passing)
        end_passing(relay->passing, true);
}

const tr_behaviour_t tr_behaviour_relay = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "relay",
    .summary = "forwards messages to another agent or service",
    .state_size = sizeof(relay_t),
    .init = init,
    .receive = receive,
    .fini = fini,
    .save = tr_stateless_save,
    .restore = tr_stateless_restore,
};
