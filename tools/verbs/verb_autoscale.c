/* `troupe autoscale`: the groups that the coordinator scales by what waits for them. */
#include "tools/verbs/tasks.h"
#include "tools/verbs/verbs.h"

typedef struct options {
    tr_cli_common_t common;
} options_t;

static const tr_column_t columns[] = {
    {"group", TR_COLUMN_TEXT},
    {"agents", TR_COLUMN_NUMBER},
    {"wanted", TR_COLUMN_NUMBER},
    {"waiting", TR_COLUMN_NUMBER},
    {"min", TR_COLUMN_NUMBER},
    {"max", TR_COLUMN_NUMBER},
    {"hosts", TR_COLUMN_NUMBER},
    {"away", TR_COLUMN_NUMBER},
    {"changed", TR_COLUMN_DURATION},
};

static const tr_option_t table[] = {
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe autoscale",
    .summary = "Show which groups grow and shrink by themselves, and why",
    .description =
        "Of each entry of the fleet file that has `autoscale`: how many agents there are, how "
        "many are wanted by what "
        "waits for its services (unfinished messages, queued or in work), the bounds, on how many hosts "
        "it is and how many of them are away, and for how long it has been as it is. "
        "The fleet's coordinator sees to it: more at once, fewer when fewer have been enough for "
        "the whole cooldown.",
    .examples = "troupe autoscale\n"
                "troupe autoscale -o json",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
};

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    return tr_cli_list(call, &o->common,
        &(tr_cli_listing_t){.service = TR_TASKS_SERVICE,
            .action = "autoscale",
            .key = "groups",
            .table = {columns, sizeof columns / sizeof *columns}});
}

const tr_verb_t tr_verb_autoscale = {"autoscale", TR_VERB_WATCH, &program, sizeof(options_t), run};
