#include "agentd/mind/places.h"

#include <stdlib.h>

static int compare(const void *a, const void *b) {
    const tr_place_t *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

void tr_places_sort(tr_place_t *places, size_t count) {
    qsort(places, count, sizeof *places, compare);
}

json_t *tr_places_json(const tr_place_t *places, size_t count, size_t most) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < count && i < most; i++)
        json_array_append_new(
            list, json_pack("{s:I, s:f}", "index", (json_int_t)places[i].index, "score", places[i].score));
    return list;
}
