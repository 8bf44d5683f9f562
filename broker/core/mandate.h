/*
 * Mandates: who sends on whose behalf, and what it may spend. A message that says nothing of either never comes
 * here: TR_FLAG_MANDATE in its header is not set, and then nobody believes its envelope either.
 *
 * A path is the chain of those who handed a conversation on, from the one who began it to the one who has it
 * now: [ann, bob, cid]. When the broker lets a message pass from bob to cid whose chain is [ann, bob], it
 * remembers that path (as a number: a keyed hash of the conversation and the names), with what cid may spend on
 * it. So there is one rule against forgeries: whoever says a chain must hold the path that it is. Only [bob],
 * which is bob himself, needs no proof.
 *
 *   handing on   the chain ends with the sender. The receiver may not be in it, nor the sender twice: a cycle.
 *                What is claimed for the receiver moves from the sender's path to the receiver's.
 *   answering    the chain does not end with the sender: it is the one that he was asked under. What he says
 *                to be left moves back to the path of the receiver, who must be in the chain. An answer that says
 *                more than there is goes on without its mandate: who has lost his lease meanwhile is no forger.
 *
 * Each message costs its sender one of each that is limited, so what moves is always less than what was there:
 * budgets fall along a chain, and a loop ends. Who begins (the path [ann]) has no account: it is his to grant.
 *
 * Paths are kept in a table of fixed size; what has no budget and was not used for longest gives its place. Who holds a path that
 * is forgotten cannot hand on (refused: bad-delegation), and his answers go as if they had no mandate.
 *
 * What comes over a link from another broker was checked there. Here only the place counts where the chain left
 * this platform the last time: that path is held, by the agent over there, and bounds what its side may spend. The
 * names that the other broker vouches for are those of its own platform, which are told apart by it.
 *
 * Where there is a journal, paths and pairs are in it (without a sync of their own: what a crash of the machine takes is refused as
 * forgotten), and the broker after this one goes on with them.
 *
 * For who wants to stop an agent and all that it set to work, the pairs of names (from, to) are kept likewise.
 */
#ifndef TR_BROKER_MANDATE_H
#define TR_BROKER_MANDATE_H

#include "broker/core/state.h"
#include "proto/mandate.h"

/* A path that is held. */
typedef struct tr_grant {
    uint64_t path; /* 0 = none */
    uint64_t tokens, micro_cost;
    uint32_t used_ms;
    bool of_tokens, of_money;
    bool old;   /* of the broker before this one, by the journal */
    bool dirty; /* it is in the list of those */
} tr_grant_t;

/* `from` has handed something on to `to`. */
typedef struct tr_handed {
    uint64_t pair;   /* 0 = none */
    uint32_t used_s; /* wall */
    char from[TR_AID_MAX + 1], to[TR_AID_MAX + 1];
} tr_handed_t;

#define TR_MANDATE_WAYS 8u /* places that a path may have */
#define TR_HANDED_SETS  1024u
#define TR_GRANTS_DIRTY 256u

typedef struct tr_mandates {
    uint8_t secret[16]; /* the key of the hashes */
    tr_grant_t *grants; /* `sets` of them, each of so many ways */
    size_t sets;
    tr_handed_t handed[TR_HANDED_SETS][TR_MANDATE_WAYS];
    tr_grant_t *payer; /* of the message that was checked last: pays when it passes; NULL = nobody does */
    tr_mandate_t mandate;
    char detail[200];
    uint64_t dirty[TR_GRANTS_DIRTY]; /* paths whose grants the journal does not know as they are */
    size_t dirty_n;
} tr_mandates_t;

/* A message with the flag, before it goes to an agent (its name, without this platform's) or to a service (`to` is
 * "" then). An answer under a path that was forgotten loses the flag. */
tr_reason_t tr_mandate_check(
    tr_core_t *core, tr_session_t *from, tr_record_t *record, const char *to, const tr_service_t *service);
/* Why the last one was refused. */
const char *tr_mandate_words(const tr_core_t *core);
/* The one that was checked last was taken: its sender pays. */
void tr_mandate_paid(tr_core_t *core);
/* It was put into the hands of this agent, who may spend what it says; it was taken out of them again. `seen`: a broker before this
 * one may have put it there, and then what it says is in the grant already, where the journal has that. */
void tr_mandate_give(
    tr_core_t *core, const tr_record_t *record, const tr_entry_t *to, uint32_t agent, bool seen);
void tr_mandate_take_back(tr_core_t *core, const tr_record_t *record, const tr_entry_t *from, uint32_t agent);

/* Calls `each` with every agent that `from` has handed something on to, within the last hour; `members`: it is a range, and they have. */
typedef void (*tr_handed_fn)(void *arg, const char *to);
void tr_mandate_each(const tr_core_t *core, const char *from, bool members, tr_handed_fn each, void *arg);
void tr_mandates_finish(tr_core_t *core);

/* What has changed goes into the journal's open batch. */
void tr_mandates_keep(tr_core_t *core);
/* From the journal. 0, -EBADMSG, -ENOMEM. */
struct tr_pair;
int tr_mandate_secret_recover(tr_core_t *core, const struct tr_pair *pair);
int tr_grant_recover(tr_core_t *core, const struct tr_pair *pair);
int tr_handed_recover(tr_core_t *core, const struct tr_pair *pair);

#endif
