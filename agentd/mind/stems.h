/* Texts as bags of stems: one vocabulary for all texts that are compared. */
#ifndef TR_AGENTD_MIND_STEMS_H
#define TR_AGENTD_MIND_STEMS_H

#include <stddef.h>

#include "agentd/mind/rank.h"
#include "agentd/text/language.h"
#include "agentd/text/vector.h"
#include "lib/text/vocabulary.h"

typedef struct tr_stems {
    struct sb_stemmer *stemmer;
    tr_vocabulary_t *vocabulary;
} tr_stems_t;

/* English. -ENOMEM; what is there may be finished then, too. */
int tr_stems_init(tr_stems_t *self);
/* Of another language, for tr_stems_of alone; of one whose endings are not known here (Polish, or unknown) as English. */
int tr_stems_init_for(tr_stems_t *self, tr_language_t language);
void tr_stems_finish(tr_stems_t *self);

/* One item of weight 1 for each word that is no stop word, in their order. The caller frees items. 0 or -ENOMEM. */
int tr_stems_read(tr_stems_t *self, tr_text_span_t text, tr_vector_t *ret_bag);

/* The stem of a word in small letters: valid until the next call. `ret_length` bytes, no NUL. */
const char *tr_stems_of(tr_stems_t *self, const char *word, size_t length, size_t *ret_length);

#endif
