/* What the `troupe cert` verbs share: where certificates are, and how one is shown. */
#ifndef TR_TOOLS_CERTS_H
#define TR_TOOLS_CERTS_H

#include "lib/cert/cert.h"
#include "lib/cert/secret.h"
#include "tools/cli/cli.h"

#define TR_CERT_BROKER "broker" /* what a broker's certificate is called where nothing else is said */

/* S is the verb's struct of options, which has `tr_cli_common_t common`. */
#define TR_CLI_CERTS_OPTION(S)                                                                               \
    {                                                                                                        \
        "certs", 'd', "DIR", TR_STRING(S, common.certs), NULL,                                               \
            "The directory of certificates, in place of that of a secure fleet that runs here or "           \
            "$XDG_CONFIG_HOME/troupe/certs."                                                                 \
    }

/* The directory into out (PATH_MAX bytes): what --certs says, or the place of a user's own. An exit code. */
int tr_certs_directory(const tr_call_t *call, const char *option, char *out);
/* DIR/NAME.yaml, or says why not. An exit code. */
int tr_certs_load(const tr_call_t *call, const char *directory, const char *name, tr_cert_t **ret_cert);

/* Revokes DIR/NAME.yaml from now on, where it is not yet, and removes its secret part there; or says why not. An exit code. */
int tr_certs_revoke(const tr_call_t *call, const char *directory, const char *name, tr_cert_t **ret_cert);

typedef struct tr_cert_list {
    tr_cert_t **items; /* by name */
    size_t count;
    size_t broken; /* files that cannot be read: each was told on the call's err */
} tr_cert_list_t;

/* All of a directory. An exit code. */
int tr_certs_list(const tr_call_t *call, const char *directory, tr_cert_list_t *ret_list);
void tr_certs_list_finish(tr_cert_list_t *self);

/* "valid", "rotating" (two keys are good), "expired", "revoked". */
const char *tr_certs_state(const tr_cert_t *cert, int64_t now_ms);
/* One certificate with all that it grants: what and value below each other, or as an object. An exit code. */
int tr_certs_show(
    const tr_call_t *call, tr_output_format_t format, const char *directory, const tr_cert_t *cert);
/* A table of several. */
int tr_certs_table(const tr_call_t *call, tr_output_format_t format, const char *directory,
    tr_cert_t *const *certs, size_t count);

#endif
