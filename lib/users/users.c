#include "lib/users/users_private.h"

#include "lib/base/file.h"
#include "lib/base/options.h"
#include "proto/aid.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define FILE_MAX  ((size_t)4 << 20)
#define USERS_MAX 10000

const char *const tr_user_roles[] = {"viewer", "operator", "admin", NULL};

/* ---- lines ---- */

static int wrong(const tr_users_t *self, unsigned number, const char *what, tr_error_t *error) {
    return tr_error_set(
        error, -EINVAL, "%s:%u: %s; `troupe user` writes this file", self->path, number, what);
}

static int read_key(tr_users_t *self, const char *hex, unsigned number, tr_error_t *error) {
    size_t len = 0;
    if (!hex || strlen(hex) != (size_t)2 * TR_USERS_KEY ||
        sodium_hex2bin(self->key, sizeof self->key, hex, strlen(hex), NULL, &len, NULL) < 0 ||
        len != sizeof self->key)
        return wrong(self, number, "expected key and 64 hexadecimal digits", error);
    self->has_key = true;
    return 0;
}

static bool read_number(const char *text, int base, uint64_t *ret_value) {
    char *end = NULL;
    if (!text || *text == '-' || *text == '+')
        return false;
    errno = 0;
    *ret_value = strtoull(text, &end, base);
    return *text && !*end && errno == 0;
}

static int read_user(tr_users_t *self, char *rest, unsigned number, tr_error_t *error) {
    tr_user_t user = {0};
    char *name = strsep(&rest, " "), *role = strsep(&rest, " "), *epoch = strsep(&rest, " "),
         *changed = strsep(&rest, " "), *hash = strsep(&rest, " ");
    uint64_t ms = 0;
    int index = 0;
    if (!hash || rest)
        return wrong(self, number, "expected user NAME ROLE EPOCH CHANGED HASH", error);
    if (!tr_user_name_valid(name))
        return wrong(self, number, "this is no name of a user", error);
    if (tr_users_find(self, name))
        return wrong(self, number, "this name was there before", error);
    if (tr_parse_word(role, tr_user_roles, &index, error) < 0)
        return tr_error_prefix(error, "%s:%u: role", self->path, number);
    if (!read_number(epoch, 16, &user.epoch) || !read_number(changed, 10, &ms) || ms > INT64_MAX)
        return wrong(
            self, number, "expected an epoch of hexadecimal digits, and a time in milliseconds", error);
    if (strncmp(hash, crypto_pwhash_argon2id_STRPREFIX, strlen(crypto_pwhash_argon2id_STRPREFIX)) != 0 ||
        strlen(hash) >= sizeof user.hash)
        return wrong(self, number, "expected a hash of argon2id", error);
    strcpy(user.name, name);
    strcpy(user.hash, hash);
    user.role = (tr_user_role_t)index;
    user.changed_ms = (int64_t)ms;
    return tr_users_append(self, &user, error);
}

static int read_line(tr_users_t *self, char *line, unsigned number, tr_error_t *error) {
    char *rest = line, *kind = strsep(&rest, " ");
    if (strcmp(kind, "key") == 0)
        return read_key(self, rest, number, error);
    if (strcmp(kind, "user") == 0)
        return read_user(self, rest, number, error);
    return wrong(self, number, "expected a line of key or user", error);
}

static int read_lines(tr_users_t *self, char *text, tr_error_t *error) {
    unsigned number = 0;
    int rc = 0;
    for (char *line; rc == 0 && (line = strsep(&text, "\n"));) {
        number++;
        line[strcspn(line, "\r")] = '\0';
        if (line[strspn(line, " \t")] && *line != '#')
            rc = read_line(self, line, number, error);
    }
    return rc == 0 && !self->has_key ? wrong(self, number, "there is no line of key", error) : rc;
}

/* ---- the file ---- */

static int look_at(const char *path, struct stat *st, tr_error_t *error) {
    if (stat(path, st) < 0)
        return tr_error_set(
            error, -errno, "%s: %s; `troupe user add NAME --users FILE` makes one", path, strerror(errno));
    if (!tr_file_private(st))
        return tr_error_set(error, -EPERM, "%s: others may read or write it; chmod 600", path);
    return 0;
}

int tr_users_load(tr_users_t *self, tr_error_t *error) {
    char *text = NULL;
    size_t len = 0;
    int rc = look_at(self->path, &self->st, error);
    if (rc == 0)
        rc = tr_file_read(self->path, "users", FILE_MAX, &text, &len, error);
    if (rc == 0 && (len > FILE_MAX || strlen(text) != len))
        rc = tr_error_set(error, -EINVAL, "%s: more than 4 MiB, or a NUL", self->path);
    if (rc == 0)
        rc = read_lines(self, text, error);
    if (text)
        sodium_memzero(text, len);
    free(text);
    return rc;
}

tr_users_t *tr_users_blank(const char *path) {
    tr_users_t *self = calloc(1, sizeof *self);
    if (!self || sodium_init() < 0 || !(self->path = strdup(path)))
        tr_users_destroy(&self);
    return self;
}

int tr_users_open(const char *path, tr_users_t **ret_users, tr_error_t *error) {
    tr_users_t *self = tr_users_blank(path);
    int rc = self ? tr_users_load(self, error) : tr_error_set(error, -ENOMEM, "out of memory");
    if (rc < 0)
        tr_users_destroy(&self);
    else
        *ret_users = self;
    return rc;
}

static void finish(tr_users_t *self) {
    free(self->path);
    free(self->items);
    sodium_memzero(self, sizeof *self);
}

void tr_users_destroy(tr_users_t **self) {
    if (!*self)
        return;
    finish(*self);
    free(*self);
    *self = NULL;
}

static bool is_same(const struct stat *a, const struct stat *b) {
    return a->st_size == b->st_size && a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

bool tr_users_refresh(tr_users_t *self, tr_error_t *error) {
    tr_users_t *fresh = NULL;
    struct stat st = {0}; /* of one that is not there: told once, too */
    error->code = 0;
    if (stat(self->path, &st) < 0)
        st = (struct stat){0};
    if (is_same(&st, &self->st))
        return false;
    int rc = tr_users_open(self->path, &fresh, error);
    if (rc == 0) {
        finish(self);
        *self = *fresh;
        free(fresh);
    } else
        self->st = st;
    return rc == 0;
}

/* ---- looking up ---- */

size_t tr_users_count(const tr_users_t *self) {
    return self->count;
}

const tr_user_t *tr_users_at(const tr_users_t *self, size_t index) {
    return index < self->count ? &self->items[index] : NULL;
}

const tr_user_t *tr_users_find(const tr_users_t *self, const char *name) {
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->items[i].name, name) == 0)
            return &self->items[i];
    return NULL;
}

const unsigned char *tr_users_key(const tr_users_t *self) {
    return self->key;
}

bool tr_user_name_valid(const char *name) {
    size_t len = strlen(name);
    return len <= TR_USER_NAME_MAX && tr_name_valid(name, len);
}

int tr_users_append(tr_users_t *self, const tr_user_t *user, tr_error_t *error) {
    if (self->count >= USERS_MAX)
        return tr_error_set(error, -EINVAL, "%s: more than %d users", self->path, USERS_MAX);
    if ((self->count & (self->count - 1)) == 0) {
        tr_user_t *items = realloc(self->items, (self->count ? 2 * self->count : 1) * sizeof *items);
        if (!items)
            return tr_error_set(error, -ENOMEM, "out of memory");
        self->items = items;
    }
    self->items[self->count++] = *user;
    return 0;
}
