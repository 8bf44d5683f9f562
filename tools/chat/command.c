#include "tools/chat/chat.h"
#include "tools/cli/cli_json.h"
#include "tools/cli/edit_history.h"
#include "tools/cli/message_text.h"
#include "tools/cli/output_yaml.h"

#include <string.h>

#define TASKS   10
#define NOTHING "Nothing was said yet."

static int show_history(tr_chat_t *self, const json_t *answer) {
    const json_t *turns = json_object_get(answer, "history");
    if (*tr_chat_text(answer, "summary"))
        tr_chat_line(self, "before: ", tr_chat_text(answer, "summary"));
    for (size_t i = 0; i < json_array_size(turns); i++) {
        tr_chat_line(self, "> ", tr_chat_text(json_array_get(turns, i), "user"));
        tr_chat_line(self, "", tr_chat_text(json_array_get(turns, i), "reply"));
    }
    if (self->prompts && json_array_size(turns) == 0)
        tr_chat_line(self, "", NOTHING);
    return TR_EXIT_OK;
}

static int show_tasks(tr_chat_t *self, const json_t *answer) {
    const json_t *tasks = json_object_get(answer, "tasks");
    for (size_t i = 0; i < json_array_size(tasks); i++) {
        const json_t *task = json_array_get(tasks, i);
        fprintf(self->call.out, "%-16s %s  ", tr_chat_text(task, "state"), tr_chat_text(task, "task"));
        tr_chat_line(self, "", tr_chat_text(task, "description"));
    }
    if (self->prompts && json_array_size(tasks) == 0)
        tr_chat_line(self, "", "There are no tasks.");
    return TR_EXIT_OK;
}

/* For a person as YAML, for a program as JSON. */
static int show_value(tr_chat_t *self, const json_t *answer) {
    if (self->prompts && (json_is_null(answer) || json_object_size(answer) == 0)) {
        tr_chat_line(self, "", NOTHING);
    } else if (self->prompts) {
        tr_output_yaml(answer, false, self->call.out);
    } else {
        tr_cli_dump_json(answer, self->call.out, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(4));
        fputc('\n', self->call.out);
    }
    return TR_EXIT_OK;
}

/* What the user has said is also in what he has typed. */
static void forget_typed(tr_chat_t *self) {
    int rc = *self->history ? tr_edit_history_forget(self->history) : 0;
    if (self->edit)
        tr_edit_line_forget(self->edit);
    if (rc < 0)
        tr_cli_fail(
            &self->call, TR_EXIT_REFUSED, "what was typed is still in %s: %s", self->history, strerror(-rc));
}

static int show_forgotten(tr_chat_t *self, const json_t *answer) {
    forget_typed(self);
    return self->prompts ? (tr_chat_line(self, "", "It is forgotten."), TR_EXIT_OK)
                         : show_value(self, answer);
}

const char *const tr_chat_words[] = {
    "/history", "/tasks", "/why", "/profile", "/forget", "/help", "/quit", NULL};

static const struct {
    const char *word, *action, *summary;
    int (*show)(tr_chat_t *self, const json_t *answer); /* NULL = nobody is asked */
} commands[] = {
    {"/history", "history", "what was said", show_history},
    {"/tasks", "list", "the last tasks of all, and how they are", show_tasks},
    {"/why", "why", "how the last reply came about", show_value},
    {"/profile", "profile", "what the agent has learnt of you", show_value},
    {"/forget", "forget", "end the session for good: what was said, learnt and typed", show_forgotten},
    {"/help", NULL, "these lines", NULL},
    {"/quit", NULL, "end this talk; the session goes on next time", NULL},
};

static int help(tr_chat_t *self) {
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(self->call.out, "%-9s %s\n", commands[i].word, commands[i].summary);
    if (self->edit)
        fputs("\nTab completes these; the arrows and Ctrl-R recall what was typed; Ctrl-C ends a reply, or "
              "drops "
              "the line; Ctrl-D ends the talk.\n",
            self->call.out);
    return TR_EXIT_OK;
}

static int unknown(tr_chat_t *self, const char *line, size_t len) {
    fputs("there is no command ", self->err);
    tr_cli_print_raw(self->err, line, len < 40 ? len : 40);
    fputs("; there are:", self->err);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(self->err, " %s", commands[i].word);
    fputc('\n', self->err);
    return TR_EXIT_OK;
}

int tr_chat_command(tr_chat_t *self, const char *line, size_t len) {
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strlen(commands[i].word) != len || memcmp(commands[i].word, line, len) != 0)
            continue;
        if (!commands[i].show)
            return strcmp(commands[i].word, "/quit") == 0 ? TR_CHAT_QUIT : help(self);
        json_t *answer = NULL;
        bool tasks = commands[i].show == show_tasks;
        json_t *request = tasks ? json_pack("{s:s, s:i}", "action", "list", "max-results", TASKS)
                                : json_pack("{s:s, s:s}", "action", commands[i].action, "user", self->user);
        tr_pen_begin(&self->pen);
        int code = tr_chat_ask(self, tasks ? "svc:tasks" : self->agent, request, &answer);
        if (code == TR_EXIT_OK && answer)
            code = commands[i].show(self, answer);
        json_decref(answer);
        return code;
    }
    return unknown(self, line, len);
}
