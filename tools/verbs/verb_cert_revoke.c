/* `troupe cert revoke`: a certificate is good no more. */
#include "tools/cluster/rotate.h"
#include "tools/verbs/certs.h"
#include "tools/verbs/verbs.h"

#include <limits.h>

typedef struct options {
    tr_cli_common_t common;
} options_t;

static const tr_option_t table[] = {
    TR_CLI_CERTS_OPTION(options_t),
    {"fleet", 'f', "NAME", TR_STRING(options_t, common.fleet), NULL,
        "Certificates of a fleet, wherever it runs: its brokers get to know of it.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"timeout", 't', "TIME", TR_DURATION(options_t, common.timeout_ms), "5m",
        "With --fleet: wait so long for the brokers to know it.", .min = 1},
    TR_CLI_STATE_OPTION(options_t),
    TR_CLI_OUTPUT_OPTION(options_t),
};

static const tr_program_t program = {
    .name = "troupe cert revoke",
    .summary = "Take a certificate back: its sessions end, its keys are refused",
    .description =
        "Brokers that read this directory end its sessions and refuse its keys within two seconds. The "
        "public "
        "part stays and says since when; the secret part is removed where it is here. A broker on another "
        "machine needs the changed file: --fleet brings it to those of a fleet.",
    .examples = "troupe cert revoke digester\n"
                "troupe cert revoke agent.digester --fleet news",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "NAME...",
    .least_arguments = 1,
    .most_arguments = 256,
};

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    char directory[PATH_MAX];
    tr_cert_t *certs[256] = {0};
    size_t n = 0;
    if (o->common.fleet && o->common.certs)
        return tr_cli_usage(call, "--certs: those of a fleet are where it has them");
    if (o->common.fleet)
        return tr_apart_revoke(call, &o->common);
    int code = tr_certs_directory(call, o->common.certs, directory);
    for (size_t i = 0; i < call->arguments.count && code == TR_EXIT_OK; i++) {
        code = tr_certs_revoke(call, directory, call->arguments.items[i], &certs[n]);
        n += certs[n] != NULL;
    }
    if (code == TR_EXIT_OK)
        code = tr_certs_table(call, (tr_output_format_t)o->common.output, directory, certs, n);
    for (size_t i = 0; i < n; i++)
        tr_cert_destroy(&certs[i]);
    return code;
}

const tr_verb_t tr_verb_cert_revoke = {"cert revoke", TR_VERB_SUPPORT, &program, sizeof(options_t), run};
