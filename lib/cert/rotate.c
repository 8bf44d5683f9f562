#include "lib/cert/rotate.h"

#include "lib/base/clock.h"
#include "lib/cert/cert_file.h"
#include "lib/cert/secret.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- secret parts ---- */

typedef struct visit {
    const char *directory;
    void *arg;
    int (*one)(const struct visit *visit, tr_secret_t *secret, tr_error_t *error);
} visit_t;

static int visit_one(const visit_t *visit, const char *folder, const char *file, tr_error_t *error) {
    char path[PATH_MAX];
    tr_secret_t secret = {0};
    size_t len = strlen(file), suffix = strlen(TR_CERT_SUFFIX);
    if (file[0] == '.' || len <= suffix || strcmp(file + len - suffix, TR_CERT_SUFFIX) != 0)
        return 0;
    if (snprintf(path, sizeof path, "%s/%s", folder, file) >= (int)sizeof path)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", folder);
    int rc = tr_secret_load(&secret, path, error);
    if (rc == 0)
        rc = visit->one(visit, &secret, error);
    tr_secret_wipe(&secret);
    return rc;
}

/* Each secret part that is here; what is written meanwhile is not met again. */
static int visit_all(const visit_t *visit, tr_error_t *error) {
    char folder[PATH_MAX];
    struct dirent **found = NULL;
    if (snprintf(folder, sizeof folder, "%s/" TR_CERT_SECRET_DIR, visit->directory) >= (int)sizeof folder)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", visit->directory);
    int n = scandir(folder, &found, NULL, alphasort), rc = 0;
    if (n < 0)
        return errno == ENOENT ? 0 : tr_error_set(error, -errno, "%s: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (rc == 0)
            rc = visit_one(visit, folder, found[i]->d_name, error);
        free(found[i]);
    }
    free(found);
    return rc;
}

/* ---- a broker's ---- */

typedef struct renamed {
    char old_key[TR_KEY_TEXT + 1];
    const char *new_key;
} renamed_t;

static int rename_one(const visit_t *visit, tr_secret_t *secret, tr_error_t *error) {
    const renamed_t *r = visit->arg;
    if (strcmp(secret->broker, r->old_key) != 0)
        return 0;
    memcpy(secret->broker, r->new_key, sizeof secret->broker);
    return tr_secret_save(secret, visit->directory, error);
}

/* Whether the certificate is a broker's: its secret part, where it is here, names no other one. */
static bool is_broker(const char *directory, const char *name) {
    char path[PATH_MAX];
    tr_secret_t secret = {0};
    bool own = tr_secret_path(directory, name, path, NULL) == 0 && tr_secret_load(&secret, path, NULL) == 0 &&
               !*secret.broker;
    tr_secret_wipe(&secret);
    return own;
}

/* Secret parts that know the broker by its old key learn the new one. */
static int new_broker_key(
    const char *directory, tr_cert_t *cert, const tr_secret_t *secret, tr_error_t *error) {
    renamed_t r = {.new_key = secret->key};
    tr_key_print(cert->keys[0].bytes, r.old_key);
    tr_key_parse(secret->key, cert->keys[0].bytes);
    cert->keys_n = 1;
    int rc = tr_secret_save(secret, directory, error);
    if (rc == 0)
        rc = tr_cert_save(cert, directory, error);
    return rc == 0 ? visit_all(&(visit_t){directory, &r, rename_one}, error) : rc;
}

/* ---- anybody else's ---- */

static bool rotates(const tr_cert_t *cert, int64_t now_ms) {
    return cert->keys_n > 1 && tr_cert_state(cert, 1, now_ms) == TR_CERT_VALID;
}

/* A rotation was cut short between the two files: the secret part here is the old key's, and the new key has none anywhere. */
static bool cut_short(const char *directory, const tr_cert_t *cert) {
    char path[PATH_MAX], old_key[TR_KEY_TEXT + 1];
    tr_secret_t secret = {0};
    if (cert->keys_n < 2 || tr_secret_path(directory, cert->name, path, NULL) < 0 ||
        tr_secret_load(&secret, path, NULL) < 0)
        return false;
    tr_key_print(cert->keys[1].bytes, old_key);
    bool old = strcmp(secret.key, old_key) == 0;
    tr_secret_wipe(&secret);
    return old;
}

