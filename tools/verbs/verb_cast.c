/* `troupe votes cast`: a person votes (docs/deciding.md). */
#include "tools/cli/cli_json.h"
#include "tools/cli/rows.h"
#include "tools/verbs/decisions.h"
#include "tools/verbs/verbs.h"

#include <stdlib.h>
#include <string.h>

typedef struct options {
    tr_cli_common_t common;
    tr_strings_t approve, ranking, scores;
    const char *as, *choice, *delegate, *reason, *proposal;
    bool abstain;
} options_t;

static const tr_option_t table[] = {
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
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe votes cast",
    .summary = "Vote, as one of the persons whom a decision asks",
    .description = "Until the round is counted another ballot takes the place of the first.",
    .examples = "troupe votes cast d8f3a91c20d4b7e6f --as cid --choice Bern --reason 'nearest'\n"
                "troupe votes cast d8f3a91c20d4b7e6f --as cid --rank Graz --rank 'Bern = Wien'",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "DECISION",
    .least_arguments = 1,
    .most_arguments = 1,
};

/* ---- the ballot ---- */

static bool is_option(const json_t *options, const char *text, size_t len) {
    size_t i;
    json_t *option;
    json_array_foreach(options, i, option) {
        json_t *name = json_object_get(option, "option");
        if (json_string_length(name) == len && memcmp(json_string_value(name), text, len) == 0)
            return true;
    }
    return false;
}

/* Whether it is options with " = " between; they may have one in their names. */
static bool split(const char *text, const json_t *options, json_t *beside) {
    bool whole = is_option(options, text, strlen(text));
    if (whole)
        json_array_append_new(beside, json_string(text));
    for (const char *sep = text; !whole && (sep = strstr(sep, " = ")); sep++) {
        size_t before = json_array_size(beside);
        if (!is_option(options, text, (size_t)(sep - text)))
            continue;
        json_array_append_new(beside, json_stringn(text, (size_t)(sep - text)));
        whole = split(sep + 3, options, beside);
        while (!whole && json_array_size(beside) > before)
            json_array_remove(beside, before);
    }
    return whole;
}

/* "A = B" is [A, B]; what is none goes as it is, and is refused. */
static json_t *place_of(const char *text, const json_t *options) {
    json_t *beside = json_array();
    if (!split(text, options, beside))
        json_array_append_new(beside, json_string(text));
    return beside;
}

static json_t *ranking_of(const tr_strings_t *texts, const json_t *options) {
    json_t *ranking = json_array();
    for (size_t i = 0; i < texts->count; i++)
        json_array_append_new(ranking, place_of(texts->items[i], options));
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

/* options: of the decision, as it tells them; NULL where they make no difference. */
static json_t *ballot_of(const options_t *o, const json_t *options) {
    json_t *ballot = json_object();
    tr_cli_set_text(ballot, "choice", o->choice);
    tr_cli_set_text(ballot, "delegate", o->delegate);
    tr_cli_set_text(ballot, "reason", o->reason);
    tr_cli_set_text(ballot, "proposal", o->proposal);
    if (o->approve.count)
        json_object_set_new(ballot, "approve", tr_cli_texts(&o->approve));
    if (o->ranking.count)
        json_object_set_new(ballot, "ranking", ranking_of(&o->ranking, options));
    if (o->scores.count)
        json_object_set_new(ballot, "scores", scores_of(&o->scores));
    if (o->abstain)
        json_object_set_new(ballot, "abstain", json_true());
    return ballot;
}

/* Which options there are, where it must be known. Exit code. */
static int fetch_options(const tr_call_t *call, json_t **ret) {
    const options_t *o = call->options;
    json_t *decision = NULL;
    bool joined = false;
    for (size_t i = 0; i < o->ranking.count; i++)
        joined |= strstr(o->ranking.items[i], " = ") != NULL;
    int code = joined ? tr_cli_ask_once(call, &o->common, TR_DECISIONS_SERVICE,
                            tr_decisions_about(call, "decision"), &decision)
                      : TR_EXIT_OK;
    *ret = json_incref(json_object_get(decision, "options"));
    json_decref(decision);
    return code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    json_t *options = NULL;
    if (!o->as)
        return tr_cli_usage(call, "--as is missing: who you are");
    int code = fetch_options(call, &options);
    if (code != TR_EXIT_OK)
        return code;
    json_t *request = tr_decisions_about(call, "vote");
    json_object_set_new(request, "voter", json_sprintf("person:%s", o->as));
    json_object_set_new(request, "ballot", ballot_of(o, options));
    json_decref(options);
    return tr_decisions_order(call, &o->common, request);
}

const tr_verb_t tr_verb_votes_cast = {"votes cast", TR_VERB_TALK, &program, sizeof(options_t), run};
