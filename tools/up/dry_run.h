/* `troupe up --dry-run`: shows what would run. */
#ifndef TR_TOOLS_DRY_RUN_H
#define TR_TOOLS_DRY_RUN_H

#include "tools/cli/cli.h"

/* Reads and checks the fleet file and writes a row per process; returns the exit code. `state`: --state, NULL. */
int tr_dry_run(const tr_call_t *call, const char *path, const char *state, tr_output_format_t format);

#endif
