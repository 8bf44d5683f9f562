#ifndef TR_TEXT_SURFACE_H
#define TR_TEXT_SURFACE_H

#include "agentd/text/tokens.h"

/*
 * The form in which a document writes a stem, or two of them in a row, most often ("licenses", "covered
 * work"). A word within a sentence tells more about that than one that has its capital from the beginning of
 * a sentence, from a heading or from a line of capitals. A pair that is nearly always part of a longer phrase
 * is shown as that: "General Public License", not "General Public". Allocated; NULL when out of memory.
 */
char *tr_surface_of_word(const tr_tokens_t *tokens, uint32_t stem);
char *tr_surface_of_pair(const tr_tokens_t *tokens, uint32_t first, uint32_t second);

#endif
