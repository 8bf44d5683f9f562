#include "tools/fleet/fleet_certs.h"

#include "lib/base/clock.h"
#include "lib/cert/cert_file.h"
#include "lib/cert/role.h"
#include "lib/cert/secret.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GROUP_PREFIX "agent."

int tr_fleet_certs_directory(const char *state, char *out, tr_error_t *error) {
    int n = snprintf(out, PATH_MAX, "%s/" TR_FLEET_CERTS, state);
    return n < PATH_MAX ? 0 : tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", state);
}

int tr_fleet_certs_secret(const char *state, const char *name, char *out, tr_error_t *error) {
    char directory[PATH_MAX];
    int rc = tr_fleet_certs_directory(state, directory, error);
    return rc == 0 ? tr_secret_path(directory, name, out, error) : rc;
}

static int name_of(const char *group, char out[TR_NAME_MAX + 1], tr_error_t *error) {
    int n = snprintf(out, TR_NAME_MAX + 1, GROUP_PREFIX "%s", group);
    return n <= TR_NAME_MAX ? 0
                            : tr_error_set(error, -ENAMETOOLONG,
                                  "%s: the name is too long for an agent of a secure fleet: expected at most "
                                  "%zu characters",
                                  group, TR_NAME_MAX - strlen(GROUP_PREFIX));
}

int tr_fleet_certs_secret_of(const char *state, const char *group, char *out, tr_error_t *error) {
    char name[TR_NAME_MAX + 1];
    int rc = name_of(group, name, error);
    return rc == 0 ? tr_fleet_certs_secret(state, name, out, error) : rc;
}

/* ---- one certificate ---- */

/* Who it is for, and which broker it knows. */
typedef struct maker {
    char directory[PATH_MAX];
    char broker[TR_KEY_TEXT + 1]; /* "" while there is none */
} maker_t;

/* New keys, the secret ones saved. */
static int make_keys(const maker_t *m, const char *name, tr_cert_t *cert, tr_error_t *error) {
    tr_secret_t secret = {0};
    int rc = tr_secret_make(name, &secret, error);
    if (rc < 0)
        return rc;
    strcpy(secret.broker, m->broker);
    cert->made_ms = tr_clock_wall_ms() / 1000 * 1000; /* as the file has it */
    cert->keys_n = 1;
    tr_key_parse(secret.key, cert->keys[0].bytes);
    rc = tr_secret_save(&secret, m->directory, error);
    tr_secret_wipe(&secret);
    return rc;
}

/* Its secret part is there, and knows this broker. */
static bool has_secret(const maker_t *m, const char *name) {
    char path[PATH_MAX];
    tr_secret_t secret;
    if (tr_secret_path(m->directory, name, path, NULL) < 0 || tr_secret_load(&secret, path, NULL) < 0)
        return false;
    bool good = !strcmp(secret.broker, m->broker);
    tr_secret_wipe(&secret);
    return good;
}

/* What there is already, as long as its secret is good: keys, end and limits stay. */
static int open_cert(const maker_t *m, const char *name, tr_cert_t **ret_cert, tr_error_t *error) {
    tr_cert_t *cert = NULL;
    int rc = tr_cert_load_named(m->directory, name, &cert, error);
    if (rc == 0 && cert->revoked_ms) {
        tr_cert_destroy(&cert);
        return tr_error_set(error, -EKEYREVOKED,
            "the certificate %s was revoked, and stays so: remove %s/%s.yaml for a new one", name,
            m->directory, name);
    }
    if (rc == 0 && !has_secret(m, name))
        tr_cert_destroy(&cert);
    else if (rc < 0 && rc != -ENOENT)
        return rc;
    if (!cert) {
        cert = tr_cert_new(name);
        rc = cert ? make_keys(m, name, cert, error) : tr_error_set(error, -ENOMEM, "out of memory");
    }
    if (rc < 0)
        tr_cert_destroy(&cert);
    else
        *ret_cert = cert;
    return rc;
}

static int set_all(tr_cert_t *cert, tr_strings_t *right, const tr_texts_t *texts) {
    return tr_cert_set(
        cert, right, texts ? (const char *const *)texts->items : NULL, texts ? texts->count : 0);
}

/* Nothing, before what it may do is added. */
static int strip(tr_cert_t *cert) {
    tr_strings_t *const lists[] = {&cert->rights.names, &cert->rights.publish, &cert->rights.subscribe,
        &cert->rights.offer, &cert->rights.ask, &cert->rights.verbs, &cert->rights.platforms};
    int rc = 0;
    for (size_t i = 0; i < sizeof lists / sizeof *lists && rc == 0; i++)
        rc = set_all(cert, lists[i], NULL);
    return rc;
}

