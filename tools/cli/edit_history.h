/*
 * Lines that were typed, kept for the next run: a file of a JSON text a line, the newest last, for its owner alone (0600), of TR_EDIT_HISTORY_MAX lines at
 * most once it was read. Each line is appended when it was typed, so that one of a run that crashes is there, and those of runs at the same time, too.
 *
 * What a line that looks as if it had a secret in it says is not written: one never knows who gets to see the file, as a part of a backup. Nor is one that
 * begins with a space, as shells do it.
 */
#ifndef TR_TOOLS_EDIT_HISTORY_H
#define TR_TOOLS_EDIT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#define TR_EDIT_HISTORY_MAX  500
#define TR_EDIT_HISTORY_LINE 4096 /* bytes: a longer one is not kept */

typedef void (*tr_edit_history_fn)(void *arg, const char *line);

/* Gives the lines to fn, the oldest first. What cannot be read is no line; no file is none. */
void tr_edit_history_load(const char *path, tr_edit_history_fn fn, void *arg);
/* Makes the directory, too. 0, also where the line is not to be kept, or negative errno. */
int tr_edit_history_add(const char *path, const char *line);
/* Removes the file. 0, also where there is none, or negative errno. */
int tr_edit_history_forget(const char *path);
/* Whether it is one to be written. */
bool tr_edit_history_keeps(const char *line);

#endif
