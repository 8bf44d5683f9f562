/*
 * critic: judges a text, or an answer to a question, by criteria (agentd/mind/judge.h says which).
 *
 *   args: {"criteria": [TEXT ...], "accept": 0.6}
 *
 * A request is a text, or {"text", "question", "criteria", "evidence", "most"}; the inform is {"score", "verdict", "judgements": [{"criterion",
 * "score", "reason"}], "accepted", "by"}: accepted is what has a score of `accept` or more.
 */
#include "agentd/behaviours/table.h"
#include "agentd/behaviours/thinker.h"
#include "agentd/mind/judge.h"
#include "proto/json.h"

#include <errno.h>

typedef struct critic {
    tr_thinker_t thinker;
    json_t *criteria; /* of the arguments; NULL */
    double accept;
} critic_t;

static const tr_arg_t known_args[] = {
    {"criteria", TR_ARG_ANY, 0, 0, 0, 0, NULL, NULL, false},
    {"accept", TR_ARG_REAL, offsetof(critic_t, accept), 0, .min = 0, .max = 1},
    TR_THINKER_ARG,
};

/* "criteria" of a map as an operation's input has them; a new reference, NULL where there are none. */
static json_t *criteria_of(tr_value_t map) {
    tr_value_t criteria = tr_value_get(map, "criteria");
    return criteria ? tr_value_to_json(criteria) : NULL;
}

static int read_args(tr_value_t args, critic_t *critic, tr_problem_t *problem) {
    json_t *criteria = criteria_of(args), *input = json_pack("{s:O*}", "criteria", criteria);
    const char *wrong = criteria ? tr_judge_wrong(input) : NULL;
    json_decref(input);
    json_decref(criteria);
    critic->accept = 0.6;
    int rc = tr_args_read(known_args, sizeof known_args / sizeof *known_args, args, critic, problem);
    return rc == 0 && wrong
               ? tr_args_wrong(problem, "criteria", tr_value_get(args, "criteria"), "a list of 1 to 20 texts")
               : rc;
}

int tr_critic_check(tr_value_t args, tr_problem_t *problem) {
    critic_t read = {0};
    return read_args(args, &read, problem);
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    critic_t *critic = state;
    int rc = read_args(args, critic, NULL);
    critic->criteria = criteria_of(args);
    return rc < 0 ? rc : tr_thinker_init(&critic->thinker, self, args);
}

static void on_said(
    void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *carried) {
    critic_t *critic = state;
    (void)carried;
    if (tr_thinker_failed(&critic->thinker, message, result))
        return;
    json_t *answer = json_copy((json_t *)(uintptr_t)result->value);
    double score = json_number_value(json_object_get(answer, "score"));
    json_object_set_new(answer, "accepted", json_boolean(score >= critic->accept));
    tr_thinker_sign(answer, result);
    tr_thinker_answer_json(&critic->thinker, message, TR_INFORM, answer);
}

/* The operation's input of a request; a new reference. NULL when out of memory. */
static json_t *input_of(const critic_t *critic, tr_value_t asked) {
    static const char *const keys[] = {"question", "criteria", "evidence", "most"};
    json_t *input = critic->criteria ? json_pack("{s:O}", "criteria", critic->criteria) : json_object();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        tr_value_t value = tr_value_get(asked, keys[i]);
        if (value)
            json_object_set_new(input, keys[i], tr_value_to_json(value));
    }
    return input;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    critic_t *critic = state;
    size_t length = 0;
    (void)self;
    if (!tr_thinker_asked(&critic->thinker, message))
        return 0;
    const char *text = tr_thinker_text(message, "text", &length);
    json_t *input = input_of(critic, tr_message_value(message));
    const char *wrong = text ? tr_judge_wrong(input) : "text: expected what is to be judged";
    if (wrong)
        tr_thinker_answer_reason(&critic->thinker, message, TR_NOT_UNDERSTOOD, "unsupported-value", wrong);
    else
        tr_thinker_ask(&critic->thinker, message,
            &(tr_thinker_question_t){.op = TR_MIND_JUDGE,
                .text = text,
                .length = length,
                .input = json_incref(input),
                .on_said = on_said}); /* what fails is told to who asked */
    json_decref(input);
    return 0;
}

static void fini(tr_agent_t *self, void *state) {
    critic_t *critic = state;
    (void)self;
    tr_thinker_finish(&critic->thinker);
    json_decref(critic->criteria);
}

const tr_behaviour_t tr_behaviour_critic = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "critic",
    .summary = "judges texts and answers by criteria, with reasons",
    .state_size = sizeof(critic_t),
    .init = init,
    .receive = receive,
    .fini = fini,
};
