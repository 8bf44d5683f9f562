/*
 * Whether a text is about what somebody names: by the words that say something, compared by their stems in the language of the text and in English. What says
 * nothing is in the lists of agentd/text/data/stop, and words such as "task" and "ready", which say how something is and not what. Pure.
 */
#ifndef TR_AGENTD_BEHAVIOURS_ASSISTANT_WORDS_H
#define TR_AGENTD_BEHAVIOURS_ASSISTANT_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* How many of the subject's words that say something a text has; *ret_all: how many there are. */
size_t tr_assistant_words(const char *text, const char *subject, size_t *ret_all);
/* Whether a question asks how far something is ("is the report ready?"), in English. */
bool tr_assistant_asks_how_far(const char *question);
/* Whether a text has most of them, and one at least. */
bool tr_assistant_fits(const char *text, const char *subject);

#endif
