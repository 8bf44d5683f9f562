#include "tools/cluster/rotate.h"

#include "lib/base/clock.h"
#include "lib/cert/cert_file.h"
#include "lib/cert/rotate.h"
#include "lib/cert/secret.h"
#include "tools/cluster/apart.h"
#include "tools/cluster/hosts.h"
#include "tools/cluster/hosts_keys.h"
#include "tools/cluster/known.h"
#include "tools/cluster/manifest.h"
#include "tools/fleet/fleet_certs.h"
#include "tools/verbs/certs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* One rotation. */
typedef struct work {
    const tr_call_t *call;
    const tr_apart_rotate_t *how;
    tr_apart_t apart;        /* `on` HERE: it runs on this machine */
    char certs[PATH_MAX];    /* of a fleet that runs here */
    json_t *public, *secret; /* of Kubernetes: objects; of no others */
    json_t *marks;           /* platform -> what its broker is to have read (tools/cluster/known.h) */
    const char *name;        /* what is taken back */
    size_t found;            /* places that have it */
} work_t;

/* ---- where its certificates are ---- */

/* Each directory of them, with the name of the fleet that it is of: a host of several has a fleet of its own. */
typedef int (*place_fn)(work_t *w, const char *fleet, const char *directory, tr_error_t *error);

static int each_host(work_t *w, place_fn visit, tr_error_t *error) {
    size_t i;
    json_t *host;
    int rc = 0;
    json_array_foreach(w->apart.hosts, i, host) {
        char directory[PATH_MAX];
        const char *name = json_string_value(json_object_get(host, "fleet"));
        rc = rc == 0 ? tr_hosts_certs(&w->apart, name, directory, error) : rc;
        if (rc == 0)
            rc = visit(w, name, directory, error);
    }
    return rc;
}

static int each_place(work_t *w, place_fn visit, tr_error_t *error) {
    char directory[PATH_MAX];
    if (w->apart.on == TR_APART_HERE)
        return visit(w, w->how->common->fleet, w->certs, error);
    if (w->apart.on == TR_APART_SSH)
        return each_host(w, visit, error);
    int rc = tr_fleet_certs_directory(w->apart.directory, directory, error);
    return rc == 0 ? visit(w, w->apart.fleet, directory, error) : rc;
}

static int make_keys(work_t *w, const char *fleet, const char *directory, tr_error_t *error) {
    (void)fleet;
    return w->how->finish ? tr_cert_rotate_finish_all(directory, error)
                          : tr_cert_rotate_all(directory, TR_FLEET_BROKER, w->how->grace_ms, error);
}

/* ---- bringing them ---- */

static int make_objects(work_t *w, tr_error_t *error) {
    tr_fleet_t *fleet = NULL;
    int rc = tr_apart_load(&w->apart, NULL, &fleet, error);
    if (rc < 0)
        return rc;
    tr_manifest_config_t config = {.fleet = fleet,
        .image = w->apart.image,
        .namespace = w->apart.namespace,
        .state = w->apart.directory};
    rc = tr_manifest_rotated(&config, &w->public, &w->secret, error);
    tr_fleet_destroy(&fleet);
    return rc;
}

static int bring_public(work_t *w, tr_error_t *error) {
    int rc = 0;
    switch (w->apart.on) {
    case TR_APART_HERE: break; /* the broker reads the very directory */
    case TR_APART_SSH:
        return tr_hosts_bring_keys(w->call, &w->apart,
            w->name ? NULL : &(tr_hosts_rotate_t){w->how->grace_ms, w->how->finish}, w->marks, error);
    case TR_APART_PODMAN: return tr_apart_hand_over_certs(&w->apart, error);
    case TR_APART_KUBERNETES:
        rc = make_objects(w, error);
        return rc == 0 ? tr_apart_apply(&w->apart, w->public, error) : rc;
    }
    return rc;
}

static int hand_over_group(void *arg, const char *group, tr_error_t *error) {
    const work_t *w = arg;
    return tr_apart_hand_over(&w->apart, group, error);
}

static int bring_secret(work_t *w, tr_error_t *error) {
    if (w->apart.on == TR_APART_PODMAN)
        return tr_fleet_certs_each(w->apart.directory, hand_over_group, w, error);
    return w->apart.on == TR_APART_KUBERNETES ? tr_apart_apply(&w->apart, w->secret, error) : 0;
}

/* ---- that the brokers know ---- */

/* What its brokers read, elsewhere than on hosts of its own, which say themselves. */
static int directory_of(const work_t *w, char out[PATH_MAX], tr_error_t *error) {
    if (w->apart.on == TR_APART_HERE)
        strcpy(out, w->certs);
    else if (w->apart.on != TR_APART_PODMAN)
        return tr_fleet_certs_directory(w->apart.directory, out, error);
    else if (snprintf(out, PATH_MAX, "%s/" TR_MANIFEST_KEYS "/certs", w->apart.directory) >= PATH_MAX)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", w->apart.directory);
    return 0;
}

