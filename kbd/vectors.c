#include "kbd/vectors.h"

#include "kbd/kernels.h"
#include "lib/text/textbuf.h"

#include <errno.h>
#include <faiss/c_api/IndexFlat_c.h>
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/faiss_c.h>
#include <stdlib.h>
#include <string.h>

struct tr_kb_vectors {
    size_t dimensions, count, room;
    int64_t *chunks; /* rising; the label of FAISS is the place in here */
    FaissIndex *index;
};

tr_kb_vectors_t *tr_kb_vectors_new(size_t dimensions) {
    tr_kb_vectors_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->dimensions = dimensions;
    if (faiss_IndexFlat_new_with(&self->index, (idx_t)dimensions, METRIC_INNER_PRODUCT) != 0)
        tr_kb_vectors_destroy(&self);
    return self;
}

void tr_kb_vectors_destroy(tr_kb_vectors_t **self) {
    if (!*self)
        return;
    if ((*self)->index)
        faiss_Index_free((*self)->index);
    free((*self)->chunks);
    free(*self);
    *self = NULL;
}

size_t tr_kb_vectors_count(const tr_kb_vectors_t *self) {
    return self->count;
}

static int compare_chunks(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static const int64_t *find(const tr_kb_vectors_t *self, int64_t chunk) {
    return self->count ? bsearch(&chunk, self->chunks, self->count, sizeof chunk, compare_chunks) : NULL;
}

int tr_kb_vectors_add(tr_kb_vectors_t *self, int64_t chunk, const float *vector) {
    if (self->count && chunk <= self->chunks[self->count - 1])
        return find(self, chunk) ? -EEXIST : -EINVAL;
    if (tr_array_reserve(&self->chunks, self->count, &self->room, sizeof *self->chunks) < 0 ||
        faiss_Index_add(self->index, 1, vector) != 0)
        return -ENOMEM;
    self->chunks[self->count++] = chunk;
    return 0;
}

int64_t tr_kb_vectors_search(
    tr_kb_vectors_t *self, const float *query, size_t k, int64_t *ret_chunks, float *ret_scores) {
    int64_t n = 0;
    k = k > self->count ? self->count : k;
    if (k == 0)
        return 0;
    if (faiss_Index_search(self->index, 1, query, (idx_t)k, ret_scores, ret_chunks) != 0)
        return -ENOMEM;
    for (size_t i = 0; i < k; i++)
        if (ret_chunks[i] >= 0) {
            ret_scores[n] = ret_scores[i];
            ret_chunks[n++] = self->chunks[ret_chunks[i]];
        }
    return n;
}

int tr_kb_vectors_score(tr_kb_vectors_t *self, const float *query, int64_t chunk, float *ret_score) {
    const int64_t *place = find(self, chunk);
    float *all;
    size_t size;
    if (!place)
        return -ENOENT;
    faiss_IndexFlat_xb(self->index, &all, &size);
    const float *vector = all + (size_t)(place - self->chunks) * self->dimensions;
    *ret_score = tr_kernel_product(query, vector, self->dimensions);
    return 0;
}
