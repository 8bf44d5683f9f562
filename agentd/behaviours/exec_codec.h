/*
 * Messages as lines of JSON: what a program gets on its stdin, and what it writes to its stdout. Pure.
 *
 * In, one line for each message (members that have no value are left out):
 *
 *   id               number of this message, to be told in the answer where several are in work
 *   type             "message"; "event" of a topic; "failed": a message of the program could not be
 *                    delivered; "gap": `missed` events of a topic were dropped
 *   performative     "request", "inform", ...
 *   sender, receivers, reply_to, delegation        AIDs
 *   conversation_id, reply_with, in_reply_to, protocol, ontology, language, encoding
 *   reply_by_ms      Unix time
 *   durable          true: it is on the broker's disk until it is finished
 *   redelivered      true: it was delivered before, or may have been
 *   attempt          how often, as far as the broker knows
 *   topic, sequence  of an event
 *   reason           of type failed: "not-found", "busy", ...
 *   content          JSON; bytes that are no text are {"$bin": "base64"} (proto/json.h)
 *
 * Out, one line for each message. `id` says which message in work is meant; without it the one that expects
 * an answer, where there is only one:
 *
 *   {"content": ...}                     answers the message and finishes it; "performative" default
 *                                        "inform"; an "agree" does not finish it, nor does any answer with
 *                                        "done": false
 *   {"to": NAME or [NAME...], "performative": ..., "content": ...}      a message to others
 *   {"publish": TOPIC, "content": ...}   an event
 *   {"done": true}                       finishes the message without an answer
 *
 * Each that is about a message in work may say what it has used of that one's budget: "spent": {"tokens": N,
 * "micro_cost": N}. The second may say "delegate": true, to send it in the name of those who asked for the message
 * in work, and "budget", what the receiver may spend of theirs, or else of its own.
 *
 * The second and an answer may say "durable": true. All come with "priority", 0 to 9, and
 * with "protocol", "ontology", "conversation_id", "reply_with", "in_reply_to", "reply_to", "language" and
 * "reply_by_ms" as in ACL. A performative may also be a message kind, such as task_result. With a "language"
 * other than msgpack the content must be a text, which is sent as it is.
 */
#ifndef TR_AGENTD_BEHAVIOURS_EXEC_CODEC_H
#define TR_AGENTD_BEHAVIOURS_EXEC_CODEC_H

#include "lib/base/error.h"
#include "proto/acl.h"
#include "troupe/message.h"

#include <jansson.h>

#define TR_EXEC_RECEIVERS_MAX 64

typedef struct tr_exec_incoming {
    uint64_t id;
    tr_message_type_t type;
    const tr_acl_t *acl; /* NULL: a gap */
    const char *topic;   /* of an event or a gap */
    uint64_t sequence;
    uint64_t missed;
    tr_reason_t reason;
    unsigned attempt;
    bool durable, redelivered;
    const void *content;
    size_t content_len;
} tr_exec_incoming_t;

/* A line with its newline (allocated), NULL when out of memory. */
char *tr_exec_encode(const tr_exec_incoming_t *in);

typedef enum tr_exec_verb {
    TR_EXEC_REPLY,
    TR_EXEC_SEND,
    TR_EXEC_PUBLISH,
    TR_EXEC_DONE, /* nothing to send */
} tr_exec_verb_t;

typedef struct tr_exec_outgoing {
    tr_exec_verb_t verb;
    bool has_id;
    uint64_t id;
    bool durable, has_priority;
    bool finishes; /* the message in work is done after it */
    bool delegate; /* in the name of those who asked for the message in work */
    bool has_spent;
    tr_budget_t spent; /* of what that message lets it spend */
    const char *topic;
    const char *receivers[TR_EXEC_RECEIVERS_MAX];
    const char *reply_to[TR_EXEC_RECEIVERS_MAX];
    /* Its parameters, without the sender; content is in `bytes`. Receivers are to be filled in
     * for a reply. */
    tr_acl_t acl;
    tr_content_writer_t bytes;
    json_t *root; /* owns the strings */
} tr_exec_outgoing_t;

/* 0; -EINVAL with the member and what was expected; -ENOMEM. Finish it after success only; never copy it. */
int tr_exec_decode(const char *line, size_t len, tr_exec_outgoing_t *ret_out, tr_error_t *error);
/* What a line that tr_exec_decode refused was about, as far as it can be read. */
typedef struct tr_exec_about {
    bool others; /* it has "to" or "publish": no answer */
    bool has_id;
    uint64_t id;
} tr_exec_about_t;

/* An agree, or how the work goes: the answer follows. */
bool tr_exec_is_interim(const tr_acl_t *acl);

tr_exec_about_t tr_exec_about(const char *line, size_t len);
void tr_exec_outgoing_finish(tr_exec_outgoing_t *self);

#endif
