/* `troupe chat`: a talk with an assistant or a dialogue, line by line, whose replies appear as they come (docs/minds.md). */
#include "lib/agent/json_request.h"
#include "tools/chat/chat.h"
#include "tools/cli/lines.h"
#include "tools/verbs/verbs.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROMPT   "> "
#define GREET_MS 2000 /* for the agent to say whether it remembers: then the talk begins without */
#define FORGETS                                                                                              \
    "It keeps no memory: what is said is forgotten when its process ends (`memory`, docs/minds.md).\n"
#define HISTORY_NAME 80 /* characters of the user's name in that of the file */

typedef struct options {
    tr_cli_common_t common;
    const char *user;
    bool no_history;
} options_t;

static const tr_option_t table[] = {
    {"user", 'u', "NAME", TR_STRING(options_t, user), NULL,
        "Whose session it is; default: the user of this shell.", .flags = TR_OPTION_FLAG_ONLY},
    {"no-history", 0, NULL, TR_BOOL(options_t, no_history), NULL,
        "Keep what is typed for no other run, and recall nothing of others.", .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_CONNECT_OPTIONS(options_t, "60s"),
};

static const tr_program_t program = {
    .name = "troupe chat",
    .summary = "Talk with an assistant",
    .description =
        "Each line of stdin is a turn; the replies of AGENT (default: assistant) appear as "
        "they come. The "
        "session is the user's: it goes on where it was left.\n\n"
        "/history shows what was said, /tasks the last tasks of all, /why how the last reply came about, "
        "/profile what the agent "
        "has learnt of the user, /forget ends the session for good and removes what the user has typed, "
        "/quit this talk; /help shows "
        "them all.\n\n"
        "On a terminal the line is edited (arrows, Emacs' keys or vi's by ~/.editrc, Tab for commands), and "
        "what was "
        "typed is recalled by the arrows and Ctrl-R, also in the next run: the last 500 lines are in "
        "$XDG_STATE_HOME/troupe/.chat-NAME (~/.local/state; with --state DIR in DIR/.chat-NAME), for you "
        "alone, but none that begins with a "
        "space or seems to have a password, a token "
        "or a key in it. Several lines that are pasted are one turn. Ctrl-C ends a reply, or drops the line; "
        "Ctrl-D ends the talk. "
        "What becomes of tasks that you have asked for appears above the line.",
    .examples = "troupe up -d examples/assistant.yaml\ntroupe chat\n"
                "echo 'search for the harbour' | troupe chat assistant --user ann",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "[AGENT]",
    .most_arguments = 1,
};

/* ---- what comes ---- */

static void on_message(tr_cli_session_t *session, const tr_message_t *message, void *arg) {
    tr_chat_t *chat = arg;
    tr_value_t value = tr_message_value(message);
    (void)session;
    if (tr_message_type(message) != TR_MESSAGE_EVENT)
        return;
    if (tr_value_get(value, "conversation"))
        tr_chat_piece(chat, value);
    else
        tr_chat_event(chat, value);
}

static void on_link(tr_cli_session_t *session, tr_host_event_t event, void *arg) {
    tr_chat_t *chat = arg;
    (void)session;
    if (!chat->edit)
        return;
    if (event == TR_HOST_DISCONNECTED && !chat->lost) {
        chat->lost = true;
        tr_chat_notice(chat, "(the broker is away; this goes on when it is there again)");
    } else if (event == TR_HOST_RESUMED && chat->lost) {
        chat->lost = false;
        tr_chat_notice(chat, "(the broker is there again)");
    } else if (event == TR_HOST_CONNECTED && chat->lost) {
        chat->lost = false;
        tr_chat_notice(chat, chat->is_busy
                                 ? "(the broker was started again, and may know nothing of what was asked: "
                                   "Ctrl-C ends the waiting)"
                                 : "(the broker was started again)");
    }
}

/* ---- lines ---- */

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

/* Without the space around it; of an empty one there is nothing to say. Several lines are no command. */
static int take(tr_chat_t *chat, const char *line, size_t len) {
    for (; len && isspace((unsigned char)line[len - 1]); len--)
        ;
    for (; len && isspace((unsigned char)*line); line++, len--)
        ;
    if (len == 0)
        return TR_EXIT_OK;
    bool commands = *line == '/' && !memchr(line, '\n', len);
    return commands ? tr_chat_command(chat, line, len) : tr_chat_say(chat, line, len);
}

/* What is refused, or comes too late, ends a talk that comes from a file, and not one with a person. */
static int survive(const tr_chat_t *chat, int code) {
    bool survives =
        code == TR_EXIT_REFUSED || code == TR_EXIT_TIMEOUT || (code == TR_EXIT_UNREACHABLE && chat->edit);
    return chat->prompts && survives ? TR_EXIT_OK : code;
}

static int on_line(void *arg, const char *line, size_t len) {
    tr_chat_t *chat = arg;
    char *typed = chat->prompts ? strndup(line, len) : NULL;
    int code = typed ? take(chat, typed, drop_keys(typed, len)) : take(chat, line, len);
    free(typed);
    tr_chat_tell_news(chat);
    if (chat->prompts && code != TR_CHAT_QUIT)
        fputs(PROMPT, chat->call.out);
    fflush(chat->call.out);
    return survive(chat, code);
}

static int read_plainly(tr_chat_t *chat) {
    if (chat->prompts)
        fputs(PROMPT, chat->call.out);
    fflush(chat->call.out);
    int code = tr_cli_read_lines(&chat->call, chat->session, on_line, chat);
    tr_chat_tell_problems(chat);
    if (chat->prompts && code != TR_CHAT_QUIT)
        fputc('\n', chat->call.out); /* behind the last prompt */
    return code;
}

/* Ctrl-C twice where nothing is typed is meant. */
static int read_edited(tr_chat_t *chat) {
    bool warned = false;
    if (tr_edit_line_attach(chat->edit, chat->session) < 0)
        return tr_cli_fail(&chat->call, TR_EXIT_REFUSED, "out of memory");
    for (;;) {
        tr_edit_event_t event;
        tr_chat_tell_news(chat);
        int code = tr_edit_line_read(chat->edit, &event);
        if (code == TR_EXIT_OK && event.kind == TR_EDIT_LINE) {
            warned = false;
            code = survive(chat, take(chat, event.line, event.len));
        } else if (code == TR_EXIT_OK && event.kind == TR_EDIT_INTERRUPTED && !warned) {
            warned = true;
            tr_chat_line(chat, "", "(Ctrl-C again, or Ctrl-D, ends the talk)");
        } else {
            fputs(event.kind == TR_EDIT_INTERRUPTED ? "" : "\n", chat->call.out);
            return code;
        }
        if (code != TR_EXIT_OK)
            return code;
    }
}

/* ---- its life ---- */

static void on_history(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_chat_t *chat = arg;
    json_t *content = tr_answer_json(answer);
    (void)agent, (void)state;
    chat->forgets = tr_answer_is_good(answer) && json_is_false(json_object_get(content, "kept"));
    chat->greeted = true;
    json_decref(content);
}

/* To a person. An agent that is not there, or says nothing, is told with the first turn. */
static int greet(tr_chat_t *chat) {
    json_t *request = json_pack("{s:s, s:s}", "action", "history", "user", chat->user);
    fprintf(chat->call.out, "Talking to %s as %s; /help shows the commands.\n", chat->agent, chat->user);
    int rc = tr_request_json(
        tr_cli_session_agent(chat->session), NULL, chat->agent, request, GREET_MS, on_history, chat);
    json_decref(request);
    int code = rc == 0 ? tr_cli_wait(chat->session, &chat->greeted, INT64_MAX) : TR_EXIT_OK;
    fputs(chat->forgets ? FORGETS : "", chat->call.out);
    return code;
}

/* Where lines are kept for the next run: beside the state of fleets, under a name that no fleet has. */
static void find_history(const options_t *o, const char *user, char out[PATH_MAX]) {
    char root[PATH_MAX], name[HISTORY_NAME + 1];
    size_t n = 0;
    for (; user[n] && n < HISTORY_NAME; n++)
        name[n] = (char)(isalnum((unsigned char)user[n]) || user[n] == '-' ? user[n] : '_');
    name[n] = '\0';
    if (tr_state_user_root(o->common.state, root) < 0 ||
        snprintf(out, PATH_MAX, "%s/.chat-%s", root, name) >= PATH_MAX)
        *out = '\0';
}

/* Before the session: what watches over the terminal is a child. */
static int open_terminal(tr_chat_t *chat, const options_t *o) {
    tr_error_t error = {0};
    bool keeps = !o->no_history && *chat->history;
    chat->prompts = isatty(STDIN_FILENO);
    if (!tr_edit_line_possible(STDIN_FILENO, chat->call.out))
        return TR_EXIT_OK;
    tr_edit_line_config_t config = {.out = chat->call.out,
        .prompt = PROMPT,
        .history = keeps ? chat->history : NULL,
        .words = tr_chat_words};
    return tr_edit_line_new(&config, &chat->edit, &error) == 0
               ? TR_EXIT_OK
               : tr_cli_fail(&chat->call, TR_EXIT_REFUSED, "%s", error.text);
}

static int open_session(tr_chat_t *chat) {
    tr_cli_session_config_t config = {.call = &chat->call,
        .common = chat->common,
        .on_message = on_message,
        .on_link = on_link,
        .arg = chat};
    int code = tr_cli_session_open(&config, &chat->session);
    return code == TR_EXIT_OK ? tr_chat_listen(chat) : code;
}

static int talk(tr_chat_t *chat, const options_t *o) {
    find_history(o, chat->user, chat->history);
    int code = open_terminal(chat, o);
    if (code == TR_EXIT_OK)
        code = open_session(chat);
    if (code == TR_EXIT_OK && chat->prompts)
        code = greet(chat);
    if (code == TR_EXIT_OK)
        code = chat->edit ? read_edited(chat) : read_plainly(chat);
    tr_cli_session_close(&chat->session);
    tr_edit_line_destroy(&chat->edit);
    return code == TR_CHAT_QUIT ? TR_EXIT_OK : code;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    const char *shell = getenv("USER");
    tr_chat_t chat = {.call = *call,
        .err = call->err,
        .common = &o->common,
        .agent = call->arguments.count ? call->arguments.items[0] : "assistant",
        .user = o->user           ? o->user
                : shell && *shell ? shell
                                  : "user"};
    chat.problems = open_memstream(&chat.problem, &chat.problem_len);
    if (!chat.problems)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    chat.call.err = chat.problems;
    tr_pen_init(&chat.pen, call->out);
    int code = talk(&chat, o);
    tr_chat_tell_problems(&chat);
    tr_chat_news_finish(&chat.news);
    tr_buffer_finish(&chat.shown);
    fclose(chat.problems);
    free(chat.problem);
    return code;
}

const tr_verb_t tr_verb_chat = {"chat", TR_VERB_TALK, &program, sizeof(options_t), run};
