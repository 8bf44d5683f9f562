/*
 * Where the segments' files are: DIR/index/NAMESPACE-SEQUENCE.seg, numbers both. All of it can be thrown away.
 *
 * A new segment is written before those that it was made of are removed, and names them: whoever finds both takes the new one.
 */
#ifndef TR_KBD_SHELF_H
#define TR_KBD_SHELF_H

#include "kbd/segment_file.h"

typedef struct tr_shelf {
    char *directory; /* owned */
} tr_shelf_t;

/* Makes the directory, and removes what an interrupted writer has left. */
int tr_shelf_init(tr_shelf_t *self, const char *data, tr_error_t *error);
void tr_shelf_finish(tr_shelf_t *self); /* idempotent */
/* Removes all of data/index. 0 or negative errno. */
int tr_shelf_clear(const char *data);

typedef struct tr_shelf_found {
    tr_segment_t *segment; /* owned */
    uint64_t sequence;
} tr_shelf_found_t;

/* ---- any thread ---- */

/* Those of a namespace that are good, by their sequence; room for `most`. What is damaged or of another model is removed, and counted. */
size_t tr_shelf_read(const tr_shelf_t *self, int64_t ns, const char *model, size_t dimensions,
    tr_shelf_found_t *ret, size_t most, size_t *ret_damaged);
/* The highest sequence that a file of the namespace has; 0 = there is none. */
uint64_t tr_shelf_last(const tr_shelf_t *self, int64_t ns);
int tr_shelf_write(const tr_shelf_t *self, int64_t ns, const char *model, uint64_t sequence,
    const uint64_t *replaced, size_t count, tr_segment_t *segment, tr_error_t *error);
void tr_shelf_remove(const tr_shelf_t *self, int64_t ns, uint64_t sequence);
void tr_shelf_remove_all(const tr_shelf_t *self, int64_t ns);

#endif
