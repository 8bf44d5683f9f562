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
#include "agentd/behaviours/assistant.h"

#include "agentd/behaviours/actions.h"
#include "agentd/behaviours/assistant_acts.h"
#include "agentd/behaviours/assistant_tasks.h"
#include "agentd/behaviours/assistant_words.h"
#include "agentd/behaviours/table.h"

#include "lib/agent/json_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct assistant_args {
    tr_talk_args_t talk; /* first */
    tr_assistant_names_t peers;
} assistant_args_t;

#define PEER(member)                                                                                         \
    {                                                                                                        \
#member, TR_ARG_TEXT, offsetof(assistant_args_t, peers.member), TR_ASSISTANT_PEER_MAX,               \
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

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* Which the user may mean later. */
static void note_tasks(tr_talk_t *talk, const json_t *turn) {
    json_t *session = NULL;
    if (tr_sessions_open(&talk->sessions, text_at(turn, "user"), &session) == 0)
        tr_assistant_note_tasks(session, turn); /* kept at the end of the turn */
}

/* Of a question that could have been one of a task. Consumes the reply. */
static json_t *nor_a_task(json_t *reply, bool is_good, const json_t *content) {
    json_t *nothing = tr_assistant_nothing(is_good, content);
    if (!nothing)
        return reply;
    json_t *more = json_sprintf(
        "%s None of your tasks is about it, either: \"list my tasks\".", json_string_value(reply));
    json_decref(nothing);
    json_decref(reply);
    return more;
}

static void on_answer(
    tr_agent_t *agent, void *state, const tr_message_t *under, const tr_message_t *answer, json_t *turn) {
    tr_assistant_t *assistant = state;
    json_t *content = tr_answer_json(answer);
    const char *action = text_at(turn, "action"), *to = text_at(turn, "to");
    bool is_good = tr_answer_is_good(answer);
    (void)agent;
    json_object_set_new(turn, "answer", content);
    if (is_good && json_is_array(json_object_get(content, "tasks")) &&
        json_is_object(json_object_get(content, "plan")))
        note_tasks(&assistant->talk, turn);
    if (is_good && strcmp(to, assistant->peers->decisions) == 0 && *text_at(content, "decision")) {
        tr_assistant_await(&assistant->awaiting, &assistant->talk, under, turn);
        return;
    }
    json_t *reply = is_good && json_array_size(json_object_get(content, "results")) > 0
                        ? tr_assistant_told_results(content, text_at(json_object_get(turn, "asked"), "query"))
                        : tr_assistant_reply(action, to, is_good, content);
    if (strcmp(text_at(turn, "instead-of"), "status") == 0)
        reply = nor_a_task(reply, is_good, content);
    json_t *whole = tr_assistant_with_sources(reply, json_object_get(turn, "found"));
    tr_talk_end(&assistant->talk, under, turn, json_string_value(whole));
    json_decref(whole);
    json_decref(reply);
}

int tr_assistant_ask(tr_talk_t *talk, const tr_message_t *message, json_t *turn, const char *to,
    json_t *request, int64_t timeout_ms, tr_errand_fn then) {
    json_object_set_new(turn, "to", json_string(to));
    json_object_set(turn, "asked", request);
    return tr_errand_send(&talk->errands, talk->thinker.agent, message, text_at(turn, "to"), request,
        timeout_ms, then, json_incref(turn));
}

void tr_assistant_have_done(tr_talk_t *talk, const tr_message_t *message, json_t *turn, const char *to,
    json_t *request, tr_errand_fn then) {
    int rc = tr_assistant_ask(talk, message, turn, to, request, TR_ASSISTANT_ACT_MS, then);
    if (rc < 0) {
        json_t *reply = json_sprintf("I could not ask %s: %s.", to, strerror(-rc));
        tr_assistant_forget_way(turn);
        tr_talk_end(talk, message, turn, json_string_value(reply));
        json_decref(reply);
    }
}

/* ---- a summary of what the knowledge base has ---- */

static void summarise(tr_talk_t *talk, const tr_message_t *message, json_t *turn, json_t *texts) {
    const tr_assistant_names_t *p = ((tr_assistant_t *)talk)->peers;
    tr_assistant_have_done(talk, message, turn, p->summariser,
        tr_assistant_summary(json_object_get(turn, "parameters"), texts), on_answer);
}

/* Of a search: what it found is summarised. Where there is no knowledge base to ask, the words themselves are what there is. */
static void on_found(
    tr_agent_t *agent, void *state, const tr_message_t *under, const tr_message_t *answer, json_t *turn) {
    tr_assistant_t *assistant = state;
    json_t *content = tr_answer_json(answer), *results = json_object_get(content, "results");
    json_t *why = tr_assistant_nothing(tr_answer_is_good(answer), content);
    json_t *texts = why ? NULL : tr_assistant_found(results, turn);
    (void)agent;
    if (!why && !texts && json_is_array(results))
        why = json_string(TR_ASSISTANT_NOTHING);
    if (why) {
        json_object_set(turn, "answer", content);
        tr_talk_end(&assistant->talk, under, turn, json_string_value(why));
    } else {
        summarise(&assistant->talk, under, turn, texts);
    }
    json_decref(why);
    json_decref(texts);
    json_decref(content);
}

/* ---- what a turn asks for ---- */

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

/* "How far is the moon?" begins as a question of how far a task is; where the user has none of that name, and says nothing of tasks, it is one like any other. */
static void ask_instead(tr_talk_t *talk, const tr_message_t *message, json_t *turn) {
    size_t length = 0;
    json_t *session = NULL;
    const char *text = tr_thinker_text(message, "text", &length);
    if (tr_sessions_open(&talk->sessions, text_at(turn, "user"), &session) == 0 &&
        json_array_size(json_object_get(session, "tasks")) > 0)
        json_object_set_new(turn, "instead-of", json_string("status"));
    json_object_set_new(turn, "action", json_string("query"));
    json_object_set_new(turn, "parameters", json_pack("{s:s%}", "question", text, length));
}

/* "Is the report ready?", of who has asked for it. */
static void ask_status(json_t *turn) {
    json_t *question = json_object_get(json_object_get(turn, "parameters"), "question");
    size_t all = 0;
    tr_assistant_words("", json_string_value(question), &all);
    json_t *subject = all == 0 ? json_string("it") : json_incref(question);
    json_object_set_new(turn, "instead-of", json_string("query"));
    json_object_set_new(turn, "action", json_string("status"));
    json_object_set_new(turn, "parameters", json_pack("{s:o}", "subject", subject));
}

void tr_assistant_pass_on(tr_talk_t *talk, const tr_message_t *message, json_t *turn) {
    const tr_assistant_names_t *p = ((tr_assistant_t *)talk)->peers;
    tr_assistant_peers_t peers = {p->knowledge, p->planner, p->summariser, p->decisions, p->voters, p->tasks};
    const char *to = NULL, *why = NULL;
    json_t *request = tr_assistant_request(&peers, turn, &to, &why);
    if (!request)
        tr_talk_end(talk, message, turn, why);
    else if (tr_assistant_is_topic(turn))
        tr_assistant_have_done(talk, message, turn, p->knowledge, request, on_found);
    else
        tr_assistant_have_done(talk, message, turn, to, request, on_answer);
}

static void act(tr_talk_t *talk, const tr_message_t *message, json_t *turn) {
    const char *to = NULL;
    json_t *request = registered(talk, turn, &to);
    if (request) {
        tr_assistant_have_done(talk, message, turn, to, request, on_answer);
        return;
    }
    if (tr_assistant_is_question(talk, message, turn))
        ask_instead(talk, message, turn);
    else if (tr_assistant_is_progress(talk, turn))
        ask_status(turn);
    if (!tr_assistant_about_tasks(talk, message, turn))
        tr_assistant_pass_on(talk, message, turn);
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    tr_assistant_t *assistant = state;
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
    tr_assistant_t *assistant = state;
    (void)self;
    tr_awaiting_finish(&assistant->awaiting);
    tr_talk_finish(&assistant->talk);
    free(assistant->peers);
}

const tr_behaviour_t tr_behaviour_assistant = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "assistant",
    .summary = "talks with users, and has others do what they ask for",
    .state_size = sizeof(tr_assistant_t),
    .init = init,
    .receive = receive,
    .fini = fini,
};
