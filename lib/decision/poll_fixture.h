/* Polls as they stand in books: "42 MNCK, 26 NCKM". */
#ifndef TR_DECISION_POLL_FIXTURE_H
#define TR_DECISION_POLL_FIXTURE_H

#include "lib/decision/ruling.h"

#define POLL_MOST 64u /* ballots */

typedef struct poll {
    tr_arena_t arena;
    tr_ballot_t *ballots;
    size_t count;
    tr_error_t error;
} poll_t;

poll_t poll_new(void);
void poll_finish(poll_t *p);
/* One ballot; the marks are copied. */
void poll_add(poll_t *p, uint64_t votes, const int32_t *marks, size_t options);
/* Rankings: "42 MNCK, 26 N(CK)M, 3 K": how many votes, the letters of the options from the best on, those that share a
 * place in brackets. One ballot each, of that weight. `letters`: the options. */
void poll_rankings(poll_t *p, const char *letters, const char *text);
/* Fails the test where it is not to be counted. */
tr_count_t poll_count(poll_t *p, tr_method_t method, size_t options);
/* The options from the best on, those that share a place in brackets. */
const char *poll_order(poll_t *p, const tr_count_t *count, const char *letters);

#endif
