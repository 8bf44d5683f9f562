#include "kbd/own_vector.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static float number_at(tr_value_t value, size_t i) {
    if (tr_value_is_array(value))
        return (float)tr_value_double(tr_value_at(value, i), NAN);
    const uint8_t *at = (const uint8_t *)value->via.bin.ptr + 4 * i;
    uint32_t bits = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static size_t dimensions_of(tr_value_t value) {
    if (tr_value_is_array(value))
        return tr_value_size(value);
    return value && value->type == MSGPACK_OBJECT_BIN && value->via.bin.size % 4 == 0
               ? value->via.bin.size / 4
               : 0;
}

/* False: there is no length to divide by. */
static bool normalize(float *vector, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)vector[i] * (double)vector[i];
    double length = sqrt(sum);
    if (!isfinite(length) || length < 1e-30)
        return false;
    for (size_t i = 0; i < n; i++)
        vector[i] = (float)((double)vector[i] / length);
    return true;
}

int tr_own_vector_read(tr_value_t value, float **ret_vector, size_t *ret_dimensions, tr_error_t *error) {
    size_t n = dimensions_of(value);
    if (n == 0 || n > TR_OWN_VECTOR_MAX)
        return tr_error_set(error, -EINVAL, "vector: expected 1 to %u numbers, or a bin of 4 bytes for each",
            TR_OWN_VECTOR_MAX);
    float *vector = malloc(n * sizeof *vector);
    if (!vector)
        return tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        vector[i] = number_at(value, i);
    if (!normalize(vector, n)) {
        free(vector);
        return tr_error_set(error, -EINVAL, "vector: expected finite numbers, not all of them 0");
    }
    *ret_vector = vector;
    *ret_dimensions = n;
    return 0;
}
