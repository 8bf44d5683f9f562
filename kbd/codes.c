#include "kbd/codes.h"

#include "kbd/kernels.h"
#include "kbd/nearest.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LINE      64u /* of the processor's cache: no vector begins in the middle of one */
#define HUGE_PAGE ((size_t)2 << 20)
#define MOST      127.f
#define MOST_ASK  1023.f

/* Whether codes tell who is near is tried: of some questions, the nearest of some are to be among the first by codes. */
#define QUESTIONS 50u
#define SOME      2000u
#define NEAREST   10u
#define FIRST     34u /* as many as a walk compares again for ten */
#define FAITHFUL  .995

static size_t round_up(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

static void *room_for(size_t size) {
    size_t align = size < HUGE_PAGE ? LINE : HUGE_PAGE;
    void *room = aligned_alloc(align, round_up(size, align));
    if (room && align == HUGE_PAGE)
        madvise(room, round_up(size, align), MADV_HUGEPAGE); /* an advice, as in faiss_more.cpp */
    return room;
}

/* ---- making ---- */

static void find_mean(float *mean, const float *vectors, size_t count, size_t dimensions) {
    size_t n = count < SOME ? count : SOME;
    memset(mean, 0, dimensions * sizeof *mean);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < dimensions; j++)
            mean[j] += vectors[i * count / n * dimensions + j] / (float)n;
}

static void make_one(tr_codes_t *self, const float *vector, size_t place, size_t dimensions) {
    int8_t *bytes = self->bytes + place * self->stride;
    float most = 0;
    for (size_t i = 0; i < dimensions; i++)
        most = fmaxf(most, fabsf(vector[i] - self->mean[i]));
    float by = most > 0 ? MOST / most : 0;
    for (size_t i = 0; i < dimensions; i++)
        bytes[i] = (int8_t)lrintf((vector[i] - self->mean[i]) * by);
    memset(bytes + dimensions, 0, self->stride - dimensions);
    self->scales[place] = most / MOST;
}

/* How many of the nearest of one are among the first by codes. */
static size_t try_one(const tr_codes_t *self, const float *vectors, size_t count, size_t dimensions,
    const float *query, int16_t *words) {
    int64_t nearest[NEAREST], first[FIRST];
    float scores[NEAREST], about[FIRST];
    tr_nearest_t whole = {nearest, scores, NEAREST, 0}, coded = {first, about, FIRST, 0};
    tr_codes_query_t asked = {.words = words};
    size_t n = count < SOME ? count : SOME, found = 0;
    tr_codes_ask(self, query, dimensions, &asked);
    for (size_t i = 0; i < n; i++) {
        size_t place = i * count / n;
        tr_nearest_take(
            &whole, (int64_t)place, tr_kernel_product(query, vectors + place * dimensions, dimensions));
        tr_nearest_take(&coded, (int64_t)place, tr_codes_product(self, &asked, place, dimensions));
    }
    for (size_t i = 0; i < whole.count; i++) {
        bool is_there = false;
        for (size_t j = 0; j < coded.count; j++)
            is_there |= nearest[i] == first[j];
        found += is_there;
    }
    return found + NEAREST - whole.count;
}

static bool are_faithful(const tr_codes_t *self, const float *vectors, size_t count, size_t dimensions) {
    int16_t *words = malloc(dimensions * sizeof *words);
    size_t found = 0;
    for (size_t i = 0; i < QUESTIONS && words && count; i++)
        found +=
            try_one(self, vectors, count, dimensions, vectors + i * count / QUESTIONS * dimensions, words);
    free(words);
    return found >= FAITHFUL * QUESTIONS * NEAREST;
}

int tr_codes_make(tr_codes_t *self, const float *vectors, size_t count, size_t dimensions) {
    size_t stride = round_up(dimensions, LINE);
    *self = (tr_codes_t){room_for(count * stride + LINE), room_for(count * sizeof(float) + LINE),
        malloc(dimensions * sizeof(float)), stride};
    int rc = self->bytes && self->scales && self->mean ? 0 : -ENOMEM;
    if (rc == 0) {
        find_mean(self->mean, vectors, count, dimensions);
#pragma omp parallel for schedule(static)
        for (size_t i = 0; i < count; i++)
            make_one(self, vectors + i * dimensions, i, dimensions);
        rc = are_faithful(self, vectors, count, dimensions) ? 0 : -EDOM;
    }
    if (rc < 0)
        tr_codes_finish(self);
    return rc;
}

void tr_codes_finish(tr_codes_t *self) {
    free(self->bytes);
    free(self->scales);
    free(self->mean);
    *self = (tr_codes_t){0};
}

/* ---- comparing ---- */

void tr_codes_ask(const tr_codes_t *self, const float *query, size_t dimensions, tr_codes_query_t *ret) {
    float most = 0;
    for (size_t i = 0; i < dimensions; i++)
        most = fmaxf(most, fabsf(query[i]));
    float by = most > 0 ? MOST_ASK / most : 0;
    for (size_t i = 0; i < dimensions; i++)
        ret->words[i] = (int16_t)lrintf(query[i] * by);
    ret->by = most / MOST_ASK;
    ret->base = tr_kernel_product(query, self->mean, dimensions);
}

float tr_codes_product(
    const tr_codes_t *self, const tr_codes_query_t *query, size_t place, size_t dimensions) {
    int32_t product = tr_kernel_product_bytes(query->words, self->bytes + place * self->stride, dimensions);
    return query->base + self->scales[place] * query->by * (float)product;
}
