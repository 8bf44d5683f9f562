/* What the verbs about decisions share. */
#ifndef TR_TOOLS_VERBS_DECISIONS_H
#define TR_TOOLS_VERBS_DECISIONS_H

#include "tools/cli/ask_json.h"
#include "tools/cli/cli.h"

#define TR_DECISIONS_SERVICE "svc:decisions"

/* Shows one, as the coordinator tells it: its options from the best on, and on stderr what was decided and why; with -o json
 * all of it. Exit code: TR_EXIT_REFUSED where nothing is decided. */
int tr_decisions_put(const tr_call_t *call, const tr_cli_common_t *common, const json_t *decision);

#endif