/* As many pods as there are to be now, whoever said so: a chart's values, `kubectl scale`. Elsewhere the one that is reached. */
static int name_brokers(work_t *w, const char *mark, tr_error_t *error) {
    size_t ready = 0, all = 0;
    char platform[TR_PLATFORM_MAX + 24] = "";
    int rc = w->apart.on == TR_APART_KUBERNETES
                 ? tr_apart_ready(&w->apart, TR_FLEET_BROKER, &ready, &all, error)
                 : 0;
    for (size_t i = 0; rc == 0 && i < (all ? all : 1); i++) {
        if (all)
            snprintf(platform, sizeof platform, "%s-%zu", w->apart.fleet, i);
        json_object_set_new(w->marks, platform, json_string(mark));
    }
    return rc;
}

/* In a cluster it takes a minute or two until a changed ConfigMap is in the brokers' pods. An exit code. */
static int wait_known(work_t *w, const char *otherwise) {
    char directory[PATH_MAX], mark[TR_CERT_MARK_TEXT] = "";
    tr_error_t error = {0};
    tr_known_t known = {
        .call = w->call, .common = w->how->common, .wanted = w->marks, .otherwise = otherwise};
    if (w->apart.on != TR_APART_SSH) {
        int rc = directory_of(w, directory, &error);
        if (rc == 0)
            rc = tr_known_mark(w->call, directory, mark, &error);
        if (rc == 0)
            rc = name_brokers(w, mark, &error);
        if (rc < 0)
            return tr_cli_fail(w->call, TR_EXIT_REFUSED, "%s", error.text);
    }
    return tr_known_wait(&known);
}

/* ---- what was done ---- */

static const tr_column_t columns[] = {
    {"fleet", TR_COLUMN_TEXT},
    {"name", TR_COLUMN_TEXT},
    {"state", TR_COLUMN_STATE},
    {"old_key_until", TR_COLUMN_TIME},
};

typedef struct table {
    work_t work; /* first: what each_place hands on */
    tr_output_t *output;
} table_t;

static int put_rows(work_t *w, const char *fleet, const char *directory, tr_error_t *error) {
    tr_output_t *output = ((table_t *)w)->output;
    tr_cert_list_t list = {0};
    if (tr_certs_list(w->call, directory, &list) != TR_EXIT_OK)
        return tr_error_set(error, -EIO, "%s cannot be read", directory);
    for (size_t i = 0; i < list.count; i++) {
        const tr_cert_t *c = list.items[i];
        tr_output_text(output, fleet);
        tr_output_text(output, c->name);
        tr_output_text(output, tr_certs_state(c, tr_clock_wall_ms()));
        if (c->keys_n > 1)
            tr_output_number(output, c->keys[1].until_ms);
        else
            tr_output_null(output);
        tr_output_row(output);
    }
    tr_certs_list_finish(&list);
    return 0;
}

static int show(table_t *t) {
    const tr_call_t *call = t->work.call;
    tr_error_t error = {0};
    tr_output_config_t config = {.out = call->out,
        .format = (tr_output_format_t)t->work.how->common->output,
        .columns = columns,
        .column_count = sizeof columns / sizeof *columns,
        .colour = tr_output_colour(call->out)};
    if (tr_output_new(&config, &t->output) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    int rc = each_place(&t->work, put_rows, &error);
    int code = tr_cli_finish(call, &t->output);
    return rc < 0 ? tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text) : code;
}

/* ---- the whole ---- */

static int find(work_t *w, tr_error_t *error) {
    const tr_cli_common_t *common = w->how->common;
    tr_state_info_t info = {0};
    if (tr_apart_instead(common->state, common->fleet, &w->apart)) {
        for (size_t i = 0; i < json_array_size(w->apart.hosts); i++)
            if (!json_is_true(json_object_get(json_array_get(w->apart.hosts, i), "secure")))
                return tr_error_set(error, -EINVAL,
                    "the fleet %s is not secure: on its hosts nobody but its brokers has keys",
                    common->fleet);
        return 0;
    }
    int rc = tr_state_find(common->state, common->fleet, &info, error);
    if (rc == 0 && !*info.certs)
        rc =
            tr_error_set(error, -EINVAL, "the fleet %s has no certificates: it is not secure", common->fleet);
    if (rc == 0)
        strcpy(w->certs, info.certs);
    return rc;
}

/* What is so where a broker does not know in time. */
static const char *otherwise_of(const work_t *w) {
    if (w->how->finish)
        return "it may let old keys in yet; the same again goes on waiting";
    if (w->apart.on == TR_APART_SSH)
        return "all hosts have their files, and old keys are good until their time is over; the same again "
               "goes on waiting";
    return "the secret parts were not brought, and old keys are good until their time is over; the same "
           "again goes on with it";
}

