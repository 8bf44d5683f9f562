/* `troupe decide`: puts a question to agents and persons, and waits for what they decide (docs/deciding.md). */
#include "lib/decision/ruling.h"
#include "proto/json.h"
#include "tools/cli/cli_json.h"
#include "tools/cli/message_text.h"
#include "tools/cli/watch.h"
#include "tools/verbs/choices.h"
#include "tools/verbs/decisions.h"
#include "tools/verbs/verbs.h"

#include <stdlib.h>
#include <string.h>

typedef struct options {
    tr_cli_common_t common;
    tr_strings_t options, lists, voters, skills;
    const char *id, *key, *context, *mediator, *keep, *majority, *quorum_share, *agreement;
    int64_t quorum, within_ms, rounds, score_max;
    int method, tie, weigh;
    bool secret, person, no_wait;
} options_t;

static const char *const weigh_words[] = {"none", "record", "skills", NULL};

static const tr_option_t table[] = {
    {"option", 'p', "TEXT", TR_LIST(options_t, options), NULL,
        "What may be chosen; may be repeated. A comma is part of it.", .max = TR_CHOICES_MAX,
        .flags = TR_OPTION_FLAG_ONLY},
    {"options", 0, "A,B,C", TR_LIST(options_t, lists), NULL,
        "What may be chosen, with commas between; goes together with --option, whose options come first.",
        .max = TR_CHOICES_MAX, .flags = TR_OPTION_FLAG_ONLY},
    {"voter", 'v', "WHO", TR_LIST(options_t, voters), "svc:voter",
        "An agent, svc:NAME for all that offer a service, or person:NAME for somebody who will `troupe votes "
        "cast`; may be repeated. WHO=WEIGHT gives a weight.",
        .max = 1000, .flags = TR_OPTION_FLAG_ONLY},
    {"method", 'm', "METHOD", TR_WORD(options_t, method), "plurality", "How votes are counted.",
        .words = tr_method_words, .flags = TR_OPTION_FLAG_ONLY},
    {"context", 0, "TEXT", TR_STRING(options_t, context), NULL,
        "What the voters are told beside the question.", .flags = TR_OPTION_FLAG_ONLY},
    {"quorum", 0, "N", TR_INT(options_t, quorum), "0", "Ballots that there must be.", .min = 0, .max = 10000,
        .flags = TR_OPTION_FLAG_ONLY},
    {"quorum-share", 0, "PERCENT", TR_STRING(options_t, quorum_share), NULL,
        "Of the votes there are, how many must take part.", .flags = TR_OPTION_FLAG_ONLY},
    {"majority", 0, "PERCENT", TR_STRING(options_t, majority), NULL,
        "The support that the best option must have more than.", .flags = TR_OPTION_FLAG_ONLY},
    {"tie", 0, "RULE", TR_WORD(options_t, tie), "none", "What becomes of options that are equally good.",
        .words = tr_tie_words, .flags = TR_OPTION_FLAG_ONLY},
    {"keep", 0, "OPTION", TR_STRING(options_t, keep), NULL, "With --tie keep: what there is now.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"score-max", 0, "N", TR_INT(options_t, score_max), "10", "The best score, with --method score.",
        .min = 1, .max = TR_SCORE_MAX, .flags = TR_OPTION_FLAG_ONLY},
    {"rounds", 0, "N", TR_INT(options_t, rounds), "1",
        "Seek consensus in up to N rounds; the last one is a vote.", .min = 1, .max = 10,
        .flags = TR_OPTION_FLAG_ONLY},
    {"agreement", 0, "PERCENT", TR_STRING(options_t, agreement), NULL, "What counts as consensus (80).",
        .flags = TR_OPTION_FLAG_ONLY},
    {"mediator", 0, "AGENT", TR_STRING(options_t, mediator), NULL,
        "Who is asked for other options where the votes decide nothing.", .flags = TR_OPTION_FLAG_ONLY},
    {"person", 0, NULL, TR_BOOL(options_t, person), NULL,
        "Where nothing else helps, wait for a person: `troupe votes settle`.", .flags = TR_OPTION_FLAG_ONLY},
    {"secret", 0, NULL, TR_BOOL(options_t, secret), NULL, "Nobody is told who voted for what.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"weigh", 0, "BY", TR_WORD(options_t, weigh), "none",
        "Votes count by how often the voter was right (`troupe votes truth`), or by the --skill that it has.",
        .words = weigh_words, .flags = TR_OPTION_FLAG_ONLY},
    {"skill", 's', "SERVICE", TR_LIST(options_t, skills), NULL,
        "What the question is about, for --weigh skills.", .max = 16, .flags = TR_OPTION_FLAG_ONLY},
    {"within", 0, "TIME", TR_DURATION(options_t, within_ms), "60s", "How long a round lasts at most.",
        .min = 1, .max = INT64_C(86400000) * 365, .flags = TR_OPTION_FLAG_ONLY},
    {"id", 0, "ID", TR_STRING(options_t, id), NULL, "Its id, in place of one that is made.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"key", 'k', "KEY", TR_STRING(options_t, key), NULL,
        "Asked again under the same key it is the same decision.", .flags = TR_OPTION_FLAG_ONLY},
    {"no-wait", 0, NULL, TR_BOOL(options_t, no_wait), NULL, "Print its id and end.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe decide",
    .summary = "Have a group of agents decide",
    .description =
        "Puts QUESTION with its options to voters, counts what they say, and tells what was decided and "
        "why; what each has said goes to stderr as it comes. The coordinator keeps all of it: see `troupe "
        "votes "
        "show`.\n\nThe exit code is 3 where nothing is decided.",
    .examples =
        "troupe decide 'Which licence fits the library?' --options MIT,LGPL --voter svc:lawyer\n"
        "troupe decide 'Which title?' --option 'Bread, and salt' --option 'Salt' --voter svc:reader\n"
        "troupe decide 'Where to meet?' --options Bern,Wien,Graz -m schulze -v ann -v bob -v person:cid\n"
        "troupe decide 'Ship it?' --options yes,no --rounds 3 --agreement 90 --mediator chair --person",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "QUESTION",
    .least_arguments = 1,
    .most_arguments = 1,
};

/* ---- what is asked for ---- */

/* NAME or NAME=WEIGHT; NULL: that is no weight. */
static json_t *voter_of(const char *text) {
    const char *equals = strrchr(text, '=');
    char *end = NULL;
    double weight = equals ? strtod(equals + 1, &end) : 1;
    if (!equals || end == equals + 1 || *end)
        return json_string(text);
    return weight >= 0 && weight <= 1e5
               ? json_pack("{s:s%, s:f}", "name", text, (size_t)(equals - text), "weight", weight)
               : NULL;
}

/* NULL: a usage error, which is told. */
static json_t *voters_of(const tr_call_t *call) {
    const options_t *o = call->options;
    json_t *list = json_array();
    for (size_t i = 0; i < o->voters.count; i++) {
        json_t *voter = voter_of(o->voters.items[i]);
        if (voter) {
            json_array_append_new(list, voter);
            continue;
        }
        tr_cli_usage(call, "--voter %s: expected a weight from 0 to 100000", o->voters.items[i]);
        json_decref(list);
        return NULL;
    }
    return list;
}

/* choices, voters: stolen. */
static json_t *request_of(const tr_call_t *call, json_t *choices, json_t *voters) {
    const options_t *o = call->options;
    json_t *r = json_object();
    tr_cli_set_text(r, "action", "decide");
    tr_cli_set_text(r, "question", call->arguments.items[0]);
    json_object_set_new(r, "options", choices);
    json_object_set_new(r, "voters", voters);
    if (o->skills.count)
        json_object_set_new(r, "skills", tr_cli_texts(&o->skills));
    tr_cli_set_text(r, "method", tr_method_words[o->method]);
    tr_cli_set_text(r, "tie", tr_tie_words[o->tie]);
    tr_cli_set_text(r, "weigh", weigh_words[o->weigh]);
    tr_cli_set_text(r, "id", o->id);
    tr_cli_set_text(r, "key", o->key);
    tr_cli_set_text(r, "context", o->context);
    tr_cli_set_text(r, "mediator", o->mediator);
    tr_cli_set_text(r, "keep", o->keep);
    tr_cli_set_percent(r, "majority", o->majority);
    tr_cli_set_percent(r, "quorum-share", o->quorum_share);
    tr_cli_set_percent(r, "agreement", o->agreement);
    json_object_set_new(r, "quorum", json_integer(o->quorum));
    json_object_set_new(r, "within-ms", json_integer(o->within_ms));
    json_object_set_new(r, "rounds", json_integer(o->rounds));
    json_object_set_new(r, "score-max", json_integer(o->score_max));
    json_object_set_new(r, "secret", json_boolean(o->secret));
    json_object_set_new(r, "person", json_boolean(o->person));
    return r;
}

/* ---- waiting ---- */

typedef struct waiting {
    const tr_call_t *call;
    const char *id; /* NULL: not known yet */
    bool done;
} waiting_t;

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* "ann@local: {"choice": "tea"} (2 of 3)" */
static void show_vote(const waiting_t *w, const json_t *vote) {
    json_t *said = json_object_get(vote, "said");
    char *text = said ? json_dumps(said, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    fprintf(w->call->err, "%s: %s (%lld of %lld)\n", text_at(vote, "voter"), text ? text : "has voted",
        (long long)json_integer_value(json_object_get(vote, "answered")),
        (long long)json_integer_value(json_object_get(vote, "voters")));
    free(text);
}

static bool is_over(const json_t *decision) {
    const char *state = text_at(decision, "state");
    return strcmp(state, "voting") != 0 && strcmp(state, "mediation") != 0;
}

static void show_state(waiting_t *w, const json_t *decision) {
    const char *state = text_at(decision, "state");
    json_int_t round = json_integer_value(json_object_get(decision, "round"));
    w->done = is_over(decision);
    if (strcmp(state, "mediation") == 0)
        fprintf(w->call->err, "%s is asked to mediate\n", text_at(decision, "mediator"));
    else if (!w->done && round > 1)
        fprintf(w->call->err, "round %lld\n", (long long)round);
}

static void on_told(tr_cli_session_t *session, const tr_message_t *message, void *arg) {
    waiting_t *w = arg;
    (void)session;
    if (tr_message_type(message) != TR_MESSAGE_EVENT || w->done || !w->id)
        return;
    json_t *told = tr_value_to_json(tr_message_value(message));
    size_t len = strlen(tr_message_topic(message));
    if (strcmp(text_at(told, "decision"), w->id) == 0) {
        if (len > 5 && strcmp(tr_message_topic(message) + len - 5, ".vote") == 0)
            show_vote(w, told);
        else
            show_state(w, told);
    }
    json_decref(told);
}

static int fetch(const tr_call_t *call, tr_cli_session_t *session, const char *id, json_t **ret) {
    return tr_decisions_fetch(session, call, id, ret);
}

/* Has it ended unheard? */
static int look_again(tr_cli_session_t *session, const tr_call_t *quiet, void *arg) {
    waiting_t *w = arg;
    json_t *decision = NULL;
    int code = fetch(quiet, session, w->id, &decision);
    w->done = w->done || (code == TR_EXIT_OK && is_over(decision));
    json_decref(decision);
    return code;
}

static int wait_for(const tr_call_t *call, tr_cli_session_t *session, waiting_t *w) {
    const options_t *o = call->options;
    json_t *decision = NULL;
    int code = fetch(call, session, w->id, &decision);
    w->done = code != TR_EXIT_OK || is_over(decision) || w->done;
    json_decref(decision);
    decision = NULL;
    if (code == TR_EXIT_OK)
        code = tr_cli_wait_looking(session, call, &w->done, look_again, w);
    if (code == TR_EXIT_OK)
        code = fetch(call, session, w->id, &decision);
    if (code == TR_EXIT_OK)
        code = tr_decisions_put(call, &o->common, decision);
    json_decref(decision);
    return code;
}

static int subscribe(const tr_call_t *call, tr_cli_session_t *session) {
    tr_agent_t *agent = tr_cli_session_agent(session);
    if (tr_subscribe(agent, "decision.*.state") == 0 && tr_subscribe(agent, "decision.*.vote") == 0)
        return TR_EXIT_OK;
    return tr_cli_fail(call, TR_EXIT_REFUSED, "cannot subscribe to decision.*.state");
}

/* Asks, and waits where that is wanted. Takes the request. */
static int decide(const tr_call_t *call, json_t *request) {
    const options_t *o = call->options;
    waiting_t w = {.call = call};
    tr_cli_session_t *session = NULL;
    tr_cli_session_config_t config = {.call = call, .common = &o->common, .on_message = on_told, .arg = &w};
    json_t *opened = NULL;
    int code = tr_cli_session_open(&config, &session);
    if (code == TR_EXIT_OK && !o->no_wait)
        code = subscribe(call, session);
    if (code == TR_EXIT_OK)
        code = tr_cli_ask_json(session, call, TR_DECISIONS_SERVICE, json_incref(request), &opened);
    w.id = json_string_value(json_object_get(opened, "decision"));
    if (code == TR_EXIT_OK && !w.id)
        code =
            tr_cli_fail(call, TR_EXIT_REFUSED, "the coordinator's answer is not one that this version knows");
    if (code == TR_EXIT_OK && o->no_wait)
        tr_decisions_put_opened(call, &o->common, opened);
    else if (code == TR_EXIT_OK)
        code = wait_for(call, session, &w);
    tr_cli_session_close(&session);
    json_decref(opened);
    json_decref(request);
    return code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    json_t *choices = NULL;
    tr_error_t error = {0};
    int rc = tr_choices(&o->options, &o->lists, &choices, &error);
    if (rc < 0)
        return tr_cli_usage(call, "%s", error.text);
    json_t *voters = voters_of(call);
    if (voters)
        return decide(call, request_of(call, choices, voters));
    json_decref(choices);
    return TR_EXIT_USAGE;
}

const tr_verb_t tr_verb_decide = {"decide", TR_VERB_TALK, &program, sizeof(options_t), run};
