#ifndef TR_TEXT_GAZETTEER_H
#define TR_TEXT_GAZETTEER_H

#include "agentd/text/text_tables.h"

/*
 * Looks up a name as a text writes it. Case must be that of the list, or all capitals for names of five
 * letters and more ("GERMANY", but not "AS"). NULL where there is none.
 */
const tr_gazetteer_entry_t *tr_gazetteer_find(const char *name, size_t length);

#endif
