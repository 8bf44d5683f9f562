/* What was scored, in the order of the scores: the answer of rank and choose, from whatever mind. Pure. */
#ifndef TR_AGENTD_MIND_PLACES_H
#define TR_AGENTD_MIND_PLACES_H

#include <jansson.h>
#include <stddef.h>

typedef struct tr_place {
    size_t index; /* of what was scored */
    double score;
} tr_place_t;

/* Best first; the same score: in the order of the indexes. */
void tr_places_sort(tr_place_t *places, size_t count);
/* [{index, score}], the first `most`. NULL when out of memory; the caller's. */
json_t *tr_places_json(const tr_place_t *places, size_t count, size_t most);

#endif
