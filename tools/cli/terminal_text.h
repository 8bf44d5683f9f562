/*
 * Texts on a terminal: what of them may go there, how many columns they take, and where they leave the cursor. UTF-8.
 *
 * What agents say is theirs, and a terminal obeys what it is shown: a control character in it could move the cursor over what others
 * said, change the title, or have the terminal type. So none goes there (ECMA-48: C0 but tab and newline, DEL, C1), and no character that turns the
 * order of those after it round (UAX 9), by which a text reads as another one. Each is shown as '?', as is each byte that is no UTF-8.
 *
 * Columns are those of wcwidth in the locale that main has set (LC_CTYPE, C.UTF-8).
 */
#ifndef TR_TOOLS_TERMINAL_TEXT_H
#define TR_TOOLS_TERMINAL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Tab and newline are not: where they may be is for the caller to say. */
bool tr_terminal_is_safe(uint32_t code);
/* Writes what is safe, tabs and newlines with it. */
void tr_terminal_print(FILE *out, const char *text, size_t len);
/* Makes a text safe in its place; it gets no longer. */
void tr_terminal_make_safe(char *text);
/* For one line: tabs and newlines are '?', too. malloc'd; NULL when out of memory. */
char *tr_terminal_safe_copy(const char *text);

/* 0 (it stands on the one before), 1 or 2. */
size_t tr_terminal_columns(uint32_t code);
size_t tr_terminal_width(const char *text, size_t len);
/* How many bytes of the text, which is safe, are in its first `columns`. */
size_t tr_terminal_fit(const char *text, size_t len, size_t columns);

/* Bytes at the text's end that are the beginning of a character whose rest may come: 0 to 3. */
size_t tr_terminal_unfinished(const char *text, size_t len);

/* Where a cursor is that began in the first column of row 0. With `column` as large as the width it stands behind the last column, and the next character
 * goes to the next row. */
typedef struct tr_terminal_place {
    size_t column, row;
} tr_terminal_place_t;
/* Behind this character, on a terminal of so many columns. */
void tr_terminal_advance(tr_terminal_place_t *place, uint32_t code, size_t columns);

/* A terminal that can move its cursor: TERM is not "dumb". */
bool tr_terminal_moves(FILE *out);
/* 80 and 24 where it is no terminal, or does not say. */
void tr_terminal_size(FILE *out, size_t *ret_columns, size_t *ret_lines);

#endif
