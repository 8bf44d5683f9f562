/* `troupe votes ls`, `show`, `cast`, `settle`, `withdraw`, `truth`: decisions that were asked for (docs/deciding.md). */
#include "tools/cli/cli_json.h"
#include "tools/cli/message_text.h"
#include "tools/cli/rows.h"
#include "tools/verbs/decisions.h"
#include "tools/verbs/verbs.h"

#include <stdlib.h>
#include <string.h>

typedef struct options {
    tr_cli_common_t common;
    tr_strings_t approve, ranking, scores;
    const char *as, *choice, *delegate, *reason, *proposal;
    tr_cli_list_options_t list;
    bool abstain;
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

static json_t *about(const tr_call_t *call, const char *action) {
    return json_pack("{s:s, s:s}", "action", action, "decision", call->arguments.items[0]);
}

static int tell(const tr_call_t *call, json_t *request) {
    const options_t *o = call->options;
    json_t *answer = NULL;
    int code = tr_cli_ask_once(call, &o->common, TR_DECISIONS_SERVICE, request, &answer);
    json_decref(answer);
    return code;
}

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

static void show_vote(const tr_call_t *call, const json_t *vote) {
    json_t *marks = json_object_get(vote, "marks");
    const char *reason = json_string_value(json_object_get(vote, "reason"));
    char *text = json_object_size(marks) ? json_dumps(marks, JSON_COMPACT) : NULL;
    fprintf(call->err, "  %s %s%s%s%s%s\n", json_string_value(json_object_get(vote, "voter")),
        json_string_value(json_object_get(vote, "said")), text ? " " : "", text ? text : "",
        reason ? ": " : "", reason ? reason : "");
    free(text);
}

static int run_show(const tr_call_t *call) {
    const options_t *o = call->options;
    json_t *decision = NULL, *vote;
    size_t i;
    bool whole = o->common.output == TR_OUTPUT_JSON || o->common.output == TR_OUTPUT_YAML;
    int code = tr_cli_ask_once(call, &o->common, TR_DECISIONS_SERVICE, about(call, "decision"), &decision);
    if (code == TR_EXIT_OK && !whole)
        json_array_foreach(json_object_get(decision, "votes"), i, vote) show_vote(call, vote);
    if (code == TR_EXIT_OK)
        code = tr_decisions_put(call, &o->common, decision);
    json_decref(decision);
    return code;
}

const tr_verb_t tr_verb_votes_show = {
    "votes show", TR_VERB_WATCH, &show_program, sizeof(options_t), run_show};

/* ---- cast ---- */

static const tr_option_t cast_table[] = {
    {"as", 0, "NAME", TR_STRING(options_t, as), NULL, "Who you are: the decision has a voter person:NAME.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"choice", 0, "OPTION", TR_STRING(options_t, choice), NULL, "Of plurality.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"approve", 0, "OPTION", TR_LIST(options_t, approve), NULL, "Of approval; may be repeated.", .max = 64,
        .flags = TR_OPTION_FLAG_ONLY},
    {"rank", 0, "OPTION", TR_LIST(options_t, ranking), NULL,
        "Of borda and schulze; repeated, from the best on. \"A = B\" share a place.", .max = 64,
        .flags = TR_OPTION_FLAG_ONLY},
    {"score", 0, "OPTION=N", TR_LIST(options_t, scores), NULL, "Of score; may be repeated.", .max = 64,
        .flags = TR_OPTION_FLAG_ONLY},
    {"abstain", 0, NULL, TR_BOOL(options_t, abstain), NULL, "Take part, and say nothing.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"delegate", 0, "VOTER", TR_STRING(options_t, delegate), NULL, "Let another voter speak for you.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"reason", 0, "TEXT", TR_STRING(options_t, reason), NULL, "Why.", .flags = TR_OPTION_FLAG_ONLY},
    {"propose", 0, "OPTION", TR_STRING(options_t, proposal), NULL,
        "Another option for the next round, of a decision with rounds.", .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t cast_program = {
    .name = "troupe votes cast",
    .summary = "Vote, as one of the persons whom a decision asks",
    .description = "Until the round is counted another ballot takes the place of the first.",
    .examples = "troupe votes cast d8f3a91c20d4b7e6f --as cid --choice Bern --reason 'nearest'\n"
                "troupe votes cast d8f3a91c20d4b7e6f --as cid --rank Graz --rank 'Bern = Wien'",
    .options = cast_table,
    .option_count = sizeof cast_table / sizeof *cast_table,
    .env_prefix = "TROUPE",
    .arguments = "DECISION",
    .least_arguments = 1,
    .most_arguments = 1,
};

/* "A = B" is [A, B]. */
static json_t *place_of(const char *text) {
    json_t *beside = json_array();
    for (const char *sep; (sep = strstr(text, " = ")); text = sep + 3)
        json_array_append_new(beside, json_stringn(text, (size_t)(sep - text)));
    json_array_append_new(beside, json_string(text));
    return beside;
}

static json_t *ranking_of(const tr_strings_t *texts) {
    json_t *ranking = json_array();
    for (size_t i = 0; i < texts->count; i++)
        json_array_append_new(ranking, place_of(texts->items[i]));
    return ranking;
}

/* What is no number goes as a text, and is refused. */
static json_t *scores_of(const tr_strings_t *texts) {
    json_t *scores = json_object();
    for (size_t i = 0; i < texts->count; i++) {
        const char *equals = strrchr(texts->items[i], '=');
        char *end = NULL;
        long score = equals ? strtol(equals + 1, &end, 10) : 0;
        size_t len = equals ? (size_t)(equals - texts->items[i]) : strlen(texts->items[i]);
        bool number = equals && end != equals + 1 && !*end;
        json_object_setn_new(scores, texts->items[i], len, number ? json_integer(score) : json_string(""));
    }
    return scores;
}

static json_t *ballot_of(const options_t *o) {
    json_t *ballot = json_object();
    tr_cli_set_text(ballot, "choice", o->choice);
    tr_cli_set_text(ballot, "delegate", o->delegate);
    tr_cli_set_text(ballot, "reason", o->reason);
    tr_cli_set_text(ballot, "proposal", o->proposal);
    if (o->approve.count)
        json_object_set_new(ballot, "approve", tr_cli_texts(&o->approve));
    if (o->ranking.count)
        json_object_set_new(ballot, "ranking", ranking_of(&o->ranking));
    if (o->scores.count)
        json_object_set_new(ballot, "scores", scores_of(&o->scores));
    if (o->abstain)
        json_object_set_new(ballot, "abstain", json_true());
    return ballot;
}

static int run_cast(const tr_call_t *call) {
    const options_t *o = call->options;
    if (!o->as)
        return tr_cli_usage(call, "--as is missing: who you are");
    json_t *request = about(call, "vote");
    json_object_set_new(request, "voter", json_sprintf("person:%s", o->as));
    json_object_set_new(request, "ballot", ballot_of(o));
    return tell(call, request);
}

const tr_verb_t tr_verb_votes_cast = {"votes cast", TR_VERB_TALK, &cast_program, sizeof(options_t), run_cast};

/* ---- settle, withdraw, truth ---- */

static const tr_option_t reason_table[] = {
    {"reason", 0, "TEXT", TR_STRING(options_t, reason), NULL, "Why, for who looks at it later.",
        .flags = TR_OPTION_FLAG_ONLY},
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
    json_t *request = about(call, action);
    tr_cli_set_text(request, "option", call->arguments.count > 1 ? call->arguments.items[1] : NULL);
    tr_cli_set_text(request, "reason", o->reason);
    return tell(call, request);
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
