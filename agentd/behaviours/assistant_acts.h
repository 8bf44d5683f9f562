/*
 * What an assistant has others do for the actions of the grammar, and how it tells what came of it. Pure.
 */
#ifndef TR_AGENTD_BEHAVIOURS_ASSISTANT_ACTS_H
#define TR_AGENTD_BEHAVIOURS_ASSISTANT_ACTS_H

#include <jansson.h>
#include <stdbool.h>

/* Where requests go, by the arguments of the behaviour. */
typedef struct tr_assistant_peers {
    const char *knowledge, *planner, *summariser, *decisions, *voters, *tasks;
} tr_assistant_peers_t;

/*
 * The request for an action of a turn: to whom (a constant, of `peers`, or of the turn's parameters), and what. A new reference. NULL where there is
 * nothing that it could be sent to; *ret_why says why, in words for the user.
 */
json_t *tr_assistant_request(
    const tr_assistant_peers_t *peers, const json_t *turn, const char **ret_to, const char **ret_why);
/* What to say of the answer: a new reference. `content` is as tr_answer_json gives it; `to` is who answered. */
json_t *tr_assistant_reply(const char *action, const char *to, bool went_well, const json_t *content);

#endif
