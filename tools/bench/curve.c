#include "tools/bench/curve.h"

#include "lib/cert/cert_file.h"
#include "lib/cert/role.h"
#include "lib/cert/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BROKER   "broker"
#define CLIENT   "bench"
#define VARIABLE "TROUPE_CERT" /* troupe-agentd reads it too */

void tr_bench_curve_paths(const tr_bench_t *bench, char cert[192], char certs[192]) {
    snprintf(certs, 192, "%s/certs", bench->directory);
    snprintf(cert, 192, "%s/certs/" TR_CERT_SECRET_DIR "/" BROKER TR_CERT_SUFFIX, bench->directory);
}

const char *tr_bench_curve_own(void) {
    return getenv(VARIABLE);
}

/* All rights but the platform's own topics: what is measured is what asking costs. */
static int grant(tr_cert_t *cert) {
    tr_rights_t *r = &cert->rights;
    tr_strings_t *const all[] = {&r->names, &r->offer, &r->ask, &r->verbs};
    int rc = tr_cert_add(cert, &r->publish, ">");
    if (rc == 0)
        rc = tr_cert_add(cert, &r->subscribe, ">");
    for (size_t i = 0; i < sizeof all / sizeof *all && rc == 0; i++)
        rc = tr_cert_add(cert, all[i], "*");
    return rc;
}

/* One certificate for all brokers of a measurement, under whatever platform. */
static int grant_broker(tr_cert_t *cert) {
    int rc = tr_role_grant(cert, TR_ROLE_BROKER);
    return rc == 0 ? tr_cert_add(cert, &cert->rights.platforms, "*") : rc;
}

/* ret_key: its public key; `broker`: that of the broker it knows, "" = it is the broker. */
static int make(const char *certs, const char *name, const char *broker, char ret_key[TR_KEY_TEXT + 1],
    tr_error_t *error) {
    tr_secret_t secret = {0};
    tr_cert_t *cert = tr_cert_new(name);
    int rc = cert ? tr_secret_make(name, &secret, error) : tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0) {
        strcpy(secret.broker, broker);
        strcpy(ret_key, secret.key);
        cert->keys_n = 1;
        tr_key_parse(secret.key, cert->keys[0].bytes);
        rc = tr_secret_save(&secret, certs, error);
    }
    if (rc == 0 && (rc = *broker ? grant(cert) : grant_broker(cert)) < 0)
        tr_error_set(error, rc, "out of memory");
    if (rc == 0)
        rc = tr_cert_save(cert, certs, error);
    tr_secret_wipe(&secret);
    tr_cert_destroy(&cert);
    return rc;
}

int tr_bench_curve_make(tr_bench_t *bench, tr_error_t *error) {
    char cert[192], certs[192], broker[TR_KEY_TEXT + 1], own[TR_KEY_TEXT + 1];
    if (bench->certified)
        return 0;
    tr_bench_curve_paths(bench, cert, certs);
    int rc = make(certs, BROKER, "", broker, error);
    if (rc == 0)
        rc = make(certs, CLIENT, broker, own, error);
    bench->certified = rc == 0;
    return rc;
}

int tr_bench_curve(tr_bench_t *bench, tr_error_t *error) {
    char cert[192], certs[192], path[PATH_MAX];
    tr_bench_curve_paths(bench, cert, certs);
    int rc = tr_bench_curve_make(bench, error);
    if (rc == 0)
        rc = tr_secret_path(certs, CLIENT, path, error);
    if (rc == 0 && setenv(VARIABLE, path, 1) < 0)
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    bench->curve = rc == 0;
    return rc;
}

void tr_bench_curve_off(tr_bench_t *bench) {
    unsetenv(VARIABLE);
    bench->curve = false;
}
