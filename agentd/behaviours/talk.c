/*
 * A turn is a chain of questions to the mind: mood, intent, entities, and then what to make of it in the session's context. The first three are always for the
 * built-in mind, which knows at once, so that a reply's first word waits for one call of a model and no more. What they said travels along; the session is looked up again at the end, as other users' turns go on meanwhile. The user's own next turn waits (talk_queue.h)
 * until this one is at its end: over(), which every way through a turn comes to once.
 */
#include "agentd/behaviours/talk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/behaviours/actions.h"
#include "agentd/behaviours/profile.h"
#include "agentd/behaviours/talk_examples.h"
#include "agentd/behaviours/talk_stream.h"
#include "agentd/mind/dialogue.h"
#include "lib/text/utf8.h"
#include "proto/json.h"

#define ENTITIES     20
#define WISH_MAX     60   /* bytes of what only says how to answer */
#define GLAD         0.5  /* a mood of that much is answered, where nothing else is understood */
#define SUMMARISE_AT 1500 /* bytes of older turns */
#define CANCELLED    "as its sender asked"
#define ANSWER_MAX   65536 /* bytes of what others answered, of the last turn */

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* ---- who speaks ---- */

/* The user that a message names, or its sender. False: a name that is too long. */
static bool user_of(const tr_message_t *message, char out[TR_SESSIONS_USER_MAX + 1]) {
    tr_value_t named = tr_value_get(tr_message_value(message), "user");
    if (named)
        return tr_value_copy(named, out, TR_SESSIONS_USER_MAX + 1) == 0 && *out;
    return snprintf(out, TR_SESSIONS_USER_MAX + 1, "%s", tr_message_sender(message)) <= TR_SESSIONS_USER_MAX;
}

static json_t *session_of(tr_talk_t *self, const tr_message_t *message) {
    char user[TR_SESSIONS_USER_MAX + 1];
    json_t *session = NULL;
    if (user_of(message, user))
        tr_sessions_open(&self->sessions, user, &session); /* the end of the turn tells, ignoring */
    return session;
}

/* ---- the end of a turn ---- */

static void begin(tr_talk_t *self, const tr_message_t *message, const char *user);

/* What is remembered of the user is there, and cannot be had now. */
static void tell_unopened(tr_talk_t *self, const tr_message_t *message, int rc) {
    char detail[160];
    snprintf(detail, sizeof detail, "what is remembered of this user cannot be read: %.80s", strerror(-rc));
    tr_thinker_answer_reason(&self->thinker, message, TR_FAILURE, "not-remembered", detail);
}

/* The user's next turn, where one waits. */
static void over(tr_talk_t *self, json_t *turn) {
    tr_talk_stream_drop(self, turn); /* where it was not told to its end */
    const char *user = text_at(turn, "user");
    tr_message_t *next = tr_talk_queue_leave(&self->queue, user);
    if (next)
        begin(self, next, user);
    tr_message_done(&next);
}

static void ask_summary(tr_talk_t *self, const tr_message_t *message, const json_t *session,
    tr_thought_fn on_said, bool builtin) {
    json_t *all = json_sprintf("%s\n%s", text_at(session, "summary"), text_at(session, "older"));
    json_t *user = json_object_get(session, "user");
    int rc = self->thinker.open >= TR_THINKER_MAX ? -EBUSY
                                                  : tr_thinker_ask(&self->thinker, message,
                                                        &(tr_thinker_question_t){.op = TR_MIND_SUMMARISE,
                                                            .text = json_string_value(all),
                                                            .length = json_string_length(all),
                                                            .input = json_pack("{s:i}", "sentences", 4),
                                                            .on_said = on_said,
                                                            .builtin = builtin,
                                                            .carried = json_pack("{s:O, s:O}", "user", user,
                                                                "older", json_object_get(session, "older"))});
    if (rc < 0)
        json_object_del(self->summarising, json_string_value(user)); /* the next turn asks, ignoring */
    json_decref(all);
}

/* carried: whose, and what was summarised. What fell out of the context since then stays. */
static void take_summary(tr_talk_t *self, json_t *session, const char *text, const char *of) {
    const char *older = text_at(session, "older");
    if (strncmp(older, of, strlen(of)) != 0)
        return; /* it was forgotten meanwhile */
    json_object_set_new(session, "summary", json_string(text));
    json_object_set_new(session, "older", json_string(older + strlen(of)));
    tr_sessions_keep(&self->sessions, session); /* the next turn keeps it again, ignoring */
}

