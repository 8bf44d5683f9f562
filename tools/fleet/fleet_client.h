/* Questions to the supervisor of a fleet (tools/fleet/fleet_request.h), for the verbs that change one. */
#ifndef TR_TOOLS_FLEET_CLIENT_H
#define TR_TOOLS_FLEET_CLIENT_H

#include "tools/cli/session.h"
#include "tools/fleet/state.h"

#include <jansson.h>

/* What came of a question. */
typedef struct tr_fleet_answer {
    json_t *content;   /* NULL where there is none */
    char reason[64];   /* of a refusal or a failure: "not-registered" ... */
    char detail[2600]; /* what is wrong, for people */
} tr_fleet_answer_t;

/*
 * Asks, within the session's time; takes the reference of `request`, an object with "action", and puts a
 * ticket and the time left into it (no ticket where the session's place has no state directory, or for a status). TR_EXIT_OK:
 * answer.content. Otherwise nothing was said, unless the session itself failed: then answer.detail is "".
 */
int tr_fleet_ask(tr_cli_session_t *session, json_t *request, tr_fleet_answer_t *ret_answer);
/* Appends all processes of the supervisor's status to `list`, page by page. As tr_fleet_ask: what went wrong is
 * in the answer, which has no content otherwise. */
int tr_fleet_ask_processes(tr_cli_session_t *session, json_t *list, tr_fleet_answer_t *ret_answer);
/* Says what is wrong, and returns the code. */
int tr_fleet_tell(const tr_call_t *call, int code, const tr_fleet_answer_t *answer);
void tr_fleet_answer_finish(tr_fleet_answer_t *self);

/* A list of words as JSON texts. */
json_t *tr_fleet_words(const tr_strings_t *words);

#endif
