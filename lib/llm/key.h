/* Keys of servers: from the environment, or from a file that its owner alone can read. They stand in no error. */
#ifndef TR_LLM_KEY_H
#define TR_LLM_KEY_H

#include "lib/base/error.h"
#include "lib/yaml/yaml_table.h"

#define TR_LLM_KEY_MAX 4096

/* Of the file, or else of the environment variable; "" where both are NULL. 0; -ENOENT (there is none), -EPERM (everybody may read the file), the
 * file's errno, -EINVAL, with a text without it. The caller wipes it. */
int tr_llm_key_read(const char *variable, const char *file, char out[TR_LLM_KEY_MAX], tr_error_t *error);

/*
 * Servers repeat what they were sent, secrets too: stars in place of the key, and of what stands in headers whose names say that it is one (key, token,
 * auth, secret, cookie), wherever it is. To be done before a text is cut, as a part of a secret is not found. A key that cannot be read any more is not.
 */
void tr_llm_key_hide(
    const char *variable, const char *file, const tr_pairs_t *headers, char *text, size_t len);

#endif