static int tell(const tr_call_t *call, int rc, const tr_error_t *error) {
    bool away = rc == -ENOENT || rc == -EHOSTUNREACH;
    return tr_cli_fail(call, away ? TR_EXIT_UNREACHABLE : TR_EXIT_REFUSED, "%s", error->text);
}

int tr_apart_rotate(const tr_call_t *call, const tr_apart_rotate_t *how) {
    table_t t = {.work = {.call = call, .how = how, .marks = json_object()}};
    tr_error_t error = {0};
    int rc = find(&t.work, &error), code = TR_EXIT_OK;
    if (rc == 0)
        rc = each_place(&t.work, make_keys, &error);
    if (rc == 0)
        rc = bring_public(&t.work, &error);
    if (rc == 0)
        code = wait_known(&t.work, otherwise_of(&t.work));
    if (rc == 0 && code == TR_EXIT_OK)
        rc = bring_secret(&t.work, &error);
    if (rc < 0)
        code = tell(call, rc, &error);
    else if (code == TR_EXIT_OK)
        code = show(&t);
    json_decref(t.work.marks);
    json_decref(t.work.public);
    json_decref(t.work.secret);
    tr_apart_finish(&t.work.apart);
    return code;
}

/* ---- taking some back ---- */

static int look_for(work_t *w, const char *fleet, const char *directory, tr_error_t *error) {
    char path[PATH_MAX];
    (void)fleet;
    int rc = tr_cert_path(directory, w->name, path, error);
    w->found += rc == 0 && access(path, F_OK) == 0;
    return rc;
}

static int revoke_there(work_t *w, const char *fleet, const char *directory, tr_error_t *error) {
    size_t before = w->found;
    tr_cert_t *cert = NULL;
    int rc = look_for(w, fleet, directory, error);
    if (rc == 0 && w->found > before && tr_certs_revoke(w->call, directory, w->name, &cert) != TR_EXIT_OK)
        rc = tr_error_set(error, -EIO, "%s cannot be revoked in %s", w->name, directory);
    tr_cert_destroy(&cert);
    return rc;
}

static int for_names(work_t *w, place_fn visit, tr_error_t *error) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < w->call->arguments.count; i++) {
        w->name = w->call->arguments.items[i];
        w->found = 0;
        rc = each_place(w, visit, error);
        if (rc == 0 && !w->found)
            rc = tr_error_set(error, -EINVAL, "the fleet %s has no certificate %s here%s",
                w->how->common->fleet, w->name,
                w->apart.on == TR_APART_SSH
                    ? "; an agent that was attached has its own on its host: there `troupe cert revoke NAME "
                      "--fleet FLEET-N`"
                    : "");
    }
    return rc;
}

/* Who has taken back the operator's own cannot ask them. */
static int has_key(work_t *w, const char *fleet, const char *directory, tr_error_t *error) {
    char path[PATH_MAX];
    (void)fleet;
    int rc = tr_secret_path(directory, TR_FLEET_OPERATOR, path, error);
    w->found += rc == 0 && access(path, R_OK) == 0;
    return rc;
}

static void tell_until(const work_t *w) {
    if (w->apart.on == TR_APART_KUBERNETES)
        fprintf(w->call->err,
            "troupe cert revoke: without the operator's certificate nobody can ask the brokers whether they "
            "know: each lets it in until the changed ConfigMap is in its pod, in a minute or two; to be sure "
            "at once, start them again: `kubectl -n %s rollout restart statefulset/%s`\n",
            w->apart.namespace, w->apart.fleet);
    else
        fprintf(
            w->call->err, "troupe cert revoke: the brokers have the file, and go by it within two seconds\n");
}

/* An exit code. */
static int wait_revoked(work_t *w) {
    w->found = 0;
    if (each_place(w, has_key, NULL) == 0 && w->found)
        return wait_known(
            w, "it may be let in there yet: the certificate is revoked, and the same again goes on waiting");
    tell_until(w);
    return TR_EXIT_OK;
}

int tr_apart_revoke(const tr_call_t *call, const tr_cli_common_t *common) {
    tr_apart_rotate_t how = {.common = common};
    table_t t = {.work = {.call = call, .how = &how, .marks = json_object()}};
    tr_error_t error = {0};
    int rc = find(&t.work, &error), code = TR_EXIT_OK;
    if (rc == 0)
        rc = for_names(&t.work, look_for, &error);
    if (rc == 0)
        rc = for_names(&t.work, revoke_there, &error);
    if (rc == 0)
        rc = bring_public(&t.work, &error);
    if (rc < 0)
        code = tell(call, rc, &error);
    else if ((code = wait_revoked(&t.work)) == TR_EXIT_OK)
        code = show(&t);
    json_decref(t.work.marks);
    json_decref(t.work.public);
    json_decref(t.work.secret);
    tr_apart_finish(&t.work.apart);
    return code;
}
