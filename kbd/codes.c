#include "kbd/codes.h"

#include "kbd/kernels.h"
#include "kbd/nearest.h"

#include <errno.h>
#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LINE      64u /* of the processor's cache: no vector begins in the middle of one */
#define HUGE_PAGE ((size_t)2 << 20)
#define MOST      127.f
#define MOST_ASK  1023.f
#define WIDEST    16384u /* numbers, of which a product is still within 32 bits */

/* Whether codes tell who is near is tried: of some questions, the nearest of all are to be among the first by codes. */
#define QUESTIONS 50u
#define SOME      2000u /* that the mean is of */
#define TOGETHER  64u
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

/* ---- whether they tell ---- */

/* One of the vectors, and what is nearest to it of all: where vectors crowd, as those of texts that are nearly the same, a sample is no crowd. */
typedef struct question {
    const float *query;
    tr_codes_query_t asked;
    tr_nearest_t whole, coded; /* into what is below */
    int64_t nearest[NEAREST], first[FIRST];
    float scores[NEAREST], about[FIRST];
} question_t;

typedef struct trial {
    const tr_codes_t *codes;
    const float *vectors;
    size_t count, dimensions;
    question_t questions[QUESTIONS];
    int16_t *words; /* of all questions */
} trial_t;

static void begin_trial(trial_t *self) {
    for (size_t i = 0; i < QUESTIONS; i++) {
        question_t *q = &self->questions[i];
        q->query = self->vectors + i * self->count / QUESTIONS * self->dimensions;
        q->asked.words = self->words + i * self->dimensions;
        q->whole = (tr_nearest_t){q->nearest, q->scores, NEAREST, 0};
        q->coded = (tr_nearest_t){q->first, q->about, FIRST, 0};
        tr_codes_ask(self->codes, q->query, self->dimensions, &q->asked);
    }
}

/* Some vectors, which stay in the processor's cache meanwhile, with each question of a part; then the next ones. */
static void ask_part(trial_t *self, size_t from, size_t to) {
    for (size_t at = 0; at < self->count; at += TOGETHER)
        for (size_t i = from; i < to; i++)
            for (size_t place = at; place < self->count && place < at + TOGETHER; place++) {
                question_t *q = &self->questions[i];
                const float *vector = self->vectors + place * self->dimensions;
                tr_nearest_take(
                    &q->whole, (int64_t)place, tr_kernel_product(q->query, vector, self->dimensions));
                tr_nearest_take(&q->coded, (int64_t)place,
                    tr_codes_product(self->codes, &q->asked, place, self->dimensions));
            }
}

/* How many of the nearest of one are as near as those among the first by codes. Equals take each other's place. */
static size_t count_found(const trial_t *self, const question_t *q) {
    size_t found = 0;
    float least = q->scores[q->whole.count - 1];
    for (size_t i = 0; i < q->coded.count; i++)
        found += tr_kernel_product(q->query, self->vectors + (size_t)q->first[i] * self->dimensions,
                     self->dimensions) >= least;
    return (found < q->whole.count ? found : q->whole.count) + NEAREST - q->whole.count;
}

static bool are_faithful(const tr_codes_t *self, const float *vectors, size_t count, size_t dimensions) {
    trial_t *trial = calloc(1, sizeof *trial);
    int16_t *words = malloc(QUESTIONS * dimensions * sizeof *words);
    size_t found = 0, parts = (size_t)omp_get_max_threads();
    if (trial && words && count) {
        *trial = (trial_t){self, vectors, count, dimensions, .words = words};
        begin_trial(trial);
#pragma omp parallel for schedule(static, 1)
        for (size_t part = 0; part < parts; part++)
            ask_part(trial, part * QUESTIONS / parts, (part + 1) * QUESTIONS / parts);
        for (size_t i = 0; i < QUESTIONS; i++)
            found += count_found(trial, &trial->questions[i]);
    }
    free(words);
    free(trial);
    return found >= FAITHFUL * QUESTIONS * NEAREST;
}

int tr_codes_make(tr_codes_t *self, const float *vectors, size_t count, size_t dimensions) {
    size_t stride = round_up(dimensions, LINE);
    *self = (tr_codes_t){0};
    if (dimensions > WIDEST)
        return -EDOM;
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
