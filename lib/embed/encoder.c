/*
 * All pieces of a batch are rows of one matrix, so that each weight is multiplied once for all of them; only attention looks at
 * the parts by themselves. Everything is row-major, and a bias is what a product is added to.
 */
#include "lib/embed/encoder.h"

#include <cblas.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HEADS   4
#define LANES   16
#define EPSILON 1e-6F

struct tr_encoder {
    const tr_embed_file_t *file;
    float *positions; /* [128][256]: sines and cosines */
    float *state;     /* [rows][512]: what flows through the layers */
    float *normal;    /* [rows][512]: the state, normalised; and attention's result */
    float *inner;     /* [rows][1536]: queries, keys, values; and the inner layer */
    float *weights;   /* [128][128]: of one head's attention */
    float *means;     /* [rows][512] */
};

/* result[rows][columns] = (bias ? bias : result) + left[rows][width] * right[width][columns] */
static void multiply(size_t rows, size_t width, size_t columns, const float *left, const float *right,
    const float *bias, float *result) {
    for (size_t i = 0; bias && i < rows; i++)
        memcpy(result + i * columns, bias, columns * sizeof *bias);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)rows, (blasint)columns, (blasint)width, 1,
        left, (blasint)width, right, (blasint)columns, 1, result, (blasint)columns);
}

static void add_bias(size_t rows, size_t columns, const float *bias, float *matrix) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            matrix[i * columns + j] += bias[j];
}

/* The sum of (from - less) ^ 2, or of what is there itself, in as many lanes as a compiler may keep in registers: it must not reorder a sum by itself. */
static float sum(size_t width, const float *from, float less, bool squares) {
    float lanes[LANES] = {0}, all = 0;
    for (size_t j = 0; j < width; j += LANES)
        for (size_t k = 0; k < LANES; k++) {
            float x = from[j + k] - less;
            lanes[k] += squares ? x * x : x;
        }
    for (size_t k = 0; k < LANES; k++)
        all += lanes[k];
    return all;
}

/* `width` is a multiple of LANES. */
static void normalise(
    size_t rows, size_t width, const float *from, const float *scale, const float *bias, float *to) {
    for (size_t i = 0; i < rows; i++, from += width, to += width) {
        float mean = sum(width, from, 0, false) / (float)width;
        float factor = 1 / sqrtf(sum(width, from, mean, true) / (float)width + EPSILON);
        for (size_t j = 0; j < width; j++)
            to[j] = (from[j] - mean) * factor * scale[j] + bias[j];
    }
}

static void softmax(float *row, size_t count) {
    float most = row[0], sum = 0;
    for (size_t i = 1; i < count; i++)
        most = row[i] > most ? row[i] : most;
    for (size_t i = 0; i < count; i++)
        sum += row[i] = expf(row[i] - most);
    for (size_t i = 0; i < count; i++)
        row[i] /= sum;
}

/* One head over one part: its queries, keys and values stand beside each other in rows of 3 width. */
static void attend(const tr_encoder_t *self, size_t n, size_t width, const float *queries, float *result) {
    blasint count = (blasint)n, stride = (blasint)(3 * width), depth = (blasint)(width / HEADS);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, count, count, depth, 1 / sqrtf((float)depth),
        queries, stride, queries + width, stride, 0, self->weights, count);
    for (size_t i = 0; i < n; i++)
        softmax(self->weights + i * n, n);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, count, depth, count, 1, self->weights, count,
        queries + 2 * width, stride, 0, result, (blasint)width);
}

static void attend_all(const tr_encoder_t *self, size_t width, const tr_encoder_part_t *parts, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t head = 0; head < HEADS; head++)
            attend(self, parts[i].count, width,
                self->inner + parts[i].first * 3 * width + head * (width / HEADS),
                self->normal + parts[i].first * width + head * (width / HEADS));
}

/* The state of `width` becomes the sum of itself (widened by the first layer) and of what attention says. */
static void run_attention(const tr_encoder_t *self, const tr_embed_layer_t *layer, size_t rows,
    const tr_encoder_part_t *parts, size_t count) {
    normalise(rows, layer->width, self->state, layer->norm_scale, layer->norm_bias, self->normal);
    multiply(rows, layer->width, 3 * layer->width, self->normal, layer->qkv, layer->qkv_bias, self->inner);
    attend_all(self, layer->width, parts, count);
    if (layer->residual) {
        multiply(rows, layer->width, TR_EMBED_WIDTH, self->state, layer->residual, layer->residual_bias,
            self->inner);
        memcpy(self->state, self->inner, rows * TR_EMBED_WIDTH * sizeof *self->state);
    }
    add_bias(rows, TR_EMBED_WIDTH, layer->out_bias, self->state);
    multiply(rows, layer->width, TR_EMBED_WIDTH, self->normal, layer->out, NULL, self->state);
}

