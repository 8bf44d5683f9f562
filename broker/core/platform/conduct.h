/*
 * Whether agents keep to the interaction protocols of their conversations, where a mailbox's policy asks for it: the
 * library's own checker (lib/agent/protocol/checker.h), over what goes to that agent and what it says itself.
 *
 *   off      nothing is looked at
 *   check    an illegal act is delivered, counted, logged, and told on $sys.audit.illegal-act
 *   enforce  one to the mailbox is not delivered but answered with not-understood, in the mailbox's name, as its agent
 *            would (a durable one comes back as NACK forbidden); what the agent says itself is told, and goes on
 *
 * A policy is of a name, of an agent or a whole range, and lasts as long as the broker; where there is a journal it is in it, and outlives the
 * broker. While nobody has one, a message
 * costs one comparison, and no envelope is read; otherwise those of others cost two more.
 *
 * Only what certainly is illegal counts: a conversation that was not seen from its beginning (it began before, or with a
 * request to a service, or so many others came since that it was forgotten) is let be.
 */
#ifndef TR_BROKER_CONDUCT_H
#define TR_BROKER_CONDUCT_H

#include "broker/core/platform/platform.h"

#define TR_CONDUCT_NAMES_MAX         4096u
#define TR_CONDUCT_CONVERSATIONS_MAX 16384u /* of all mailboxes that are checked, remembered at once */

typedef enum tr_conduct_policy { TR_CONDUCT_OFF, TR_CONDUCT_CHECK, TR_CONDUCT_ENFORCE } tr_conduct_policy_t;

/* One message on its way, of which `to` and `service` are where it goes; the rest is conduct.c's. */
typedef struct tr_said {
    const tr_entry_t *sender, *to;
    const tr_service_t *service;
    tr_route_t route;
    const tr_record_t *record;
    tr_acl_t acl;
    tr_conduct_policy_t policy; /* of the mailbox that it is for */
    char receiver[TR_AID_MAX + 1];
} tr_said_t;

/* Of an agent or range, which may be away. */
tr_conduct_policy_t tr_conduct_of(const tr_core_t *core, const char *name);
const char *tr_conduct_policy_name(unsigned policy);
void tr_conduct_finish(tr_core_t *core);

/* Whether it is to be checked at all; then it is read into `said`. To be asked where core->conduct. */
bool tr_conduct_hears(tr_core_t *core, tr_said_t *said);
/* False: it was answered, and is not to be delivered. */
bool tr_conduct_lets_pass(tr_core_t *core, const tr_said_t *said);
/* It was taken: by a mailbox that is full it was not, and will be said again. */
void tr_conduct_note(tr_core_t *core, const tr_said_t *said);

/* From the journal. 0, -EBADMSG, -ENOMEM. */
struct tr_pair;
int tr_conduct_recover(tr_core_t *core, const struct tr_pair *pair);

/* The AMS's action. */
void tr_handle_mailbox_protocol(tr_answer_t *a);

#endif
