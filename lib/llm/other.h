/* Embeddings, transcription and speech: what is asked, and what is answered. Pure. */
#ifndef TR_LLM_OTHER_H
#define TR_LLM_OTHER_H

#include "lib/llm/llm.h"
#include "lib/llm/transfer.h"

#define TR_LLM_PARTS_MAX 4

json_t *tr_llm_embed_body(const tr_llm_request_t *request, const char *model);
json_t *tr_llm_speak_body(const tr_llm_request_t *request, const char *model);
/* The parts of a transcription's form, which point into the request; how many. */
size_t tr_llm_transcribe_parts(
    const tr_llm_request_t *request, const char *model, tr_llm_part_t parts[TR_LLM_PARTS_MAX]);

typedef struct tr_llm_vectors {
    float *values; /* owned */
    size_t n, dimensions;
    uint64_t input_tokens; /* 0 = not told */
} tr_llm_vectors_t;

/* {"data": [{"index", "embedding": [numbers]}]}, `expected` of them, all of the same size, in any order. 0, -EBADMSG with a
 * text, -ENOMEM. On failure there is nothing to free. */
int tr_llm_embed_answer(
    const char *body, size_t len, size_t expected, tr_llm_vectors_t *ret_vectors, tr_error_t *error);

/* {"text": ...}: a new string. 0, -EBADMSG with a text, -ENOMEM. */
int tr_llm_transcribe_answer(
    const char *body, size_t len, char **ret_text, size_t *ret_len, tr_error_t *error);

#endif
