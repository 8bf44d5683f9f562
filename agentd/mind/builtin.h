/*
 * The built-in mind: classical language tools that need no network and no model. It answers the same each time.
 *
 * sentiment: a lexicon with negation and intensity. intent: a linear model. entities: rules and gazetteers. summarise: TextRank. rank:
 * BM25. choose: similarity with profile and evidence. rewrite: stems, synonyms, acronyms of a corpus (input {"corpus": [text ...]}).
 * instruction: a grammar. plan: methods. dialogue: frames. embed: lib/embed, which is opened by the first that asks for it. What is about words of mood, intent, queries and instructions is English; the rest knows the languages of
 * agentd/text.
 */
#ifndef TR_AGENTD_MIND_BUILTIN_H
#define TR_AGENTD_MIND_BUILTIN_H

#include "agentd/mind/mind.h"

typedef struct tr_mind_builtin_options {
    const char
        *intents; /* a model of `tr_intent_train`, borrowed for the call; NULL = the one that is built in */
    size_t intents_length;
    const char *
        methods; /* a library of methods (methods.h), borrowed for the call; NULL = the one that is built in */
    size_t methods_length;
    const char *methods_name; /* for errors; NULL = "methods" */
} tr_mind_builtin_options_t;

/* -EBADMSG (the model), -EINVAL (the methods), -ENOMEM, or the errno of eventfd(2). */
int tr_mind_builtin_new(const tr_mind_builtin_options_t *options, tr_mind_t **ret_mind, tr_error_t *error);

#endif
