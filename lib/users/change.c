/* Changes of the file of users: each under a lock beside it, since the file itself is replaced. */
#include "lib/users/users_private.h"

#include "lib/base/buffer.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <sodium.h>

/* ---- passwords ---- */

int tr_user_password_hash(const char *password, char out[TR_USER_HASH_SIZE], tr_error_t *error) {
    _Static_assert(TR_USER_HASH_SIZE >= crypto_pwhash_argon2id_STRBYTES, "a hash has room");
    size_t len = strlen(password);
    if (len < TR_USER_PASSWORD_MIN || len > TR_USER_PASSWORD_MAX)
        return tr_error_set(error, -EINVAL, "the password has %zu bytes; expected %d to %d", len,
            TR_USER_PASSWORD_MIN, TR_USER_PASSWORD_MAX);
    if (sodium_init() < 0 ||
        crypto_pwhash_argon2id_str(out, password, len, crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE,
            crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE) < 0)
        return tr_error_set(error, -ENOMEM, "there are no 64 MiB of memory for the hash of a password");
    return 0;
}

bool tr_user_password_is(const char *password, const char *hash) {
    return crypto_pwhash_argon2id_str_verify(hash, password, strlen(password)) == 0;
}

/* ---- the lock and the file ---- */

/* The descriptor that holds it; closing it is the end of it. */
static int lock(const char *path, tr_error_t *error) {
    char beside[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int head = slash ? (int)(slash - path) + 1 : 0;
    if (snprintf(beside, sizeof beside, "%.*s.%s.lock", head, path, path + head) >= (int)sizeof beside)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", path);
    int fd = open(beside, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), rc = 0;
    do
        rc = fd < 0 ? -1 : flock(fd, LOCK_EX);
    while (rc < 0 && fd >= 0 && errno == EINTR);
    if (rc == 0)
        return fd;
    rc = -errno;
    if (fd >= 0)
        close(fd);
    return tr_error_set(error, rc, "%s: cannot lock the users: %s", beside, strerror(-rc));
}

static void print(const tr_users_t *self, tr_buffer_t *out) {
    char hex[2 * TR_USERS_KEY + 1];
    sodium_bin2hex(hex, sizeof hex, self->key, sizeof self->key);
    tr_buffer_printf(out,
        "# Users of troupe-gateway: `troupe user`. Secret: who reads it can make sessions.\nkey %s\n", hex);
    sodium_memzero(hex, sizeof hex);
    for (const tr_user_t *u = self->items; u < self->items + self->count; u++)
        tr_buffer_printf(out, "user %s %s %016" PRIx64 " %" PRId64 " %s\n", u->name, tr_user_roles[u->role],
            u->epoch, u->changed_ms, u->hash);
}

/* The mode and the owner stay, so that root may change what belongs to the gateway's user. */
static int save(const tr_users_t *self, tr_error_t *error) {
    bool is_new = self->st.st_ino == 0;
    tr_buffer_t text = {0};
    tr_buffer_init(&text, 0);
    print(self, &text);
    int rc = text.failed
                 ? -ENOMEM
                 : tr_file_write(self->path, text.data, text.size, is_new ? 0600 : self->st.st_mode & 0777);
    if (text.data)
        sodium_memzero(text.data, text.size);
    tr_buffer_finish(&text);
    if (rc == 0 && !is_new && self->st.st_uid != geteuid() &&
        chown(self->path, self->st.st_uid, self->st.st_gid) < 0)
        rc = -errno;
    return rc < 0 ? tr_error_set(error, rc, "%s: cannot write the users: %s", self->path, strerror(-rc)) : 0;
}

/* ---- changes ---- */

typedef struct change {
    const char *name;
    const char *hash;           /* NULL: stays */
    const tr_user_role_t *role; /* NULL: stays */
    int (*apply)(tr_users_t *users, const struct change *change, tr_error_t *error);
    bool makes; /* the file, where there is none */
} change_t;

/* A new epoch, which is nobody's: 0 stands for none. */
static uint64_t new_epoch(void) {
    uint64_t epoch = 0;
    while (!epoch)
        randombytes_buf(&epoch, sizeof epoch);
    return epoch;
}

static void put(tr_user_t *user, const change_t *change) {
    if (change->hash)
        strcpy(user->hash, change->hash);
    if (change->role)
        user->role = *change->role;
    user->epoch = new_epoch();
    user->changed_ms = tr_clock_wall_ms();
}

static int nobody(const tr_users_t *users, const char *name, tr_error_t *error) {
    return tr_error_set(error, -ENOENT, "%s: there is no user \"%.80s\"; `troupe user ls` shows who there is",
        users->path, name);
}

static int apply_add(tr_users_t *users, const change_t *change, tr_error_t *error) {
    tr_user_t user = {0};
    if (tr_users_find(users, change->name))
        return tr_error_set(error, -EEXIST,
            "%s: %s is there already; `troupe user passwd` gives another password, `troupe user role` "
            "another role",
            users->path, change->name);
    strcpy(user.name, change->name);
    put(&user, change);
    return tr_users_append(users, &user, error);
}

static int apply_set(tr_users_t *users, const change_t *change, tr_error_t *error) {
    for (size_t i = 0; i < users->count; i++)
        if (strcmp(users->items[i].name, change->name) == 0) {
            put(&users->items[i], change);
            return 0;
        }
    return nobody(users, change->name, error);
}

static int apply_remove(tr_users_t *users, const change_t *change, tr_error_t *error) {
    const tr_user_t *user = tr_users_find(users, change->name);
    if (!user)
        return nobody(users, change->name, error);
    size_t at = (size_t)(user - users->items);
    memmove(&users->items[at], &users->items[at + 1], (users->count - at - 1) * sizeof *user);
    users->count--;
    return 0;
}

static int load(tr_users_t *users, const change_t *change, tr_error_t *error) {
    if (change->makes && access(users->path, F_OK) < 0 && errno == ENOENT) {
        randombytes_buf(users->key, sizeof users->key);
        return 0;
    }
    return tr_users_load(users, error);
}

static int run(const char *path, const change_t *change, tr_error_t *error) {
    int fd = lock(path, error);
    if (fd < 0)
        return fd;
    tr_users_t *users = tr_users_blank(path);
    int rc = users ? load(users, change, error) : tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0)
        rc = change->apply(users, change, error);
    if (rc == 0)
        rc = save(users, error);
    tr_users_destroy(&users);
    close(fd);
    return rc;
}

