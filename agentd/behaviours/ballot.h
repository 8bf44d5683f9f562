/*
 * From a question that the coordinator puts to voters (docs/deciding.md) to what a mind is asked, and from its choice to a
 * ballot in the words of the question's method. Pure.
 */
#ifndef TR_AGENTD_BEHAVIOURS_BALLOT_H
#define TR_AGENTD_BEHAVIOURS_BALLOT_H

#include "agentd/mind/mind.h"
#include "proto/content.h"

#include <jansson.h>

/* NULL, or why it is no question that can be answered. */
const char *tr_ballot_wrong(tr_value_t question);
/* The input of TR_MIND_CHOOSE; a new reference, NULL when out of memory. */
json_t *tr_ballot_input(tr_value_t question);
/* The answer to a question that is not wrong, by what TR_MIND_CHOOSE gave (TR_MIND_OK), into an initialised writer: a ballot, an opinion, or options to
 * mediate with, each with the mind that it is of ("by", and "fallback" where there is one); its reason is the mind's, where that has said one. NULL, or why
 * there is none. */
const char *tr_ballot_write(tr_content_writer_t *w, tr_value_t question, const tr_mind_result_t *choice);

#endif
