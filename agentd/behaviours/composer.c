/*
 * composer: the result of a task out of the results of its parts, with evidence (docs/tasks.md, Parts).
 *
 *   args: {"sentences": 5}
 *
 *   {"action": "compose", "question", "input", "parts": [{"task", "agent", "description", "result"}]}
 *       {"text": with [N] behind what stands in evidence N, "evidence": [{"number", "task", "agent", "description", "quote", ...}], "choice", "by"}
 *
 * The mind answers the question from what the parts have given: from their citations where they have some (the passage that a decision has
 * chosen first, then in the order of the parts), else from their texts. Where that says nothing of the question, the parts are summed up, and
 * each of them is evidence.
 */
#include "agentd/behaviours/composer_parts.h"
#include "agentd/behaviours/table.h"
#include "agentd/behaviours/thinker.h"
#include "proto/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SENTENCES_MOST 20

typedef struct composer {
    tr_thinker_t thinker;
    int64_t sentences;
} composer_t;

static const tr_arg_t known_args[] = {
    {"sentences", TR_ARG_WHOLE, offsetof(composer_t, sentences), 0, .min = 1, .max = SENTENCES_MOST},
    TR_THINKER_ARG,
};

static int read_args(tr_value_t args, composer_t *composer, tr_problem_t *problem) {
    composer->sentences = 5;
    return tr_args_read(known_args, sizeof known_args / sizeof *known_args, args, composer, problem);
}

int tr_composer_check(tr_value_t args, tr_problem_t *problem) {
    composer_t read = {0};
    return read_args(args, &read, problem);
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    composer_t *composer = state;
    int rc = read_args(args, composer, NULL);
    return rc < 0 ? rc : tr_thinker_init(&composer->thinker, self, args);
}

/* ---- what the mind says; carried is the job (composer_parts.h) ---- */

static void on_summed_up(
    void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *job) {
    composer_t *composer = state;
    if (!tr_thinker_failed(&composer->thinker, message, result))
        tr_thinker_answer_json(&composer->thinker, message, TR_INFORM,
            tr_composer_sum(job, json_object_get(result->value, "text"), result->by));
}

/* Nothing of what the parts say is about the question: what they say then. */
static void sum_up(composer_t *composer, const tr_message_t *message, json_t *job) {
    json_t *text = tr_composer_text(job);
    tr_thinker_ask(&composer->thinker, message,
        &(tr_thinker_question_t){.op = TR_MIND_SUMMARISE,
            .text = json_string_value(text),
            .length = json_string_length(text),
            .input = json_pack("{s:I}", "sentences", (json_int_t)composer->sentences),
            .on_said = on_summed_up,
            .carried = json_incref(job)}); /* what fails is told to who asked */
    json_decref(text);
}

static void on_answered(
    void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *job) {
    composer_t *composer = state;
    if (tr_thinker_failed(&composer->thinker, message, result))
        return;
    json_t *answer = tr_composer_answer(job, result->value, result->by);
    if (answer)
        tr_thinker_answer_json(&composer->thinker, message, TR_INFORM, answer);
    else
        sum_up(composer, message, job);
}

/* ---- what is asked ---- */

static void compose(composer_t *composer, const tr_message_t *message, json_t *job) {
    const json_t *question = json_object_get(job, "question");
    json_t *passages = tr_composer_passages(job);
    if (json_array_size(passages) == 0) {
        json_decref(passages);
        tr_thinker_answer_json(&composer->thinker, message, TR_INFORM, tr_composer_sum(job, NULL, "nobody"));
        return;
    }
    tr_thinker_ask(&composer->thinker, message,
        &(tr_thinker_question_t){.op = TR_MIND_ANSWER,
            .text = json_string_value(question),
            .length = json_string_length(question),
            .input =
                json_pack("{s:o, s:I}", "passages", passages, "sentences", (json_int_t)composer->sentences),
            .on_said = on_answered,
            .carried = json_incref(job)}); /* likewise */
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    composer_t *composer = state;
    tr_value_t asked = tr_message_value(message);
    const char *wrong = NULL;
    (void)self;
    if (!tr_thinker_asked(&composer->thinker, message))
        return 0;
    json_t *content = tr_value_is_map(asked) ? tr_value_to_json(asked) : NULL;
    json_t *job = tr_composer_job(content, &wrong);
    if (job)
        compose(composer, message, job);
    else
        tr_thinker_answer_reason(&composer->thinker, message, TR_NOT_UNDERSTOOD, "unsupported-value", wrong);
    json_decref(job);
    json_decref(content);
    return 0;
}

static void fini(tr_agent_t *self, void *state) {
    composer_t *composer = state;
    (void)self;
    tr_thinker_finish(&composer->thinker);
}

const tr_behaviour_t tr_behaviour_composer = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "composer",
    .summary = "composes the result of a task of those of its parts, with evidence",
    .state_size = sizeof(composer_t),
    .init = init,
    .receive = receive,
    .fini = fini,
};