static void on_summarised_plainly(
    void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *carried) {
    tr_talk_t *self = state;
    json_t *session = NULL;
    (void)message;
    json_object_del(self->summarising, text_at(carried, "user"));
    if (result->status == TR_MIND_OK &&
        tr_sessions_open(&self->sessions, text_at(carried, "user"), &session) == 0)
        take_summary(self, session, text_at(result->value, "text"), text_at(carried, "older"));
}

/* A mind that cannot has the built-in one do it: nothing of what was said is to be lost, nor to be paid for at each turn. */
static void on_summarised(
    void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *carried) {
    tr_talk_t *self = state;
    json_t *session = NULL;
    if (result->status == TR_MIND_OK ||
        tr_sessions_open(&self->sessions, text_at(carried, "user"), &session) < 0)
        on_summarised_plainly(state, message, result, carried);
    else
        ask_summary(self, message, session, on_summarised_plainly, true);
}

/* What fell out of the context, and what was summarised of it before; one at a time of a user, so that none is paid for twice. */
static void summarise(tr_talk_t *self, const tr_message_t *message, const json_t *session) {
    const char *user = text_at(session, "user");
    if (strlen(text_at(session, "older")) < SUMMARISE_AT || json_object_get(self->summarising, user))
        return;
    if (json_object_set_new(self->summarising, user, json_true()) == 0)
        ask_summary(self, message, session, on_summarised, false);
}

/* The turn as "why" tells it later: of a long answer the beginning of its text. NULL when out of memory. */
static json_t *last_of(const json_t *turn) {
    json_t *last = json_copy((json_t *)(uintptr_t)turn);
    char *text = json_dumps(json_object_get(turn, "answer"), JSON_COMPACT | JSON_ENCODE_ANY);
    size_t length = text ? strlen(text) : 0;
    if (length > ANSWER_MAX)
        json_object_set_new(last, "answer",
            json_pack("{s:s%, s:b}", "text", text, tr_utf8_cut(text, length, ANSWER_MAX), "cut", 1));
    free(text);
    return last;
}

/* What is to be said of keeping it; NULL: nothing. */
static json_t *keep(tr_talk_t *self, json_t *session) {
    json_t *warning = json_incref(json_object_get(session, "warning"));
    json_object_del(session, "warning"); /* it is told once */
    int rc = tr_sessions_keep(&self->sessions, session);
    if (rc == 0)
        return warning;
    json_decref(warning);
    return json_sprintf("not remembered: %s", strerror(-rc));
}

/* Of a turn that was cancelled while others did something for it: who asked waits no more, and the user's next turn has begun. */
static bool was_cancelled(tr_talk_t *self, const tr_message_t *message, const json_t *turn) {
    bool was = json_is_true(json_object_get(turn, "cancelled-by-user"));
    if (was)
        tr_thinker_answer_reason(&self->thinker, message, TR_FAILURE, "cancelled", CANCELLED);
    return was;
}

void tr_talk_end(tr_talk_t *self, const tr_message_t *message, json_t *turn, const char *reply) {
    json_t *session = NULL;
    if (was_cancelled(self, message, turn))
        return;
    int rc = tr_sessions_open(&self->sessions, text_at(turn, "user"), &session);
    if (rc < 0) {
        tell_unopened(self, message, rc);
        over(self, turn);
        return;
    }
    json_t *profile = json_object_get(session, "profile");
    double mood = json_number_value(json_object_get(json_object_get(turn, "sentiment"), "score"));
    /* What others did or found is told as it is: words of a search are no mood of who searches. */
    json_t *fitted =
        tr_profile_fit(profile, reply ? reply : text_at(turn, "reply"), !reply, reply ? 0 : mood);
    if (!fitted) {
        tr_thinker_answer_reason(&self->thinker, message, TR_FAILURE, "internal-error", "out of memory");
        over(self, turn);
        return;
    }
    tr_talk_stream_t *stream = tr_talk_stream_take(self, turn);
    json_object_set_new(turn, "reply", fitted);
    tr_dialogue_said(json_object_get(session, "context"), fitted);
    json_object_set_new(session, "last", last_of(turn));
    json_t *warning = keep(self, session);
    if (warning)
        json_object_set_new(turn, "warning", warning);
    tr_talk_stream_end(self, turn, stream);
    tr_thinker_answer_json(&self->thinker, message, TR_INFORM, json_incref(turn));
    summarise(self, message, session);
    over(self, turn);
}

