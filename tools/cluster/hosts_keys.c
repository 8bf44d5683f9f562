#include "tools/cluster/hosts_keys.h"

#include "lib/base/file.h"
#include "lib/cert/cert_file.h"
#include "lib/cert/role.h"
#include "tools/cluster/hosts.h"
#include "tools/cluster/spread.h"
#include "tools/fleet/fleet_certs.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_MOST 65536u

int tr_hosts_place(const tr_apart_t *self, const char *name, char *out, tr_error_t *error) {
    return snprintf(out, PATH_MAX, "%s/hosts/%s", self->directory, name) < PATH_MAX
               ? 0
               : tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", self->directory);
}

int tr_hosts_keys_make(const tr_apart_t *self, const tr_fleet_t *file, tr_error_t *error) {
    char place[PATH_MAX];
    int rc = tr_hosts_place(self, file->name, place, error);
    if (rc == 0 && (rc = tr_directory_make(place)) < 0)
        return tr_error_set(error, rc, "%s: %s", place, strerror(-rc));
    return rc == 0 ? tr_fleet_certs_make(place, file, error) : rc;
}

/* ---- other brokers ---- */

int tr_hosts_certs(const tr_apart_t *self, const char *name, char *out, tr_error_t *error) {
    char place[PATH_MAX];
    int rc = tr_hosts_place(self, name, place, error);
    return rc == 0 ? tr_fleet_certs_directory(place, out, error) : rc;
}

/* What the coordinator that is there asks other hosts, besides what brokers may: what waits, how many there are, and that there be others. */
static int grant_scaling(tr_cert_t *peer) {
    static const char *const verbs[] = {"ams.services", "fleet.status", "fleet.scale"};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof verbs / sizeof *verbs; i++)
        rc = tr_cert_add(peer, &peer->rights.verbs, verbs[i]);
    return rc;
}

/* The same keys under another name, for the platform of that broker and nothing else. */
static int copy_broker(
    const char *from, const char *to, const char *platform, bool scales, tr_error_t *error) {
    char name[TR_PLATFORM_MAX + 8];
    tr_cert_t *broker = NULL, *peer = NULL;
    snprintf(name, sizeof name, TR_SPREAD_PEER "%s", platform);
    int rc = tr_cert_load_named(from, TR_FLEET_BROKER, &broker, error);
    if (rc < 0)
        return rc;
    peer = tr_cert_new(name);
    rc = peer ? tr_role_grant_as(peer, TR_ROLE_BROKER, platform) : -ENOMEM;
    if (rc == 0 && scales)
        rc = grant_scaling(peer);
    if (rc == 0) {
        memcpy(peer->keys, broker->keys, sizeof peer->keys);
        peer->keys_n = broker->keys_n;
        peer->made_ms = broker->made_ms;
        rc = tr_cert_save(peer, to, error);
    } else {
        tr_error_set(error, rc, "out of memory");
    }
    tr_cert_destroy(&peer);
    tr_cert_destroy(&broker);
    return rc;
}

