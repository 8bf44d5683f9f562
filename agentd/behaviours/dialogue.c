/*
 * dialogue: talks with many users, each in a session of his own (talk.h says what a turn is), and says what is to be done, but does nothing itself.
 *
 *   args: {"memory": DIRECTORY, "sessions": 1000, "actions": a registry (actions.h)}
 */
#include "agentd/behaviours/actions.h"
#include "agentd/behaviours/table.h"
#include "agentd/behaviours/talk.h"

#include <errno.h>

static const tr_arg_t known_args[] = {
    TR_TALK_ARGS,
    {"actions", TR_ARG_ANY, 0, 0, 0, 0, NULL, NULL, false},
};

static int read_args(tr_value_t args, tr_talk_args_t *read, tr_problem_t *problem) {
    tr_value_t actions = tr_value_get(args, "actions");
    const char *wrong = actions ? tr_actions_wrong(actions) : NULL;
    int rc = tr_args_read(known_args, sizeof known_args / sizeof *known_args, args, read, problem);
    return rc == 0 && wrong ? tr_args_wrong(problem, "actions", actions, wrong) : rc;
}

int tr_dialogue_check(tr_value_t args, tr_problem_t *problem) {
    tr_talk_args_t read = TR_TALK_INITIAL;
    return read_args(args, &read, problem);
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    tr_talk_args_t read = TR_TALK_INITIAL;
    int rc = read_args(args, &read, NULL);
    return rc < 0 ? rc : tr_talk_init(state, self, args, &read);
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self;
    return tr_talk_receive(state, message);
}

static void fini(tr_agent_t *self, void *state) {
    (void)self;
    tr_talk_finish(state);
}

const tr_behaviour_t tr_behaviour_dialogue = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "dialogue",
    .summary = "talks with users, each in a session that it remembers",
    .state_size = sizeof(tr_talk_t),
    .init = init,
    .receive = receive,
    .fini = fini,
};
