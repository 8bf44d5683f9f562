/*
 * Many digests merged into one overview: what the documents share, and what they say.
 *
 * Digests are borrowed and not changed; an overview owns its strings and names documents by their index in
 * the array of digests that it was made of.
 */
#ifndef TR_TEXT_OVERVIEW_H
#define TR_TEXT_OVERVIEW_H

#include "agentd/text/digest.h"

/* A term or an entity that two documents have at least. */
typedef struct tr_shared {
    char *text;
    double score; /* 1 for the first, the others in proportion */
    bool is_entity;
    tr_entity_kind_t kind; /* where it is an entity */
    uint32_t count;        /* mentions in all documents */
    uint32_t *documents;   /* rising */
    size_t document_count;
} tr_shared_t;

typedef struct tr_overview_sentence {
    char *text;
    double score;
    uint32_t document; /* the source */
    uint32_t index;    /* which sentence of it */
} tr_overview_sentence_t;

typedef struct tr_overview_language {
    char *code;
    uint32_t documents;
} tr_overview_language_t;

typedef struct tr_overview {
    size_t documents;
    uint64_t bytes, words, sentences;
    tr_overview_language_t *languages; /* most documents first */
    size_t language_count;
    tr_shared_t *terms; /* in most documents first */
    size_t term_count;
    tr_shared_t *entities;
    size_t entity_count;
    tr_overview_sentence_t *key_sentences; /* best first */
    size_t key_sentence_count;
} tr_overview_t;

/* 0 for the default: 15 terms, 10 sentences, 15 entities. At most 1000 of each. */
typedef struct {
    size_t terms, sentences, entities;
} tr_overview_limits_t;

/*
 * Sentences are taken in turn from the documents, so that none speaks for all, and none that says nearly what
 * another one does. `limits` may be NULL; a NULL among the digests is a document that nobody could read, and
 * counts for nothing. Returns 0, -ENOMEM, or -E2BIG for more than 4 thousand million documents.
 */
int tr_overview_new(const tr_digest_t *const *digests, size_t count, const tr_overview_limits_t *limits,
    tr_overview_t **ret_overview);

void tr_overview_destroy(tr_overview_t **self);

/* For people, with the titles of the digests that it was made of. Allocated; NULL when out of memory. */
char *tr_overview_describe(const tr_overview_t *self, const tr_digest_t *const *digests, size_t count);

#endif
