/*
 * Words that texts use in the same places: what stands beside "lorry" there also stands beside "truck". A word's places are the two words on each side of it,
 * within a sentence, weighed by how much more often they meet than by chance (PPMI, discounted where there is little of them: Pantel & Lin, 2002);
 * two words are as alike as the cosine of these. It needs texts of some size, and takes opposites for alike, too. English stems.
 */
#ifndef TR_AGENTD_MIND_ALIKE_H
#define TR_AGENTD_MIND_ALIKE_H

#include <stddef.h>

#include "agentd/mind/rank.h"

#define TR_ALIKE_WORDS_MAX 200000 /* of the texts; what comes after them does not count */
#define TR_ALIKE_SEEN_MIN  3      /* a word that they have less often has no place */

typedef struct tr_alike tr_alike_t;

/* -ENOMEM. The texts are not needed after it. */
int tr_alike_new(const tr_text_span_t *texts, size_t count, tr_alike_t **ret_self);
void tr_alike_destroy(tr_alike_t **self); /* NULL-safe */

/* The words most alike to one in small letters, best first, as the texts wrote them first, in small letters: `most` at most. They are
 * borrowed; returns how many there are. */
size_t tr_alike_find(tr_alike_t *self, const char *word, size_t length, size_t most, const char **ret_words);

#endif
