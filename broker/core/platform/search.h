/*
 * Searches of the DF that go on to other platforms (FIPA SC00023: max-depth, max-results, search-id). The DF asks
 * those of all neighbours, as one agent asks another, and answers when they have, or after a second without those
 * that have not. Each agent is in the result once. A search that comes by again, known by its id, finds nothing: so
 * it ends, however deep it may go and whatever the links look like.
 */
#ifndef TR_BROKER_SEARCH_H
#define TR_BROKER_SEARCH_H

#include "broker/core/federation/neighbour.h"
#include "broker/core/platform/platform.h"

#define TR_SEARCH_DEPTH_MAX 16

typedef struct tr_search tr_search_t;

/* What was found here, and how much more may be. */
typedef struct tr_search_found {
    const void *values; /* descriptions, one msgpack map behind the other */
    size_t len;
    size_t count, max;
} tr_search_found_t;

/* Whether it has come by before; remembers it. An id of NULL has not. */
bool tr_search_is_old(tr_core_t *core, const char *id);
/* Asks the neighbours; the answer comes later. False where there is nobody to ask: then nothing was done. */
bool tr_search_begin(tr_answer_t *answer, const tr_search_found_t *here, const char *id, int64_t depth);
/* What another DF has answered. */
void tr_search_answered(tr_core_t *core, tr_session_t *from, const tr_record_t *record);
/* A neighbour will not answer any more. */
void tr_searches_lost(tr_core_t *core, const tr_neighbour_t *neighbour);
void tr_searches_tick(tr_core_t *core);
void tr_searches_finish(tr_federation_t *federation);

#endif
