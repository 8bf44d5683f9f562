/*
 * relay: forwards each message to another agent or service.
 *
 *   args: {"to": "NAME" or "svc:NAME"}
 *
 * Performative, content, conversation-id and reply-with stay, so that whoever it reaches answers the sender
 * itself; the relay adds itself to the delegation chain, and the hop limit goes on falling. A message that
 * has been here before is refused (reason "loop"); where it cannot be delivered the sender gets a failure.
 * Events of topics are forwarded as informs.
 */
#include "agentd/behaviours/args.h"
#include "agentd/behaviours/backlog.h"
#include "agentd/behaviours/table.h"

#include "proto/aid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct relay {
    tr_backlog_t backlog;
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

static bool was_here(const tr_acl_t *acl, const char *aid) {
    for (size_t i = 0; i < acl->delegation.count; i++)
        if (strcmp(acl->delegation.items[i], aid) == 0)
            return true;
    return false;
}

static int forward(tr_agent_t *self, void *state, const tr_message_t *message) {
    relay_t *relay = state;
    const tr_acl_t *acl = tr_message_acl(message);
    char aid[TR_AID_MAX + 1];
    if (!acl)
        return 0;
    tr_agent_aid(self, aid);
    if (was_here(acl, aid))
        return fail(self, message, TR_REFUSE, "loop", "this relay has forwarded the message before");
    if (acl->hops <= 1) /* the last one is for the answer */
        return fail(self, message, TR_FAILURE, "hops", "the hop limit is used up");
    if (acl->delegation.count + 2 > TR_ACL_LIST_MAX)
        return fail(self, message, TR_REFUSE, "delegation-too-long", "too many agents have handed this on");

    /* The originator first, then all who handed it on. */
    const char **chain = malloc((acl->delegation.count + 2) * sizeof *chain);
    if (!chain)
        return -ENOMEM;
    size_t n = acl->delegation.count;
    for (size_t i = 0; i < n; i++)
        chain[i] = acl->delegation.items[i];
    if (n == 0 && acl->sender)
        chain[n++] = acl->sender;
    chain[n++] = aid;

    const char *to = relay->to;
    tr_acl_t copy = *acl;
    copy.receivers = (tr_acl_list_t){&to, 1};
    copy.delegation = (tr_acl_list_t){chain, n};
    if (!acl->reply_to.count && acl->sender)
        copy.reply_to = (tr_acl_list_t){&acl->sender, 1};
    if (copy.performative == TR_ACT_NONE)
        copy.performative = TR_INFORM;
    copy.flags = 0;
    copy.content = tr_message_content(message, &copy.content_len);
    int rc = tr_send(self, &copy);
    free(chain);
    if (rc == 0 || rc == -EAGAIN || rc == -ENOMEM)
        return rc;
    return fail(self, message, TR_FAILURE, "not-sent", strerror(-rc));
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
}

const tr_behaviour_t tr_behaviour_relay = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "relay",
    .summary = "forwards messages to another agent or service",
    .state_size = sizeof(relay_t),
    .init = init,
    .receive = receive,
    .fini = fini,
};
