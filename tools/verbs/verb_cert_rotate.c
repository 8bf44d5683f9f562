/* `troupe cert rotate`: new keys for a certificate, with the old ones good for a while. */
#include "lib/cert/rotate.h"
#include "tools/cluster/rotate.h"
#include "tools/verbs/certs.h"
#include "tools/verbs/verbs.h"

#include <limits.h>

typedef struct options {
    tr_cli_common_t common;
    const char *broker;
    int64_t grace_ms;
    bool finish;
} options_t;

static const tr_option_t table[] = {
    {"grace", 'g', "TIME", TR_DURATION(options_t, grace_ms), "24h",
        "The old key is good for so long; 0: not at all.", .min = 0, .flags = TR_OPTION_FLAG_ONLY},
    {"finish", 0, NULL, TR_BOOL(options_t, finish), NULL, "No new key: ends the time of the old one now.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"broker", 'b', "NAME", TR_STRING(options_t, broker), TR_CERT_BROKER,
        "The certificate of the broker that it is for.", .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_CERTS_OPTION(options_t),
    {"fleet", 'f', "NAME", TR_STRING(options_t, common.fleet), NULL,
        "In place of NAME: all certificates of a fleet but its brokers', wherever it runs.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"timeout", 't', "TIME", TR_DURATION(options_t, common.timeout_ms), "5m",
        "With --fleet: wait so long for the brokers to know the new keys.", .min = 1},
    TR_CLI_STATE_OPTION(options_t),
    TR_CLI_OUTPUT_OPTION(options_t),
};

static const tr_program_t program = {
    .name = "troupe cert rotate",
    .summary = "Give a certificate new keys; the old ones stay good for a while",
    .description = "The secret part here gets the new key: take it to its holder within --grace. A process "
                   "reads it again when it "
                   "connects anew; one that goes on with the old key is cut off when its time is over.\n\n"
                   "A broker has one key at a time: after rotating its certificate every secret part here "
                   "names the new one. Take "
                   "them to their holders, and start the broker again.",
    .examples = "troupe cert rotate digester --grace 1h\n"
                "troupe cert rotate digester --finish",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "[NAME]",
    .least_arguments = 0,
    .most_arguments = 1,
};

static int in_directory(const tr_call_t *call, const char *name) {
    const options_t *o = call->options;
    char directory[PATH_MAX];
    tr_cert_t *cert = NULL;
    tr_error_t error = {0};
    int code = tr_certs_directory(call, o->common.certs, directory);
    if (code == TR_EXIT_OK)
        code = tr_certs_load(call, directory, name, &cert);
    tr_cert_destroy(&cert);
    if (code != TR_EXIT_OK)
        return code;
    if ((o->finish ? tr_cert_rotate_finish(directory, name, &error)
                   : tr_cert_rotate(directory, name, o->broker, o->grace_ms, &error)) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
    code = tr_certs_load(call, directory, name, &cert);
    if (code == TR_EXIT_OK)
        code = tr_certs_show(call, (tr_output_format_t)o->common.output, directory, cert);
    tr_cert_destroy(&cert);
    return code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    if (call->arguments.count && !o->common.fleet)
        return in_directory(call, call->arguments.items[0]);
    if (call->arguments.count || !o->common.fleet)
        return tr_cli_usage(call, "expected the NAME of a certificate, or --fleet FLEET");
    if (o->common.certs)
        return tr_cli_usage(call, "--certs: those of a fleet are where it has them");
    return tr_apart_rotate(
        call, &(tr_apart_rotate_t){.common = &o->common, .grace_ms = o->grace_ms, .finish = o->finish});
}

const tr_verb_t tr_verb_cert_rotate = {"cert rotate", TR_VERB_SUPPORT, &program, sizeof(options_t), run};
