/*
 * assistant: the front agent of a system. It talks as dialogue does (talk.h), and has what a turn asks for done by who can: a search or a question by the
 * knowledge base, a task by the planner and the coordinator, a decision by the group, a summary by a summariser, a message by its receiver, and
 * what the registry names by whom it names. All else it answers itself.
 *
 *   args: those of dialogue, and who does what: {"knowledge": "svc:kb", "planner": "svc:planner", "summariser": "svc:summariser",
 *          "decisions": "svc:decisions", "voters": "svc:voter", "tasks": "svc:tasks"}
 *
 * The turn then also has "to", who was asked, "asked", the request, and "answer", what came back: so "why" tells how a reply came about.
 */
#include "agentd/behaviours/actions.h"
#include "agentd/behaviours/assistant_acts.h"
#include "agentd/behaviours/table.h"
#include "agentd/behaviours/talk.h"

#include "lib/agent/json_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ACT_MS   30000
#define PEER_MAX (TR_AID_MAX + 8)

typedef struct peers {
    char knowledge[PEER_MAX], planner[PEER_MAX], summariser[PEER_MAX], decisions[PEER_MAX], voters[PEER_MAX],
        tasks[PEER_MAX];
} peers_t;

typedef struct assistant_args {
    tr_talk_args_t talk; /* first */
    peers_t peers;
} assistant_args_t;

typedef struct assistant {
    tr_talk_t talk; /* first */
    peers_t *peers;
} assistant_t;

#define PEER(member)                                                                                         \
    {                                                                                                        \
#member, TR_ARG_TEXT, offsetof(assistant_args_t, peers.member), PEER_MAX,                            \
            .check = tr_arg_is_aid, .expected = "NAME, NAME@PLATFORM or svc:NAME"                            \
    }

static const tr_arg_t known_args[] = {
    TR_TALK_ARGS,
    {"actions", TR_ARG_ANY, 0, 0, 0, 0, NULL, NULL, false},
    PEER(knowledge),
    PEER(planner),
    PEER(summariser),
    PEER(decisions),
    PEER(voters),
    PEER(tasks),
};

static const assistant_args_t initial = {
    .talk = TR_TALK_INITIAL,
    .peers = {"svc:kb", "svc:planner", "svc:summariser", "svc:decisions", "svc:voter", "svc:tasks"},
};

static int read_args(tr_value_t args, assistant_args_t *read, tr_problem_t *problem) {
    tr_value_t actions = tr_value_get(args, "actions");
    const char *wrong = actions ? tr_actions_wrong(actions) : NULL;
    *read = initial;
    int rc = tr_args_read(known_args, sizeof known_args / sizeof *known_args, args, read, problem);
    return rc == 0 && wrong ? tr_args_wrong(problem, "actions", actions, wrong) : rc;
}

int tr_assistant_check(tr_value_t args, tr_problem_t *problem) {
    assistant_args_t *read = calloc(1, sizeof *read);
    int rc = read ? read_args(args, read, problem) : -ENOMEM;
    free(read);
    return rc;
}

static void on_answer(
    tr_agent_t *agent, void *state, const tr_message_t *under, const tr_message_t *answer, json_t *turn) {
    assistant_t *assistant = state;
    json_t *content = tr_answer_json(answer);
    const char *to = json_string_value(json_object_get(turn, "to"));
    json_t *reply = tr_assistant_reply(
        json_string_value(json_object_get(turn, "action")), to, tr_answer_is_good(answer), content);
    (void)agent;
    json_object_set_new(turn, "answer", content);
    tr_talk_end(&assistant->talk, under, turn, json_string_value(reply));
    json_decref(reply);
}

/* The registry's {"action", ...parameters}; NULL where the action is not of it. */
static json_t *registered(const tr_talk_t *talk, const json_t *turn, const char **ret_to) {
    const char *action = json_string_value(json_object_get(turn, "action"));
    const char *to = action ? json_string_value(json_object_get(talk->actions, action)) : NULL;
    if (!to || !*to)
        return NULL;
    json_t *request = json_copy(json_object_get(turn, "parameters"));
    json_object_set(request, "action", json_object_get(turn, "action"));
    *ret_to = to;
    return request;
}

static void act(tr_talk_t *talk, const tr_message_t *message, json_t *turn) {
    const peers_t *p = ((assistant_t *)talk)->peers;
    tr_assistant_peers_t peers = {p->knowledge, p->planner, p->summariser, p->decisions, p->voters, p->tasks};
    const char *to = NULL, *why = NULL;
    json_t *request = registered(talk, turn, &to);
    if (!request)
        request = tr_assistant_request(&peers, turn, &to, &why);
    if (!request) {
        tr_talk_end(talk, message, turn, why);
        return;
    }
    json_object_set_new(turn, "to", json_string(to));
    json_object_set(turn, "asked", request);
    int rc = tr_errand_send(&talk->errands, talk->thinker.agent, message,
        json_string_value(json_object_get(turn, "to")), request, ACT_MS, on_answer, json_incref(turn));
    if (rc < 0) {
        json_t *reply = json_sprintf("I could not ask %s: %s.", to, strerror(-rc));
        tr_talk_end(talk, message, turn, json_string_value(reply));
        json_decref(reply);
    }
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    assistant_t *assistant = state;
    assistant_args_t *read = calloc(1, sizeof *read);
    int rc = read ? read_args(args, read, NULL) : -ENOMEM;
    assistant->talk.act = act;
    assistant->peers = rc == 0 ? calloc(1, sizeof *assistant->peers) : NULL;
    if (rc == 0 && !assistant->peers)
        rc = -ENOMEM;
    if (rc == 0) {
        *assistant->peers = read->peers;
        rc = tr_talk_init(&assistant->talk, self, args, &read->talk);
    }
    free(read);
    return rc;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self;
    return tr_talk_receive(state, message);
}

static void fini(tr_agent_t *self, void *state) {
    assistant_t *assistant = state;
    (void)self;
    tr_talk_finish(&assistant->talk);
    free(assistant->peers);
}

const tr_behaviour_t tr_behaviour_assistant = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "assistant",
    .summary = "talks with users, and has others do what they ask for",
    .state_size = sizeof(assistant_t),
    .init = init,
    .receive = receive,
    .fini = fini,
};
