#include "lib/decision/delegation.h"

#include <errno.h>

enum { UNKNOWN, ON_THE_WAY, SETTLED };

typedef struct walk {
    tr_voter_t *voters;
    uint8_t *state; /* of each voter */
    size_t *chain;  /* of those on the way */
} walk_t;

/* Follows the chain to who votes, to who is settled, or in a circle: then to nobody. Returns whose ballot it is. */
static size_t follow(walk_t *w, size_t from, size_t *ret_len) {
    size_t len = 0, at = from;
    while (at != TR_NOBODY && w->state[at] == UNKNOWN) {
        w->state[at] = ON_THE_WAY;
        w->chain[len++] = at;
        if (w->voters[at].votes)
            break;
        at = w->voters[at].delegate;
    }
    *ret_len = len;
    if (at == TR_NOBODY)
        return TR_NOBODY;
    if (w->state[at] == SETTLED)
        return w->voters[at].carried_by;
    return w->voters[at].votes ? at : TR_NOBODY; /* on the way: a circle */
}

static void settle(walk_t *w, size_t from) {
    size_t len, end = follow(w, from, &len);
    for (size_t i = 0; i < len; i++) {
        w->state[w->chain[i]] = SETTLED;
        w->voters[w->chain[i]].carried_by = end;
    }
}

static void carry(tr_voter_t *voters, size_t count, uint64_t *own, uint64_t *ret_lost) {
    *ret_lost = 0;
    for (size_t i = 0; i < count; i++) {
        own[i] = voters[i].weight;
        voters[i].weight = voters[i].carries = 0;
    }
    for (size_t i = 0; i < count; i++) {
        size_t by = voters[i].carried_by;
        if (by == TR_NOBODY) {
            *ret_lost += voters[i].delegate == TR_NOBODY ? 0 : own[i];
            continue;
        }
        voters[by].weight += own[i];
        voters[by].carries += by != i;
    }
}

int tr_delegate_votes(tr_voter_t *voters, size_t count, tr_arena_t *arena, uint64_t *ret_lost) {
    walk_t w = {
        voters, tr_arena_alloc(arena, count + 1), tr_arena_alloc(arena, (count + 1) * sizeof *w.chain)};
    uint64_t *own = tr_arena_alloc(arena, (count + 1) * sizeof *own);
    if (!w.state || !w.chain || !own)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (voters[i].delegate != TR_NOBODY && voters[i].delegate >= count)
            return -EINVAL;
        w.state[i] = UNKNOWN;
    }
    for (size_t i = 0; i < count; i++)
        if (w.state[i] == UNKNOWN)
            settle(&w, i);
    carry(voters, count, own, ret_lost);
    return 0;
}
