/*
 * A chat's answer as it is gathered, from a stream's pieces or from one whole body, by whichever dialect.
 *
 * Pure. Nothing of it is to be believed before tr_llm_answer_end said that it is complete: text may be half, and a tool's
 * arguments may be half a JSON text.
 */
#ifndef TR_LLM_ANSWER_H
#define TR_LLM_ANSWER_H

#include "lib/base/buffer.h"
#include "lib/llm/llm.h"
#include "lib/llm/scan.h"

#define TR_LLM_TOOLS_MAX 128 /* calls of tools in one answer */

typedef struct tr_llm_tool_call {
    char *id, *name; /* NULL = not come yet */
    tr_buffer_t arguments;
    int64_t index; /* the server's */
} tr_llm_tool_call_t;

typedef struct tr_llm_answer {
    tr_buffer_t text;
    tr_llm_tool_call_t *tools;
    size_t tools_n;
    char finish[32]; /* "" = none came: it is not complete */
    char model[128], id[128];
    char refusal[256]; /* why the model does not answer, cut; "" = it does not say that */
    uint64_t input_tokens, output_tokens;
    bool has_usage;
    bool ended;           /* the stream said that it is at its end */
    bool answers_by_tool; /* the arguments of its only tool are its text (TR_LLM_SCHEMA_TOOL) */
} tr_llm_answer_t;

void tr_llm_answer_init(tr_llm_answer_t *self, size_t bytes_max);
void tr_llm_answer_finish(tr_llm_answer_t *self);

/* Pieces, for dialects. Text may be NULL, and is then nothing; or a list of parts, of which those of the type text count. */
void tr_llm_answer_text(tr_llm_answer_t *self, const json_t *text);
/* Why the model does not answer, or a piece of that. NULL is nothing. */
void tr_llm_answer_refusal(tr_llm_answer_t *self, const json_t *text);
/* What a piece of a tool call says of which it is. */
typedef struct tr_llm_tool_sign {
    const char *id, *name; /* NULL or "" = it does not say */
    bool has_arguments;
} tr_llm_tool_sign_t;

/*
 * The tool call of that index, made where it is not there, with the sign's id and name. A new id at the same index is a new one; so is, as some servers
 * number nothing and give no ids, a name where the call has one already: another one, or with arguments where those of the call are whole. NULL: too
 * many, no memory.
 */
tr_llm_tool_call_t *tr_llm_answer_tool(tr_llm_answer_t *self, int64_t index, const tr_llm_tool_sign_t *sign);
/* The one of that index which is open already; NULL = none is. */
tr_llm_tool_call_t *tr_llm_answer_open_tool(const tr_llm_answer_t *self, int64_t index);
/* Whether a number of tokens may be one: what is none at all would break the accounts. */
static inline bool tr_llm_answer_counts(json_int_t tokens) {
    return tokens >= 0 && tokens < INT32_MAX;
}
/* A string into a char array, cut; nothing where `from` is no string or an empty one. */
void tr_llm_answer_copy(char *to, size_t size, const json_t *from);
/* The same of a scanned value. False where it has escapes. */
bool tr_llm_answer_copy_node(char *to, size_t size, const tr_llm_node_t *from);

/*
 * The end of what was gathered. TR_LLM_OK: complete, *ret_tools is a new array ([{"id","name","arguments"}]) or NULL where it
 * calls none. TR_LLM_BROKEN: there was no finish reason. TR_LLM_CUT, TR_LLM_FILTERED: by the finish reason, or the model refused. TR_LLM_MISMATCH:
 * a tool's arguments are no JSON object. TR_LLM_FAILED: no memory. TR_LLM_TOO_LARGE. With a text in `error` where it is not OK.
 */
tr_llm_status_t tr_llm_answer_end(const tr_llm_answer_t *self, json_t **ret_tools, tr_error_t *error);

/* The text as JSON, as models write it: alone, or in a ``` fence. New; NULL with a text. */
json_t *tr_llm_answer_json(const char *text, size_t len, tr_error_t *error);

/* JSON text that is not trusted: bounded in depth by jansson, no duplicate keys, any type. New; NULL with a text. */
json_t *tr_llm_json(const char *text, size_t len, tr_error_t *error);

#endif
