#ifndef TR_TEXT_OVERVIEW_SENTENCES_H
#define TR_TEXT_OVERVIEW_SENTENCES_H

#include "agentd/text/overview.h"

/*
 * The sentences of an overview: round by round, one of each document at most, the best first; a sentence that
 * says nearly what a chosen one does is left out. Returns 0 or -ENOMEM; on failure what was allocated is
 * handed over nevertheless, to be destroyed with the overview.
 */
int tr_overview_choose_sentences(const tr_digest_t *const *digests, size_t count, size_t most,
    tr_overview_sentence_t **ret_sentences, size_t *ret_count);

#endif
