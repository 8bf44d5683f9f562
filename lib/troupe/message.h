/*
 * A message as a behaviour sees it: a view of the record in the bundle that it came in. Nothing is decoded
 * until it is asked for.
 *
 * A tr_message_t given to a callback is borrowed: it and all that its accessors return end with the callback.
 * To work on after it, take a copy of your own with tr_message_keep; the message counts as unfinished (its
 * sender's credit is held, a leased request is not settled) until tr_message_done. All calls belong to the
 * host's thread.
 */
#ifndef TROUPE_MESSAGE_H
#define TROUPE_MESSAGE_H

#include "proto/acl.h"
#include "proto/aid.h"
#include "proto/content.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_message tr_message_t;

typedef enum tr_message_type {
    TR_MESSAGE_DIRECT, /* from an agent to this one, or to a service it provides */
    TR_MESSAGE_EVENT,  /* a publication on a topic that it subscribed to */
    TR_MESSAGE_FAILED, /* one of its own messages came back: tr_message_reason, tr_message_acl are the
                          original's, no content */
    TR_MESSAGE_GAP, /* publications of a topic were dropped because its mailbox was full: tr_message_missed of
                       them */
} tr_message_type_t;

tr_message_type_t tr_message_type(const tr_message_t *self);
tr_performative_t tr_message_performative(const tr_message_t *self);
/* All parameters; NULL where the envelope is malformed. */
const tr_acl_t *tr_message_acl(const tr_message_t *self);
/* The sender's AID; "" where there is none. */
const char *tr_message_sender(const tr_message_t *self);
const void *tr_message_content(const tr_message_t *self, size_t *ret_len);
/* The content decoded from msgpack; NULL where it is another language or malformed. */
tr_value_t tr_message_value(const tr_message_t *self);
/* Of a content that is a map: the whole number, the text (a C string) under this key. `otherwise`, "" where there is none. */
int64_t tr_message_int(const tr_message_t *self, const char *key, int64_t otherwise);
const char *tr_message_text(const tr_message_t *self, const char *key);
/* The topic of an event or gap; "" otherwise. */
const char *tr_message_topic(const tr_message_t *self);
/* The topic's sequence number of an event. */
uint64_t tr_message_sequence(const tr_message_t *self);
uint64_t tr_message_missed(const tr_message_t *self);
tr_reason_t tr_message_reason(const tr_message_t *self);
/* Milliseconds after which a BUSY message may be tried again, 0 = no advice. */
uint32_t tr_message_retry_ms(const tr_message_t *self);
/* It was delivered before, or may have been, to this agent or another one that did not finish it. */
bool tr_message_redelivered(const tr_message_t *self);
/* How often, as far as the broker knows: 0 also for what a broker that was killed may have delivered. */
unsigned tr_message_attempt(const tr_message_t *self);
/* A request to a service, or a durable message: delivered again (elsewhere, where there is another provider)
 * unless it is finished. */
bool tr_message_leased(const tr_message_t *self);
/* It is on the broker's disk until it is finished: its sender or its receiver asked for that. */
bool tr_message_durable(const tr_message_t *self);
/*
 * What may still be spent on what this message asks for: what it said, less what was spent and handed on since.
 * It is kept with the message: with the copy that is kept, once there is one.
 */
tr_budget_t tr_message_budget(const tr_message_t *self);
/* Takes off what was spent. 0; -EDQUOT: it was more than was left, of which nothing is left now. */
int tr_message_spend(const tr_message_t *self, uint64_t tokens, uint64_t micro_cost);
/* Adds what an answer to what was handed on has left over; the answer has nothing then. */
void tr_message_regain(const tr_message_t *self, const tr_message_t *answer);
/* Tells how the work at a request goes (TR_STATUS_ONTOLOGY), and does not end its conversation. */
bool tr_message_is_status(const tr_message_t *self);
/* The header and bytes, for tools. */
const tr_record_t *tr_message_record(const tr_message_t *self);

/* A copy for later, unfinished until tr_message_done; NULL when out of memory. */
tr_message_t *tr_message_keep(const tr_message_t *self);
/* Finishes a kept message and frees it. NULL-safe. */
void tr_message_done(tr_message_t **self);
/* The same, but gives a leased request back, for another provider. */
void tr_message_release(tr_message_t **self);
/* The same, and says that who had it failed with it: after three times (the broker's --poison) nobody gets it any more. */
void tr_message_fail(tr_message_t **self);

#ifdef __cplusplus
}
#endif

#endif
