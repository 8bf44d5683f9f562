#include "tools/verbs/verbs.h"

#define TR_VERB_ROW(name) &tr_verb_##name,
const tr_verb_t *const tr_verbs[] = {TR_VERBS(TR_VERB_ROW) NULL};
