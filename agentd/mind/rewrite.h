/*
 * A query with the words that it may also mean: stems, synonyms (data/synonyms.txt), the long form of acronyms that the texts of a
 * corpus explain ("Free Software Foundation (FSF)"), and words that these use in the same places (alike.h). English.
 */
#ifndef TR_AGENTD_MIND_REWRITE_H
#define TR_AGENTD_MIND_REWRITE_H

#include <stddef.h>

#include "agentd/mind/rank.h"
#include "lib/base/error.h"

typedef enum tr_rewrite_source {
    TR_REWRITE_QUERY,
    TR_REWRITE_ACRONYM,
    TR_REWRITE_STEM,
    TR_REWRITE_SYNONYM,
    TR_REWRITE_ALIKE, /* a synonym by what the corpus does with it */
    TR_REWRITE_SOURCES,
} tr_rewrite_source_t;

typedef struct tr_rewrite_term {
    char *text;
    double weight; /* 1 of what was asked for, less of what was added */
    tr_rewrite_source_t source;
} tr_rewrite_term_t;

typedef struct tr_rewrite {
    tr_rewrite_term_t *items; /* what was asked for, in its order; then what was added, best first */
    size_t count, capacity;
} tr_rewrite_t;

typedef struct tr_thesaurus tr_thesaurus_t;

/* Of groups of words as in data/synonyms.txt; NULL: the built-in ones. 0 or -ENOMEM. */
int tr_thesaurus_new(const char *groups, size_t length, tr_thesaurus_t **ret_self);
void tr_thesaurus_destroy(tr_thesaurus_t **self);

/* Adds `most` terms at most to those of the query. The thesaurus is used by one thread at a time. 0 or -ENOMEM. */
int tr_rewrite(tr_thesaurus_t *thesaurus, tr_text_span_t query, const tr_text_span_t *corpus,
    size_t corpus_count, size_t most, tr_rewrite_t *ret_rewrite);
void tr_rewrite_finish(tr_rewrite_t *self);
/* "query", "stem" ... */
const char *tr_rewrite_source_word(tr_rewrite_source_t source);

#endif
