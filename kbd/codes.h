/*
 * Vectors with a byte for each number of what is left when their mean is taken away, and one scale for each vector: a quarter of the memory that a walk
 * through a graph has to wait for. What is nearest by these is compared once more by the whole vectors.
 */
#ifndef TR_KBD_CODES_H
#define TR_KBD_CODES_H

#include <stddef.h>
#include <stdint.h>

typedef struct tr_codes {
    int8_t *bytes;        /* owned, as is what is below; NULL: none were made */
    float *scales, *mean; /* of each vector; of each number */
    size_t stride;        /* bytes from one vector to the next */
} tr_codes_t;

/* Of `count` vectors, one behind the other. With as many threads as OpenMP may have here. 0; -ENOMEM or -EDOM, who is nearest cannot be told by them: then there are
 * none. */
int tr_codes_make(tr_codes_t *self, const float *vectors, size_t count, size_t dimensions);
void tr_codes_finish(tr_codes_t *self); /* idempotent */

/* A vector that others are to be compared with. */
typedef struct tr_codes_query {
    int16_t *words; /* borrowed: room for as many numbers */
    float by, base;
} tr_codes_query_t;
void tr_codes_ask(const tr_codes_t *self, const float *query, size_t dimensions, tr_codes_query_t *ret);
/* About the scalar product. */
float tr_codes_product(
    const tr_codes_t *self, const tr_codes_query_t *query, size_t place, size_t dimensions);

#endif