/* ---- a turn ---- */

/* What a word of the registry, with which the text begins, makes of it; new, NULL where it begins with none. */
static json_t *named_in(const tr_talk_t *self, const tr_message_t *message) {
    size_t length = 0;
    const char *text = tr_thinker_text(message, "text", &length);
    json_t *parsed = json_pack("{s:b}", "understood", 0);
    json_t *named = self->actions ? tr_actions_resolve(self->actions, text, length, parsed) : NULL;
    json_decref(parsed);
    if (json_is_true(json_object_get(named, "understood")))
        return named;
    json_decref(named);
    return NULL;
}

/* The words of the registry come before the grammar's, and what the mind replied to them counts for nothing. */
static void take_named(const tr_talk_t *self, const tr_message_t *message, json_t *turn) {
    json_t *named = named_in(self, message), *action = json_object_get(named, "action");
    if (!named)
        return;
    json_object_set_new(turn, "state", json_string("act"));
    json_object_set(turn, "action", action);
    json_object_set(turn, "parameters", json_object_get(named, "parameters"));
    json_object_set_new(turn, "reply", json_sprintf("I take it: %s.", json_string_value(action)));
    json_object_del(turn, "missing");
    json_decref(named);
}

/* What is short enough to say how to answer, and nothing beside it; else "". */
static const char *brief_of(const tr_message_t *message, char said[WISH_MAX + 1]) {
    size_t length = 0;
    const char *text = tr_thinker_text(message, "text", &length);
    snprintf(said, WISH_MAX + 1, "%.*s", length > WISH_MAX ? 0 : (int)length, text);
    return said;
}

/* Who he is, is for the profile to say: the built-in mind takes it for a question like any other, or a greeting. A model answers as it likes. */
static void take_name(const json_t *session, const tr_message_t *message, json_t *turn) {
    char said[WISH_MAX + 1];
    bool is_builtin = strncmp(text_at(turn, "by"), "built-in", 8) == 0;
    json_t *reply =
        is_builtin ? tr_profile_answer(json_object_get(session, "profile"), brief_of(message, said)) : NULL;
    if (!reply)
        return;
    json_object_set_new(turn, "state", json_string("chat"));
    json_object_set_new(turn, "reply", reply);
    json_object_del(turn, "action");
    json_object_del(turn, "parameters");
}

/* What is no order and no question may still say something: how he wants to be answered, or how glad he is. */
static void take_remark(const tr_message_t *message, json_t *turn) {
    bool is_unclear = strcmp(text_at(turn, "state"), "unclear") == 0;
    double mood = json_number_value(json_object_get(json_object_get(turn, "sentiment"), "score"));
    char said[WISH_MAX + 1];
    json_t *reply = is_unclear ? tr_profile_wish(brief_of(message, said)) : NULL;
    if (is_unclear && !reply && mood >= GLAD)
        reply = json_string("I am glad to hear that. What can I do for you?");
    if (!reply)
        return;
    json_object_set_new(turn, "state", json_string("chat"));
    json_object_set_new(turn, "reply", reply);
}

/* "How are my tasks?" is about nothing in particular. */
static bool is_of_tasks(const json_t *turn) {
    return strcmp(text_at(turn, "action"), "status") == 0 || strcmp(text_at(turn, "action"), "cancel") == 0;
}

static void on_turn(void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *turn) {
    tr_talk_t *self = state;
    if (tr_thinker_failed(&self->thinker, message, result)) {
        over(self, turn);
        return;
    }
    json_t *session = session_of(self, message), *context = json_object_get(result->value, "context");
    json_object_update_missing(turn, (json_t *)(uintptr_t)result->value);
    json_object_del(turn, "context");
    json_object_set(turn, "turn", json_object_get(context, "turns"));
    tr_thinker_sign(turn, result);
    take_named(self, message, turn);
    take_remark(message, turn);
    take_name(session, message, turn);
    tr_sessions_turn(session, context);
    if (!is_of_tasks(turn))
        tr_profile_learn_topic(json_object_get(session, "profile"), json_object_get(turn, "parameters"));
    if (self->act && strcmp(text_at(turn, "state"), "act") == 0)
        self->act(self, message, turn);
    else
        tr_talk_end(self, message, turn, NULL);
}

