#include "lib/cert/secret.h"

#include "lib/base/file.h"
#include "lib/cert/cert_file.h"
#include "lib/yaml/yaml_table.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define FILE_MAX 4096

typedef struct file {
    const char *certificate, *key, *secret_key, *broker;
} file_t;

static bool is_key(const char *text, size_t len) {
    uint8_t key[TR_KEY_SIZE];
    bool good = len == TR_KEY_TEXT && tr_key_parse(text, key);
    explicit_bzero(key, sizeof key);
    return good;
}

#define FIELD(f, k, c, r)                                                                                    \
    { .key = (k), .kind = TR_YAML_TEXT, .offset = offsetof(file_t, f), .required = (r), .check = (c) }

static const tr_yaml_field_t fields[] = {
    FIELD(certificate, "certificate", tr_name_valid, true),
    FIELD(key, "key", is_key, true),
    FIELD(secret_key, "secret-key", NULL, true), /* not checked here: an error would quote it */
    FIELD(broker, "broker", is_key, false),
};
static const tr_yaml_table_t table = {fields, sizeof fields / sizeof *fields, sizeof(file_t)};

void tr_secret_wipe(tr_secret_t *self) {
    explicit_bzero(self, sizeof *self);
}

int tr_secret_make(const char *name, tr_secret_t *ret_secret, tr_error_t *error) {
    tr_secret_t s = {0};
    size_t len = strlen(name);
    if (!tr_name_valid(name, len))
        return tr_error_set(error, -EINVAL, "\"%.128s\" cannot name a certificate", name);
    if (zmq_curve_keypair(s.key, s.secret_key) < 0)
        return tr_error_set(error, -ENOTSUP,
            "the ZeroMQ library of this machine was built without CURVE: install one that has it");
    memcpy(s.name, name, len + 1);
    *ret_secret = s;
    tr_secret_wipe(&s);
    return 0;
}

static int check_mode(const struct stat *st, const char *path, tr_error_t *error) {
    if (!tr_file_private(st))
        return tr_error_set(error, -EPERM,
            "%s: others than its owner can read this secret (mode %04o): `chmod 600` it, and `troupe cert "
            "rotate` "
            "if somebody may have",
            path, (unsigned)(st->st_mode & 07777));
    if (!S_ISREG(st->st_mode))
        return tr_error_set(error, -EINVAL, "%s: this is no file", path);
    return 0;
}

static int belong_together(const tr_secret_t *s) {
    char public_key[TR_KEY_TEXT + 1];
    if (zmq_curve_public(public_key, s->secret_key) < 0)
        return -EINVAL;
    return strcmp(public_key, s->key) == 0 ? 0 : -EKEYREJECTED;
}

static int take(tr_secret_t *self, const file_t *f, const char *path, tr_error_t *error) {
    tr_secret_t s = {0};
    if (strlen(f->secret_key) != TR_KEY_TEXT)
        return tr_error_set(error, -EINVAL, "%s: secret-key: expected 40 characters of Z85, in quotes", path);
    strcpy(s.name, f->certificate);
    strcpy(s.key, f->key);
    strcpy(s.secret_key, f->secret_key);
    strcpy(s.broker, f->broker ? f->broker : "");
    int rc = belong_together(&s);
    if (rc == 0)
        *self = s;
    tr_secret_wipe(&s);
    if (rc == -EINVAL)
        return tr_error_set(error, rc, "%s: secret-key: expected 40 characters of Z85, in quotes", path);
    return rc < 0 ? tr_error_set(error, rc, "%s: its key and secret-key do not belong together", path) : 0;
}

static int parse(tr_secret_t *self, const char *bytes, size_t len, const char *path, tr_error_t *error) {
    tr_arena_t arena;
    file_t file = {0};
    tr_arena_init(&arena, 65536);
    int rc = len > FILE_MAX
                 ? tr_error_set(error, -E2BIG, "%s: too large for the secret part of a certificate", path)
                 : tr_yaml_table_read(&table, bytes, len, path, &arena, &file, error);
    if (rc == 0)
        rc = take(self, &file, path, error);
    tr_arena_wipe(&arena);
    return rc;
}

int tr_secret_load(tr_secret_t *self, const char *path, tr_error_t *error) {
    struct stat st;
    char *bytes = NULL;
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;
    if (rc < 0)
        tr_error_set(error, rc, "%s: cannot read the secret part of a certificate: %s", path, strerror(-rc));
    else if ((rc = check_mode(&st, path, error)) == 0 &&
             (rc = tr_file_read_fd(fd, FILE_MAX, &bytes, &len)) < 0)
        tr_error_set(error, rc, "%s: cannot read the secret part of a certificate: %s", path, strerror(-rc));
    if (fd >= 0)
        close(fd);
    if (rc < 0)
        return rc;
    rc = parse(self, bytes, len, path, error);
    explicit_bzero(bytes, len);
    free(bytes);
    return rc;
}

int tr_secret_path(const char *directory, const char *name, char *out, tr_error_t *error) {
    char secrets[PATH_MAX];
    if (snprintf(secrets, sizeof secrets, "%s/" TR_CERT_SECRET_DIR, directory) >= (int)sizeof secrets)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", directory);
    return tr_cert_path(secrets, name, out, error);
}

static int make_secret_directory(const char *directory, tr_error_t *error) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/" TR_CERT_SECRET_DIR, directory) >= (int)sizeof path)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", directory);
    int rc = tr_directory_make(path);
    return rc < 0 ? tr_error_set(error, rc, "%s: cannot make this directory: %s", path, strerror(-rc)) : 0;
}

int tr_secret_save(const tr_secret_t *self, const char *directory, tr_error_t *error) {
    char path[PATH_MAX], text[1024];
    int rc = make_secret_directory(directory, error);
    if (rc == 0)
        rc = tr_secret_path(directory, self->name, path, error);
    if (rc < 0)
        return rc;
    int n = snprintf(text, sizeof text,
        "# The secret part of a certificate: for its holder alone. Whoever has it is %s.\n"
        "certificate: %s\nkey: '%s'\nsecret-key: '%s'\n",
        self->name, self->name, self->key, self->secret_key);
    if (*self->broker)
        n += snprintf(text + n, sizeof text - (size_t)n, "broker: '%s'\n", self->broker);
    rc = tr_file_write(path, text, (size_t)n, 0600);
    explicit_bzero(text, sizeof text);
    return rc < 0 ? tr_error_set(error, rc, "%s: cannot write this secret: %s", path, strerror(-rc)) : 0;
}

static int set_text(void *socket, int option, const char *key) {
    return zmq_setsockopt(socket, option, key, TR_KEY_TEXT + 1) < 0 ? -errno : 0;
}

int tr_secret_client(const tr_secret_t *self, void *socket) {
    int rc = set_text(socket, ZMQ_CURVE_SERVERKEY, self->broker);
    if (rc == 0)
        rc = set_text(socket, ZMQ_CURVE_PUBLICKEY, self->key);
    return rc == 0 ? set_text(socket, ZMQ_CURVE_SECRETKEY, self->secret_key) : rc;
}

int tr_secret_server(const tr_secret_t *self, void *socket) {
    int server = 1;
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &server, sizeof server) < 0)
        return -errno;
    return set_text(socket, ZMQ_CURVE_SECRETKEY, self->secret_key);
}
