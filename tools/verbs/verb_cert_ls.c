/* `troupe cert ls` and `troupe cert show`: certificates and what they grant. */
#include "tools/verbs/certs.h"
#include "tools/verbs/verbs.h"

#include <limits.h>

typedef struct options {
    tr_cli_common_t common;
} options_t;

static const tr_option_t table[] = {
    TR_CLI_CERTS_OPTION(options_t),
    TR_CLI_OUTPUT_OPTION(options_t),
};
#define OPTIONS (sizeof table / sizeof *table)

static const tr_program_t ls_program = {
    .name = "troupe cert ls",
    .summary = "List certificates",
    .description =
        "Who may come to the brokers that read this directory, and what it may do. -o wide and -o json "
        "show all of it.",
    .examples = "troupe cert ls\n"
                "troupe cert ls --certs /etc/troupe/certs -o json",
    .options = table,
    .option_count = OPTIONS,
    .env_prefix = "TROUPE",
};

static const tr_program_t show_program = {
    .name = "troupe cert show",
    .summary = "Show one certificate: its state, rights and limits",
    .options = table,
    .option_count = OPTIONS,
    .env_prefix = "TROUPE",
    .arguments = "NAME",
    .least_arguments = 1,
    .most_arguments = 1,
};

static int run_ls(const tr_call_t *call) {
    const options_t *o = call->options;
    char directory[PATH_MAX];
    tr_cert_list_t list = {0};
    int code = tr_certs_directory(call, o->common.certs, directory);
    if (code == TR_EXIT_OK)
        code = tr_certs_list(call, directory, &list);
    if (code == TR_EXIT_OK)
        code = tr_certs_table(call, (tr_output_format_t)o->common.output, directory, list.items, list.count);
    if (code == TR_EXIT_OK && list.broken)
        code = TR_EXIT_REFUSED;
    tr_certs_list_finish(&list);
    return code;
}

static int run_show(const tr_call_t *call) {
    const options_t *o = call->options;
    char directory[PATH_MAX];
    tr_cert_t *cert = NULL;
    int code = tr_certs_directory(call, o->common.certs, directory);
    if (code == TR_EXIT_OK)
        code = tr_certs_load(call, directory, call->arguments.items[0], &cert);
    if (code == TR_EXIT_OK)
        code = tr_certs_show(call, (tr_output_format_t)o->common.output, directory, cert);
    tr_cert_destroy(&cert);
    return code;
}

const tr_verb_t tr_verb_cert_ls = {"cert ls", TR_VERB_SUPPORT, &ls_program, sizeof(options_t), run_ls};
const tr_verb_t tr_verb_cert_show = {
    "cert show", TR_VERB_SUPPORT, &show_program, sizeof(options_t), run_show};