static void run_feed_forward(const tr_encoder_t *self, const tr_embed_layer_t *layer, size_t rows) {
    normalise(rows, TR_EMBED_WIDTH, self->state, layer->feed_norm_scale, layer->feed_norm_bias, self->normal);
    multiply(
        rows, TR_EMBED_WIDTH, TR_EMBED_INNER, self->normal, layer->inner, layer->inner_bias, self->inner);
    for (size_t i = 0; i < rows * TR_EMBED_INNER; i++)
        self->inner[i] = self->inner[i] > 0 ? self->inner[i] : 0;
    add_bias(rows, TR_EMBED_WIDTH, layer->outer_bias, self->state);
    multiply(rows, TR_EMBED_INNER, TR_EMBED_WIDTH, self->inner, layer->outer, NULL, self->state);
}

/* Pieces as the model was trained to see them: twice their vector, and their position. */
static void look_up(const tr_encoder_t *self, const uint16_t *pieces, const tr_encoder_part_t *part) {
    for (size_t i = 0; i < part->count; i++) {
        const float *vector = self->file->embeddings + (size_t)pieces[part->first + i] * TR_EMBED_PIECE;
        const float *position = self->positions + i * TR_EMBED_PIECE;
        float *to = self->state + (part->first + i) * TR_EMBED_PIECE;
        for (size_t j = 0; j < TR_EMBED_PIECE; j++)
            to[j] = 2 * vector[j] + position[j];
    }
}

static void find_mean(const tr_encoder_t *self, const tr_encoder_part_t *part, float *mean) {
    memset(mean, 0, TR_EMBED_WIDTH * sizeof *mean);
    for (size_t i = part->first; i < part->first + part->count; i++)
        for (size_t j = 0; j < TR_EMBED_WIDTH; j++)
            mean[j] += self->state[i * TR_EMBED_WIDTH + j] / (float)part->count;
}

void tr_encoder_run(tr_encoder_t *self, const uint16_t *pieces, size_t rows, const tr_encoder_part_t *parts,
    size_t count, float *ret_vectors) {
    for (size_t i = 0; i < count; i++)
        look_up(self, pieces, &parts[i]);
    for (size_t i = 0; i < TR_EMBED_LAYERS; i++) {
        run_attention(self, &self->file->layers[i], rows, parts, count);
        run_feed_forward(self, &self->file->layers[i], rows);
    }
    for (size_t i = 0; i < count; i++)
        find_mean(self, &parts[i], self->means + i * TR_EMBED_WIDTH);
    multiply(count, TR_EMBED_WIDTH, TR_EMBED_WIDTH, self->means, self->file->hidden, self->file->hidden_bias,
        ret_vectors);
    for (size_t i = 0; i < count * TR_EMBED_WIDTH; i++)
        ret_vectors[i] = tanhf(ret_vectors[i]);
}

static void fill_positions(float *positions, const float *waves) {
    for (size_t i = 0; i < TR_ENCODER_PIECES; i++)
        for (size_t j = 0; j < TR_EMBED_WAVES; j++) {
            positions[i * TR_EMBED_PIECE + j] = sinf((float)i * waves[j]);
            positions[i * TR_EMBED_PIECE + TR_EMBED_WAVES + j] = cosf((float)i * waves[j]);
        }
}

int tr_encoder_new(const tr_embed_file_t *file, tr_encoder_t **ret_encoder) {
    tr_encoder_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->file = file;
    self->positions = calloc((size_t)TR_ENCODER_PIECES * TR_EMBED_PIECE, sizeof(float));
    self->state = calloc((size_t)TR_ENCODER_ROWS * TR_EMBED_WIDTH, sizeof(float));
    self->normal = calloc((size_t)TR_ENCODER_ROWS * TR_EMBED_WIDTH, sizeof(float));
    self->inner = calloc((size_t)TR_ENCODER_ROWS * TR_EMBED_INNER, sizeof(float));
    self->weights = calloc((size_t)TR_ENCODER_PIECES * TR_ENCODER_PIECES, sizeof(float));
    self->means = calloc((size_t)TR_ENCODER_ROWS * TR_EMBED_WIDTH, sizeof(float));
    if (!self->positions || !self->state || !self->normal || !self->inner || !self->weights || !self->means) {
        tr_encoder_destroy(&self);
        return -ENOMEM;
    }
    fill_positions(self->positions, file->waves);
    *ret_encoder = self;
    return 0;
}

void tr_encoder_destroy(tr_encoder_t **self) {
    if (!self || !*self)
        return;
    free((*self)->positions);
    free((*self)->state);
    free((*self)->normal);
    free((*self)->inner);
    free((*self)->weights);
    free((*self)->means);
    free(*self);
    *self = NULL;
}
