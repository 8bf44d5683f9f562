#include "tools/log_tail.h"
#include "tools/state.h"
#include "tools/verbs.h"

#include <stdlib.h>

typedef struct options {
    tr_cli_common_t common;
    int64_t lines;
} options_t;

static const tr_option_t table[] = {
    {"lines", 'n', "N", TR_INT(options_t, lines), "20", "So many lines of the end of each log.", .min = 0,
        .max = 100000, .flags = TR_OPTION_FLAG_ONLY},
    {"fleet", 'f', "NAME", TR_STRING(options_t, common.fleet), NULL, "The fleet, where several run."},
    TR_CLI_STATE_OPTION(options_t),
};

static const tr_program_t program = {
    .name = "troupe logs",
    .summary = "Show what the processes of a fleet wrote",
    .examples = "troupe logs reader-1",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "AGENT...",
    .least_arguments = 1,
    .most_arguments = 64,
};

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_state_info_t info;
    tr_error_t error = {0};
    char path[PATH_MAX], *text = malloc(1 << 20);
    int rc = tr_state_find(o->common.state, o->common.fleet, &info, &error);
    for (size_t i = 0; text && rc == 0 && i < call->arguments.count; i++) {
        rc = tr_state_log_path(info.directory, call->arguments.items[i], path, sizeof path, &error);
        if (rc == 0)
            fprintf(call->out, "%s\n", tr_log_tail(path, 0, (size_t)o->lines, text, 1 << 20));
    }
    free(text);
    return rc == 0 ? TR_EXIT_OK : tr_cli_fail(call, TR_EXIT_UNREACHABLE, "%s", error.text);
}

const tr_verb_t tr_verb_logs = {"logs", TR_VERB_WATCH, &program, sizeof(options_t), run};
