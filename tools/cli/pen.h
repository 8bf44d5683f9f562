/*
 * Text of others on its way to where results go, in pieces that may be cut anywhere.
 *
 * On a terminal it is made safe (terminal_text.h; also where a sequence is spread over pieces), and the pen knows how many rows it takes, so that a draft
 * can be taken back. Elsewhere the bytes go as they are, and nothing can be taken back.
 */
#ifndef TR_TOOLS_PEN_H
#define TR_TOOLS_PEN_H

#include "tools/cli/terminal_text.h"

typedef struct tr_pen {
    FILE *out; /* borrowed */
    bool terminal, moves;
    size_t columns, lines;
    tr_terminal_place_t place;
    char held[4]; /* the beginning of a character */
    size_t held_len;
} tr_pen_t;

void tr_pen_init(tr_pen_t *self, FILE *out);
/* What comes now begins here, in the first column. */
void tr_pen_begin(tr_pen_t *self);
/* Flushes. */
void tr_pen_put(tr_pen_t *self, const char *text, size_t len);
/* Ends the line, unless nothing stands on it. */
void tr_pen_end_line(tr_pen_t *self);
/* Takes back what there is since tr_pen_begin; false where that cannot be: the terminal cannot, a part has left the screen, or the window has another size
 * than it had. */
bool tr_pen_erase(tr_pen_t *self);

#endif
