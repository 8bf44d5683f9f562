/*
 * A terminal taken over for a live view, and given back in every case: on an orderly end by
 * tr_screen_destroy, and when this process is killed or crashes by tty_guard.h.
 *
 * Plain ANSI sequences of the VT100 and xterm's alternate screen: every terminal of today, tmux and screen.
 */
#ifndef TR_TOOLS_SCREEN_H
#define TR_TOOLS_SCREEN_H

#include "lib/base/error.h"
#include "tools/top/top_layout.h"

#include <stdbool.h>
#include <stdio.h>

typedef struct tr_screen tr_screen_t;

/* Whether both can be taken over: they are terminals, and TERM is not "dumb". */
bool tr_screen_possible(int in, FILE *out);
/* Starts the child, and changes nothing yet: call it before there are threads or connections, which the child
 * would share. */
int tr_screen_new(int in, FILE *out, tr_screen_t **ret_self, tr_error_t *error);
/* Alternate screen, no cursor, keys as they are pressed (Ctrl-C stays a signal). */
int tr_screen_enter(tr_screen_t *self, tr_error_t *error);
/* Gives the terminal back. */
void tr_screen_destroy(tr_screen_t **self);

/* 80 and 24 where the terminal does not say. */
void tr_screen_size(const tr_screen_t *self, size_t *ret_width, size_t *ret_height);
/* Shows these lines and nothing else, without flicker. */
void tr_screen_paint(tr_screen_t *self, const tr_top_screen_t *lines);
/* A key that was pressed; 0 = none now, -1 = the terminal is gone. Escape sequences (arrows ...) are
 * swallowed. */
int tr_screen_key(tr_screen_t *self);

#endif
