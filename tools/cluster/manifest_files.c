/* Files that options of daemons name, and which go with them into their containers: each daemon's in a Secret of its own. */
#include "lib/base/file.h"
#include "tools/cluster/manifest_private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* The file of users, what a gateway has with an OpenID provider, where its Redis server is, and what a collector wants to see. The gateway's certificate is the ingress's, which
 * speaks TLS there. */
const tr_manifest_file_t tr_manifest_files[] = {
    {"gateway", "users", false},
    {"gateway", "oidc-keys", true},
    {"gateway", "oidc-secret", false},
    {"gateway", "oidc-ca", true},
    {"gateway", "redis", false},
    {"exporter", "otlp-headers", false},
    {NULL, NULL, false},
};

const char *tr_manifest_file_said(const tr_fleet_t *fleet, const tr_manifest_file_t *file) {
    const tr_fleet_daemon_t *daemon =
        strcmp(file->daemon, "gateway") == 0 ? &fleet->gateway : &fleet->exporter;
    for (size_t i = 0; daemon->line && i < daemon->options.count; i++)
        if (strcmp(daemon->options.items[i].key, file->option) == 0)
            return daemon->options.items[i].value;
    return NULL;
}

bool tr_manifest_file(const tr_fleet_t *fleet, const char *directory, const tr_manifest_file_t *file,
    char out[PATH_MAX], tr_error_t *error) {
    const char *path = tr_manifest_file_said(fleet, file);
    if (!path)
        return false;
    path += strncmp(path, "./", 2) == 0 ? 2 : 0;
    int n = snprintf(out, PATH_MAX, "%s%s%s", *path == '/' ? "" : directory, *path == '/' ? "" : "/", path);
    if (n >= PATH_MAX)
        tr_error_set(error, -ENAMETOOLONG, "%s.options.%s: the path is too long", file->daemon, file->option);
    return true;
}

int tr_manifest_check_secret(const char *path, tr_error_t *error) {
    struct stat st;
    if (stat(path, &st) == 0 && !tr_file_private(&st))
        return tr_error_set(error, -EACCES,
            "%s: others may read this file, which may hold a password: chmod 600 %s", path, path);
    return 0;
}

bool tr_manifest_has_files(const tr_fleet_t *fleet, const char *daemon) {
    bool has = false;
    for (const tr_manifest_file_t *file = tr_manifest_files; file->daemon; file++)
        has = has || (strcmp(file->daemon, daemon) == 0 && tr_manifest_file_said(fleet, file));
    return has;
}

json_t *tr_manifest_file_argument(const char *daemon, const char *argument) {
    for (const tr_manifest_file_t *file = tr_manifest_files; file->daemon; file++) {
        size_t len = strlen(file->option);
        if (strcmp(file->daemon, daemon) == 0 && strncmp(argument, "--", 2) == 0 &&
            strncmp(argument + 2, file->option, len) == 0 && argument[2 + len] == '=')
            return tr_manifest_printed(
                "--%s=" FILES_FOLDER "/%s/%s", file->option, file->daemon, file->option);
    }
    return NULL;
}