/* "digest=4" is the service digest. */
static int offer_all(tr_cert_t *cert, const tr_texts_t *services) {
    char name[TR_NAME_MAX + 1];
    int rc = 0;
    for (size_t i = 0; i < services->count && rc == 0; i++) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(services->items[i], "="), services->items[i]);
        rc = tr_cert_add(cert, &cert->rights.offer, name);
    }
    return rc;
}

/* Beside those of an agent. */
static int grant_verbs(tr_cert_t *cert, const tr_texts_t *verbs) {
    int rc = 0;
    for (size_t i = 0; i < verbs->count && rc == 0; i++)
        rc = tr_cert_add(cert, &cert->rights.verbs, verbs->items[i]);
    return rc;
}

static int grant_group(tr_cert_t *cert, const tr_fleet_agent_t *a) {
    int rc = tr_role_grant_as(cert, TR_ROLE_AGENT, a->name);
    if (rc == 0)
        rc = offer_all(cert, &a->services);
    if (rc == 0)
        rc = set_all(cert, &cert->rights.subscribe, &a->subscribe);
    if (rc == 0)
        rc = set_all(cert, &cert->rights.publish, &a->publish);
    rc = rc == 0 ? set_all(cert, &cert->rights.ask, &a->ask) : rc;
    if (rc == 0 && a->daemon)
        rc = grant_verbs(cert, &a->daemon->kind->verbs);
    return rc == 0 && a->daemon && a->daemon->kind->operates ? tr_role_grant(cert, TR_ROLE_OPERATOR) : rc;
}

typedef int (*grant_fn)(tr_cert_t *cert, const void *arg);

static int make(const maker_t *m, const char *name, grant_fn grant, const void *arg, tr_error_t *error) {
    tr_cert_t *cert = NULL;
    int rc = open_cert(m, name, &cert, error);
    if (rc < 0)
        return rc;
    rc = strip(cert);
    if (rc == 0)
        rc = grant(cert, arg);
    rc = rc < 0 ? tr_error_set(error, rc, "%s: out of memory, or too many rights", name)
                : tr_cert_save(cert, m->directory, error);
    tr_cert_destroy(&cert);
    return rc;
}

static int grant_broker(tr_cert_t *cert, const void *platform) {
    return tr_role_grant_as(cert, TR_ROLE_BROKER, platform);
}

static int grant_brokers(tr_cert_t *cert, const void *platform) {
    char members[TR_PLATFORM_MAX + 3];
    snprintf(members, sizeof members, "%s-*", (const char *)platform);
    int rc = grant_broker(cert, platform);
    return rc == 0 ? tr_cert_add(cert, &cert->rights.platforms, members) : rc;
}

static int grant_operator(tr_cert_t *cert, const void *arg) {
    (void)arg;
    return tr_role_grant(cert, TR_ROLE_OPERATOR);
}

static int grant_supervisor(tr_cert_t *cert, const void *arg) {
    (void)arg;
    return tr_cert_add(cert, &cert->rights.names, TR_FLEET_SUPERVISOR);
}

static int grant_agent(tr_cert_t *cert, const void *agent) {
    return grant_group(cert, agent);
}

/* ---- all of them ---- */

static int know_broker(maker_t *m, tr_error_t *error) {
    tr_cert_t *broker = NULL;
    int rc = tr_cert_load_named(m->directory, TR_FLEET_BROKER, &broker, error);
    if (rc == 0)
        tr_key_print(broker->keys[0].bytes, m->broker);
    tr_cert_destroy(&broker);
    return rc;
}

static int make_own(const char *state, const char *platform, grant_fn broker, tr_error_t *error) {
    maker_t m = {0};
    int rc = tr_fleet_certs_directory(state, m.directory, error);
    if (rc == 0)
        rc = make(&m, TR_FLEET_BROKER, broker, platform, error);
    if (rc == 0)
        rc = know_broker(&m, error);
    if (rc == 0)
        rc = make(&m, TR_FLEET_SUPERVISOR, grant_supervisor, NULL, error);
    return rc == 0 ? make(&m, TR_FLEET_OPERATOR, grant_operator, NULL, error) : rc;
}

int tr_fleet_certs_group(const char *state, const tr_fleet_agent_t *agent, tr_error_t *error) {
    char name[TR_NAME_MAX + 1];
    maker_t m = {0};
    int rc = tr_fleet_certs_directory(state, m.directory, error);
    if (rc == 0)
        rc = know_broker(&m, error);
    if (rc == 0)
        rc = name_of(agent->name, name, error);
    return rc == 0 ? make(&m, name, grant_agent, agent, error) : rc;
}

