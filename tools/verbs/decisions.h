/* What the verbs about decisions share. */
#ifndef TR_TOOLS_VERBS_DECISIONS_H
#define TR_TOOLS_VERBS_DECISIONS_H

#include "tools/cli/ask_json.h"
#include "tools/cli/cli.h"

#define TR_DECISIONS_SERVICE "svc:decisions"

/* Shows one, as the coordinator tells it: its options from the best on, and on stderr what was decided and why; with -o json
 * all of it. Exit code: TR_EXIT_REFUSED where nothing is decided. */
int tr_decisions_put(const tr_call_t *call, const tr_cli_common_t *common, const json_t *decision);

/* What `decide` has answered: the id, and with -o json whether it was there. */
void tr_decisions_put_opened(const tr_call_t *call, const tr_cli_common_t *common, const json_t *opened);

/* All of one, page by page, *ret: a new reference. Exit code. */
int tr_decisions_fetch(tr_cli_session_t *session, const tr_call_t *call, const char *id, json_t **ret);
/* The verb's first argument's, in a session of its own. */
int tr_decisions_fetch_once(const tr_call_t *call, const tr_cli_common_t *common, json_t **ret);
/* A question about the decision that is the verb's first argument. */
json_t *tr_decisions_about(const tr_call_t *call, const char *action);
/* Has something done with it, and says so where -o asks for more than a table. Takes the request. Exit code. */
int tr_decisions_order(const tr_call_t *call, const tr_cli_common_t *common, json_t *request);

#endif