int tr_hosts_keys_exchange(const tr_apart_t *self, const json_t *spread, tr_error_t *error) {
    char from[PATH_MAX], to[PATH_MAX];
    size_t i, k;
    json_t *one, *other;
    json_array_foreach(spread, i, one) json_array_foreach(spread, k, other) {
        const char *name = json_string_value(json_object_get(other, "fleet"));
        if (i == k)
            continue;
        int rc = tr_hosts_certs(self, name, from, error);
        if (rc == 0)
            rc = tr_hosts_certs(self, json_string_value(json_object_get(one, "fleet")), to, error);
        if (rc == 0)
            rc = copy_broker(from, to, name, json_is_true(json_object_get(other, "scales")), error);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- what a host gets ---- */

static int give_one(const char *folder, const char *name, const char *as, json_t *files, tr_error_t *error) {
    char path[PATH_MAX], key[512], *bytes = NULL;
    size_t len = 0;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path ||
        snprintf(key, sizeof key, "%s/%s", as, name) >= (int)sizeof key)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", folder);
    int rc = tr_file_read(path, "key", KEY_MOST, &bytes, &len, error);
    if (rc == 0 && json_object_set_new(files, key, json_stringn(bytes, len)) < 0)
        rc = tr_error_set(error, -EINVAL, "%s: this is no text", path);
    if (bytes)
        explicit_bzero(bytes, len);
    free(bytes);
    return rc;
}

/* An open fleet needs certificates for its brokers alone. */
static bool is_wanted(const char *name, bool secure) {
    return strstr(name, TR_CERT_SUFFIX) && (secure || strcmp(name, TR_FLEET_BROKER TR_CERT_SUFFIX) == 0 ||
                                               strncmp(name, TR_SPREAD_PEER, strlen(TR_SPREAD_PEER)) == 0);
}

static int give_folder(const char *folder, const char *as, bool secure, json_t *files, tr_error_t *error) {
    int rc = 0;
    DIR *dir = opendir(folder);
    if (!dir)
        return tr_error_set(error, -errno, "%s: %s", folder, strerror(errno));
    for (struct dirent *entry = readdir(dir); rc == 0 && entry; entry = readdir(dir))
        if (is_wanted(entry->d_name, secure))
            rc = give_one(folder, entry->d_name, as, files, error);
    closedir(dir);
    return rc;
}

int tr_hosts_keys_give(
    const tr_apart_t *self, const char *name, bool secure, json_t *files, tr_error_t *error) {
    char certs[PATH_MAX], secrets[PATH_MAX];
    int rc = tr_hosts_certs(self, name, certs, error);
    if (rc == 0 && snprintf(secrets, sizeof secrets, "%s/" TR_CERT_SECRET_DIR, certs) >= (int)sizeof secrets)
        rc = tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", certs);
    if (rc == 0)
        rc = give_folder(certs, TR_FLEET_CERTS, secure, files, error);
    return rc == 0 ? give_folder(secrets, TR_FLEET_CERTS "/" TR_CERT_SECRET_DIR, secure, files, error) : rc;
}

/* Agents that were attached have their keys on the host alone: of those there are none here. */
static int name_attached(const tr_apart_t *self, const json_t *host, json_t *names, tr_error_t *error) {
    char certs[PATH_MAX], path[PATH_MAX], name[TR_NAME_MAX + 8];
    const char *group;
    json_t *count;
    int rc = tr_hosts_certs(self, json_string_value(json_object_get(host, "fleet")), certs, error);
    json_object_foreach(json_object_get(host, "groups"), group, count) {
        snprintf(name, sizeof name, "agent.%s", group);
        if (rc == 0 && tr_cert_path(certs, name, path, NULL) == 0 && access(path, F_OK) < 0)
            json_array_append_new(names, json_string(name));
    }
    return rc;
}

static int take_mark(const char *fleet, const char *text, json_t *marks, tr_error_t *error) {
    json_t *answer = json_loads(text, 0, NULL), *mark = json_object_get(answer, "mark");
    int rc =
        json_is_string(mark)
            ? 0
            : tr_error_set(error, -EPROTO,
                  "%s: `troupe` there is another version than here: it does not say what certificates it has",
                  fleet);
    if (rc == 0)
        json_object_set(marks, fleet, mark);
    json_decref(answer);
    return rc;
}

static int bring_to(const tr_apart_t *self, const json_t *host, const tr_hosts_rotate_t *rotate,
    json_t *marks, tr_error_t *error) {
    tr_ssh_t ssh = tr_hosts_ssh(self);
    const char *const words[] = {"host", *self->remote ? "--state" : NULL, self->remote, NULL};
    const char *fleet = json_string_value(json_object_get(host, "fleet"));
    json_t *files = json_object();
    int rc = tr_hosts_keys_give(self, fleet, json_is_true(json_object_get(host, "secure")), files, error);
    json_t *attached = json_array();
    if (rc == 0 && rotate)
        rc = name_attached(self, host, attached, error);
    json_t *request = json_pack("{s:s, s:s, s:o, s:o, s:I, s:b}", "action", "keys", "fleet", fleet, "files",
        files, "rotate", attached, "grace", (json_int_t)(rotate ? rotate->grace_ms : 0), "finish",
        rotate && rotate->finish);
    char *text = rc == 0 && request ? json_dumps(request, JSON_COMPACT) : NULL, *answer = NULL;
    json_decref(request);
    if (rc == 0)
        rc = text ? tr_ssh_troupe(
                        &ssh, json_string_value(json_object_get(host, "at")), words, text, &answer, error)
                  : tr_error_set(error, -ENOMEM, "out of memory");
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
    if (rc == 0)
        rc = take_mark(fleet, answer, marks, error);
    free(answer);
    return rc;
}

/* One that is away keeps none of the others: a key that was taken back is to be so wherever it can be. */
int tr_hosts_bring_keys(const tr_call_t *call, const tr_apart_t *self, const tr_hosts_rotate_t *rotate,
    json_t *marks, tr_error_t *error) {
    size_t i, failed = 0;
    json_t *host;
    json_array_foreach(self->hosts, i, host) {
        tr_error_t why = {0};
        if (bring_to(self, host, rotate, marks, &why) == 0)
            continue;
        failed++;
        tr_cli_fail(call, TR_EXIT_UNREACHABLE, "%s", why.text);
    }
    return failed ? tr_error_set(error, -EHOSTUNREACH,
                        "%zu of %zu hosts did not get the certificates, and go by the old ones: the same "
                        "command again brings them",
                        failed, i)
                  : 0;
}
