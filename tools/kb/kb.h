/* What the verbs of `troupe kb` share: the knowledge base is the service kb (docs/knowledge.md). */
#ifndef TR_TOOLS_KB_H
#define TR_TOOLS_KB_H

#include "tools/cli/ask_json.h"

#define TR_KB_SERVICE "svc:kb"

/* S has `const char *ns`. */
#define TR_KB_NAMESPACE_OPTION(S)                                                                            \
    { "namespace", 'n', "NAME", TR_STRING(S, ns), "default", "The namespace.", .flags = TR_OPTION_FLAG_ONLY }

/* One question in a session of its own. Takes the request; *ret_answer: a new reference, NULL where that fails. Exit code. */
int tr_kb_ask(const tr_call_t *call, const tr_cli_common_t *common, json_t *request, json_t **ret_answer);
/* The JSON of --filter into the request; NULL: there is none. Exit code. */
int tr_kb_set_filter(const tr_call_t *call, json_t *request, const char *filter);
/* Begins an output as -o says. Exit code. */
int tr_kb_output(const tr_call_t *call, const tr_cli_common_t *common, const tr_column_t *columns,
    size_t count, tr_output_t **ret_output);
/* A row from the members of an object that have the columns' names. */
void tr_kb_row(tr_output_t *output, const tr_column_t *columns, size_t count, const json_t *object);

#endif
