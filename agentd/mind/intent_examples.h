/* Labelled examples, read from text. */
#ifndef TR_AGENTD_MIND_INTENT_EXAMPLES_H
#define TR_AGENTD_MIND_INTENT_EXAMPLES_H

#include <stddef.h>

#include "agentd/mind/intent.h"

typedef struct tr_intent_example {
    size_t label;
    const char *text; /* in what was read, no NUL behind it */
    size_t length;
} tr_intent_example_t;

typedef struct tr_intent_examples {
    char labels[TR_INTENT_LABELS_MAX][TR_INTENT_LABEL_MAX + 1];
    size_t label_count;
    tr_intent_example_t *items;
    size_t count, capacity;
} tr_intent_examples_t;

/* `bytes` is borrowed for the life of the examples. 0, -EBADMSG, -E2BIG, -ENOMEM; nothing to finish after a failure. */
int tr_intent_examples_read(
    const char *bytes, size_t length, tr_intent_examples_t *ret_examples, tr_error_t *error);
void tr_intent_examples_finish(tr_intent_examples_t *self);

#endif
