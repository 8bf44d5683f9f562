/*
 * Why an option was chosen, in words: which of its words the chooser's profile has, and which piece of the evidence speaks most for it. Words
 * are compared by their stems (stems.h) and told as the option has them.
 */
#ifndef TR_AGENTD_MIND_CHOICE_H
#define TR_AGENTD_MIND_CHOICE_H

#include <jansson.h>

#include "agentd/mind/rank.h"

typedef struct tr_choice {
    tr_text_span_t profile, option;
    const tr_text_span_t *evidence; /* borrowed, as the texts are */
    const double *moods;            /* of the evidence, -1 .. 1 */
    size_t evidence_count;
} tr_choice_t;

/* A text, "" where the option shares no word with either. NULL when out of memory. */
json_t *tr_choice_reason(const tr_choice_t *self);

#endif
