/*
 * A task that a turn has given to the coordinator goes on when the turn is over. What becomes of it is on the topics task.ID.state and task.ID.progress, of a plan on that of its planner (plan.AGENT),
 * which goes on where a task was replaced by others. What was over before the topics were heard is asked for once.
 */
#include "lib/agent/json_request.h"
#include "lib/base/clock.h"
#include "proto/json.h"
#include "tools/chat/chat.h"

#include <string.h>

#define PROGRESS_MS 2000 /* between two lines that say how far something is */
#define ASK_MS      10000

/* ---- lines ---- */

void tr_chat_notice(tr_chat_t *self, const char *text) {
    if (self->is_busy) {
        tr_pen_end_line(&self->pen);
        tr_pen_put(&self->pen, text, strlen(text));
        tr_pen_put(&self->pen, "\n", 1);
        return;
    }
    if (self->edit)
        tr_edit_line_hide(self->edit);
    tr_chat_line(self, "", text);
    if (self->edit)
        tr_edit_line_show(self->edit);
}

static void tell(tr_chat_t *self, const char *what, const char *title, const char *more) {
    tr_buffer_t *waiting = &self->news.waiting;
    tr_buffer_printf(waiting, "[%s] %s%s%s\n", what, title, *more ? ": " : "", more);
    if (!self->is_busy)
        tr_chat_tell_news(self);
}

void tr_chat_tell_news(tr_chat_t *self) {
    tr_buffer_t *waiting = &self->news.waiting;
    if (waiting->size == 0)
        return;
    waiting->data[waiting->size - 1] = '\0'; /* the notice ends its line */
    tr_chat_notice(self, waiting->data);
    waiting->size = 0;
}

/* ---- what is followed ---- */

static void end_task(tr_chat_t *self, const char *id) {
    char pattern[TR_CHAT_TOPIC_MAX];
    snprintf(pattern, sizeof pattern, "task.%.150s.*", id);
    tr_unsubscribe(tr_cli_session_agent(self->session), pattern); /* it tells what nobody hears, ignoring */
    json_object_del(self->news.tasks, id);
}

static void end_plan(tr_chat_t *self, const char *mark) {
    const char *id;
    json_t *task;
    void *next;
    json_object_foreach_safe(self->news.tasks, next, id, task) {
        if (strcmp(tr_chat_text(task, "plan"), mark) == 0)
            end_task(self, id);
    }
    json_object_del(self->news.plans, mark);
}

/* Nothing new is begun for it. What goes on nevertheless tells its own end. */
static void stop_plan(tr_chat_t *self, const char *mark) {
    const char *id;
    json_t *task;
    json_object_foreach(self->news.tasks, id, task) {
        if (strcmp(tr_chat_text(task, "plan"), mark) == 0)
            json_object_update_new(task, json_pack("{s:s, s:b}", "plan", "", "stopped", 1));
    }
    json_object_del(self->news.plans, mark);
}

static bool is_end(const char *state) {
    return strcmp(state, "completed") == 0 || strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0;
}

static void tell_progress(tr_chat_t *self, const char *title, const json_t *event) {
    const char *progress = tr_chat_text(event, "progress");
    int64_t now = tr_clock_ms();
    if (!*progress || (self->news.told_ms && now - self->news.told_ms < PROGRESS_MS))
        return;
    self->news.told_ms = now;
    tell(self, "in progress", title, progress);
}

/* A subtask's end is not that of its plan, which says so itself; and what was stopped is as good as cancelled. */
static bool is_told(const json_t *task, const char *state) {
    bool is_part = *tr_chat_text(task, "plan") != '\0',
         stopped = json_is_true(json_object_get(task, "stopped"));
    return !is_part && !(stopped && strcmp(state, "cancelled") == 0);
}

static void hear_task(tr_chat_t *self, const json_t *event) {
    char id[TR_CHAT_TOPIC_MAX], how[TR_CHAT_TOPIC_MAX + 32];
    const char *state = tr_chat_text(event, "state"), *title = tr_chat_text(event, "description");
    snprintf(id, sizeof id, "%s", tr_chat_text(event, "task"));
    const json_t *task = json_object_get(self->news.tasks, id);
    if (!task)
        return;
    if (strcmp(state, "waiting_approval") == 0) {
        snprintf(how, sizeof how, "troupe task approve %s", id);
        tell(self, "waits for a yes", title, how);
    } else if (!is_end(state)) {
        tell_progress(self, title, event);
    } else {
        bool told = is_told(task, state);
        end_task(self, id);
        if (told)
            tell(self, state, title, tr_chat_text(event, "reason"));
    }
}

