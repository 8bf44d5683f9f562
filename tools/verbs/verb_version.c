#include "tools/verbs/verbs.h"

#include <string.h>

typedef struct options {
    tr_cli_common_t common;
} options_t;

static const tr_option_t table[] = {TR_CLI_OUTPUT_OPTION(options_t)};

static const tr_program_t program = {
    .name = "troupe version",
    .summary = "Show the version",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
};

static int run(const tr_call_t *call) {
    static const tr_column_t columns[] = {{"version", TR_COLUMN_TEXT}};
    const options_t *o = call->options;
    if (o->common.output == TR_OUTPUT_TABLE || o->common.output == TR_OUTPUT_WIDE) {
        fprintf(call->out, "troupe %s\n", TROUPE_VERSION);
        return fflush(call->out) == 0 ? TR_EXIT_OK
                                      : tr_cli_fail(call, TR_EXIT_REFUSED, "the text could not be written");
    }
    tr_output_config_t config = {call->out, (tr_output_format_t)o->common.output, columns, 1, .stream = true};
    tr_output_t *output = NULL;
    int rc = tr_output_new(&config, &output);
    if (rc < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", strerror(-rc));
    tr_output_text(output, TROUPE_VERSION);
    tr_output_row(output);
    return tr_cli_finish(call, &output);
}

const tr_verb_t tr_verb_version = {"version", TR_VERB_SUPPORT, &program, sizeof(options_t), run};
