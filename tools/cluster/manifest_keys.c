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

/* A file as a Secret has it, new. */
static int read_secret(const char *path, size_t most, json_t **ret_content, tr_error_t *error) {
    char *bytes = NULL;
    size_t size = 0;
    int rc = tr_file_read(path, "secret", most, &bytes, &size, error);
    if (rc == 0 && size > most)
        rc = tr_error_set(error, -EFBIG, "%s: more than %zu bytes, which a Secret cannot have", path, most);
    if (rc == 0)
        *ret_content = base64(bytes, size);
    if (bytes)
        sodium_memzero(bytes, size);
    free(bytes);
    return rc;
}

/* A Secret with one file in it. */
/* `group` NULL: it is nobody's alone. */
static int put_secret(tr_manifest_t *m, const char *group, const char *what, const char *path,
    const char *key, size_t most, tr_error_t *error) {
    json_t *content = NULL;
    int rc = read_secret(path, most, &content, error);
    if (rc < 0)
        return rc;
    char name[TR_PLATFORM_MAX + TR_NAME_MAX + 8];
    snprintf(name, sizeof name, "%s-%s", m->fleet->name, what);
    tr_manifest_put(
        m, json_pack("{s:s, s:s, s:o, s:s, s:{s:o}}", "apiVersion", "v1", "kind", "Secret", "metadata",
               tr_manifest_metadata(m, name, NULL, group), "type", "Opaque", "data", key, content));
    return 0;
}

static int put_key(tr_manifest_t *m, const char *name, const char *cert, tr_error_t *error) {
    char path[PATH_MAX], key[TR_NAME_MAX + 8], what[TR_NAME_MAX + 8];
    int rc = tr_fleet_certs_secret(m->config->state, cert, path, error);
    snprintf(key, sizeof key, "%s.yaml", cert);
    snprintf(what, sizeof what, "%s-key", name);
    const char *group = strcmp(name, TR_FLEET_BROKER) == 0 ? NULL : name;
    return rc == 0 ? put_secret(m, group, what, path, key, CERT_BYTES_MAX, error) : rc;
}

/* A connection string, which the fleet file names. */
static int put_server(
    tr_manifest_t *m, const char *what, const char *path, const char *key, tr_error_t *error) {
    if (!path)
        return 0;
    int rc = tr_manifest_check_secret(path, error);
    return rc == 0 ? put_secret(m, NULL, what, path, key, CONNECTION_MAX, error) : rc;
}

static int put_servers(tr_manifest_t *m, tr_error_t *error) {
    int rc = put_server(m, "postgres", m->fleet->servers.postgres, POSTGRES_FILE, error);
    return rc == 0 ? put_server(m, "redis", m->fleet->servers.redis, REDIS_FILE, error) : rc;
}

static int put_tokens(tr_manifest_t *m, tr_error_t *error) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/tokens", m->config->state);
    return put_secret(m, NULL, "tokens", path, "tokens", TOKENS_MAX, error);
}

/* All that options of a daemon name, in one Secret. */
static int put_files(tr_manifest_t *m, const char *daemon, tr_error_t *error) {
    char path[PATH_MAX], name[TR_PLATFORM_MAX + 24];
    json_t *data = json_object();
    int rc = 0;
    for (const tr_manifest_file_t *file = tr_manifest_files; rc == 0 && file->daemon; file++) {
        json_t *content = NULL;
        error->code = 0;
        if (strcmp(file->daemon, daemon) != 0 || !tr_manifest_file(m->fleet, m->directory, file, path, error))
            continue;
        rc = error->code ? error->code : file->open ? 0 : tr_manifest_check_secret(path, error);
        if (rc == 0)
            rc = read_secret(path, TOKENS_MAX, &content, error);
        if (rc == 0)
            json_object_set_new(data, file->option, content);
        else /* it is the fleet file that is wrong, whatever is with the file */
            rc = error->code = -EINVAL;
    }
    snprintf(name, sizeof name, "%s-%s", m->fleet->name, daemon);
    if (rc == 0)
        tr_manifest_put(
            m, json_pack("{s:s, s:s, s:o, s:s, s:O}", "apiVersion", "v1", "kind", "Secret", "metadata",
                   tr_manifest_metadata(m, name, NULL, NULL), "type", "Opaque", "data", data));
    json_decref(data);
    return rc;
}

static int put_of_daemons(tr_manifest_t *m, tr_error_t *error) {
    static const char *const all[] = {"gateway", "exporter"};
    int rc = m->fleet->gateway.line ? put_tokens(m, error) : 0;
    for (size_t i = 0; rc == 0 && i < sizeof all / sizeof *all; i++)
        if (tr_manifest_has_files(m->fleet, all[i]))
            rc = put_files(m, all[i], error);
    return rc;
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
    return rc == 0 && !group ? put_of_daemons(self, error) : rc;
}

/* ---- changed keys ---- */

static int put_key_of(void *arg, const char *group, tr_error_t *error) {
    char cert[TR_NAME_MAX + 8];
    snprintf(cert, sizeof cert, "agent.%s", group);
    return put_key(arg, group, cert, error);
}

int tr_manifest_rotated(
    const tr_manifest_config_t *config, json_t **ret_public, json_t **ret_secret, tr_error_t *error) {
    tr_manifest_t m = {.config = config,
        .fleet = config->fleet,
        .namespace = config->namespace ? config->namespace : config->fleet->name,
        .objects = json_array()};
    json_t *public = m.objects, *secret = json_array();
    int rc = tr_manifest_certificates(&m, error);
    m.objects = secret;
    if (rc == 0)
        rc = tr_fleet_certs_each(config->state, put_key_of, &m, error);
    if (rc == 0 && (m.failed || !public || !secret))
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    if (rc < 0) {
        json_decref(public);
        json_decref(secret);
        return rc;
    }
    *ret_public = public;
    *ret_secret = secret;
    return 0;
}
