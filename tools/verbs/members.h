/* What has become of members of a fleet, as rows: objects of {"name", "state", "pid"}. */
#ifndef TR_TOOLS_MEMBERS_H
#define TR_TOOLS_MEMBERS_H

#include "tools/cli/rows.h"

extern const tr_cli_table_t tr_members_table;

/* Adds those that the supervisor has begun, as it tells them: [{"name", "pid"}]. */
void tr_members_running(json_t *rows, const json_t *attached);
/* Adds one that has ended. */
void tr_members_ended(json_t *rows, const char *name);

#endif
