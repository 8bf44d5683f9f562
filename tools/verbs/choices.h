/* What may be chosen in a decision, from the command line: names one by one (--option), and lists of them (--options A,B,C). */
#ifndef TR_TOOLS_VERBS_CHOICES_H
#define TR_TOOLS_VERBS_CHOICES_H

#include "lib/base/error.h"
#include "lib/base/options.h"

#include <jansson.h>

#define TR_CHOICES_MAX 64 /* as many as the coordinator takes (docs/deciding.md) */

/* Those of `single` as they are, then those of `lists`, which are apart by commas and without the blanks around them. An
 * array of texts, the caller's; or -EINVAL with what is wrong: fewer than two, more than TR_CHOICES_MAX, an empty one, one
 * that is there twice; -ENOMEM. One thread, no state. */
int tr_choices(
    const tr_strings_t *single, const tr_strings_t *lists, json_t **ret_choices, tr_error_t *error);

#endif
