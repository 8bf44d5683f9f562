/*
 * voter: takes part in decisions (docs/deciding.md) by what it is.
 *
 *   args: {"profile": "what it is, knows and cares for"}
 *
 * Asked to vote it has its mind compare the options with its profile, and with what is known: the context and what others have
 * said in the round before. Its ballot is in the words of the decision's method; where nothing in the options has to do with it,
 * it abstains. With it stands which mind has chosen ("by"), and why it was not the model that does usually ("fallback"). Asked for its opinion ({"action": "opinion", "question", "options", "context"}) it says {"opinion": an option or null, "reason",
 * "confidence", "by"}. Reasons are its mind's, in words. Asked to mediate it names the two options that are nearest to it.
 */
#include "agentd/behaviours/ballot.h"
#include "agentd/behaviours/table.h"
#include "agentd/behaviours/thinker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PROFILE_MAX 8192

typedef struct voter_args {
    char profile[PROFILE_MAX];
} voter_args_t;

typedef struct voter {
    tr_thinker_t thinker;
    char *profile;
} voter_t;

static const tr_arg_t known_args[] = {
    {"profile", TR_ARG_TEXT, offsetof(voter_args_t, profile), PROFILE_MAX, .expected = "a text",
        .required = true},
    TR_THINKER_ARG,
};

static int read_args(tr_value_t args, voter_args_t *read, tr_problem_t *problem) {
    return tr_args_read(known_args, sizeof known_args / sizeof *known_args, args, read, problem);
}

int tr_voter_check(tr_value_t args, tr_problem_t *problem) {
    voter_args_t *read = calloc(1, sizeof *read);
    int rc = read ? read_args(args, read, problem) : -ENOMEM;
    free(read);
    return rc;
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    voter_t *voter = state;
    voter_args_t *read = calloc(1, sizeof *read);
    int rc = read ? read_args(args, read, NULL) : -ENOMEM;
    if (rc == 0)
        rc = tr_thinker_init(&voter->thinker, self, args);
    if (rc == 0 && !(voter->profile = strdup(read->profile)))
        rc = -ENOMEM;
    free(read);
    return rc;
}

static void on_chosen(
    void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *carried) {
    voter_t *voter = state;
    tr_content_writer_t w;
    (void)carried;
    tr_content_writer_init(&w);
    const char *wrong = result->status == TR_MIND_OK ? tr_ballot_write(&w, tr_message_value(message), result)
                                                     : result->detail;
    if (!wrong) {
        tr_thinker_answer(&voter->thinker, message, TR_INFORM, &w);
        return;
    }
    tr_content_writer_finish(&w);
    tr_thinker_answer_reason(&voter->thinker, message, TR_FAILURE, "no-opinion", wrong);
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    voter_t *voter = state;
    (void)self;
    if (!tr_thinker_asked(&voter->thinker, message))
        return 0;
    const char *wrong = tr_ballot_wrong(tr_message_value(message));
    if (wrong)
        tr_thinker_answer_reason(&voter->thinker, message, TR_NOT_UNDERSTOOD, "unsupported-value", wrong);
    else
        tr_thinker_ask(&voter->thinker, message,
            &(tr_thinker_question_t){.op = TR_MIND_CHOOSE,
                .text = voter->profile,
                .length = strlen(voter->profile),
                .input = tr_ballot_input(tr_message_value(message)),
                .on_said = on_chosen}); /* what fails is told to who asked */
    return 0;
}

static void fini(tr_agent_t *self, void *state) {
    voter_t *voter = state;
    (void)self;
    tr_thinker_finish(&voter->thinker);
    free(voter->profile);
}

const tr_behaviour_t tr_behaviour_voter = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "voter",
    .summary = "takes part in decisions, by a profile of what it is",
    .state_size = sizeof(voter_t),
    .init = init,
    .receive = receive,
    .fini = fini,
};
