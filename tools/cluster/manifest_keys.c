#include "lib/base/file.h"
#include "tools/cluster/manifest_private.h"
#include "tools/fleet/fleet_certs.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CERT_BYTES_MAX (64u << 10)
#define TOKENS_MAX     (512u << 10)

/* ---- public parts ---- */

static int add_certificate(json_t *data, const char *directory, const char *name, tr_error_t *error) {
    char path[PATH_MAX], *bytes = NULL;
    size_t len = strlen(name), size = 0;
    if (len < 6 || strcmp(name + len - 5, ".yaml") != 0)
        return 0;
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", directory);
    int rc = tr_file_read(path, "certificate", CERT_BYTES_MAX, &bytes, &size, error);
    if (rc == 0)
        json_object_set_new(data, name, json_stringn(bytes, size));
    free(bytes);
    return rc;
}

int tr_manifest_certificates(tr_manifest_t *self, tr_error_t *error) {
    char directory[PATH_MAX], name[TR_PLATFORM_MAX + 8];
    if (!self->config->state || self->config->podman)
        return 0;
    json_t *data = json_object();
    int rc = tr_fleet_certs_directory(self->config->state, directory, error);
    DIR *dir = rc == 0 ? opendir(directory) : NULL;
    for (struct dirent *entry = dir ? readdir(dir) : NULL; rc == 0 && entry; entry = readdir(dir))
        rc = add_certificate(data, directory, entry->d_name, error);
    if (dir)
        closedir(dir);
    snprintf(name, sizeof name, "%s-certs", self->fleet->name);
    tr_manifest_put(self, json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", "v1", "kind", "ConfigMap",
                              "metadata", tr_manifest_metadata(self, name, NULL, NULL), "data", data));
    return rc;
}

/* ---- secret parts ---- */

static json_t *base64(const char *bytes, size_t size) {
    size_t room = sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(room);
    json_t *string = text ? json_string(sodium_bin2base64(
                                text, room, (const uint8_t *)bytes, size, sodium_base64_VARIANT_ORIGINAL))
                          : NULL;
    if (text)
        sodium_memzero(text, room);
    free(text);
    return string;
}

/* A Secret with one file in it. */
static int put_secret(
    tr_manifest_t *m, const char *what, const char *path, const char *key, size_t most, tr_error_t *error) {
    char *bytes = NULL;
    size_t size = 0;
    int rc = tr_file_read(path, "secret", most, &bytes, &size, error);
    if (rc < 0)
        return rc;
    char name[TR_PLATFORM_MAX + TR_NAME_MAX + 8];
    snprintf(name, sizeof name, "%s-%s", m->fleet->name, what);
    tr_manifest_put(m,
        json_pack("{s:s, s:s, s:o, s:s, s:{s:o}}", "apiVersion", "v1", "kind", "Secret", "metadata",
            tr_manifest_metadata(m, name, NULL, NULL), "type", "Opaque", "data", key, base64(bytes, size)));
    sodium_memzero(bytes, size);
    free(bytes);
    return 0;
}

static int put_key(tr_manifest_t *m, const char *name, const char *cert, tr_error_t *error) {
    char path[PATH_MAX], key[TR_NAME_MAX + 8], what[TR_NAME_MAX + 8];
    int rc = tr_fleet_certs_secret(m->config->state, cert, path, error);
    snprintf(key, sizeof key, "%s.yaml", cert);
    snprintf(what, sizeof what, "%s-key", name);
    return rc == 0 ? put_secret(m, what, path, key, CERT_BYTES_MAX, error) : rc;
}

/* A connection string, which the fleet file names. */
static int put_server(
    tr_manifest_t *m, const char *what, const char *path, const char *key, tr_error_t *error) {
    struct stat st;
    if (!path)
        return 0;
    if (stat(path, &st) == 0 && !tr_file_private(&st))
        return tr_error_set(error, -EACCES,
            "%s: others may read this file, which may hold a password: chmod 600 %s", path, path);
    return put_secret(m, what, path, key, CONNECTION_MAX, error);
}

static int put_servers(tr_manifest_t *m, tr_error_t *error) {
    int rc = put_server(m, "postgres", m->fleet->servers.postgres, POSTGRES_FILE, error);
    return rc == 0 ? put_server(m, "redis", m->fleet->servers.redis, REDIS_FILE, error) : rc;
}

static int put_tokens(tr_manifest_t *m, tr_error_t *error) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/tokens", m->config->state);
    return put_secret(m, "tokens", path, "tokens", TOKENS_MAX, error);
}

int tr_manifest_secrets(tr_manifest_t *self, const char *group, tr_error_t *error) {
    if (!self->config->state || self->config->podman)
        return 0;
    int rc = group ? 0 : put_key(self, TR_FLEET_BROKER, TR_FLEET_BROKER, error);
    for (size_t i = 0; rc == 0 && i < self->fleet->agent_list.count; i++) {
        const tr_fleet_agent_t *a = &tr_fleet_agents(self->fleet)[i];
        char cert[TR_NAME_MAX + 8];
        snprintf(cert, sizeof cert, "agent.%s", a->name);
        if (!group || strcmp(group, a->name) == 0)
            rc = put_key(self, a->name, cert, error);
    }
    if (rc == 0 && !group)
        rc = put_servers(self, error);
    return rc == 0 && !group && self->fleet->gateway.line ? put_tokens(self, error) : rc;
}