static void on_piece(void *state, const tr_message_t *message, const tr_mind_piece_t *piece, json_t *turn) {
    tr_talk_t *self = state;
    (void)message;
    if (!self->act || !piece->acts) /* what is done will be told, not that it will be */
        tr_talk_stream_piece(self, turn, piece);
}

static void ask_about(tr_talk_t *self, const tr_message_t *message, tr_mind_op_t op, json_t *input,
    tr_thought_fn on_said, tr_thought_piece_fn pieces, json_t *turn) {
    size_t length = 0;
    const char *text = tr_thinker_text(message, "text", &length);
    int rc = tr_thinker_ask(&self->thinker, message,
        &(tr_thinker_question_t){.op = op,
            .text = text,
            .length = length,
            .input = input,
            .on_said = on_said,
            .on_piece = pieces,
            .builtin = op != TR_MIND_DIALOGUE, /* the reply need not wait for more models */
            .carried = json_incref(turn)});    /* what fails is told to who asked */
    if (rc < 0)
        over(self, turn);
}

/* Before the reply is thought of, so that its parts are already fitted to who has just said how he likes it. */
static void learn(json_t *session, const tr_message_t *message, json_t *turn) {
    size_t length = 0;
    const char *text = tr_thinker_text(message, "text", &length);
    json_t *said = json_stringn(text, length);
    json_int_t turns = json_integer_value(json_object_get(json_object_get(session, "context"), "turns"));
    tr_profile_learn(json_object_get(session, "profile"), said ? json_string_value(said) : "",
        json_object_get(turn, "sentiment"));
    json_object_set_new(turn, "turn", json_integer(turns + 1));
    json_decref(said);
}

/* ---- a turn about images ---- */

/* One after the other. NULL: none was seen. */
static json_t *seen_text(tr_value_t images) {
    json_t *all = NULL;
    for (size_t i = 0; i < tr_value_size(images); i++) {
        size_t length = 0;
        const char *text = tr_value_str(tr_value_get(tr_value_at(images, i), "text"), &length);
        json_t *one = text ? json_stringn(text, length) : NULL, *before = all;
        if (!one)
            continue;
        all = before ? json_sprintf("%s\n%s", json_string_value(before), json_string_value(one))
                     : json_incref(one);
        json_decref(before);
        json_decref(one);
    }
    return all;
}

/* Whether there were images, and the turn is over. */
static bool end_seen(tr_talk_t *self, const tr_message_t *message, json_t *session, json_t *turn) {
    tr_value_t images = tr_value_get(tr_message_value(message), "images");
    json_t *reply = tr_value_is_array(images) ? seen_text(images) : NULL;
    if (!reply)
        return false;
    size_t length = 0;
    const char *text = tr_thinker_text(message, "text", &length);
    json_t *said = json_stringn(text, length),
           *context = tr_dialogue_context(json_object_get(session, "context"));
    json_t *value = json_pack("{s:s, s:O}", "state", "seen", "reply", reply);
    if (said && context &&
        tr_dialogue_remember(context, json_string_value(said), value) ==
            0) /* else it is not remembered, ignoring */
        tr_sessions_turn(session, context);
    json_object_update(turn, value);
    tr_talk_end(self, message, turn, NULL);
    json_decref(value);
    json_decref(context);
    json_decref(said);
    json_decref(reply);
    return true;
}

/* ---- what is said, understood ---- */

void tr_talk_think(tr_talk_t *self, const tr_message_t *message, json_t *turn, json_t *examples) {
    if (was_cancelled(self, message, turn))
        return;
    const json_t *session = session_of(self, message);
    tr_talk_stream_ready(self, json_object_get(session, "profile"), turn);
    json_t *context = json_deep_copy(json_object_get(session, "context")), *named = named_in(self, message);
    json_object_set(context, "summary", json_object_get(session, "summary"));
    json_t *input = json_pack("{s:o, s:o*, s:O*}", "context", context, "actions",
        tr_actions_others(self->actions), "examples", examples);
    char said[WISH_MAX + 1];
    json_t *own = tr_profile_answer(json_object_get(session, "profile"), brief_of(message, said));
    ask_about(self, message, TR_MIND_DIALOGUE, input, on_turn, named || own ? NULL : on_piece, turn);
    json_decref(own);
    json_decref(named);
}

