/* What the parts of the DF share. */
#ifndef TR_BROKER_DF_H
#define TR_BROKER_DF_H

#include "broker/core/platform/df_match.h"
#include "broker/core/platform/platform.h"

/* What the request looks for; false, and refused, where that cannot be read. */
bool tr_df_answer_query(tr_answer_t *a, tr_df_query_t *ret_query);
/* The keys `complete` and `agents`: the descriptions here that match, or as many of them as an answer should have. Gives the steps that it took. */
size_t tr_df_write_matches(tr_answer_t *a, const tr_df_query_t *query);

#endif
