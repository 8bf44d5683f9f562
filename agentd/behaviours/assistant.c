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
#include "agentd/behaviours/assistant_decision.h"
#include "agentd/behaviours/assistant_tasks.h"
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
    tr_awaiting_t awaiting; /* decisions that are voted on */
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

static void on_answer(
    tr_agent_t *agent, void *state, const tr_message_t *under, const tr_message_t *answer, json_t *turn) {
    assistant_t *assistant = state;
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
    json_t *reply = tr_assistant_reply(action, to, is_good, content);
    json_t *whole = tr_assistant_with_sources(reply, json_object_get(turn, "found"));
    tr_talk_end(&assistant->talk, under, turn, json_string_value(whole));
    json_decref(whole);
    json_decref(reply);
}

/* Sends the turn's request, whose reply is what comes back. Consumes `request`. */
static void have_done(tr_talk_t *talk, const tr_message_t *message, json_t *turn, const char *to,
    json_t *request, tr_errand_fn then) {
    json_object_set_new(turn, "to", json_string(to));
    json_object_set(turn, "asked", request);
    int rc = tr_errand_send(&talk->errands, talk->thinker.agent, message, text_at(turn, "to"), request,
        ACT_MS, then, json_incref(turn));
    if (rc < 0) {
        json_t *reply = json_sprintf("I could not ask %s: %s.", to, strerror(-rc));
        tr_talk_end(talk, message, turn, json_string_value(reply));
        json_decref(reply);
    }
}

/* ---- a summary of what the knowledge base has ---- */

static void summarise(tr_talk_t *talk, const tr_message_t *message, json_t *turn, json_t *texts) {
    const peers_t *p = ((assistant_t *)talk)->peers;
    have_done(talk, message, turn, p->summariser,
        tr_assistant_summary(json_object_get(turn, "parameters"), texts), on_answer);
}

