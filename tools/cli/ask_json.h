/* Questions to the AMS and the DF with JSON in and out, for verbs that show what came. */
#ifndef TR_TOOLS_ASK_JSON_H
#define TR_TOOLS_ASK_JSON_H

#include "tools/cli/session.h"

#include <jansson.h>

/* Takes the reference of `request`, an object with "action"; ret_answer is a new one. Exit code, as
 * tr_cli_ask_platform. */
int tr_cli_ask_json(tr_cli_session_t *session, const tr_call_t *call, const char *agent, json_t *request,
    json_t **ret_answer);
/* The same in a conversation of this id; NULL: one of its own. */
int tr_cli_ask_json_within(tr_cli_session_t *session, const tr_call_t *call, const char *agent,
    const char *conversation, json_t *request, json_t **ret_answer);
/* All agents that the AMS knows, page by page, appended to `list`. */
int tr_cli_ask_agents(tr_cli_session_t *session, const tr_call_t *call, json_t *list);

#endif
