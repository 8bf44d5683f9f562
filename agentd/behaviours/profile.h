/*
 * What a dialogue learns of its user, as a JSON object that it shows and forgets on request. Pure.
 *
 *   {"name": "Ann", "detail": "short"|"normal"|"long", "tone": "plain"|"friendly"|"formal", "mood": -1..1, "turns": N, "topics": {"ships": 3}}
 *
 * name: "my name is Ann", "call me Ann". detail: "be brief", "in more detail". tone: greetings and thanks are friendly, "be formal". mood:
 * the sentiment of what was said, the last turn counting for a third. topics: what was acted on, the most frequent TR_PROFILE_TOPICS.
 */
#ifndef TR_AGENTD_BEHAVIOURS_PROFILE_H
#define TR_AGENTD_BEHAVIOURS_PROFILE_H

#include <jansson.h>
#include <stdbool.h>

#define TR_PROFILE_TOPICS 12

/* One of nobody yet. NULL when out of memory. */
json_t *tr_profile_new(void);
/* From what was said in a turn, and its sentiment (the operation's value; NULL = none). */
void tr_profile_learn(json_t *profile, const char *said, const json_t *sentiment);
/* What to reply to who says how he wants to be answered, or called, and nothing that is understood beside it: new; NULL where he does not. */
json_t *tr_profile_wish(const char *said);
/* What to reply to who asks for his name or what is known of him, or begins by saying his name: new; NULL where he does not. */
json_t *tr_profile_answer(const json_t *profile, const char *said);
/* From what a turn acted on (NULL = nothing). */
void tr_profile_learn_topic(json_t *profile, const json_t *parameters);
/*
 * The reply as this user likes it: cut to a sentence for who wants it short, where it may be cut (what others found or did may not, nor is a letter of it changed), with his name for who is friendly, and with regret for who is
 * annoyed. What stands in front depends on the first sentence alone, so the fit of a part that has more than that begins the fit of the whole. A new
 * reference; NULL when out of memory.
 */
json_t *tr_profile_fit(const json_t *profile, const char *reply, bool may_cut, double mood);
/* Whether it is anything but the reply itself, whatever that is. */
bool tr_profile_fits(const json_t *profile, double mood);
/* The same of a reply of which this is the beginning: nothing ("") while what is to stand in front is not known. */
json_t *tr_profile_fit_part(const json_t *profile, const char *part, double mood);

#endif