static void on_entities(
    void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *turn) {
    tr_talk_t *self = state;
    json_t *session = session_of(self, message);
    if (tr_thinker_failed(&self->thinker, message, result)) {
        over(self, turn);
        return;
    }
    json_object_set(turn, "entities", (json_t *)(uintptr_t)result->value);
    learn(session, message, turn);
    if (end_seen(self, message, session, turn))
        return;
    if (self->examples)
        tr_talk_examples_find(self, message, turn);
    else
        tr_talk_think(self, message, turn, NULL);
}

static void on_intent(
    void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *turn) {
    tr_talk_t *self = state;
    if (tr_thinker_failed(&self->thinker, message, result)) {
        over(self, turn);
        return;
    }
    json_object_set(turn, "intent", (json_t *)(uintptr_t)result->value);
    ask_about(self, message, TR_MIND_ENTITIES, json_pack("{s:i}", "most", ENTITIES), on_entities, NULL, turn);
}

static void on_mood(void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *turn) {
    tr_talk_t *self = state;
    if (tr_thinker_failed(&self->thinker, message, result)) {
        over(self, turn);
        return;
    }
    json_object_set(turn, "sentiment", (json_t *)(uintptr_t)result->value);
    ask_about(self, message, TR_MIND_INTENT, NULL, on_intent, NULL, turn);
}

static void begin(tr_talk_t *self, const tr_message_t *message, const char *user) {
    json_t *turn = json_pack("{s:s}", "user", user), *session = NULL;
    int rc = tr_sessions_open(&self->sessions, user, &session);
    if (rc == 0) {
        tr_talk_stream_begin(self, turn, message);
        ask_about(self, message, TR_MIND_SENTIMENT, NULL, on_mood, NULL, turn);
    } else {
        tell_unopened(self, message, rc);
        over(self, turn);
    }
    json_decref(turn);
}

/* ---- what is asked ---- */

static void forget(tr_talk_t *self, const tr_message_t *message, const char *user) {
    int rc = tr_sessions_forget(&self->sessions, user);
    if (rc < 0)
        tr_thinker_answer_reason(&self->thinker, message, TR_FAILURE, "not-forgotten", strerror(-rc));
    else
        tr_thinker_answer_json(&self->thinker, message, TR_INFORM, json_pack("{s:b}", "done", 1));
}

/* `part` of the session. */
static void show(tr_talk_t *self, const tr_message_t *message, const char *user, const char *part) {
    json_t *session = NULL;
    int rc = tr_sessions_open(&self->sessions, user, &session);
    if (rc < 0) {
        tell_unopened(self, message, rc);
        return;
    }
    json_t *what = json_deep_copy(json_object_get(session, part));
    if (json_is_null(what)) { /* there was no turn */
        json_decref(what);
        what = json_object();
    }
    if (strcmp(part, "context") == 0) {
        json_object_set(what, "summary", json_object_get(session, "summary"));
        json_object_set(what, "older", json_object_get(session, "older"));
        json_object_set(what, "left-out", json_object_get(session, "left-out")); /* nothing where none are */
        json_object_set_new(what, "kept", json_boolean(self->sessions.directory));
    }
    tr_thinker_answer_json(&self->thinker, message, TR_INFORM, what);
}

/* {"action", "user"}: something about a session. False: it is no such request. */
static bool answer_about(tr_talk_t *self, const tr_message_t *message, const char *user) {
    static const char *const words[][2] = {{"profile", "profile"}, {"history", "context"}, {"why", "last"}};
    tr_value_t action = tr_value_get(tr_message_value(message), "action");
    bool forgets = tr_value_equals(action, "forget");
    if (forgets)
        forget(self, message, user);
    for (size_t i = 0; !forgets && i < sizeof words / sizeof *words; i++)
        if (tr_value_equals(action, words[i][0])) {
            show(self, message, user, words[i][1]);
            return true;
        }
    return forgets;
}

