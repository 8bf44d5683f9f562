/*
 * Turns about tasks that their user has asked for here: how they are, and an end to them. What is remembered is as old as the turn in which they were asked for, so the planner is
 * asked first which tasks they are now, as what fails is done in another way, and then the coordinator how each one is. What is known so far travels in the turn, as
 * "plans" (assistant_tasks.h). Where the planner does not answer, or knows nothing of a plan, what is remembered has to do.
 *
 * What is to be cancelled is stopped by its planner before, so that nothing takes the place of what ends; then each task that is open ends at the coordinator.
 */
#include "agentd/behaviours/assistant.h"
#include "agentd/behaviours/assistant_acts.h"
#include "agentd/behaviours/assistant_tasks.h"
#include "agentd/behaviours/assistant_words.h"

#include "lib/agent/json_request.h"

#include <string.h>

#define PLANNER_MS 5000  /* to say what it knows; it is done without then */
#define STOP_MS    15000 /* to stop: longer than it waits for the coordinator itself */
#define MUTE_MS    2000  /* of one that has just said nothing */
#define NO_TASKS   "You have asked me for no task yet."

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static const char *subject_of(const json_t *turn) {
    return text_at(json_object_get(turn, "parameters"), "subject");
}

static bool asks_for(const json_t *turn, const char *action) {
    return strcmp(text_at(turn, "action"), action) == 0;
}

static const tr_assistant_names_t *peers_of(const tr_talk_t *talk) {
    return ((const tr_assistant_t *)talk)->peers;
}

static json_t *session_of(tr_talk_t *talk, const json_t *turn) {
    json_t *session = NULL;
    return tr_sessions_open(&talk->sessions, text_at(turn, "user"), &session) == 0 ? session : NULL;
}

