/* A talk in the terminal or from a pipe (`troupe chat`): what its parts share. */
#ifndef TR_TOOLS_CHAT_H
#define TR_TOOLS_CHAT_H

#include "lib/base/buffer.h"
#include "tools/cli/ask_json.h"
#include "tools/cli/edit_line.h"
#include "tools/cli/pen.h"

#include <limits.h>

#define TR_CHAT_QUIT      (TR_EXIT_SIGNAL + 256) /* no exit code: the user has had enough */
#define TR_CHAT_TOPIC_MAX 200
#define TR_CHAT_FOLLOWED  64 /* tasks; what becomes of others is not told */

/* What becomes of tasks that were asked for here: {ID: {"plan": MARK, "stopped": its plan was}}, {MARK: title}. */
typedef struct tr_chat_news {
    json_t *tasks, *plans;
    tr_buffer_t waiting; /* lines that are told when the turn is over */
    bool hears_plans;
    int64_t told_ms; /* of the last one that says how far a task is */
} tr_chat_news_t;

typedef struct tr_chat {
    tr_call_t call; /* whose err are the problems below */
    FILE *err;      /* where they go */
    FILE *problems; /* what there is to say of what went wrong, until the line is at its end */
    char *problem;
    size_t problem_len;
    const tr_cli_common_t *common;
    const char *agent, *user;
    char history[PATH_MAX]; /* the file of what was typed; "" = there is no place for one */
    tr_cli_session_t *session;
    tr_edit_line_t *edit;  /* NULL: lines are read as they come */
    bool prompts;          /* stdin is a terminal: there is a person */
    bool greeted, forgets; /* the agent was asked whether it remembers, and does not */
    bool is_busy;          /* an answer is waited for */
    bool lost;             /* the broker is away */
    char conversation[32]; /* of the turn that goes on, "": the user may talk elsewhere at the same time */
    tr_pen_t pen;
    tr_buffer_t shown; /* what came of its reply by the topic */
    tr_chat_news_t news;
} tr_chat_t;

/* ---- chat.c ---- */

const char *tr_chat_text(const json_t *object, const char *key); /* "" where it has none */
/* A line of what others wrote, which moves no cursor. */
void tr_chat_line(tr_chat_t *self, const char *mark, const char *text);
/* Says what went wrong, on a line of its own. */
void tr_chat_tell_problems(tr_chat_t *self);
/* Consumes the request. Exit code. A person who ends the waiting by Ctrl-C is told so, and so is the agent; ret_answer then is NULL. */
int tr_chat_ask(tr_chat_t *self, const char *whom, json_t *request, json_t **ret_answer);

/* ---- turn.c: what is said, and the reply as it comes ---- */

int tr_chat_listen(tr_chat_t *self);
int tr_chat_say(tr_chat_t *self, const char *line, size_t len);
/* A piece of a reply. */
void tr_chat_piece(tr_chat_t *self, tr_value_t piece);

/* ---- command.c: /history, /tasks ... ---- */

/* The words, for completion; ended by NULL. */
extern const char *const tr_chat_words[];
/* TR_CHAT_QUIT, or an exit code. */
int tr_chat_command(tr_chat_t *self, const char *line, size_t len);

/* ---- news.c: what becomes of the tasks that were asked for ---- */

/* Of a turn that was answered: follows its tasks. */
void tr_chat_follow(tr_chat_t *self, const json_t *turn);
/* Something was published of a task or a plan. */
void tr_chat_event(tr_chat_t *self, tr_value_t event);
/* A line about the talk itself or what goes on beside it: now, above what is typed, or in the middle of a reply, which then goes on. */
void tr_chat_notice(tr_chat_t *self, const char *text);
/* The turn is over: what came meanwhile. */
void tr_chat_tell_news(tr_chat_t *self);
void tr_chat_news_finish(tr_chat_news_t *self);

#endif
