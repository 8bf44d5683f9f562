#include "tools/dry_run.h"
#include "tools/verbs.h"

typedef struct options {
    tr_cli_common_t common;
    bool dry_run;
} options_t;

static const tr_option_t table[] = {
    {"dry-run", 'n', NULL, TR_BOOL(options_t, dry_run), NULL, "Check the file and show what would run.",
        .flags = TR_OPTION_FLAG_ONLY | TR_OPTION_REQUIRED},
    TR_CLI_OUTPUT_OPTION(options_t),
};

static const tr_program_t program = {
    .name = "troupe up",
    .summary = "Check a fleet's file and show what it runs",
    .examples = "troupe up --dry-run digest.yaml\n"
                "troupe up --dry-run digest.yaml -o json",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "FILE",
    .least_arguments = 1,
    .most_arguments = 1,
};

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    return tr_dry_run(call, call->arguments.items[0], (tr_output_format_t)o->common.output);
}

const tr_verb_t tr_verb_up = {"up", TR_VERB_FLEET, &program, sizeof(options_t), run};
