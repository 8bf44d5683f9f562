/*
 * Descriptions of the DF by meaning: what each says in words (its card, its skills, its services) against a text, by the embedder of
 * lib/embed.
 */
#ifndef TR_TOOLS_DF_LIKE_H
#define TR_TOOLS_DF_LIKE_H

#include "lib/base/error.h"
#include "lib/embed/embed.h"

#include <jansson.h>

/* Gives each description of the list its `likeness`, from 0 to 1: that of the likest of its parts. 0, -ENOMEM. */
int tr_df_like(tr_embed_t *embed, const char *text, json_t *found, tr_error_t *error);

#endif
