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

#define KEY_LEAST   4 /* a shorter one is a word like others */
#define VALUE_LEAST 8 /* of a header: it may be no secret, and a short word is in many texts */
#define APART       " \t;,"

static bool is_backslash(char c) {
    return c == '\\';
}

static bool is_unit(const char *at, const char *end, char c) {
    char unit[8];
    snprintf(unit, sizeof unit, "u%04x", (unsigned)(unsigned char)c);
    return end - at >= 5 && strncasecmp(at, unit, 5) == 0;
}

/* Behind the character, which may be behind backslashes, as JSON has it, and JSON in a text of JSON ("\/", "\\u002f"); NULL: it is another one. */
static const char *behind(const char *at, const char *end, char c) {
    const char *plain = at;
    while (plain < end && is_backslash(*plain))
        plain++;
    if (plain > at && is_unit(plain, end, c))
        return plain + 5;
    if (plain > at && is_backslash(c))
        return plain;
    return plain < end && *plain == c ? plain + 1 : NULL;
}

/* How many bytes are the secret, from here on; 0: none. */
static size_t match(const char *text, const char *end, const char *secret) {
    const char *at = text;
    for (; at && *secret; secret++) {
        at = behind(at, end, *secret);
        while (is_backslash(*secret) && is_backslash(secret[1]))
            secret++;
    }
    return at ? (size_t)(at - text) : 0;
}

/* The next place where a secret may begin: an escape stays whole, so that what was JSON is JSON. */
static char *step(char *at, const char *end) {
    char *plain = at;
    while (plain < end && is_backslash(*plain))
        plain++;
    if ((plain - at) % 2 == 0)
        return plain > at ? plain : at + 1;
    size_t digits = 0;
    while (end - plain >= 5 && *plain == 'u' && digits < 4 && isxdigit((unsigned char)plain[1 + digits]))
        digits++;
    return plain + (digits == 4 ? 5 : plain < end);
}

static void hide(const char *secret, char *text, size_t len) {
    const char *end = text + len;
    for (char *at = text; at < end;) {
        size_t size = is_backslash(*at) || *at == *secret ? match(at, end, secret) : 0;
        memset(at, '*', size);
        at = size ? at + size : step(at, end);
    }
}

/* By its words: a "token" is none in "X-Max-Tokens", nor is "auth" in "X-Author". */
static bool says_secret(const char *name) {
    static const char *const words[] = {"key", "apikey", "token", "auth", "oauth", "authorization",
        "authentication", "secret", "cookie", "password", "credential", "credentials"};
    for (size_t len; *name; name += len + (name[len] != '\0')) {
        len = strcspn(name, "-_.");
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (strlen(words[i]) == len && strncasecmp(name, words[i], len) == 0)
                return true;
    }
    return false;
}

static void add(tr_llm_secrets_t *self, const char *secret, size_t len, size_t least) {
    if (len < least)
        return;
    memcpy(self->words + self->size, secret, len);
    self->words[self->size + len] = '\0';
    self->size += len + 1;
}

/* A word of it, or what it gives a name ("session=..."). */
static void add_word(tr_llm_secrets_t *self, const char *word, size_t len) {
    const char *end = word + len, *equals = memchr(word, '=', len), *from = equals ? equals + 1 : word;
    if (from < end && *from == '"')
        from++;
    if (end > from && end[-1] == '"')
        end--;
    if (end - from < VALUE_LEAST)
        from = word;
    add(self, from, (size_t)(end - from), VALUE_LEAST);
}

/* What is behind its scheme ("Bearer ..."), as a whole and word by word. */
static void add_value(tr_llm_secrets_t *self, const char *value) {
    size_t first = strcspn(value, APART);
    if (value[first] == ' ' && !memchr(value, '=', first))
        value += first + strspn(value + first, " ");
    size_t whole = strlen(value);
    add(self, value, whole, VALUE_LEAST);
    for (size_t len; *value; value += len + strspn(value + len, APART)) {
        len = strcspn(value, APART);
        if (len < whole || memchr(value, '=', len))
            add_word(self, value, len);
    }
}

int tr_llm_secrets_take(tr_llm_secrets_t *self, const char *key, const tr_pairs_t *headers) {
    size_t most = strlen(key) + 1;
    for (size_t i = 0; i < headers->count; i++)
        most += 2 * (strlen(headers->items[i].value) + 1);
    *self = (tr_llm_secrets_t){.words = malloc(most)};
    if (!self->words)
        return -ENOMEM;
    add(self, key, strlen(key), KEY_LEAST);
    for (size_t i = 0; i < headers->count; i++)
        if (says_secret(headers->items[i].key))
            add_value(self, headers->items[i].value);
    return 0;
}

void tr_llm_secrets_hide(const tr_llm_secrets_t *self, char *text, size_t len) {
    for (size_t at = 0; len > 0 && at < self->size; at += strlen(self->words + at) + 1)
        hide(self->words + at, text, len);
}

void tr_llm_secrets_finish(tr_llm_secrets_t *self) {
    if (self->words)
        explicit_bzero(self->words, self->size);
    free(self->words);
    *self = (tr_llm_secrets_t){0};
}

void tr_llm_key_hide(
    const char *variable, const char *file, const tr_pairs_t *headers, char *text, size_t len) {
    char key[TR_LLM_KEY_MAX];
    tr_llm_secrets_t secrets;
    if (tr_llm_key_read(variable, file, key, NULL) < 0)
        key[0] = '\0';
    if (tr_llm_secrets_take(&secrets, key, headers) == 0)
        tr_llm_secrets_hide(&secrets, text, len);
    else
        memset(text, '*', len); /* better nothing than what is not to be told */
    explicit_bzero(key, sizeof key);
    tr_llm_secrets_finish(&secrets);
}
