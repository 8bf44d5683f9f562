/*
 * A mind by its configuration: what stands under `mind` in the description of an agent (docs/minds.md), as JSON.
 *
 *   null, "built-in"         the built-in mind
 *   "models.yaml"            a file of language models (docs/models.md)
 *   {"model": ..., ...}      one provider, by the keys that it has in such a file (preset, base-url, key-env, key-file, models ...;
 *                            with a base-url, preset is "compatible" where it is not said)
 *   {"providers": [...]}     several; beside them, as beside one: limits, retry, breaker, budget, cache, redis, max-tokens
 *
 * An object may also have, for any mind: "intents" and "methods" (files, in place of what is built in), and for a model: "file" (in place of
 * providers), "prompts" (a directory), "strict" (true: fail where the model fails). An operation that no model is named for is the
 * built-in mind's: `models: {summarise: NAME}` without `model` sends summaries to a model, and nothing else.
 */
#ifndef TR_AGENTD_MIND_OPEN_H
#define TR_AGENTD_MIND_OPEN_H

#include "agentd/mind/mind.h"

#include <jansson.h>

#define TR_MIND_KEY_MAX 64

/*
 * `agent` is whose budget a model is on; NULL = nobody's. 0; else a negative errno, the error, and which key of the configuration it is about
 * ("model", "providers[1].preset"; "" = all of it). An environment variable or a file that a configuration names has to be there.
 */
int tr_mind_open(const json_t *config, const char *agent, tr_mind_t **ret_mind, char key[TR_MIND_KEY_MAX],
    tr_error_t *error);
/* What whoever runs it should know of such a configuration that is right (model.h, tr_mind_prompts_warning). To be freed; NULL: nothing. */
char *tr_mind_config_warning(const json_t *config);
/* Likewise of files that its directory of prompts has to no purpose (tr_mind_prompts_strays). */
char *tr_mind_config_strays(const json_t *config);
/* Whether that would be the built-in mind. */
int tr_mind_config_is_builtin(const json_t *config);

#endif
