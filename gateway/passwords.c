#include "gateway/passwords.h"

#include "gateway/worker.h"
#include "lib/users/users.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define JOBS_MAX 16 /* a second or two of them */

typedef struct check {
    tr_job_t job; /* first */
    void *owner;  /* NULL: nobody's hash is to be made */
    bool nobodys;
    char hash[TR_USER_HASH_SIZE];
    size_t len; /* of the password */
    char password[];
} check_t;

struct tr_passwords {
    tr_bridge_t *bridge;
    tr_worker_t *worker;
    char nobodys[TR_USER_HASH_SIZE]; /* the worker's: of random bytes, with what a user's costs */
};

static void drop(tr_job_t *waiting) {
    check_t *check = (check_t *)waiting;
    sodium_memzero(check->password, check->len);
    free(check);
}

static void make_nobodys(tr_passwords_t *self) {
    unsigned char bytes[32];
    char text[65];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(text, sizeof text, bytes, sizeof bytes);
    tr_user_password_hash(text, self->nobodys, NULL); /* without memory nobody is let in either, ignoring */
}

static void run(void *arg, tr_job_t *next) {
    tr_passwords_t *self = arg;
    const check_t *check = (const check_t *)next;
    bool right = check->owner &&
                 tr_user_password_is(check->password, check->nobodys ? self->nobodys : check->hash) &&
                 !check->nobodys;
    if (check->owner)
        tr_bridge_tell(self->bridge, check->owner, 0, right ? "{\"right\":true}" : "{\"right\":false}");
    else
        make_nobodys(self);
    drop(next);
}

int tr_passwords_ask(tr_passwords_t *self, const char *password, const char *hash, void *owner) {
    size_t len = strlen(password);
    check_t *check = calloc(1, sizeof *check + len + 1);
    if (!check)
        return -ENOMEM;
    check->owner = owner;
    check->nobodys = !hash;
    check->len = len;
    memcpy(check->password, password, len);
    if (hash)
        strcpy(check->hash, hash);
    if (tr_worker_give(self->worker, &check->job))
        return 0;
    drop(&check->job);
    return -EBUSY;
}

tr_passwords_t *tr_passwords_new(tr_bridge_t *bridge) {
    tr_passwords_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->bridge = bridge;
    self->worker = tr_worker_new(JOBS_MAX, run, drop, self);
    if (!self->worker || tr_passwords_ask(self, "", NULL, NULL) < 0)
        tr_passwords_destroy(&self);
    return self;
}

void tr_passwords_destroy(tr_passwords_t **self) {
    if (!*self)
        return;
    tr_worker_destroy(&(*self)->worker);
    free(*self);
    *self = NULL;
}
