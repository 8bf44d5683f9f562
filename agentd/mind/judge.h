/*
 * What a text is worth by criteria: the operation judge. A criterion is one of four words that the built-in mind knows how to check,
 *
 *   coverage   how many of the question's words it takes up (where there is a "question")
 *   evidence   how many of its sentences have most of their words in one text of the "evidence" (where there is some)
 *   length     at least TR_JUDGE_LEAST words, and no more than "most"
 *   tone       its mood is not negative
 *
 * or any other text, which the built-in mind takes for words that should stand in it, and a model for what it says. Where no criteria are given, it
 * is those of the four that can be checked.
 */
#ifndef TR_AGENTD_MIND_JUDGE_H
#define TR_AGENTD_MIND_JUDGE_H

#include <jansson.h>
#include <stddef.h>

#define TR_JUDGE_MOST      20  /* criteria */
#define TR_JUDGE_EVIDENCE  100 /* texts */
#define TR_JUDGE_SENTENCES 200 /* that are held against the evidence */
#define TR_JUDGE_LEAST     3
#define TR_JUDGE_WORDS     300 /* "most", where it is not said */

/* A text, and the mood of it (sentiment.h); all borrowed. */
typedef struct tr_judge {
    const char *text; /* with a NUL after it */
    size_t length;
    double mood;
    const json_t *input; /* the operation's, found fit */
} tr_judge_t;

/* NULL, or what is wrong with the operation's input. */
const char *tr_judge_wrong(const json_t *input);
/* The criteria that an input has, or else the usual ones. A new reference; NULL when out of memory. */
json_t *tr_judge_criteria(const json_t *input);
/* The built-in mind's: [{"criterion", "score", "reason"}], one for each criterion. NULL when out of memory. */
json_t *tr_judge_all(const tr_judge_t *self, const json_t *criteria);
/* The operation's value of judgements, which are consumed: with their mean and a verdict. NULL when out of memory. */
json_t *tr_judge_value(json_t *judgements);

#endif
