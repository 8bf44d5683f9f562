/* What the verbs of `troupe kb` share: the knowledge base is the service kb (docs/knowledge.md). */
#ifndef TR_TOOLS_KB_H
#define TR_TOOLS_KB_H

#include "tools/cli/rows.h"

#define TR_KB_SERVICE   "svc:kb"
#define TR_KB_LIBRARIAN "svc:librarian" /* an agent with a mind: behaviour librarian */

/* S has `const char *ns`. */
#define TR_KB_NAMESPACE_OPTION(S)                                                                            \
    { "namespace", 'n', "NAME", TR_STRING(S, ns), "default", "The namespace.", .flags = TR_OPTION_FLAG_ONLY }

/* The JSON of --filter into the request; NULL: there is none. Exit code. */
int tr_kb_set_filter(const tr_call_t *call, json_t *request, const char *filter);
/* Says on err which shards are missing in an answer, where any are. */
void tr_kb_tell_missing(const tr_call_t *call, const json_t *answer);
#endif
