#include "gateway/http/token.h"

#include "lib/base/file.h"
#include "lib/base/options.h"
#include "proto/aid.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX   (1u << 20)
#define TOKENS_MAX 4096
#define SECRET     32

struct tr_web_tokens {
    char *path; /* NULL: none */
    struct timespec changed;
    off_t size;
    tr_web_token_t *items;
    size_t count;
};

/* ---- reading ---- */

static int read_line(
    const tr_web_tokens_t *self, char *line, unsigned number, tr_web_token_t *token, tr_error_t *error) {
    char *rest = NULL, *name = strtok_r(line, " \t", &rest), *role = strtok_r(NULL, " \t", &rest),
         *hash = strtok_r(NULL, " \t", &rest);
    int index;
    size_t len = 0;
    if (!hash || strtok_r(NULL, " \t", &rest))
        return tr_error_set(error, -EINVAL, "%s:%u: expected NAME ROLE HASH", self->path, number);
    if (!tr_name_valid(name, strlen(name)) || strlen(name) > TR_WEB_TOKEN_NAME_MAX)
        return tr_error_set(error, -EINVAL, "%s:%u: expected a name of 1 to %d of A-Z a-z 0-9 . _ - + ~",
            self->path, number, TR_WEB_TOKEN_NAME_MAX);
    if (tr_parse_word(role, tr_web_roles + TR_WEB_VIEWER, &index, error) < 0)
        return tr_error_prefix(error, "%s:%u: role", self->path, number);
    if (strlen(hash) != 2 * sizeof token->hash ||
        sodium_hex2bin(token->hash, sizeof token->hash, hash, strlen(hash), NULL, &len, NULL) < 0 ||
        len != sizeof token->hash)
        return tr_error_set(
            error, -EINVAL, "%s:%u: expected a SHA-256 of 64 hexadecimal digits", self->path, number);
    strcpy(token->name, name);
    token->role = (tr_web_role_t)(index + TR_WEB_VIEWER);
    return 0;
}

static int read_lines(const tr_web_tokens_t *self, char *text, tr_web_token_t **ret_items, size_t *ret_count,
    tr_error_t *error) {
    tr_web_token_t *items = calloc(TOKENS_MAX, sizeof *items);
    size_t count = 0;
    unsigned number = 0;
    int rc = items ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    for (char *line; rc == 0 && (line = strsep(&text, "\n"));) {
        number++;
        if (!line[strspn(line, " \t\r")] || *line == '#')
            continue;
        rc = count < TOKENS_MAX
                 ? read_line(self, line, number, &items[count++], error)
                 : tr_error_set(error, -EINVAL, "%s: more than %d tokens", self->path, TOKENS_MAX);
    }
    if (rc < 0) {
        free(items);
        return rc;
    }
    tr_web_token_t *fitted = realloc(items, (count + 1) * sizeof *items);
    *ret_items = fitted ? fitted : items;
    *ret_count = count;
    return 0;
}

static int look_at(tr_web_tokens_t *self, struct stat *st, tr_error_t *error) {
    if (stat(self->path, st) < 0)
        return tr_error_set(error, -errno,
            "%s: %s; `troupe-gateway --tokens FILE --new-token NAME:ROLE` makes one", self->path,
            strerror(errno));
    if (st->st_mode & (S_IWGRP | S_IWOTH))
        return tr_error_set(error, -EPERM, "%s: others may write it; chmod go-w", self->path);
    return 0;
}

static int load(tr_web_tokens_t *self, tr_error_t *error) {
    struct stat st;
    char *text = NULL;
    size_t len = 0;
    int rc = look_at(self, &st, error);
    if (rc == 0)
        rc = tr_file_read(self->path, "tokens", FILE_MAX, &text, &len, error);
    if (rc == 0 && len > FILE_MAX)
        rc = tr_error_set(error, -EINVAL, "%s: more than 1 MiB", self->path);
    tr_web_token_t *items = NULL;
    size_t count = 0;
    if (rc == 0)
        rc = read_lines(self, text, &items, &count, error);
    free(text);
    if (rc < 0)
        return rc;
    free(self->items);
    self->items = items;
    self->count = count;
    self->changed = st.st_mtim;
    self->size = st.st_size;
    return 0;
}

