/* Segments for tests. */
#ifndef TR_KBD_SEGMENT_FIXTURE_H
#define TR_KBD_SEGMENT_FIXTURE_H

#include "kbd/segment.h"

/* Of `count` vectors, one behind the other, with the chunks 1, 2, ... */
tr_segment_t *segment_fixture(const float *all, size_t count, size_t dimensions, tr_segment_kind_t kind);

#endif
