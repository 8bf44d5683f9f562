/*
 * The state of agents (troupe/state.h) in an SQLite file, DIRECTORY/NAME.db, which one process has alone: the default, and it needs
 * no server. What it has saved is on the disk.
 */
#ifndef TR_STORE_STATES_SQLITE_H
#define TR_STORE_STATES_SQLITE_H

#include "troupe/state.h"

/* Makes the directory and the file where there are none. 0, or as tr_sqlite_open (lib/store/sqlite_file.h), with a text. */
int tr_states_open_sqlite(
    const char *directory, const char *name, tr_states_t **ret_states, tr_error_t *error);

#endif
