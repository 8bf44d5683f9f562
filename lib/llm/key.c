#include "lib/llm/key.h"

#include "lib/base/file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Without white space around it; printable, so that it is one header. */
static int take_key(
    const char *text, size_t len, const char *where, char out[TR_LLM_KEY_MAX], tr_error_t *error) {
    while (len && isspace((unsigned char)*text))
        text++, len--;
    while (len && isspace((unsigned char)text[len - 1]))
        len--;
    if (len >= TR_LLM_KEY_MAX)
        return tr_error_set(error, -EINVAL, "the key in %s is too long", where);
    for (size_t i = 0; i < len; i++)
        if (!isgraph((unsigned char)text[i]))
            return tr_error_set(
                error, -EINVAL, "the key in %s has white space or other characters that no key has", where);
    if (!len)
        return tr_error_set(error, -ENOENT, "there is no key in %s", where);
    memcpy(out, text, len);
    out[len] = '\0';
    return 0;
}

static int read_key(const char *path, char out[TR_LLM_KEY_MAX], tr_error_t *error) {
    struct stat st;
    char *bytes = NULL;
    size_t len = 0;
    if (stat(path, &st) == 0 && (st.st_mode & S_IRWXO))
        return tr_error_set(error, -EPERM,
            "%s: everybody may read this key; make it readable by its owner alone: chmod 600 it", path);
    int r = tr_file_read(path, "key", TR_LLM_KEY_MAX, &bytes, &len, error);
    if (r < 0)
        return r;
    r = take_key(bytes, len, path, out, error);
    explicit_bzero(bytes, len);
    free(bytes);
    return r;
}

int tr_llm_key_read(const char *variable, const char *file, char out[TR_LLM_KEY_MAX], tr_error_t *error) {
    char where[200];
    out[0] = '\0';
    if (file)
        return read_key(file, out, error);
    if (!variable)
        return 0;
    const char *value = getenv(variable);
    if (!value)
        return tr_error_set(
            error, -ENOENT, "the environment variable %s, which should have its key, is not set", variable);
    snprintf(where, sizeof where, "the environment variable %s", variable);
    return take_key(value, strlen(value), where, out, error);
}

/* ---- what must not be seen ---- */

#define SECRET_LEAST 4 /* a shorter one is a word like others */

static void hide(const char *secret, char *text, size_t len) {
    size_t size = strlen(secret);
    if (size < SECRET_LEAST)
        return;
    for (char *at = text; (at = memmem(at, len - (size_t)(at - text), secret, size));)
        memset(at, '*', size);
}

static bool says_secret(const char *name) {
    static const char *const words[] = {"key", "token", "auth", "secret", "cookie"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(name, words[i]))
            return true;
    return false;
}

void tr_llm_key_hide(
    const char *variable, const char *file, const tr_pairs_t *headers, char *text, size_t len) {
    char key[TR_LLM_KEY_MAX];
    if (len == 0)
        return;
    if (tr_llm_key_read(variable, file, key, NULL) == 0)
        hide(key, text, len);
    explicit_bzero(key, sizeof key);
    for (size_t i = 0; i < headers->count; i++) {
        const char *value = headers->items[i].value, *scheme = strrchr(value, ' '); /* "Bearer ..." */
        if (says_secret(headers->items[i].key))
            hide(scheme ? scheme + 1 : value, text, len);
    }
}
