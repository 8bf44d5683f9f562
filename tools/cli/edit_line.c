/*
 * libedit asks for its next character by next_key(), which waits in the session's loop: so keys, messages and signals have one place where they are waited for, and libedit
 * never blocks. What it has on the screen is known by its line and the width of the window, so it can be taken away for others' lines, and painted anew
 * (EL_REFRESH).
 */
#include "tools/cli/edit_line.h"

#include "lib/base/buffer.h"
#include "tools/cli/edit_history.h"
#include "tools/cli/edit_keys.h"
#include "tools/cli/terminal_text.h"
#include "tools/cli/tty_guard.h"

#include <errno.h>
#include <histedit.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#define READ_MAX 4096
#define BOLD     "\1\033[1m\1" /* \1: what is between takes no column */
#define PLAIN    "\1\033[0m\1"

struct tr_edit_line {
    tr_edit_line_config_t config;
    char prompt[64], history_path[PATH_MAX];
    EditLine *el;
    History *history;
    tr_tty_guard_t guard;
    struct termios saved, between;
    int signal_fd;
    tr_cli_session_t *session;
    tr_edit_keys_t keys;
    tr_buffer_t line;
    size_t columns;
    int code;        /* why there is no more of the line */
    bool is_reading; /* libedit has the terminal */
    bool had_text;   /* what Ctrl-C dropped */
    bool entered;
};

static tr_edit_line_t *self_of(EditLine *el) {
    void *self = NULL;
    el_get(el, EL_CLIENTDATA, &self);
    return self;
}

/* ---- what is on the screen ---- */

/* As libedit shows it: behind the last column it goes to the next row at once. */
static void advance(tr_terminal_place_t *place, uint32_t code, size_t columns) {
    bool is_control = (code < 0x20 && code != '\n' && code != '\t') || code == 0x7f; /* ^X */
    if (is_control)
        tr_terminal_advance(place, '^', columns);
    if (code == '\t')
        for (size_t n = 8 - place->column % 8; n > 1; n--)
            tr_terminal_advance(place, ' ', columns);
    tr_terminal_advance(place, is_control ? '?' : code == '\t' ? ' ' : code, columns);
    if (place->column == columns)
        *place = (tr_terminal_place_t){.row = place->row + 1};
}

/* Rows above the cursor that are the line's, too. */
static size_t rows_above(const tr_edit_line_t *self) {
    tr_terminal_place_t place = {.column = strlen(self->config.prompt)};
    const LineInfoW *line = el_wline(self->el);
    size_t columns, lines;
    for (const wchar_t *at = line->buffer; at < line->cursor; at++)
        advance(&place, (uint32_t)*at, self->columns);
    tr_terminal_size(self->config.out, &columns, &lines);
    return place.row < lines ? place.row : lines - 1;
}

void tr_edit_line_hide(tr_edit_line_t *self) {
    size_t rows = self->is_reading ? rows_above(self) : 0;
    if (!self->is_reading)
        return;
    fputc('\r', self->config.out);
    if (rows > 0)
        fprintf(self->config.out, "\033[%zuA", rows);
    fputs("\033[J", self->config.out);
    fflush(self->config.out);
}

void tr_edit_line_show(tr_edit_line_t *self) {
    fflush(self->config.out);
    if (self->is_reading)
        el_set(self->el, EL_REFRESH);
}

static void insert(tr_edit_line_t *self, const char *text) {
    tr_edit_line_hide(self);
    el_insertstr(self->el, text); /* an empty one, or no memory: nothing */
    tr_edit_line_show(self);
}

/* ---- completion ---- */

static bool begins(const char *word, const char *typed, size_t len) {
    return strncmp(word, typed, len) == 0;
}

static void list_words(tr_edit_line_t *self, const char *typed, size_t len) {
    tr_edit_line_hide(self);
    for (const char *const *word = self->config.words; *word; word++)
        if (begins(*word, typed, len))
            fprintf(self->config.out, "%s  ", *word);
    fputc('\n', self->config.out);
    tr_edit_line_show(self);
}

/* Of the words that begin as the line does, what they have in common is added; where that is nothing, they are listed. */
static void complete(tr_edit_line_t *self) {
    const LineInfo *line = el_line(self->el);
    const char *typed = line->buffer, *first = NULL;
    size_t len = (size_t)(line->cursor - typed), common = 0;
    for (const char *const *word = self->config.words; word && *word && len > 0; word++) {
        size_t same = 0;
        if (!begins(*word, typed, len))
            continue;
        while (first && same < common && (*word)[same] == first[same])
            same++;
        common = first ? same : strlen(*word);
        first = first ? first : *word;
    }
    if (first && common > len) {
        char *rest = strndup(first + len, common - len);
        insert(self, rest ? rest : "");
        free(rest);
    } else if (first && first[len]) {
        char *copy = strndup(typed, len); /* showing the line moves libedit's own */
        list_words(self, copy ? copy : "", copy ? len : 0);
        free(copy);
    }
}

/* ---- what libedit asks for ---- */

static char *prompt(EditLine *el) {
    return self_of(el)->prompt;
}