/* A turn that was understood stands in the history, with what the mind would have said. */
static void leave_to_others(tr_talk_t *self, json_t *turn) {
    json_t *session = NULL;
    json_object_set_new(turn, "cancelled-by-user", json_true());
    if (!json_object_get(turn, "state") ||
        tr_sessions_open(&self->sessions, text_at(turn, "user"), &session) < 0)
        return;
    json_t *said = json_string("(cancelled)");
    tr_dialogue_said(json_object_get(session, "context"), said);
    json_decref(said);
    tr_sessions_keep(&self->sessions, session); /* the next turn keeps it again, ignoring */
}

/* A turn is ended by who has asked for it: one that waits, one that is thought of, or one for which somebody else does something, which goes on. One that
 * is over is none. */
static void cancel(tr_talk_t *self, const tr_message_t *message) {
    tr_message_t *waiting = tr_talk_queue_withdraw(&self->queue, message);
    json_t *turn = waiting ? NULL : json_incref(tr_talk_stream_find(self, message));
    if (waiting)
        tr_thinker_answer_reason(&self->thinker, waiting, TR_FAILURE, "cancelled", CANCELLED);
    tr_message_done(&waiting);
    if (turn && !tr_thinker_withdraw(&self->thinker, turn, "cancelled", CANCELLED))
        leave_to_others(self, turn);
    if (turn)
        over(self, turn);
    json_decref(turn);
}

int tr_talk_receive(tr_talk_t *self, const tr_message_t *message) {
    char user[TR_SESSIONS_USER_MAX + 1];
    size_t length = 0;
    if (tr_message_type(message) == TR_MESSAGE_DIRECT && tr_message_performative(message) == TR_CANCEL) {
        cancel(self, message);
        return 0;
    }
    if (!tr_thinker_asked(&self->thinker, message))
        return 0;
    if (!user_of(message, user)) {
        tr_thinker_answer_reason(&self->thinker, message, TR_NOT_UNDERSTOOD, "unsupported-value",
            "user: expected a text of 1 to 128 bytes");
        return 0;
    }
    if (answer_about(self, message, user))
        return 0;
    if (!tr_thinker_text(message, "text", &length) || length == 0) {
        tr_thinker_answer_reason(&self->thinker, message, TR_NOT_UNDERSTOOD, "unsupported-value",
            "expected a text, {\"text\", \"user\"}, or {\"action\": profile, history, why or forget}");
        return 0;
    }
    int place = tr_talk_queue_enter(&self->queue, user, message);
    if (place == TR_TALK_BEGINS)
        begin(self, message, user);
    else if (place == -EBUSY)
        tr_thinker_answer_reason(&self->thinker, message, TR_REFUSE, "busy", "too many turns wait");
    else if (place < 0)
        tr_thinker_answer_reason(&self->thinker, message, TR_FAILURE, "internal-error", strerror(-place));
    return 0;
}

/* Agents of one process have each their own: a user who talks with two has two sessions. */
static void memory_of(const tr_agent_t *agent, const tr_talk_args_t *read, char *out, size_t size) {
    char aid[TR_AID_MAX + 1];
    tr_agent_aid(agent, aid);
    if (*read->memory || !*read->memories)
        snprintf(out, size, "%s", read->memory);
    else
        snprintf(out, size, "%s/%.*s", read->memories, (int)strcspn(aid, "@"), aid);
}

int tr_talk_init(tr_talk_t *self, tr_agent_t *agent, tr_value_t args, const tr_talk_args_t *read) {
    tr_value_t actions = tr_value_get(args, "actions");
    if (actions && !(self->actions = tr_value_to_json(actions)))
        return -ENOMEM;
    if (*read->examples && !(self->examples = strdup(read->examples)))
        return -ENOMEM;
    if (!(self->summarising = json_object()))
        return -ENOMEM;
    char own[TR_TALK_MEMORY_MAX + TR_NAME_MAX + 2];
    memory_of(agent, read, own, sizeof own);
    int rc = tr_sessions_init(&self->sessions, own, (size_t)read->sessions);
    return rc < 0 ? rc : tr_thinker_init(&self->thinker, agent, args);
}

void tr_talk_finish(tr_talk_t *self) {
    tr_errands_finish(&self->errands);
    tr_talk_queue_finish(&self->queue);
    tr_thinker_finish(&self->thinker);
    tr_sessions_finish(&self->sessions);
    tr_talk_streams_finish(self);
    json_decref(self->actions);
    json_decref(self->summarising);
    free(self->examples);
}
