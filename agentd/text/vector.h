/* Sparse vectors of stems, for comparing sentences. */
#ifndef TR_TEXT_VECTOR_H
#define TR_TEXT_VECTOR_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t stem;
    float weight;
} tr_dimension_t;

typedef struct {
    tr_dimension_t *items; /* sorted by stem, each once; their squares sum up to 1 */
    size_t count;
} tr_vector_t;

/* Sorts, adds up what is there twice, multiplies each weight by `factors[stem]` (NULL: by 1), and
 * normalises. */
void tr_vector_finish_filling(tr_vector_t *self, const float *factors);

/* The cosine of the angle between two vectors: 0..1. */
double tr_vector_cosine(const tr_vector_t *a, const tr_vector_t *b);

#endif
