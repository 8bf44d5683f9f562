/*
 * What is carried from one turn of a dialogue to the next: a JSON object that whoever keeps the session gives back with the next turn, and
 * that never grows beyond some kilobytes.
 *
 *   {"turns": 3, "subject": "old photos", "pending": {"action", "said"} or null, "history": [{"user", "reply"}, ...]}
 *
 * "subject" is what was last acted on, for "it"; "pending" is a frame with an empty slot, and the words that began it; "history" has the last
 * TR_DIALOGUE_TURNS turns, each text cut to TR_DIALOGUE_TEXT bytes. "summary" (may be missing) is of what was before those
 * turns, TR_DIALOGUE_SUMMARY bytes at most; whoever keeps the session makes it. It comes from outside: what is not of this form is left out.
 */
#ifndef TR_AGENTD_MIND_DIALOGUE_H
#define TR_AGENTD_MIND_DIALOGUE_H

#include <jansson.h>

#define TR_DIALOGUE_TURNS   8
#define TR_DIALOGUE_TEXT    400
#define TR_DIALOGUE_SUMMARY 1200

/* A context of this form, of whatever the caller gave (NULL too). NULL when out of memory. */
json_t *tr_dialogue_context(const json_t *given);
/* Puts a turn into it: what was said and replied, and, of a turn that acts ("state": "act"), its subject. 0 or -ENOMEM. */
int tr_dialogue_remember(json_t *context, const char *user, const json_t *value);
/* What was replied to the last turn in the end, where something was done first. */
void tr_dialogue_said(json_t *context, const json_t *reply);

#endif
