/* What segment.c, segment_file.c and segment_depth.c share. */
#ifndef TR_KBD_SEGMENT_PRIVATE_H
#define TR_KBD_SEGMENT_PRIVATE_H

#include "kbd/codes.h"
#include "kbd/graph.h"
#include "kbd/segment.h"

#include <faiss/c_api/Index_c.h>
#include <stdatomic.h>

struct tr_segment {
    atomic_uint references;
    tr_segment_kind_t kind;
    size_t dimensions, count;
    int64_t *chunks;      /* owned */
    const float *vectors; /* FAISS's own (flat, graph), or those below */
    float *kept;          /* owned; NULL where they are FAISS's, or in the file */
    void *map;            /* of the file that they are in; NULL = none */
    size_t map_length;
    FaissIndex *index;
    tr_codes_t codes; /* of a graph; none where there was no memory for them */
};

/* Half built: to be completed, or released. NULL when out of memory. */
tr_segment_t *tr_segment_new(tr_segment_kind_t kind, size_t dimensions, size_t count);
/* Where its vectors are. -EIO: it is no such index. */
int tr_segment_settle(tr_segment_t *self, tr_error_t *error);
/* Of one that is a graph; borrowed. 0 or -EINVAL. */
int tr_segment_graph(const tr_segment_t *self, tr_graph_t *ret_graph);
/* Of an index of lists: how many it has. */
size_t tr_segment_lists(size_t count);
/* Of the last call that failed. */
int tr_segment_faiss_failed(tr_error_t *error);

/* How thoroughly it searches, found by trying (segment_depth.c); FAISS keeps it, and writes it into the file. -ECANCELED: progress said so;
 * -ENOMEM, -EIO. */
int tr_segment_find_depth(tr_segment_t *self, tr_segment_progress_fn progress, void *arg, tr_error_t *error);
static inline bool tr_segment_keeps(tr_segment_kind_t kind) {
    return kind == TR_SEGMENT_IVF_SQ8 || kind == TR_SEGMENT_IVF_PQ;
}

#endif
