/* What a table shows of a cell. */
#ifndef TR_TOOLS_OUTPUT_CELL_H
#define TR_TOOLS_OUTPUT_CELL_H

#include "tools/cli/output.h"

/* The cell's text for people, malloc'd; NULL when out of memory. `cell` NULL or JSON null: "". */
char *tr_output_cell(const json_t *cell, tr_column_kind_t kind);
/* A time in few columns: "12:00:00" of today, "01-31 12:00" of this year, else "2026-01-31"; `now` in seconds. Other cells as above. */
char *tr_output_brief_cell(const json_t *cell, tr_column_kind_t kind, int64_t now);
/* Cuts a cell to so many columns, where it has more: with "…" at its end, and of a name (a text without spaces and quotes) in its middle,
 * since names of a kind begin alike; as tr_output_cell. Consumes the text. */
char *tr_output_cut_cell(char *text, size_t columns);
/* Columns on a terminal: characters, not bytes. */
size_t tr_output_cell_width(const char *text);
/* The escape sequence of a state's colour, "" for none. */
const char *tr_output_state_colour(const char *state);

#endif
