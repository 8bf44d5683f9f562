/*
 * Key sentences of a document by TextRank (Mihalcea & Tarau, 2004), with the similarity of LexRank (Erkan &
 * Radev, 2004): the sentences are the nodes of a graph, the cosine of their TF-IDF vectors weighs its edges,
 * and a random walk tells which are the most central.
 *
 * Headings, code, tables, fragments, lines of capitals, and sentences that are very short or very long are
 * left out, as long as enough others are there; of two that say nearly the same, only the better is taken.
 * Cost is bounded: the TR_TEXTRANK_MAX_SENTENCES sentences that share most with the whole document are
 * ranked.
 */
#ifndef TR_TEXT_TEXTRANK_H
#define TR_TEXT_TEXTRANK_H

#include <stddef.h>

#include "agentd/text/tokens.h"

#define TR_TEXTRANK_MAX_SENTENCES 600

typedef struct tr_ranked_sentence {
    uint32_t sentence; /* index in the tokens */
    double score;      /* 1 for the most central of the document, the others in proportion */
} tr_ranked_sentence_t;

/*
 * Writes at most `most` sentences to `ret_sentences`, which has room for them, in the order of the document.
 * Returns 0 or -ENOMEM. The random walk stops at a change of 1e-6, or after 100 steps.
 */
int tr_textrank(
    const tr_tokens_t *tokens, size_t most, tr_ranked_sentence_t *ret_sentences, size_t *ret_count);

#endif
