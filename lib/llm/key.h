/* Keys of servers: from the environment, or from a file that its owner alone can read. They stand in no error. */
#ifndef TR_LLM_KEY_H
#define TR_LLM_KEY_H

#include "lib/base/error.h"

#define TR_LLM_KEY_MAX 4096

/* Of the file, or else of the environment variable; "" where both are NULL. 0; -ENOENT (there is none), -EPERM (everybody may read the file), the
 * file's errno, -EINVAL, with a text without it. The caller wipes it. */
int tr_llm_key_read(const char *variable, const char *file, char out[TR_LLM_KEY_MAX], tr_error_t *error);

#endif
