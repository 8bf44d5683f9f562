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
/* Of a turn that was answered with tasks: they are remembered in the user's session, as "tasks": [{"text", "ids"}]. */
void tr_assistant_note_tasks(json_t *session, const json_t *turn);
/* The ids of what a user has asked for that the subject names (the last such), or of his last ("it", "the last task"). A new reference; NULL: of none, or of all ("the tasks"). */
json_t *tr_assistant_tasks_of(const json_t *session, const char *subject);
/* Whether a subject means tasks without a word of what they are about. */
bool tr_assistant_names_tasks(const char *subject);
/* What to say of the answer: a new reference. `content` is as tr_answer_json gives it; `to` is who answered. */
json_t *tr_assistant_reply(const char *action, const char *to, bool went_well, const json_t *content);

#endif
