/*
 * What is wanted by a text: a linear model (multinomial logistic regression) over hashed features, trained on labelled examples.
 * The built-in one is trained at build time on data/intents.txt; tr_intent_train makes another of examples of one's own.
 *
 * Threads: a model does not change; several may use it.
 */
#ifndef TR_AGENTD_MIND_INTENT_H
#define TR_AGENTD_MIND_INTENT_H

#include <stddef.h>

#include "agentd/mind/words.h"
#include "lib/base/error.h"

#define TR_INTENT_LABELS_MAX  64
#define TR_INTENT_LABEL_MAX   32 /* bytes */
#define TR_INTENT_EXAMPLE_MAX ((size_t)200 * 1000)
#define TR_INTENT_UNSURE      .25f /* below it a text is "unknown" */

typedef struct tr_intent_model tr_intent_model_t;

typedef struct tr_intent_guess {
    const char *label; /* of the model; borrowed */
    float confidence;  /* 0..1, all together 1 */
} tr_intent_guess_t;

/* Reads a model as tr_intent_train writes it; NULL: the built-in one. -EBADMSG (the error says where), -E2BIG, -ENOMEM. */
int tr_intent_model_new(const char *model, size_t length, tr_intent_model_t **ret_self, tr_error_t *error);
void tr_intent_model_destroy(tr_intent_model_t **self);
size_t tr_intent_model_labels(const tr_intent_model_t *self);
/* Below their number; borrowed. */
const char *tr_intent_model_label(const tr_intent_model_t *self, size_t index);

/*
 * The `most` likeliest labels to `ret_guesses`, best first; returns how many. None where no word of the text is known to the model.
 */
size_t tr_intent_classify(
    const tr_intent_model_t *self, const tr_mind_words_t *words, size_t most, tr_intent_guess_t *ret_guesses);

/*
 * Trains on examples in the form of data/intents.txt: "[label]", then a text a line. The model is text, allocated; the same examples
 * give the same model. -EBADMSG (no labels, a text before the first label, fewer than two labels; the error says which line),
 * -E2BIG, -ENOMEM.
 */
int tr_intent_train(
    const char *examples, size_t length, char **ret_model, size_t *ret_length, tr_error_t *error);

#endif
