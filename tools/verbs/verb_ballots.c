/* `troupe votes ballots`: a decision as a poll that `troupe votes count` counts again (lib/decision/poll_file.h). */
#include "tools/cli/cli_json.h"
#include "tools/cli/output_yaml.h"
#include "tools/cli/rows.h"
#include "tools/verbs/decisions.h"
#include "tools/verbs/verbs.h"

#include <stdlib.h>
#include <string.h>

typedef struct options {
    tr_cli_common_t common;
} options_t;

static const tr_option_t table[] = {
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe votes ballots",
    .summary = "Write the ballots of a decision, to be counted again",
    .description = "Its options, its rules and the ballots of its last round as a poll in YAML (with -o json "
                   "as JSON): `troupe votes count` counts it again, without a broker, and gets the "
                   "same.\n\nThe exit code is 3 where the ballots are secret, or not counted.",
    .examples = "troupe votes ballots d8f3a91c20d4b7e6f > poll.yaml\n"
                "troupe votes ballots d8f3a91c20d4b7e6f | troupe votes count -",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "DECISION",
    .least_arguments = 1,
    .most_arguments = 1,
};

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* ---- what a ballot says ---- */

static json_t *names_of(const json_t *marks) {
    json_t *names = json_array();
    const char *option;
    json_t *mark;
    json_object_foreach((json_t *)marks, option, mark) json_array_append_new(names, json_string(option));
    return names;
}

/* Those that have this place. */
static json_t *beside(const json_t *marks, json_int_t place) {
    json_t *all = json_array(), *mark;
    const char *option;
    json_object_foreach((json_t *)marks, option, mark) if (json_integer_value(mark) == place)
        json_array_append_new(all, json_string(option));
    return all;
}

/* One alone is written as it is, several are a list in the list. */
static json_t *ranking_of(const json_t *marks) {
    json_t *ranking = json_array();
    for (json_int_t place = 1; place <= (json_int_t)json_object_size(marks); place++) {
        json_t *all = beside(marks, place);
        if (json_array_size(all))
            json_array_append(ranking, json_array_size(all) == 1 ? json_array_get(all, 0) : all);
        json_decref(all);
    }
    return ranking;
}

/* Who gives 0 to all has a vote, who names none has not. */
static json_t *scores_of(json_t *marks, const json_t *options) {
    return json_object_size(marks) ? json_incref(marks)
                                   : json_pack("{s:i}", json_string_value(json_array_get(options, 0)), 0);
}

/* What was said, by the method's word. */
static void put_said(json_t *ballot, const char *method, json_t *marks, const json_t *options) {
    if (strcmp(method, "plurality") == 0)
        json_object_set_new(ballot, "choice", json_string(json_object_iter_key(json_object_iter(marks))));
    else if (strcmp(method, "approval") == 0)
        json_object_set_new(ballot, "approve", names_of(marks));
    else if (strcmp(method, "score") == 0)
        json_object_set_new(ballot, "scores", scores_of(marks, options));
    else
        json_object_set_new(ballot, "ranking", ranking_of(marks));
}

/* ---- the poll ---- */

/* Of a vote that is delegated to nobody who votes there is none, as it counts for nothing. */
static bool has_ballot(const json_t *vote) {
    const char *said = text_at(vote, "said");
    return strcmp(said, "voted") == 0 || strcmp(said, "abstained") == 0 ||
           (strcmp(said, "delegated") == 0 && *text_at(vote, "carried-by"));
}

static json_t *ballot_of(const json_t *vote, const char *method, const json_t *options) {
    const char *said = text_at(vote, "said");
    json_t *ballot =
        json_pack("{s:s, s:O}", "voter", text_at(vote, "voter"), "weight", json_object_get(vote, "weight"));
    if (strcmp(said, "delegated") == 0)
        json_object_set(ballot, "delegate", json_object_get(vote, "delegate"));
    else if (strcmp(said, "abstained") == 0)
        json_object_set_new(ballot, "abstain", json_true());
    else
        put_said(ballot, method, json_object_get(vote, "marks"), options);
    return ballot;
}

static json_t *ballots_of(const json_t *decision, const json_t *options) {
    json_t *ballots = json_array(), *vote;
    size_t i;
    json_array_foreach(json_object_get(decision, "votes"), i, vote) if (has_ballot(vote))
        json_array_append_new(ballots, ballot_of(vote, text_at(decision, "method"), options));
    return ballots;
}

static bool is_in(const json_t *texts, const char *text) {
    size_t i;
    json_t *one;
    json_array_foreach(texts, i, one) if (strcmp(json_string_value(one), text) == 0) return true;
    return false;
}

/* Those that were counted: what is not in play was only counted by the first edition of the rules. */
static json_t *options_of(const json_t *decision) {
    json_t *options = json_array(), *option;
    size_t i;
    bool all = json_integer_value(json_object_get(json_object_get(decision, "rules"), "edition")) < 2;
    json_array_foreach(json_object_get(decision, "options"), i,
        option) if (all || json_is_true(json_object_get(option, "in-play")))
        json_array_append(options, json_object_get(option, "option"));
    return options;
}

/* What is to be kept in a tie may be out of play: then no tie is decided. */
static void drop_keep(json_t *poll, const json_t *options) {
    const char *keep = json_string_value(json_object_get(poll, "keep"));
    if (!keep || is_in(options, keep))
        return;
    json_object_del(poll, "keep");
    json_object_set_new(poll, "tie", json_string("none"));
}

static json_t *poll_of(const json_t *decision) {
    json_t *poll = json_object(), *options = options_of(decision), *rule;
    const char *key;
    json_object_set_new(poll, "options", options);
    json_object_set(poll, "method", json_object_get(decision, "method"));
    json_object_foreach(json_object_get(decision, "rules"), key, rule) if (!json_is_null(rule))
        json_object_set(poll, key, rule);
    drop_keep(poll, options);
    json_object_set_new(poll, "ballots", ballots_of(decision, options));
    return poll;
}

/* Why there is nothing to count again; NULL: there is. */
static const char *why_not(const json_t *decision) {
    const char *state = text_at(decision, "state");
    if (json_is_true(json_object_get(decision, "secret")))
        return "its ballots are secret: nobody is told who said what";
    if (strcmp(state, "voting") == 0 || strcmp(state, "mediation") == 0 || strcmp(state, "cancelled") == 0)
        return "its ballots are not counted: see its state by `troupe votes show`";
    return json_is_object(json_object_get(decision, "rules"))
               ? NULL
               : "the coordinator does not tell by which rules it counts: it is of an older version";
}

static int put(const tr_call_t *call, const json_t *decision) {
    const options_t *o = call->options;
    const char *why = why_not(decision);
    if (why)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s: %s", text_at(decision, "decision"), why);
    json_t *poll = poll_of(decision);
    int rc = 0;
    if (o->common.output == TR_OUTPUT_JSON)
        tr_cli_dump_json(poll, call->out, JSON_INDENT(2)), fputc('\n', call->out);
    else
        rc = tr_output_yaml(poll, false, call->out);
    json_decref(poll);
    return rc < 0 ? tr_cli_fail(call, TR_EXIT_REFUSED, "%s", strerror(-rc)) : TR_EXIT_OK;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    json_t *decision = NULL;
    int code = tr_decisions_fetch_once(call, &o->common, &decision);
    if (code == TR_EXIT_OK)
        code = put(call, decision);
    json_decref(decision);
    return code;
}

const tr_verb_t tr_verb_votes_ballots = {"votes ballots", TR_VERB_WATCH, &program, sizeof(options_t), run};
