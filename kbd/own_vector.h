/* Vectors that come in messages: a bin of little-endian floats (of 4 bytes), or a list of numbers. */
#ifndef TR_KBD_OWN_VECTOR_H
#define TR_KBD_OWN_VECTOR_H

#include "lib/base/error.h"
#include "proto/content.h"

#define TR_OWN_VECTOR_MAX 8192u /* numbers */

/* Of length 1 then, so that scalar products are cosines; to be freed. -EINVAL: it is none, it has a number that is not finite, or nothing but
 * zeros; -ENOMEM. */
int tr_own_vector_read(tr_value_t value, float **ret_vector, size_t *ret_dimensions, tr_error_t *error);

#endif
