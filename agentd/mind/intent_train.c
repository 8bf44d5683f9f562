/*
 * Training by stochastic gradient descent with a step of its own for each feature (AdaGrad, Duchi et al., 2011): some hundred examples take a
 * few hundredths of a second. The order of examples is shuffled by a generator with a fixed seed, so that the same examples give the same
 * model. Weights that say nearly nothing are written as 0.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/intent.h"
#include "agentd/mind/intent_examples.h"
#include "agentd/mind/intent_features.h"
#include "lib/text/textbuf.h"

#define EPOCHS     40
#define STEP       .5f
#define SHRINKAGE  .001f
#define NEGLIGIBLE .005f

typedef struct {
    uint32_t *features; /* of all examples one after the other, as indices in `keys` */
    size_t *first;      /* by example, and the end */
    uint64_t *keys;     /* of all features, rising */
    size_t key_count, labels;
    float *weights, *squares; /* by feature and label; the last row is the bias */
} training_t;

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void training_finish(training_t *self) {
    free(self->features);
    free(self->first);
    free(self->keys);
    free(self->weights);
    free(self->squares);
}

/* All features of all examples, and where each example's begin. */
static uint64_t *extract(training_t *self, const tr_intent_examples_t *examples) {
    uint64_t *all = NULL;
    size_t count = 0, capacity = 0;
    tr_mind_words_t words;
    for (size_t i = 0; i < examples->count; i++) {
        uint64_t found[TR_INTENT_FEATURES_MAX];
        tr_mind_words_read(examples->items[i].text, examples->items[i].length, &words);
        size_t n = tr_intent_features(&words, found);
        self->first[i] = count;
        for (size_t k = 0; k < n; k++) {
            if (tr_array_reserve(&all, count, &capacity, sizeof *all) < 0) {
                free(all);
                return NULL;
            }
            all[count++] = found[k];
        }
    }
    self->first[examples->count] = count;
    return all ? all : calloc(1, sizeof *all);
}

static int number_features(training_t *self, uint64_t *all, size_t count) {
    self->keys = malloc((count + 1) * sizeof *self->keys);
    self->features = malloc((count + 1) * sizeof *self->features);
    if (!self->keys || !self->features)
        return -ENOMEM;
    memcpy(self->keys, all, count * sizeof *all);
    qsort(self->keys, count, sizeof *self->keys, compare);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || self->keys[i] != self->keys[i - 1])
            self->keys[self->key_count++] = self->keys[i];
    for (size_t i = 0; i < count; i++) {
        const uint64_t *at = bsearch(&all[i], self->keys, self->key_count, sizeof *all, compare);
        self->features[i] = (uint32_t)(at - self->keys);
    }
    return 0;
}

static int prepare(training_t *self, const tr_intent_examples_t *examples) {
    self->labels = examples->label_count;
    self->first = calloc(examples->count + 1, sizeof *self->first);
    uint64_t *all = self->first ? extract(self, examples) : NULL;
    int rc = all ? number_features(self, all, self->first[examples->count]) : -ENOMEM;
    free(all);
    if (rc < 0)
        return rc;
    self->weights = calloc((self->key_count + 1) * self->labels, sizeof *self->weights);
    self->squares = calloc((self->key_count + 1) * self->labels, sizeof *self->squares);
    return self->weights && self->squares ? 0 : -ENOMEM;
}

static void step(training_t *self, size_t row, float value, const float *slope) {
    float *weights = self->weights + row * self->labels, *squares = self->squares + row * self->labels;
    for (size_t l = 0; l < self->labels; l++) {
        float gradient = slope[l] * value + SHRINKAGE * weights[l];
        squares[l] += gradient * gradient;
        if (squares[l] > 0)
            weights[l] -= STEP * gradient / (sqrtf(squares[l]) + 1e-6f);
    }
}

static void learn(training_t *self, size_t example, size_t label) {
    float scores[TR_INTENT_LABELS_MAX];
    size_t from = self->first[example], to = self->first[example + 1];
    float value = to > from ? 1 / sqrtf((float)(to - from)) : 0;
    memcpy(scores, self->weights + self->key_count * self->labels, self->labels * sizeof *scores);
    for (size_t i = from; i < to; i++)
        for (size_t l = 0; l < self->labels; l++)
            scores[l] += value * self->weights[self->features[i] * self->labels + l];
    tr_intent_soften(scores, self->labels);
    scores[label] -= 1;
    for (size_t i = from; i < to; i++)
        step(self, self->features[i], value, scores);
    step(self, self->key_count, 1, scores);
}

static void shuffle(size_t *order, size_t count, uint64_t *state) {
    for (size_t i = count; i > 1; i--) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        size_t k = (size_t)((*state >> 33) % i), kept = order[i - 1];
        order[i - 1] = order[k];
        order[k] = kept;
    }
}

static int descend(training_t *self, const tr_intent_examples_t *examples) {
    size_t *order = calloc(examples->count, sizeof *order);
    uint64_t state = 1;
    if (!order)
        return -ENOMEM;
    for (size_t i = 0; i < examples->count; i++)
        order[i] = i;
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        shuffle(order, examples->count, &state);
        for (size_t i = 0; i < examples->count; i++)
            learn(self, order[i], examples->items[order[i]].label);
    }
    free(order);
    return 0;
}

static void write_row(tr_textbuf_t *out, const char *head, const float *weights, size_t count) {
    char number[24];
    tr_textbuf_add_string(out, head);
    for (size_t i = 0; i < count; i++) {
        snprintf(number, sizeof number, fabsf(weights[i]) < NEGLIGIBLE ? " 0" : " %.3f", (double)weights[i]);
        tr_textbuf_add_string(out, number);
    }
    tr_textbuf_add_string(out, "\n");
}

static void write_model(const training_t *self, const tr_intent_examples_t *examples, tr_textbuf_t *out) {
    char head[64];
    snprintf(head, sizeof head, "troupe-intent 1 %zu %zu\nlabels", self->key_count, examples->count);
    tr_textbuf_add_string(out, head);
    for (size_t l = 0; l < self->labels; l++) {
        tr_textbuf_add_string(out, " ");
        tr_textbuf_add_string(out, examples->labels[l]);
    }
    write_row(out, "\nbias", self->weights + self->key_count * self->labels, self->labels);
    for (size_t i = 0; i < self->key_count; i++) {
        snprintf(head, sizeof head, "%016" PRIx64, self->keys[i]);
        write_row(out, head, self->weights + i * self->labels, self->labels);
    }
}

int tr_intent_train(
    const char *examples, size_t length, char **ret_model, size_t *ret_length, tr_error_t *error) {
    tr_intent_examples_t read;
    training_t training = {0};
    tr_textbuf_t out = {0};
    int rc = tr_intent_examples_read(examples, length, &read, error);
    if (rc < 0)
        return rc;
    if (read.label_count < 2 || read.count < read.label_count)
        rc = tr_error_set(error, -EBADMSG,
            "%zu labels with %zu examples: two labels at least, each with examples", read.label_count,
            read.count);
    else if (prepare(&training, &read) < 0 || descend(&training, &read) < 0)
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0)
        write_model(&training, &read, &out);
    size_t size = out.length;
    char *model = rc == 0 ? tr_textbuf_take(&out) : NULL;
    training_finish(&training);
    tr_intent_examples_finish(&read);
    if (rc == 0 && !model)
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    if (rc < 0)
        return rc;
    *ret_model = model;
    *ret_length = size;
    return 0;
}
