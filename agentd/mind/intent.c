#include "agentd/mind/intent.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/data.h"
#include "agentd/mind/intent_features.h"

#define MOST_FEATURES ((size_t)4 * 1000 * 1000)

struct tr_intent_model {
    char labels[TR_INTENT_LABELS_MAX][TR_INTENT_LABEL_MAX + 1];
    size_t label_count, feature_count;
    uint32_t *slots; /* hash table of 2^bits: index of a feature + 1, 0 = free */
    size_t mask;
    uint64_t *keys;
    float *weights; /* by feature and label */
    float bias[TR_INTENT_LABELS_MAX];
};

/* Reading ------------------------------------------------------------------------------------------------ */

typedef struct {
    const char *at; /* ends with a NUL */
    size_t line;
} reader_t;

static bool end_line(reader_t *in) {
    if (*in->at != '\n')
        return false;
    in->at++;
    in->line++;
    return true;
}

/* A blank and a number. */
static bool read_number(reader_t *in, float *ret_number) {
    char *end;
    if (*in->at != ' ' || !in->at[1] || !strchr("-0123456789", in->at[1]))
        return false;
    float number = strtof(in->at + 1, &end);
    if (end == in->at + 1 || !isfinite(number))
        return false;
    in->at = end;
    *ret_number = number;
    return true;
}

static bool read_row(reader_t *in, float *out, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!read_number(in, &out[i]))
            return false;
    return end_line(in);
}

static bool read_head(tr_intent_model_t *self, reader_t *in) {
    int end = 0;
    size_t examples;
    if (sscanf(in->at, "troupe-intent 1 %9zu %9zu%n", &self->feature_count, &examples, &end) != 2 || end == 0)
        return false;
    in->at += end;
    return self->feature_count <= MOST_FEATURES && end_line(in);
}

static bool read_labels(tr_intent_model_t *self, reader_t *in) {
    if (strncmp(in->at, "labels", 6) != 0)
        return false;
    in->at += 6;
    while (*in->at == ' ') {
        size_t length = strcspn(++in->at, " \n");
        if (length == 0 || length > TR_INTENT_LABEL_MAX || self->label_count == TR_INTENT_LABELS_MAX)
            return false;
        memcpy(self->labels[self->label_count++], in->at, length);
        in->at += length;
    }
    return self->label_count >= 2 && end_line(in);
}

static bool read_key(reader_t *in, uint64_t *ret_key) {
    size_t digits = strspn(in->at, "0123456789abcdef");
    if (digits != 16)
        return false;
    *ret_key = strtoull(in->at, NULL, 16);
    in->at += digits;
    return true;
}

static void place(tr_intent_model_t *self, size_t index) {
    size_t slot = (size_t)self->keys[index] & self->mask;
    while (self->slots[slot] != 0)
        slot = (slot + 1) & self->mask;
    self->slots[slot] = (uint32_t)index + 1;
}

static int make_room(tr_intent_model_t *self) {
    size_t size = 16;
    while (size < 2 * self->feature_count)
        size *= 2;
    self->mask = size - 1;
    self->slots = calloc(size, sizeof *self->slots);
    self->keys = calloc(self->feature_count + 1, sizeof *self->keys);
    self->weights = calloc((self->feature_count + 1) * self->label_count, sizeof *self->weights);
    return self->slots && self->keys && self->weights ? 0 : -ENOMEM;
}

static int read_model(tr_intent_model_t *self, reader_t *in) {
    bool is_bias = read_head(self, in) && read_labels(self, in) && strncmp(in->at, "bias", 4) == 0;
    if (!is_bias)
        return -EBADMSG;
    in->at += 4;
    if (!read_row(in, self->bias, self->label_count))
        return -EBADMSG;
    /* Each feature takes 17 bytes and more of the text: no more room is made than there is text for. */
    if (strlen(in->at) / 17 < self->feature_count)
        return -EBADMSG;
    if (make_room(self) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < self->feature_count; i++) {
        if (!read_key(in, &self->keys[i]) ||
            !read_row(in, self->weights + i * self->label_count, self->label_count))
            return -EBADMSG;
        place(self, i);
    }
    return *in->at ? -EBADMSG : 0;
}

int tr_intent_model_new(const char *model, size_t length, tr_intent_model_t **ret_self, tr_error_t *error) {
    tr_intent_model_t *self = calloc(1, sizeof *self);
    char *copy = model ? strndup(model, length) : NULL;
    reader_t in = {copy ? copy : tr_mind_data_intents, 1};
    int rc = self && (copy || !model) ? read_model(self, &in) : -ENOMEM;
    free(copy);
    if (rc == 0) {
        *ret_self = self;
        return 0;
    }
    tr_intent_model_destroy(&self);
    if (rc == -ENOMEM)
        return tr_error_set(error, rc, "out of memory");
    return tr_error_set(error, rc,
        "line %zu: not a model of intents; make one of examples with `troupe-mind train`", in.line);
}

void tr_intent_model_destroy(tr_intent_model_t **self) {
    if (!self || !*self)
        return;
    free((*self)->slots);
    free((*self)->keys);
    free((*self)->weights);
    free(*self);
    *self = NULL;
}

size_t tr_intent_model_labels(const tr_intent_model_t *self) {
    return self->label_count;
}

const char *tr_intent_model_label(const tr_intent_model_t *self, size_t index) {
    return self->labels[index];
}

/* Classifying -------------------------------------------------------------------------------------------- */

static const float *find(const tr_intent_model_t *self, uint64_t key) {
    for (size_t slot = (size_t)key & self->mask; self->slots[slot] != 0; slot = (slot + 1) & self->mask)
        if (self->keys[self->slots[slot] - 1] == key)
            return self->weights + (self->slots[slot] - 1) * self->label_count;
    return NULL;
}

/* False where the model knows none of the words. */
static bool score(const tr_intent_model_t *self, const tr_mind_words_t *words, float *scores) {
    uint64_t features[TR_INTENT_FEATURES_MAX];
    size_t count = tr_intent_features(words, features), known = 0;
    float value = count > 0 ? 1 / sqrtf((float)count) : 0;
    memcpy(scores, self->bias, self->label_count * sizeof *scores);
    for (size_t i = 0; i < count; i++) {
        const float *weights = find(self, features[i]);
        known += weights && (features[i] & TR_INTENT_OF_WORDS);
        for (size_t l = 0; weights && l < self->label_count; l++)
            scores[l] += value * weights[l];
    }
    return known > 0;
}

size_t tr_intent_classify(const tr_intent_model_t *self, const tr_mind_words_t *words, size_t most,
    tr_intent_guess_t *ret_guesses) {
    float scores[TR_INTENT_LABELS_MAX];
    size_t count = most < self->label_count ? most : self->label_count;
    if (!score(self, words, scores))
        return 0;
    tr_intent_soften(scores, self->label_count);
    for (size_t place = 0; place < count; place++) {
        size_t best = 0;
        for (size_t l = 1; l < self->label_count; l++)
            if (scores[l] > scores[best])
                best = l;
        ret_guesses[place] = (tr_intent_guess_t){self->labels[best], scores[best]};
        scores[best] = -1;
    }
    return count;
}
