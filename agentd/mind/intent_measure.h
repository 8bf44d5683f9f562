/* How good a model of these examples is, by models that are made without some of them. */
#ifndef TR_AGENTD_MIND_INTENT_MEASURE_H
#define TR_AGENTD_MIND_INTENT_MEASURE_H

#include "agentd/mind/intent.h"

#define TR_INTENT_PARTS 5

typedef struct tr_intent_measured {
    size_t count, labels; /* of all examples */
    size_t tested, right; /* of those that were left out */
    struct {
        char label[TR_INTENT_LABEL_MAX + 1];
        size_t count, tested, right;
    } by_label[TR_INTENT_LABELS_MAX];
} tr_intent_measured_t;

/*
 * Cross-validation: each example is classified by a model of the others' four fifths. The examples of a label are dealt out to the parts in turn.
 * Above `most` examples only one part is left out, because training takes its time. A part without which there are no two labels is not tested.
 * As tr_intent_train.
 */
int tr_intent_measure(
    const char *examples, size_t length, size_t most, tr_intent_measured_t *ret_measured, tr_error_t *error);

#endif