/* What was typed stays to be read, as shells do it. */
static void drop_line(tr_edit_line_t *self) {
    const LineInfo *line = el_line(self->el);
    char *typed = strndup(line->buffer, (size_t)(line->lastchar - line->buffer));
    self->had_text = typed && *typed;
    tr_edit_line_hide(self);
    fprintf(self->config.out, "%s%s^C\n", self->config.prompt, typed ? typed : "");
    fflush(self->config.out);
    free(typed);
}

/* More of what is typed; false: there is none, since the line ends otherwise. */
static bool wait_keys(tr_edit_line_t *self) {
    char bytes[READ_MAX];
    bool ready = false;
    tr_cli_wait_fd(self->session, STDIN_FILENO, &ready);
    self->code = tr_cli_wait(self->session, &ready, INT64_MAX);
    tr_cli_wait_fd(self->session, -1, NULL);
    if (self->code == TR_EXIT_SIGNAL + SIGINT)
        drop_line(self);
    if (self->code != TR_EXIT_OK)
        return false;
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n > 0)
        tr_edit_keys_put(&self->keys, bytes, (size_t)n);
    return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

static int next_key(EditLine *el, wchar_t *ret_key) {
    tr_edit_line_t *self = self_of(el);
    for (;;) {
        uint32_t code = 0;
        switch (tr_edit_keys_next(&self->keys, &code)) {
        case TR_EDIT_CHARACTER:
            if (code != '\t') {
                *ret_key = (wchar_t)code;
                return 1;
            }
            complete(self);
            break;
        case TR_EDIT_PASTE: insert(self, tr_buffer_string(&self->keys.paste)); break;
        case TR_EDIT_NONE:
            if (!wait_keys(self))
                return 0;
        }
    }
}

/* ---- the terminal ---- */

/* Keys wait for the next line, and do not show; signals are signals. */
static void enter(tr_edit_line_t *self) {
    tr_tty_guard_entered(&self->guard);
    self->entered = true;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &self->between);
    fputs(TR_EDIT_PASTE_ON, self->config.out);
    fflush(self->config.out);
}

static void leave(tr_edit_line_t *self) {
    if (!self->entered)
        return;
    fputs(TR_EDIT_PASTE_OFF, self->config.out);
    fflush(self->config.out);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &self->saved);
    self->entered = false;
    tr_tty_guard_left(&self->guard);
}

/* Ctrl-Z: who gets the terminal meanwhile finds it as it was. */
static void stop(tr_edit_line_t *self) {
    bool was_entered = self->entered;
    tr_edit_line_hide(self);
    if (self->is_reading)
        el_set(self->el, EL_PREP_TERM, 0);
    leave(self);
    kill(getpid(), SIGSTOP);
    if (was_entered)
        enter(self);
    if (self->is_reading)
        el_set(self->el, EL_PREP_TERM, 1);
    tr_edit_line_show(self);
}

/* The window has another size. */
static void resize(tr_edit_line_t *self) {
    size_t lines;
    tr_terminal_size(self->config.out, &self->columns, &lines);
    tr_edit_line_hide(self);
    el_resize(self->el);
    tr_edit_line_show(self);
}

static void on_signal(tr_agent_t *agent, void *state, int fd, short events, void *arg) {
    struct signalfd_siginfo info;
    (void)agent, (void)state, (void)events;
    while (read(fd, &info, sizeof info) == sizeof info)
        if (info.ssi_signo == SIGTSTP)
            stop(arg);
        else
            resize(arg);
}

/* ---- lines ---- */

static void remember(void *arg, const char *line) {
    tr_edit_line_t *self = arg;
    HistEvent event;
    history(self->history, &event, H_ENTER, line); /* one less to recall, ignoring */
}

static void take_line(tr_edit_line_t *self, const char *line, size_t len, tr_edit_event_t *ret_event) {
    while (len > 0 && line[len - 1] == '\n')
        len--;
    tr_buffer_drop(&self->line, self->line.size);
    tr_buffer_put(&self->line, line, len);
    const char *text = tr_buffer_string(&self->line);
    if (*text && strlen(text) <= TR_EDIT_HISTORY_LINE)
        remember(self, text);
    if (*self->history_path)
        tr_edit_history_add(self->history_path, text); /* the next run does not know it, ignoring */
    *ret_event = (tr_edit_event_t){.kind = TR_EDIT_LINE, .line = text, .len = self->line.size};
}

void tr_edit_line_forget(tr_edit_line_t *self) {
    HistEvent event;
    history(self->history, &event, H_CLEAR);
}

int tr_edit_line_read(tr_edit_line_t *self, tr_edit_event_t *ret_event) {
    do {
        int len = 0;
        size_t lines;
        if (!self->entered)
            enter(self);
        tr_terminal_size(self->config.out, &self->columns, &lines);
        self->code = TR_EXIT_OK;
        self->had_text = false;
        self->is_reading = true;
        const char *line = el_gets(self->el, &len);
        self->is_reading = false;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &self->between);
        if (line && len > 0) {
            take_line(self, line, (size_t)len, ret_event);
            return TR_EXIT_OK;
        }
        if (self->code == TR_EXIT_SIGNAL + SIGINT)
            tr_cli_session_forgive(self->session);
    } while (self->had_text);
    bool interrupted = self->code == TR_EXIT_SIGNAL + SIGINT;
    *ret_event = (tr_edit_event_t){.kind = interrupted ? TR_EDIT_INTERRUPTED : TR_EDIT_ENDED};
    return interrupted ? TR_EXIT_OK : self->code;
}

