/* What users.c and change.c share. */
#ifndef TR_USERS_USERS_PRIVATE_H
#define TR_USERS_USERS_PRIVATE_H

#include "lib/users/users.h"

#include <sys/stat.h>

struct tr_users {
    char *path;
    struct stat st; /* of the file when it was looked at last */
    bool has_key;
    unsigned char key[TR_USERS_KEY];
    tr_user_t *items;
    size_t count;
};

/* Without a file's content. NULL: out of memory. */
tr_users_t *tr_users_blank(const char *path);
/* Reads it into a blank one. */
int tr_users_load(tr_users_t *self, tr_error_t *error);
/* -EINVAL: there are too many; -ENOMEM. */
int tr_users_append(tr_users_t *self, const tr_user_t *user, tr_error_t *error);
bool tr_user_name_valid(const char *name);

#endif
