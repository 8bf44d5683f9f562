/*
 * What an assistant has others do for the actions of the grammar, and how it tells what came of it. Pure.
 */
#ifndef TR_AGENTD_BEHAVIOURS_ASSISTANT_ACTS_H
#define TR_AGENTD_BEHAVIOURS_ASSISTANT_ACTS_H

#include <jansson.h>
#include <stdbool.h>

#define TR_ASSISTANT_CANCELLED "It is cancelled."
#define TR_ASSISTANT_NOTHING   "I found nothing about that."

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
/* Whether a turn wants a summary of something that is not a text but named ("the harbour"): that is searched for first, as tr_assistant_request then asks. */
bool tr_assistant_is_topic(const json_t *turn);
/* What to say where a knowledge base has answered that it has nothing of it; a new reference, NULL where it has something, or none has answered. */
json_t *tr_assistant_nothing(bool went_well, const json_t *content);
/* The texts that a search has found and that have a word of the turn's subject, new; NULL where there are none. Whose they are is put into the turn's "found". */
json_t *tr_assistant_found(const json_t *results, json_t *turn);
/* The request for a summary of these texts; without them (NULL) of what the parameters say. */
json_t *tr_assistant_summary(const json_t *parameters, const json_t *texts);
/* A reply with the names of what it is made of, where there are some (NULL: none). */
json_t *tr_assistant_with_sources(json_t *reply, const json_t *found);
/* A task's result as a text, new: its "text" where it has one, else as JSON; the beginning where it is long. NULL: there is none. */
json_t *tr_assistant_result(const json_t *result);
/* What a knowledge base has found for a query; where no word of that is in it, that is said. New. */
json_t *tr_assistant_told_results(const json_t *content, const char *query);
/* What to say of the answer: a new reference. `content` is as tr_answer_json gives it; `to` is who answered. */
json_t *tr_assistant_reply(const char *action, const char *to, bool went_well, const json_t *content);

#endif
