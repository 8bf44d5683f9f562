/*
 * The model mind: each operation of mind.h asked of a language model, through lib/llm, whose configuration (docs/models.md) says which model
 * answers which operation: `models:` has their words as keys ("intent", "summarise"; "embed" as always).
 *
 * An operation is a prompt (prompts/NAME.txt, whose first line is its name and version), a JSON schema that the answer is checked by, and
 * a function that makes the port's value of it, so that no index, count or offset is taken from a model unchecked. What is asked about is
 * data between marks that its writer cannot know, and each prompt ends with what to make of that.
 *
 * Where the model fails, the built-in mind answers, and the result says so (`fallback`); also where no model is configured for the
 * operation. Not for embed: vectors of two models do not compare. A request that makes no sense is told so without asking a model.
 */
#ifndef TR_AGENTD_MIND_MODEL_H
#define TR_AGENTD_MIND_MODEL_H

#include "agentd/mind/builtin.h"

#include <stdbool.h>

typedef struct tr_mind_model_options {
    const char *config; /* of lib/llm, YAML; borrowed for the call */
    size_t config_len;
    const char *config_name; /* for errors; NULL = "model" */
    const char *prompts;     /* a directory: its NAME.txt take the place of the built-in ones; NULL = none */
    const char *agent;       /* whose budget it is on; NULL = nobody's */
    bool is_strict;          /* TR_MIND_FAILED in place of falling back */
    tr_mind_builtin_options_t builtin;
} tr_mind_model_options_t;

/* More than this of a text is not given to a model; the built-in mind answers. */
#define TR_MIND_MODEL_TEXT_MAX ((size_t)256 * 1024)

/*
 * What whoever runs it should know of a directory of prompts: which of them are older than the built-in ones that they take the place of, and which do
 * not begin with "# NAME VERSION". To be freed; NULL: nothing (or no memory). A version is a word that begins with a number, by which it is
 * compared: "4", "4-ours". The built-in versions grow with what is asked of an answer, so an older prompt may get answers that do not fit.
 */
char *tr_mind_prompts_warning(const char *directory);

/*
 * Likewise: which of its files look like prompts and take no prompt's place, with the name that is nearest. Nothing is read of them.
 */
char *tr_mind_prompts_strays(const char *directory);

/* What tr_llm_open, tr_mind_builtin_new and tr_file_read answer. */
int tr_mind_model_new(const tr_mind_model_options_t *options, tr_mind_t **ret_mind, tr_error_t *error);

#endif