/* The hash is made before the lock is taken: nobody waits for it. */
static int run_with(const char *path, const char *password, change_t *change, tr_error_t *error) {
    char hash[TR_USER_HASH_SIZE];
    int rc = tr_user_password_hash(password, hash, error);
    change->hash = hash;
    return rc < 0 ? rc : run(path, change, error);
}

int tr_users_add(
    const char *path, const char *name, tr_user_role_t role, const char *password, tr_error_t *error) {
    if (!tr_user_name_valid(name))
        return tr_error_set(error, -EINVAL, "\"%.80s\" is no name: expected 1 to %d of A-Z a-z 0-9 . _ - + ~",
            name, TR_USER_NAME_MAX);
    return run_with(
        path, password, &(change_t){.name = name, .role = &role, .apply = apply_add, .makes = true}, error);
}

int tr_users_remove(const char *path, const char *name, tr_error_t *error) {
    return run(path, &(change_t){.name = name, .apply = apply_remove}, error);
}

int tr_users_set_password(const char *path, const char *name, const char *password, tr_error_t *error) {
    return run_with(path, password, &(change_t){.name = name, .apply = apply_set}, error);
}

int tr_users_set_role(const char *path, const char *name, tr_user_role_t role, tr_error_t *error) {
    return run(path, &(change_t){.name = name, .role = &role, .apply = apply_set}, error);
}