static bool is_group(const tr_fleet_t *fleet, const char *name) {
    for (size_t i = 0; i < fleet->agent_list.count; i++)
        if (!strcmp(tr_fleet_agents(fleet)[i].name, name))
            return true;
    return false;
}

/* The group of a file "agent.GROUP.yaml" into out; false for others. */
static bool group_of_file(const char *file, char out[TR_NAME_MAX + 1]) {
    size_t len = strlen(file), prefix = strlen(GROUP_PREFIX), suffix = strlen(TR_CERT_SUFFIX);
    if (len <= prefix + suffix || len - prefix - suffix > TR_NAME_MAX ||
        strncmp(file, GROUP_PREFIX, prefix) != 0 || strcmp(file + len - suffix, TR_CERT_SUFFIX) != 0)
        return false;
    memcpy(out, file + prefix, len - prefix - suffix);
    out[len - prefix - suffix] = 0;
    return true;
}

int tr_fleet_certs_each(const char *state, int (*one)(void *arg, const char *group, tr_error_t *error),
    void *arg, tr_error_t *error) {
    char directory[PATH_MAX], secret[PATH_MAX], group[TR_NAME_MAX + 1];
    int rc = tr_fleet_certs_directory(state, directory, error);
    DIR *dir = rc == 0 ? opendir(directory) : NULL;
    for (struct dirent *entry = dir ? readdir(dir) : NULL; rc == 0 && entry; entry = readdir(dir))
        if (group_of_file(entry->d_name, group) &&
            tr_fleet_certs_secret_of(state, group, secret, NULL) == 0 && access(secret, F_OK) == 0)
            rc = one(arg, group, error);
    if (dir)
        closedir(dir);
    return rc;
}

/* A fleet that runs apart keeps a file of whom it was joined by later (tools/cluster/apart.h). */
static bool is_attached(const char *state, const char *group) {
    char path[PATH_MAX];
    return snprintf(path, sizeof path, "%s/attached/%s.yaml", state, group) < (int)sizeof path &&
           access(path, F_OK) == 0;
}

/* Takes away those of groups that the fleet has no more. */
static void tidy(const char *state, const tr_fleet_t *fleet) {
    char directory[PATH_MAX], path[PATH_MAX], group[TR_NAME_MAX + 1];
    DIR *dir = tr_fleet_certs_directory(state, directory, NULL) == 0 ? opendir(directory) : NULL;
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        if (!group_of_file(entry->d_name, group) || is_group(fleet, group) || is_attached(state, group))
            continue;
        if (snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) < (int)sizeof path)
            unlink(path);
        if (tr_fleet_certs_secret_of(state, group, path, NULL) == 0)
            unlink(path);
    }
    if (dir)
        closedir(dir);
}

int tr_fleet_certs_make(const char *state, const tr_fleet_t *fleet, tr_error_t *error) {
    int rc = make_own(state, fleet->name, grant_broker, error);
    for (size_t i = 0; rc == 0 && i < fleet->agent_list.count; i++)
        rc = tr_fleet_certs_group(state, &tr_fleet_agents(fleet)[i], error);
    if (rc == 0)
        tidy(state, fleet);
    return rc;
}

/* A copy of the group that may do all. */
static tr_fleet_agent_t unbound(const tr_fleet_agent_t *agent) {
    static const char *const topics[] = {">"}, *const services[] = {"*"};
    tr_fleet_agent_t copy = *agent;
    copy.publish = copy.subscribe = (tr_texts_t){(const char **)(uintptr_t)topics, 1};
    copy.ask = copy.services = (tr_texts_t){(const char **)(uintptr_t)services, 1};
    return copy;
}

int tr_fleet_certs_group_apart(
    const char *state, const tr_fleet_agent_t *agent, bool secure, tr_error_t *error) {
    tr_fleet_agent_t copy = secure ? *agent : unbound(agent);
    return tr_fleet_certs_group(state, &copy, error);
}

int tr_fleet_certs_make_apart(
    const char *state, const tr_fleet_t *fleet, const char *platform, tr_error_t *error) {
    int rc = make_own(state, platform, grant_brokers, error);
    for (size_t i = 0; rc == 0 && i < fleet->agent_list.count; i++) {
        rc = tr_fleet_certs_group_apart(state, &tr_fleet_agents(fleet)[i], fleet->secure, error);
    }
    if (rc == 0)
        tidy(state, fleet);
    return rc;
}
