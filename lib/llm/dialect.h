/* How a server wants a chat to be asked, and how it answers. Pure functions on JSON. */
#ifndef TR_LLM_DIALECT_H
#define TR_LLM_DIALECT_H

#include "lib/llm/answer.h"
#include "lib/llm/preset.h"
#include "lib/llm/scan.h"

typedef struct tr_llm_dialect {
    const char *chat_path; /* under the base URL */
    /* The body; new, NULL when out of memory. `messages` are the request's, or those with repairs. */
    json_t *(*chat)(const tr_llm_preset_t *preset, const tr_llm_request_t *request, const json_t *messages,
        const char *model, uint32_t max_tokens);
    /* One event of a stream, and a whole body. 0; -EBADMSG: it is none by the API; -EREMOTEIO: the server tells of an error;
     * -EMSGSIZE, -ENOMEM; with a text. */
    int (*event)(tr_llm_answer_t *answer, const char *name, const json_t *data, tr_error_t *error);
    /* The same of an event that is a piece of a text or of a tool's arguments, as nearly all are, without a tree of it. False: it is
     * another, and `event` is to read it. */
    bool (*piece)(tr_llm_answer_t *answer, const char *name, const tr_llm_scan_t *data);
    int (*body)(tr_llm_answer_t *answer, const json_t *body, tr_error_t *error); /* as `event` */
} tr_llm_dialect_t;

extern const tr_llm_dialect_t tr_llm_dialect_openai;
extern const tr_llm_dialect_t tr_llm_dialect_anthropic;

/* An event's data as it came: "[DONE]" or JSON. As `event` above. */
int tr_llm_dialect_event(const tr_llm_dialect_t *self, tr_llm_answer_t *answer, const char *name,
    const char *data, size_t len, tr_error_t *error);
/* A whole body as it came. */
int tr_llm_dialect_body(
    const tr_llm_dialect_t *self, tr_llm_answer_t *answer, const char *body, size_t len, tr_error_t *error);

/* What an error's body says, for people: its error.message where it has one, else its beginning; in out, one line. */
void tr_llm_dialect_complaint(const char *body, size_t len, char *out, size_t size);
/* Its error.code or error.type: "insufficient_quota"; "". */
void tr_llm_dialect_complaint_code(const char *body, size_t len, char *out, size_t size);
/* The same of an error that is in hand already. Returns -EREMOTEIO. */
int tr_llm_dialect_told_error(const json_t *error_member, tr_error_t *error);

#endif