/* ---- its life ---- */

bool tr_edit_line_possible(int in, FILE *out) {
    return isatty(in) && tr_terminal_moves(out);
}

/* Keys of today's terminals that libedit has no names for. */
static void bind_keys(EditLine *el) {
    static const char *const keys[][2] = {{"\\e[1~", "ed-move-to-beg"}, {"\\e[H", "ed-move-to-beg"},
        {"\\eOH", "ed-move-to-beg"}, {"\\e[4~", "ed-move-to-end"}, {"\\e[F", "ed-move-to-end"},
        {"\\eOF", "ed-move-to-end"}, {"\\e[3~", "ed-delete-next-char"}, {"\\e[1;5C", "em-next-word"},
        {"\\e[1;5D", "ed-prev-word"}, {"\\e[1;3C", "em-next-word"}, {"\\e[1;3D", "ed-prev-word"},
        {"^R", "em-inc-search-prev"}, {"^W", "ed-delete-prev-word"}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        el_set(el, EL_BIND, keys[i][0], keys[i][1], NULL);
}

static int start_libedit(tr_edit_line_t *self) {
    HistEvent event;
    self->el = el_init("troupe", stdin, self->config.out, stderr);
    self->history = history_init();
    if (!self->el || !self->history)
        return -ENOMEM;
    history(self->history, &event, H_SETSIZE, TR_EDIT_HISTORY_MAX);
    history(self->history, &event, H_SETUNIQUE, 1);
    el_set(self->el, EL_CLIENTDATA, self);
    el_set(self->el, EL_EDITOR, "emacs");
    el_set(self->el, EL_PROMPT_ESC, prompt, '\1');
    el_set(self->el, EL_HIST, history, self->history);
    el_set(self->el, EL_GETCFN, next_key);
    bind_keys(self->el);
    el_source(self->el, NULL); /* the user's own; there may be none, ignoring */
    if (*self->history_path)
        tr_edit_history_load(self->history_path, remember, self);
    return 0;
}

/* Before the library's threads are there, which would get them else. */
static int watch_signals(tr_edit_line_t *self) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    sigaddset(&set, SIGTSTP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    self->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return self->signal_fd < 0 ? -errno : 0;
}

/* libedit shows a sequence with the character behind it, so the last one is of the prompt's last. */
static void set_prompt(tr_edit_line_t *self) {
    bool colour = tr_output_colour(self->config.out);
    const char *text = self->config.prompt;
    int last = (int)strlen(text) - 1;
    snprintf(self->prompt, sizeof self->prompt, "%s%.*s%s%s", colour ? BOLD : "", last, text,
        colour ? PLAIN : "", text + last);
}

int tr_edit_line_new(const tr_edit_line_config_t *config, tr_edit_line_t **ret_self, tr_error_t *error) {
    tr_edit_line_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->config = *config;
    self->signal_fd = -1;
    set_prompt(self);
    snprintf(self->history_path, sizeof self->history_path, "%s", config->history ? config->history : "");
    int rc = tcgetattr(STDIN_FILENO, &self->saved) < 0 ? -errno : 0;
    self->between = self->saved;
    self->between.c_lflag &= (tcflag_t) ~(ICANON | ECHO | IEXTEN);
    self->between.c_cc[VMIN] = 1;
    self->between.c_cc[VTIME] = 0;
    if (rc == 0)
        rc = tr_tty_guard_start(
            &self->guard, STDIN_FILENO, fileno(config->out), TR_EDIT_PASTE_OFF "\r\n", &self->saved);
    if (rc == 0)
        rc = watch_signals(self);
    if (rc == 0)
        rc = start_libedit(self);
    if (rc < 0) {
        tr_edit_line_destroy(&self);
        return tr_error_set(error, rc, "cannot use this terminal: %s", strerror(-rc));
    }
    *ret_self = self;
    return 0;
}

int tr_edit_line_attach(tr_edit_line_t *self, tr_cli_session_t *session) {
    self->session = session;
    return tr_watch(tr_cli_session_agent(session), self->signal_fd, POLLIN, on_signal, self);
}

void tr_edit_line_destroy(tr_edit_line_t **self) {
    tr_edit_line_t *edit = *self;
    sigset_t set;
    if (!edit)
        return;
    if (edit->el)
        el_end(edit->el); /* sets the mode that it has found */
    leave(edit);
    if (edit->history)
        history_end(edit->history);
    tr_tty_guard_stop(&edit->guard);
    if (edit->signal_fd >= 0)
        close(edit->signal_fd);
    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    sigaddset(&set, SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    tr_edit_keys_finish(&edit->keys);
    tr_buffer_finish(&edit->line);
    free(edit);
    *self = NULL;
}
