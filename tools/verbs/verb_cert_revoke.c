/* `troupe cert revoke`: a certificate is good no more. */
#include "lib/base/clock.h"
#include "lib/cert/cert_file.h"
#include "tools/verbs/certs.h"
#include "tools/verbs/verbs.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

typedef struct options {
    tr_cli_common_t common;
} options_t;

static const tr_option_t table[] = {
    TR_CLI_CERTS_OPTION(options_t),
    TR_CLI_OUTPUT_OPTION(options_t),
};

static const tr_program_t program = {
    .name = "troupe cert revoke",
    .summary = "Take a certificate back: its sessions end, its keys are refused",
    .description =
        "Brokers that read this directory end its sessions and refuse its keys within two seconds. The "
        "public "
        "part stays and says since when; the secret part is removed where it is here. A broker on another "
        "machine needs the changed file.",
    .examples = "troupe cert revoke digester",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "NAME...",
    .least_arguments = 1,
    .most_arguments = 256,
};

static int remove_secret(const tr_call_t *call, const char *directory, const char *name) {
    char path[PATH_MAX];
    if (tr_secret_path(directory, name, path, NULL) < 0 || unlink(path) == 0 || errno == ENOENT)
        return TR_EXIT_OK;
    return tr_cli_fail(
        call, TR_EXIT_REFUSED, "%s is revoked, but %s cannot be removed: %s", name, path, strerror(errno));
}

static int take_back(const tr_call_t *call, const char *directory, const char *name, tr_cert_t **ret_cert) {
    tr_error_t error = {0};
    int code = tr_certs_load(call, directory, name, ret_cert);
    if (code != TR_EXIT_OK)
        return code;
    tr_cert_t *cert = *ret_cert;
    if (!cert->revoked_ms) {
        cert->revoked_ms = tr_clock_wall_ms() / 1000 * 1000; /* as the file has it */
        if (tr_cert_save(cert, directory, &error) < 0)
            return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
    }
    return remove_secret(call, directory, name);
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    char directory[PATH_MAX];
    tr_cert_t *certs[256] = {0};
    size_t n = 0;
    int code = tr_certs_directory(call, o->common.certs, directory);
    for (size_t i = 0; i < call->arguments.count && code == TR_EXIT_OK; i++) {
        code = take_back(call, directory, call->arguments.items[i], &certs[n]);
        n += certs[n] != NULL;
    }
    if (code == TR_EXIT_OK)
        code = tr_certs_table(call, (tr_output_format_t)o->common.output, directory, certs, n);
    for (size_t i = 0; i < n; i++)
        tr_cert_destroy(&certs[i]);
    return code;
}

const tr_verb_t tr_verb_cert_revoke = {"cert revoke", TR_VERB_SUPPORT, &program, sizeof(options_t), run};
