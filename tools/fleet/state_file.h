/* fleet.json: see tools/fleet/state.h. */
#ifndef TR_TOOLS_STATE_FILE_H
#define TR_TOOLS_STATE_FILE_H

#include "tools/fleet/state.h"

#define TR_STATE_FILE "fleet.json"

/* Writes `directory`/fleet.json, whole or not at all, and on disk when it returns. */
int tr_state_file_write(const char *directory, const tr_state_info_t *info, tr_error_t *error);
/* Reads it; fills `directory` and `running` too. -ENOENT where there is none, -EINVAL where it is no such
 * file. */
int tr_state_file_read(const char *directory, tr_state_info_t *ret_info);

#endif
