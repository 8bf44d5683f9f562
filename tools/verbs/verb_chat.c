/* `troupe chat`: a talk with an assistant or a dialogue, line by line, whose replies appear as they come (docs/minds.md). */
#include "lib/base/buffer.h"
#include "lib/base/random.h"
#include "proto/json.h"
#include "tools/cli/ask_json.h"
#include "tools/cli/lines.h"
#include "tools/cli/message_text.h"
#include "tools/cli/output_yaml.h"
#include "tools/verbs/verbs.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUIT      (TR_EXIT_SIGNAL + 256) /* no exit code: the user has had enough */
#define TASKS     10
#define TOPIC_MAX 200
#define NOTHING   "Nothing was said yet."
#define WITHDRAWN " (withdrawn)\n" /* behind what is shown, and was a draft */

typedef struct options {
    tr_cli_common_t common;
    const char *user;
} options_t;

typedef struct chat {
    const tr_call_t *call;
    const options_t *options;
    const char *agent, *user;
    tr_cli_session_t *session;
    char conversation[32]; /* of this turn: the user may talk elsewhere at the same time */
    tr_buffer_t shown;     /* what came of its reply by the topic */
    bool prompts;
} chat_t;

static const tr_option_t table[] = {
    {"user", 'u', "NAME", TR_STRING(options_t, user), NULL,
        "Whose session it is; default: the user of this shell.", .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_CONNECT_OPTIONS(options_t, "60s"),
};

static const tr_program_t program = {
    .name = "troupe chat",
    .summary = "Talk with an assistant",
    .description =
        "Each line of stdin is a turn; the replies of AGENT (default: assistant) appear as "
        "they come. The "
        "session is the user's: it goes on where it was left.\n\n"
        "/history shows what was said, /tasks the last tasks, /why how the last reply came about, "
        "/profile what the agent "
        "has learnt of the user, /forget ends the session for good, /quit this talk; /help shows "
        "them all. A line that is typed is edited as the terminal does; `rlwrap troupe chat` adds arrows "
        "and recall.",
    .examples = "troupe up -d examples/assistant.yaml\ntroupe chat\n"
                "echo 'search for the harbour' | troupe chat assistant --user ann",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "[AGENT]",
    .most_arguments = 1,
};

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* ---- the stream ---- */

static void on_piece(tr_cli_session_t *session, const tr_message_t *message, void *arg) {
    chat_t *chat = arg;
    size_t len = 0;
    (void)session;
    tr_value_t piece = tr_message_value(message);
    if (tr_message_type(message) != TR_MESSAGE_EVENT ||
        !tr_value_equals(tr_value_get(piece, "conversation"), chat->conversation))
        return;
    const char *text = tr_value_str(tr_value_get(piece, "text"), &len);
    if (!text)
        return;
    if (tr_value_bool(tr_value_get(piece, "again"), false)) { /* what is shown was a draft */
        fputs(chat->shown.size ? WITHDRAWN : "", chat->call->out);
        chat->shown.size = 0;
    }
    tr_cli_print_raw(chat->call->out, text, len);
    fflush(chat->call->out);
    tr_buffer_put(&chat->shown, text, len);
}

/* As agentd names it (docs/minds.md). */
static int subscribe(chat_t *chat) {
    char topic[TOPIC_MAX];
    int n = snprintf(topic, sizeof topic, "dialogue.%.80s.", chat->agent);
    for (char *at = topic + 9; at < topic + n - 1; at++)
        *at = *at == '.' ? '_' : *at;
    for (const char *at = chat->user; *at && n < TOPIC_MAX - 1; at++)
        topic[n++] = (char)(isalnum((unsigned char)*at) || *at == '-' ? *at : '_');
    topic[n] = '\0';
    return tr_subscribe(tr_cli_session_agent(chat->session), topic) == 0
               ? TR_EXIT_OK
               : tr_cli_fail(chat->call, TR_EXIT_REFUSED, "cannot subscribe to %s", topic);
}

/* ---- turns and commands ---- */

static int ask(chat_t *chat, const char *whom, json_t *request, json_t **ret_answer) {
    tr_cli_session_renew(chat->session);
    snprintf(chat->conversation, sizeof chat->conversation, "chat-%016" PRIx64, tr_random_seed());
    return tr_cli_ask_json_within(chat->session, chat->call, whom, chat->conversation, request, ret_answer);
}

/* What others wrote moves no cursor. */
static void show_line(chat_t *chat, const char *mark, const char *text) {
    fputs(mark, chat->call->out);
    tr_cli_print_raw(chat->call->out, text, strlen(text));
    fputc('\n', chat->call->out);
}

/* The model did not answer: whoever reads on should know by whom it is. */
static void tell_fallback(chat_t *chat, const char *why) {
    if (!*why)
        return;
    fflush(chat->call->out);
    fputs("(by the built-in mind, as the model did not answer: ", chat->call->err);
    tr_cli_print_raw(chat->call->err, why, strlen(why));
    fputs(")\n", chat->call->err);
}

static int say(chat_t *chat, const char *line, size_t len) {
    json_t *turn = NULL;
    chat->shown.size = 0;
    int code = ask(chat, chat->agent, json_pack("{s:s%, s:s}", "text", line, len, "user", chat->user), &turn);
    const char *reply = text_at(turn, "reply");
    size_t shown = chat->shown.size;
    bool its = !chat->shown.failed && shown <= strlen(reply) &&
               (!shown || memcmp(chat->shown.data, reply, shown) == 0);
    if (code == TR_EXIT_OK) {
        fputs(its ? "" : WITHDRAWN, chat->call->out);
        show_line(chat, "", its ? reply + shown : reply);
        tell_fallback(chat, text_at(turn, "fallback"));
    }
    json_decref(turn);
    return code;
}

static int show_history(chat_t *chat, const json_t *answer) {
    const json_t *turns = json_object_get(answer, "history");
    if (*text_at(answer, "summary"))
        show_line(chat, "before: ", text_at(answer, "summary"));
    for (size_t i = 0; i < json_array_size(turns); i++) {
        show_line(chat, "> ", text_at(json_array_get(turns, i), "user"));
        show_line(chat, "", text_at(json_array_get(turns, i), "reply"));
    }
    if (chat->prompts && json_array_size(turns) == 0)
        show_line(chat, "", NOTHING);
    return TR_EXIT_OK;
}

static int show_tasks(chat_t *chat, const json_t *answer) {
    const json_t *tasks = json_object_get(answer, "tasks");
    for (size_t i = 0; i < json_array_size(tasks); i++) {
        const json_t *task = json_array_get(tasks, i);
        fprintf(chat->call->out, "%-12s %s  ", text_at(task, "state"), text_at(task, "task"));
        show_line(chat, "", text_at(task, "description"));
    }
    if (chat->prompts && json_array_size(tasks) == 0)
        show_line(chat, "", "There are no tasks.");
    return TR_EXIT_OK;
}

/* For a person as YAML, for a program as JSON. */
static int show_value(chat_t *chat, const json_t *answer) {
    if (chat->prompts && (json_is_null(answer) || json_object_size(answer) == 0)) {
        show_line(chat, "", NOTHING);
    } else if (chat->prompts) {
        tr_output_yaml(answer, false, chat->call->out);
    } else {
        json_dumpf(answer, chat->call->out, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(4));
        fputc('\n', chat->call->out);
    }
    return TR_EXIT_OK;
}

static int show_forgotten(chat_t *chat, const json_t *answer) {
    return chat->prompts ? (show_line(chat, "", "It is forgotten."), TR_EXIT_OK) : show_value(chat, answer);
}

static const struct {
    const char *word, *action, *summary;
    int (*show)(chat_t *chat, const json_t *answer); /* NULL = nobody is asked */
} commands[] = {
    {"/history", "history", "what was said", show_history},
    {"/tasks", "list", "the last tasks, and how they are", show_tasks},
    {"/why", "why", "how the last reply came about", show_value},
    {"/profile", "profile", "what the agent has learnt of you", show_value},
    {"/forget", "forget", "end the session for good: what was said, and what was learnt", show_forgotten},
    {"/help", NULL, "these lines", NULL},
    {"/quit", NULL, "end this talk; the session goes on next time", NULL},
};

static int help(chat_t *chat) {
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(chat->call->out, "%-9s %s\n", commands[i].word, commands[i].summary);
    return TR_EXIT_OK;
}

static int unknown(chat_t *chat, const char *line, size_t len) {
    fprintf(chat->call->err, "there is no command %.*s; there are:", len < 40 ? (int)len : 40, line);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(chat->call->err, " %s", commands[i].word);
    fputc('\n', chat->call->err);
    return TR_EXIT_OK;
}

static int command(chat_t *chat, const char *line, size_t len) {
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strlen(commands[i].word) != len || memcmp(commands[i].word, line, len) != 0)
            continue;
        if (!commands[i].show)
            return strcmp(commands[i].word, "/quit") == 0 ? QUIT : help(chat);
        json_t *answer = NULL;
        bool tasks = commands[i].show == show_tasks;
        json_t *request = tasks ? json_pack("{s:s, s:i}", "action", "list", "max-results", TASKS)
                                : json_pack("{s:s, s:s}", "action", commands[i].action, "user", chat->user);
        int code = ask(chat, tasks ? "svc:tasks" : chat->agent, request, &answer);
        if (code == TR_EXIT_OK)
            code = commands[i].show(chat, answer);
        json_decref(answer);
        return code;
    }
    return unknown(chat, line, len);
}

