#include "agentd/mind/intent_measure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/intent_examples.h"
#include "lib/text/textbuf.h"

/* The part of each example; freed by the caller. NULL when out of memory. */
static unsigned char *deal(const tr_intent_examples_t *examples) {
    size_t seen[TR_INTENT_LABELS_MAX] = {0};
    unsigned char *parts = malloc(examples->count ? examples->count : 1);
    for (size_t i = 0; parts && i < examples->count; i++)
        parts[i] = (unsigned char)(seen[examples->items[i].label]++ % TR_INTENT_PARTS);
    return parts;
}

/* All but those of one part, as the file that they came from has them; how many labels they have. */
static size_t write_others(
    const tr_intent_examples_t *examples, const unsigned char *parts, unsigned part, tr_textbuf_t *out) {
    bool has[TR_INTENT_LABELS_MAX] = {false};
    size_t labels = 0;
    for (size_t i = 0; i < examples->count; i++) {
        const tr_intent_example_t *item = &examples->items[i];
        if (parts[i] == part)
            continue;
        labels += !has[item->label];
        has[item->label] = true;
        tr_textbuf_add_string(out, "[");
        tr_textbuf_add_string(out, examples->labels[item->label]);
        tr_textbuf_add_string(out, "]\n");
        tr_textbuf_add(out, item->text, item->length);
        tr_textbuf_add_string(out, "\n");
    }
    return labels;
}

static bool is_right(const tr_intent_model_t *model, const tr_intent_example_t *item, const char *label) {
    tr_mind_words_t words;
    tr_intent_guess_t guess = {"", 0};
    tr_mind_words_read(item->text, item->length, &words);
    tr_intent_classify(model, &words, 1, &guess);
    return strcmp(guess.label, label) == 0;
}

static void test(const tr_intent_model_t *model, const tr_intent_examples_t *examples,
    const unsigned char *parts, unsigned part, tr_intent_measured_t *measured) {
    for (size_t i = 0; i < examples->count; i++) {
        const tr_intent_example_t *item = &examples->items[i];
        if (parts[i] != part)
            continue;
        size_t right = is_right(model, item, examples->labels[item->label]);
        measured->tested++;
        measured->right += right;
        measured->by_label[item->label].tested++;
        measured->by_label[item->label].right += right;
    }
}

static int measure_part(const tr_intent_examples_t *examples, const unsigned char *parts, unsigned part,
    tr_intent_measured_t *measured, tr_error_t *error) {
    tr_textbuf_t others = {0};
    char *bytes = NULL;
    size_t length = 0;
    tr_intent_model_t *model = NULL;
    size_t labels = write_others(examples, parts, part, &others);
    int rc = others.failed ? tr_error_set(error, -ENOMEM, "out of memory") : 0;
    if (rc == 0 && labels >= 2)
        rc = tr_intent_train(others.bytes, others.length, &bytes, &length, error);
    if (rc == 0 && bytes)
        rc = tr_intent_model_new(bytes, length, &model, error);
    if (model)
        test(model, examples, parts, part, measured);
    tr_intent_model_destroy(&model);
    free(bytes);
    tr_textbuf_finish(&others);
    return rc;
}

static void begin(const tr_intent_examples_t *examples, tr_intent_measured_t *measured) {
    *measured = (tr_intent_measured_t){.count = examples->count, .labels = examples->label_count};
    for (size_t i = 0; i < examples->label_count; i++)
        memcpy(measured->by_label[i].label, examples->labels[i], sizeof measured->by_label[i].label);
    for (size_t i = 0; i < examples->count; i++)
        measured->by_label[examples->items[i].label].count++;
}

int tr_intent_measure(
    const char *examples, size_t length, size_t most, tr_intent_measured_t *ret_measured, tr_error_t *error) {
    tr_intent_examples_t read;
    int rc = tr_intent_examples_read(examples, length, &read, error);
    if (rc < 0)
        return rc;
    unsigned char *parts = deal(&read);
    rc = parts ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    tr_intent_measured_t measured;
    begin(&read, &measured);
    unsigned tested = read.count > most ? 1 : TR_INTENT_PARTS;
    for (unsigned part = 0; rc == 0 && part < tested; part++)
        rc = measure_part(&read, parts, part, &measured, error);
    free(parts);
    tr_intent_examples_finish(&read);
    if (rc == 0)
        *ret_measured = measured;
    return rc;
}