int tr_web_tokens_new(const char *path, tr_web_tokens_t **ret_tokens, tr_error_t *error) {
    tr_web_tokens_t *self = calloc(1, sizeof *self);
    if (!self || sodium_init() < 0 || (path && !(self->path = strdup(path)))) {
        tr_web_tokens_destroy(&self);
        return tr_error_set(error, -ENOMEM, "out of memory");
    }
    int rc = path ? load(self, error) : 0;
    if (rc < 0)
        tr_web_tokens_destroy(&self);
    else
        *ret_tokens = self;
    return rc;
}

void tr_web_tokens_destroy(tr_web_tokens_t **self) {
    if (!*self)
        return;
    free((*self)->path);
    free((*self)->items);
    free(*self);
    *self = NULL;
}

bool tr_web_tokens_refresh(tr_web_tokens_t *self, tr_error_t *error) {
    struct stat st;
    error->code = 0;
    if (!self->path || look_at(self, &st, error) < 0)
        return false;
    if (st.st_size == self->size && st.st_mtim.tv_sec == self->changed.tv_sec &&
        st.st_mtim.tv_nsec == self->changed.tv_nsec)
        return false;
    int rc = load(self, error);
    self->changed = st.st_mtim; /* what is wrong is told once */
    self->size = st.st_size;
    return rc == 0;
}

size_t tr_web_tokens_count(const tr_web_tokens_t *self) {
    return self->count;
}

/* ---- looking up ---- */

const tr_web_token_t *tr_web_tokens_find(const tr_web_tokens_t *self, const char *token, size_t len) {
    unsigned char hash[32];
    const tr_web_token_t *found = NULL;
    crypto_hash_sha256(hash, (const unsigned char *)token, len);
    for (size_t i = 0; i < self->count; i++)
        if (sodium_memcmp(self->items[i].hash, hash, sizeof hash) == 0)
            found = &self->items[i];
    return found;
}

bool tr_web_tokens_has(const tr_web_tokens_t *self, const unsigned char hash[32]) {
    for (size_t i = 0; i < self->count; i++)
        if (sodium_memcmp(self->items[i].hash, hash, 32) == 0)
            return true;
    return false;
}

/* ---- making ---- */

static int check_new(const char *path, const char *name, tr_error_t *error) {
    tr_web_tokens_t *known = NULL;
    if (!tr_name_valid(name, strlen(name)) || strlen(name) > TR_WEB_TOKEN_NAME_MAX)
        return tr_error_set(error, -EINVAL, "\"%.80s\" is no name: expected 1 to %d of A-Z a-z 0-9 . _ - + ~",
            name, TR_WEB_TOKEN_NAME_MAX);
    if (access(path, F_OK) < 0 && errno == ENOENT)
        return 0;
    int rc = tr_web_tokens_new(path, &known, error);
    for (size_t i = 0; rc == 0 && i < known->count; i++)
        if (strcmp(known->items[i].name, name) == 0)
            rc = tr_error_set(
                error, -EEXIST, "%s: %s has a token; remove its line first, which ends that one", path, name);
    tr_web_tokens_destroy(&known);
    return rc;
}

int tr_web_token_make(
    const char *path, const char *name, tr_web_role_t role, char out[TR_WEB_TOKEN_SIZE], tr_error_t *error) {
    unsigned char secret[SECRET], hash[32];
    char hex[65], *old = NULL, *line = NULL;
    size_t len = 0;
    if (sodium_init() < 0)
        return tr_error_set(error, -ENOMEM, "no random numbers");
    int rc = check_new(path, name, error);
    if (rc < 0)
        return rc;
    if (access(path, F_OK) == 0 && (rc = tr_file_read(path, "tokens", FILE_MAX, &old, &len, error)) < 0)
        return rc;
    randombytes_buf(secret, sizeof secret);
    memcpy(out, "tr_", 3);
    sodium_bin2base64(
        out + 3, TR_WEB_TOKEN_SIZE - 3, secret, sizeof secret, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    crypto_hash_sha256(hash, (const unsigned char *)out, strlen(out));
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    int n = asprintf(&line, "%s%s%s %s %s\n", old ? old : "", len && old[len - 1] != '\n' ? "\n" : "", name,
        tr_web_roles[role], hex);
    rc = n < 0 ? -ENOMEM : tr_file_write(path, line, (size_t)n, 0600);
    free(old);
    free(line);
    return rc < 0 ? tr_error_set(error, rc, "%s: %s", path, strerror(-rc)) : 0;
}