static void hear_plan(tr_chat_t *self, const json_t *event) {
    char mark[TR_CHAT_TOPIC_MAX];
    const char *state = tr_chat_text(event, "state");
    snprintf(mark, sizeof mark, "%s", tr_chat_text(event, "plan"));
    json_t *title = json_incref(json_object_get(self->news.plans, mark));
    if (!title)
        return;
    bool anew = strcmp(state, "replanned") == 0, stopped = strcmp(state, "stopped") == 0;
    if (is_end(state))
        end_plan(self, mark);
    if (stopped)
        stop_plan(self, mark);
    if (is_end(state) || anew || stopped)
        tell(self, anew ? "planned anew" : state, json_string_value(title), tr_chat_text(event, "reason"));
    json_decref(title);
}

void tr_chat_event(tr_chat_t *self, tr_value_t value) {
    json_t *event = self->news.tasks ? tr_value_to_json(value) : NULL;
    if (*tr_chat_text(event, "plan"))
        hear_plan(self, event);
    else
        hear_task(self, event);
    json_decref(event);
}

/* ---- what was over at once ---- */

/* Of the last task of what was asked for. */
static void on_shown(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_chat_t *self = arg;
    char mark[TR_CHAT_TOPIC_MAX];
    (void)agent, (void)state;
    if (!tr_answer_is_good(answer))
        return; /* the topics tell, ignoring */
    json_t *shown = tr_answer_json(answer);
    const json_t *task = json_object_get(self->news.tasks, tr_chat_text(shown, "task"));
    snprintf(mark, sizeof mark, "%s", tr_chat_text(task, "plan"));
    json_t *title = json_incref(json_object_get(self->news.plans, mark));
    if (!title) {
        hear_task(self, shown);
    } else if (strcmp(tr_chat_text(shown, "state"), "completed") == 0) {
        end_plan(self, mark);
        tell(self, "completed", json_string_value(title), "");
    }
    json_decref(title);
    json_decref(shown);
}

static void ask_about(tr_chat_t *self, const char *id) {
    json_t *request = json_pack("{s:s, s:s, s:s}", "action", "show", "task", id, "part", "history");
    tr_request_json(tr_cli_session_agent(self->session), NULL, "svc:tasks", request, ASK_MS, on_shown,
        self); /* likewise */
    json_decref(request);
}

/* ---- a turn ---- */

static bool follow_task(tr_chat_t *self, const json_t *task, const char *mark) {
    char pattern[TR_CHAT_TOPIC_MAX];
    const char *id = tr_chat_text(task, "task");
    if (!*id || json_object_size(self->news.tasks) >= TR_CHAT_FOLLOWED)
        return false;
    snprintf(pattern, sizeof pattern, "task.%.150s.*", id);
    return json_object_set_new(self->news.tasks, id, json_pack("{s:s}", "plan", mark)) == 0 &&
           tr_subscribe(tr_cli_session_agent(self->session), pattern) == 0;
}

static void follow_plan(tr_chat_t *self, const char *mark, const json_t *plan) {
    const json_t *title = json_object_get(plan, "task");
    if (!*mark || !json_is_string(title))
        return;
    if (!self->news.hears_plans)
        self->news.hears_plans = tr_subscribe(tr_cli_session_agent(self->session), "plan.*") == 0;
    json_object_set(self->news.plans, mark, (json_t *)(uintptr_t)title);
}

void tr_chat_follow(tr_chat_t *self, const json_t *turn) {
    const json_t *answer = json_object_get(turn, "answer"), *tasks = json_object_get(answer, "tasks");
    const json_t *plan = json_object_get(answer, "plan");
    const char *mark = tr_chat_text(answer, "watched"), *last = NULL;
    if (!self->prompts || !json_is_object(plan) || json_array_size(tasks) == 0)
        return; /* also a list of tasks that others have asked for */
    if (!self->news.tasks)
        self->news.tasks = json_object();
    if (!self->news.plans)
        self->news.plans = json_object();
    follow_plan(self, mark, plan);
    for (size_t i = 0; i < json_array_size(tasks); i++)
        if (follow_task(self, json_array_get(tasks, i), mark))
            last = tr_chat_text(json_array_get(tasks, i), "task");
    if (last)
        ask_about(self, last);
}

void tr_chat_news_finish(tr_chat_news_t *self) {
    json_decref(self->tasks);
    json_decref(self->plans);
    tr_buffer_finish(&self->waiting);
}
