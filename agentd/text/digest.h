/*
 * What an agent tells about a document after reading it: all of the tools of this folder over one document.
 *
 * A digest owns its strings and depends on nothing else, so that it can be sent, kept and merged
 * (overview.h).
 */
#ifndef TR_TEXT_DIGEST_H
#define TR_TEXT_DIGEST_H

#include "agentd/text/corpus.h"
#include "agentd/text/entities.h"
#include "agentd/text/terms.h"
#include "lib/text/document.h"

typedef struct tr_digest_sentence {
    char *text;
    double score;   /* 1 for the most central of the document */
    uint32_t index; /* which sentence of the document, from 0 */
} tr_digest_sentence_t;

typedef struct tr_digest {
    char *name; /* of the document: its path */
    char *title;
    char *language; /* "en"; "unknown" */
    double confidence;
    uint64_t bytes, words, sentences;
    tr_term_t *terms; /* best first */
    size_t term_count;
    tr_digest_sentence_t *key_sentences; /* in the order of the document */
    size_t key_sentence_count;
    tr_entity_t *entities; /* most mentioned first; offsets are those in the document's text */
    size_t entity_count;
} tr_digest_t;

/* How much of each is wanted; 0 for the default (15 terms, 3 sentences, 20 entities). More than 1000 of a
 * kind are never given. */
typedef struct {
    size_t terms, sentences, entities;
} tr_digest_limits_t;

/*
 * `corpus` tells what the other documents are about, this one included or not; NULL where nothing is known of
 * them. `limits` may be NULL. Returns 0 or -ENOMEM.
 */
int tr_digest_new(const tr_document_t *document, const tr_corpus_t *corpus, const tr_digest_limits_t *limits,
    tr_digest_t **ret_digest);

/* The same of a document that has been cut into tokens (for tr_corpus_add, say) already. */
int tr_digest_new_from_tokens(const tr_tokens_t *tokens, tr_language_guess_t language,
    const tr_corpus_t *corpus, const tr_digest_limits_t *limits, tr_digest_t **ret_digest);

void tr_digest_destroy(tr_digest_t **self);

/* For people: a few lines of UTF-8 text. Allocated; NULL when out of memory. */
char *tr_digest_describe(const tr_digest_t *self);

#endif
