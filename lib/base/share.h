/* Whole things that are shared out over places. Pure. */
#ifndef TR_BASE_SHARE_H
#define TR_BASE_SHARE_H

#include <stddef.h>
#include <stdint.h>

/* How many of `total` each of n places is to have, of what they have in `counts` (none below 0): further ones where the fewest are (the first of
 * those), fewer where the most are (the last). So nothing moves, and places that began evenly stay so. */
void tr_share_out(int64_t *counts, size_t n, int64_t total);

#endif
