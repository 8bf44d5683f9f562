#include "kbd/segment_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka needs the headers above */
#include <cmocka.h>

tr_segment_t *segment_fixture(const float *all, size_t count, size_t dimensions, tr_segment_kind_t kind) {
    tr_segment_item_t *items = calloc(count, sizeof *items);
    tr_segment_t *segment = NULL;
    for (size_t i = 0; i < count; i++)
        items[i] = (tr_segment_item_t){(int64_t)i + 1, all + i * dimensions};
    assert_int_equal(tr_segment_build(NULL, items, count, dimensions, kind, NULL, NULL, &segment, NULL), 0);
    free(items);
    return segment;
}
