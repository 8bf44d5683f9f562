/*
 * Says of a stream of ACL messages, of any agents and in the order in which they went, whether each keeps to its
 * protocol: the same tables and the same machine as the library's own conversations. Pure: no clock, no sockets.
 *
 * A conversation is what two agents say under one conversation-id and protocol; a call to many is one for each of them. It
 * begins with an act that may begin its protocol and is remembered after its end, so that what comes later is known
 * as late, until `limit` newer ones were seen. Late is not illegal: it may have crossed the end on its way. An illegal
 * act changes nothing, but the other side may answer it with not-understood.
 * A service stands for whichever provider answers; another provider than before begins again. Where the first act has
 * a reply-to, the participant's acts may go to anybody.
 */
#ifndef TR_PROTOCOL_CHECKER_H
#define TR_PROTOCOL_CHECKER_H

#include "lib/agent/protocol/machine.h"

#include "proto/acl.h"

typedef struct tr_checker tr_checker_t;

typedef enum tr_check {
    TR_CHECK_NONE, /* of no conversation: no conversation-id, or no protocol that is known */
    TR_CHECK_LEGAL,
    TR_CHECK_ILLEGAL,
    TR_CHECK_LATE, /* after the end, or after the reply-by of what it answers */
} tr_check_t;

/* A conversation as it stands after a message. Texts are borrowed until the next call. */
typedef struct tr_checked {
    tr_check_t check;
    bool unbegun; /* illegal, since it begins nothing and no conversation is known that it could belong to */
    const char *id, *protocol, *initiator, *participant;
    const char *state;
    tr_outcome_t outcome;
    tr_role_t from;                    /* who sent the message */
    uint32_t allowed;                  /* before it, where it was not legal: bit `act` of each */
    int64_t began_ms, last_ms, due_ms; /* due: the reply-by, 0 = none */
    size_t messages, illegal;          /* of this conversation, this one included */
    char detail[400];                  /* why it is not legal, one line; "" where it is */
} tr_checked_t;

/* platform: what a name without one means; may be "". 0, -ENOMEM. */
int tr_checker_new(const char *platform, size_t limit, tr_checker_t **ret_checker);
void tr_checker_destroy(tr_checker_t **self);
/* One message to one receiver, at a wall-clock time. 0, -ENOMEM (of no conversation then). */
int tr_checker_take(
    tr_checker_t *self, const tr_acl_t *acl, const char *receiver, int64_t wall_ms, tr_checked_t *ret);
/* What tr_checker_take would say, but for what comes late, and without remembering it: for who may yet not deliver the message.
 * An act of a conversation that is not known, and that begins none, is NONE. */
tr_check_t tr_checker_judge(const tr_checker_t *self, const tr_acl_t *acl, const char *receiver);
/* "legal", "illegal" ...; static. */
const char *tr_check_name(unsigned check);

/* Each that is remembered, the one that spoke last first. */
typedef void (*tr_checked_fn)(const tr_checked_t *conversation, void *arg);
void tr_checker_each(const tr_checker_t *self, tr_checked_fn fn, void *arg);
size_t tr_checker_count(const tr_checker_t *self);

#endif
