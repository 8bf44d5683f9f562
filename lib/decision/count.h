/*
 * Counting votes: what a set of ballots says of a set of options. Pure: no clock, no chance, no names; exact, in whole
 * numbers, so that a count that is done again anywhere gives the same.
 *
 * A ballot has one mark for each option, whose meaning is the method's:
 *   plurality  1 at the one option that it is for, 0 elsewhere
 *   approval   1 at each option that it accepts, 0 elsewhere
 *   score      0 to score_max at each option; the highest sum wins
 *   borda      places: 1 is the best; several may share one; 0 is below all that have one. An option gets a point for
 *              each other option that is below it, and half a point for each beside it (J.-C. de Borda, 1781)
 *   schulze    places likewise. The option that beats or ties with every other by the strongest chain of pairwise
 *              victories (M. Schulze, "A new monotonic, clone-independent, reversal symmetric, and Condorcet-consistent
 *              single-winner election method", Social Choice and Welfare 36, 2011; strength = winning votes)
 * A ballot that abstains is there (for a quorum) and says nothing.
 *
 * Any thread; nothing is kept.
 */
#ifndef TR_DECISION_COUNT_H
#define TR_DECISION_COUNT_H

#include "lib/base/arena.h"
#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_OPTIONS_MAX 256u
#define TR_BALLOTS_MAX (1u << 20)
#define TR_SCORE_MAX   1000
#define TR_WEIGHT_ONE  UINT64_C(1000000)            /* one vote */
#define TR_WEIGHT_MAX  (1000000000 * TR_WEIGHT_ONE) /* of all ballots together */

typedef enum tr_method {
    TR_METHOD_PLURALITY,
    TR_METHOD_APPROVAL,
    TR_METHOD_SCORE,
    TR_METHOD_BORDA,
    TR_METHOD_SCHULZE,
    TR_METHODS,
} tr_method_t;

/* By tr_method_t, ended by NULL. */
extern const char *const tr_method_words[];

/* Whether its marks are places. */
bool tr_method_ranks(tr_method_t method);

typedef struct tr_poll {
    tr_method_t method;
    size_t options;
    int32_t score_max; /* of score: the best mark, 1 to TR_SCORE_MAX; 0 = 10 */
} tr_poll_t;

typedef struct tr_ballot {
    uint64_t weight; /* TR_WEIGHT_ONE = one vote */
    bool abstains;
    const int32_t *marks; /* one for each option; not looked at where it abstains */
    size_t carried;       /* how many others have delegated to it; its weight has theirs */
} tr_ballot_t;

typedef struct tr_count {
    tr_poll_t poll;              /* score_max as it was meant */
    size_t ballots, abstentions; /* how many; `ballots` has both kinds */
    size_t carried;              /* how many have delegated to one of them */
    bool named;                  /* one of them, of some weight, has a mark */
    uint64_t weight, abstained;  /* of those that say something, and of those that do not */
    uint64_t
        *points; /* of each option, weighted; with tr_count_scale for one point of one vote. Of schulze: how
                                    many other options it beats */
    uint64_t *pairs; /* of places: [i * options + j] is the weight of those that have i above j; else NULL */
    uint64_t *paths; /* of schulze: the strength of the strongest chain from i to j; else NULL */
    size_t *
        places; /* of each option, 1 is the best; equal ones share one, and those behind them are further by as many */
} tr_count_t;

/* What is in *ret is in the arena. 0; -EINVAL with the ballot and what is wrong with it; -E2BIG over the limits above;
 * -ENOMEM. No ballots are no error: all options share the first place. */
int tr_count(const tr_poll_t *poll, const tr_ballot_t *ballots, size_t count, tr_arena_t *arena,
    tr_count_t *ret, tr_error_t *error);
/* What one point of one vote counts in `points`. */
uint64_t tr_count_scale(tr_method_t method);
/* How much of what was said is for an option, in millionths: of plurality and approval the share of the votes that name
 * it; of score its part of the highest sum there could be; of places the share that has it above the option that it
 * does worst against. 0 where nothing was said; 1000000 for the only option of a count of places. */
uint32_t tr_count_support(const tr_count_t *self, size_t option);
/* Whether that is more than so many millionths: exactly, not as it is cut above. */
bool tr_count_has_more(const tr_count_t *self, size_t option, uint32_t share);

#endif
