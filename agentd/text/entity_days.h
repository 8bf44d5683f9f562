/* Days and times of day as people say them. Only for the files entit*.c. */
#ifndef TR_TEXT_ENTITY_DAYS_H
#define TR_TEXT_ENTITY_DAYS_H

#include <stdbool.h>

#include "agentd/text/tokens.h"

#define TR_ENTITY_DAY_KEY 16

/* How many words, from this one on, say a day or a time; 0: none. key: "2024-05-12" where it is known which day that is, else "". Pure. */
size_t tr_entity_day(const tr_tokens_t *tokens, size_t index, char key[TR_ENTITY_DAY_KEY]);

#endif
