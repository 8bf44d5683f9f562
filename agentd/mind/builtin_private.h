/* The built-in mind's state and operations. Only for builtin*.c. */
#ifndef TR_AGENTD_MIND_BUILTIN_PRIVATE_H
#define TR_AGENTD_MIND_BUILTIN_PRIVATE_H

#include <stdbool.h>

#include "agentd/mind/intent.h"
#include "agentd/mind/methods.h"
#include "agentd/mind/mind_kind.h"
#include "agentd/mind/rank.h"
#include "agentd/mind/rewrite.h"
#include "agentd/mind/senses.h"
#include "agentd/mind/sentiment.h"
#include "lib/embed/embed.h"

#define TR_BUILTIN_DETAIL 480 /* a tr_error_t's text */

/* An answer that waits for tr_mind_work. */
typedef struct tr_builtin_answer {
    tr_mind_op_t op;
    tr_mind_status_t status;
    char detail[TR_BUILTIN_DETAIL];
    json_t *value; /* owned */
    size_t told;   /* bytes of its reply */
    tr_mind_piece_fn on_piece;
    tr_mind_done_fn on_done;
    void *arg;
} tr_builtin_answer_t;

typedef struct tr_builtin {
    tr_mind_t mind; /* first */
    int event;
    tr_intent_model_t *intents; /* NULL: the built-in one, which nobody has needed yet */
    tr_sentiment_t *sentiment;
    tr_thesaurus_t *thesaurus;
    tr_methods_t *methods;        /* NULL: the built-in ones, which nobody has needed yet */
    tr_embed_t *embed;            /* NULL until it is first needed: its model is checked as a whole then */
    tr_senses_t *senses;          /* NULL until one is needed */
    struct sense *sensed;         /* what they have not answered yet: builtin_senses.c */
    tr_mind_words_t words;        /* of the text that is worked on */
    tr_builtin_answer_t *answers; /* a queue: from `first` on */
    size_t first, count, capacity;
} tr_builtin_t;

/*
 * An operation: the value to `ret_value`, or NULL with why not in `detail` (TR_BUILTIN_DETAIL bytes), which makes the answer TR_MIND_INVALID. 0,
 * -ENOMEM, or TR_MIND_FAILED where it is not the input's fault.
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

int tr_builtin_embed(tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value);

int tr_builtin_plan(tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value);
int tr_builtin_answer(tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value);
int tr_builtin_dialogue(
    tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value);
int tr_builtin_act(tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value);
int tr_builtin_judge(tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value);

/* Those that take a program and its time: 0 = it is begun, and its answer comes from tr_builtin_take_senses; else as tr_builtin_fn, with a status that is not
 * TR_MIND_OK. */
int tr_builtin_sense(tr_builtin_t *self, const tr_mind_request_t *request, char *detail);
/* Answers of those that have ended, into the queue. */
void tr_builtin_take_senses(tr_builtin_t *self);
/* What was asked of them with this arg is answered to this instead. */
void tr_builtin_cancel_senses(tr_builtin_t *self, const void *arg, tr_mind_done_fn instead);

/* The text with U+FFFD for what is not UTF-8: JSON holds nothing else. The caller frees it. NULL when out of memory. */
char *tr_builtin_clean(const tr_mind_request_t *request, size_t *ret_length);

/* Texts of the input; borrowed from it. */
typedef struct tr_builtin_list {
    tr_text_span_t *items; /* freed by who read it */
    size_t count;
} tr_builtin_list_t;

/* The texts of a list of the input. False (with the detail) where it is no list of texts, or too long; items may be NULL: no memory. */
bool tr_builtin_list(const tr_mind_request_t *request, const char *key, bool is_needed, char *detail,
    tr_builtin_list_t *ret_list);

/* The model of intents, read when it is needed first; NULL when out of memory. */
const tr_intent_model_t *tr_builtin_intents(tr_builtin_t *self);

/* A whole number of 1 .. most in the input, or `usual` where there is none. False (with the detail) where it is something else. */
bool tr_builtin_number(const tr_mind_request_t *request, const char *key, size_t usual, size_t most,
    char *detail, size_t *ret_number);

#endif
