/* `troupe votes ls`, `show`, `settle`, `withdraw`, `truth`: decisions that were asked for (docs/deciding.md). */
#include "tools/cli/cli_json.h"
#include "tools/cli/message_text.h"
#include "tools/cli/rows.h"
#include "tools/verbs/decisions.h"
#include "tools/verbs/verbs.h"

#include <stdlib.h>
#include <string.h>

typedef struct options {
    tr_cli_common_t common;
    const char *reason;
    tr_cli_list_options_t list;
} options_t;

static const char *const states[] = {
    "any", "voting", "mediation", "waiting_person", "decided", "undecided", "cancelled", NULL};

static const tr_column_t columns[] = {
    {"decision", TR_COLUMN_TEXT, .width = 17},
    {"state", TR_COLUMN_STATE, .width = 14},
    {"winner", TR_COLUMN_TEXT},
    {"method", TR_COLUMN_TEXT, .wide = true},
    {"round", TR_COLUMN_NUMBER, .wide = true},
    {"voted", TR_COLUMN_NUMBER},
    {"voters", TR_COLUMN_NUMBER},
    {"changed_ms", TR_COLUMN_TIME},
    {"question", TR_COLUMN_TEXT},
};

/* ---- ls ---- */

static const tr_option_t ls_table[] = {
    TR_CLI_LIST_OPTIONS(options_t, states),
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t ls_program = {
    .name = "troupe votes ls",
    .summary = "List decisions, the newest first",
    .examples = "troupe votes ls\n"
                "troupe votes ls --state waiting_person",
    .options = ls_table,
    .option_count = sizeof ls_table / sizeof *ls_table,
    .env_prefix = "TROUPE",
};

static int run_ls(const tr_call_t *call) {
    const options_t *o = call->options;
    return tr_cli_list(call, &o->common,
        &(tr_cli_listing_t){.service = TR_DECISIONS_SERVICE,
            .action = "decisions",
            .key = "decisions",
            .state = o->list.state ? states[o->list.state] : NULL,
            .most = o->list.count,
            .table = {columns, sizeof columns / sizeof *columns}});
}

const tr_verb_t tr_verb_votes_ls = {"votes ls", TR_VERB_WATCH, &ls_program, sizeof(options_t), run_ls};

/* ---- show ---- */

static const tr_option_t show_table[] = {
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t show_program = {
    .name = "troupe votes show",
    .summary = "Show a decision: who said what when, and what came of it",
    .description = "The exit code is 3 where nothing was decided.",
    .examples = "troupe votes show d8f3a91c20d4b7e6f\n"
                "troupe votes show d8f3a91c20d4b7e6f -o json",
    .options = show_table,
    .option_count = sizeof show_table / sizeof *show_table,
    .env_prefix = "TROUPE",
    .arguments = "DECISION",
    .least_arguments = 1,
    .most_arguments = 1,
};

/* "ann@local voted {"tea":1}: it has "tea" in common with my profile (built-in, since refused: ...)" */
static void show_vote(const tr_call_t *call, const json_t *vote) {
    json_t *marks = json_object_get(vote, "marks");
    const char *reason = json_string_value(json_object_get(vote, "reason"));
    const char *by = json_string_value(json_object_get(vote, "by"));
    const char *fallback = json_string_value(json_object_get(vote, "fallback"));
    char *text = json_object_size(marks) ? json_dumps(marks, JSON_COMPACT) : NULL;
    tr_cli_print_format(call->err, "  %s %s%s%s%s%s", json_string_value(json_object_get(vote, "voter")),
        json_string_value(json_object_get(vote, "said")), text ? " " : "", text ? text : "",
        reason ? ": " : "", reason ? reason : "");
    if (by)
        tr_cli_print_format(call->err, " (%s%s%s)", by, fallback ? ", since " : "", fallback ? fallback : "");
    fputc('\n', call->err);
    free(text);
}

static int run_show(const tr_call_t *call) {
    const options_t *o = call->options;
    json_t *decision = NULL, *vote;
    size_t i;
    bool whole = o->common.output == TR_OUTPUT_JSON || o->common.output == TR_OUTPUT_YAML;
    int code = tr_decisions_fetch_once(call, &o->common, &decision);
    if (code == TR_EXIT_OK && !whole)
        json_array_foreach(json_object_get(decision, "votes"), i, vote) show_vote(call, vote);
    if (code == TR_EXIT_OK)
        code = tr_decisions_put(call, &o->common, decision);
    json_decref(decision);
    return code;
}

const tr_verb_t tr_verb_votes_show = {
    "votes show", TR_VERB_WATCH, &show_program, sizeof(options_t), run_show};

/* ---- settle, withdraw, truth ---- */

static const tr_option_t reason_table[] = {
    {"reason", 0, "TEXT", TR_STRING(options_t, reason), NULL, "Why, for who looks at it later.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

#define ABOUT(verb, text, more, example, words, most)                                                        \
    {                                                                                                        \
        .name = "troupe votes " verb, .summary = text, .description = more, .examples = example,             \
        .options = reason_table, .option_count = sizeof reason_table / sizeof *reason_table,                 \
        .env_prefix = "TROUPE", .arguments = words, .least_arguments = most, .most_arguments = most          \
    }

static const tr_program_t settle_program =
    ABOUT("settle", "Decide what the votes could not", "Of a decision that waits for a person.",
        "troupe votes settle d8f3a91c20d4b7e6f Bern --reason 'most of us live there'", "DECISION OPTION", 2);
static const tr_program_t withdraw_program = ABOUT("withdraw", "Take a question back", NULL,
    "troupe votes withdraw d8f3a91c20d4b7e6f --reason 'asked twice'", "DECISION", 1);
static const tr_program_t truth_program = ABOUT("truth", "Say which option was right, once that is known",
    "How often a voter was right can weigh its later votes: `troupe decide --weigh record`.",
    "troupe votes truth d8f3a91c20d4b7e6f Bern", "DECISION OPTION", 2);

static int order(const tr_call_t *call, const char *action) {
    const options_t *o = call->options;
    json_t *request = tr_decisions_about(call, action);
    tr_cli_set_text(request, "option", call->arguments.count > 1 ? call->arguments.items[1] : NULL);
    tr_cli_set_text(request, "reason", o->reason);
    return tr_decisions_order(call, &o->common, request);
}

static int run_settle(const tr_call_t *call) {
    return order(call, "settle");
}

static int run_withdraw(const tr_call_t *call) {
    return order(call, "withdraw");
}

static int run_truth(const tr_call_t *call) {
    return order(call, "truth");
}

const tr_verb_t tr_verb_votes_settle = {
    "votes settle", TR_VERB_TALK, &settle_program, sizeof(options_t), run_settle};
const tr_verb_t tr_verb_votes_withdraw = {
    "votes withdraw", TR_VERB_TALK, &withdraw_program, sizeof(options_t), run_withdraw};
const tr_verb_t tr_verb_votes_truth = {
    "votes truth", TR_VERB_TALK, &truth_program, sizeof(options_t), run_truth};
