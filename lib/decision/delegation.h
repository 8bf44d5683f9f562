/*
 * Liquid votes: who does not vote may name somebody who votes for him, who may name somebody in turn. The weight goes
 * along the chain to the first one that votes himself. Where a chain ends with one that does neither, or runs in a circle,
 * the weight of those in it who delegated is lost: they count as not there. Pure.
 */
#ifndef TR_DECISION_DELEGATION_H
#define TR_DECISION_DELEGATION_H

#include "lib/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_NOBODY SIZE_MAX

typedef struct tr_voter {
    bool votes;        /* has a ballot: whom else it names does not matter then */
    size_t delegate;   /* index of whom it names; TR_NOBODY */
    uint64_t weight;   /* in: its own. Out: what its ballot carries, 0 where it has none */
    size_t carried_by; /* out: whose ballot its own weight is in; TR_NOBODY where it is in none */
    size_t carries;    /* out: how many others' weight is in its ballot */
} tr_voter_t;

/* Linear. 0; -EINVAL where a delegate is no voter; -ENOMEM. *ret_lost: weight that was delegated and is in no ballot. */
int tr_delegate_votes(tr_voter_t *voters, size_t count, tr_arena_t *arena, uint64_t *ret_lost);

#endif
