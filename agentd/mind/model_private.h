/* The parts of the model mind. Only for model*.c. */
#ifndef TR_AGENTD_MIND_MODEL_PRIVATE_H
#define TR_AGENTD_MIND_MODEL_PRIVATE_H

#include "agentd/mind/mind_kind.h"
#include "agentd/mind/model.h"
#include "lib/llm/llm.h"

#define TR_PROMPT_MAX 65536

#define TR_PROMPT_VERSION_SIZE 32

/* An operation's prompt and schema; both NULL for one without (embed). */
typedef struct tr_mind_prompt {
    json_t *system; /* a string: what it is told first, with the mark */
    json_t *schema;
    char version[TR_PROMPT_VERSION_SIZE]; /* by its first line, "# NAME VERSION"; "" = it does not say */
    bool is_own;                          /* of the directory */
} tr_mind_prompt_t;

/* The built-in ones, or those of the directory; `mark` is what nobody else knows. 0, the errno of a file that cannot be read, -ENOMEM; then all are to be finished. */
int tr_mind_prompts_load(const char *directory, const tr_mind_t *builtin, uint64_t mark,
    tr_mind_prompt_t ret_prompts[TR_MIND_OPS], tr_error_t *error);
/* What a model is told of an answer that cannot be used: {error} in it stands for why. The caller frees it; `ret_version` is its version, "" = it does not
 * say. The same failures. */
int tr_mind_prompt_repair(const char *directory, uint64_t mark, char **ret_text,
    char ret_version[TR_PROMPT_VERSION_SIZE], tr_error_t *error);
/* What a directory may have: NAME.txt. The list ends with NULL. */
void tr_mind_prompt_names(const char *ret_names[TR_MIND_OPS + 2]);
void tr_mind_prompts_finish(tr_mind_prompt_t prompts[TR_MIND_OPS]);
/* Messages for lib/llm, with the same mark. NULL when out of memory. */
json_t *tr_mind_prompt_messages(const tr_mind_prompt_t *prompt, uint64_t mark, const json_t *data);
/* The schema of an answer, with the actions that the data names beside its own. A new reference; NULL where there is none, or no memory. */
json_t *tr_mind_prompt_schema(const tr_mind_prompt_t *prompt, const json_t *data);
/* What the model is to work on: the input with the text as JSON can hold it. NULL when out of memory. */
json_t *tr_mind_prompt_data(const tr_mind_t *builtin, const tr_mind_request_t *request);

/* ---- act: model_act.c ---- */

/* The tools as lib/llm takes them. NULL when out of memory. */
json_t *tr_mind_act_tools(const json_t *data);
/* As tr_mind_prompt_messages, with the steps. */
json_t *tr_mind_act_messages(const tr_mind_prompt_t *prompt, uint64_t mark, const json_t *data);
/* The value of an answer that went well; NULL where it says nothing. */
json_t *tr_mind_act_value(const tr_llm_result_t *result, const json_t *data);

/* ---- transcribe, speak, describe_image: model_senses.c ---- */

/* `request` is filled in but for what the operation is about. What tr_llm_start answers. */
int tr_mind_sense_start(tr_llm_t *llm, const tr_mind_prompt_t *prompt, uint64_t mark, tr_mind_op_t op,
    const json_t *data, tr_llm_request_t *request, tr_llm_call_t **ret_call, tr_error_t *error);
/* The value of an answer that went well; NULL where it says nothing. */
json_t *tr_mind_sense_value(tr_mind_op_t op, const tr_llm_result_t *result, const json_t *data);

/* Whether the input makes sense, as the built-in mind sees it. */
bool tr_mind_input_is_well(const tr_mind_request_t *request);
/* The port's value of a model's answer, which matches the schema; `data` is what it was asked about. NULL where it does not fit that. */
json_t *tr_mind_value_of(tr_mind_op_t op, const json_t *answer, const json_t *data);

#endif
