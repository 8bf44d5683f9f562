#include "agentd/text/vector.h"

#include <math.h>
#include <stdlib.h>

static int compare_stems(const void *a, const void *b) {
    uint32_t x = ((const tr_dimension_t *)a)->stem, y = ((const tr_dimension_t *)b)->stem;
    return (x > y) - (x < y);
}

void tr_vector_finish_filling(tr_vector_t *self, const float *factors) {
    size_t kept = 0;
    double squares = 0;
    if (self->count > 1)
        qsort(self->items, self->count, sizeof *self->items, compare_stems);
    for (size_t i = 0; i < self->count; i++) {
        if (kept > 0 && self->items[kept - 1].stem == self->items[i].stem)
            self->items[kept - 1].weight += self->items[i].weight;
        else
            self->items[kept++] = self->items[i];
    }
    self->count = kept;
    for (size_t i = 0; i < kept; i++) {
        self->items[i].weight *= factors ? factors[self->items[i].stem] : 1;
        squares += (double)self->items[i].weight * self->items[i].weight;
    }
    for (size_t i = 0; i < kept && squares > 0; i++)
        self->items[i].weight = (float)(self->items[i].weight / sqrt(squares));
}

double tr_vector_cosine(const tr_vector_t *a, const tr_vector_t *b) {
    double sum = 0;
    for (size_t i = 0, k = 0; i < a->count && k < b->count;) {
        if (a->items[i].stem == b->items[k].stem)
            sum += (double)a->items[i++].weight * b->items[k++].weight;
        else if (a->items[i].stem < b->items[k].stem)
            i++;
        else
            k++;
    }
    return sum < 1 ? sum : 1;
}
