/*
 * Local users: a file with a line for each, and the key by which gateways that read it know each other's sessions.
 *
 *     key HEX                                           32 bytes, made with the file
 *     user NAME ROLE EPOCH CHANGED HASH                 CHANGED: Unix time in milliseconds
 *
 * HASH is argon2id (RFC 9106) as crypto_pwhash_str of libsodium writes it, with its salt and costs: what people choose can be guessed, so
 * each guess shall cost 64 MiB and tens of milliseconds. EPOCH is a random number of 64 bits in hexadecimal digits, another one after each
 * change of password or role and for each who is added: a session that has an older one has ended. Empty lines and those that begin with #
 * are left out.
 *
 * The file is for its owner alone (0600), and is replaced as a whole, under a lock, so several may change it at once.
 *
 * One thread, but for the functions of passwords, which any thread may call.
 */
#ifndef TR_USERS_USERS_H
#define TR_USERS_USERS_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_USER_NAME_MAX     64
#define TR_USER_PASSWORD_MIN 8    /* bytes (NIST SP 800-63B, 5.1.1.1) */
#define TR_USER_PASSWORD_MAX 1024 /* bytes */
#define TR_USER_HASH_SIZE    128  /* with its NUL */
#define TR_USERS_KEY         32   /* bytes */

typedef enum tr_user_role {
    TR_USER_VIEWER,
    TR_USER_OPERATOR,
    TR_USER_ADMIN,
} tr_user_role_t;

/* By tr_user_role_t; ended by NULL. */
extern const char *const tr_user_roles[];

typedef struct tr_user {
    char name[TR_USER_NAME_MAX + 1];
    tr_user_role_t role;
    uint64_t epoch;
    int64_t changed_ms;
    char hash[TR_USER_HASH_SIZE];
} tr_user_t;

typedef struct tr_users tr_users_t;

/* ---- reading ---- */

/* -EINVAL with the line; -EPERM: others may read it; the errno of a file that cannot be read; -ENOMEM. */
int tr_users_open(const char *path, tr_users_t **ret_users, tr_error_t *error);
void tr_users_destroy(tr_users_t **self); /* NULL-safe */
/* Reads the file again where it has changed: true when it did so. One that is wrong now changes nothing: the error is set, once. */
bool tr_users_refresh(tr_users_t *self, tr_error_t *error);
size_t tr_users_count(const tr_users_t *self);
/* In the file's order, and by name. Borrowed until the next refresh; NULL: there is none. */
const tr_user_t *tr_users_at(const tr_users_t *self, size_t index);
const tr_user_t *tr_users_find(const tr_users_t *self, const char *name);
/* TR_USERS_KEY bytes, borrowed. */
const unsigned char *tr_users_key(const tr_users_t *self);

/* ---- changing: each reads, changes and writes the file under its lock ---- */

/* Makes the file where it is not there. -EEXIST: there is one of that name; -EINVAL: a name or a password that cannot be. */
int tr_users_add(
    const char *path, const char *name, tr_user_role_t role, const char *password, tr_error_t *error);
/* -ENOENT: there is nobody of that name; likewise of those that follow. */
int tr_users_remove(const char *path, const char *name, tr_error_t *error);
int tr_users_set_password(const char *path, const char *name, const char *password, tr_error_t *error);
int tr_users_set_role(const char *path, const char *name, tr_user_role_t role, tr_error_t *error);

/* ---- passwords: tens of milliseconds, and 64 MiB meanwhile ---- */

/* -EINVAL: too short or too long; -ENOMEM. */
int tr_user_password_hash(const char *password, char out[TR_USER_HASH_SIZE], tr_error_t *error);
bool tr_user_password_is(const char *password, const char *hash);

#endif
