/* Lines of stdin for verbs that send each of them, read as they come while the session's link lives on. */
#ifndef TR_TOOLS_LINES_H
#define TR_TOOLS_LINES_H

#include "tools/cli/session.h"

#define TR_CLI_LINE_MAX (1u << 20) /* bytes */

/* Exit code: what is not TR_EXIT_OK ends the reading. The line is borrowed, and without its end; it may be empty. */
typedef int (*tr_cli_line_fn)(void *arg, const char *line, size_t len);

/* Gives all lines to fn, at the end also one without its end. Exit code: fn's, or what was wrong (said). */
int tr_cli_read_lines(const tr_call_t *call, tr_cli_session_t *session, tr_cli_line_fn fn, void *arg);

#endif
