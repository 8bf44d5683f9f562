/*
 * In how many documents each term occurs: what makes a term of one document telling (inverse document
 * frequency).
 *
 * A fleet's agents each read some of the documents and exchange what they counted: one writes its corpus (of
 * one document or many), the others merge it. The form is text: a line "troupe-corpus 1 DOCUMENTS", then for
 * each frequency in rising order a line "=FREQUENCY" and the terms that have it, one a line, sorted. Terms
 * are stems, or two stems with a blank between. The same corpus is always written the same.
 */
#ifndef TR_TEXT_CORPUS_H
#define TR_TEXT_CORPUS_H

#include <stddef.h>
#include <stdint.h>

#include "agentd/text/tokens.h"
#include "lib/base/error.h"

#define TR_CORPUS_MAX_TERMS     ((size_t)500 * 1000)
#define TR_CORPUS_MAX_DOCUMENTS 10000000u

typedef struct tr_corpus tr_corpus_t;

tr_corpus_t *tr_corpus_new(void); /* NULL when out of memory */
void tr_corpus_destroy(tr_corpus_t **self);

/*
 * Counts a document: each of its stems once, and each pair of stems that stands in it twice at least. Beyond
 * TR_CORPUS_MAX_TERMS new terms are not taken in (they count as rare, which they are). Returns 0 or -ENOMEM.
 */
int tr_corpus_add(tr_corpus_t *self, const tr_tokens_t *tokens);

uint32_t tr_corpus_documents(const tr_corpus_t *self);

/* How many documents have the term ("licens", "cover work"); 0 where none is known. */
uint32_t tr_corpus_frequency(const tr_corpus_t *self, const char *term);

/* ln((1 + documents) / (1 + frequency)) + 1; a corpus of NULL is an empty one. */
double tr_corpus_idf(const tr_corpus_t *self, const char *term);

/* The list, allocated and NUL-terminated; NULL when out of memory. */
char *tr_corpus_write(const tr_corpus_t *self, size_t *ret_length);

/* Adds a list to what is counted. A list that is not well-formed changes nothing: -EBADMSG; -E2BIG where it
 * is over the limits. */
int tr_corpus_merge(tr_corpus_t *self, const char *list, size_t length, tr_error_t *error);

#endif
