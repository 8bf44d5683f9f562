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
 * Servers repeat what they were sent, secrets too: the key, and what stands in headers whose names say that it is one (they have the word key, token, auth,
 * secret, cookie ...) and that has eight bytes at least: behind a scheme ("Bearer ..."), as a whole and each word of it, and what has a name there ("a=...; b=...").
 */
typedef struct tr_llm_secrets {
    char *words; /* owned; each ends with NUL */
    size_t size;
} tr_llm_secrets_t;

/* key: "" = none. 0; -ENOMEM. Copies: tr_llm_secrets_finish wipes them. */
int tr_llm_secrets_take(tr_llm_secrets_t *self, const char *key, const tr_pairs_t *headers);
/* Stars in place of each, wherever it is, also where JSON has escapes of it (ASCII); the text stays as long, and JSON what it was. To be done before a text is
 * cut, as a part of a secret is not found. */
void tr_llm_secrets_hide(const tr_llm_secrets_t *self, char *text, size_t len);
void tr_llm_secrets_finish(tr_llm_secrets_t *self);

/* All of that at once. A key that cannot be read any more is not hidden. */
void tr_llm_key_hide(
    const char *variable, const char *file, const tr_pairs_t *headers, char *text, size_t len);

#endif
