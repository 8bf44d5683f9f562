/* `troupe votes records`: how often who votes was right, where the truth is known. */
#include "tools/cli/rows.h"
#include "tools/verbs/decisions.h"
#include "tools/verbs/verbs.h"

typedef struct options {
    tr_cli_common_t common;
    int64_t count;
} options_t;

static const tr_column_t columns[] = {
    {"voter", TR_COLUMN_TEXT},
    {"right", TR_COLUMN_NUMBER},
    {"wrong", TR_COLUMN_NUMBER},
    {"weight", TR_COLUMN_NUMBER},
    {"rated", TR_COLUMN_NUMBER},
    {"brier", TR_COLUMN_NUMBER},
};

static const tr_option_t table[] = {
    {"count", 'n', "N", TR_INT(options_t, count), "0", "The first N only; 0 is no limit.", .min = 0,
        .max = INT32_MAX, .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe votes records",
    .summary = "Show how often voters were right",
    .description =
        "Of each voter, by name: how many of its votes were right and wrong, of decisions whose truth is "
        "known (`troupe votes truth`); the weight that `troupe decide --weigh record` gives it; and whether "
        "it knows what it knows: its Brier score, the mean of (confidence - outcome)^2 over those votes that "
        "said how sure they were (rated), where the outcome is 1 of a right one and 0 of a wrong one. 0 is "
        "best, 0.25 is what always being half sure gets.\n\nSecret votes are in no record.",
    .examples = "troupe votes records\n"
                "troupe votes records -o json",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
};

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    return tr_cli_list(call, &o->common,
        &(tr_cli_listing_t){.service = TR_DECISIONS_SERVICE,
            .action = "records",
            .key = "records",
            .most = o->count,
            .table = {columns, sizeof columns / sizeof *columns}});
}

const tr_verb_t tr_verb_votes_records = {"votes records", TR_VERB_WATCH, &program, sizeof(options_t), run};