/* Of a search: what it found is summarised. Where there is no knowledge base to ask, the words themselves are what there is. */
static void on_found(
    tr_agent_t *agent, void *state, const tr_message_t *under, const tr_message_t *answer, json_t *turn) {
    assistant_t *assistant = state;
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

/* ---- tasks of this user ---- */

/* Those that the turn's action, where it is this one, is about: ids, as tr_assistant_tasks_of says. NULL: none that he has asked for here. */
static json_t *own_tasks(tr_talk_t *talk, const json_t *turn, const char *action) {
    json_t *session = NULL;
    const char *subject = text_at(json_object_get(turn, "parameters"), "subject");
    bool is_it = strcmp(text_at(turn, "action"), action) == 0 &&
                 tr_sessions_open(&talk->sessions, text_at(turn, "user"), &session) == 0;
    return is_it ? tr_assistant_tasks_of(session, subject) : NULL;
}

/* The last one of a plan is what it comes to. */
static bool shows_own(tr_talk_t *talk, const tr_message_t *message, json_t *turn) {
    json_t *ids = own_tasks(talk, turn, "status");
    const char *id = json_string_value(json_array_get(ids, json_array_size(ids) - 1));
    bool is_own = id != NULL;
    if (is_own)
        have_done(talk, message, turn, ((assistant_t *)talk)->peers->tasks,
            json_pack("{s:s, s:s}", "action", "show", "task", id), on_answer);
    json_decref(ids);
    return is_own;
}

static void cancel_next(tr_talk_t *talk, const tr_message_t *message, json_t *turn);

static void end_with(tr_talk_t *talk, const tr_message_t *message, json_t *turn, json_t *reply) {
    json_object_del(turn, "to-cancel");
    tr_talk_end(talk, message, turn, json_string_value(reply));
    json_decref(reply);
}

/* What was cancelled before something went wrong is told too. */
static void tell_uncancelled(tr_talk_t *talk, const tr_message_t *message, json_t *turn) {
    json_t *cancelled = json_object_get(turn, "cancelled"), *done = tr_assistant_cancelled(cancelled);
    json_t *why = tr_assistant_reply("cancel", text_at(turn, "to"), false, json_object_get(turn, "answer"));
    json_t *reply = json_array_size(cancelled) == 0
                        ? json_incref(why)
                        : json_sprintf("%s. %s", json_string_value(done), json_string_value(why));
    json_decref(why);
    json_decref(done);
    end_with(talk, message, turn, reply);
}

/* By the coordinator's own words; "not-registered" is what ended so long ago that it is not kept any more. */
static bool has_ended(const json_t *content) {
    const char *reason = text_at(content, "reason");
    return strcmp(reason, "unexpected-argument") == 0 || strcmp(reason, "not-registered") == 0;
}

/* What has ended already cannot be cancelled, and need not. That is for the coordinator to say: no answer does not mean it. */
static void on_cancelled(
    tr_agent_t *agent, void *state, const tr_message_t *under, const tr_message_t *answer, json_t *turn) {
    json_t *content = tr_answer_json(answer), *cancelled = json_object_get(turn, "cancelled");
    json_t *text = json_object_get(turn, "cancelling");
    size_t count = json_array_size(cancelled);
    bool is_good = tr_answer_is_good(answer);
    (void)agent;
    if (is_good && (count == 0 || !json_equal(json_array_get(cancelled, count - 1), text)))
        json_array_append(cancelled, text);
    json_object_set_new(turn, "answer", content);
    if (is_good || has_ended(content))
        cancel_next(state, under, turn);
    else
        tell_uncancelled(state, under, turn);
}

/* One after the other: the first of a plan takes with it those that need it. */
static void cancel_next(tr_talk_t *talk, const tr_message_t *message, json_t *turn) {
    const peers_t *p = ((assistant_t *)talk)->peers;
    json_t *left = json_object_get(turn, "to-cancel"), *cancelled = json_object_get(turn, "cancelled");
    while (json_array_size(left) > 0 && json_array_size(json_object_get(json_array_get(left, 0), "ids")) == 0)
        json_array_remove(left, 0);
    json_t *plan = json_array_get(left, 0), *ids = json_object_get(plan, "ids");
    if (!plan) {
        end_with(talk, message, turn,
            json_array_size(cancelled) > 0
                ? tr_assistant_cancelled(cancelled)
                : json_string("There is nothing to cancel: it has ended already."));
        return;
    }
    json_t *request = json_pack("{s:s, s:O, s:s}", "action", "cancel", "task", json_array_get(ids, 0),
        "reason", "the user wished so");
    json_object_set(turn, "cancelling", json_object_get(plan, "text"));
    json_array_remove(ids, 0);
    have_done(talk, message, turn, p->tasks, request, on_cancelled);
}

/* Of tasks that the user has asked for here. An id is taken as it is. */
static bool cancels_own(tr_talk_t *talk, const tr_message_t *message, json_t *turn) {
    const char *subject = text_at(json_object_get(turn, "parameters"), "subject");
    json_t *session = NULL, *why = NULL;
    if (strcmp(text_at(turn, "action"), "cancel") != 0 || tr_assistant_is_id(subject) ||
        tr_sessions_open(&talk->sessions, text_at(turn, "user"), &session) < 0)
        return false;
    json_t *plans = tr_assistant_to_cancel(session, subject, &why);
    if (!plans) {
        end_with(talk, message, turn, why);
        return true;
    }
    json_object_set_new(turn, "to-cancel", json_deep_copy(plans));
    json_object_set_new(turn, "cancelled", json_array());
    json_decref(plans);
    cancel_next(talk, message, turn);
    return true;
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
static void ask_instead(const tr_message_t *message, json_t *turn) {
    const char *subject = text_at(json_object_get(turn, "parameters"), "subject");
    size_t length = 0;
    const char *text = tr_thinker_text(message, "text", &length);
    if (strcmp(text_at(turn, "action"), "status") != 0 || tr_assistant_names_tasks(subject) || !text ||
        memmem(text, length, "status", 6) || memmem(text, length, "task", 4))
        return;
    json_object_set_new(turn, "action", json_string("query"));
    json_object_set_new(turn, "parameters", json_pack("{s:s%}", "question", text, length));
}

static void act(tr_talk_t *talk, const tr_message_t *message, json_t *turn) {
    const peers_t *p = ((assistant_t *)talk)->peers;
    tr_assistant_peers_t peers = {p->knowledge, p->planner, p->summariser, p->decisions, p->voters, p->tasks};
    const char *to = NULL, *why = NULL;
    json_t *request = registered(talk, turn, &to);
    bool is_named = request != NULL;
    if (!is_named && (cancels_own(talk, message, turn) || shows_own(talk, message, turn)))
        return;
    if (!is_named)
        ask_instead(message, turn);
    if (!is_named)
        request = tr_assistant_request(&peers, turn, &to, &why);
    if (!request) {
        tr_talk_end(talk, message, turn, why);
        return;
    }
    bool searches = !is_named && tr_assistant_is_topic(turn);
    have_done(talk, message, turn, searches ? p->knowledge : to, request, searches ? on_found : on_answer);
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
    tr_awaiting_finish(&assistant->awaiting);
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