void tr_assistant_forget_way(json_t *turn) {
    static const char *const ways[] = {"plans", "to-cancel", "untold", "cancelling", "unfit", "mute"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        json_object_del(turn, ways[i]);
}

/* Consumes the reply. */
static void end_with(tr_talk_t *talk, const tr_message_t *message, json_t *turn, json_t *reply) {
    tr_assistant_forget_way(turn);
    tr_talk_end(talk, message, turn, json_string_value(reply));
    json_decref(reply);
}

/* ---- to cancel ---- */

static void cancel_next(tr_talk_t *talk, const tr_message_t *message, json_t *turn);

/* Once, however many tasks it has. */
static void note_cancelled(json_t *turn, json_t *text) {
    json_t *cancelled = json_object_get(turn, "cancelled");
    size_t count = json_array_size(cancelled);
    if (count == 0 || !json_equal(json_array_get(cancelled, count - 1), text))
        json_array_append(cancelled, text);
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

static void tell_cancelled(tr_talk_t *talk, const tr_message_t *message, json_t *turn) {
    json_t *cancelled = json_object_get(turn, "cancelled");
    json_t *reply = json_array_size(cancelled) > 0
                        ? tr_assistant_cancelled(cancelled)
                        : json_string("There is nothing to cancel: it has ended already.");
    if (json_object_get(turn, "untold")) {
        json_t *more = json_sprintf("%s. But %s could not be told, and may have it done in another way.",
            json_string_value(reply), peers_of(talk)->planner);
        json_decref(reply);
        reply = more;
    }
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
    json_t *content = tr_answer_json(answer);
    bool is_good = tr_answer_is_good(answer), goes_on = is_good || has_ended(content);
    (void)agent;
    if (is_good)
        note_cancelled(turn, json_object_get(turn, "cancelling"));
    json_object_set_new(turn, "answer", content);
    if (goes_on)
        cancel_next(state, under, turn);
    else
        tell_uncancelled(state, under, turn);
}

static void on_stopped(
    tr_agent_t *agent, void *state, const tr_message_t *under, const tr_message_t *answer, json_t *turn) {
    json_t *content = tr_answer_json(answer), *plan = json_array_get(json_object_get(turn, "to-cancel"), 0);
    (void)agent;
    if (tr_answer_is_good(answer)) {
        tr_assistant_take_plan(plan, content);
        json_object_set_new(plan, "stopped", json_boolean(strcmp(text_at(content, "state"), "stopped") == 0));
    } else if (strcmp(text_at(content, "reason"), "not-registered") != 0) {
        json_object_set_new(turn, "untold", json_true());
    }
    json_object_set_new(plan, "open", tr_assistant_open_tasks(plan));
    json_object_set_new(turn, "answer", content);
    cancel_next(state, under, turn);
}

/* Nothing takes the place of its tasks from then on, which are those that the planner tells. */
static bool stop(tr_talk_t *talk, const tr_message_t *message, json_t *turn, json_t *plan) {
    bool is_mute = json_object_get(turn, "mute") != NULL;
    if (!*text_at(plan, "plan"))
        return false;
    int rc = tr_assistant_ask(talk, message, turn, peers_of(talk)->planner,
        json_pack("{s:s, s:s}", "action", "stop", "plan", text_at(plan, "plan")), is_mute ? MUTE_MS : STOP_MS,
        on_stopped);
    if (rc < 0)
        json_object_set_new(turn, "untold", json_true());
    return rc == 0;
}

/* Plan by plan, and of each one task after the other: the first takes with it those that need it. */
static void cancel_next(tr_talk_t *talk, const tr_message_t *message, json_t *turn) {
    json_t *left = json_object_get(turn, "to-cancel"), *plan = NULL, *open = NULL;
    while ((plan = json_array_get(left, 0)) != NULL) {
        open = json_object_get(plan, "open");
        if (!open && stop(talk, message, turn, plan))
            return;
        if (!open)
            json_object_set_new(plan, "open", open = tr_assistant_open_tasks(plan));
        if (json_array_size(open) > 0)
            break;
        if (json_is_true(json_object_get(plan, "stopped")))
            note_cancelled(turn, json_object_get(plan, "text"));
        json_array_remove(left, 0);
    }
    if (!plan) {
        tell_cancelled(talk, message, turn);
        return;
    }
    json_t *request = json_pack("{s:s, s:O, s:s}", "action", "cancel", "task", json_array_get(open, 0),
        "reason", "the user wished so");
    json_object_set(turn, "cancelling", json_object_get(plan, "text"));
    json_array_remove(open, 0);
    tr_assistant_have_done(talk, message, turn, peers_of(talk)->tasks, request, on_cancelled);
}

/* An id that is of none of these may be of anybody's. */
static void cancel(tr_talk_t *talk, const tr_message_t *message, json_t *turn) {
    json_t *why = NULL;
    json_t *chosen = tr_assistant_to_cancel(json_object_get(turn, "plans"), subject_of(turn), &why);
    if (chosen) {
        json_object_set_new(turn, "to-cancel", chosen);
        json_object_set_new(turn, "cancelled", json_array());
        cancel_next(talk, message, turn);
    } else if (why) {
        end_with(talk, message, turn, why);
    } else {
        tr_assistant_forget_way(turn);
        tr_assistant_pass_on(talk, message, turn);
    }
}

/* ---- how they are ---- */

static void tell_status(tr_talk_t *talk, const tr_message_t *message, json_t *turn, json_t *reply) {
    json_object_set_new(turn, "answer", json_pack("{s:O}", "plans", json_object_get(turn, "plans")));
    end_with(talk, message, turn, reply);
}

static void on_result(
    tr_agent_t *agent, void *state, const tr_message_t *under, const tr_message_t *answer, json_t *turn) {
    json_t *content = tr_answer_json(answer);
    const json_t *plan = json_array_get(json_object_get(turn, "plans"), 0);
    json_t *result =
        tr_answer_is_good(answer) ? tr_assistant_result(json_object_get(content, "result")) : NULL;
    (void)agent;
    tell_status(state, under, turn, tr_assistant_told_plan(plan, result));
    json_decref(result);
    json_decref(content);
}

static void tell_one(tr_talk_t *talk, const tr_message_t *message, json_t *turn) {
    const json_t *plan = json_array_get(json_object_get(turn, "plans"), 0);
    const char *last = tr_assistant_last_task(plan);
    if (last && tr_assistant_is_completed(plan))
        tr_assistant_have_done(talk, message, turn, peers_of(talk)->tasks,
            json_pack("{s:s, s:s, s:s}", "action", "show", "task", last, "part", "result"), on_result);
    else
        tell_status(talk, message, turn, tr_assistant_told_plan(plan, NULL));
}

static bool means_several(const char *subject) {
    return !*subject || tr_assistant_is_own(subject);
}

static void status(tr_talk_t *talk, const tr_message_t *message, json_t *turn) {
    json_t *plans = json_object_get(turn, "plans");
    if (json_object_get(turn, "unfit"))
        tell_status(talk, message, turn, tr_assistant_told_none(plans, subject_of(turn)));
    else if (means_several(subject_of(turn)))
        tell_status(talk, message, turn, tr_assistant_told_plans("Your tasks:", plans));
    else
        tell_one(talk, message, turn);
}

/* ---- what is known of them ---- */

static void look(tr_talk_t *talk, const tr_message_t *message, json_t *turn);

static void on_shown(
    tr_agent_t *agent, void *state, const tr_message_t *under, const tr_message_t *answer, json_t *turn) {
    tr_talk_t *talk = state;
    json_t *content = tr_answer_json(answer), *subtask = tr_assistant_unseen(json_object_get(turn, "plans"));
    bool is_good = tr_answer_is_good(answer);
    (void)agent;
    if (is_good || strcmp(text_at(content, "reason"), "not-registered") == 0) {
        tr_assistant_take_task(subtask, is_good ? content : NULL);
        look(talk, under, turn);
    } else {
        json_object_set(turn, "answer", content);
        end_with(talk, under, turn,
            tr_assistant_reply(text_at(turn, "action"), text_at(turn, "to"), false, content));
    }
    json_decref(content);
}

/* At the next task; behind the last one all is known. */
static void look(tr_talk_t *talk, const tr_message_t *message, json_t *turn) {
    json_t *plans = json_object_get(turn, "plans"), *subtask = tr_assistant_unseen(plans);
    if (subtask)
        tr_assistant_have_done(talk, message, turn, peers_of(talk)->tasks,
            json_pack(
                "{s:s, s:s, s:s}", "action", "show", "task", text_at(subtask, "task"), "part", "history"),
            on_shown);
    else if (asks_for(turn, "cancel"))
        cancel(talk, message, turn);
    else
        status(talk, message, turn);
}

static void on_known(
    tr_agent_t *agent, void *state, const tr_message_t *under, const tr_message_t *answer, json_t *turn) {
    tr_talk_t *talk = state;
    json_t *content = tr_answer_is_good(answer) ? tr_answer_json(answer) : NULL,
           *plans = json_object_get(turn, "plans"), *session = session_of(talk, turn);
    (void)agent;
    for (size_t i = 0; i < json_array_size(plans); i++) {
        json_t *plan = json_array_get(plans, i);
        tr_assistant_take_plan(plan, json_object_get(content, text_at(plan, "plan")));
    }
    if (!answer)
        json_object_set_new(turn, "mute", json_true());
    if (session)
        tr_assistant_renew_tasks(session, plans); /* kept at the end of the turn */
    json_decref(content);
    look(talk, under, turn);
}

/* Those that have a mark are asked for. */
static void find_out(tr_talk_t *talk, const tr_message_t *message, json_t *turn) {
    const json_t *plans = json_object_get(turn, "plans");
    json_t *marks = json_array();
    for (size_t i = 0; i < json_array_size(plans); i++)
        if (*text_at(json_array_get(plans, i), "plan"))
            json_array_append(marks, json_object_get(json_array_get(plans, i), "plan"));
    json_t *request = json_pack("{s:s, s:O}", "action", "watched", "plans", marks);
    bool asks = json_array_size(marks) > 0;
    json_decref(marks);
    if (!asks)
        json_decref(request);
    if (!asks ||
        tr_assistant_ask(talk, message, turn, peers_of(talk)->planner, request, PLANNER_MS, on_known) < 0)
        look(talk, message, turn);
}

/* ---- which they are ---- */

/* Of a status: everybody's, or a task by its id, is for the coordinator alone. */
static bool is_for_others(const json_t *turn) {
    return asks_for(turn, "status") &&
           (tr_assistant_is_all(subject_of(turn)) || tr_assistant_is_id(subject_of(turn)));
}

bool tr_assistant_is_progress(tr_talk_t *talk, const json_t *turn) {
    const char *question = text_at(json_object_get(turn, "parameters"), "question");
    if (!asks_for(turn, "query") || !*question || !tr_assistant_asks_how_far(question))
        return false;
    size_t all = 0; /* "is it done?" is of the last one */
    tr_assistant_words("", question, &all);
    json_t *named = tr_assistant_plans_named(session_of(talk, turn), all == 0 ? "it" : question);
    bool is_one = json_array_size(named) > 0;
    json_decref(named);
    return is_one;
}

bool tr_assistant_is_question(tr_talk_t *talk, const tr_message_t *message, const json_t *turn) {
    const char *subject = subject_of(turn);
    size_t length = 0;
    const char *text = tr_thinker_text(message, "text", &length);
    bool is_name = *subject && !tr_assistant_is_any(subject) && !tr_assistant_is_own(subject) &&
                   !tr_assistant_is_all(subject) && !tr_assistant_is_id(subject);
    if (!asks_for(turn, "status") || !is_name || !text || memmem(text, length, "status", 6) ||
        memmem(text, length, "task", 4))
        return false;
    json_t *named = tr_assistant_plans_named(session_of(talk, turn), subject);
    bool is_none = json_array_size(named) == 0;
    json_decref(named);
    return is_none;
}

static json_t *told_nothing(const json_t *turn) {
    return json_string(asks_for(turn, "cancel") ? NO_TASKS " By its id I can cancel any: `troupe task ls`."
                                                : NO_TASKS " \"list all tasks\" shows those of everybody.");
}

bool tr_assistant_about_tasks(tr_talk_t *talk, const tr_message_t *message, json_t *turn) {
    const char *subject = subject_of(turn);
    bool cancels = asks_for(turn, "cancel");
    json_t *session = cancels || asks_for(turn, "status") ? session_of(talk, turn) : NULL;
    if (!session || is_for_others(turn))
        return false;
    json_t *all = tr_assistant_plans(session),
           *plans = cancels ? json_incref(all) : tr_assistant_plans_named(session, subject);
    bool has_any = json_array_size(all) > 0, fits = json_array_size(plans) > 0;
    json_object_set(turn, "plans", fits ? plans : all);
    json_decref(plans);
    json_decref(all);
    if (!has_any && cancels && tr_assistant_is_id(subject)) {
        json_object_del(turn, "plans");
        return false;
    }
    if (!fits && has_any)
        json_object_set_new(turn, "unfit", json_true());
    if (has_any)
        find_out(talk, message, turn);
    else
        end_with(talk, message, turn, told_nothing(turn));
    return true;
}
