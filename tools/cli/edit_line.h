/*
 * A line that a person types on a terminal, edited by libedit: arrows, Emacs' keys or vi's (~/.editrc, editrc(5)), recall, Ctrl-R, completion of first words by Tab, UTF-8,
 * several lines that are pasted as one. While it is typed the session's link lives on: what comes is handed out, and may be shown above the line.
 *
 *     tr_edit_line_new(&config, &edit, &error);          before the session is opened
 *     tr_edit_line_attach(edit, session);
 *     while (tr_edit_line_read(edit, &event) == TR_EXIT_OK && event.kind == TR_EDIT_LINE)
 *         ...
 *     tr_edit_line_destroy(&edit);                       after the session was closed
 *
 * Between two lines keys are kept for the next one and do not show. The terminal is given back in every case: by tr_edit_line_destroy, when
 * the process is stopped by Ctrl-Z for that time, and by tty_guard.h when it is killed.
 *
 * Needs libedit (-Dediting); without it no terminal is possible, and lines are read as from a pipe.
 */
#ifndef TR_TOOLS_EDIT_LINE_H
#define TR_TOOLS_EDIT_LINE_H

#include "tools/cli/session.h"

typedef struct tr_edit_line tr_edit_line_t;

typedef struct tr_edit_line_config {
    FILE *out;
    const char *prompt; /* ASCII, not empty; borrowed */
    const char *
        history; /* the path of a file (edit_history.h); NULL = lines are forgotten at the end. A copy is kept */
    const char *const *words; /* what Tab completes at a line's beginning, ended by NULL; borrowed */
} tr_edit_line_config_t;

typedef enum tr_edit_kind {
    TR_EDIT_LINE,
    TR_EDIT_INTERRUPTED, /* Ctrl-C where nothing was typed; of a line it only drops that */
    TR_EDIT_ENDED,       /* Ctrl-D, or the terminal is gone */
} tr_edit_kind_t;

typedef struct tr_edit_event {
    tr_edit_kind_t kind;
    const char *line; /* UTF-8, without its end; borrowed until the next call */
    size_t len;
} tr_edit_event_t;

/* Both are terminals that can move their cursor (TERM is not "dumb"). */
bool tr_edit_line_possible(int in, FILE *out);
int tr_edit_line_new(const tr_edit_line_config_t *config, tr_edit_line_t **ret_self, tr_error_t *error);
void tr_edit_line_destroy(tr_edit_line_t **self);
/* 0 or -ENOMEM. */
int tr_edit_line_attach(tr_edit_line_t *self, tr_cli_session_t *session);

/* Exit code; a signal but SIGINT ends it. */
int tr_edit_line_read(tr_edit_line_t *self, tr_edit_event_t *ret_event);

/* What was typed before is recalled no more; the file is the caller's to remove. */
void tr_edit_line_forget(tr_edit_line_t *self);

/* Takes what is typed off the screen, and puts it there again: between them one may write whole lines. Nothing where no line is typed. */
void tr_edit_line_hide(tr_edit_line_t *self);
void tr_edit_line_show(tr_edit_line_t *self);

#endif
