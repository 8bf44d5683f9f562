/* What a search of the DF looks for: descriptions that have all that a template has (SC00023, 6.2.3), and whose labels
 * meet a selector. And what a description must look like. Pure. */
#ifndef TR_BROKER_DF_MATCH_H
#define TR_BROKER_DF_MATCH_H

#include "broker/core/platform/selector.h"

typedef struct tr_df_query {
    tr_value_t template;    /* NULL = all; borrowed */
    tr_selector_t selector; /* one without terms = all */
} tr_df_query_t;

/* From the keys `template` and `selector` of a request. False where the selector cannot be read: *ret_problem says why. */
bool tr_df_query_read(tr_value_t request, tr_df_query_t *ret_query, const char **ret_problem);
/* Takes a step off for each comparison, of the template and of the selector; at 0 nothing matches any more. */
bool tr_df_matches(const tr_df_query_t *query, tr_value_t description, size_t *steps);

/* NULL where it is as docs/protocol.md says; otherwise what is wrong, static. */
const char *tr_df_description_problem(tr_value_t description);
/* NULL, or what stands where it means nothing: an object and its parameter, as SC00023 names them, and where it belongs. Static. */
const char *tr_df_unexpected_parameter(tr_value_t description);

#endif
