/* The built-in mind's state and operations. Only for builtin*.c. */
#ifndef TR_AGENTD_MIND_BUILTIN_PRIVATE_H
#define TR_AGENTD_MIND_BUILTIN_PRIVATE_H

#include <stdbool.h>

#include "agentd/mind/intent.h"
#include "agentd/mind/mind_kind.h"
#include "agentd/mind/rank.h"
#include "agentd/mind/rewrite.h"
#include "agentd/mind/sentiment.h"

/* An answer that waits for tr_mind_work. */
typedef struct tr_builtin_answer {
    tr_mind_op_t op;
    tr_mind_status_t status;
    char detail[160];
    json_t *value; /* owned */
    tr_mind_done_fn on_done;
    void *arg;
} tr_builtin_answer_t;

typedef struct tr_builtin {
    tr_mind_t mind; /* first */
    int event;
    tr_intent_model_t *intents; /* NULL: the built-in one, which nobody has needed yet */
    tr_sentiment_t *sentiment;
    tr_thesaurus_t *thesaurus;
    tr_mind_words_t words;        /* of the text that is worked on */
    tr_builtin_answer_t *answers; /* a queue: from `first` on */
    size_t first, count, capacity;
} tr_builtin_t;

/*
 * An operation: the value to `ret_value`, or NULL with why not in `detail` (160 bytes), which makes the answer TR_MIND_INVALID. 0 or
 * -ENOMEM.
 */
typedef int (*tr_builtin_fn)(
    tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value);

int tr_builtin_sentiment(
    tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value);
int tr_builtin_intent(tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value);
int tr_builtin_entities(
    tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value);
int tr_builtin_summarise(
    tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value);
int tr_builtin_instruction(
    tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value);
int tr_builtin_rank(tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value);
int tr_builtin_choose(tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value);
int tr_builtin_rewrite(
    tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value);

#define TR_BUILTIN_DETAIL 160

/* The model of intents, read when it is needed first; NULL when out of memory. */
const tr_intent_model_t *tr_builtin_intents(tr_builtin_t *self);

/* A whole number of 1 .. most in the input, or `usual` where there is none. False (with the detail) where it is something else. */
bool tr_builtin_number(const tr_mind_request_t *request, const char *key, size_t usual, size_t most,
    char *detail, size_t *ret_number);

#endif
