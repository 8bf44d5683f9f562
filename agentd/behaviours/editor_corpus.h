/*
 * The part of a fleet's statistics that one document needs: of a corpus that may have half a million terms,
 * those that the document has. So what is sent with each document is as large as the document's own
 * statistics, however many documents there are.
 */
#ifndef TR_AGENTD_BEHAVIOURS_EDITOR_CORPUS_H
#define TR_AGENTD_BEHAVIOURS_EDITOR_CORPUS_H

#include "agentd/text/corpus.h"

/*
 * `list` is the document's statistics as tr_corpus_write made them (well-formed: tr_corpus_merge took it).
 * The answer is a list too, with the frequencies of `corpus`; allocated, NULL when out of memory.
 */
char *tr_editor_corpus_select(const tr_corpus_t *corpus, const char *list, size_t len, size_t *ret_len);

#endif
