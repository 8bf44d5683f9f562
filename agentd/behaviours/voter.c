/*
 * voter: takes part in decisions (docs/deciding.md) by what it is.
 *
 *   args: {"profile": "what it is, knows and cares for"}
 *
 * Asked to vote it has its mind compare the options with its profile, and with what is known: the context and what others have
 * said in the round before. Its ballot is in the words of the decision's method; where nothing in the options has to do with it,
 * it abstains. Asked to mediate it names the two options that are nearest to it.
 *
 * The mind is there while there are questions: a voter that waits has none.
 */
#include "agentd/behaviours/args.h"
#include "agentd/behaviours/ballot.h"
#include "agentd/behaviours/replies.h"
#include "agentd/behaviours/table.h"
#include "agentd/mind/builtin.h"
#include "proto/json.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define PROFILE_MAX   8192
#define QUESTIONS_MAX 64

typedef struct voter_args {
    char profile[PROFILE_MAX];
} voter_args_t;

typedef struct voter {
    tr_agent_t *agent;
    char *profile;
    tr_mind_t *mind; /* NULL while nothing is asked */
    size_t open;     /* questions that the mind has */
    struct question *questions;
    tr_replies_t replies;
} voter_t;

/* One that the mind has. */
typedef struct question {
    struct question *next, **link;
    voter_t *voter;
    tr_message_t *message;
} question_t;

static const tr_arg_t known_args[] = {
    {"profile", TR_ARG_TEXT, offsetof(voter_args_t, profile), PROFILE_MAX, .expected = "a text",
        .required = true},
};

int tr_voter_check(tr_value_t args, tr_problem_t *problem) {
    voter_args_t *read = calloc(1, sizeof *read);
    int rc = read ? tr_args_read(known_args, 1, args, read, problem) : -ENOMEM;
    free(read);
    return rc;
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    voter_t *voter = state;
    voter_args_t *read = calloc(1, sizeof *read);
    int rc = read ? tr_args_read(known_args, 1, args, read, NULL) : -ENOMEM;
    voter->agent = self;
    if (rc == 0 && !(voter->profile = strdup(read->profile)))
        rc = -ENOMEM;
    free(read);
    return rc;
}

/* ---- what the mind says ---- */

static void end_question(question_t *q, bool done) {
    *q->link = q->next;
    if (q->next)
        q->next->link = q->link;
    q->voter->open--;
    if (done)
        tr_message_done(&q->message);
    else
        tr_message_release(&q->message);
    free(q);
}

static void on_chosen(void *arg, const tr_mind_result_t *result) {
    question_t *q = arg;
    voter_t *voter = q->voter;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    const char *wrong = result->status == TR_MIND_OK
                            ? tr_ballot_write(&w, tr_message_value(q->message), result->value)
                            : result->detail;
    if (wrong)
        tr_replies_send_reason(
            &voter->replies, voter->agent, q->message, TR_FAILURE, "no-opinion", wrong); /* ignoring */
    else
        tr_replies_send(&voter->replies, voter->agent, q->message, TR_INFORM,
            &w); /* without memory it has not voted, ignoring */
    tr_content_writer_finish(&w);
    end_question(q, true);
}

static void on_readable(tr_agent_t *self, void *state, int fd, short events, void *arg) {
    voter_t *voter = state;
    (void)events, (void)arg;
    tr_mind_work(voter->mind);
    if (voter->open)
        return;
    tr_watch(self, fd, 0, NULL, NULL); /* ending one does not fail, ignoring */
    tr_mind_destroy(&voter->mind);
}

/* ---- what is asked ---- */

static int wake_mind(voter_t *voter) {
    tr_error_t error = {0};
    if (voter->mind)
        return 0;
    int rc = tr_mind_builtin_new(&(tr_mind_builtin_options_t){0}, &voter->mind, &error);
    if (rc == 0 && (rc = tr_watch(voter->agent, tr_mind_fd(voter->mind), POLLIN, on_readable, NULL)) < 0)
        tr_mind_destroy(&voter->mind);
    return rc;
}

static question_t *new_question(voter_t *voter, const tr_message_t *message) {
    question_t *q = calloc(1, sizeof *q);
    tr_message_t *kept = q ? tr_message_keep(message) : NULL;
    if (!kept) {
        free(q);
        return NULL;
    }
    *q = (question_t){.next = voter->questions, .link = &voter->questions, .voter = voter, .message = kept};
    if (q->next)
        q->next->link = &q->next;
    voter->questions = q;
    voter->open++;
    return q;
}

static int ask_mind(voter_t *voter, const tr_message_t *message) {
    tr_error_t error = {0};
    question_t *q = new_question(voter, message);
    json_t *input = tr_ballot_input(tr_message_value(message));
    int rc = q && input ? wake_mind(voter) : -ENOMEM;
    tr_mind_request_t request = {
        .op = TR_MIND_CHOOSE,
        .text = voter->profile,
        .length = strlen(voter->profile),
        .input = input,
        .on_done = on_chosen,
        .arg = q,
    };
    if (rc == 0)
        rc = tr_mind_ask(voter->mind, &request, &error);
    json_decref(input);
    if (rc < 0 && q)
        end_question(q, false);
    return rc;
}

static int on_request(voter_t *voter, const tr_message_t *message) {
    const char *wrong = tr_ballot_wrong(tr_message_value(message));
    if (wrong)
        return tr_replies_send_reason(
            &voter->replies, voter->agent, message, TR_NOT_UNDERSTOOD, "unsupported-value", wrong);
    if (voter->open == QUESTIONS_MAX)
        return tr_replies_send_reason(
            &voter->replies, voter->agent, message, TR_REFUSE, "busy", "too many questions at once");
    int rc = ask_mind(voter, message);
    return rc < 0 ? tr_replies_send_reason(
                        &voter->replies, voter->agent, message, TR_FAILURE, "internal-error", strerror(-rc))
                  : 0;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    voter_t *voter = state;
    if (tr_message_type(message) != TR_MESSAGE_DIRECT)
        return 0;
    switch (tr_message_performative(message)) {
    case TR_REQUEST: return on_request(voter, message);
    case TR_QUERY_IF:
    case TR_QUERY_REF:
    case TR_CFP:
    case TR_PROPOSE:
    case TR_SUBSCRIBE:
        return tr_replies_send_reason(
            &voter->replies, self, message, TR_NOT_UNDERSTOOD, "unsupported-act", "expected a request");
    default: return 0;
    }
}

static void fini(tr_agent_t *self, void *state) {
    voter_t *voter = state;
    (void)self;
    tr_mind_destroy(&voter->mind);
    while (voter->questions)
        end_question(voter->questions, false);
    tr_replies_finish(&voter->replies);
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
