/*
 * Label selectors, in the syntax that Kubernetes has: requirements with commas between, all of which must hold.
 *
 *     env=prod, tier!=web, zone in (north, south), zone notin (west), gpu, !spot
 *
 * `key=value` (also ==) and `key in (...)` want the label to be there; `!=` and `notin` also hold where it is not. Pure.
 */
#ifndef TR_BROKER_SELECTOR_H
#define TR_BROKER_SELECTOR_H

#include "proto/content.h"

#define TR_SELECTOR_MAX   512 /* bytes of one */
#define TR_SELECTOR_TERMS 32
#define TR_SELECTOR_WORDS 64 /* values of all terms together */

typedef struct tr_selector_word {
    uint16_t at, len; /* in the text */
} tr_selector_word_t;

typedef struct tr_selector_term {
    tr_selector_word_t key;
    uint16_t first, count; /* of the values; none: that the label is there is enough */
    bool negated;
} tr_selector_term_t;

typedef struct tr_selector {
    char text[TR_SELECTOR_MAX + 1];
    tr_selector_term_t terms[TR_SELECTOR_TERMS];
    size_t terms_n; /* 0 = matches all */
    tr_selector_word_t words[TR_SELECTOR_WORDS];
    size_t words_n;
} tr_selector_t;

/* False where it cannot be read; *ret_problem is then why, static. The empty text matches all. */
bool tr_selector_parse(const char *text, size_t len, tr_selector_t *ret_selector, const char **ret_problem);
/* Whether it holds for these labels: a map of texts; NULL = there are none. Takes a step off for each label and each value that is
 * looked at; at 0 nothing matches any more. */
bool tr_selector_matches(const tr_selector_t *self, tr_value_t labels, size_t *steps);

#endif
