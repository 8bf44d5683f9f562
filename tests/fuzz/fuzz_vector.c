/* Vectors in messages: refused with a reason, or of length 1. */
#include "kbd/own_vector.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tr_content_t content;
    tr_error_t error = {0};
    float *vector = NULL;
    size_t n = 0;
    double length = 0;
    if (tr_content_init(&content, data, size) < 0)
        return 0;
    int rc = tr_own_vector_read(&content.root, &vector, &n, &error);
    PROMISE(rc == 0 ? n > 0 && n <= TR_OWN_VECTOR_MAX : rc == -EINVAL && *error.text);
    for (size_t i = 0; i < n && rc == 0; i++)
        length += (double)vector[i] * (double)vector[i];
    PROMISE(rc < 0 || fabs(length - 1) < 1e-3);
    free(vector);
    tr_content_finish(&content);
    return 0;
}