/* The public part first: until the holder has the new secret, the old one must do. */
static int new_key(const char *directory, const char *of_broker, tr_cert_t *cert, tr_secret_t *secret,
    int64_t grace_ms, tr_error_t *error) {
    tr_cert_t *broker = NULL;
    int64_t now_ms = tr_clock_wall_ms() / 1000 * 1000; /* as the file has it */
    bool again = cut_short(directory, cert);
    if (rotates(cert, now_ms) && !again)
        return tr_error_set(error, -EALREADY,
            "%s rotates already, and may have two keys at a time: end that with `troupe cert rotate %s "
            "--finish`",
            cert->name, cert->name);
    int rc = tr_cert_load_named(directory, of_broker, &broker, error);
    if (rc < 0)
        return tr_error_prefix(error, "the broker's key is needed");
    tr_key_print(broker->keys[0].bytes, secret->broker);
    tr_cert_destroy(&broker);
    if (!again)
        cert->keys[1] = cert->keys[0];
    cert->keys[1].until_ms = now_ms + (grace_ms + 999) / 1000 * 1000;
    cert->keys_n = grace_ms ? 2 : 1;
    tr_key_parse(secret->key, cert->keys[0].bytes);
    rc = tr_cert_save(cert, directory, error);
    return rc == 0 ? tr_secret_save(secret, directory, error) : rc;
}

int tr_cert_rotate(
    const char *directory, const char *name, const char *broker, int64_t grace_ms, tr_error_t *error) {
    tr_secret_t secret = {0};
    tr_cert_t *cert = NULL;
    int rc = tr_cert_load_named(directory, name, &cert, error);
    if (rc == 0 && cert->revoked_ms)
        rc = tr_error_set(error, -EKEYREVOKED, "%s is revoked: make another one", name);
    if (rc == 0)
        rc = tr_secret_make(name, &secret, error);
    if (rc == 0)
        rc = is_broker(directory, name) ? new_broker_key(directory, cert, &secret, error)
                                        : new_key(directory, broker, cert, &secret, grace_ms, error);
    tr_secret_wipe(&secret);
    tr_cert_destroy(&cert);
    return rc;
}

int tr_cert_rotate_finish(const char *directory, const char *name, tr_error_t *error) {
    tr_cert_t *cert = NULL;
    int rc = tr_cert_load_named(directory, name, &cert, error);
    if (rc == 0 && cert->revoked_ms)
        rc = tr_error_set(error, -EKEYREVOKED, "%s is revoked: make another one", name);
    if (rc == 0 && cut_short(directory, cert))
        rc = tr_error_set(error, -EKEYREJECTED,
            "%s: its rotation was cut short, and the secret part here is still the old key's: rotate it "
            "again "
            "without --finish, and then with it",
            name);
    if (rc == 0) {
        cert->keys_n = 1;
        rc = tr_cert_save(cert, directory, error);
    }
    tr_cert_destroy(&cert);
    return rc;
}

/* ---- all of them ---- */

typedef struct wish {
    const char *broker;
    int64_t grace_ms;
    bool finish;
} wish_t;

static int rotate_one(const visit_t *visit, tr_secret_t *secret, tr_error_t *error) {
    const wish_t *wish = visit->arg;
    tr_cert_t *cert = NULL;
    int rc = *secret->broker ? tr_cert_load_named(visit->directory, secret->name, &cert, error) : 0;
    if (rc < 0 || !cert)
        return rc;
    int64_t now_ms = tr_clock_wall_ms();
    bool good = tr_cert_state(cert, 0, now_ms) == TR_CERT_VALID;
    if (good && wish->finish)
        rc = tr_cert_rotate_finish(visit->directory, secret->name, error);
    else if (good && (!rotates(cert, now_ms) || cut_short(visit->directory, cert)))
        rc = tr_cert_rotate(visit->directory, secret->name, wish->broker, wish->grace_ms, error);
    tr_cert_destroy(&cert);
    return rc;
}

int tr_cert_rotate_all(const char *directory, const char *broker, int64_t grace_ms, tr_error_t *error) {
    wish_t wish = {.broker = broker, .grace_ms = grace_ms};
    return visit_all(&(visit_t){directory, &wish, rotate_one}, error);
}

int tr_cert_rotate_finish_all(const char *directory, tr_error_t *error) {
    return visit_all(&(visit_t){directory, &(wish_t){.finish = true}, rotate_one}, error);
}
