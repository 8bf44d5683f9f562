/* What a table shows of a cell. */
#ifndef TR_TOOLS_OUTPUT_CELL_H
#define TR_TOOLS_OUTPUT_CELL_H

#include "tools/cli/output.h"

/* The cell's text for people, malloc'd; NULL when out of memory. `cell` NULL or JSON null: "". */
char *tr_output_cell(const json_t *cell, tr_column_kind_t kind);
/* Columns on a terminal: characters, not bytes. */
size_t tr_output_cell_width(const char *text);
/* The escape sequence of a state's colour, "" for none. */
const char *tr_output_state_colour(const char *state);

#endif
