/*
 * JSON as the compact text that json_dumps makes of it, in a fraction of its time: bodies of requests are some thousand bytes of prompts, of which few need an
 * escape. Pure.
 */
#ifndef TR_LLM_DUMP_H
#define TR_LLM_DUMP_H

#include "lib/base/buffer.h"

#include <jansson.h>

/* Appends it; what fails marks the buffer. Values that contain themselves are none. */
void tr_llm_dump(const json_t *value, tr_buffer_t *to);

#endif
