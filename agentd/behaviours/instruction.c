/*
 * instruction: from natural language to an action with parameters, and, where it is to, on to whoever carries it out.
 *
 *   args: {"actions": {"search": "svc:kb", "summarise": "svc:summariser"}}     default: the grammar's own, carried out by nobody
 *
 * A request is a text, or {"text": TEXT, "do": true}. The inform is {"understood": true, "action", "parameters", "to"} or {"understood": false,
 * "reason", "suggestions"}; with "do" the action goes as {"action", ...parameters} to the agent that the registry names, in the name of who
 * asked, and its answer is the answer.
 */
#include "agentd/behaviours/actions.h"
#include "agentd/behaviours/errand.h"
#include "agentd/behaviours/table.h"
#include "agentd/behaviours/thinker.h"
#include "proto/json.h"

#include "lib/agent/json_request.h"

#include <errno.h>
#include <string.h>

#define DO_MS 60000

typedef struct instruction {
    tr_thinker_t thinker;
    tr_errands_t errands;
    json_t *actions;
} instruction_t;

static const tr_arg_t known_args[] = {
    {"actions", TR_ARG_ANY, 0, 0, 0, 0, NULL, NULL, false},
    TR_THINKER_ARG,
};

int tr_instruction_check(tr_value_t args, tr_problem_t *problem) {
    tr_value_t actions = tr_value_get(args, "actions");
    const char *wrong = actions ? tr_actions_wrong(actions) : NULL;
    char none = 0;
    int rc = tr_args_read(known_args, sizeof known_args / sizeof *known_args, args, &none, problem);
    return rc == 0 && wrong ? tr_args_wrong(problem, "actions", actions, wrong) : rc;
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    instruction_t *instruction = state;
    tr_value_t actions = tr_value_get(args, "actions");
    int rc = tr_instruction_check(args, NULL);
    if (rc == 0 && actions && !(instruction->actions = tr_value_to_json(actions)))
        rc = -ENOMEM;
    return rc < 0 ? rc : tr_thinker_init(&instruction->thinker, self, args);
}

/* ---- what is to be done ---- */

static void on_answer(
    tr_agent_t *agent, void *state, const tr_message_t *under, const tr_message_t *answer, json_t *carried) {
    instruction_t *instruction = state;
    bool well = tr_answer_is_good(answer);
    (void)agent, (void)carried;
    tr_thinker_answer_json(
        &instruction->thinker, under, well ? TR_INFORM : TR_FAILURE, tr_answer_json(answer));
}

/* {"action", ...parameters} to whom the registry names. */
static void carry_out(instruction_t *instruction, const tr_message_t *message, const json_t *resolved) {
    json_t *content = json_copy(json_object_get(resolved, "parameters"));
    json_object_set(content, "action", json_object_get(resolved, "action"));
    int rc = tr_errand_send(&instruction->errands, instruction->thinker.agent, message,
        json_string_value(json_object_get(resolved, "to")), content, DO_MS, on_answer, NULL);
    if (rc < 0)
        tr_thinker_answer_reason(&instruction->thinker, message, TR_FAILURE, "internal-error", strerror(-rc));
}

static void on_parsed(
    void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *carried) {
    instruction_t *instruction = state;
    size_t length = 0;
    (void)carried;
    if (tr_thinker_failed(&instruction->thinker, message, result))
        return;
    const char *text = tr_thinker_text(message, "text", &length);
    json_t *resolved = tr_actions_resolve(instruction->actions, text, length, result->value);
    bool wanted = tr_value_bool(tr_value_get(tr_message_value(message), "do"), false);
    if (wanted && json_string_length(json_object_get(resolved, "to")) > 0) {
        carry_out(instruction, message, resolved);
        json_decref(resolved);
    } else {
        tr_thinker_answer_json(&instruction->thinker, message, TR_INFORM, resolved);
    }
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    instruction_t *instruction = state;
    size_t length = 0;
    (void)self;
    if (!tr_thinker_asked(&instruction->thinker, message))
        return 0;
    const char *text = tr_thinker_text(message, "text", &length);
    if (!text)
        tr_thinker_answer_reason(&instruction->thinker, message, TR_NOT_UNDERSTOOD, "unsupported-value",
            "expected a text, or {\"text\": TEXT, \"do\": true}");
    else
        tr_thinker_ask(&instruction->thinker, message,
            &(tr_thinker_question_t){.op = TR_MIND_INSTRUCTION,
                .text = text,
                .length = length,
                .input = json_pack("{s:o*}", "actions", tr_actions_others(instruction->actions)),
                .on_said = on_parsed}); /* what fails is told to who asked */
    return 0;
}

static void fini(tr_agent_t *self, void *state) {
    instruction_t *instruction = state;
    (void)self;
    tr_errands_finish(&instruction->errands);
    tr_thinker_finish(&instruction->thinker);
    json_decref(instruction->actions);
}

const tr_behaviour_t tr_behaviour_instruction = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "instruction",
    .summary = "turns an instruction into an action, and has it carried out",
    .state_size = sizeof(instruction_t),
    .init = init,
    .receive = receive,
    .fini = fini,
};