/* Arrows and other keys that mean nothing here, as a terminal sends them: ESC [ ... LETTER, ESC LETTER. How long the line is without. */
static size_t drop_keys(char *line, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (line[i] != '\033') {
            line[n++] = line[i];
            continue;
        }
        i++;
        if (i < len && (line[i] == '[' || line[i] == 'O'))
            for (i++; i < len && !isalpha((unsigned char)line[i]) && line[i] != '~'; i++)
                ;
    }
    return n;
}

/* Without the space around it; of an empty one there is nothing to say. */
static int take(chat_t *chat, const char *line, size_t len) {
    for (; len && isspace((unsigned char)line[len - 1]); len--)
        ;
    for (; len && isspace((unsigned char)*line); line++, len--)
        ;
    return len == 0 ? TR_EXIT_OK : *line == '/' ? command(chat, line, len) : say(chat, line, len);
}

/* What is refused, or comes too late, ends a talk that comes from a file, and not one with a person. */
static int on_line(void *arg, const char *line, size_t len) {
    chat_t *chat = arg;
    char *typed = chat->prompts ? strndup(line, len) : NULL;
    int code = typed ? take(chat, typed, drop_keys(typed, len)) : take(chat, line, len);
    free(typed);
    if (chat->prompts && code != QUIT)
        fputs("> ", chat->call->out);
    fflush(chat->call->out);
    return chat->prompts && (code == TR_EXIT_REFUSED || code == TR_EXIT_TIMEOUT) ? TR_EXIT_OK : code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    const char *shell = getenv("USER");
    chat_t chat = {.call = call,
        .options = o,
        .agent = call->arguments.count ? call->arguments.items[0] : "assistant",
        .user = o->user           ? o->user
                : shell && *shell ? shell
                                  : "user",
        .prompts = isatty(STDIN_FILENO)};
    tr_cli_session_config_t config = {
        .call = call, .common = &o->common, .on_message = on_piece, .arg = &chat};
    tr_buffer_init(&chat.shown, 0);
    int code = tr_cli_session_open(&config, &chat.session);
    if (code == TR_EXIT_OK)
        code = subscribe(&chat);
    if (code == TR_EXIT_OK && chat.prompts)
        fprintf(call->out, "Talking to %s as %s; /help shows the commands.\n> ", chat.agent, chat.user);
    fflush(call->out);
    if (code == TR_EXIT_OK)
        code = tr_cli_read_lines(call, chat.session, on_line, &chat);
    if (chat.prompts && code != QUIT)
        fputc('\n', call->out); /* behind the last prompt */
    tr_cli_session_close(&chat.session);
    tr_buffer_finish(&chat.shown);
    return code == QUIT ? TR_EXIT_OK : code;
}

const tr_verb_t tr_verb_chat = {"chat", TR_VERB_TALK, &program, sizeof(options_t), run};
