#include "tools/cluster/rotate.h"

#include "lib/base/clock.h"
#include "lib/cert/cert_file.h"
#include "lib/cert/rotate.h"
#include "tools/cli/session.h"
#include "tools/cluster/apart.h"
#include "tools/cluster/hosts.h"
#include "tools/cluster/hosts_keys.h"
#include "tools/cluster/manifest.h"
#include "tools/fleet/fleet_certs.h"
#include "tools/verbs/certs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LOOK_US 300000

/* One rotation. */
typedef struct work {
    const tr_call_t *call;
    const tr_apart_rotate_t *how;
    tr_apart_t apart;        /* `on` HERE: it runs on this machine */
    char certs[PATH_MAX];    /* of a fleet that runs here */
    json_t *public, *secret; /* of Kubernetes: objects; of no others */
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
        return tr_hosts_bring_keys(
            &w->apart, w->name ? NULL : &(tr_hosts_rotate_t){w->how->grace_ms, w->how->finish}, error);
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

/* In a cluster it takes a minute or two until a changed ConfigMap is in the brokers' pods. An exit code. */
static int wait_known(const work_t *w) {
    int64_t until_ms = tr_clock_ms() + w->how->common->timeout_ms;
    tr_cli_session_config_t config = {
        .call = w->call, .common = w->how->common, .quiet = true, .no_agent = true};
    fprintf(w->call->err, "troupe cert rotate: waiting until the new key of the operator is let in\n");
    for (;;) {
        tr_cli_session_t *session = NULL;
        int code = tr_cli_session_open(&config, &session);
        tr_cli_session_close(&session);
        if (code == TR_EXIT_OK || code >= TR_EXIT_SIGNAL)
            return code;
        if (tr_clock_ms() >= until_ms)
            return tr_cli_fail(w->call, TR_EXIT_TIMEOUT,
                "no broker of the fleet %s has let the operator's new key in: the secret parts were not "
                "brought, and old "
                "keys are good until their time is over; the same again goes on with it",
                w->how->common->fleet);
        usleep(LOOK_US);
    }
}

/* ---- what was done ---- */

/* The operator's key was good before, so that one broker lets it in says nothing of the old keys. */
static void tell_when(const work_t *w) {
    if (w->how->finish && w->apart.on == TR_APART_KUBERNETES)
        fprintf(w->call->err,
            "troupe cert rotate: a broker lets old keys in until the changed ConfigMap is in its pod, which "
            "takes a minute or two and was not waited for; to be sure at once, start the brokers again: "
            "`kubectl -n %s rollout restart statefulset/%s`\n",
            w->apart.namespace, w->apart.fleet);
}

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

int tr_apart_rotate(const tr_call_t *call, const tr_apart_rotate_t *how) {
    table_t t = {.work = {.call = call, .how = how}};
    tr_error_t error = {0};
    int rc = find(&t.work, &error), code = TR_EXIT_OK;
    if (rc == 0)
        rc = each_place(&t.work, make_keys, &error);
    if (rc == 0)
        rc = bring_public(&t.work, &error);
    if (rc == 0)
        code = wait_known(&t.work);
    if (rc == 0 && code == TR_EXIT_OK)
        rc = bring_secret(&t.work, &error);
    if (rc < 0)
        code = tr_cli_fail(call, rc == -ENOENT ? TR_EXIT_UNREACHABLE : TR_EXIT_REFUSED, "%s", error.text);
    else if (code == TR_EXIT_OK) {
        tell_when(&t.work);
        code = show(&t);
    }
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

static void tell_until(const work_t *w) {
    if (w->apart.on == TR_APART_KUBERNETES)
        fprintf(w->call->err,
            "troupe cert revoke: a broker lets it in until the changed ConfigMap is in its pod, which takes "
            "a "
            "minute or two and was not waited for; to be sure at once, start the brokers again: "
            "`kubectl -n %s rollout restart statefulset/%s`\n",
            w->apart.namespace, w->apart.fleet);
    else
        fprintf(
            w->call->err, "troupe cert revoke: the brokers have the file, and go by it within two seconds\n");
}

int tr_apart_revoke(const tr_call_t *call, const tr_cli_common_t *common) {
    tr_apart_rotate_t how = {.common = common};
    table_t t = {.work = {.call = call, .how = &how}};
    tr_error_t error = {0};
    int rc = find(&t.work, &error), code = TR_EXIT_OK;
    if (rc == 0)
        rc = for_names(&t.work, look_for, &error);
    if (rc == 0)
        rc = for_names(&t.work, revoke_there, &error);
    if (rc == 0)
        rc = bring_public(&t.work, &error);
    if (rc < 0)
        code = tr_cli_fail(call, rc == -ENOENT ? TR_EXIT_UNREACHABLE : TR_EXIT_REFUSED, "%s", error.text);
    else {
        tell_until(&t.work);
        code = show(&t);
    }
    json_decref(t.work.public);
    json_decref(t.work.secret);
    tr_apart_finish(&t.work.apart);
    return code;
}
